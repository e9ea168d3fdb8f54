package responses

import (
	"net/http"
	"strconv"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// fault is an upstream's error as it stands in a body or in a stream.
type fault struct{ message, kind, code, param string }

// DecodeError reads an upstream's error answer.
func (Dialect) DecodeError(status int, h http.Header, body []byte) *llm.Error {
	f, ok := readError(body)
	if !ok {
		f = fault{message: openai.Unreadable(status, body)}
	}
	e := f.toError(status)
	openai.Advise(e, h)
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
			} else if m := openai.Text(r); len(m) > 0 {
				f.message = string(m)
			}
		case "message", "msg":
			if m := openai.Text(r); f.message == "" {
				f.message = string(m)
			}
		case "detail":
			if m := openai.Text(r); f.message == "" {
				f.message = string(m)
			}
		case "type":
			if k := openai.Str(r); k != "error" && !strings.HasPrefix(k, "response.") {
				f.kind = k
			}
		case "code":
			f.code = openai.Str(r)
		case "param":
			f.param = openai.Str(r)
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
	e := &llm.Error{Message: openai.Cut(f.message, openai.MaxMessage), Code: f.code, Param: f.param, Type: f.kind, Upstream: true, UpstreamStatus: status}
	if e.Message == "" {
		e.Message = openai.Wordless(status)
	}
	e.Kind = f.errorKind(status, strings.ToLower(e.Message))
	if (e.Kind == llm.ErrInvalid || e.Kind == llm.ErrNotFound) && status >= 400 && status < 500 {
		e.Status = status // OpenAI says 400 of an unknown model here
	}
	e.NoRetry = e.Kind == llm.ErrBilling
	return e
}

func (f *fault) errorKind(status int, low string) llm.ErrorKind {
	if k := openai.KindOfCode(f.code); k != "" {
		return k
	}
	switch {
	case f.code == "server_is_overloaded", f.code == "slow_down":
		return llm.ErrOverloaded
	case f.kind == "insufficient_quota":
		return llm.ErrBilling
	case openai.MayOverflow(status) && openai.Overflows(low):
		return llm.ErrContext
	}
	if k := openai.KindOfStatus(status, low); k != "" {
		return k
	}
	return f.streamKind()
}

// streamKind classes an error inside a stream, which has no status of its own.
// The codes are those of ResponseError in OpenAI's API reference.
func (f *fault) streamKind() llm.ErrorKind {
	if k := openai.KindOfType(f.kind); k != "" {
		return k
	}
	code := f.code
	switch {
	case strings.HasPrefix(code, "invalid_"), strings.HasPrefix(code, "image_"), strings.HasSuffix(code, "_image_url"),
		code == "unsupported_image_media_type", code == "empty_image_file":
		return llm.ErrInvalid
	case code == "overloaded":
		return llm.ErrOverloaded
	}
	return llm.ErrUpstream
}

// EncodeError makes the body of an error answer.
func (Dialect) EncodeError(e *llm.Error, _ string) (status int, body []byte) {
	return openai.EncodeError(e)
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
