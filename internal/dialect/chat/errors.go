package chat

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
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
		s = said{message: openai.Unreadable(status, body)}
	}
	e := s.toError(status)
	openai.Advise(e, h)
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
			} else if m := openai.Text(r); len(m) > 0 {
				s.message = string(m)
			}
		case "message", "msg":
			if m := openai.Text(r); s.message == "" {
				s.message = string(m)
			}
		case "detail":
			s.detail(r)
		case "type":
			s.kind = openai.Str(r)
		case "code":
			s.code = openai.Str(r)
		case "param":
			s.param = openai.Str(r)
		case "status_code", "raw_status_code":
			if n, ok := openai.Count(r); ok {
				s.status = int(llm.Clamp(n))
			}
		case "metadata": // OpenRouter: what the provider behind it said
			if !openai.Object(r) {
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
		if string(name) != "choices" || !openai.List(r) {
			continue
		}
		for range r.Elements() {
			if !openai.Object(r) {
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
		if m := openai.Text(r); s.message == "" {
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
		unquoted := openai.Text(wire.NewReader(raw))
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
	e.Message = openai.Cut(e.Message, openai.MaxMessage)
	if e.Message == "" {
		e.Message = openai.Wordless(status)
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
	if s.code == "insufficient_balance" {
		return llm.ErrBilling
	}
	if k := openai.KindOfCode(s.code); k != "" {
		return k
	}
	if s.kind == "insufficient_quota" || s.kind == "insufficient_quota_error" {
		return llm.ErrBilling
	}
	low := strings.ToLower(message)
	if openai.MayOverflow(status) && s.overflows(low) {
		return llm.ErrContext
	}
	if k := openai.KindOfStatus(status, low); k != "" {
		return k
	}
	return s.streamKind()
}

// overflows tells whether an error is about the context window. Beside the common
// wordings there are llama.cpp's type and those of Mistral and TGI.
func (s *said) overflows(low string) bool {
	return s.kind == "exceed_context_size_error" || openai.Overflows(low) ||
		strings.Contains(low, "too large for model with") ||
		strings.Contains(low, "`inputs` tokens + `max_new_tokens` must be")
}

// streamKind classes an error inside a stream, which has no status of its own.
func (s *said) streamKind() llm.ErrorKind {
	if k := openai.KindOfType(s.kind); k != "" {
		return k
	}
	switch {
	case s.kind == "BadRequestError", s.kind == "exceed_context_size_error":
		return llm.ErrInvalid
	case s.code == "overloaded":
		return llm.ErrOverloaded
	}
	return llm.ErrUpstream
}

// EncodeError makes the body of an error answer.
func (Dialect) EncodeError(e *llm.Error, _ string) (status int, body []byte) {
	return openai.EncodeError(e)
}

// invalid is an error in a client's request. param names the member at fault.
func invalid(param, format string, args ...any) *llm.Error {
	message := fmt.Sprintf(format, args...)
	if param != "" {
		message = param + ": " + message
	}
	return &llm.Error{Kind: llm.ErrInvalid, Param: param, Message: message}
}
