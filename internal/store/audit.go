package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// AuditRow is a row of the audit log.
type AuditRow struct {
	// Seq counts them, from 1 on and without gaps.
	Seq int64
	// At is when it was written.
	At time.Time
	// Kind is what was done, Actor who did it, Subject to what, Outcome what came of it.
	Kind, Actor, Subject, Outcome string
	// Address, Agent and Request are where it came from.
	Address, Agent, Request string
	// Detail is more, as JSON.
	Detail string
	// Prev is the hash of the row before, Hash that of this one.
	Prev, Hash string
}

const (
	auditColumns = `seq, at, kind, actor, subject, outcome, address, agent, request, detail, prev, hash`
	addAudit     = `INSERT INTO audit (` + auditColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	// The head is one row, so whoever adds to the log waits for who does it now, in all
	// gateways.
	nextAudit = `UPDATE audit_head SET seq = seq + 1 WHERE one = 1 RETURNING seq, hash`
	headAudit = `UPDATE audit_head SET hash = ? WHERE one = 1`
)

// AppendAudit adds a row behind the last one; hash makes its hash when its number and
// the hash before it are known.
func (s *Store) AppendAudit(ctx context.Context, r AuditRow, hash func(*AuditRow) string) (AuditRow, error) {
	err := s.increments(ctx, func(tx *sql.Tx) error { return appendAudit(ctx, tx, &r, hash) })
	if err != nil {
		return r, fmt.Errorf("add to the audit log: %w", err)
	}
	return r, nil
}

func appendAudit(ctx context.Context, tx *sql.Tx, r *AuditRow, hash func(*AuditRow) string) error {
	if err := tx.QueryRowContext(ctx, nextAudit).Scan(&r.Seq, &r.Prev); err != nil {
		return err
	}
	r.Hash = hash(r)
	_, err := tx.ExecContext(ctx, addAudit, r.Seq, r.At.UnixNano(), r.Kind, r.Actor, r.Subject, r.Outcome, r.Address, r.Agent, r.Request, r.Detail, r.Prev, r.Hash)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, headAudit, r.Hash)
	return err
}

// AuditHead is the number of the last row that was added, and its hash.
func (s *Store) AuditHead(ctx context.Context) (seq int64, hash string, err error) {
	if err = s.writer.QueryRowContext(ctx, `SELECT seq, hash FROM audit_head WHERE one = 1`).Scan(&seq, &hash); err != nil {
		return 0, "", fmt.Errorf("read the head of the audit log: %w", err)
	}
	return seq, hash, nil
}

// AuditQuery says which rows are looked for. What is zero does not matter.
type AuditQuery struct {
	From, To time.Time
	// Kind is a kind, or the beginning of some with a dot behind it (keys.).
	Kind, Actor, Subject, Outcome, Address, Request string
	// After and Until bound the number: behind the one, up to the other.
	After, Until int64
	// Before, where it is set, turns the order round: the newest before that number.
	Before int64
	Limit  int
}

// AuditRows are the rows that fit, the oldest first, unless Before is set.
func (s *Store) AuditRows(ctx context.Context, q AuditQuery) (list []AuditRow, err error) {
	where, args := []string{"seq > ?"}, []any{q.After}
	add := func(yes bool, condition string, value any) {
		if yes {
			where, args = append(where, condition), append(args, value)
		}
	}
	add(!q.From.IsZero(), "at >= ?", q.From.UnixNano())
	add(!q.To.IsZero(), "at < ?", q.To.UnixNano())
	if kind, some := strings.CutSuffix(q.Kind, "."); some {
		add(true, "kind >= ?", kind+".")
		add(true, "kind < ?", kind+"/") // what comes behind a dot
	} else {
		add(q.Kind != "", "kind = ?", q.Kind)
	}
	add(q.Actor != "", "actor = ?", q.Actor)
	add(q.Subject != "", "subject = ?", q.Subject)
	add(q.Outcome != "", "outcome = ?", q.Outcome)
	add(q.Address != "", "address = ?", q.Address)
	add(q.Request != "", "request = ?", q.Request)
	add(q.Until > 0, "seq <= ?", q.Until)
	add(q.Before > 0, "seq < ?", q.Before)
	order := ""
	if q.Before > 0 {
		order = " DESC"
	}
	//nolint:gosec // constants and question marks only
	rows, err := s.readers.QueryContext(ctx, `SELECT `+auditColumns+` FROM audit WHERE `+strings.Join(where, " AND ")+` ORDER BY seq`+order+` LIMIT ?`, append(args, q.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r AuditRow
		var at int64
		err := rows.Scan(&r.Seq, &at, &r.Kind, &r.Actor, &r.Subject, &r.Outcome, &r.Address, &r.Agent, &r.Request, &r.Detail, &r.Prev, &r.Hash)
		if err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		r.At = time.Unix(0, at).UTC()
		list = append(list, r)
	}
	return list, rows.Err()
}

// PruneAudit deletes the rows at the beginning of the log that are older than a time. In
// the same step it adds a checkpoint, which names the last of them and its hash.
func (s *Store) PruneAudit(ctx context.Context, before time.Time, checkpoint func(through int64, hash string) (AuditRow, error), hash func(*AuditRow) string) (n int64, err error) {
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		n = 0
		var through int64
		err := tx.QueryRowContext(ctx, `SELECT coalesce((SELECT min(seq) - 1 FROM audit WHERE at >= ?), (SELECT max(seq) FROM audit), 0)`, before.UnixNano()).Scan(&through)
		if err != nil || through < 1 {
			return err
		}
		var last string
		err = tx.QueryRowContext(ctx, `SELECT hash FROM audit WHERE seq = ?`, through).Scan(&last)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // all of that has gone before
		}
		if err != nil {
			return err
		}
		row, err := checkpoint(through, last)
		if err != nil {
			return err
		}
		if err := appendAudit(ctx, tx, &row, hash); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `DELETE FROM audit WHERE seq <= ?`, through)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("prune the audit log: %w", err)
	}
	return n, nil
}
