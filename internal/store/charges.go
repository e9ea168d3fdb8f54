package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"
)

// chargedAttempts reads on from an attempt.
const chargedAttempts = selectAttempts + `
	WHERE at >= ? AND at < ? AND (at > ? OR at = ? AND attempts.id > ?)
	ORDER BY at, attempts.id
	LIMIT ?`

// AttemptsBehind returns attempts begun in [from, to), oldest first, at most limit
// of them, that come behind another one: the zero value is before them all.
func (s *Store) AttemptsBehind(ctx context.Context, from, to time.Time, behind Ref, limit int) ([]Attempt, error) {
	since, until := span(from, to)
	last := int64(math.MinInt64)
	if behind.ID != "" {
		last = behind.At.UnixNano()
		since = max(since, last)
	}
	rows, err := s.readers.QueryContext(ctx, chargedAttempts, since, until, last, last, behind.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("list attempts: %w", err)
	}
	return scanAttempts(rows)
}

// Recharge puts other costs in the place of those the attempts have, all of them
// or none. One whose cost has changed since it was read stays as it is. The periods
// they are in are summed anew.
func (s *Store) Recharge(ctx context.Context, before, after []Attempt) (done int, err error) {
	if len(before) != len(after) {
		return 0, errors.New("recharge: two lists of different length")
	}
	var names labelling
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		names, done = labelling{known: &s.labels}, 0
		stale := slots{}
		for i := range after {
			n, err := recharge(ctx, tx, &names, &before[i], &after[i])
			if err != nil {
				return err
			}
			done += n
			stale.add(after[i].At)
		}
		return stale.mark(ctx, tx)
	})
	if err != nil {
		return 0, fmt.Errorf("recharge attempts: %w", err)
	}
	s.labels.keep(names.fresh)
	return done, nil
}

// recharge changes one attempt whose cost and label are still those it had.
func recharge(ctx context.Context, tx *sql.Tx, names *labelling, before, after *Attempt) (int, error) {
	c, old := &after.Charge, &before.Charge
	l := labelOf(after)
	id, err := names.id(ctx, tx, &l)
	if err != nil {
		return 0, err
	}
	res, err := tx.ExecContext(ctx, `UPDATE attempts SET cost_nano = ?, label = ?
		WHERE at = ? AND id = ? AND coalesce(cost_nano, -1) = ? AND label IN (SELECT id FROM attempt_labels WHERE id = attempts.label AND price_version = ?)`,
		sql.NullInt64{Int64: c.Nano, Valid: c.Known()}, id, after.At.UnixNano(), after.ID, costOr(old, -1), old.Version)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// costOr is the cost, or what stands for one that is not known.
func costOr(c *Charge, unknown int64) int64 {
	if c.Known() {
		return c.Nano
	}
	return unknown
}
