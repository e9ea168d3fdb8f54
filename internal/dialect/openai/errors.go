package openai

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// MaxMessage bounds the message of an upstream's error, in bytes.
const MaxMessage = 4 << 10

// Unreadable is the message for an answer that is no JSON.
func Unreadable(status int, body []byte) string {
	if len(bytes.TrimSpace(body)) == 0 {
		return fmt.Sprintf("the upstream answered %d without a word", status)
	}
	return fmt.Sprintf("the upstream answered %d with a page that is not JSON", status)
}

// Wordless is the message for an error that came without one. status is 0 inside
// a stream.
func Wordless(status int) string {
	if status == 0 {
		return "the upstream reported an error without a message"
	}
	return fmt.Sprintf("the upstream answered %d without a message", status)
}

// Advise takes over what an answer's headers say about trying again.
func Advise(e *llm.Error, h http.Header) {
	e.RetryAfter = llm.RetryAfter(h, time.Now)
	if h.Get("X-Should-Retry") == "false" {
		e.NoRetry = true
	}
}

// EncodeError makes the body of an error answer.
func EncodeError(e *llm.Error) (status int, body []byte) {
	status = e.HTTPStatus()
	if status == 529 { // Anthropic's own number; OpenAI's clients know 503
		status = http.StatusServiceUnavailable
	}
	return status, AppendError(nil, e)
}

// AppendError writes an error. All four members are always there: openai-go
// takes none of them for optional.
func AppendError(dst []byte, e *llm.Error) []byte {
	kind, code := errorWords(e)
	w := wire.NewWriter(dst)
	w.Object()
	w.Key("error")
	w.Object()
	w.StrField("message", e.Message)
	w.StrField("type", kind)
	w.Key("param")
	StrOrNull(w, e.Param)
	w.Key("code")
	StrOrNull(w, code)
	w.EndObject()
	w.EndObject()
	return w.Bytes()
}

// StrOrNull writes a string, and null for an empty one.
func StrOrNull(w *wire.Writer, s string) {
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
