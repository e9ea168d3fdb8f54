package limit

import (
	"context"
	"sync/atomic"
	"time"
)

// Limiter decides who may run: in Redis for all replicas together where there is one,
// else in memory. Where Redis is slow or gone, a replica goes by its share.
type Limiter struct {
	memory    *Memory
	redis     *Redis // nil: this process is alone
	now       func() time.Time
	start     time.Time
	fallbacks atomic.Int64
}

// New makes a limiter; r may be nil.
func New(now func() time.Time, r *Redis) *Limiter {
	return &Limiter{memory: NewMemory(), redis: r, now: now, start: now()}
}

// Admit takes room for a request that may use so many tokens within all claims of the
// ticket, or none at all. It tells whether the request may run; a ticket that was
// admitted must be closed.
func (l *Limiter) Admit(ctx context.Context, t *Ticket, tokens int64) bool {
	t.from, t.born = l, l.now()
	t.reserve(tokens)
	ok := l.admit(ctx, t, tokens)
	if ok {
		t.state.Store(admitted)
	} else {
		t.state.Store(refused)
	}
	return ok
}

func (l *Limiter) admit(ctx context.Context, t *Ticket, tokens int64) bool {
	if l.redis != nil {
		if ok, err := l.redis.admit(ctx, t); err == nil {
			t.Shared = true
			return ok
		}
		l.fallbacks.Add(1)
		t.share(l.redis.replicas.Load())
		t.reserve(tokens)
	}
	return l.memory.admit(t, l.millis())
}

func (l *Limiter) settle(t *Ticket, tokens int64, void bool) {
	if t.Shared {
		l.redis.settle(t, tokens, void)
		return
	}
	l.memory.settle(t, tokens, void, l.millis())
}

// millis counts from the limiter's beginning, by a clock that nobody sets.
func (l *Limiter) millis() int64 { return l.now().Sub(l.start).Milliseconds() }

// State is how a limiter stands.
type State struct {
	Redis     bool      // limits are shared through Redis
	Away      time.Time // since when it has been away; zero: it is there
	Replicas  int64     // that were last known to be alive, this one among them
	Fallbacks int64     // requests that were decided by this replica's share
	Waiting   int64     // settlements that wait for Redis
	Lost      int64     // settlements that Redis will never have
}

// State tells how it stands.
func (l *Limiter) State() State {
	s := State{Fallbacks: l.fallbacks.Load()}
	if r := l.redis; r != nil {
		s.Redis, s.Replicas, s.Waiting, s.Lost = true, r.replicas.Load(), r.waiting.Load(), r.lost.Load()
		if since := r.away.Load(); since != nil {
			s.Away = *since
		}
	}
	return s
}
