package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// BudgetCharge is what an attempt counts for a budget.
type BudgetCharge struct {
	Budget string
	Period time.Time // the beginning of the one it counts in
	Amount int64
}

// BudgetCharges writes what an attempt counts, for its row: the process, then
// budget@period=amount for each.
func BudgetCharges(replica string, list []BudgetCharge) string {
	b := make([]byte, 0, len(replica)+64*len(list))
	b = append(b, replica...)
	for i := range list {
		c := &list[i]
		b = append(append(append(b, ' '), c.Budget...), '@')
		b = append(strconv.AppendInt(b, c.Period.UnixNano(), 10), '=')
		b = strconv.AppendInt(b, c.Amount, 10)
	}
	return string(b)
}

// ReadBudgetCharges reads what BudgetCharges wrote. What is no charge is passed over.
func ReadBudgetCharges(text string) (replica string, list []BudgetCharge) {
	replica, rest, _ := strings.Cut(text, " ")
	for word := range strings.SplitSeq(rest, " ") {
		id, rest, ok := strings.Cut(word, "@")
		at, amount, more := strings.Cut(rest, "=")
		period, bad := strconv.ParseInt(at, 10, 64)
		n, worse := strconv.ParseInt(amount, 10, 64)
		if ok && more && bad == nil && worse == nil && id != "" {
			list = append(list, BudgetCharge{Budget: id, Period: time.Unix(0, period), Amount: n})
		}
	}
	return replica, list
}

// replicaMark stands in the name of a process behind that of its journal.
const replicaMark = "."

// ReplicaName is the name of a new process that writes the journal of that name.
func ReplicaName(home string) string { return home + replicaMark + NewID("run") }

// leaseKey is a row of budget_leases.
type leaseKey struct {
	budget  string
	period  int64
	replica string
}

// chargeRow is a row of budget_charges.
type chargeRow struct {
	at      int64
	attempt string
	BudgetCharge
}

const addSpent = `INSERT INTO budget_leases (budget_id, period, replica, home, granted, spent, expires_at) VALUES (?, ?, ?, ?, 0, ?, 0)
	ON CONFLICT (budget_id, period, replica) DO UPDATE SET spent = budget_leases.spent + excluded.spent`

// insertCharges is the statement for a number of rows.
func insertCharges(rows int) string {
	return `INSERT INTO budget_charges (at, attempt_id, budget_id, period, amount) VALUES (?, ?, ?, ?, ?)` +
		strings.Repeat(", (?, ?, ?, ?, ?)", rows-1) + ` ON CONFLICT (at, attempt_id, budget_id) DO NOTHING`
}

// errCounted says that some of the attempts of a batch were counted before.
var errCounted = errors.New("counted before")

// chargeBudgets counts attempts for their budgets, in the transaction that writes
// them. What was counted before is not counted again: which those are it asks only
// where again says that there may be some. Else it fails with errCounted.
func (s *Store) chargeBudgets(ctx context.Context, tx *sql.Tx, attempts []Attempt, again bool) error {
	rows, replicas, err := chargesOf(ctx, tx, attempts, again)
	if err != nil || len(rows) == 0 {
		return err
	}
	sums := map[leaseKey]int64{}
	for i := range rows {
		c := &rows[i]
		sums[leaseKey{c.Budget, c.Period.UnixNano(), replicas[c.attempt]}] += c.Amount
	}
	many := len(rows) / rowsPerInsert * rowsPerInsert
	if err := errors.Join(
		chargeBy(ctx, tx, s.charges.many, rowsPerInsert, rows[:many]),
		chargeBy(ctx, tx, s.charges.one, 1, rows[many:])); err != nil {
		return err
	}
	for key, n := range sums {
		home, _, _ := strings.Cut(key.replica, replicaMark)
		if _, err := tx.ExecContext(ctx, addSpent, key.budget, key.period, key.replica, home, n); err != nil {
			return fmt.Errorf("budget %s: %w", key.budget, err)
		}
	}
	return nil
}

