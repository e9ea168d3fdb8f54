package gateway

import (
	"errors"
	"io"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// passOn is the loop of a stream whose bytes pass untouched: frames are looked at
// where they lie in the read buffer, and sent from there, as many as have come.
func (x *exchange) passOn(p *passing, frames wire.Holder) error {
	var early []byte // held back before the first content
	ready := false
	for {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			if err = p.complete(); err == nil {
				x.last(p)
			}
			x.send(early, ready || err == nil)
			return err
		}
		if err != nil {
			x.send(early, ready)
			return x.broken(err)
		}
		class := p.meter.Frame(f)
		ready = ready || class == llm.FrameContent || class == llm.FrameEnd || len(early) > maxEarly
		if class == llm.FrameContent {
			p.begun = true
			x.heard.chunks++
		}
		switch {
		case class == llm.FrameUsage && !p.keepUsage:
			held := frames.Held()
			early = x.passRun(early, held[:len(held)-len(f.Raw)], ready, x.gw.opt.Now())
			frames.Hold()
		case class == llm.FrameError:
			asHTTP := !p.begun && !x.out.opened()
			if _, err := p.fault(nil, f); err != nil {
				if p.begun {
					held := frames.Held()
					x.passRun(early, held[:len(held)-len(f.Raw)], true, x.gw.opt.Now())
				}
				return err
			}
			if asHTTP {
				x.linger(frames)
				return nil
			}
			ready = true
		}
		over := class == llm.FrameEnd || class == llm.FrameError
		if over || !frames.More() || len(frames.Held()) >= sendAt {
			now := x.gw.opt.Now()
			x.pulse.read(now)
			if over {
				x.last(p)
			}
			early = x.passRun(early, frames.Held(), ready, now)
			frames.Hold()
		}
		if over {
			x.linger(frames)
			return nil
		}
	}
}

// passRun sends a run of bytes, or keeps it with those before it.
func (x *exchange) passRun(early, run []byte, ready bool, now time.Time) []byte {
	switch {
	case !ready:
		return append(early, run...)
	case len(early) > 0:
		run = append(early, run...)
	}
	if len(run) > 0 {
		x.emit(run, now)
	}
	return nil
}

// complete tells whether the answer came to its end.
func (p *passing) complete() error {
	if p.meter.Result().Complete {
		return nil
	}
	return p.x.broken(io.ErrUnexpectedEOF)
}
