package converse

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// meter reads usage and the end off frames or a body that pass untouched.
type meter struct{ res llm.MeterResult }

// NewMeter makes a meter of one answer.
func (Dialect) NewMeter() llm.Meter { return &meter{} }

// Frame classes a frame. Only those that hold figures or an error are parsed.
func (m *meter) Frame(f wire.Frame) llm.FrameClass {
	if f.Exception {
		typ, message, _ := readError(f.Data)
		m.res.Fault = newError(first(string(f.Event), shortType(typ)), message, 0)
		return llm.FrameError
	}
	switch string(f.Event) {
	case "contentBlockDelta":
		m.res.OutputBytes += int64(len(f.Data))
		return llm.FrameContent
	case "contentBlockStart":
		return llm.FrameContent
	case "messageStop":
		r := wire.NewReader(f.Data)
		sequence := ""
		for name := range r.Fields() {
			switch string(name) {
			case "stopReason":
				m.res.Stop = stopOf(r.Str(), "")
			case "additionalModelResponseFields":
				readMatched(r, &sequence)
			}
		}
		m.res.Complete = r.Err() == nil
		return llm.FrameOther // the usage is still to come, and with it the end
	case "metadata":
		r := wire.NewReader(f.Data)
		for name := range r.Fields() {
			readMetadata(r, string(name), &m.res.Usage)
		}
		if m.res.Complete {
			return llm.FrameEnd
		}
		return llm.FrameUsage
	}
	return llm.FrameOther
}

// Body reads a whole answer.
func (m *meter) Body(body []byte) {
	m.res.OutputBytes = int64(len(body))
	res, err := Dialect{}.DecodeResponse(body)
	if err != nil {
		return
	}
	m.res.Usage, m.res.Stop, m.res.Complete = res.Usage, res.Stop, true
}

// Result is what was seen.
func (m *meter) Result() llm.MeterResult { return m.res }
