package codewhisperer

import (
	"bytes"
	"errors"
	"io"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// figures are what a stream tells of how much it was.
type figures struct {
	told  llm.Usage
	share float64 // of the model's window that is full, in per cent
	said  int64   // bytes
}

// bytesPerToken is a rough measure, for what the service does not count.
const bytesPerToken = 4

// usage is what the service counted, else an estimate that says so: how full the
// window is tells prompt and answer together.
func (f *figures) usage(b bound) llm.Usage {
	if f.told.Known {
		return f.told
	}
	u := llm.Usage{Estimated: true, Output: (f.said + bytesPerToken - 1) / bytesPerToken}
	u.Input = b.request / bytesPerToken
	if f.share > 0 && b.window > 0 {
		u.Input = max(0, int64(float64(b.window)*min(f.share, 100)/100)-u.Output)
	}
	return u
}

// figures reads an event that tells no content.
func (d *streamDecoder) figures(event string, data []byte) {
	if d.r.Kind() != '{' {
		return
	}
	if event == "meteringEvent" && len(d.extra) < maxExtra { // credits: what the account pays with
		d.extra = append(d.extra, llm.Extra{Dialect: dialectName, Name: "metering", Raw: bytes.Clone(data), Bookkeeping: true})
	}
	for name := range d.r.Fields() {
		switch string(name) {
		case "tokenUsage":
			d.tokens()
		case "contextUsagePercentage":
			d.meter.share = d.r.Float()
		case "stopReason":
			d.native = d.r.Str()
		case "inputTokens", "outputTokens":
			d.count(string(name), d.r.Int())
		case "usage", "unit", "unitPlural":
		default:
			d.odd(event)
		}
	}
}

// maxExtra bounds how often credits are taken down.
const maxExtra = 8

// tokens reads counts, which may come in several events, or be null.
func (d *streamDecoder) tokens() {
	for name := range d.r.Fields() {
		if d.r.Kind() != '0' {
			continue
		}
		if string(name) == "contextUsagePercentage" {
			d.meter.share = d.r.Float()
			continue
		}
		d.count(string(name), d.r.Int())
	}
}

func (d *streamDecoder) count(name string, n int64) {
	u := &d.meter.told
	n = llm.Clamp(n)
	switch name {
	case "uncachedInputTokens", "inputTokens":
		u.Input = n
	case "outputTokens":
		u.Output, u.Known = n, true
	case "cacheReadInputTokens":
		u.CacheRead = n
	case "cacheWriteInputTokens":
		u.CacheWrite5m, u.LifeUntold = n, n > 0
	case "totalTokens": // the sum of the others
	}
}

// DecodeResponse reads a whole answer, which is a stream too.
func (d Dialect) DecodeResponse(body []byte) (*llm.Response, error) {
	dec := newDecoder(d.bound)
	var all llm.Collector
	frames := wire.NewEventStream(bytes.NewReader(body), 0)
	for !dec.over {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			if err := dec.End(all.Add); err != nil {
				return nil, err
			}
			break
		}
		if err != nil {
			return nil, notAnAnswer("is no event stream, or is damaged", err)
		}
		if err := dec.Frame(f, all.Add); err != nil {
			return nil, err
		}
	}
	res, fault := all.Response()
	if fault != nil {
		return nil, fault
	}
	res.Losses = dec.Losses()
	return res, nil
}

// meter reads usage and the state of a stream. Nothing of this dialect passes
// untouched, so it is the decoder that looks.
type meter struct {
	dec *streamDecoder
	res llm.MeterResult
}

// NewMeter makes a meter of one answer.
func (d Dialect) NewMeter() llm.Meter { return &meter{dec: newDecoder(d.bound)} }

// Frame classes a frame.
func (m *meter) Frame(f wire.Frame) llm.FrameClass {
	class := llm.FrameOther
	err := m.dec.Frame(f, func(e *llm.Event) error {
		switch e.Kind {
		case llm.EventDelta, llm.EventPartStart:
			class = llm.FrameContent
		case llm.EventFault:
			class, m.res.Fault = llm.FrameError, e.Err
		case llm.EventStart, llm.EventPartEnd, llm.EventFinish:
		}
		return nil
	})
	if err != nil {
		class = llm.FrameError
	}
	return class
}

// Body reads a whole answer.
func (m *meter) Body(body []byte) {
	res, err := Dialect{m.dec.bound}.DecodeResponse(body)
	m.res.OutputBytes = int64(len(body))
	if err == nil {
		m.res.Usage, m.res.Stop, m.res.Model, m.res.Complete = res.Usage, res.Stop, res.Model, true
	}
}

// Result is what was seen. A stream is complete when it has ended cleanly, which its
// reader knows.
func (m *meter) Result() llm.MeterResult {
	if m.dec.started && m.res.Fault == nil {
		m.res.Usage, m.res.Stop, m.res.Model = m.dec.meter.usage(m.dec.bound), m.dec.stop(), m.dec.model
		m.res.OutputBytes, m.res.Complete = m.dec.meter.said, true
	}
	return m.res
}
