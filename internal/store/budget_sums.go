package store

import (
	"cmp"
	"context"
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
	for _, read := range []func(context.Context, querier, []Ref, map[string][]BudgetCharge) error{ownCharges, tableCharges, oldCharges} {
		if err := read(ctx, s.readers, refs, charges); err != nil {
			return nil, fmt.Errorf("read what attempts count for budgets: %w", err)
		}
	}
	return charges, nil
}

// ownCharges adds what stands in the rows of the attempts.
func ownCharges(ctx context.Context, q querier, refs []Ref, charges map[string][]BudgetCharge) (err error) {
	in, args := among("attempts.id", refs)
	//nolint:gosec // constants and question marks only
	rows, err := q.QueryContext(ctx, `SELECT attempts.id, charge_labels.label, amounts FROM attempts JOIN charge_labels ON charge_labels.id = charged_for WHERE `+in, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, label, amounts string
		if err := rows.Scan(&id, &label, &amounts); err != nil {
			return err
		}
		charges[id] = inOrder(chargesIn(label, amounts))
	}
	return rows.Err()
}

// tableCharges adds what versions before 24 have counted.
func tableCharges(ctx context.Context, q querier, refs []Ref, charges map[string][]BudgetCharge) (err error) {
	in, args := among("attempt_id", refs)
	rows, err := q.QueryContext(ctx, `SELECT attempt_id, charges FROM attempt_charges WHERE `+in, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, text string
		if err := rows.Scan(&id, &text); err != nil {
			return err
		}
		_, list := ReadBudgetCharges(text)
		charges[id] = inOrder(list)
	}
	return rows.Err()
}

func inOrder(list []BudgetCharge) []BudgetCharge {
	slices.SortFunc(list, func(a, b BudgetCharge) int { return cmp.Compare(a.Budget, b.Budget) })
	return list
}

// among finds attempts by the columns at and, as it is called, id.
func among(id string, refs []Ref) (where string, args []any) {
	args = make([]any, 2*len(refs))
	for i, r := range refs {
		args[i], args[len(refs)+i] = r.At.UnixNano(), r.ID
	}
	marks := "(?" + strings.Repeat(", ?", len(refs)-1) + ")"
	return "at IN " + marks + " AND " + id + " IN " + marks, args
}

// oldCharges adds what versions before 21 have counted.
func oldCharges(ctx context.Context, q querier, refs []Ref, charges map[string][]BudgetCharge) (err error) {
	in, args := among("attempt_id", refs)
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
func addCharges(sums map[budgetPeriod]int64, list []BudgetCharge) {
	for _, c := range list {
		sums[budgetPeriod{c.Budget, c.Period.UnixNano()}] += c.Amount
	}
}

// BudgetSum is what one period of a budget has come to.
type BudgetSum struct {
	Budget  string
	Period  time.Time
	Charged int64 // by the attempts
	Spent   int64 // as the account says
}

// budgetParts is all that BudgetSums adds up, as it is at one moment.
const budgetParts = `SELECT '' AS charges, '' AS amounts, budget_id, period, charged, spent, before FROM (
	SELECT budget_id, period, sum(charged) AS charged, sum(spent) AS spent, max(before) AS before FROM (
		SELECT budget_id, period, amount AS charged, 0 AS spent, 0 AS before FROM budget_charges
		UNION ALL SELECT budget_id, period, swept, 0, 0 FROM budget_accounts WHERE swept <> 0
		UNION ALL SELECT budget_id, period, 0, spent, 0 FROM budget_leases
		UNION ALL SELECT budget_id, 0, 0, 0, before FROM budget_forgotten) parts
	GROUP BY budget_id, period) sums
	UNION ALL SELECT charges, '', '', 0, 0, 0, 0 FROM attempt_charges
	UNION ALL SELECT charge_labels.label, amounts, '', 0, 0, 0, 0 FROM attempts JOIN charge_labels ON charge_labels.id = charged_for
		WHERE at >= (SELECT before FROM charges_swept WHERE id = 1)`

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
		var text, amounts string
		var p budgetPeriod
		var byAttempts, byAccount, before int64
		if err := rows.Scan(&text, &amounts, &p.budget, &p.period, &byAttempts, &byAccount, &before); err != nil {
			return nil, fmt.Errorf("sum budgets: %w", err)
		}
		if amounts != "" {
			addCharges(charged, chargesIn(text, amounts))
			continue
		}
		if text != "" {
			_, list := ReadBudgetCharges(text)
			addCharges(charged, list)
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
