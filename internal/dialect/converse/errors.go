package converse

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// DecodeError reads an error answer of Bedrock: the type from the header
// x-amzn-errortype or the member __type, the message from the body.
func (Dialect) DecodeError(status int, h http.Header, body []byte) *llm.Error {
	typ, message := h.Get("X-Amzn-Errortype"), ""
	if bodyType, text, ok := readError(body); ok {
		message = text
		if typ == "" {
			typ = bodyType
		}
	}
	e := newError(shortType(typ), message, status)
	if message == "" {
		e.Message = fmt.Sprintf("the upstream answered %d without saying why", status)
		if len(body) > 0 && !wire.Valid(body, '{') {
			e.Message = fmt.Sprintf("the upstream answered %d with a page that is not JSON", status)
		}
	}
	e.RetryAfter = min(llm.RetryAfter(h, time.Now), maxRetryAfter)
	return e
}

// maxMessage bounds an upstream's words in our answers.
const maxMessage = 4 << 10

// readError finds type and message in an error body, however they are cased.
func readError(body []byte) (typ, message string, ok bool) {
	r := wire.NewReader(body)
	if r.Kind() != '{' {
		return "", "", false
	}
	for name := range r.Fields() {
		switch string(name) {
		case "__type", "code":
			if r.Kind() == '"' {
				typ = r.Str()
			}
		case "message", "Message", "errorMessage", "originalMessage":
			if r.Kind() == '"' {
				if s := r.Str(); s != "" && (message == "" || string(name) != "originalMessage") {
					message = s
				}
			}
		case "Output", "error":
			if r.Kind() == '{' {
				innerType, innerText, _ := readError(r.Raw())
				typ, message = first(typ, innerType), first(message, innerText)
			}
		}
	}
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	return typ, message, r.End() == nil
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// shortType is the bare name of a type: services add a namespace before "#" and
// a link behind ":".
func shortType(s string) string {
	s, _, _ = strings.Cut(s, ":")
	if i := strings.LastIndexByte(s, '#'); i >= 0 {
		s = s[i+1:]
	}
	return strings.TrimSpace(s)
}

// kinds of Bedrock's exceptions (API reference: Converse, ConverseStream, common errors).
var kinds = map[string]llm.ErrorKind{
	"throttlingException":                 llm.ErrRate,
	"tooManyRequestsException":            llm.ErrRate,
	"serviceQuotaExceededException":       llm.ErrRate,
	"requestLimitExceeded":                llm.ErrRate,
	"validationException":                 llm.ErrInvalid,
	"badRequestException":                 llm.ErrInvalid,
	"serializationException":              llm.ErrInvalid,
	"accessDeniedException":               llm.ErrForbidden,
	"notAuthorized":                       llm.ErrForbidden,
	"optInRequired":                       llm.ErrForbidden,
	"unrecognizedClientException":         llm.ErrAuth,
	"expiredTokenException":               llm.ErrAuth,
	"expiredToken":                        llm.ErrAuth,
	"invalidSignatureException":           llm.ErrAuth,
	"incompleteSignature":                 llm.ErrAuth,
	"incompleteSignatureException":        llm.ErrAuth,
	"invalidClientTokenId":                llm.ErrAuth,
	"missingAuthenticationToken":          llm.ErrAuth,
	"missingAuthenticationTokenException": llm.ErrAuth,
	"signatureDoesNotMatch":               llm.ErrAuth,
	"resourceNotFoundException":           llm.ErrNotFound,
	"unknownOperationException":           llm.ErrNotFound,
	"conflictException":                   llm.ErrConflict,
	"requestEntityTooLargeException":      llm.ErrTooLarge,
	"modelTimeoutException":               llm.ErrTimeout,
	"modelNotReadyException":              llm.ErrUnavail,
	"serviceUnavailableException":         llm.ErrUnavail,
	"serviceUnavailable":                  llm.ErrUnavail,
	"internalServerException":             llm.ErrUpstream,
	"internalFailure":                     llm.ErrUpstream,
	"modelErrorException":                 llm.ErrUpstream,
	"modelStreamErrorException":           llm.ErrUpstream,
}

// newError classes an exception by type, else by status. Streams write the type
// with a small first letter, answers with a capital one.
func newError(typ, message string, status int) *llm.Error {
	key := typ
	if key != "" {
		key = strings.ToLower(key[:1]) + key[1:]
	}
	kind, known := kinds[key]
	if !known {
		kind = llm.KindOfStatus(status)
	}
	if kind == llm.ErrInvalid && contextOverflow(message) {
		kind = llm.ErrContext
	}
	e := &llm.Error{Kind: kind, Message: message, Type: typ, Code: typ, Upstream: true, UpstreamStatus: status}
	if kind == llm.ErrContext {
		e.Code = "context_length_exceeded"
	}
	if kind == llm.ErrUpstream && status >= 500 && status < 600 {
		e.Status = status
	}
	return e
}

// overflows are the wordings in which models on Bedrock say that the
// conversation is longer than they can take.
var overflows = []string{
	"prompt is too long", "input is too long", "input length and `max_tokens` exceed", "maximum context length", "context length",
	"context window", "too many input tokens", "too many tokens", "input tokens exceed", "exceeds the maximum number of tokens",
	"exceed the maximum number of input tokens", "prompt too long", "maximum prompt length",
}

func contextOverflow(message string) bool {
	m := strings.ToLower(message)
	for _, w := range overflows {
		if strings.Contains(m, w) {
			return true
		}
	}
	return false
}

// maxRetryAfter bounds what an upstream can make clients wait.
const maxRetryAfter = time.Hour
