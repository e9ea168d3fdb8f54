package chat

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

const (
	maxMessage    = 4 << 10
	maxRetryAfter = 24 * time.Hour
)

// said is an upstream's error as it stands in a body or in a stream.
type said struct {
	message, kind, code, param, inner string
	status                            int
}

// DecodeError reads an upstream's error answer.
func (Dialect) DecodeError(status int, h http.Header, body []byte) *llm.Error {
	s, ok := readError(body)
	if !ok {
		s = said{message: fmt.Sprintf("the upstream answered %d with a page that is not JSON", status)}
		if len(bytes.TrimSpace(body)) == 0 {
			s.message = fmt.Sprintf("the upstream answered %d without a word", status)
		}
	}
	e := s.toError(status)
	e.RetryAfter = retryAfter(h)
	if h.Get("X-Should-Retry") == "false" {
		e.NoRetry = true
	}
	return e
}

// readError finds an error in a body. ok is false for what is no JSON at all.
func readError(body []byte) (s said, ok bool) {
	r := wire.NewReader(body)
	switch r.Kind() {
	case '{':
		s.take(r)
	case '[': // Google's compatible API puts its error into a list
		for i := range r.Elements() {
			if i == 0 && r.Kind() == '{' {
				s.take(r)
			}
		}
	default:
		return s, false
	}
	return s, r.End() == nil
}

// take reads an error object: the one around "error", or the one in it.
func (s *said) take(r *wire.Reader) {
	for name := range r.Fields() {
		switch string(name) {
		case "error":
			if r.Kind() == '{' {
				s.take(r)
			} else if m := text(r); len(m) > 0 {
				s.message = string(m)
			}
		case "message", "msg":
			if m := text(r); s.message == "" {
				s.message = string(m)
			}
		case "detail":
			s.detail(r)
		case "type":
			s.kind = str(r)
		case "code":
			s.code = str(r)
		case "param":
			s.param = str(r)
		case "status_code", "raw_status_code":
			if n, ok := count(r); ok {
				s.status = int(llm.Clamp(n))
			}
		case "metadata": // OpenRouter: what the provider behind it said
			if !object(r) {
				continue
			}
			for name := range r.Fields() {
				if string(name) == "raw" {
					s.inner = innerMessage(r)
				}
			}
		}
	}
	if n, err := strconv.Atoi(s.code); err == nil && n >= 400 && n < 600 && s.status == 0 {
		s.status = n
	}
}

// choiceError finds the error that OpenRouter puts into a choice.
func (s *said) choiceError(data []byte) {
	r := wire.NewReader(data)
	for name := range r.Fields() {
		if string(name) != "choices" || !list(r) {
			continue
		}
		for range r.Elements() {
			if !object(r) {
				continue
			}
			for name := range r.Fields() {
				if string(name) == "error" && r.Kind() == '{' {
					s.take(r)
				}
			}
		}
	}
}

// detail is FastAPI's member: a text, or a list of what is wrong where.
func (s *said) detail(r *wire.Reader) {
	if r.Kind() != '[' {
		if m := text(r); s.message == "" {
			s.message = string(m)
		}
		return
	}
	for i := range r.Elements() {
		if i == 0 && r.Kind() == '{' {
			s.take(r)
		}
	}
}

func innerMessage(r *wire.Reader) string {
	raw := r.Raw()
	if r.Err() != nil {
		return ""
	}
	if raw[0] == '"' {
		unquoted := text(wire.NewReader(raw))
		if m := llm.UpstreamMessage(unquoted); m != "" {
			return m
		}
		return string(unquoted)
	}
	return llm.UpstreamMessage(raw)
}

