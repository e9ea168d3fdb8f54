package store

import (
	"context"
	"database/sql"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// Quarter is the time of one row of sums. Every zone's offset from UTC is a number of
// whole quarters of an hour, so hours and days of all of them are made of these.
const Quarter = 15 * time.Minute

// slotOf numbers the quarters from 1970 on.
func slotOf(t time.Time) int64 { return t.UnixNano() / int64(Quarter) }

// slotTime is when a quarter begins.
func slotTime(slot int64) time.Time { return time.Unix(0, slot*int64(Quarter)).UTC() }

// slots is a set of quarters.
type slots map[int64]struct{}

func (s slots) add(t time.Time) { s[slotOf(t)] = struct{}{} }

// mark notes that the attempts of these quarters have changed. It goes through them
// in order, so that two that do it at once wait for each other instead of for ever.
func (s slots) mark(ctx context.Context, tx *sql.Tx) error {
	for _, slot := range slices.Sorted(maps.Keys(s)) {
		//nolint:gosec // it need not be hard to guess: a number that was not there before
		_, err := tx.ExecContext(ctx, `INSERT INTO usage_stale (slot, changes) VALUES (?, ?)
			ON CONFLICT (slot) DO UPDATE SET changes = excluded.changes`, slot, rand.Int64())
		if err != nil {
			return err
		}
	}
	return nil
}
