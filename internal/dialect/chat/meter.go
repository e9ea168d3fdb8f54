package chat

import (
	"bytes"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// NewMeter starts reading usage off frames that pass untouched.
func (Dialect) NewMeter() llm.Meter { return &meter{} }

// meter reads a chunk whole only where its shape is new.
type meter struct {
	usage    tokens
	stop     llm.Stop
	model    string
	calls    bool
	finished bool // a finish_reason was seen
	ended    bool // [DONE] was seen
	fault    *llm.Error
	output   int64

	shape shape  // of the last chunk that was a piece of text and nothing else
	told  bool   // the frame told more than that
	piece []byte // the text
}

// Frame classes a frame and takes from it what it tells.
func (m *meter) Frame(f wire.Frame) llm.FrameClass {
	if len(f.Event) == 0 {
		if text, ok := m.shape.match(f.Data); ok {
			m.output += int64(len(text))
			return llm.FrameContent
		}
	}
	m.told, m.piece = false, nil
	class := m.read(f)
	if class == llm.FrameContent && !m.told {
		m.shape.keep(f.Data, m.piece)
	}
	return class
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
				if s := openai.Text(r); len(s) > 0 && string(s) != m.model {
					m.model = string(s)
				}
			case "usage":
				m.told = true
				m.usage.take(r)
			case "service_tier":
				m.usage.tier = llm.TierOf(openai.Text(r))
			case "x_groq":
				m.told = true
				m.usage.groq(r)
			case "error":
				failed = failed || r.Kind() == '{' || r.Kind() == '"'
			case "choices":
				said, choices = m.choices(r, "delta", &failed)
			}
		}
	}
	switch {
	case r.End() != nil:
		return llm.FrameOther
	case failed:
		s, _ := readError(data)
		if s.message == "" {
			s.choiceError(data)
		}
		m.fault = s.toError(0)
		return llm.FrameError
	case said:
		return llm.FrameContent
	case choices == 0 && m.told && m.usage.known:
		return llm.FrameUsage
	}
	return llm.FrameOther
}

// choices reads a list of choices, which hold a delta or a message.
func (m *meter) choices(r *wire.Reader, member string, failed *bool) (said bool, n int) {
	if !openai.List(r) {
		return false, 0
	}
	for range r.Elements() {
		n++
		if !openai.Object(r) {
			continue
		}
		for name := range r.Fields() {
			switch string(name) {
			case member:
				said = m.delta(r) || said
			case "finish_reason":
				if why := openai.Text(r); len(why) > 0 {
					m.finished, m.told = true, true
					m.stop = openai.StopOf(why)
					*failed = *failed || string(why) == "error"
				}
			case "usage":
				m.told = true
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
	if !openai.Object(r) {
		return false
	}
	said := false
	for name := range r.Fields() {
		switch string(name) {
		case "content", "reasoning_content", "reasoning", "refusal":
			if raw := r.Raw(); len(raw) > 2 {
				m.output += int64(len(raw) - 2)
				m.piece, said = raw[1:len(raw)-1], true
			}
		case "tool_calls":
			if raw := r.Raw(); len(raw) > 2 && raw[0] == '[' {
				m.output += int64(len(raw) - 2)
				m.piece, said, m.calls = argument(raw), true, true
			}
		case "function_call":
			f := fragment{}
			f.body(r, nil)
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

// argument is the piece of arguments in a list of calls.
func argument(calls []byte) []byte {
	_, rest, _ := bytes.Cut(calls, []byte(`"arguments":"`))
	return rest[:max(0, bytes.IndexByte(rest, '"'))]
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
			m.model = string(openai.Text(r))
		case "usage":
			m.usage.take(r)
		case "service_tier":
			m.usage.tier = llm.TierOf(openai.Text(r))
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
