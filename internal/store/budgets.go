package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// BudgetClaim asks for a part of a budget.
type BudgetClaim struct {
	Budget string
	Period time.Time // the beginning of the one it is for
	Since  time.Time // from which period on spending counts
	Before time.Time // the period whose rest rolls over; zero: none does
	// Limit is what may be spent, without what was recharged or rolls over.
	Limit         int64
	Replica, Home string
	Need          int64 // less is of no use
	Want          int64 // more is not wanted
	Debt          int64 // counts in any case
	Now, Until    time.Time
}

// BudgetGrant is the answer, and how the budget stands.
type BudgetGrant struct {
	Amount int64 // granted
	Limit  int64 // with what was recharged and what rolls over
	Mine   int64 // the larger of what the replica has leased and spent in the period
	Others int64 // spent by all others, and in other periods that count
	Held   int64 // spent or leased by all
}

// LeaseBudget grants a part of what is left of a budget: as much as is wanted, and
// no more than half of an even share, but what is needed if there is as much.
// Where nothing is asked for, nothing is written.
func (s *Store) LeaseBudget(ctx context.Context, c *BudgetClaim) (g BudgetGrant, err error) {
	if c.Need == 0 && c.Want == 0 && c.Debt == 0 {
		g, _, err = standing(ctx, s.readers, c)
		if err != nil {
			err = fmt.Errorf("budget %s: %w", c.Budget, err)
		}
		return g, err
	}
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		if err := openAccount(ctx, tx, c); err != nil {
			return err
		}
		var replicas int64
		if g, replicas, err = standing(ctx, tx, c); err != nil {
			return err
		}
		g.Amount = share(g.Limit-g.Held-c.Debt, replicas, c)
		if add := g.Amount + c.Debt; add > 0 {
			_, err = tx.ExecContext(ctx, `INSERT INTO budget_leases (budget_id, period, replica, home, granted, spent, expires_at) VALUES (?, ?, ?, ?, ?, 0, ?)
				ON CONFLICT (budget_id, period, replica) DO UPDATE SET granted = budget_leases.granted + excluded.granted, home = excluded.home, expires_at = excluded.expires_at`,
				c.Budget, c.Period.UnixNano(), c.Replica, c.Home, add, c.Until.UnixNano())
			g.Mine, g.Held = g.Mine+add, g.Held+add
		}
		return err
	})
	if err != nil {
		return BudgetGrant{}, fmt.Errorf("lease budget %s: %w", c.Budget, err)
	}
	return g, nil
}

// share is how much of what is left a replica gets.
func share(left, replicas int64, c *BudgetClaim) int64 {
	if left <= 0 || left < c.Need {
		return 0
	}
	return min(max(c.Need, min(c.Want, left/(2*max(1, replicas)))), left)
}

