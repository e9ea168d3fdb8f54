package messages

import (
	"bytes"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// meter reads what an answer used off frames that pass untouched. Almost all of
// them are deltas, told by how they begin.
type meter struct {
	usage    usage
	model    string
	stop     string
	called   bool
	complete bool
	fault    *llm.Error
	output   int64
	buf      []byte
}

// NewMeter reads one answer.
func (Dialect) NewMeter() llm.Meter { return &meter{} }

const deltaHead = `{"type":"content_block_delta"`

// Frame looks at one frame.
func (m *meter) Frame(f wire.Frame) llm.FrameClass {
	if f.Exception {
		m.fault = exception(f)
		return llm.FrameError
	}
	data, err := unwrap(f, &m.buf)
	if err != nil || m.complete { // nothing belongs to the answer behind its end
		return llm.FrameOther
	}
	if len(data) > len(deltaHead) && string(data[:len(deltaHead)]) == deltaHead {
		m.output += textLength(data[len(deltaHead):])
		return llm.FrameContent
	}
	return m.other(f, data)
}

// textLength is the length of the text in what follows the head of a delta, as
// it is escaped there: enough for an estimate, and quick. Signatures are no output.
func textLength(data []byte) int64 {
	if rest, ok := afterTextHead(data); ok {
		return int64(max(0, bytes.LastIndexByte(rest, '"')))
	}
	_, rest, ok := bytes.Cut(data, []byte(`_delta","`))
	if !ok || bytes.HasPrefix(rest, []byte("signature")) {
		return 0
	}
	start := bytes.IndexByte(rest, ':') + 2
	end := bytes.LastIndexByte(rest, '"')
	return int64(max(0, end-start))
}

// afterTextHead skips what stands before the text of nearly all deltas.
func afterTextHead(data []byte) ([]byte, bool) {
	const before, after = `,"index":`, `,"delta":{"type":"text_delta","text":"`
	at := len(before)
	if len(data) < at+len(after) || string(data[:len(before)]) != before {
		return nil, false
	}
	for at < len(data) && data[at]-'0' <= 9 {
		at++
	}
	end := at + len(after)
	if len(data) < end || string(data[at:end]) != after {
		return nil, false
	}
	return data[end:], true
}

func (m *meter) other(f wire.Frame, data []byte) llm.FrameClass {
	if len(data) == 0 || data[0] != '{' {
		return llm.FrameOther
	}
	r := wire.NewReader(data)
	kind := string(peek(*r, "type"))
	if kind == "" {
		kind = string(f.Event)
	}
	switch kind {
	case "content_block_delta":
		m.delta(r)
		return llm.FrameContent
	case "content_block_start":
		return m.block(r)
	case "message_start", "message_delta":
		m.envelope(r)
	case "message_stop":
		m.complete = true
		return llm.FrameEnd
	case "error":
		m.fault = faultOf(data)
		return llm.FrameError
	default:
		if has(*r, "error") {
			m.fault = faultOf(data)
			return llm.FrameError
		}
	}
	return llm.FrameOther
}

// delta measures a delta whose members come in another order than Anthropic's.
func (m *meter) delta(r *wire.Reader) {
	for member := range r.Fields() {
		if string(member) != "delta" || r.Kind() != '{' {
			continue
		}
		for inner := range r.Fields() {
			switch string(inner) {
			case "text", "thinking", "partial_json":
				m.output += int64(len(bytesOf(r)))
			}
		}
	}
}

// block tells whether the start of a block says something already: text and
// thinking are opened empty, anything else is an answer.
func (m *meter) block(r *wire.Reader) llm.FrameClass {
	class := llm.FrameOther
	for member := range r.Fields() {
		if string(member) != "content_block" || r.Kind() != '{' {
			continue
		}
		var b answerBlock
		b.read(r, nil)
		switch string(b.kind) {
		case "text", "thinking":
			if len(b.text)+len(b.thinking) > 0 {
				class = llm.FrameContent
			}
			m.output += int64(len(b.text) + len(b.thinking))
		case "tool_use":
			m.called = true
			class = llm.FrameContent
		default:
			class = llm.FrameContent
		}
	}
	return class
}

// envelope reads a message_start or a message_delta.
func (m *meter) envelope(r *wire.Reader) {
	for member := range r.Fields() {
		switch string(member) {
		case "message":
			if r.Kind() == '{' {
				m.message(r)
			}
		case "delta":
			if r.Kind() == '{' {
				m.message(r)
			}
		case "usage":
			m.usage.read(r)
		}
	}
}

// message reads the members of interest of a message or of a message's delta.
func (m *meter) message(r *wire.Reader) {
	for member := range r.Fields() {
		switch string(member) {
		case "model":
			m.model = text(r)
		case "stop_reason":
			m.stop = text(r)
		case "usage":
			m.usage.read(r)
		}
	}
}

// Body reads a whole answer.
func (m *meter) Body(body []byte) {
	if string(peek(*wire.NewReader(body), "type")) == "error" {
		m.fault = faultOf(body)
		return
	}
	r := wire.NewReader(body)
	for member := range r.Fields() {
		switch string(member) {
		case "model":
			m.model = text(r)
		case "stop_reason":
			m.stop = text(r)
		case "usage":
			m.usage.read(r)
		case "content":
			if r.Kind() == '[' {
				m.content(r)
			}
		}
	}
	if err := r.End(); err != nil {
		m.fault = unreadable(err)
	}
	m.complete = m.fault == nil && m.stop != ""
}

func (m *meter) content(r *wire.Reader) {
	for range r.Elements() {
		if r.Kind() != '{' {
			continue
		}
		var b answerBlock
		b.read(r, nil)
		m.called = m.called || string(b.kind) == "tool_use"
		m.output += int64(len(b.text) + len(b.thinking) + len(b.input))
	}
}

// Result is what was seen. A reason to stop makes an answer complete even where
// the last frame is missing: no more would have come.
func (m *meter) Result() llm.MeterResult {
	stop := llm.Stop("")
	complete := m.fault == nil && (m.complete || m.stop != "")
	if complete {
		stop = llm.SettledStop(stopOf(m.stop), m.called)
	}
	return llm.MeterResult{Usage: m.usage.whole(), Stop: stop, Model: m.model, Complete: complete, Fault: m.fault, OutputBytes: m.output}
}

// has tells whether an object has a member that is not null.
func has(r wire.Reader, member string) bool {
	for m := range r.Fields() {
		if string(m) == member {
			return true
		}
	}
	return false
}
