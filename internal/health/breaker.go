package health

import (
	"sync"
	"sync/atomic"
	"time"
)

// When failures open a breaker: so many in a row, or half of at least so many
// within the span.
const (
	maxRow      = 5
	rateSpan    = 30 * time.Second
	rateLeast   = 10
	ratePercent = 50
)

// probeFor is how long a probe may take before another request may try.
const probeFor = 2 * time.Minute

// forgetAfter is how long a place must have been well before its next cool-down
// begins short again.
const forgetAfter = 5 * time.Minute

// State of a breaker.
type State uint8

// States of a breaker.
const (
	Closed   State = iota // all is well
	HalfOpen              // one real request may try
	Open                  // it is left alone
)

// Breaker keeps requests away from what does not work: for a while, then for
// all but one, until that one succeeds.
type Breaker struct {
	until atomic.Int64 // cooling until (Unix nanoseconds); 0: closed
	probe atomic.Int64 // a request is trying, at most until then
	class atomic.Uint32

	failed, ended window // of rateSpan

	row atomic.Int32 // failures since the last success

	account *Breaker                 // what counts its cool-downs; nil: it does so itself
	begun   [len(rules)]atomic.Int64 // cool-downs by class, those of an account's places among them

	mu    sync.Mutex // for those who change the state
	trips int
	since time.Time // of the last trip
}

// State tells whether requests may go there now.
func (b *Breaker) State(now time.Time) State {
	until := b.until.Load()
	switch n := now.UnixNano(); {
	case until == 0:
		return Closed
	case n < until, n < b.probe.Load():
		return Open
	default:
		return HalfOpen
	}
}

// Until is the end of the cool-down and its class; zero where there is none.
func (b *Breaker) Until() (time.Time, Class) {
	until := b.until.Load()
	if until == 0 {
		return time.Time{}, Fine
	}
	return time.Unix(0, until), Class(b.class.Load()) //nolint:gosec // holds a Class
}

// tryProbe takes the place of the one request that may try.
func (b *Breaker) tryProbe(now time.Time) bool {
	old, n := b.probe.Load(), now.UnixNano()
	return n >= old && b.probe.CompareAndSwap(old, now.Add(probeFor).UnixNano())
}

// errorRate is the share of requests that failed lately, 0 with too few to tell.
func (b *Breaker) errorRate(now time.Time) float64 {
	failed := b.failed.count(now, rateSpan)
	if failed == 0 {
		return 0
	}
	n := b.ended.count(now, rateSpan)
	if n < rateLeast {
		return 0
	}
	return min(1, failed/n)
}

// note learns from a request that began at the given time.
func (b *Breaker) note(c Class, told time.Duration, began, now time.Time) {
	if c == Untold {
		return
	}
	b.ended.add(now, rateSpan)
	if c == Fine {
		b.well(began)
		return
	}
	if c != Rate {
		b.failed.add(now, rateSpan)
	}
	row := b.row.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if c == Failure && b.until.Load() == 0 && row < maxRow && b.errorRate(now)*100 < ratePercent {
		return
	}
	b.trip(c, told, began, now)
}

// well closes the breaker for a request that was sent after it had opened: one
// that was under way before proves nothing.
func (b *Breaker) well(began time.Time) {
	if b.row.Load() != 0 {
		b.row.Store(0)
	}
	if b.until.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.Load() != 0 && began.After(b.since) {
		b.until.Store(0)
		b.probe.Store(0)
		b.failed.clear()
		b.ended.clear()
	}
}

// trip begins or prolongs a cool-down. Requests that were under way when it
// began fail for the same reason and do not make it longer, unless the upstream
// itself asks for more.
func (b *Breaker) trip(c Class, told time.Duration, began, now time.Time) {
	r := rules[c]
	cooling := b.until.Load() != 0
	late := cooling && !began.After(b.since)
	if !late {
		if now.Sub(b.since) > forgetAfter+r.most {
			b.trips = 0
		}
		b.trips++
		b.since = now
		b.count(c)
	}
	pause := min(r.first<<min(b.trips-1, 16), r.most)
	if asked := min(told, r.told); asked > 0 {
		pause = asked
	}
	until := now.Add(pause).UnixNano()
	if late && (told == 0 || until <= b.until.Load()) {
		return
	}
	b.class.Store(uint32(c))
	b.until.Store(until)
	b.probe.Store(0)
}

// count notes that a cool-down has begun.
func (b *Breaker) count(c Class) {
	if b.account != nil {
		b = b.account
	}
	b.begun[c].Add(1)
}

// Begun tells how many cool-downs of a class have begun: of an account's breaker
// also those of its models.
func (b *Breaker) Begun(c Class) int64 { return b.begun[c].Load() }

// Reset closes the breaker: credentials were changed, or somebody who knows says so.
func (b *Breaker) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trips = 0
	b.row.Store(0)
	b.until.Store(0)
	b.probe.Store(0)
	b.failed.clear()
	b.ended.clear()
}

// TryNow ends a cool-down: the next request tries, and the breaker opens again if it fails.
func (b *Breaker) TryNow(now time.Time) (was bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.Load() <= now.UnixNano() {
		return false
	}
	b.until.Store(now.UnixNano())
	b.probe.Store(0)
	return true
}

// Check learns from a question that was asked beside the requests, such as for
// the list of models: it finds out that an account does not answer or does not
// know us any more, and that it does again. Of limits it says nothing.
func (b *Breaker) Check(c Class, began, now time.Time) {
	switch _, cooling := b.Until(); {
	case c == Auth, c == Failure:
		b.note(c, 0, began, now)
	case c == Fine && cooling != Quota:
		b.well(began)
	}
}