// openAccount makes sure that the account is there and locks its row, so that
// claims come one after the other.
func openAccount(ctx context.Context, tx *sql.Tx, c *BudgetClaim) error {
	carried := int64(0)
	if !c.Before.IsZero() {
		var err error
		if carried, err = leftOf(ctx, tx, c); err != nil {
			return err
		}
	}
	if !c.Since.Equal(c.Period) { // claims in two parts of a window wait for each other too
		_, err := tx.ExecContext(ctx, `INSERT INTO budget_accounts (budget_id, period, amount, extra, carried, told) VALUES (?, -1, 0, 0, 0, 0)
			ON CONFLICT (budget_id, period) DO UPDATE SET amount = 0`, c.Budget)
		if err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO budget_accounts (budget_id, period, amount, extra, carried, told) VALUES (?, ?, ?, 0, ?, 0)
		ON CONFLICT (budget_id, period) DO UPDATE SET amount = excluded.amount, carried = excluded.carried`,
		c.Budget, c.Period.UnixNano(), c.Limit, carried)
	return err
}

// leftOf is what the period before has left. It is looked at anew with every claim:
// requests that were admitted in it may still be under way.
func leftOf(ctx context.Context, q querier, c *BudgetClaim) (int64, error) {
	before := *c
	before.Period, before.Since, before.Before = c.Before, c.Before, time.Time{}
	var amount, carried int64
	err := q.QueryRowContext(ctx, `SELECT amount, carried FROM budget_accounts WHERE budget_id = ? AND period = ?`, c.Budget, c.Before.UnixNano()).Scan(&amount, &carried)
	if errors.Is(err, sql.ErrNoRows) { // it was not there, or nobody spent anything
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	before.Limit = amount
	g, _, err := standing(ctx, q, &before)
	return max(0, g.Limit-g.Held), err
}

// standing reads how a budget stands, and how many replicas lease of it.
func standing(ctx context.Context, q querier, c *BudgetClaim) (g BudgetGrant, replicas int64, err error) {
	var extra, carried int64
	err = q.QueryRowContext(ctx, `SELECT coalesce(sum(extra), 0), coalesce(sum(carried), 0) FROM budget_accounts WHERE budget_id = ? AND period >= ? AND period <= ?`,
		c.Budget, c.Since.UnixNano(), c.Period.UnixNano()).Scan(&extra, &carried)
	if err != nil {
		return g, 0, err
	}
	g.Limit = c.Limit + extra + carried
	rows, err := q.QueryContext(ctx, `SELECT period, replica, granted, spent, expires_at FROM budget_leases WHERE budget_id = ? AND period >= ? AND period <= ?`,
		c.Budget, c.Since.UnixNano(), c.Period.UnixNano())
	if err != nil {
		return g, 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	alive := map[string]bool{c.Replica: true}
	for rows.Next() {
		var period, granted, spent, expires int64
		var replica string
		if err := rows.Scan(&period, &replica, &granted, &spent, &expires); err != nil {
			return g, 0, err
		}
		held, lasts := spent, expires > c.Now.UnixNano()
		if lasts {
			held = max(granted, spent)
			alive[replica] = true
		}
		g.Held += held
		if period == c.Period.UnixNano() && replica == c.Replica {
			g.Mine = held
		} else {
			g.Others += spent
		}
	}
	return g, int64(len(alive)), rows.Err()
}

// ReturnBudget takes back a part of a lease.
func (s *Store) ReturnBudget(ctx context.Context, budget string, period time.Time, replica string, amount int64) error {
	_, err := s.writer.ExecContext(ctx, `UPDATE budget_leases SET granted = granted - ? WHERE budget_id = ? AND period = ? AND replica = ? AND granted >= ?`,
		amount, budget, period.UnixNano(), replica, amount)
	if err != nil {
		return fmt.Errorf("return a lease of budget %s: %w", budget, err)
	}
	return nil
}

// TouchBudgets makes the leases of a replica last.
func (s *Store) TouchBudgets(ctx context.Context, replica string, until time.Time) error {
	_, err := s.writer.ExecContext(ctx, `UPDATE budget_leases SET expires_at = ? WHERE replica = ? AND expires_at > 0`, until.UnixNano(), replica)
	if err != nil {
		return fmt.Errorf("keep leases of budgets: %w", err)
	}
	return nil
}

// ReclaimBudgets ends the leases of processes that wrote the same journal before,
// of which everything that was spent is known, and joins their rows.
func (s *Store) ReclaimBudgets(ctx context.Context, home, replica string) error {
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO budget_leases (budget_id, period, replica, home, granted, spent, expires_at)
			SELECT budget_id, period, '', '', 0, sum(spent), 0 FROM budget_leases WHERE home = ? AND replica <> ? GROUP BY budget_id, period
			ON CONFLICT (budget_id, period, replica) DO UPDATE SET spent = budget_leases.spent + excluded.spent`, home, replica)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM budget_leases WHERE home = ? AND replica <> ?`, home, replica)
		return err
	})
	if err != nil {
		return fmt.Errorf("reclaim leases of budgets: %w", err)
	}
	return nil
}

// TellBudget notes that a budget has come to a percentage in a period; first is
// false where that was noted before.
func (s *Store) TellBudget(ctx context.Context, budget string, period time.Time, percent int) (first bool, err error) {
	res, err := s.writer.ExecContext(ctx, `INSERT INTO budget_accounts (budget_id, period, amount, extra, carried, told) VALUES (?, ?, 0, 0, 0, ?)
		ON CONFLICT (budget_id, period) DO UPDATE SET told = excluded.told WHERE budget_accounts.told < excluded.told`, budget, period.UnixNano(), percent)
	if err != nil {
		return false, fmt.Errorf("note how budget %s stands: %w", budget, err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
