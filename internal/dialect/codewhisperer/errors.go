package codewhisperer

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// DecodeError reads an error answer: the class from the header X-Amzn-ErrorType or
// the member __type, the reason and the message from the body.
func (Dialect) DecodeError(status int, h http.Header, body []byte) *llm.Error {
	f := readFailure(body)
	if c := shortType(h.Get("X-Amzn-Errortype")); c != "" {
		f.class = c
	}
	e := f.error(status)
	if f.message == "" {
		e.Message = fmt.Sprintf("the upstream answered %d without saying why", status)
		if f.reason != "" {
			e.Message = fmt.Sprintf("the upstream answered %d: %s", status, f.reason)
		}
	}
	e.RetryAfter = llm.RetryAfter(h, time.Now)
	return e
}

// failure is an error of the service as it is told.
type failure struct{ class, reason, message string }

// maxMessage bounds an upstream's words in our answers.
const maxMessage = 4 << 10

func readFailure(body []byte) (f failure) {
	r := wire.NewReader(body)
	if r.Kind() != '{' {
		return f
	}
	for name := range r.Fields() {
		if r.Kind() != '"' {
			continue
		}
		switch string(name) {
		case "__type", "code":
			f.class = shortType(r.Str())
		case "reason":
			f.reason = r.Str()
		case "message", "Message":
			f.message = r.Str()
		}
	}
	if len(f.message) > maxMessage {
		f.message = strings.ToValidUTF8(f.message[:maxMessage], "") + "…"
	}
	return f
}

// shortType is the bare name of a class: namespaces stand before "#", links behind ":".
func shortType(s string) string {
	s, _, _ = strings.Cut(s, ":")
	return strings.TrimSpace(s[strings.LastIndexByte(s, '#')+1:])
}

// kinds of the service's exceptions (AWS's generated client; names without
// "Exception", as streams and answers write them differently).
var kinds = map[string]llm.ErrorKind{
	"validation":            llm.ErrInvalid,
	"serialization":         llm.ErrInvalid,
	"throttling":            llm.ErrRate,
	"servicequotaexceeded":  llm.ErrBilling,
	"accessdenied":          llm.ErrForbidden,
	"unrecognizedclient":    llm.ErrAuth,
	"expiredtoken":          llm.ErrAuth,
	"resourcenotfound":      llm.ErrNotFound,
	"conflict":              llm.ErrConflict,
	"internalserver":        llm.ErrUpstream,
	"serviceunavailable":    llm.ErrUnavail,
	"contentlengthexceeded": llm.ErrContext,
	"modelnotready":         llm.ErrUnavail,
	"modelerror":            llm.ErrUpstream,
	"modeltimeout":          llm.ErrTimeout,
	"dryrunoperation":       llm.ErrUpstream,
}

// reasons say more than the class does (ValidationExceptionReason,
// ThrottlingExceptionReason, ServiceQuotaExceededExceptionReason,
// AccessDeniedExceptionReason, InternalServerExceptionReason).
var reasons = map[string]llm.ErrorKind{
	"CONTENT_LENGTH_EXCEEDS_THRESHOLD": llm.ErrContext,
	"INVALID_MODEL_ID":                 llm.ErrNotFound,
	"DAILY_REQUEST_COUNT":              llm.ErrBilling,
	"MONTHLY_REQUEST_COUNT":            llm.ErrBilling,
	"OVERAGE_REQUEST_LIMIT_EXCEEDED":   llm.ErrBilling,
	"CONVERSATION_LIMIT_EXCEEDED":      llm.ErrBilling,
	"INSUFFICIENT_MODEL_CAPACITY":      llm.ErrOverloaded,
	"MODEL_TEMPORARILY_UNAVAILABLE":    llm.ErrUnavail,
	"TEMPORARILY_SUSPENDED":            llm.ErrForbidden,
}

func (f failure) error(status int) *llm.Error {
	kind, known := kinds[strings.TrimSuffix(strings.ToLower(f.class), "exception")]
	if !known {
		kind = llm.KindOfStatus(status)
	}
	if k, ok := reasons[f.reason]; ok {
		kind = k
	}
	low := strings.ToLower(f.message)
	switch {
	case kind == llm.ErrForbidden && strings.Contains(low, "bearer token"):
		kind = llm.ErrAuth
	case kind == llm.ErrInvalid && (strings.Contains(low, "input is too long") || strings.Contains(low, "context window")):
		kind = llm.ErrContext
	}
	e := &llm.Error{Kind: kind, Message: f.message, Type: f.class, Code: f.class, Upstream: true, UpstreamStatus: status}
	if f.reason != "" {
		e.Code = f.reason
	}
	switch {
	case kind == llm.ErrContext:
		e.Code = "context_length_exceeded"
	case kind == llm.ErrInvalid && strings.Contains(low, "improperly formed request"):
		e.Message += " (Kiro says no more than that: the request broke one of its rules)"
	case kind == llm.ErrUpstream && status >= 500 && status < 600:
		e.Status = status
	}
	return e
}

// notAnAnswer is an answer that is not what the service sends.
func notAnAnswer(what string, cause error) *llm.Error {
	return &llm.Error{Kind: llm.ErrUpstream, Upstream: true, Cause: cause, Message: "the upstream's answer " + what}
}
