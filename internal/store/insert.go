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
	if err := errors.Join(s.inserts.prepare(ctx, s.writer, insertOf), s.charges.prepare(ctx, s.writer, insertCharges)); err != nil {
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
	err := s.increments(ctx, func(tx *sql.Tx) error {
		names = labelling{known: &s.labels}
		if err := s.chargeBudgets(ctx, tx, attempts, careful); err != nil {
			return err
		}
		if err := s.inserts.run(ctx, tx, &names, attempts); err != nil {
			return err
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
	}
	return err
}

// rowsPerInsert is how many rows one statement takes: it is the statements that
// cost, and SQLite takes 32,766 parameters in one.
const rowsPerInsert = 32

// inserts are the statements that insert many rows and one. They are kept: reading
// one costs as much as writing its rows.
type inserts struct {
	mu        sync.Mutex
	many, one *sql.Stmt
}

func (n *inserts) prepare(ctx context.Context, db *sql.DB, of func(rows int) string) (err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.many == nil {
		if n.many, err = db.PrepareContext(ctx, of(rowsPerInsert)); err != nil {
			return err
		}
	}
	if n.one == nil {
		n.one, err = db.PrepareContext(ctx, of(1))
	}
	return err
}

// insertOf is the statement for a number of rows.
func insertOf(rows int) string {
	row := "(?" + strings.Repeat(", ?", strings.Count(rowColumns, ",")) + ")"
	return `INSERT INTO attempts (` + rowColumns + `) VALUES ` + row + strings.Repeat(", "+row, rows-1) + ` ON CONFLICT (at, id) DO NOTHING`
}

func (n *inserts) run(ctx context.Context, tx *sql.Tx, names *labelling, attempts []Attempt) error {
	many := len(attempts) / rowsPerInsert * rowsPerInsert
	return errors.Join(
		insertBy(ctx, tx, n.many, rowsPerInsert, names, attempts[:many]),
		insertBy(ctx, tx, n.one, 1, names, attempts[many:]))
}

// insertBy inserts attempts in groups of size rows.
func insertBy(ctx context.Context, tx *sql.Tx, statement *sql.Stmt, size int, names *labelling, attempts []Attempt) (err error) {
	if len(attempts) == 0 {
		return nil
	}
	insert := tx.StmtContext(ctx, statement)
	defer func() { err = errors.Join(err, insert.Close()) }()
	args := make([]any, 0, size*(strings.Count(rowColumns, ",")+1))
	for at := 0; at < len(attempts); at += size {
		args = args[:0]
		for i := at; i < at+size; i++ {
			l := labelOf(&attempts[i])
			id, err := names.id(ctx, tx, &l)
			if err != nil {
				return err
			}
			args = appendRow(args, &attempts[i], id)
		}
		if _, err := insert.ExecContext(ctx, args...); err != nil {
			return fmt.Errorf("attempts from %s on: %w", attempts[at].ID, err)
		}
		runtime.Gosched() // requests go first: a batch computes for many milliseconds
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
