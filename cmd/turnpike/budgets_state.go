package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/price"
	"turnpike/internal/roster"
	"turnpike/internal/store"
)

// budgetState is how a budget stands in its period now.
type budgetState struct {
	Spent    string     `json:"spent"`
	Reserved string     `json:"reserved"` // for requests under way, or leased by gateways
	Left     string     `json:"left"`
	Allows   string     `json:"allows"` // the limit with what was recharged and what rolled over
	Resets   *time.Time `json:"resets_at,omitempty"`
}

// stateOf asks the accounts. A budget that cannot be read has no state.
func stateOf(ctx context.Context, db *store.Store, b store.Budget, now time.Time) (s budgetState, err error) {
	r, err := roster.ReadBudget(b)
	if err != nil {
		return s, nil //nolint:nilerr // the list shows that
	}
	span := r.Span(now)
	g, err := db.LeaseBudget(ctx, &store.BudgetClaim{Budget: r.ID, Period: span.Start, Since: span.Since, Before: span.Before, Limit: r.Limit, Now: now})
	if err != nil {
		return s, err
	}
	spent := g.Others + g.Mine
	s = budgetState{
		Spent: budgetAmount(&r, spent), Reserved: budgetAmount(&r, g.Held-spent), Left: budgetAmount(&r, max(0, g.Limit-g.Held)), Allows: budgetAmount(&r, g.Limit),
	}
	if !span.End.IsZero() && r.Period != budget.Rolling {
		s.Resets = &span.End
	}
	return s, nil
}

func budgetAmount(r *budget.Rule, n int64) string {
	if r.Unit == budget.Tokens {
		return fmt.Sprint(n)
	}
	return price.Nano(n).String()
}

// resets is when the period ends, in the zone of the budget.
func (l *budgetLine) resets() string {
	if l.Resets == nil {
		return "-"
	}
	zone, err := time.LoadLocation(l.Zone)
	if err != nil {
		zone = time.UTC
	}
	return l.Resets.In(zone).Format("2006-01-02 15:04 MST")
}

const rechargeUsage = "usage: turnpike budgets reset ID, turnpike budgets recharge ID AMOUNT; turnpike budgets list shows the ids"

// budgetsChange forgets what a budget has spent in this period, or adds to what it
// may spend in it. Either is noted.
func budgetsChange(ctx context.Context, db *store.Store, what string, words []string, note string) error {
	if len(words) != map[string]int{"reset": 1, "recharge": 2}[what] {
		return errors.New(rechargeUsage)
	}
	all, err := db.Budgets(ctx)
	if err != nil {
		return err
	}
	for _, b := range all {
		if b.ID != words[0] {
			continue
		}
		r, err := roster.ReadBudget(b)
		if err != nil {
			return err
		}
		now := time.Now()
		span := r.Span(now)
		if what == "reset" {
			err = db.ResetBudget(ctx, r.ID, span.Since, span.Start, note, now)
		} else {
			var n int64
			if n, err = parseBudgetAmount(&r, words[1]); err == nil {
				err = db.RechargeBudget(ctx, r.ID, span.Start, n, note, now)
			}
		}
		if err != nil {
			return err
		}
		s, err := stateOf(ctx, db, b, now)
		if err != nil {
			return err
		}
		fmt.Printf("The budget %s has %s left of %s in this period. A running gateway follows within seconds.\n", b.ID, s.Left, s.Allows)
		return nil
	}
	return fmt.Errorf("budget %q: %w", words[0], store.ErrNotFound)
}

func parseBudgetAmount(r *budget.Rule, text string) (int64, error) {
	if r.Unit == budget.Tokens {
		var n int64
		if _, err := fmt.Sscan(text, &n); err != nil || n <= 0 {
			return 0, fmt.Errorf("%q is no number of tokens above 0", text)
		}
		return n, nil
	}
	n, err := price.ParseAmount(text)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%q must be dollars above 0, such as $5", text)
	}
	return int64(n), nil
}
