package responses

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

const (
	maxMessage    = 4 << 10
	maxRetryAfter = 24 * time.Hour
)

// fault is an upstream's error as it stands in a body or in a stream.
type fault struct{ message, kind, code, param string }

// DecodeError reads an upstream's error answer.
func (Dialect) DecodeError(status int, h http.Header, body []byte) *llm.Error {
	f, ok := readError(body)
	if !ok {
		f = fault{message: fmt.Sprintf("the upstream answered %d with a page that is not JSON", status)}
		if len(bytes.TrimSpace(body)) == 0 {
			f.message = fmt.Sprintf("the upstream answered %d without a word", status)
		}
	}
	e := f.toError(status)
	e.RetryAfter = retryAfter(h)
	if h.Get("X-Should-Retry") == "false" {
		e.NoRetry = true
	}
	return e
}

// readError finds an error in a body, an event or a response object. ok is false
// for what is no JSON at all.
func readError(body []byte) (f fault, ok bool) {
	r := wire.NewReader(body)
	if r.Kind() != '{' {
		return f, false
	}
	f.take(r)
	return f, r.End() == nil
}

// take reads an error object: the one around "error", or the one in it.
func (f *fault) take(r *wire.Reader) {
	for name := range r.Fields() {
		switch string(name) {
		case "error", "response":
			if r.Kind() == '{' {
				f.take(r)
			} else if m := text(r); len(m) > 0 {
				f.message = string(m)
			}
		case "message", "msg":
			if m := text(r); f.message == "" {
				f.message = string(m)
			}
		case "detail":
			if m := text(r); f.message == "" {
				f.message = string(m)
			}
		case "type":
			if k := str(r); k != "error" && !strings.HasPrefix(k, "response.") {
				f.kind = k
			}
		case "code":
			f.code = str(r)
		case "param":
			f.param = str(r)
		}
	}
}

// toError classes what was said. status is the one of the answer, 0 in a stream.
func (f *fault) toError(status int) *llm.Error {
	code, err := strconv.Atoi(f.code)
	if err == nil { // the HTTP status once more
		f.code = ""
		if status == 0 && code >= 400 && code < 600 {
			status = code
		}
	}
	e := &llm.Error{Message: cut(f.message, maxMessage), Code: f.code, Param: f.param, Type: f.kind, Upstream: true, UpstreamStatus: status}
	switch {
	case e.Message != "":
	case status != 0:
		e.Message = fmt.Sprintf("the upstream answered %d without a message", status)
	default:
		e.Message = "the upstream reported an error without a message"
	}
	e.Kind = f.errorKind(status, strings.ToLower(e.Message))
	if (e.Kind == llm.ErrInvalid || e.Kind == llm.ErrNotFound) && status >= 400 && status < 500 {
		e.Status = status // OpenAI says 400 of an unknown model here
	}
	e.NoRetry = e.Kind == llm.ErrBilling
	return e
}

func (f *fault) errorKind(status int, low string) llm.ErrorKind {
	switch f.code {
	case "context_length_exceeded":
		return llm.ErrContext
	case "insufficient_quota", "billing_hard_limit_reached", "billing_not_active":
		return llm.ErrBilling
	case "model_not_found", "DeploymentNotFound":
		return llm.ErrNotFound
	case "rate_limit_exceeded":
		return llm.ErrRate
	case "server_is_overloaded", "slow_down":
		return llm.ErrOverloaded
	}
	if f.kind == "insufficient_quota" {
		return llm.ErrBilling
	}
	switch status {
	case 401, 403, 404, 429:
	default:
		if overflows(low) {
			return llm.ErrContext
		}
	}
	if status >= 500 && strings.Contains(low, "overloaded") {
		return llm.ErrOverloaded
	}
	if status >= 400 {
		return llm.KindOfStatus(status)
	}
	return kindOfType(f.kind, f.code)
}

// kindOfType classes an error inside a stream, which has no status of its own.
// The codes are those of ResponseError in OpenAI's API reference.
func kindOfType(kind, code string) llm.ErrorKind {
	switch kind {
	case "invalid_request_error":
		return llm.ErrInvalid
	case "authentication_error":
		return llm.ErrAuth
	case "permission_error":
		return llm.ErrForbidden
	case "rate_limit_error", "requests", "tokens":
		return llm.ErrRate
	case "overloaded_error":
		return llm.ErrOverloaded
	}
	switch {
	case strings.HasPrefix(code, "invalid_"), strings.HasPrefix(code, "image_"), strings.HasSuffix(code, "_image_url"),
		code == "unsupported_image_media_type", code == "empty_image_file":
		return llm.ErrInvalid
	case code == "overloaded":
		return llm.ErrOverloaded
	}
	return llm.ErrUpstream
}

