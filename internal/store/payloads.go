package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Payload is what was said in a request, as it is kept.
type Payload struct {
	RequestID string
	// KeyID is the API key it came with.
	KeyID string
	// Scope is whose data key seals it: team/ID, else key/ID.
	Scope string
	At    time.Time
	// Dropped says why there is no body; empty where there is one.
	Dropped string
	// Body is sealed.
	Body string
}

const addPayload = `INSERT INTO payloads (request_id, key_id, scope, at, size, dropped, body) VALUES (?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (request_id) DO NOTHING`

// InsertPayloads keeps payloads, all or none.
func (s *Store) InsertPayloads(ctx context.Context, list []Payload) error {
	err := s.increments(ctx, func(tx *sql.Tx) error {
		for i := range list {
			p := &list[i]
			if _, err := tx.ExecContext(ctx, addPayload, p.RequestID, p.KeyID, p.Scope, p.At.UnixNano(), len(p.Body), p.Dropped, p.Body); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep %d payloads: %w", len(list), err)
	}
	return nil
}

// Payload is that of a request, ErrNotFound where there is none.
func (s *Store) Payload(ctx context.Context, requestID string) (p Payload, err error) {
	var at int64
	err = s.readers.QueryRowContext(ctx, `SELECT request_id, key_id, scope, at, dropped, body FROM payloads WHERE request_id = ?`, requestID).
		Scan(&p.RequestID, &p.KeyID, &p.Scope, &at, &p.Dropped, &p.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return p, ErrNotFound
	}
	if err != nil {
		return p, fmt.Errorf("read a payload: %w", err)
	}
	p.At = time.Unix(0, at).UTC()
	return p, nil
}

const prunePayloads = `DELETE FROM payloads WHERE at < ? OR request_id IN (
	SELECT request_id FROM (
		SELECT request_id, sum(size) OVER (ORDER BY at DESC, request_id DESC) AS total FROM payloads
	) AS ranked WHERE total > ?)`

// PrunePayloads forgets those of before a time, and the oldest where they are more than
// so many bytes. It returns how much is left.
func (s *Store) PrunePayloads(ctx context.Context, before time.Time, bytes int64) (size int64, err error) {
	if _, err := s.writer.ExecContext(ctx, prunePayloads, before.UnixNano(), bytes); err != nil {
		return 0, fmt.Errorf("prune payloads: %w", err)
	}
	if err := s.readers.QueryRowContext(ctx, `SELECT coalesce(sum(size), 0) FROM payloads`).Scan(&size); err != nil {
		return 0, fmt.Errorf("prune payloads: %w", err)
	}
	return size, nil
}

// ForgetPayloads makes what was kept of a key's requests unreadable: its own data key
// goes, and the rows with it, also those that its team's data key seals.
func (s *Store) ForgetPayloads(ctx context.Context, keyID string) error {
	err := s.transaction(ctx, func(tx *sql.Tx) error { return forgetScope(ctx, tx, "key/"+keyID, keyID) })
	if err != nil {
		return fmt.Errorf("forget the payloads of %s: %w", keyID, err)
	}
	return nil
}

// forgetScope deletes the data keys of a tenant and what they have sealed.
func forgetScope(ctx context.Context, tx *sql.Tx, scope, keyID string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM data_keys WHERE scope = ?`, scope); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM payloads WHERE scope = ? OR key_id = ?`, scope, keyID)
	return err
}
