package health

import (
	"math"
	"sync/atomic"
	"time"

	"turnpike/internal/llm"
)

const (
	rateLimitSpan = 5 * time.Minute // how long a 429 is remembered
	askedSpan     = time.Minute     // what least-used calls recent
	ttftShare     = 0.3             // of a new time to first token in the average
	staleAfter    = 10 * time.Second
	staleHalf     = 15 * time.Second // a slow place that gets no requests is forgiven by half in this time
	tick          = 100 * time.Millisecond
)

// Place is one model at one account.
type Place struct {
	account *Breaker // what concerns the whole account
	breaker Breaker

	inflight atomic.Int64
	limited  window        // 429s
	asked    window        // requests
	ttft     atomic.Uint64 // milliseconds as float32 above, time in ticks below; 0: unknown
}

// NewPlace makes a place of an account, whose breaker all its places share.
func NewPlace(account *Breaker) *Place {
	p := &Place{account: account}
	p.breaker.account = account
	return p
}

// TryNow ends the cool-down of the place itself, not its account's.
func (p *Place) TryNow(now time.Time) (was bool) { return p.breaker.TryNow(now) }

// State is the worse of the place's and its account's.
func (p *Place) State(now time.Time) State {
	return max(p.breaker.State(now), p.account.State(now))
}

// Cooling tells until when the place is left alone, and why; zero when it is not.
func (p *Place) Cooling() (time.Time, Class) {
	t, c := p.breaker.Until()
	if at, ac := p.account.Until(); at.After(t) {
		return at, ac
	}
	return t, c
}

// Reset forgets the place's cool-down.
func (p *Place) Reset() { p.breaker.Reset() }

// Live is what a choice looks at.
type Live struct {
	Inflight  int64
	Asked     float64 // requests of the last minute
	Limited   float64 // 429s of the last five minutes, fading
	TTFT      float64 // milliseconds until the first content; 0: not known
	ErrorRate float64 // 0 to 1
}

// Live reads the data of the moment.
func (p *Place) Live(now time.Time) Live {
	l := p.Shape(now)
	l.Asked = p.Used(now).Asked
	return l
}

// Shape is the part of Live that tells how well the place serves.
func (p *Place) Shape(now time.Time) Live {
	return Live{Inflight: p.inflight.Load(), Limited: p.limited.fading(now, rateLimitSpan), TTFT: p.TTFT(now), ErrorRate: p.breaker.errorRate(now)}
}

// Used is the part of Live that tells how much it is used.
func (p *Place) Used(now time.Time) Live {
	return Live{Inflight: p.inflight.Load(), Asked: p.asked.count(now, askedSpan)}
}

// Inflight is the number of requests under way there.
func (p *Place) Inflight() int64 { return p.inflight.Load() }

// TTFT is the average time to the first content in milliseconds, 0 where it is
// not known. What was slow and has had no request for a while is taken to be
// faster than it was, or nobody would ever find out.
func (p *Place) TTFT(now time.Time) float64 {
	word := p.ttft.Load()
	if word == 0 {
		return 0
	}
	v := float64(math.Float32frombits(uint32(word >> 32)))
	age := time.Duration(ticks(now)-uint32(word)) * tick //nolint:gosec // the lower half is meant
	if age > staleAfter {
		v *= math.Exp2(-float64(age-staleAfter) / float64(staleHalf))
	}
	return v
}

func ticks(now time.Time) uint32 { return uint32(now.UnixNano() / int64(tick)) } //nolint:gosec // wraps

func (p *Place) noteTTFT(d time.Duration, now time.Time) {
	ms := max(float64(d)/float64(time.Millisecond), 0.01)
	for {
		old := p.ttft.Load()
		v := ms
		if old != 0 {
			before := float64(math.Float32frombits(uint32(old >> 32)))
			v = before + ttftShare*(ms-before)
		}
		if p.ttft.CompareAndSwap(old, uint64(math.Float32bits(float32(v)))<<32|uint64(ticks(now))) {
			return
		}
	}
}

// Handle is one request under way at a place. It is a value: no allocation.
type Handle struct {
	place *Place
	now   func() time.Time
	began time.Time
	tries [2]bool // it is the one that tries: of the account, of the place
}

// Begin counts a request in. Where the place is half open it may be the one that
// tries; ok is false when another one is trying already, or a cool-down has begun
// since the choice. last is for a request that has nowhere else to go: it is let
// in whatever the state.
func (p *Place) Begin(now func() time.Time, last bool) (h Handle, ok bool) {
	h = Handle{place: p, now: now, began: now()}
	for i, b := range p.breakers() {
		state := b.State(h.began)
		h.tries[i] = state == HalfOpen && b.tryProbe(h.began)
		if state != Closed && !h.tries[i] && !last {
			h.giveBack()
			return Handle{}, false
		}
	}
	p.inflight.Add(1)
	p.asked.add(h.began, askedSpan)
	return h, true
}

func (p *Place) breakers() [2]*Breaker { return [2]*Breaker{p.account, &p.breaker} }

// FirstContent notes how long the first content took. A place that gives some is
// well: others need not wait for the end of a long stream.
func (h Handle) FirstContent(d time.Duration) {
	if h.place == nil {
		return
	}
	h.place.noteTTFT(d, h.now())
	for _, b := range h.place.breakers() {
		b.well(h.began)
	}
}

// End counts the request out and learns from how it went. told is the wait the
// upstream asked for. It is called once.
func (h Handle) End(c Class, told time.Duration) {
	p := h.place
	if p == nil {
		return
	}
	now := h.now()
	p.inflight.Add(-1)
	switch {
	case rules[c].account:
		p.account.note(c, told, h.began, now)
	case c == Fine:
		p.account.well(h.began)
		p.breaker.note(c, told, h.began, now)
	default:
		if c == Rate {
			p.limited.add(now, rateLimitSpan)
		}
		p.breaker.note(c, told, h.began, now)
	}
	h.giveBack()
}

// Done is End for what the road knows: the error, nil for success, and whether
// the client left before the upstream had shown anything.
func (h Handle) Done(e *llm.Error, gone bool) {
	switch {
	case gone:
		h.End(Untold, 0)
	case e == nil:
		h.End(Fine, 0)
	default:
		h.End(Classify(e), e.RetryAfter)
	}
}

// Heard learns from a call that failed and was none for an answer: only what holds
// for answers too. An account that refuses our credentials there, or cannot be
// connected to, is so for all; limits, load and failures are that API's own.
func (p *Place) Heard(e *llm.Error, began, now time.Time) {
	switch c := Classify(e); {
	case c == Auth:
		p.account.note(c, e.RetryAfter, began, now)
	case c == Failure && e.UpstreamStatus == 0 && e.Kind != llm.ErrTimeout:
		p.breaker.note(c, 0, began, now)
	}
}

// giveBack lets another request try where this one has told nothing.
func (h Handle) giveBack() {
	for i, b := range h.place.breakers() {
		if h.tries[i] {
			b.probe.Store(0)
		}
	}
}
