package llm

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"turnpike/internal/wire"
)

// ErrorKind classes what went wrong, the same for every dialect.
type ErrorKind string

// Kinds of error, with the HTTP status that goes with each.
const (
	ErrInvalid    ErrorKind = "invalid"     // 400: the request is wrong
	ErrContext    ErrorKind = "context"     // 400: more than the model's context window
	ErrAuth       ErrorKind = "auth"        // 401: no key, or a wrong one
	ErrBilling    ErrorKind = "billing"     // 402/429: the money is spent
	ErrForbidden  ErrorKind = "forbidden"   // 403: the key may not
	ErrNotFound   ErrorKind = "not_found"   // 404: no such model or route
	ErrConflict   ErrorKind = "conflict"    // 409
	ErrTooLarge   ErrorKind = "too_large"   // 413
	ErrRate       ErrorKind = "rate"        // 429: too fast
	ErrInternal   ErrorKind = "internal"    // 500: ours
	ErrUpstream   ErrorKind = "upstream"    // 502: the upstream answered nonsense, or not at all
	ErrUnavail    ErrorKind = "unavailable" // 503: the upstream is not ready
	ErrTimeout    ErrorKind = "timeout"     // 504
	ErrOverloaded ErrorKind = "overloaded"  // 529 to Anthropic's clients, 503 to OpenAI's
)

// Error is what a client is told, in whatever dialect it speaks. Message says
// what to do next; Cause stays inside.
type Error struct {
	Kind    ErrorKind
	Status  int    // HTTP status to answer with; 0: the kind's own
	Message string // for the person; never holds a secret
	Code    string // machine-readable, in the upstream's or OpenAI's words
	Param   string // the member at fault
	Type    string // the upstream's own type, for logs
	// Upstream is set when the upstream said it, not we.
	Upstream       bool
	UpstreamStatus int
	RetryAfter     time.Duration // 0: not told
	NoRetry        bool          // it will not clear by itself
	Torn           bool          // an answer stopped without a word of why
	Cause          error
}

func (e *Error) Error() string {
	s := string(e.Kind) + ": " + e.Message
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Cause }

var kindStatus = map[ErrorKind]int{
	ErrInvalid: 400, ErrContext: 400, ErrAuth: 401, ErrBilling: 429, ErrForbidden: 403, ErrNotFound: 404, ErrConflict: 409,
	ErrTooLarge: 413, ErrRate: 429, ErrInternal: 500, ErrUpstream: 502, ErrUnavail: 503, ErrTimeout: 504, ErrOverloaded: 529,
}

// HTTPStatus is the status to answer with.
func (e *Error) HTTPStatus() int {
	if e.Status >= 400 && e.Status < 600 {
		return e.Status
	}
	if s := kindStatus[e.Kind]; s != 0 {
		return s
	}
	return http.StatusInternalServerError
}

// KindOfStatus classes an HTTP status.
func KindOfStatus(status int) ErrorKind {
	switch status {
	case 401:
		return ErrAuth
	case 402:
		return ErrBilling
	case 403:
		return ErrForbidden
	case 404:
		return ErrNotFound
	case 408, 504:
		return ErrTimeout
	case 409:
		return ErrConflict
	case 413:
		return ErrTooLarge
	case 429:
		return ErrRate
	case 502:
		return ErrUpstream
	case 503:
		return ErrUnavail
	case 529:
		return ErrOverloaded
	}
	if status >= 400 && status < 500 {
		return ErrInvalid
	}
	return ErrUpstream
}

// maxRetryAfter bounds what an upstream can make clients wait.
const maxRetryAfter = 24 * time.Hour

// RetryAfter reads from an answer's headers how long to wait: milliseconds,
// seconds, or a date, which is taken against the answer's own clock where it tells it.
func RetryAfter(h http.Header, now func() time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return min(time.Duration(min(ms, 1e9)*float64(time.Millisecond)), maxRetryAfter)
	}
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil && s > 0 {
		return min(time.Duration(min(s, 1e6)*float64(time.Second)), maxRetryAfter)
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	sent, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		sent = now()
	}
	return max(0, min(at.Sub(sent), maxRetryAfter))
}

// Malformed is the error for a client's body that could not be read.
func Malformed(err error) *Error {
	e := &Error{Kind: ErrInvalid, Message: err.Error()}
	if w, ok := errors.AsType[*wire.Error](err); ok {
		e.Param = w.Path
	}
	return e
}
