package budget

import (
	"context"
	"sync"
	"time"
)

// Hold is what one request has reserved. It must be closed. Ready is for the request's
// goroutine alone, and not once the hold is parked.
type Hold struct {
	k      *Keeper
	at     time.Time
	mu     sync.Mutex // Spend and Close
	parts  []part
	room   [3]part // for them: most requests count for few budgets
	closed bool
}

// part is what it has reserved in one budget.
type part struct {
	ask    Ask
	acc    *account
	goal   int64 // what is to be reserved
	held   int64 // what is
	forced bool  // the bank is away and the operator's policy is to go on
}

// due is what is still to be reserved.
func (p *part) due() int64 { return max(0, p.goal-p.held) }

// Ready makes sure that the worst case of so many attempts is reserved, those under
// way included, in all budgets or in none.
func (h *Hold) Ready(ctx context.Context, attempts int64) error {
	if h.closed {
		return nil
	}
	for i := range h.parts {
		p := &h.parts[i]
		p.goal = attempts * p.ask.Amount
	}
	return h.k.reserve(ctx, h)
}

// Charge is what an attempt counts for a budget.
type Charge struct {
	Budget string
	Unit   string
	Period time.Time // its beginning
	Amount int64
}

// Hard tells whether any of the budgets can refuse.
func (h *Hold) Hard() bool {
	for i := range h.parts {
		if !h.parts[i].ask.Rule.Soft {
			return true
		}
	}
	return false
}

// AppendCharges tells what an attempt that costs so much counts for each budget, in the
// period the request was admitted in. It settles nothing.
func (h *Hold) AppendCharges(list []Charge, nano, tokens int64) []Charge {
	for i := range h.parts {
		p := &h.parts[i]
		c := Charge{Budget: p.acc.id, Unit: p.ask.Rule.Unit, Period: p.acc.span.Start, Amount: nano}
		if c.Unit == Tokens {
			c.Amount = tokens
		}
		list = append(list, c)
	}
	return list
}

// AppendWorst tells what an attempt counts that nobody saw the end of: what was reserved
// for it.
func (h *Hold) AppendWorst(list []Charge) []Charge {
	from := len(list)
	list = h.AppendCharges(list, 0, 0)
	for i := range h.parts {
		list[from+i].Amount = h.parts[i].ask.Amount
	}
	return list
}

// Spend settles what an attempt has cost. What was reserved beyond it stays so, for
// the next attempt.
func (h *Hold) Spend(nano, tokens int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	for i := range h.parts {
		p := &h.parts[i]
		amount := nano
		if p.ask.Rule.Unit == Tokens {
			amount = tokens
		}
		used := min(p.held, amount)
		p.acc.mu.Lock()
		p.acc.settle(used, amount)
		p.acc.mu.Unlock()
		p.held -= used
	}
}

// Close gives back what is reserved and was not spent. Doing it twice changes nothing.
func (h *Hold) Close() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	now := h.k.opt.Now()
	for i := range h.parts {
		p := &h.parts[i]
		p.acc.mu.Lock()
		p.acc.settle(p.held, 0)
		p.acc.touched = now
		p.acc.mu.Unlock()
		p.held = 0
	}
}

// Park keeps the hold of an attempt whose end comes after its request's. Take hands
// it over, to one.
func (k *Keeper) Park(attempt string, h *Hold) { k.parked.Store(attempt, h) }

// Take returns a parked hold, nil where there is none.
func (k *Keeper) Take(attempt string) *Hold {
	v, ok := k.parked.LoadAndDelete(attempt)
	if !ok {
		return nil
	}
	return v.(*Hold) //nolint:forcetypeassert // nothing else is put in
}
