package budget

import (
	"context"
	"time"
)

// Bank is where all replicas keep what is spent, and lease parts of what is left.
// Of an account it counts, for each replica, the larger of what that has leased and
// what it is known to have spent: so a replica that cannot be asked counts in full.
type Bank interface {
	// Lease grants a part of what is left, or tells that there is not enough.
	Lease(ctx context.Context, c *Claim) (Grant, error)
	// Return gives back what was leased and not spent.
	Return(ctx context.Context, r *Refund) error
	// Touch makes the leases of a replica last.
	Touch(ctx context.Context, replica string, until time.Time) error
	// Reclaim gives back what processes leased that ran here before, on the same
	// journal, and did not spend. All they spent is known by then.
	Reclaim(ctx context.Context, home, replica string) error
	// Tell notes that a budget has come to a percentage in a period. It is true for
	// one of all the replicas that say so.
	Tell(ctx context.Context, budget string, period time.Time, percent int) (bool, error)
	// Sweep forgets parts of a rolling window before a time.
	Sweep(ctx context.Context, budget string, before time.Time) error
	// SweepCharges forgets what single attempts before a time counted, but not its sum.
	SweepCharges(ctx context.Context, before time.Time) error
}

// Claim asks for a part of a budget.
type Claim struct {
	Budget  string
	Span    Span
	Limit   int64
	Replica string // who asks
	Home    string // where: the journal that its attempts are in
	Need    int64  // less is of no use; 0: any part
	Want    int64  // more is not wanted
	Debt    int64  // was spent already and counts in any case
	Now     time.Time
	Until   time.Time // when the lease ends unless it is touched
}

// Grant is the answer, and how the budget stands.
type Grant struct {
	Amount int64 // that was granted, debt left out; 0: not enough is left
	Limit  int64 // with what was recharged and what rolled over
	Mine   int64 // leased by this replica in this period, or spent where it leases nothing
	Others int64 // spent by all others and in earlier parts of the window, as far as it is known
	Held   int64 // spent or leased, by all
}

// Left is what nobody has spent or leased.
func (g *Grant) Left() int64 { return g.Limit - g.Held }

// Refund gives back a part of a lease.
type Refund struct {
	Budget  string
	Period  time.Time
	Replica string
	Amount  int64
}
