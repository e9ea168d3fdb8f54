package completions

import (
	"bytes"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// DecodeResponse reads a whole answer.
func (Dialect) DecodeResponse(body []byte) (*llm.Response, error) {
	c := chunk{odd: &llm.OddHold{}}
	if ok := c.read(body); !ok || c.failed || c.choices == 0 {
		return nil, readError(0, body)
	}
	res := &llm.Response{
		ID: c.id, Model: c.model, Created: c.created, Stop: openai.StopOf(c.reason), NativeStop: c.reason, Usage: c.usage(),
		Parts: []llm.Part{&llm.Text{Text: string(c.text)}}, Odd: c.odd.List,
	}
	if c.others {
		res.Losses = llm.AddLoss(nil, "choices", "the first answer is passed on")
	}
	res.Settle()
	return res, nil
}

// NewStreamDecoder starts reading a stream.
func (Dialect) NewStreamDecoder() llm.StreamDecoder { return &streamDecoder{} }

type streamDecoder struct {
	llm.LossList
	odd                   llm.OddHold
	started, opened, over bool
	stop                  llm.Stop
	native                string
	usage                 llm.Usage
}

var done = []byte("[DONE]")

// Frame takes the next chunk.
func (d *streamDecoder) Frame(f wire.Frame, yield llm.Yield) error {
	if d.over {
		return nil
	}
	if bytes.Equal(bytes.TrimSpace(f.Data), done) {
		return d.finish(yield)
	}
	c := chunk{odd: &d.odd}
	if ok := c.read(f.Data); !ok || c.failed {
		d.over = true
		return yield(&llm.Event{Kind: llm.EventFault, Err: readError(0, f.Data)})
	}
	yield = d.odd.Over(yield)
	if c.told {
		d.usage = c.usage()
	}
	if c.others {
		d.Lose("choices", "the first answer is passed on")
	}
	if !d.started {
		d.started = true
		if err := yield(&llm.Event{Kind: llm.EventStart, ID: c.id, Model: c.model, Created: c.created}); err != nil {
			return err
		}
	}
	if len(c.text) > 0 {
		if !d.opened {
			d.opened = true
			if err := yield(&llm.Event{Kind: llm.EventPartStart, Part: &llm.Text{}}); err != nil {
				return err
			}
		}
		if err := yield(&llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: c.text}); err != nil {
			return err
		}
	}
	if c.reason != "" {
		d.stop, d.native = openai.StopOf(c.reason), c.reason
	}
	return nil
}

// End finishes an answer whose server sends no [DONE].
func (d *streamDecoder) End(yield llm.Yield) error {
	switch {
	case d.over:
		return nil
	case d.stop != "":
		return d.finish(yield)
	}
	d.over = true
	return yield(&llm.Event{Kind: llm.EventFault, Err: &llm.Error{Kind: llm.ErrUpstream, Upstream: true, Message: "the upstream's answer broke off"}})
}

func (d *streamDecoder) finish(yield llm.Yield) error {
	d.over = true
	yield = d.odd.Over(yield)
	if !d.started {
		return yield(&llm.Event{Kind: llm.EventFault, Err: &llm.Error{Kind: llm.ErrUpstream, Upstream: true, Message: "the upstream's answer is empty"}})
	}
	if d.opened {
		if err := yield(&llm.Event{Kind: llm.EventPartEnd}); err != nil {
			return err
		}
	}
	return yield(&llm.Event{Kind: llm.EventFinish, Stop: llm.SettledStop(d.stop, false), NativeStop: d.native, Usage: d.usage})
}

// NewMeter starts reading usage off chunks that pass untouched.
func (Dialect) NewMeter() llm.Meter { return &meter{} }

type meter struct{ res llm.MeterResult }

// Frame classes a chunk and takes from it what it tells.
func (m *meter) Frame(f wire.Frame) llm.FrameClass {
	if bytes.Equal(bytes.TrimSpace(f.Data), done) {
		m.res.Complete = true
		return llm.FrameEnd
	}
	var c chunk
	if !c.read(f.Data) {
		return llm.FrameOther
	}
	switch m.take(&c); {
	case c.failed:
		m.res.Fault = readError(0, f.Data)
		return llm.FrameError
	case c.length > 0:
		return llm.FrameContent
	case c.told && c.choices == 0:
		return llm.FrameUsage
	}
	return llm.FrameOther
}

func (m *meter) take(c *chunk) {
	if c.model != "" {
		m.res.Model = c.model
	}
	if c.told {
		m.res.Usage = c.usage()
	}
	if c.reason != "" {
		m.res.Stop, m.res.Complete = openai.StopOf(c.reason), true
	}
	m.res.OutputBytes += c.length
}

// Body reads a whole answer.
func (m *meter) Body(body []byte) {
	var c chunk
	if ok := c.read(body); !ok || c.failed {
		m.res.Fault = readError(0, body)
		return
	}
	m.take(&c)
	m.res.Complete = true
}

// Result is what was seen.
func (m *meter) Result() llm.MeterResult { return m.res }
