package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// The kinds of events.
const (
	// BudgetReset forgets what was spent in the period.
	BudgetReset = "reset"
	// BudgetRecharge adds to the limit of the period.
	BudgetRecharge = "recharge"
	// BudgetAdjust adds to the limit of the period, or takes away.
	BudgetAdjust = "adjust"
)

// BudgetEvent is what somebody did to a budget.
type BudgetEvent struct {
	ID, Budget string
	Period     time.Time // in which
	Kind       string
	Amount     int64  // recharged, or forgotten
	Note       string // why, in the operator's words
	At         time.Time
}

// RechargeBudget adds to what may be spent in the period, once, and notes it.
func (s *Store) RechargeBudget(ctx context.Context, budget string, period time.Time, amount int64, note string, now time.Time) error {
	return s.addToBudget(ctx, BudgetEvent{Budget: budget, Period: period, Kind: BudgetRecharge, Amount: amount, Note: note, At: now})
}

// AdjustBudget does the same with an amount that may be below zero. What gateways have leased
// already may still be spent.
func (s *Store) AdjustBudget(ctx context.Context, budget string, period time.Time, amount int64, note string, now time.Time) error {
	return s.addToBudget(ctx, BudgetEvent{Budget: budget, Period: period, Kind: BudgetAdjust, Amount: amount, Note: note, At: now})
}

func (s *Store) addToBudget(ctx context.Context, e BudgetEvent) error {
	return s.budgetEvent(ctx, e, func(tx *sql.Tx) (int64, error) {
		_, err := tx.ExecContext(ctx, `INSERT INTO budget_accounts (budget_id, period, amount, extra, carried, told) VALUES (?, ?, 0, ?, 0, 0)
			ON CONFLICT (budget_id, period) DO UPDATE SET extra = budget_accounts.extra + excluded.extra, told = 0`, e.Budget, e.Period.UnixNano(), e.Amount)
		return e.Amount, err
	})
}

// ResetBudget forgets what was spent in the periods from since on, recharges
// included, and notes it. The rows of attempts stay, and what they add up to.
func (s *Store) ResetBudget(ctx context.Context, budget string, since, period time.Time, note string, now time.Time) error {
	return s.budgetEvent(ctx, BudgetEvent{Budget: budget, Period: period, Kind: BudgetReset, Note: note, At: now}, func(tx *sql.Tx) (total int64, err error) {
		sums, err := spentIn(ctx, tx, budget, since, period)
		if err != nil {
			return 0, err
		}
		for at, n := range sums {
			total += n
			_, err := tx.ExecContext(ctx, `INSERT INTO budget_accounts (budget_id, period, amount, extra, carried, told) VALUES (?, ?, 0, ?, 0, 0)
				ON CONFLICT (budget_id, period) DO UPDATE SET extra = excluded.extra, told = 0`, budget, at, n)
			if err != nil {
				return 0, err
			}
		}
		return total, nil
	})
}

// spentIn is what was spent in the periods from since on, by period.
func spentIn(ctx context.Context, tx *sql.Tx, budget string, since, period time.Time) (sums map[int64]int64, err error) {
	sums = map[int64]int64{period.UnixNano(): 0}
	rows, err := tx.QueryContext(ctx, `SELECT period, sum(spent) FROM budget_leases WHERE budget_id = ? AND period >= ? AND period <= ? GROUP BY period`,
		budget, since.UnixNano(), period.UnixNano())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var at, n int64
		if err := rows.Scan(&at, &n); err != nil {
			return nil, err
		}
		sums[at] = n
	}
	return sums, rows.Err()
}

// budgetEvent does something and notes it, or neither.
func (s *Store) budgetEvent(ctx context.Context, e BudgetEvent, do func(*sql.Tx) (int64, error)) error {
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		amount, err := do(tx)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO budget_events (id, budget_id, period, kind, amount, note, at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			NewID("bev"), e.Budget, e.Period.UnixNano(), e.Kind, amount, e.Note, e.At.UnixNano())
		return err
	})
	if err != nil {
		return fmt.Errorf("%s budget %s: %w", e.Kind, e.Budget, err)
	}
	return nil
}

// BudgetEvents returns what was done to a budget, the newest first, at most limit.
func (s *Store) BudgetEvents(ctx context.Context, budget string, limit int) (list []BudgetEvent, err error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT id, period, kind, amount, note, at FROM budget_events WHERE budget_id = ? ORDER BY at DESC, id DESC LIMIT ?`, budget, limit)
	if err != nil {
		return nil, fmt.Errorf("read events of budget %s: %w", budget, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		e := BudgetEvent{Budget: budget}
		var period, at int64
		if err := rows.Scan(&e.ID, &period, &e.Kind, &e.Amount, &e.Note, &at); err != nil {
			return nil, fmt.Errorf("read events of budget %s: %w", budget, err)
		}
		e.Period, e.At = time.Unix(0, period).UTC(), time.Unix(0, at).UTC()
		list = append(list, e)
	}
	return list, rows.Err()
}