// toError classes what was said. status is the one of the answer, 0 in a stream.
func (s *said) toError(status int) *llm.Error {
	if status == 0 {
		status = s.status
	}
	e := &llm.Error{Message: s.message, Code: s.code, Param: s.param, Type: s.kind, Upstream: true, UpstreamStatus: status}
	if s.inner != "" && s.inner != s.message {
		e.Message = strings.TrimPrefix(e.Message+": "+s.inner, ": ")
	}
	e.Message = cut(e.Message, maxMessage)
	if e.Message == "" {
		e.Message = "the upstream reported an error without a message"
		if status != 0 {
			e.Message = fmt.Sprintf("the upstream answered %d without a message", status)
		}
	}
	if _, err := strconv.Atoi(e.Code); err == nil {
		e.Code = "" // the HTTP status once more
	}
	e.Kind = s.errorKind(status, e.Message)
	if e.Kind == llm.ErrInvalid && status > 400 && status < 500 {
		e.Status = status
	}
	e.NoRetry = e.Kind == llm.ErrBilling
	return e
}

func (s *said) errorKind(status int, message string) llm.ErrorKind {
	switch s.code {
	case "context_length_exceeded":
		return llm.ErrContext
	case "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance":
		return llm.ErrBilling
	case "model_not_found", "DeploymentNotFound":
		return llm.ErrNotFound
	case "rate_limit_exceeded":
		return llm.ErrRate
	}
	if s.kind == "insufficient_quota" || s.kind == "insufficient_quota_error" {
		return llm.ErrBilling
	}
	low := strings.ToLower(message)
	switch status {
	case 401, 403, 404, 429:
	default:
		if overflows(s.kind, low) {
			return llm.ErrContext
		}
	}
	if status >= 500 && strings.Contains(low, "overloaded") {
		return llm.ErrOverloaded
	}
	if status >= 400 {
		return llm.KindOfStatus(status)
	}
	return kindOfType(s.kind, s.code)
}

// kindOfType classes an error inside a stream, which has no status of its own.
func kindOfType(kind, code string) llm.ErrorKind {
	switch kind {
	case "invalid_request_error", "BadRequestError", "exceed_context_size_error":
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
	if code == "overloaded" {
		return llm.ErrOverloaded
	}
	return llm.ErrUpstream
}

// overflows tells whether an error is about the context window. The wordings are
// those of OpenAI, Anthropic, Bedrock, vLLM, llama.cpp, Mistral, Google and TGI.
func overflows(kind, low string) bool {
	if kind == "exceed_context_size_error" {
		return true
	}
	for _, w := range [...]string{
		"maximum context length", "prompt is too long", "exceed context limit", "exceeds the context", "exceeded the context",
		"exceeds the available context size", "input is too long for requested model", "context window", "context_length_exceeded",
		"too many tokens", "too large for model with", "exceeds the maximum number of tokens allowed", "`inputs` tokens + `max_new_tokens` must be",
	} {
		if strings.Contains(low, w) {
			return true
		}
	}
	return false
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
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
	return status, appendError(nil, e)
}

func appendError(dst []byte, e *llm.Error) []byte {
	kind, code := errorWords(e)
	w := wire.NewWriter(dst)
	w.Object()
	w.Key("error")
	w.Object()
	w.StrField("message", e.Message)
	w.StrField("type", kind)
	w.Key("param")
	if e.Param == "" {
		w.Null()
	} else {
		w.Str(e.Param)
	}
	w.Key("code")
	if code == "" {
		w.Null()
	} else {
		w.Str(code)
	}
	w.EndObject()
	w.EndObject()
	return w.Bytes()
}

// errorWords is OpenAI's type and code for an error; an upstream's own code is
// kept where the kind has none that clients depend on.
func errorWords(e *llm.Error) (kind, code string) {
	code = e.Code
	or := func(s string) string {
		if code != "" {
			return code
		}
		return s
	}
	switch e.Kind {
	case llm.ErrInvalid:
		return "invalid_request_error", code
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
	return "server_error", code
}

// invalid is an error in a client's request. param names the member at fault.
func invalid(param, format string, args ...any) *llm.Error {
	message := fmt.Sprintf(format, args...)
	if param != "" {
		message = param + ": " + message
	}
	return &llm.Error{Kind: llm.ErrInvalid, Param: param, Message: message}
}