// chargesOf are the charges of attempts; again leaves out those that were counted.
func chargesOf(ctx context.Context, tx *sql.Tx, attempts []Attempt, again bool) (rows []chargeRow, replicas map[string]string, err error) {
	replicas = map[string]string{}
	seen := map[[2]string]bool{}
	for i := range attempts {
		a := &attempts[i]
		if a.Budgets == "" {
			continue
		}
		if again {
			var n int
			err := tx.QueryRowContext(ctx, `SELECT count(*) FROM budget_charges WHERE at = ? AND attempt_id = ?`, a.At.UnixNano(), a.ID).Scan(&n)
			if err != nil {
				return nil, nil, err
			}
			if n > 0 { // all charges of an attempt are written at once
				continue
			}
		}
		replica, list := ReadBudgetCharges(a.Budgets)
		replicas[a.ID] = replica
		for _, c := range list {
			if again {
				key := [2]string{a.ID, c.Budget}
				if seen[key] {
					continue
				}
				seen[key] = true
			}
			rows = append(rows, chargeRow{a.At.UnixNano(), a.ID, c})
		}
	}
	return rows, replicas, nil
}

// chargeBy inserts rows in groups of a size.
func chargeBy(ctx context.Context, tx *sql.Tx, statement *sql.Stmt, size int, rows []chargeRow) (err error) {
	if len(rows) == 0 {
		return nil
	}
	insert := tx.StmtContext(ctx, statement)
	defer func() { err = errors.Join(err, insert.Close()) }()
	args := make([]any, 0, 5*size)
	for group := range slices.Chunk(rows, size) {
		args = args[:0]
		for i := range group {
			c := &group[i]
			args = append(args, c.at, c.attempt, c.Budget, c.Period.UnixNano(), c.Amount)
		}
		done, err := insert.ExecContext(ctx, args...)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != int64(len(group)) {
			return errors.Join(errCounted, err)
		}
	}
	return nil
}

// ChargesOf are what attempts count for budgets, by their ids, in the order of budgets.
func (s *Store) ChargesOf(ctx context.Context, refs []Ref) (charges map[string][]BudgetCharge, err error) {
	charges = map[string][]BudgetCharge{}
	if len(refs) == 0 {
		return charges, nil
	}
	args := make([]any, 2*len(refs))
	for i, r := range refs {
		args[i], args[len(refs)+i] = r.At.UnixNano(), r.ID
	}
	marks := "(?" + strings.Repeat(", ?", len(refs)-1) + ")"
	//nolint:gosec // constants and question marks only
	rows, err := s.readers.QueryContext(ctx, `SELECT attempt_id, budget_id, period, amount FROM budget_charges
		WHERE at IN `+marks+` AND attempt_id IN `+marks+` ORDER BY attempt_id, budget_id`, args...)
	if err != nil {
		return nil, fmt.Errorf("read what attempts count for budgets: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		var c BudgetCharge
		var period int64
		if err := rows.Scan(&id, &c.Budget, &period, &c.Amount); err != nil {
			return nil, fmt.Errorf("read what attempts count for budgets: %w", err)
		}
		c.Period = time.Unix(0, period)
		charges[id] = append(charges[id], c)
	}
	return charges, rows.Err()
}

// SweepBudgetCharges sums up and deletes what attempts before a time count.
func (s *Store) SweepBudgetCharges(ctx context.Context, before time.Time) error {
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO budget_accounts (budget_id, period, amount, extra, carried, told, swept)
			SELECT budget_id, period, 0, 0, 0, 0, sum(amount) FROM budget_charges WHERE at < ? GROUP BY budget_id, period
			ON CONFLICT (budget_id, period) DO UPDATE SET swept = budget_accounts.swept + excluded.swept`, before.UnixNano())
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM budget_charges WHERE at < ?`, before.UnixNano())
		return err
	})
	if err != nil {
		return fmt.Errorf("sweep what attempts count for budgets: %w", err)
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

// BudgetSums compares the accounts of all budgets with what attempts count, in the
// order of budgets and periods.
func (s *Store) BudgetSums(ctx context.Context) (list []BudgetSum, err error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT budget_id, period, sum(charged), sum(spent) FROM (
			SELECT budget_id, period, amount AS charged, 0 AS spent FROM budget_charges
			UNION ALL SELECT budget_id, period, swept, 0 FROM budget_accounts WHERE swept <> 0
			UNION ALL SELECT budget_id, period, 0, spent FROM budget_leases) AS parts
		GROUP BY budget_id, period ORDER BY budget_id, period`)
	if err != nil {
		return nil, fmt.Errorf("sum budgets: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var b BudgetSum
		var period int64
		if err := rows.Scan(&b.Budget, &period, &b.Charged, &b.Spent); err != nil {
			return nil, fmt.Errorf("sum budgets: %w", err)
		}
		b.Period = time.Unix(0, period).UTC()
		list = append(list, b)
	}
	return list, rows.Err()
}
