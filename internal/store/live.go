package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// LiveEntry is something that operators have set while gateways run.
type LiveEntry struct {
	// Kind and Name say what it is.
	Kind, Name string
	// Members are its settings as JSON, without secrets.
	Members string
	// Sealed are its secrets, encrypted; empty where it has none.
	Sealed string
	// ChangedAt is when it was set.
	ChangedAt time.Time
}

const liveEntries = `SELECT kind, name, members, sealed, changed_at FROM live_entries ORDER BY kind, name`

// LiveEntries returns all of them, by kind and name.
func (s *Store) LiveEntries(ctx context.Context) ([]LiveEntry, error) {
	return readLive(s.readers.QueryContext(ctx, liveEntries))
}

func readLive(rows *sql.Rows, err error) (list []LiveEntry, _ error) {
	if err != nil {
		return nil, fmt.Errorf("read live entries: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e LiveEntry
		var at int64
		if err := rows.Scan(&e.Kind, &e.Name, &e.Members, &e.Sealed, &at); err != nil {
			return nil, fmt.Errorf("read live entries: %w", err)
		}
		e.ChangedAt = time.Unix(0, at).UTC()
		list = append(list, e)
	}
	return list, rows.Err()
}

// errNothing ends a transaction that has nothing to change.
var errNothing = errors.New("nothing to change")

// ChangeLive changes live entries: do is given those there are and says which to put and
// which to take away, all or none. Nobody else changes any meanwhile; do may be called again.
func (s *Store) ChangeLive(ctx context.Context, do func(there []LiveEntry) (put, drop []LiveEntry, err error)) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		there, err := readLive(tx.QueryContext(ctx, liveEntries))
		if err != nil {
			return err
		}
		put, drop, err := do(there)
		if err != nil {
			return err
		}
		if len(put)+len(drop) == 0 {
			return errNothing
		}
		for i := range drop {
			if _, err := tx.ExecContext(ctx, `DELETE FROM live_entries WHERE kind = ? AND name = ?`, drop[i].Kind, drop[i].Name); err != nil {
				return fmt.Errorf("drop a live entry: %w", err)
			}
		}
		for i := range put {
			e := &put[i]
			if _, err := tx.ExecContext(ctx, `INSERT INTO live_entries (kind, name, members, sealed, changed_at) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT (kind, name) DO UPDATE SET members = excluded.members, sealed = excluded.sealed, changed_at = excluded.changed_at`,
				e.Kind, e.Name, e.Members, e.Sealed, e.ChangedAt.UnixNano()); err != nil {
				return fmt.Errorf("put a live entry: %w", err)
			}
		}
		return nil
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}
