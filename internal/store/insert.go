package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// InsertAttempts adds attempts in one transaction: all of them or none. One
// that is already there is left as it is, so a batch may be sent again. The
// keys' last use is noted with them, and the periods whose sums have changed.
func (s *Store) InsertAttempts(ctx context.Context, attempts []Attempt) error {
	if len(attempts) == 0 {
		return nil
	}
	if err := s.inserts.prepare(ctx, s.writer); err != nil {
		return fmt.Errorf("record %d attempts: %w", len(attempts), err)
	}
	err := s.insertAttempts(ctx, attempts, false)
	if errors.Is(err, errCounted) {
		err = s.insertAttempts(ctx, attempts, true)
	}
	if err != nil {
		return fmt.Errorf("record %d attempts: %w", len(attempts), err)
	}
	return nil
}

func (s *Store) insertAttempts(ctx context.Context, attempts []Attempt, careful bool) error {
	uses := lastUses(attempts)
	var names labelling
	var bill *billing
	err := s.increments(ctx, func(tx *sql.Tx) (err error) {
		names, bill = labelling{known: &s.labels}, nil
		list := attempts
		if careful {
			if list, err = uncounted(ctx, tx, attempts); err != nil {
				return err
			}
		}
		if bill, err = s.bill(ctx, tx, list); err != nil {
			return err
		}
		if err := s.inserts.run(ctx, tx, &names, bill, list); err != nil {
			return err
		}
		if bill != nil {
			if err := bill.settle(ctx, tx); err != nil {
				return err
			}
		}
		stale := slots{}
		for i := range attempts {
			stale.add(attempts[i].At)
		}
		if err := stale.mark(ctx, tx); err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(uses)) {
			_, err := tx.ExecContext(ctx, `UPDATE keys SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?`, uses[id], id)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.labels.keep(names.fresh)
		if bill != nil {
			s.charges.keep(bill.fresh, bill.now)
		}
	}
	return err
}

// rowsPerInsert is how many rows one statement takes: it is the statements that
// cost, and SQLite takes 32,766 parameters in one.
const rowsPerInsert = 32

// inserts are the statements that insert many rows and one. They are kept: reading
// one costs as much as writing its rows.
type inserts struct {
	mu    sync.Mutex
	many  *sql.Stmt
	brief *sql.Stmt // many without rareColumns
	one   *sql.Stmt
}

func (n *inserts) prepare(ctx context.Context, db *sql.DB) (err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.many == nil {
		if n.many, err = db.PrepareContext(ctx, insertOf(rowsPerInsert, true)); err != nil {
			return err
		}
	}
	if n.brief == nil {
		if n.brief, err = db.PrepareContext(ctx, insertOf(rowsPerInsert, false)); err != nil {
			return err
		}
	}
	if n.one == nil {
		n.one, err = db.PrepareContext(ctx, insertOf(1, true))
	}
	return err
}

// insertOf is the statement for a number of rows, with values for rareColumns or without.
func insertOf(rows int, whole bool) string {
	last := rareValues
	if whole {
		last = marks(rareColumns)
	}
	row := "(" + marks(rowColumns+chargeColumns) + ", " + last + ")"
	return `INSERT INTO attempts (` + rowColumns + chargeColumns + `, ` + rareColumns + `) VALUES ` + row + strings.Repeat(", "+row, rows-1) + ` ON CONFLICT (at, id) DO NOTHING`
}

// marks are as many question marks as there are columns.
func marks(columns string) string { return "?" + strings.Repeat(", ?", strings.Count(columns, ",")) }

// run inserts attempts. It is errCounted where one that counts for budgets is there.
func (n *inserts) run(ctx context.Context, tx *sql.Tx, names *labelling, bill *billing, attempts []Attempt) error {
	many, brief, one := tx.StmtContext(ctx, n.many), tx.StmtContext(ctx, n.brief), tx.StmtContext(ctx, n.one)
	defer func() { _ = errors.Join(many.Close(), brief.Close(), one.Close()) }()
	b := insertion{tx: tx, names: names, bill: bill, args: make([]any, 0, rowsPerInsert*(strings.Count(rowColumns+chargeColumns+rareColumns, ",")+2))}
	for len(attempts) >= rowsPerInsert {
		group := attempts[:rowsPerInsert]
		attempts = attempts[rowsPerInsert:]
		statement, whole := brief, anyRare(group)
		if whole {
			statement = many
		}
		if err := b.insert(ctx, statement, group, whole); err != nil {
			return err
		}
		runtime.Gosched() // requests go first: a batch computes for many milliseconds
	}
	for i := range attempts {
		if err := b.insert(ctx, one, attempts[i:i+1], true); err != nil {
			return err
		}
	}
	return nil
}

// insertion is what the statements of one transaction share.
type insertion struct {
	tx    *sql.Tx
	names *labelling
	bill  *billing
	args  []any
}

// insert runs a statement for as many rows as it takes.
func (b *insertion) insert(ctx context.Context, statement *sql.Stmt, group []Attempt, whole bool) error {
	b.args = b.args[:0]
	for i := range group {
		a := &group[i]
		l := labelOf(a)
		id, err := b.names.id(ctx, b.tx, &l)
		if err != nil {
			return err
		}
		b.args = appendRow(b.args, a, id)
		if b.args, err = b.bill.append(ctx, b.tx, b.args, a); err != nil {
			return err
		}
		if whole {
			b.args = appendRare(b.args, a)
		}
	}
	res, err := statement.ExecContext(ctx, b.args...)
	if err != nil {
		return fmt.Errorf("attempts from %s on: %w", group[0].ID, err)
	}
	if b.bill == nil {
		return nil
	}
	if n, err := res.RowsAffected(); err != nil || n != int64(len(group)) {
		return errors.Join(errCounted, err)
	}
	return nil
}

func lastUses(attempts []Attempt) map[string]int64 {
	uses := map[string]int64{}
	for i := range attempts {
		if a := &attempts[i]; a.KeyID != "" {
			uses[a.KeyID] = max(uses[a.KeyID], a.At.UnixNano())
		}
	}
	return uses
}
