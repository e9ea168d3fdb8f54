package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"turnpike/internal/provider"
)

// errIdle ends an upstream call whose answer stopped coming.
var errIdle = errors.New("the upstream stopped sending")

// errSlow ends an upstream call whose answer has no content yet after too long.
var errSlow = errors.New("the upstream did not begin its answer")

// errDrained ends an upstream call whose client left too long ago.
var errDrained = errors.New("the client left and the rest took too long")

// pulse watches over a streamed answer with one timer: it keeps a silent
// connection to the client alive, and ends the call when the upstream has been
// silent for too long, so that signs of life never hide a dead upstream.
type pulse struct {
	out   *client
	every time.Duration // of silence towards the client; 0: no heartbeats
	now   func() time.Time

	mu       sync.Mutex
	cancel   context.CancelCauseFunc // of the call; nil between two
	idle     time.Duration           // of silence from the upstream; 0: no bound
	content  time.Duration           // until the first content; 0: no bound, or it is there
	since    time.Time               // the call's beginning
	timer    *time.Timer
	lastRead time.Time
	reading  bool // the body is being read: before that, other bounds hold
	stopped  bool
}

// newPulse starts watching.
func newPulse(out *client, every time.Duration, now func() time.Time) *pulse {
	p := &pulse{out: out, every: every, now: now}
	out.mu.Lock()
	out.lastWrite = now()
	out.mu.Unlock()
	if every > 0 {
		p.mu.Lock()
		p.timer = time.AfterFunc(every, p.beat)
		p.mu.Unlock()
	}
	return p
}

func (p *pulse) shorter(a, b time.Duration) time.Duration {
	if a <= 0 || b > 0 && b < a {
		return b
	}
	return a
}

// read notes that the upstream sent something.
func (p *pulse) read(now time.Time) {
	p.mu.Lock()
	p.lastRead, p.reading = now, true
	p.mu.Unlock()
}

// turn watches over a call.
func (p *pulse) turn(cancel context.CancelCauseFunc, t provider.Timeouts, now time.Time) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancel, p.reading = cancel, false
	p.idle, p.content, p.since = t.Idle, t.FirstContent, now
	d := p.shorter(p.idle, p.content)
	switch {
	case d <= 0 || p.stopped:
	case p.timer == nil:
		p.timer = time.AfterFunc(d, p.beat)
	case p.every <= 0 || d < p.every:
		p.timer.Reset(d)
	}
}

// again watches over the next call of a continued answer.
func (p *pulse) again(cancel context.CancelCauseFunc) {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.cancel, p.reading = cancel, false
	p.mu.Unlock()
}

// spoken notes the first content.
func (p *pulse) spoken() {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.content = 0
	p.mu.Unlock()
}

// beat runs when either silence may have lasted long enough.
func (p *pulse) beat() {
	now := p.now()
	p.mu.Lock()
	if p.stopped {
		p.mu.Unlock()
		return
	}
	if _, cause := p.left(now); cause != nil && p.cancel != nil {
		cancel := p.cancel
		p.cancel, p.idle, p.content = nil, 0, 0
		if p.every > 0 {
			p.timer.Reset(p.every) // another call may follow
		}
		p.mu.Unlock()
		cancel(cause)
		return
	}
	p.mu.Unlock()
	var untilBeat time.Duration
	if p.every > 0 {
		_, last := p.out.heartbeat(now.Add(-p.every), now)
		untilBeat = max(p.every-now.Sub(last), time.Millisecond)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	left, _ := p.left(now)
	if d := p.shorter(untilBeat, left); !p.stopped && d > 0 {
		p.timer.Reset(d)
	}
}

// left is how long the call may be silent from now on, 0 where there is no bound;
// cause is why it has to end.
func (p *pulse) left(now time.Time) (left time.Duration, cause error) {
	if p.idle > 0 {
		left = p.idle
		if p.reading {
			left -= now.Sub(p.lastRead)
		}
		if left <= 0 {
			return 0, errIdle
		}
	}
	if p.content > 0 {
		rest := p.content - now.Sub(p.since)
		if rest <= 0 {
			return 0, errSlow
		}
		left = p.shorter(left, rest)
	}
	return left, nil
}

// stop ends the watch.
func (p *pulse) stop() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.timer != nil {
		p.timer.Stop()
	}
}
