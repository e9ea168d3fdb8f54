package gemini

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// maxMessage bounds what is repeated of an upstream's words.
const maxMessage = 4 << 10

// kindOfStatus classes the canonical codes of Google's APIs (google.rpc.Code).
var kindOfStatus = map[string]llm.ErrorKind{
	"INVALID_ARGUMENT":    llm.ErrInvalid,
	"FAILED_PRECONDITION": llm.ErrInvalid,
	"OUT_OF_RANGE":        llm.ErrInvalid,
	"UNIMPLEMENTED":       llm.ErrInvalid,
	"UNAUTHENTICATED":     llm.ErrAuth,
	"PERMISSION_DENIED":   llm.ErrForbidden,
	"NOT_FOUND":           llm.ErrNotFound,
	"ALREADY_EXISTS":      llm.ErrConflict,
	"ABORTED":             llm.ErrConflict,
	"RESOURCE_EXHAUSTED":  llm.ErrRate,
	"CANCELLED":           llm.ErrUpstream,
	"UNKNOWN":             llm.ErrUpstream,
	"INTERNAL":            llm.ErrUpstream,
	"DATA_LOSS":           llm.ErrUpstream,
	"UNAVAILABLE":         llm.ErrUnavail,
	"DEADLINE_EXCEEDED":   llm.ErrTimeout,
}

// DecodeError reads an error answer of Google, and makes something plain of a
// page that is none.
func (Dialect) DecodeError(status int, h http.Header, body []byte) *llm.Error {
	e := errorOf(errorObject(body), status)
	if e.Message == "" {
		e.Message = fmt.Sprintf("the upstream answered %d without a message", status)
		if k := wire.NewReader(body).Kind(); len(body) > 0 && k != '{' && k != '[' {
			e.Message = fmt.Sprintf("the upstream answered %d with a page that is not JSON", status)
		}
	}
	if e.RetryAfter == 0 {
		e.RetryAfter = llm.RetryAfter(h, time.Now)
	}
	return e
}

// errorObject finds the error in a body: {"error":{…}}, the same in a list, as
// streams in JSON have it, or {"message"} bare.
func errorObject(body []byte) (raw []byte) {
	r := wire.NewReader(body)
	if r.Kind() == '[' {
		for i := range r.Elements() {
			if i == 0 {
				raw = errorObject(r.Raw())
			}
		}
		return raw
	}
	if r.Kind() != '{' {
		return nil
	}
	for name := range r.Fields() {
		if string(name) == "error" {
			raw = r.Raw()
		}
	}
	if raw == nil && r.Err() == nil {
		return body
	}
	return raw
}

// errorOf makes an error of Google's object {code, message, status, details}.
func errorOf(raw []byte, status int) *llm.Error {
	e := &llm.Error{Upstream: true, UpstreamStatus: status}
	reason := ""
	r := wire.NewReader(raw)
	switch r.Kind() {
	case '"':
		e.Message = r.Str()
	case '{':
		for name := range r.Fields() {
			switch string(name) {
			case "code":
				if r.Kind() == '0' && status == 0 {
					e.UpstreamStatus = int(min(max(r.Int(), 0), 599))
				}
			case "message":
				e.Message = text(r)
			case "status":
				e.Type = text(r)
			case "details":
				if r.Kind() == '[' {
					reason, e.RetryAfter = details(r)
				}
			}
		}
	}
	if len(e.Message) > maxMessage {
		e.Message = strings.ToValidUTF8(e.Message[:maxMessage], "") + "…"
	}
	e.Code = e.Type
	classify(e, reason)
	return e
}

// text reads a string; anything else is none.
func text(r *wire.Reader) string {
	if r.Kind() != '"' {
		return ""
	}
	return r.Str()
}

// details reads the reason of an ErrorInfo and the delay of a RetryInfo.
func details(r *wire.Reader) (reason string, delay time.Duration) {
	for range r.Elements() {
		if r.Kind() != '{' {
			continue
		}
		for name := range r.Fields() {
			switch string(name) {
			case "reason":
				if s := text(r); s != "" {
					reason = s
				}
			case "retryDelay": // "48.9s"
				if d, err := time.ParseDuration(text(r)); err == nil {
					delay = clampDelay(d)
				}
			}
		}
	}
	return reason, delay
}

