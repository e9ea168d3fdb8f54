package main

import (
	"context"
	"time"

	"turnpike/internal/store"
)

// unequalBudget is a period of a budget whose account and attempts say different
// things, in nano-dollars or tokens.
type unequalBudget struct {
	Budget  string    `json:"budget"`
	Period  time.Time `json:"period"`
	Charged int64     `json:"charged"`
	Spent   int64     `json:"spent"`
}

// budgets compares the accounts of budgets with what attempts count for them.
func (l *verdictLine) budgets(ctx context.Context, db *store.Store) error {
	sums, err := db.BudgetSums(ctx)
	if err != nil {
		return err
	}
	l.Budgets = len(sums)
	for _, b := range sums {
		if b.Charged != b.Spent {
			l.Good = false
			l.Unequal = append(l.Unequal, unequalBudget(b))
		}
	}
	return nil
}
