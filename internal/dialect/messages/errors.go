package messages

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// maxMessage bounds what is repeated of an upstream's words.
const maxMessage = 4 << 10

// kindOfType classes Anthropic's types of error.
var kindOfType = map[string]llm.ErrorKind{
	"invalid_request_error": llm.ErrInvalid,
	"authentication_error":  llm.ErrAuth,
	"billing_error":         llm.ErrBilling,
	"permission_error":      llm.ErrForbidden,
	"not_found_error":       llm.ErrNotFound,
	"conflict_error":        llm.ErrConflict,
	"request_too_large":     llm.ErrTooLarge,
	"rate_limit_error":      llm.ErrRate,
	"timeout_error":         llm.ErrTimeout,
	"overloaded_error":      llm.ErrOverloaded,
	"api_error":             llm.ErrUpstream,
}

// kindOfException classes the exceptions of Bedrock's InvokeModel, with the
// status AWS documents where the exception comes inside a stream.
var kindOfException = map[string]struct {
	kind   llm.ErrorKind
	status int
}{
	"ThrottlingException":           {llm.ErrRate, 429},
	"ServiceQuotaExceededException": {llm.ErrRate, 400},
	"ValidationException":           {llm.ErrInvalid, 400},
	"AccessDeniedException":         {llm.ErrForbidden, 403},
	"UnrecognizedClientException":   {llm.ErrAuth, 403},
	"ExpiredTokenException":         {llm.ErrAuth, 403},
	"ResourceNotFoundException":     {llm.ErrNotFound, 404},
	"ModelTimeoutException":         {llm.ErrTimeout, 408},
	"ModelErrorException":           {llm.ErrUpstream, 424},
	"ModelStreamErrorException":     {llm.ErrUpstream, 424},
	"ModelNotReadyException":        {llm.ErrUnavail, 429},
	"InternalServerException":       {llm.ErrUpstream, 500},
	"ServiceUnavailableException":   {llm.ErrUnavail, 503},
}

// DecodeError reads an error answer of Anthropic or of Bedrock, and makes
// something plain of a page that is neither.
func (Dialect) DecodeError(status int, h http.Header, body []byte) *llm.Error {
	e := &llm.Error{Kind: llm.KindOfStatus(status), Upstream: true, UpstreamStatus: status, RetryAfter: llm.RetryAfter(h, time.Now)}
	kind, message := errorWords(body)
	if amzn := h.Get("x-amzn-errortype"); amzn != "" {
		kind, _, _ = strings.Cut(amzn, ":")
	}
	classify(e, kind, message)
	if message == "" {
		e.Message = fmt.Sprintf("the upstream answered %d without a message", status)
		if !wire.Valid(body, '{') && len(body) > 0 {
			e.Message = fmt.Sprintf("the upstream answered %d with a page that is not JSON", status)
		}
	}
	if h.Get("x-should-retry") == "false" {
		e.NoRetry = true
	}
	return e
}

// errorWords finds type and message in a body, in Anthropic's form
// {"type":"error","error":{"type","message"}} or Bedrock's {"message"}.
func errorWords(body []byte) (kind, message string) {
	r := wire.NewReader(body)
	if r.Kind() == '{' {
		for m := range r.Fields() {
			switch string(m) {
			case "error":
				if r.Kind() == '{' {
					kind = string(peek(*r, "type"))
				}
			case "__type":
				kind = text(r)
			}
		}
	}
	message = llm.UpstreamMessage(body)
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "..."
	}
	return kind, message
}