// overflows tells whether an error is about the context window. The wordings are
// those of OpenAI, Anthropic, Bedrock, vLLM, llama.cpp and Google.
func overflows(low string) bool {
	for _, w := range [...]string{
		"maximum context length", "prompt is too long", "exceed context limit", "exceeds the context", "exceeded the context",
		"exceeds the available context size", "input is too long for requested model", "context window", "context_length_exceeded",
		"too many tokens", "exceeds the maximum number of tokens allowed",
	} {
		if strings.Contains(low, w) {
			return true
		}
	}
	return false
}

// retryAfter reads how long to wait: milliseconds, seconds, or a date, which is
// taken against the answer's own clock where it has one.
func retryAfter(h http.Header) time.Duration {
	var d time.Duration
	ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64)
	value := h.Get("Retry-After")
	seconds, err2 := strconv.ParseFloat(value, 64)
	switch {
	case err == nil && ms >= 0 && ms < 1e9:
		d = time.Duration(ms * float64(time.Millisecond))
	case err2 == nil && seconds >= 0 && seconds < 1e7:
		d = time.Duration(seconds * float64(time.Second))
	case value != "":
		at, err := http.ParseTime(value)
		if err != nil {
			return 0
		}
		now, err := http.ParseTime(h.Get("Date"))
		if err != nil {
			now = time.Now()
		}
		d = at.Sub(now)
	}
	return max(0, min(d, maxRetryAfter))
}

// EncodeError makes the body of an error answer. All four members are always
// there: openai-go takes none of them for optional.
func (Dialect) EncodeError(e *llm.Error, _ string) (status int, body []byte) {
	status = e.HTTPStatus()
	if status == 529 { // Anthropic's own number; OpenAI's clients know 503
		status = http.StatusServiceUnavailable
	}
	kind, code := errorWords(e)
	w := &wire.Writer{}
	w.Object()
	w.Key("error")
	w.Object()
	w.StrField("message", e.Message)
	w.StrField("type", kind)
	w.Key("param")
	strOrNull(w, e.Param)
	w.Key("code")
	strOrNull(w, code)
	w.EndObject()
	w.EndObject()
	return status, w.Bytes()
}

func strOrNull(w *wire.Writer, s string) {
	if s == "" {
		w.Null()
	} else {
		w.Str(s)
	}
}

// errorWords is OpenAI's type and code for an error; an upstream's own code is
// kept where the kind has none that clients depend on.
func errorWords(e *llm.Error) (kind, code string) {
	or := func(s string) string {
		if e.Code != "" {
			return e.Code
		}
		return s
	}
	switch e.Kind {
	case llm.ErrInvalid:
		return "invalid_request_error", e.Code
	case llm.ErrContext:
		return "invalid_request_error", "context_length_exceeded"
	case llm.ErrAuth:
		return "invalid_request_error", or("invalid_api_key")
	case llm.ErrBilling:
		return "insufficient_quota", "insufficient_quota"
	case llm.ErrForbidden:
		return "permission_error", or("permission_denied")
	case llm.ErrNotFound:
		return "invalid_request_error", or("model_not_found")
	case llm.ErrConflict:
		return "invalid_request_error", or("conflict")
	case llm.ErrTooLarge:
		return "invalid_request_error", or("request_too_large")
	case llm.ErrRate:
		if e.Type == "tokens" {
			return "tokens", or("rate_limit_exceeded")
		}
		return "requests", or("rate_limit_exceeded")
	case llm.ErrInternal:
		return "server_error", or("internal_error")
	case llm.ErrUpstream:
		return "server_error", or("upstream_error")
	case llm.ErrUnavail:
		return "server_error", or("unavailable")
	case llm.ErrTimeout:
		return "server_error", or("timeout")
	case llm.ErrOverloaded:
		return "server_error", or("overloaded")
	}
	return "server_error", e.Code
}

// streamCode is the code of an error inside a stream. There OpenAI has a closed
// list, and Codex tries again only on those it knows to pass.
func streamCode(e *llm.Error) string {
	switch e.Kind {
	case llm.ErrContext:
		return "context_length_exceeded"
	case llm.ErrBilling:
		return "insufficient_quota"
	case llm.ErrRate:
		return "rate_limit_exceeded"
	case llm.ErrInvalid, llm.ErrTooLarge:
		return "invalid_prompt"
	default:
		return "server_error"
	}
}

// invalid is an error in a client's request. param names the member at fault.
func invalid(param, message string) *llm.Error {
	return &llm.Error{Kind: llm.ErrInvalid, Param: param, Message: param + ": " + message}
}

// upstream is an error of ours about what an upstream did.
func upstream(message string) *llm.Error {
	return &llm.Error{Kind: llm.ErrUpstream, Message: message, Upstream: true}
}
