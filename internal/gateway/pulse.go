package gateway

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errIdle ends an upstream call whose answer stopped coming.
var errIdle = errors.New("the upstream stopped sending")

// errDrained ends an upstream call whose client left too long ago.
var errDrained = errors.New("the client left and the rest took too long")

// pulse watches over a streamed answer with one timer: it keeps a silent
// connection to the client alive, and ends the call when the upstream has been
// silent for too long, so that signs of life never hide a dead upstream.
type pulse struct {
	out    *client
	every  time.Duration // of silence towards the client; 0: no heartbeats
	idle   time.Duration // of silence from the upstream; 0: no bound
	now    func() time.Time
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	timer    *time.Timer
	lastRead time.Time
	reading  bool // the body is being read: before that, other bounds hold
	stopped  bool
}

// newPulse starts watching.
func newPulse(out *client, every, idle time.Duration, now func() time.Time, cancel context.CancelCauseFunc) *pulse {
	p := &pulse{out: out, every: every, idle: idle, now: now, cancel: cancel}
	out.mu.Lock()
	out.lastWrite = now()
	out.mu.Unlock()
	if d := p.shorter(every, idle); d > 0 {
		p.mu.Lock()
		p.timer = time.AfterFunc(d, p.beat)
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

// turn watches over the next call of a continued answer.
func (p *pulse) turn(cancel context.CancelCauseFunc) {
	p.mu.Lock()
	p.cancel, p.reading = cancel, false
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
	var untilIdle time.Duration
	if p.idle > 0 {
		untilIdle = p.idle
		if p.reading {
			untilIdle = p.idle - now.Sub(p.lastRead)
		}
	}
	cancel := p.cancel
	p.mu.Unlock()
	if p.idle > 0 && untilIdle <= 0 {
		cancel(errIdle)
		return
	}
	var untilBeat time.Duration
	if p.every > 0 {
		_, last := p.out.heartbeat(now.Add(-p.every), now)
		untilBeat = max(p.every-now.Sub(last), time.Millisecond)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.timer.Reset(p.shorter(untilBeat, untilIdle))
	}
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
