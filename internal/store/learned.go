package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Learned is one thing an upstream has taught about a model.
type Learned struct {
	// Provider and Model say where it holds; the model as the provider calls it.
	Provider, Model string
	// What is a member of the catalog's capabilities, or what is done to requests.
	What string
	// Value is the member's JSON, or what it is done to.
	Value string
	// Evidence is the upstream's own words, shortened.
	Evidence string
	// LearnedAt is when it was taught last, ExpiresAt when it is forgotten.
	LearnedAt, ExpiresAt time.Time
}

// maxLearned bounds the table: the oldest go first.
const maxLearned = 4096

const (
	saveLearned = `INSERT INTO learned (provider, model, what, value, evidence, learned_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (provider, model, what, value) DO UPDATE SET evidence = excluded.evidence, learned_at = excluded.learned_at, expires_at = excluded.expires_at`
	sweepLearned = `DELETE FROM learned WHERE expires_at <= ?1 OR (provider, model, what, value) IN (
		SELECT provider, model, what, value FROM (
			SELECT provider, model, what, value, row_number() OVER (ORDER BY learned_at DESC) AS n FROM learned
		) AS ranked WHERE n > ?2)`
	listLearned = `SELECT provider, model, what, value, evidence, learned_at, expires_at FROM learned
		WHERE expires_at > ? ORDER BY provider, model, what, value`
)

// SaveLearned keeps rows, newer ones in the place of older, and sweeps out what
// has expired by then.
func (s *Store) SaveLearned(ctx context.Context, now time.Time, rows ...Learned) error {
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		for _, r := range rows {
			_, err := tx.ExecContext(ctx, saveLearned, r.Provider, r.Model, r.What, r.Value, r.Evidence, r.LearnedAt.UnixNano(), r.ExpiresAt.UnixNano())
			if err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, sweepLearned, now.UnixNano(), maxLearned)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep what was learned: %w", err)
	}
	return nil
}

// Learned lists what is known and has not expired.
func (s *Store) Learned(ctx context.Context, now time.Time) (list []Learned, err error) {
	rows, err := s.readers.QueryContext(ctx, listLearned, now.UnixNano())
	if err != nil {
		return nil, fmt.Errorf("list what was learned: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r Learned
		var learned, expires int64
		if err := rows.Scan(&r.Provider, &r.Model, &r.What, &r.Value, &r.Evidence, &learned, &expires); err != nil {
			return nil, fmt.Errorf("list what was learned: %w", err)
		}
		r.LearnedAt, r.ExpiresAt = time.Unix(0, learned).UTC(), time.Unix(0, expires).UTC()
		list = append(list, r)
	}
	return list, rows.Err()
}

const forgetLearned = `DELETE FROM learned WHERE (?1 = '' OR provider = ?1) AND (?2 = '' OR model = ?2) AND (?3 = '' OR what = ?3)
	AND (?4 = '' OR value = ?4)`

// ForgetLearned deletes the rows that fit; an empty word fits all. It returns how
// many there were.
func (s *Store) ForgetLearned(ctx context.Context, provider, model, what, value string) (int64, error) {
	res, err := s.writer.ExecContext(ctx, forgetLearned, provider, model, what, value)
	if err != nil {
		return 0, fmt.Errorf("forget what was learned: %w", err)
	}
	return res.RowsAffected()
}
