package ledger

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"time"

	"turnpike/internal/ledger/journal"
	"turnpike/internal/store"
)

// Rows is where attempts are read back from.
type Rows interface {
	Attempts(ctx context.Context, refs []store.Ref) ([]store.Attempt, error)
	ChargesOf(ctx context.Context, refs []store.Ref) (map[string][]store.BudgetCharge, error)
}

// Count is a number of attempts and the sum of their usage.
type Count struct {
	// Attempts is how many there are.
	Attempts int64
	// Usage is the sum; Estimated when any part of it is.
	Usage store.Usage
}

func (c *Count) add(a *store.Attempt) {
	c.Attempts++
	u, v := &c.Usage, &a.Usage
	u.Input += v.Input
	u.Output += v.Output
	u.CacheRead += v.CacheRead
	u.CacheWrite5m += v.CacheWrite5m
	u.CacheWrite1h += v.CacheWrite1h
	u.Reasoning += v.Reasoning
	u.Estimated = u.Estimated || v.Estimated
}

// Sum adds up what a database has summed.
func Sum(sums []store.Sum) (c Count) {
	for i := range sums {
		c.add(&store.Attempt{Usage: sums[i].Usage})
		c.Attempts += sums[i].Attempts - 1
	}
	return c
}

// Difference is an attempt of which journal and database do not say the same.
type Difference struct {
	// ID is the attempt's.
	ID string `json:"id"`
	// What is wrong, in words for people.
	What string `json:"what"`
}

// Verdict is what a comparison of journal and database found.
type Verdict struct {
	// Journal is what the journal holds: attempts stay in it for a while after
	// they are recorded.
	Journal Count
	// Recorded is what the database says of the same attempts.
	Recorded Count
	// Waiting is what of them is not in the database yet, and need not be.
	Waiting Count
	// Report is the state of the journal itself.
	Report journal.Report
	// Unread counts records of the journal that are no attempt.
	Unread int64
	// Differences are the first of them; Differ counts all.
	Differences []Difference
	Differ      int64
}

// Good tells whether nothing is missing and nothing differs.
func (v *Verdict) Good() bool {
	return v.Differ == 0 && v.Unread == 0 && v.Report.Missing == 0 && v.Report.Damaged == 0 && len(v.Report.Aside) == 0
}

const (
	maxDifferences = 100
	verifyBatch    = 500
)

// Verify compares what the journal in a folder holds with the database. A gateway
// may be running: how far the journal is acknowledged is read first and the rows
// last, so an attempt that moves between them meanwhile is no difference. What attempts
// before charged count for budgets need not be known any more.
func Verify(ctx context.Context, dir string, rows Rows, charged time.Time) (Verdict, error) {
	c := comparison{ctx: ctx, rows: rows, charged: charged, seed: maphash.MakeSeed(), seen: map[uint64]bool{}}
	acknowledged, err := journal.Acknowledged(dir)
	if err != nil {
		return c.v, err
	}
	c.v.Report, err = journal.Scan(dir, func(r journal.Record) error {
		if r.Kind != journal.Settled {
			c.v.Unread++
			return nil
		}
		a, err := decodeAttempt(r.Payload)
		if err != nil {
			c.v.Unread++
			return nil //nolint:nilerr // it is counted
		}
		return c.take(entry{a, r.Sequence < acknowledged})
	})
	if err == nil {
		err = c.compare()
	}
	return c.v, err
}

// comparison is one on its way.
type comparison struct {
	ctx   context.Context
	rows  Rows
	v     Verdict
	batch []entry
	seed  maphash.Seed
	seen  map[uint64]bool // hashes of ids: a journal may hold millions

	charged time.Time
}

type entry struct {
	attempt store.Attempt
	acked   bool
}

func (c *comparison) take(e entry) error {
	c.v.Journal.add(&e.attempt)
	hash := maphash.String(c.seed, e.attempt.ID)
	if c.seen[hash] {
		c.differ(e.attempt.ID, "it is in the journal twice")
	}
	c.seen[hash] = true
	if c.batch = append(c.batch, e); len(c.batch) < verifyBatch {
		return nil
	}
	return c.compare()
}

// compare looks up what has been gathered.
func (c *comparison) compare() error {
	refs := make([]store.Ref, len(c.batch))
	for i := range c.batch {
		refs[i] = store.Ref{At: c.batch[i].attempt.At, ID: c.batch[i].attempt.ID}
	}
	list, err := c.rows.Attempts(c.ctx, refs)
	if err != nil {
		return err
	}
	charges, err := c.rows.ChargesOf(c.ctx, refs)
	if err != nil {
		return err
	}
	found := make(map[string]*store.Attempt, len(list))
	for i := range list {
		found[list[i].ID] = &list[i]
	}
	for i := range c.batch {
		e := &c.batch[i]
		row := found[e.attempt.ID]
		switch {
		case row != nil:
			c.v.Recorded.add(row)
			switch {
			case !same(&e.attempt, row):
				c.differ(e.attempt.ID, "journal and database say different things of it")
			case !e.attempt.At.Before(c.charged) && !sameCharges(&e.attempt, charges[row.ID]):
				c.differ(e.attempt.ID, "journal and database do not count the same for budgets")
			}
		case e.acked:
			c.differ(e.attempt.ID, "it is not in the database")
		default:
			c.v.Waiting.add(&e.attempt)
		}
	}
	c.batch = c.batch[:0]
	return nil
}

func (c *comparison) differ(id, what string) {
	c.v.Differ++
	if len(c.v.Differences) < maxDifferences {
		c.v.Differences = append(c.v.Differences, Difference{ID: id, What: what})
	}
}

// sameCharges tells whether an attempt counts for budgets what its journal says.
func sameCharges(a *store.Attempt, have []store.BudgetCharge) bool {
	_, want := store.ReadBudgetCharges(a.Budgets)
	slices.SortFunc(want, func(a, b store.BudgetCharge) int { return cmp.Compare(a.Budget, b.Budget) })
	return slices.EqualFunc(want, have, func(a, b store.BudgetCharge) bool {
		return a.Budget == b.Budget && a.Period.Equal(b.Period) && a.Amount == b.Amount
	})
}

// same compares to the nanosecond: times have other differences. What an attempt
// costs may have been corrected since (prices rerate), by another book; what it used may
// not.
func same(a, b *store.Attempt) bool {
	x, y := *a, *b
	x.At, x.Budgets = y.At, y.Budgets // budgets are compared by themselves
	if p, q := &x.Charge, &y.Charge; p.Version == q.Version && p.Kind == q.Kind && p.Region == q.Region {
		return x == y && a.At.UnixNano() == b.At.UnixNano()
	}
	x.Charge.Nano, x.Charge.Unpriced, x.Charge.Version = y.Charge.Nano, y.Charge.Unpriced, y.Charge.Version
	x.Charge.Kind, x.Charge.Region = y.Charge.Kind, y.Charge.Region
	return x == y && a.At.UnixNano() == b.At.UnixNano()
}
