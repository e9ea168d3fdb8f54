package budget

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"turnpike/internal/store"
)

// storeBank is the store as a bank; away makes it fail.
type storeBank struct {
	s    *store.Store
	away atomic.Bool
	asks atomic.Int64
}

var errAway = errors.New("connection refused")

func (b *storeBank) Lease(ctx context.Context, c *Claim) (Grant, error) {
	b.asks.Add(1)
	if b.away.Load() {
		return Grant{}, errAway
	}
	g, err := b.s.LeaseBudget(ctx, &store.BudgetClaim{
		Budget: c.Budget, Period: c.Span.Start, Since: c.Span.Since, Before: c.Span.Before, Limit: c.Limit, Replica: c.Replica, Home: c.Home,
		Need: c.Need, Want: c.Want, Debt: c.Debt, Now: c.Now, Until: c.Until,
	})
	return Grant(g), err
}

func (b *storeBank) Return(ctx context.Context, r *Refund) error {
	if b.away.Load() {
		return errAway
	}
	return b.s.ReturnBudget(ctx, r.Budget, r.Period, r.Replica, r.Amount)
}

func (b *storeBank) Touch(ctx context.Context, replica string, until time.Time) error {
	if b.away.Load() {
		return errAway
	}
	return b.s.TouchBudgets(ctx, replica, until)
}

func (b *storeBank) Reclaim(ctx context.Context, home, replica string) error {
	return b.s.ReclaimBudgets(ctx, home, replica)
}

func (b *storeBank) Tell(ctx context.Context, id string, period time.Time, percent int) (bool, error) {
	return b.s.TellBudget(ctx, id, period, percent)
}

func (b *storeBank) Sweep(ctx context.Context, id string, before time.Time) error {
	return b.s.SweepBudget(ctx, id, before)
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// world is a store and a clock that several replicas share.
type world struct {
	t    *testing.T
	s    *store.Store
	now  atomic.Pointer[time.Time]
	told chan Crossing
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s, err := openPlace(t.Context(), newPlace(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := &world{t: t, s: s, told: make(chan Crossing, 100)}
	w.now.Store(&noon)
	return w
}

func (w *world) clock() time.Time { return *w.now.Load() }

func (w *world) pass(d time.Duration) {
	t := w.clock().Add(d)
	w.now.Store(&t)
}

// replica is a process with a journal of its own.
type replica struct {
	*Keeper
	w    *world
	bank *storeBank
	home string
	rows []store.Attempt // journalled and not in the database
}

func (w *world) replica(home string, change ...func(*Options)) *replica {
	r := &replica{w: w, bank: &storeBank{s: w.s}, home: home}
	opt := Options{
		Bank: r.bank, Replica: store.ReplicaName(home), Home: home, OnAway: Refuse, Wait: 30 * time.Second, Recovered: func() bool { return true },
		Crossed: func(c Crossing) { w.told <- c }, Log: slog.New(slog.DiscardHandler), Now: w.clock,
	}
	for _, c := range change {
		c(&opt)
	}
	r.Keeper = New(opt)
	return r
}

// ask reserves an amount in every rule.
func (r *replica) ask(amount int64, rules ...*Rule) (*Hold, error) {
	return r.askAt(r.w.clock(), amount, rules...)
}

func (r *replica) askAt(at time.Time, amount int64, rules ...*Rule) (*Hold, error) {
	asks := make([]Ask, len(rules))
	for i, rule := range rules {
		asks[i] = Ask{Rule: rule, Who: Who{"key", "alice"}, Amount: amount}
	}
	return r.Reserve(r.w.t.Context(), at, asks)
}

// journal notes an attempt that has cost so much.
func (r *replica) journal(charges []Charge) {
	list := make([]store.BudgetCharge, len(charges))
	for i, c := range charges {
		list[i] = store.BudgetCharge{Budget: c.Budget, Period: c.Period, Amount: c.Amount}
	}
	r.rows = append(r.rows, store.Attempt{ID: store.NewID("att"), At: r.w.clock(), Budgets: store.BudgetCharges(r.opt.Replica, list)})
}

// settle ends a request that has cost so much.
func (r *replica) settle(h *Hold, nano int64) {
	r.journal(h.AppendCharges(nil, nano, nano))
	h.Spend(nano, nano)
	h.Close()
}

// replay writes what is journalled.
func (r *replica) replay() {
	if err := r.w.s.InsertAttempts(context.WithoutCancel(r.w.t.Context()), r.rows); err != nil {
		r.w.t.Error(err)
	}
	r.rows = nil
}

// spent is what the database says of a budget, and what its rows add up to.
func (w *world) spent(id string) (accounts, rows int64) {
	w.t.Helper()
	list, err := w.s.BudgetSums(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, b := range list {
		if b.Budget == id {
			accounts += b.Spent
			rows += b.Charged
		}
	}
	return accounts, rows
}

func why(err error) Why {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Why
	}
	if err != nil {
		return Why(err.Error())
	}
	return ""
}

const dollar = int64(1_000_000_000)

func lifetime(id string, limit int64) *Rule {
	return &Rule{ID: id, Unit: Dollars, Limit: limit, Period: Lifetime}
}

func (b *storeBank) SweepCharges(ctx context.Context, before time.Time) error {
	return b.s.SweepBudgetCharges(ctx, before)
}
