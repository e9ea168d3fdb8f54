package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"turnpike/internal/operator"
	"turnpike/internal/store"
)

// resets is when the period ends, in the zone of the budget.
func resets(l *operator.BudgetView) string {
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
func budgetsChange(ctx context.Context, db *store.Store, what string, words []string, amount, note string) error {
	if len(words) != map[string]int{"reset": 1, "recharge": 2, "adjust": 1}[what] || (what == "adjust") != (amount != "") {
		return errors.New(rechargeUsage)
	}
	var b store.Budget
	var err error
	now := time.Now()
	switch what {
	case "reset":
		b, err = operator.ResetBudget(ctx, db, words[0], note, now)
	case "adjust":
		if note == "" {
			return errors.New("--note must say why")
		}
		b, err = operator.AdjustBudget(ctx, db, words[0], amount, note, now)
	default:
		b, err = operator.RechargeBudget(ctx, db, words[0], words[1], note, now)
	}
	if err != nil {
		return err
	}
	s, err := operator.StateOf(ctx, db, b, now)
	if err != nil {
		return err
	}
	fmt.Printf("The budget %s has %s left of %s in this period. A running gateway follows within seconds.\n", b.ID, s.Left, s.Allows)
	return nil
}
