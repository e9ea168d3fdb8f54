package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Charged is an attempt as far as its price goes.
type Charged struct {
	ID, Provider, Model string // Model is the served one
	At                  time.Time
	Usage               Usage
	Charge              Charge
}

const chargedAttempts = `
	SELECT id, provider, served_model, at, input, output, cache_read, cache_write_5m, cache_write_1h,
		cost_nano, unpriced, price_version, price_model, kind, region, geo, tier, web_searches
	FROM attempts
	WHERE at >= ? AND at < ? AND (at > ? OR at = ? AND id > ?)
	ORDER BY at, id
	LIMIT ?`

// ChargedAttempts returns attempts begun in [from, to), oldest first, at most
// limit of them, that come behind another one: the zero value is before them all.
func (s *Store) ChargedAttempts(ctx context.Context, from, to time.Time, behind Charged, limit int) (list []Charged, err error) {
	last := unix(behind.At)
	rows, err := s.readers.QueryContext(ctx, chargedAttempts, from.UnixNano(), to.UnixNano(), last, last, behind.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("list attempts: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a Charged
		var at int64
		var cost sql.NullInt64
		u, c := &a.Usage, &a.Charge
		err := rows.Scan(&a.ID, &a.Provider, &a.Model, &at, &u.Input, &u.Output, &u.CacheRead, &u.CacheWrite5m, &u.CacheWrite1h,
			&cost, &c.Unpriced, &c.Version, &c.Model, &c.Kind, &c.Region, &c.Geo, &c.Tier, &c.WebSearches)
		if err != nil {
			return nil, fmt.Errorf("list attempts: %w", err)
		}
		a.At, c.Nano = time.Unix(0, at).UTC(), cost.Int64
		list = append(list, a)
	}
	return list, rows.Err()
}

// Recharge puts other costs in the place of those the attempts have, all of them
// or none. One whose cost has changed since it was read stays as it is.
func (s *Store) Recharge(ctx context.Context, before, after []Charged) (done int, err error) {
	if len(before) != len(after) {
		return 0, errors.New("recharge: two lists of different length")
	}
	err = s.transaction(ctx, func(tx *sql.Tx) (err error) {
		done = 0
		update, err := tx.PrepareContext(ctx, `UPDATE attempts SET cost_nano = ?, unpriced = ?, price_version = ?, kind = ?, region = ?
			WHERE id = ? AND price_version = ? AND unpriced = ? AND coalesce(cost_nano, 0) = ?`)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, update.Close()) }()
		for i := range after {
			c, old := &after[i].Charge, &before[i].Charge
			res, err := update.ExecContext(ctx, sql.NullInt64{Int64: c.Nano, Valid: c.Known()}, c.Unpriced, c.Version, c.Kind, c.Region,
				after[i].ID, old.Version, old.Unpriced, old.Nano)
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			done += int(n)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("recharge attempts: %w", err)
	}
	return done, nil
}