// classify settles the kind: by the canonical code, by the status where there is
// none, and by words where a difference matters that neither makes.
func classify(e *llm.Error, reason string) {
	kind, known := kindOfStatus[e.Type]
	if !known {
		kind = llm.KindOfStatus(e.UpstreamStatus)
	}
	low := strings.ToLower(e.Message)
	switch {
	case reason == "API_KEY_INVALID", strings.Contains(low, "api key not valid"), strings.Contains(low, "api key expired"):
		kind = llm.ErrAuth
	case reason == "BILLING_DISABLED", strings.Contains(low, "billing to be enabled"):
		kind = llm.ErrBilling
	case kind == llm.ErrInvalid && overflows(low):
		kind, e.Code = llm.ErrContext, "context_length_exceeded"
	case kind == llm.ErrInvalid && strings.Contains(low, "request payload size exceeds"):
		kind = llm.ErrTooLarge
	case kind == llm.ErrUnavail && strings.Contains(low, "overloaded"):
		kind = llm.ErrOverloaded
	}
	e.Kind, e.NoRetry = kind, kind == llm.ErrBilling
	if s := e.UpstreamStatus; kind == llm.ErrUpstream && s >= 500 && s < 600 {
		e.Status = s
	}
}

// overflows recognises "more than the context window" in Gemini's wording and
// in that of servers which copy its API.
func overflows(low string) bool {
	for _, words := range []string{
		"exceeds the maximum number of tokens", "input token count", "maximum context length", "context window", "prompt is too long",
		"input is too long", "too many tokens",
	} {
		if strings.Contains(low, words) {
			return true
		}
	}
	return false
}

// maxDelay bounds what an upstream can make clients wait.
const maxDelay = 24 * time.Hour

func clampDelay(d time.Duration) time.Duration { return max(0, min(d, maxDelay)) }

// statusOfKind is the HTTP status and canonical code for a kind of error.
var statusOfKind = map[llm.ErrorKind]struct {
	code   int
	status string
}{
	llm.ErrInvalid:    {400, "INVALID_ARGUMENT"},
	llm.ErrContext:    {400, "INVALID_ARGUMENT"},
	llm.ErrAuth:       {401, "UNAUTHENTICATED"},
	llm.ErrBilling:    {429, "RESOURCE_EXHAUSTED"},
	llm.ErrForbidden:  {403, "PERMISSION_DENIED"},
	llm.ErrNotFound:   {404, "NOT_FOUND"},
	llm.ErrConflict:   {409, "ABORTED"},
	llm.ErrTooLarge:   {413, "INVALID_ARGUMENT"},
	llm.ErrRate:       {429, "RESOURCE_EXHAUSTED"},
	llm.ErrInternal:   {500, "INTERNAL"},
	llm.ErrUpstream:   {502, "INTERNAL"},
	llm.ErrUnavail:    {503, "UNAVAILABLE"},
	llm.ErrTimeout:    {504, "DEADLINE_EXCEEDED"},
	llm.ErrOverloaded: {503, "UNAVAILABLE"},
}

// EncodeError writes an error for a client of the Gemini API.
func (Dialect) EncodeError(e *llm.Error, requestID string) (int, []byte) {
	known, ok := statusOfKind[e.Kind]
	if !ok {
		known = statusOfKind[llm.ErrInternal]
	}
	code := known.code
	if e.Status >= 400 && e.Status < 600 && e.Status != 529 {
		code = e.Status
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.Key("error")
	w.Object()
	w.IntField("code", int64(code))
	w.StrField("message", messageFor(e))
	w.StrField("status", known.status)
	writeDetails(w, e, requestID)
	w.EndObject()
	w.EndObject()
	return code, w.Bytes()
}

// messageFor says a full context in the words Gemini has for it.
func messageFor(e *llm.Error) string {
	const words = "exceeds the maximum number of tokens allowed"
	if e.Kind == llm.ErrContext && !strings.Contains(e.Message, "exceeds the maximum number of tokens") {
		return "The input token count " + words + ": " + e.Message
	}
	return e.Message
}

func writeDetails(w *wire.Writer, e *llm.Error, requestID string) {
	if e.RetryAfter <= 0 && requestID == "" {
		return
	}
	w.Key("details")
	w.List()
	if e.RetryAfter > 0 {
		w.Object()
		w.StrField("@type", "type.googleapis.com/google.rpc.RetryInfo")
		w.StrField("retryDelay", strconv.FormatFloat(e.RetryAfter.Seconds(), 'f', -1, 64)+"s")
		w.EndObject()
	}
	if requestID != "" {
		w.Object()
		w.StrField("@type", "type.googleapis.com/google.rpc.RequestInfo")
		w.StrField("requestId", requestID)
		w.EndObject()
	}
	w.EndList()
}
