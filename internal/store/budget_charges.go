package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
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
	var room [512]byte
	b := append(room[:0], replica...)
	for i := range list {
		c := &list[i]
		b = append(append(append(b, ' '), c.Budget...), '@')
		b = append(strconv.AppendInt(b, c.Period.UnixNano(), 10), '=')
		b = strconv.AppendInt(b, c.Amount, 10)
	}
	return string(b)
}

// ReadBudgetCharges reads what BudgetCharges wrote. What is no charge, and a second one
// for a budget, is passed over.
func ReadBudgetCharges(text string) (replica string, list []BudgetCharge) {
	replica, rest, _ := strings.Cut(text, " ")
	list = make([]BudgetCharge, 0, strings.Count(rest, "@"))
	for word := range strings.SplitSeq(rest, " ") {
		id, rest, ok := strings.Cut(word, "@")
		at, amount, more := strings.Cut(rest, "=")
		period, bad := strconv.ParseInt(at, 10, 64)
		n, worse := strconv.ParseInt(amount, 10, 64)
		if ok && more && bad == nil && worse == nil && id != "" && !slices.ContainsFunc(list, func(c BudgetCharge) bool { return c.Budget == id }) {
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

const addSpent = `INSERT INTO budget_leases (budget_id, period, replica, home, granted, spent, expires_at) VALUES (?, ?, ?, ?, 0, ?, 0)
	ON CONFLICT (budget_id, period, replica) DO UPDATE SET spent = budget_leases.spent + excluded.spent`

// insertCharges is the statement for a number of rows.
func insertCharges(rows int) string {
	return `INSERT INTO attempt_charges (at, attempt_id, charges) VALUES (?, ?, ?)` +
		strings.Repeat(", (?, ?, ?)", rows-1) + ` ON CONFLICT (at, attempt_id) DO NOTHING`
}

// errCounted says that an attempt has counted for its budgets before: a batch came twice.
var errCounted = errors.New("an attempt is counted already")

// chargeBudgets counts attempts for their budgets, in the transaction that writes
// them. What was counted before is not counted again. That is rare, and to be told which
// rows are new costs as much as writing them: so it is errCounted, and the transaction
// is made again with careful.
func (s *Store) chargeBudgets(ctx context.Context, tx *sql.Tx, attempts []Attempt, careful bool) error {
	list := make([]*Attempt, 0, len(attempts))
	for i := range attempts {
		if attempts[i].Budgets != "" {
			list = append(list, &attempts[i])
		}
	}
	if len(list) == 0 {
		return nil
	}
	list, err := withoutOld(ctx, tx, list)
	if err != nil {
		return err
	}
	if careful {
		if list, err = uncounted(ctx, tx, list); err != nil {
			return err
		}
	}
	many := len(list) / rowsPerInsert * rowsPerInsert
	if err := errors.Join(
		chargeBy(ctx, tx, s.charges.many, rowsPerInsert, list[:many]),
		chargeBy(ctx, tx, s.charges.one, 1, list[many:])); err != nil {
		return err
	}
	for key, n := range chargesOf(list) {
		home, _, _ := strings.Cut(key.replica, replicaMark)
		if _, err := tx.ExecContext(ctx, addSpent, key.budget, key.period, key.replica, home, n); err != nil {
			return fmt.Errorf("budget %s: %w", key.budget, err)
		}
	}
	return nil
}

// chargesOf sums up what attempts count.
func chargesOf(list []*Attempt) map[leaseKey]int64 {
	sums := map[leaseKey]int64{}
	for _, a := range list {
		replica, charges := ReadBudgetCharges(a.Budgets)
		for _, c := range charges {
			sums[leaseKey{c.Budget, c.Period.UnixNano(), replica}] += c.Amount
		}
	}
	return sums
}

// chargeBy inserts rows in groups of a size.
func chargeBy(ctx context.Context, tx *sql.Tx, statement *sql.Stmt, size int, list []*Attempt) (err error) {
	if len(list) == 0 {
		return nil
	}
	insert := tx.StmtContext(ctx, statement)
	defer func() { err = errors.Join(err, insert.Close()) }()
	args := make([]any, 0, 3*size)
	for group := range slices.Chunk(list, size) {
		args = args[:0]
		for _, a := range group {
			args = append(args, a.At.UnixNano(), a.ID, a.Budgets)
		}
		res, err := insert.ExecContext(ctx, args...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != int64(len(group)) {
			return errors.Join(errCounted, err)
		}
		runtime.Gosched() // as behind the attempts themselves
	}
	return nil
}

// uncounted leaves out the attempts that have counted before, and those that are in the
// list twice.
func uncounted(ctx context.Context, tx *sql.Tx, list []*Attempt) ([]*Attempt, error) {
	there := map[string]bool{}
	for part := range slices.Chunk(list, refsPerQuestion) {
		if err := counted(ctx, tx, part, there); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(list, func(a *Attempt) bool {
		was := there[a.ID]
		there[a.ID] = true
		return was
	}), nil
}

func counted(ctx context.Context, tx *sql.Tx, list []*Attempt, there map[string]bool) (err error) {
	refs := make([]Ref, len(list))
	for i, a := range list {
		refs[i] = a.Ref()
	}
	in, args := among(refs)
	rows, err := tx.QueryContext(ctx, `SELECT attempt_id FROM attempt_charges WHERE `+in, args...) //nolint:gosec // constants and question marks only
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		there[id] = true
	}
	return rows.Err()
}

// refsPerQuestion is how many attempts one statement is asked for.
const refsPerQuestion = 64

// withoutOld leaves out the attempts that a version before this one has counted.
func withoutOld(ctx context.Context, tx *sql.Tx, list []*Attempt) ([]*Attempt, error) {
	var old int
	if err := tx.QueryRowContext(ctx, `SELECT CASE WHEN EXISTS (SELECT 1 FROM budget_charges) THEN 1 ELSE 0 END`).Scan(&old); err != nil || old == 0 {
		return list, err
	}
	refs := make([]Ref, len(list))
	for i, a := range list {
		refs[i] = a.Ref()
	}
	counted := map[string][]BudgetCharge{}
	for part := range slices.Chunk(refs, refsPerQuestion) {
		if err := oldCharges(ctx, tx, part, counted); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(list, func(a *Attempt) bool { return counted[a.ID] != nil }), nil
}
