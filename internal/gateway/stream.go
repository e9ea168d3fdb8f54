package gateway

import (
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// relayStream passes on a stream. Nothing is sent before the first content, so
// that an error which comes first is still a true HTTP error; a heartbeat may
// open the stream earlier.
func (x *exchange) relayStream() error {
	var s streamer
	if x.lane.express() {
		p := &passing{x: x, meter: x.meter(), keepUsage: x.asksUsage, begun: x.later.pursued()}
		if f, ok := x.front.(llm.Framer); ok {
			p.reframe = f.NewFramer()
		} else if _, terse := x.front.(llm.Terse); terse && x.lane == laneBytes {
			p.reframe = eventAlone
		}
		s = p
	} else {
		s = newTranslating(x)
	}
	frames := x.target.Provider.Frames(x.call, x.answer.Body)
	err := x.carry(s, frames)
	s.settle()
	err = x.goOn(s, err)
	x.pulse.stop()
	if err != nil {
		return err
	}
	x.out.end()
	return nil
}

// eventAlone leaves out what stands around an event.
func eventAlone(dst []byte, f wire.Frame) []byte { return wire.AppendSSE(dst, string(f.Event), f.Data) }

// carry runs the loop that fits: bytes that pass untouched need no copying.
func (x *exchange) carry(s streamer, frames wire.FrameReader) error {
	p, passes := s.(*passing)
	if h, ok := frames.(wire.Holder); ok && passes && x.lane == laneBytes && p.reframe == nil {
		return x.passOn(p, h)
	}
	return x.pump(s, frames)
}

// streamer makes the client's bytes of the upstream's frames.
type streamer interface {
	// frame appends what a frame means to the client. ready tells that what
	// there is may be sent: content has begun. over tells that nothing may follow.
	frame(out []byte, f wire.Frame) (_ []byte, ready, over bool, err error)
	// end appends what the clean end of the frames means.
	end(out []byte) ([]byte, error)
	// settle hands over what was counted.
	settle()
}

// sendAt is how much is gathered before it is sent although more is at hand.
const sendAt = 64 << 10

// pump is the loop of a stream: read a frame, make bytes of it, send them when
// no further frame is at hand.
func (x *exchange) pump(s streamer, frames wire.FrameReader) error {
	room := takeOut()
	out := (*room)[:0]
	defer func() { *room = out; giveOut(room) }()
	ready := false
	for {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			if out, err = s.end(out); err != nil {
				x.send(out, ready)
				return err
			}
			x.last(s)
			x.send(out, true)
			return nil
		}
		if err != nil {
			x.send(out, ready)
			return x.broken(err)
		}
		var begun, over bool
		out, begun, over, err = s.frame(out, f)
		ready = ready || begun
		if err != nil {
			x.send(out, ready)
			return err
		}
		if over {
			x.last(s)
			x.send(out, true)
			x.linger(frames)
			return nil
		}
		if len(out) >= sendAt || !frames.More() {
			x.pulse.read(x.gw.opt.Now())
			if ready || len(out) > maxEarly {
				x.send(out, true)
				out = out[:0]
			}
		}
	}
}

// maxEarly bounds what is held back before the first content.
const maxEarly = 1 << 20

// lingerFor bounds the wait for the end of a body whose answer is complete: it
// is read only so that the connection can be used again.
const lingerFor = time.Second

func (x *exchange) linger(frames wire.FrameReader) {
	cancel := x.cancel // a continued answer gets another one
	timer := time.AfterFunc(lingerFor, func() { cancel(nil) })
	defer timer.Stop()
	for range 100 {
		if _, err := frames.Next(); err != nil {
			return
		}
	}
}

// outs are buffers of streams that are over, for the next ones.
var outs = sync.Pool{New: func() any { return new([]byte) }}

func takeOut() *[]byte { return outs.Get().(*[]byte) } //nolint:forcetypeassert // nothing else is put in

func giveOut(b *[]byte) {
	if cap(*b) <= 2*sendAt {
		outs.Put(b)
	}
}

// send writes to the client unless it has left; that it has is noticed here at
// the latest.
func (x *exchange) send(out []byte, ready bool) {
	if ready {
		x.emit(out, x.gw.opt.Now())
	}
}

// emit sends to a client that is still there.
func (x *exchange) emit(out []byte, now time.Time) {
	if x.gone.Load() {
		return
	}
	if !x.spoke && len(out) > 0 {
		x.first(now)
	}
	if x.out.stream(out, now) != nil {
		x.gone.Store(true)
	}
}

// wantsUsage tells whether the client asked for usage frames itself.
func (x *exchange) wantsUsage() bool {
	p, ok := x.back.(llm.Passer)
	return ok && p.AsksUsage(x.object)
}

// passing is the express lane: frames go as they are, a meter looks on.
type passing struct {
	x         *exchange
	meter     llm.Meter
	reframe   func(dst []byte, f wire.Frame) []byte // nil: the client takes server-sent events
	keepUsage bool
	begun     bool // content was seen

	early []byte    // held back before the first content
	ready bool      // nothing is held back any more
	heard time.Time // the upstream
}

func (p *passing) frame(out []byte, f wire.Frame) ([]byte, bool, bool, error) {
	class := p.meter.Frame(f)
	switch class {
	case llm.FrameError:
		out, err := p.fault(out, f)
		return out, err == nil, true, err
	case llm.FrameUsage:
		if !p.keepUsage {
			return out, false, false, nil
		}
	case llm.FrameContent:
		p.begun = true
		p.x.heard.chunks++
	case llm.FrameOther, llm.FrameEnd:
	}
	end := class == llm.FrameEnd
	return p.append(out, f), p.begun || end, end, nil
}