// classify settles the kind: by the upstream's own type first, by its words
// where clients act on a difference that the type does not make.
func classify(e *llm.Error, kind, message string) {
	if i := strings.LastIndexByte(kind, '#'); i >= 0 { // com.amazonaws.bedrock#ThrottlingException
		kind = kind[i+1:]
	}
	e.Type, e.Message = kind, message
	general := kind == "api_error" && e.UpstreamStatus >= 400 && e.UpstreamStatus < 500 // the status says more
	if k, ok := kindOfType[kind]; ok && !general {
		e.Kind = k
	}
	if x, ok := kindOfException[kind]; ok {
		e.Kind = x.kind
		if e.UpstreamStatus == 0 {
			e.UpstreamStatus = x.status
		}
	}
	low := strings.ToLower(message)
	switch {
	case e.Kind == llm.ErrInvalid && overflows(low), e.Kind == llm.ErrTooLarge && strings.Contains(low, "prompt is too long"):
		e.Kind = llm.ErrContext
	case e.Kind == llm.ErrInvalid && strings.Contains(low, "credit balance is too low"):
		e.Kind = llm.ErrBilling
	}
	e.NoRetry = e.Kind == llm.ErrBilling
}

// overflows recognises every wording of "more than the context window" known.
func overflows(low string) bool {
	for _, words := range []string{
		"prompt is too long", "exceed context limit", "context_length_exceeded", "maximum context length",
		"input is too long", "context window", "too many tokens", "too many input tokens", "exceeds the maximum number of tokens",
		"maximum number of input tokens",
	} {
		if strings.Contains(low, words) {
			return true
		}
	}
	return false
}

// faultOf makes an error of one that came in an answer of status 200.
func faultOf(data []byte) *llm.Error {
	e := &llm.Error{Kind: llm.ErrUpstream, Upstream: true}
	kind, message := errorWords(data)
	classify(e, kind, message)
	if message == "" {
		e.Message = "the upstream reported an error without a message"
	}
	return e
}

// exception makes an error of an exception frame of the AWS event stream. Their
// names begin with a small letter there.
func exception(f wire.Frame) *llm.Error {
	kind := string(f.Event)
	if kind != "" {
		kind = strings.ToUpper(kind[:1]) + kind[1:]
	}
	e := &llm.Error{Kind: llm.ErrUpstream, Upstream: true}
	message := llm.UpstreamMessage(f.Data)
	classify(e, kind, message)
	if message == "" {
		e.Message = "the upstream broke the stream off: " + clip(kind)
	}
	return e
}

// typeOfKind is Anthropic's type for a kind of error.
var typeOfKind = map[llm.ErrorKind]string{
	llm.ErrInvalid:    "invalid_request_error",
	llm.ErrContext:    "invalid_request_error",
	llm.ErrAuth:       "authentication_error",
	llm.ErrBilling:    "billing_error",
	llm.ErrForbidden:  "permission_error",
	llm.ErrNotFound:   "not_found_error",
	llm.ErrConflict:   "conflict_error",
	llm.ErrTooLarge:   "request_too_large",
	llm.ErrRate:       "rate_limit_error",
	llm.ErrInternal:   "api_error",
	llm.ErrUpstream:   "api_error",
	llm.ErrUnavail:    "api_error",
	llm.ErrTimeout:    "timeout_error",
	llm.ErrOverloaded: "overloaded_error",
}

// EncodeError writes an error for a client of the Messages API.
func (Dialect) EncodeError(e *llm.Error, requestID string) (int, []byte) {
	return e.HTTPStatus(), errorBody(e, requestID)
}

func errorBody(e *llm.Error, requestID string) []byte {
	kind := typeOfKind[e.Kind]
	if kind == "" {
		kind = "api_error"
	}
	message := e.Message
	// Anthropic's clients know a full context by these words alone, and then shorten the conversation.
	if e.Kind == llm.ErrContext && !strings.Contains(message, "prompt is too long") &&
		!strings.Contains(message, "input length and `max_tokens` exceed context limit") {
		message = "prompt is too long: " + message
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("type", "error")
	w.Key("error")
	w.Object()
	w.StrField("type", kind)
	w.StrField("message", message)
	w.EndObject()
	if requestID != "" {
		w.StrField("request_id", requestID)
	}
	w.EndObject()
	return w.Bytes()
}
