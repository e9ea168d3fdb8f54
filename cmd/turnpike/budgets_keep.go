package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/price"
	"turnpike/internal/store"
)

// newBudgets makes what keeps budgets.
func newBudgets(a *app) (*budget.Keeper, error) {
	home, err := journalHome(a.cfg.JournalDir())
	if err != nil {
		return nil, err
	}
	c := a.cfg.Budgets
	return budget.New(budget.Options{
		Bank: bank{a.store}, Replica: store.ReplicaName(home), Home: home, OnAway: c.OnStoreAway, Wait: c.Wait,
		Recovered: a.ledger.Recovered, Crossed: a.crossed, Log: a.log, Now: time.Now,
	}), nil
}

// keepBudgets keeps what is leased until budgeted is called.
func (a *app) keepBudgets(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); a.budgets.Run(ctx) }()
	a.budgeted = func() { cancel(); <-done; a.budgets.Close() }
}

// crossed tells of a budget that has come to a percentage.
func (a *app) crossed(c budget.Crossing) {
	spent, limit := price.Nano(c.Spent).String(), price.Nano(c.Limit).String()
	if c.Rule.Unit == budget.Tokens {
		spent, limit = fmt.Sprint(c.Spent), fmt.Sprint(c.Limit)
	}
	a.log.Warn("a budget has come to a threshold", "budget", c.Rule.ID, "of", c.Who.String(), "percent", c.Percent,
		"spent", spent, "limit", limit, "unit", c.Rule.Unit, "period", c.Rule.Period, "soft", c.Rule.Soft)
	a.spent.Spent(fmt.Sprintf("%s, %s, %s", c.Who, c.Rule.ID, c.Rule.Period), int64(c.Percent), c.Span.End)
}

// homeFile holds the name of a journal: leases of budgets are given back by it.
const homeFile = "home"

// journalHome is the name of the journal in a folder, made at its first use.
func journalHome(dir string) (string, error) {
	path := filepath.Join(dir, homeFile)
	b, err := os.ReadFile(path) //nolint:gosec // The path is the operator's own.
	if name := strings.TrimSpace(string(b)); err == nil && name != "" {
		return name, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	name := store.NewID("home")
	return name, os.WriteFile(path, []byte(name+"\n"), 0o600) //nolint:gosec // The path is the operator's own.
}

// bank is the store as budgets see it.
type bank struct{ s *store.Store }

func (b bank) Lease(ctx context.Context, c *budget.Claim) (budget.Grant, error) {
	g, err := b.s.LeaseBudget(ctx, &store.BudgetClaim{
		Budget: c.Budget, Period: c.Span.Start, Since: c.Span.Since, Before: c.Span.Before, Limit: c.Limit, Replica: c.Replica, Home: c.Home,
		Need: c.Need, Want: c.Want, Debt: c.Debt, Now: c.Now, Until: c.Until,
	})
	return budget.Grant(g), err
}

func (b bank) Return(ctx context.Context, r *budget.Refund) error {
	return b.s.ReturnBudget(ctx, r.Budget, r.Period, r.Replica, r.Amount)
}

func (b bank) Touch(ctx context.Context, replica string, until time.Time) error {
	return b.s.TouchBudgets(ctx, replica, until)
}

func (b bank) Reclaim(ctx context.Context, home, replica string) error {
	return b.s.ReclaimBudgets(ctx, home, replica)
}

func (b bank) Tell(ctx context.Context, id string, period time.Time, percent int) (bool, error) {
	return b.s.TellBudget(ctx, id, period, percent)
}

func (b bank) Sweep(ctx context.Context, id string, before time.Time) error {
	return b.s.SweepBudget(ctx, id, before)
}

func (b bank) SweepCharges(ctx context.Context, before time.Time) error {
	return b.s.SweepBudgetCharges(ctx, before)
}
