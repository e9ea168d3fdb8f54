package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// sweepAtOnce is the time of the attempts that one transaction sums up.
const sweepAtOnce = 15 * time.Minute

// sweptBefore is the time before which all that attempts count is summed up.
func sweptBefore(ctx context.Context, q querier) (before int64, err error) {
	rows, err := q.QueryContext(ctx, `SELECT before FROM charges_swept WHERE id = 1`)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := rows.Scan(&before); err != nil {
			return 0, err
		}
	}
	return before, rows.Err()
}

// SweepBudgetCharges sums up what attempts before a time count: their rows may go then.
func (s *Store) SweepBudgetCharges(ctx context.Context, before time.Time) error {
	for done := false; !done; {
		err := s.transaction(ctx, func(tx *sql.Tx) (err error) {
			done, err = sweepSome(ctx, tx, before.UnixNano())
			return err
		})
		if err != nil {
			return fmt.Errorf("sum up what attempts count for budgets: %w", err)
		}
	}
	return s.sweepTables(ctx, before)
}

// sweepSome sums up the next attempts. It is done when none are left before a time.
func sweepSome(ctx context.Context, tx *sql.Tx, before int64) (done bool, err error) {
	swept, err := sweptBefore(ctx, tx)
	if err != nil || swept >= before {
		return true, err
	}
	var next int64
	err = tx.QueryRowContext(ctx, `SELECT at FROM attempts WHERE at >= ? AND at < ? AND charged_for <> 0 ORDER BY at LIMIT 1`, swept, before).Scan(&next)
	end := before
	switch {
	case errors.Is(err, sql.ErrNoRows):
		done = true
	case err != nil:
		return false, err
	default:
		end = min(before, next+int64(sweepAtOnce))
		if err := sumCharges(ctx, tx, next, end); err != nil {
			return false, err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE charges_swept SET before = ? WHERE id = 1`, end)
	return done, err
}

// sumCharges adds to the accounts what attempts in [from, to) count that is not summed up
// yet, for rows that go or are passed over from now on.
func sumCharges(ctx context.Context, tx *sql.Tx, from, to int64) (err error) {
	sums := map[budgetPeriod]int64{}
	rows, err := tx.QueryContext(ctx, `SELECT charge_labels.label, amounts FROM attempts JOIN charge_labels ON charge_labels.id = charged_for
		WHERE at >= ? AND at < ? AND at >= (SELECT before FROM charges_swept WHERE id = 1)`, from, to)
	if err != nil {
		return err
	}
	if err := addRows(rows, sums); err != nil {
		return err
	}
	return addSwept(ctx, tx, sums)
}

func addRows(rows *sql.Rows, sums map[budgetPeriod]int64) (err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var label, amounts string
		if err := rows.Scan(&label, &amounts); err != nil {
			return err
		}
		addCharges(sums, chargesIn(label, amounts))
	}
	return rows.Err()
}

// addSwept adds to the accounts what attempts count whose rows do not tell it.
func addSwept(ctx context.Context, tx *sql.Tx, sums map[budgetPeriod]int64) error {
	if len(sums) == 0 {
		return nil
	}
	gone, err := forgotten(ctx, tx)
	if err != nil {
		return err
	}
	for _, p := range slices.SortedFunc(maps.Keys(sums), comparePeriods) {
		if gone.has(p) {
			continue
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO budget_accounts (budget_id, period, amount, extra, carried, told, swept) VALUES (?, ?, 0, 0, 0, 0, ?)
			ON CONFLICT (budget_id, period) DO UPDATE SET swept = budget_accounts.swept + excluded.swept`, p.budget, p.period, sums[p])
		if err != nil {
			return err
		}
	}
	return nil
}

// sweepTables sums up and deletes what versions before 24 have written.
func (s *Store) sweepTables(ctx context.Context, before time.Time) error {
	for {
		var oldest sql.NullInt64
		if err := s.readers.QueryRowContext(ctx, `SELECT min(at) FROM attempt_charges`).Scan(&oldest); err != nil {
			return fmt.Errorf("sweep what attempts count for budgets: %w", err)
		}
		if !oldest.Valid || oldest.Int64 >= before.UnixNano() {
			break
		}
		end := min(before.UnixNano(), oldest.Int64+int64(sweepAtOnce))
		if err := s.transaction(ctx, func(tx *sql.Tx) error { return sweepCharges(ctx, tx, end) }); err != nil {
			return fmt.Errorf("sweep what attempts count for budgets: %w", err)
		}
	}
	err := s.transaction(ctx, func(tx *sql.Tx) error { // what versions before 21 have written
		_, err := tx.ExecContext(ctx, `INSERT INTO budget_accounts (budget_id, period, amount, extra, carried, told, swept)
			SELECT budget_id, period, 0, 0, 0, 0, sum(amount) FROM budget_charges WHERE at < ? GROUP BY budget_id, period
			ON CONFLICT (budget_id, period) DO UPDATE SET swept = budget_accounts.swept + excluded.swept`, before.UnixNano())
		if err == nil {
			_, err = tx.ExecContext(ctx, `DELETE FROM budget_charges WHERE at < ?`, before.UnixNano())
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("sweep what attempts count for budgets: %w", err)
	}
	return nil
}

func sweepCharges(ctx context.Context, tx *sql.Tx, end int64) error {
	sums, err := chargedBefore(ctx, tx, end)
	if err != nil {
		return err
	}
	if err := addSwept(ctx, tx, sums); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM attempt_charges WHERE at < ?`, end)
	return err
}

func comparePeriods(a, b budgetPeriod) int {
	return cmp.Or(cmp.Compare(a.budget, b.budget), cmp.Compare(a.period, b.period))
}

func chargedBefore(ctx context.Context, tx *sql.Tx, end int64) (sums map[budgetPeriod]int64, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT charges FROM attempt_charges WHERE at < ?`, end)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	sums = map[budgetPeriod]int64{}
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		_, list := ReadBudgetCharges(text)
		addCharges(sums, list)
	}
	return sums, rows.Err()
}

// forgottenBefore are the parts of rolling windows that count no more, by budget.
type forgottenBefore map[string]int64

func (f forgottenBefore) has(p budgetPeriod) bool { return p.period > 0 && p.period < f[p.budget] }

func forgotten(ctx context.Context, q querier) (f forgottenBefore, err error) {
	rows, err := q.QueryContext(ctx, `SELECT budget_id, before FROM budget_forgotten`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	f = forgottenBefore{}
	for rows.Next() {
		var budget string
		var before int64
		if err := rows.Scan(&budget, &before); err != nil {
			return nil, err
		}
		f[budget] = before
	}
	return f, rows.Err()
}

// SweepBudget forgets the parts of a rolling window before a time.
func (s *Store) SweepBudget(ctx context.Context, budget string, before time.Time) error {
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		for _, table := range []string{"budget_leases", "budget_accounts", "budget_charges"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE budget_id = ? AND period < ? AND period > 0`, budget, before.UnixNano()); err != nil { //nolint:gosec // three constants
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO budget_forgotten (budget_id, before) VALUES (?, ?)
			ON CONFLICT (budget_id) DO UPDATE SET before = max(budget_forgotten.before, excluded.before)`, budget, before.UnixNano())
		return err
	})
	if err != nil {
		return fmt.Errorf("sweep budget %s: %w", budget, err)
	}
	return nil
}
