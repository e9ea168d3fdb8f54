package budget

import (
	"sync"
	"time"
)

// account is a budget in one period, as far as this replica goes.
type account struct {
	id   string // of the budget
	span Span

	mu       sync.Mutex
	rule     *Rule
	who      Who
	free     int64 // of the lease, neither reserved nor spent; below zero: more was spent than leased
	reserved int64
	closed   bool // it is not in use any more: look for it again
	touched  time.Time

	flight *flight // a question to the bank that is under way
	wanted int64   // by those who wait for it
	drawn  int64   // reserved since the last grant, which tells how much comes and goes
	since  time.Time
	grant  Grant     // the last one
	asOf   time.Time // of the grant; zero: none yet
	away   time.Time // until then the bank is not asked: it failed
	lost   int64     // leased before the lease ended for want of a bank
	told   int       // percent that were told of
}

// flight is a question to the bank that several may wait for.
type flight struct {
	done chan struct{}
	err  error
}

// spent is what is known to be spent by all.
func (a *account) spent() int64 {
	if a.rule.Soft {
		return a.grant.Others + a.grant.Mine
	}
	return a.grant.Others + a.grant.Mine - a.free - a.reserved - a.lost
}

// short tells whether an amount does not fit.
func (a *account) short(amount int64) bool { return !a.rule.Soft && a.free < amount }

// take reserves.
func (a *account) take(amount int64) {
	a.reserved += amount
	a.drawn += amount
	if !a.rule.Soft {
		a.free -= amount
	}
}

// settle turns a part of what was reserved into what was spent.
func (a *account) settle(reserved, spent int64) {
	a.reserved -= reserved
	if !a.rule.Soft {
		a.free += reserved - spent
	}
}

// idle tells whether nobody uses the account.
func (a *account) idle(now time.Time, after time.Duration) bool {
	return a.reserved == 0 && a.flight == nil && a.wanted == 0 && now.Sub(a.touched) >= after
}

// over tells whether the period has ended.
func (a *account) over(now time.Time) bool { return !a.span.End.IsZero() && !now.Before(a.span.End) }

const (
	// leaseFor is for how long of its traffic a replica leases.
	leaseFor = 5 * time.Second
	// rateOver is the least time a rate is taken over.
	rateOver = time.Second
	// leastShare is the part of a limit that a lease is not made smaller than.
	leastShare = 1000
)

// appetite is how much to lease beside what is waited for.
func (a *account) appetite(now time.Time) int64 {
	over := max(now.Sub(a.since), rateOver)
	rate := float64(a.drawn) * float64(leaseFor) / float64(over)
	return max(int64(min(rate, 1e18)), a.rule.Limit/leastShare)
}

// low tells whether it is time to lease more before there is nothing left.
func (a *account) low(now time.Time) bool {
	return !a.rule.Soft && a.flight == nil && !now.Before(a.away) && a.free < a.appetite(now)/2 && (a.asOf.IsZero() || a.grant.Left() > 0 || now.Sub(a.asOf) >= dryFor)
}
