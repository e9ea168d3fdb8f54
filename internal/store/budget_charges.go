package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
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

// BudgetCharges writes what an attempt counts, for the journal: the process, then
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

// errCounted says that an attempt has counted for its budgets before: a batch came twice.
// That is rare, and to be told which rows are new costs as much as writing them: so the
// transaction is made again, and looks first.
var errCounted = errors.New("an attempt is counted already")

// billing finds how rows say what their attempts count for budgets, within the
// transaction that writes them, and adds it up.
type billing struct {
	known *chargeLabels
	now   time.Time
	fresh map[string]*chargeLabel // written by this transaction
	swept int64                   // what attempts before that count is in the sums of the accounts

	sums map[*chargeLabel][]int64
	late map[budgetPeriod]int64 // of attempts before swept

	label, text []byte  // of the attempt looked at
	amounts     []int64 // of the same
	last        *chargeLabel
	lastLabel   string
}

// chargeColumns are those of an attempt that append gives values to.
const chargeColumns = `, charged_for, amounts`

func (b *billing) append(ctx context.Context, tx *sql.Tx, args []any, a *Attempt) ([]any, error) {
	if b == nil || a.Budgets == "" {
		return append(args, int64(0), ""), nil
	}
	id, amounts, err := b.charge(ctx, tx, a)
	return append(args, id, amounts), err
}

// charge is the label and the amounts for the row of an attempt, 0 and nothing where it
// counts for no budget.
func (b *billing) charge(ctx context.Context, tx *sql.Tx, a *Attempt) (id int64, amounts string, err error) {
	l, err := b.read(ctx, tx, a.Budgets)
	if err != nil || l == nil {
		return 0, "", err
	}
	sum := b.sums[l]
	if sum == nil {
		sum = make([]int64, len(l.keys))
		b.sums[l] = sum
	}
	b.text = b.text[:0]
	for i, n := range b.amounts {
		sum[i] += n
		b.text = append(strconv.AppendInt(b.text, n, 10), ' ')
	}
	if a.At.UnixNano() < b.swept {
		for i, n := range b.amounts {
			b.late[budgetPeriod{l.keys[i].budget, l.keys[i].period}] += n
		}
		return 0, "", nil
	}
	return l.id, string(b.text[:len(b.text)-1]), nil
}

// read takes apart what BudgetCharges wrote. What is no charge, and a second one for a
// budget, is left out; nil: nothing is left.
func (b *billing) read(ctx context.Context, tx *sql.Tx, text string) (*chargeLabel, error) {
	if b.split(text) {
		if l, err := b.find(ctx, tx); l != nil || err != nil {
			return l, err
		}
	}
	replica, list := ReadBudgetCharges(text)
	if len(list) == 0 || !b.split(BudgetCharges(replica, list)) {
		return nil, nil //nolint:nilnil // it counts for nothing
	}
	return b.find(ctx, tx)
}

// split parts the label from the amounts.
func (b *billing) split(text string) bool {
	replica, rest, _ := strings.Cut(text, " ")
	b.label, b.amounts = append(b.label[:0], replica...), b.amounts[:0]
	for rest != "" {
		var word string
		word, rest, _ = strings.Cut(rest, " ")
		what, amount, _ := strings.Cut(word, "=")
		n, err := strconv.ParseInt(amount, 10, 64)
		if err != nil {
			return false
		}
		b.label = append(append(b.label, ' '), what...)
		b.amounts = append(b.amounts, n)
	}
	return len(b.amounts) > 0
}

// find is the label that split has left, nil if it is none.
func (b *billing) find(ctx context.Context, tx *sql.Tx) (*chargeLabel, error) {
	if b.last != nil && b.lastLabel == string(b.label) {
		return b.last, nil
	}
	l := b.known.get(b.label, b.now)
	if l == nil {
		l = b.fresh[string(b.label)]
	}
	text := string(b.label)
	if l == nil {
		keys, ok := chargeKeys(text)
		if !ok {
			return nil, nil //nolint:nilnil // it is none
		}
		id, err := writeChargeLabel(ctx, tx, text, b.now)
		if err != nil {
			return nil, err
		}
		l = &chargeLabel{id, keys}
		if b.fresh == nil {
			b.fresh = map[string]*chargeLabel{}
		}
		b.fresh[text] = l
	}
	b.last, b.lastLabel = l, text
	return l, nil
}

// settle adds to the accounts of the budgets what the attempts count.
func (b *billing) settle(ctx context.Context, tx *sql.Tx) error {
	spent := map[leaseKey]int64{}
	for l, sum := range b.sums {
		for i, n := range sum {
			spent[l.keys[i]] += n
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(spent), compareLeases) {
		home, _, _ := strings.Cut(k.replica, replicaMark)
		if _, err := tx.ExecContext(ctx, addSpent, k.budget, k.period, k.replica, home, spent[k]); err != nil {
			return fmt.Errorf("budget %s: %w", k.budget, err)
		}
	}
	return addSwept(ctx, tx, b.late)
}

func compareLeases(a, b leaseKey) int {
	return cmp.Or(cmp.Compare(a.budget, b.budget), cmp.Compare(a.period, b.period), cmp.Compare(a.replica, b.replica))
}

// bill begins to add up what attempts count, nil where they count for nothing.
func (s *Store) bill(ctx context.Context, tx *sql.Tx, attempts []Attempt) (*billing, error) {
	if !anyCharged(attempts) {
		return nil, nil //nolint:nilnil // there is nothing to add up
	}
	swept, err := sweptBefore(ctx, tx)
	if err != nil {
		return nil, err
	}
	return &billing{known: &s.charges, now: s.labels.now(), swept: swept, sums: map[*chargeLabel][]int64{}, late: map[budgetPeriod]int64{}}, nil
}

func anyCharged(attempts []Attempt) bool {
	for i := range attempts {
		if attempts[i].Budgets != "" {
			return true
		}
	}
	return false
}

// uncounted are the attempts that are not there yet, each once: a row and what it counts
// for budgets are written together.
func uncounted(ctx context.Context, tx *sql.Tx, attempts []Attempt) (list []Attempt, err error) {
	there := map[string]bool{}
	for part := range slices.Chunk(attempts, refsPerQuestion) {
		if err := recorded(ctx, tx, part, there); err != nil {
			return nil, err
		}
	}
	for i := range attempts {
		if id := attempts[i].ID; !there[id] {
			there[id] = true
			list = append(list, attempts[i])
		}
	}
	return list, nil
}

func recorded(ctx context.Context, tx *sql.Tx, attempts []Attempt, there map[string]bool) (err error) {
	refs := make([]Ref, len(attempts))
	for i := range attempts {
		refs[i] = attempts[i].Ref()
	}
	in, args := among("id", refs)
	rows, err := tx.QueryContext(ctx, `SELECT id FROM attempts WHERE `+in, args...) //nolint:gosec // constants and question marks only
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
