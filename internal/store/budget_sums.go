package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// ChargesOf are what attempts count for budgets, by their ids, in the order of budgets.
func (s *Store) ChargesOf(ctx context.Context, refs []Ref) (charges map[string][]BudgetCharge, err error) {
	charges = map[string][]BudgetCharge{}
	if len(refs) == 0 {
		return charges, nil
	}
	in, args := among(refs)
	//nolint:gosec // constants and question marks only
	rows, err := s.readers.QueryContext(ctx, `SELECT attempt_id, charges FROM attempt_charges WHERE `+in, args...)
	if err != nil {
		return nil, fmt.Errorf("read what attempts count for budgets: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, text string
		if err := rows.Scan(&id, &text); err != nil {
			return nil, fmt.Errorf("read what attempts count for budgets: %w", err)
		}
		_, list := ReadBudgetCharges(text)
		slices.SortFunc(list, func(a, b BudgetCharge) int { return cmp.Compare(a.Budget, b.Budget) })
		charges[id] = list
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read what attempts count for budgets: %w", err)
	}
	if err := oldCharges(ctx, s.readers, refs, charges); err != nil {
		return nil, fmt.Errorf("read what attempts count for budgets: %w", err)
	}
	return charges, nil
}

// among finds attempts of which the table has the columns at and attempt_id.
func among(refs []Ref) (where string, args []any) {
	args = make([]any, 2*len(refs))
	for i, r := range refs {
		args[i], args[len(refs)+i] = r.At.UnixNano(), r.ID
	}
	marks := "(?" + strings.Repeat(", ?", len(refs)-1) + ")"
	return "at IN " + marks + " AND attempt_id IN " + marks, args
}

// oldCharges adds what versions before 21 have counted.
func oldCharges(ctx context.Context, q querier, refs []Ref, charges map[string][]BudgetCharge) (err error) {
	in, args := among(refs)
	rows, err := q.QueryContext(ctx, `SELECT attempt_id, budget_id, period, amount FROM budget_charges WHERE `+in+` ORDER BY attempt_id, budget_id`, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		var c BudgetCharge
		var period int64
		if err := rows.Scan(&id, &c.Budget, &period, &c.Amount); err != nil {
			return err
		}
		c.Period = time.Unix(0, period)
		charges[id] = append(charges[id], c)
	}
	return rows.Err()
}

// budgetPeriod is one period of a budget.
type budgetPeriod struct {
	budget string
	period int64
}

// addCharges adds what an attempt counts.
func addCharges(sums map[budgetPeriod]int64, text string) {
	_, list := ReadBudgetCharges(text)
	for _, c := range list {
		sums[budgetPeriod{c.Budget, c.Period.UnixNano()}] += c.Amount
	}
}

// sweepAtOnce is the time of the attempts that one transaction sums up.
const sweepAtOnce = 15 * time.Minute

// SweepBudgetCharges sums up and deletes what attempts before a time count.
func (s *Store) SweepBudgetCharges(ctx context.Context, before time.Time) error {
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
		addCharges(sums, text)
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

// BudgetSum is what one period of a budget has come to.
type BudgetSum struct {
	Budget  string
	Period  time.Time
	Charged int64 // by the attempts
	Spent   int64 // as the account says
}

// budgetParts is all that BudgetSums adds up, as it is at one moment.
const budgetParts = `SELECT '' AS charges, budget_id, period, charged, spent, before FROM (
	SELECT budget_id, period, sum(charged) AS charged, sum(spent) AS spent, max(before) AS before FROM (
		SELECT budget_id, period, amount AS charged, 0 AS spent, 0 AS before FROM budget_charges
		UNION ALL SELECT budget_id, period, swept, 0, 0 FROM budget_accounts WHERE swept <> 0
		UNION ALL SELECT budget_id, period, 0, spent, 0 FROM budget_leases
		UNION ALL SELECT budget_id, 0, 0, 0, before FROM budget_forgotten) parts
	GROUP BY budget_id, period) sums
	UNION ALL SELECT charges, '', 0, 0, 0, 0 FROM attempt_charges`

// BudgetSums compares the accounts of all budgets with what attempts count, in the
// order of budgets and periods.
func (s *Store) BudgetSums(ctx context.Context) (list []BudgetSum, err error) {
	rows, err := s.readers.QueryContext(ctx, budgetParts)
	if err != nil {
		return nil, fmt.Errorf("sum budgets: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	charged, spent, gone := map[budgetPeriod]int64{}, map[budgetPeriod]int64{}, forgottenBefore{}
	for rows.Next() {
		var text string
		var p budgetPeriod
		var byAttempts, byAccount, before int64
		if err := rows.Scan(&text, &p.budget, &p.period, &byAttempts, &byAccount, &before); err != nil {
			return nil, fmt.Errorf("sum budgets: %w", err)
		}
		if text != "" {
			addCharges(charged, text)
			continue
		}
		if gone[p.budget] = max(gone[p.budget], before); before == 0 || byAttempts != 0 || byAccount != 0 {
			charged[p] += byAttempts
			spent[p] += byAccount
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sum budgets: %w", err)
	}
	for _, p := range slices.SortedFunc(maps.Keys(charged), comparePeriods) {
		if !gone.has(p) {
			list = append(list, BudgetSum{Budget: p.budget, Period: time.Unix(0, p.period).UTC(), Charged: charged[p], Spent: spent[p]})
		}
	}
	return list, nil
}
