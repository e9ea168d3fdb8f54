package chat

import (
	"bytes"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// NewMeter starts reading usage off frames that pass untouched.
func (Dialect) NewMeter() llm.Meter { return &meter{} }

// meter reads only the frames that can tell something: the usual one, a piece of
// text, is recognised by a few searches in its bytes.
type meter struct {
	usage    tokens
	stop     llm.Stop
	model    string
	calls    bool
	finished bool // a finish_reason was seen
	ended    bool // [DONE] was seen
	fault    *llm.Error
	output   int64
}

// Members that a chunk must be read for. Their names cannot stand in a text:
// there the quotes would be escaped.
var (
	usageKey  = []byte(`"usage":`)
	reasonKey = []byte(`"finish_reason":`)
	errorKey  = []byte(`"error":`)
	textKey   = []byte(`"delta":{"content":"`)
)

// Frame classes a frame and takes from it what it tells.
func (m *meter) Frame(f wire.Frame) llm.FrameClass {
	data := f.Data
	if m.model != "" && len(f.Event) == 0 {
		if at := bytes.Index(data, textKey); at >= 0 && !tells(data, usageKey) && !tells(data, reasonKey) && !tells(data, errorKey) {
			at += len(textKey)
			if n := bytes.IndexByte(data[at:], '"'); n > 0 && data[at+n-1] != '\\' {
				m.output += int64(n)
				return llm.FrameContent
			}
		}
	}
	return m.read(f)
}

// tells whether a member is there with a value.
func tells(data, key []byte) bool {
	for {
		at := bytes.Index(data, key)
		if at < 0 {
			return false
		}
		data = data[at+len(key):]
		if !bytes.HasPrefix(data, []byte("null")) {
			return true
		}
	}
}

// read reads a chunk whole.
func (m *meter) read(f wire.Frame) llm.FrameClass {
	data := bytes.TrimSpace(f.Data)
	if string(data) == "[DONE]" {
		m.ended = true
		return llm.FrameEnd
	}
	r := wire.NewReader(data)
	failed := string(f.Event) == "error"
	said, choices := false, 0
	if r.Kind() == '{' {
		for name := range r.Fields() {
			switch string(name) {
			case "model":
				if s := text(r); len(s) > 0 && string(s) != m.model {
					m.model = string(s)
				}
			case "usage":
				m.usage.take(r)
			case "x_groq":
				m.groq(r)
			case "error":
				failed = failed || r.Kind() == '{' || r.Kind() == '"'
			case "choices":
				said, choices = m.choices(r, "delta", &failed)
			}
		}
	}
	switch {
	case failed:
		s, _ := readError(data)
		if s.message == "" {
			s.choiceError(data)
		}
		m.fault = s.toError(0)
		return llm.FrameError
	case r.Err() != nil:
		return llm.FrameOther
	case said:
		return llm.FrameContent
	case choices == 0 && m.usage.known:
		return llm.FrameUsage
	}
	return llm.FrameOther
}

func (m *meter) groq(r *wire.Reader) {
	if !object(r) {
		return
	}
	for name := range r.Fields() {
		if string(name) == "usage" {
			m.usage.take(r)
		}
	}
}

// choices reads a list of choices, which hold a delta or a message.
func (m *meter) choices(r *wire.Reader, member string, failed *bool) (said bool, n int) {
	if !list(r) {
		return false, 0
	}
	for range r.Elements() {
		n++
		if !object(r) {
			continue
		}
		for name := range r.Fields() {
			switch string(name) {
			case member:
				said = m.delta(r) || said
			case "finish_reason":
				if why := text(r); len(why) > 0 {
					m.finished = true
					m.stop = stopOf(why)
					*failed = *failed || string(why) == "error"
				}
			case "usage":
				m.usage.take(r)
			case "error":
				*failed = *failed || r.Kind() == '{'
			}
		}
	}
	return said, n
}

// delta tells whether a delta or a message says anything.
func (m *meter) delta(r *wire.Reader) bool {
	if !object(r) {
		return false
	}
	said := false
	for name := range r.Fields() {
		switch string(name) {
		case "content", "reasoning_content", "reasoning", "refusal":
			if raw := r.Raw(); len(raw) > 2 {
				m.output += int64(len(raw) - 2)
				said = true
			}
		case "tool_calls":
			if raw := r.Raw(); len(raw) > 2 && raw[0] == '[' {
				m.output += int64(len(raw) - 2)
				said, m.calls = true, true
			}
		case "function_call":
			f := fragment{}
			f.body(r)
			if len(f.name)+len(f.input) > 0 {
				m.output += int64(len(f.name) + len(f.input))
				said, m.calls = true, true
			}
		case "reasoning_details", "thinking_blocks", "audio":
			if raw := r.Raw(); len(raw) > 2 && (raw[0] == '[' || raw[0] == '{') {
				said = true
			}
		}
	}
	return said
}

// Body reads a whole answer.
func (m *meter) Body(body []byte) {
	r := wire.NewReader(body)
	if r.Kind() != '{' {
		m.fault = notAnAnswer(body)
		return
	}
	failed := false
	for name := range r.Fields() {
		switch string(name) {
		case "model":
			m.model = string(text(r))
		case "usage":
			m.usage.take(r)
		case "error":
			failed = failed || r.Kind() == '{' || r.Kind() == '"'
		case "choices":
			_, _ = m.choices(r, "message", &failed)
		}
	}
	switch {
	case r.End() != nil:
		m.fault = notAnAnswer(body)
	case failed:
		s, _ := readError(body)
		if s.message == "" {
			s.choiceError(body)
		}
		m.fault = s.toError(0)
	default:
		m.finished = true
	}
}

// Result is what was seen.
func (m *meter) Result() llm.MeterResult {
	res := llm.MeterResult{Usage: m.usage.usage(), Model: m.model, Fault: m.fault, OutputBytes: m.output}
	if res.Complete = (m.finished || m.ended) && m.fault == nil; res.Complete {
		res.Stop = llm.SettledStop(m.stop, m.calls)
	}
	return res
}
