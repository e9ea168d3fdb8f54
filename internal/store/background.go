package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Background is an answer that an upstream makes in the background, as far as it
// must be found again and accounted for.
type Background struct {
	// KeyID is the key it was asked for with; no other sees it.
	KeyID string
	// ID is the answer's own, as the client and the upstream know it.
	ID string
	// AttemptID is the attempt that tells what it cost. It is chosen when the
	// answer is begun: written twice, it is still one row.
	AttemptID string
	// RequestID is the request that began it, Number that of its last attempt.
	RequestID string
	Number    int
	// Dialect, Provider, Surface, RequestedModel and ServedModel are the attempt's.
	Dialect, Provider, Surface, RequestedModel, ServedModel string
	// TeamID, UserID and Tags are the attempt's: whom the key belonged to.
	TeamID, UserID, Tags string
	// Input is how many tokens went in, by estimate.
	Input int64
	// At is when it was begun.
	At time.Time
	// Status is what is known of it, in the upstream's words.
	Status string
	// Settled says that what it cost is in the ledger.
	Settled bool
	// Budgets are those of the request, in the form of Attempt.Budgets, with the
	// unit in the place of an amount.
	Budgets string
}

const backgroundColumns = `key_id, id, attempt_id, request_id, number, dialect, provider, surface, requested_model, served_model, input, at, status, settled, budgets, team_id, user_id, tags`

const (
	saveBackground = `INSERT INTO background (` + backgroundColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (key_id, id) DO UPDATE SET status = excluded.status, settled = max(background.settled, excluded.settled)`
	sweepBackground = `DELETE FROM background WHERE settled = 1 AND (at < ?1 OR (key_id, id) IN (
		SELECT key_id, id FROM (
			SELECT key_id, id, row_number() OVER (ORDER BY at DESC) AS n FROM background WHERE settled = 1
		) AS ranked WHERE n > ?2))`
	getBackground  = `SELECT ` + backgroundColumns + ` FROM background WHERE key_id = ? AND id = ?`
	openBackground = `SELECT ` + backgroundColumns + ` FROM background WHERE settled = 0 ORDER BY at LIMIT ?`
)

// SaveBackground keeps a row, or what is new of it. What is settled stays so.
func (s *Store) SaveBackground(ctx context.Context, b Background) error {
	_, err := s.writer.ExecContext(ctx, saveBackground, b.KeyID, b.ID, b.AttemptID, b.RequestID, b.Number, b.Dialect, b.Provider,
		b.Surface, b.RequestedModel, b.ServedModel, b.Input, b.At.UnixNano(), b.Status, b.Settled, b.Budgets,
		b.TeamID, b.UserID, b.Tags)
	if err != nil {
		return fmt.Errorf("keep a background answer: %w", err)
	}
	return nil
}

// SweepBackground forgets settled rows begun before a time, and the oldest of more
// than so many.
func (s *Store) SweepBackground(ctx context.Context, before time.Time, rows int) error {
	if _, err := s.writer.ExecContext(ctx, sweepBackground, before.UnixNano(), rows); err != nil {
		return fmt.Errorf("sweep background answers: %w", err)
	}
	return nil
}

// Background returns a row of a key, ErrNotFound where there is none.
func (s *Store) Background(ctx context.Context, keyID, id string) (Background, error) {
	list, err := s.backgrounds(ctx, getBackground, keyID, id)
	if err != nil {
		return Background{}, err
	}
	if len(list) == 0 {
		return Background{}, ErrNotFound
	}
	return list[0], nil
}

// HasBackground tells whether an answer is any key's.
func (s *Store) HasBackground(ctx context.Context, id string) (has bool, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM background WHERE id = ?)`, id).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("look for a background answer: %w", err)
	}
	return has, nil
}

// OpenBackground lists what is not settled, oldest first, at most limit.
func (s *Store) OpenBackground(ctx context.Context, limit int) ([]Background, error) {
	return s.backgrounds(ctx, openBackground, limit)
}

// CountOpenBackground counts what is not settled.
func (s *Store) CountOpenBackground(ctx context.Context) (n int, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT count(*) FROM background WHERE settled = 0`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count background answers: %w", err)
	}
	return n, nil
}

func (s *Store) backgrounds(ctx context.Context, query string, args ...any) (list []Background, err error) {
	rows, err := s.readers.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read background answers: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		b, err := scanBackground(rows)
		if err != nil {
			return nil, fmt.Errorf("read background answers: %w", err)
		}
		list = append(list, b)
	}
	return list, rows.Err()
}

func scanBackground(rows *sql.Rows) (b Background, err error) {
	var at int64
	err = rows.Scan(&b.KeyID, &b.ID, &b.AttemptID, &b.RequestID, &b.Number, &b.Dialect, &b.Provider, &b.Surface,
		&b.RequestedModel, &b.ServedModel, &b.Input, &at, &b.Status, &b.Settled, &b.Budgets,
		&b.TeamID, &b.UserID, &b.Tags)
	b.At = time.Unix(0, at).UTC()
	return b, err
}
