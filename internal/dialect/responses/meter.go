package responses

import (
	"bytes"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// NewMeter starts reading usage off events that pass untouched.
func (Dialect) NewMeter() llm.Meter { return &meter{} }

type meter struct {
	res   llm.MeterResult
	calls bool
}

var (
	deltaSuffix = []byte(".delta")
	errorKind   = []byte("error")
)

// Frame classes an event and takes from it what it tells. The name of the event
// is enough for most of them.
func (m *meter) Frame(f wire.Frame) llm.FrameClass {
	kind := f.Event
	if len(kind) == 0 {
		kind = kindOf(f.Data)
	}
	switch string(kind) {
	case "response.output_text.delta":
		m.content(f.Data)
		return llm.FrameContent
	case "response.created", "response.in_progress", "response.queued":
		if m.res.Model == "" {
			m.response(f.Data)
		}
		return llm.FrameOther
	case "response.completed", "response.incomplete", "response.done":
		return m.end(f.Data)
	case "response.failed", "error", "response.error", "response.cancelled":
		m.response(f.Data)
		e, _ := readError(f.Data)
		m.res.Fault = e.toError(0)
		return llm.FrameError
	case "response.output_item.done":
		m.item(f.Data)
		return llm.FrameContent // an item of tools that OpenAI runs has no deltas
	}
	if bytes.HasSuffix(kind, deltaSuffix) {
		m.content(f.Data)
		return llm.FrameContent
	}
	return llm.FrameOther
}

// kindOf is the type of an event that has no name.
func kindOf(data []byte) []byte {
	r := wire.NewReader(data)
	if r.Kind() != '{' {
		return nil
	}
	for name := range r.Fields() {
		switch string(name) {
		case "type":
			return openai.Text(r)
		case "error":
			if r.Kind() == '{' {
				return errorKind
			}
		}
	}
	return nil
}

var deltaMember = []byte(`"delta":`)

// content counts the length of a delta. It need not be exact, so the event is
// not read.
func (m *meter) content(data []byte) {
	_, rest, _ := bytes.Cut(data, deltaMember)
	rest = bytes.TrimLeft(rest, " ")
	if len(rest) < 2 || rest[0] != '"' {
		return
	}
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			m.res.OutputBytes += int64(i - 1)
			return
		}
	}
}

func (m *meter) item(data []byte) {
	r := wire.NewReader(data)
	if r.Kind() != '{' {
		return
	}
	for name := range r.Fields() {
		if string(name) == "item" {
			m.called(peek(*r, "type"))
		}
	}
}

func (m *meter) called(kind []byte) {
	switch string(kind) {
	case "function_call", "custom_tool_call":
		m.calls = true
	}
}

func (m *meter) end(data []byte) llm.FrameClass {
	a := m.response(data)
	if a == nil {
		return llm.FrameOther
	}
	if a.failed || a.status == "failed" {
		e, _ := readError(data)
		m.res.Fault = e.toError(0)
		return llm.FrameError
	}
	m.complete(a)
	return llm.FrameEnd
}

func (m *meter) complete(a *answer) {
	m.res.Complete = true
	m.res.Stop = llm.SettledStop(a.stop(), m.calls)
}

// response reads the response object in an event.
func (m *meter) response(data []byte) *answer {
	r := wire.NewReader(data)
	if r.Kind() != '{' {
		return nil
	}
	var a *answer
	for name := range r.Fields() {
		if string(name) == "response" && r.Kind() == '{' {
			a = &answer{}
			a.read(r)
		}
	}
	if r.End() != nil || a == nil {
		return nil
	}
	m.keep(a)
	return a
}

func (m *meter) keep(a *answer) {
	if a.model != "" {
		m.res.Model = a.model
	}
	if u := a.usage.usage(); u.Known {
		m.res.Usage = u
	}
}

// Body reads a whole answer. One that is put off is complete: its client asked
// for that.
func (m *meter) Body(body []byte) {
	a := &answer{}
	r := wire.NewReader(body)
	if r.Kind() == '{' {
		a.read(r)
	}
	if r.End() != nil || len(bytes.TrimSpace(body)) == 0 {
		m.res.Fault = notAnAnswer(body)
		return
	}
	m.keep(a)
	if a.failed || a.status == "failed" {
		e, _ := readError(body)
		m.res.Fault = e.toError(0)
		return
	}
	for _, raw := range a.items() {
		m.called(peek(*wire.NewReader(raw), "type"))
	}
	m.complete(a)
}

// Result is what was seen.
func (m *meter) Result() llm.MeterResult { return m.res }
