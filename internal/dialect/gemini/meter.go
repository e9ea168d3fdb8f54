package gemini

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// meter reads usage and the end off chunks or a body that pass untouched.
type meter struct {
	r     wire.Reader
	c     chunk
	calls bool
	bytes int64
	fault *llm.Error
	ended bool
}

// NewMeter makes a meter of one answer.
func (Dialect) NewMeter() llm.Meter { return &meter{} }

// Frame classes a chunk. The stream has no terminator, and usage may still
// follow the reason to stop, so no frame is its end.
func (m *meter) Frame(f wire.Frame) llm.FrameClass {
	m.r.Reset(f.Data)
	if m.r.Kind() != '{' {
		return llm.FrameOther
	}
	m.c.answer = false
	m.read(&m.r)
	if m.c.err != nil {
		m.fault = m.c.err
		return llm.FrameError
	}
	if !m.c.answer {
		return llm.FrameOther
	}
	m.bytes += int64(len(f.Data))
	return llm.FrameContent
}

func (m *meter) read(r *wire.Reader) {
	_ = m.c.read(r, false, func(p *piece) error {
		m.calls = m.calls || p.call != nil
		return nil
	})
	m.ended = m.ended || r.Err() == nil && m.c.ended()
}

// Body reads a whole answer.
func (m *meter) Body(body []byte) {
	m.bytes = int64(len(body))
	r := wire.NewReader(body)
	if r.Kind() == '{' {
		m.read(r)
		return
	}
	if r.Kind() != '[' { // a stream framed as a list
		return
	}
	for range r.Elements() {
		m.read(r)
	}
	if m.c.err != nil {
		m.fault = m.c.err
	}
}

// Result is what was seen.
func (m *meter) Result() llm.MeterResult {
	res := llm.MeterResult{Usage: m.c.usage.read(), Model: m.c.model, Complete: m.ended && m.fault == nil, Fault: m.fault, OutputBytes: m.bytes}
	if m.ended {
		stop, _ := m.c.stop()
		res.Stop = llm.SettledStop(stop, m.calls)
	}
	return res
}
