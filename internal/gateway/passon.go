package gateway

import (
	"errors"
	"io"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// passOn is the loop of a stream whose bytes pass untouched: frames are looked at
// where they lie in the read buffer, and sent from there, as many as have come.
// Looking and sending are two calls, one behind the other, because net/http needs
// much of the stack to send a head, and a stream keeps what it has once needed.
func (x *exchange) passOn(p *passing, frames wire.Holder) error {
	for {
		run, end, err := x.gather(p, frames)
		if len(run) > 0 {
			x.emit(run, p.heard)
		}
		if end == endOfAnswer {
			x.linger(frames)
		}
		if end != noEnd {
			return err
		}
	}
}

// The ways in which gathering goes on or ends.
type passEnd int

const (
	noEnd       passEnd = iota
	endOfAnswer         // its last frame was seen; the body may go on
	endOfBody
)

// gather looks at frames until there are bytes to send, or there is nothing more.
func (x *exchange) gather(p *passing, frames wire.Holder) (run []byte, end passEnd, err error) {
	for {
		f, err := frames.Next()
		if err != nil {
			return x.passRest(p, err)
		}
		class := p.meter.Frame(f)
		p.ready = p.ready || class == llm.FrameContent || class == llm.FrameEnd || len(p.early) > maxEarly
		if class == llm.FrameContent {
			p.begun = true
			x.heard.chunks++
		}
		switch {
		case class == llm.FrameUsage && !p.keepUsage:
			if run = p.run(frames, len(f.Raw)); len(run) > 0 {
				return run, noEnd, nil
			}
		case class == llm.FrameError:
			asHTTP := !p.begun && !x.out.opened()
			if _, err := p.fault(nil, f); err != nil {
				if p.begun {
					p.ready = true
					run = p.run(frames, len(f.Raw))
				}
				return run, endOfBody, err
			}
			if asHTTP {
				return nil, endOfAnswer, nil
			}
			p.ready = true
		}
		over := class == llm.FrameEnd || class == llm.FrameError
		if !over && frames.More() && len(frames.Held()) < sendAt {
			continue
		}
		p.heard = x.gw.opt.Now()
		x.pulse.read(p.heard)
		if over {
			x.last(p)
		}
		run = p.run(frames, 0)
		switch {
		case over:
			return run, endOfAnswer, nil
		case len(run) > 0:
			return run, noEnd, nil
		}
	}
}

// passRest is what is left to send when no frame comes any more.
func (x *exchange) passRest(p *passing, err error) ([]byte, passEnd, error) {
	p.heard = x.gw.opt.Now()
	if !errors.Is(err, io.EOF) {
		err = x.broken(err)
	} else if err = p.complete(); err == nil {
		x.last(p)
		p.ready = true
	}
	if !p.ready {
		return nil, endOfBody, err
	}
	return p.early, endOfBody, err
}

// run takes the bytes that frames hold, but for the last ones. Before the first
// content they are kept for later.
func (p *passing) run(frames wire.Holder, without int) []byte {
	held := frames.Held()
	held = held[:len(held)-without]
	frames.Hold()
	switch {
	case !p.ready:
		p.early = append(p.early, held...)
		return nil
	case len(p.early) > 0:
		held = append(p.early, held...)
		p.early = nil
	}
	return held
}

// complete tells whether the answer came to its end.
func (p *passing) complete() error {
	if p.meter.Result().Complete {
		return nil
	}
	return p.x.broken(io.ErrUnexpectedEOF)
}
