package completions

import (
	"bytes"
	"net/http"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// chunk is an answer, or a piece of a streamed one: they have the same form.
type chunk struct {
	id, model         string
	created           int64
	text              []byte // of the first choice
	length            int64  // of the texts of all choices
	choices           int
	others            bool // choices that are not the first
	reason            string
	told              bool // usage
	prompt, completed int64
	cached            int64
	failed            bool
	odd               *llm.OddHold // nil where nobody wants what is not known
}

// read reads a chunk; ok is false for what is none.
func (c *chunk) read(data []byte) (ok bool) {
	r := wire.NewReader(data)
	if r.Kind() != '{' {
		return false
	}
	for name := range r.Fields() {
		switch string(name) {
		case "id":
			c.id = string(openai.Text(r))
		case "model":
			c.model = string(openai.Text(r))
		case "created":
			c.created, _ = openai.Count(r)
		case "choices":
			c.readChoices(r)
		case "usage":
			c.readUsage(r)
		case "error":
			c.failed = c.failed || r.Kind() == '{' || r.Kind() == '"'
		case "object", "system_fingerprint", "obfuscation":
		default:
			c.keep(r, name)
		}
	}
	return r.End() == nil
}

func (c *chunk) readChoices(r *wire.Reader) {
	if !openai.List(r) {
		return
	}
	for range r.Elements() {
		if !openai.Object(r) {
			continue
		}
		c.choices++
		var text []byte
		before := 0
		if c.odd != nil {
			before = len(c.odd.List)
		}
		index, reason := int64(0), ""
		for name := range r.Fields() {
			switch string(name) {
			case "text":
				text = openai.Text(r)
			case "index":
				index, _ = openai.Count(r)
			case "finish_reason":
				reason = string(openai.Text(r))
			default:
				c.keep(r, name)
			}
		}
		c.length += int64(len(text))
		if index != 0 {
			c.others = true
			if c.odd != nil {
				c.odd.List = llm.CutOdd(c.odd.List, before)
			}
			continue
		}
		c.text, c.reason = append(c.text, text...), reason
	}
}

// keep keeps the member about to be read, which has no place.
func (c *chunk) keep(r *wire.Reader, name []byte) {
	if c.odd != nil {
		c.odd.Keep(Name, r, name)
	}
}

func (c *chunk) readUsage(r *wire.Reader) {
	if !openai.Object(r) {
		return
	}
	for name := range r.Fields() {
		switch string(name) {
		case "prompt_tokens":
			c.told = openai.Figure(r, &c.prompt) || c.told
		case "completion_tokens":
			c.told = openai.Figure(r, &c.completed) || c.told
		case "prompt_tokens_details":
			if !openai.Object(r) {
				continue
			}
			for name := range r.Fields() {
				if string(name) == "cached_tokens" {
					openai.Figure(r, &c.cached)
				}
			}
		}
	}
}

func (c *chunk) usage() llm.Usage {
	return llm.Usage{Known: c.told, Input: openai.Uncached(c.prompt, c.cached, 0), CacheRead: c.cached, Output: c.completed}
}

func finishReason(s llm.Stop) string {
	switch s {
	case llm.StopLength, llm.StopContext:
		return "length"
	case llm.StopFilter:
		return "content_filter"
	case llm.StopEnd, llm.StopTool, llm.StopSequence, llm.StopPause, llm.StopOther:
	}
	return "stop"
}

// DecodeError reads an upstream's error answer.
func (Dialect) DecodeError(status int, h http.Header, body []byte) *llm.Error {
	e := readError(status, body)
	openai.Advise(e, h)
	return e
}

// readError reads an error in a body, or in a stream, where status is 0.
func readError(status int, body []byte) *llm.Error {
	e := &llm.Error{Upstream: true, UpstreamStatus: status, Message: llm.UpstreamMessage(body)}
	if o, err := wire.ParseObject(body); err == nil {
		if inner, err := wire.ParseObject(o.Get("error")); err == nil {
			e.Code, _, _ = inner.Str("code")
			e.Param, _, _ = inner.Str("param")
			e.Type, _, _ = inner.Str("type")
		}
		if e.Message == "" {
			e.Message = openai.Wordless(status)
		}
	} else {
		e.Message = openai.Unreadable(status, body)
	}
	e.Message = openai.Cut(e.Message, openai.MaxMessage)
	low := string(bytes.ToLower([]byte(e.Message)))
	switch {
	case openai.KindOfCode(e.Code) != "":
		e.Kind = openai.KindOfCode(e.Code)
	case openai.MayOverflow(status) && openai.Overflows(low):
		e.Kind = llm.ErrContext
	case openai.KindOfStatus(status, low) != "":
		e.Kind = openai.KindOfStatus(status, low)
	case openai.KindOfType(e.Type) != "":
		e.Kind = openai.KindOfType(e.Type)
	default:
		e.Kind = llm.ErrUpstream
	}
	e.NoRetry = e.Kind == llm.ErrBilling
	return e
}

// EncodeError makes the body of an error answer.
func (Dialect) EncodeError(e *llm.Error, _ string) (status int, body []byte) {
	return openai.EncodeError(e)
}