// fault passes on an error event in the upstream's own words: as the body of an
// HTTP error while nothing was sent. It is an error of its own where somebody else
// may be asked.
func (p *passing) fault(out []byte, f wire.Frame) ([]byte, error) {
	fault := p.meter.Result().Fault
	if fault == nil {
		fault = &llm.Error{Kind: llm.ErrUpstream, Upstream: true, Message: "the upstream reported an error"}
	}
	if !p.begun && p.x.moves(fault) {
		return out, fault
	}
	p.x.err = fault
	if p.begun || p.x.out.opened() {
		if p.x.gw.tells(f.Raw) || p.x.gw.tells(f.Data) {
			return out, fault // in our words: those of a frame cannot be changed in every framing
		}
		return p.append(out, f), nil
	}
	status, _ := p.x.front.EncodeError(fault, p.x.id)
	p.settle()
	p.x.out.body(status, "application/json", p.x.gw.hide(f.Data))
	return out[:0], nil
}

func (p *passing) append(out []byte, f wire.Frame) []byte {
	if p.reframe != nil {
		return p.reframe(out, f)
	}
	if p.x.lane == laneBytes {
		return append(out, f.Raw...)
	}
	return wire.AppendSSE(out, string(f.Event), f.Data)
}

func (p *passing) end(out []byte) ([]byte, error) {
	return out, p.complete()
}

func (p *passing) settle() {
	if p.x.accounted { // what is in the ledger stands
		return
	}
	err := p.x.err
	p.x.took(p.meter.Result())
	if p.x.err == nil {
		p.x.err = err
	}
}

// translating decodes frames to events and encodes those for the client.
type translating struct {
	x     *exchange
	dec   llm.StreamDecoder
	enc   llm.StreamEncoder
	yield llm.Yield // of the decoder
	out   []byte
	ready bool
	over  bool
	fault *llm.Error

	reported bool // losses
	lost     bool // there were some
}

func newTranslating(x *exchange) *translating {
	t := &translating{x: x, dec: x.back.NewStreamDecoder(), enc: x.encoder()}
	t.yield = t.event
	if x.json != nil {
		var odd llm.OddHold
		changed := x.json.Stream(func(e *llm.Event) error { return odd.Give(e, t.event) })
		t.yield = func(e *llm.Event) error { odd.Take(e); return changed(e) }
	}
	return t
}

// event takes what the client is to get.
func (t *translating) event(e *llm.Event) error {
	e.Usage = t.x.lifetimes(e.Usage)
	switch e.Kind {
	case llm.EventStart:
		t.x.served = e.Model
		t.x.usage = e.Usage
		if e.Created == 0 {
			e.Created = t.x.start.Unix()
		}
	case llm.EventPartStart, llm.EventPartEnd:
		t.ready = true
	case llm.EventDelta:
		t.ready = true
		t.x.outBytes += int64(len(e.Text))
		t.x.heard.chunks++
	case llm.EventFinish:
		t.x.usage, t.x.stop, t.x.complete = e.Usage, e.Stop, true
		t.ready, t.over = true, true
	case llm.EventFault:
		t.fault, t.over = e.Err, true
		return nil
	}
	before := len(t.out)
	t.out = t.enc.Append(t.out, e)
	if e.Kind == llm.EventFinish {
		t.report()
		t.out = t.comment(t.out, before)
	}
	return nil
}

// report adds what the stream lost to the report, once.
func (t *translating) report() {
	if t.reported {
		return
	}
	t.reported = true
	before := len(t.x.losses)
	t.x.lost(t.dec.Losses())
	t.x.ruled()
	said := t.enc.Losses() // of all rounds so far
	t.x.lost(said[min(t.x.unsaid, len(said)):])
	t.x.unsaid = len(said)
	t.lost = len(t.x.losses) > before
}

// comment tells the client of losses although the head is out: before the end of
// the stream, which stands from at on. Clients stop reading there.
func (t *translating) comment(out []byte, at int) []byte {
	enc := t.enc
	if s, ok := enc.(*shaper); ok {
		enc = s.StreamEncoder
	}
	c, ok := enc.(llm.Commenter)
	if !ok || !t.lost || t.x.rounds != nil && t.x.rounds.Wants() {
		return out
	}
	return slices.Insert(out, at, c.Comment(nil, "x-turnpike-loss "+llm.LossHeader(t.x.losses))...)
}

func (t *translating) frame(out []byte, f wire.Frame) ([]byte, bool, bool, error) {
	t.out = out
	if err := t.dec.Frame(f, t.yield); err != nil {
		return t.out, t.ready, true, t.x.understand(err)
	}
	if t.fault != nil {
		return t.out, t.ready, true, t.fault
	}
	return t.out, t.ready, t.over, nil
}

func (t *translating) end(out []byte) ([]byte, error) {
	t.out = out
	if err := t.dec.End(t.yield); err != nil {
		return t.out, t.x.understand(err)
	}
	if t.fault != nil {
		t.fault.Torn = true // no frame said so: the frames just ended
		return t.out, t.fault
	}
	return t.out, nil
}

func (t *translating) settle() { t.report() }

// understand is a frame that makes no sense.
func (x *exchange) understand(err error) error {
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return e
	}
	return &llm.Error{
		Kind: llm.ErrUpstream, Upstream: true, Cause: err,
		Message: "the stream of provider " + x.target.Provider.Name() + " could not be understood",
	}
}
