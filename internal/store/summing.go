package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// StaleQuarter is a quarter whose attempts have changed since they were summed.
type StaleQuarter struct {
	slot, changes int64
}

// At is when it begins.
func (q StaleQuarter) At() time.Time { return slotTime(q.slot) }

// StaleQuarters are those that ended before a time, oldest first, at most limit.
func (s *Store) StaleQuarters(ctx context.Context, before time.Time, limit int) (list []StaleQuarter, err error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT slot, changes FROM usage_stale WHERE slot < ? ORDER BY slot LIMIT ?`, slotOf(before), limit)
	if err != nil {
		return nil, fmt.Errorf("look for usage to be summed: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var q StaleQuarter
		if err := rows.Scan(&q.slot, &q.changes); err != nil {
			return nil, fmt.Errorf("look for usage to be summed: %w", err)
		}
		list = append(list, q)
	}
	return list, rows.Err()
}

var (
	sumQuarter = `SELECT label, ` + sumSums + `, ` + cellsText + ` FROM (
		SELECT label, ` + cellsAs + `, ` + sumAs + ` FROM attempts WHERE at >= ? AND at < ? GROUP BY label, ` + cellColumns + `) parts GROUP BY label`
	writeSums = `INSERT INTO usage_quarters (slot, label, times, ` + sumNames + `) VALUES (?, ?, ?` + strings.Repeat(", ?", len(sumColumns)) + `)`
	addToSums = writeSums + ` ON CONFLICT (slot, label) DO UPDATE SET ` + perSum(", ", func(name, _ string) string { return name + " = usage_quarters." + name + " + excluded." + name }) +
		`, times = excluded.times`
	keptTimes   = `SELECT times FROM usage_quarters WHERE slot = ? AND label = ?`
	removeRows  = `DELETE FROM attempts WHERE at >= ? AND at < ?`
	removeStale = `DELETE FROM usage_stale WHERE slot = ?`
)

// labelled are the sums of one label.
type labelled struct {
	label int64
	sums  Sums
	times string
}

// SumQuarter writes the sums of a quarter anew. It is false, and nothing is written,
// where attempts have changed meanwhile: the quarter stays stale. Only the writing
// holds up others, and two that do it at once do no harm.
func (s *Store) SumQuarter(ctx context.Context, q StaleQuarter) (done bool, err error) {
	list, err := sumsOf(ctx, s.readers, q.slot)
	if err != nil {
		return false, fmt.Errorf("sum usage: %w", err)
	}
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		done = false
		var changes int64
		err := tx.QueryRowContext(ctx, `SELECT changes FROM usage_stale WHERE slot = ?`, q.slot).Scan(&changes)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // somebody else did it
		}
		if err != nil {
			return err
		}
		horizon, err := s.horizon(ctx, tx)
		if err != nil {
			return err
		}
		switch {
		case changes != q.changes:
			return nil
		case q.slot < horizon:
			err = lateSums(ctx, tx, q.slot)
		default:
			err = replaceSums(ctx, tx, q.slot, list)
		}
		if err == nil {
			_, err = tx.ExecContext(ctx, removeStale, q.slot)
		}
		done = err == nil
		return err
	})
	if err != nil {
		return false, fmt.Errorf("sum usage: %w", err)
	}
	return done, nil
}

func sumsOf(ctx context.Context, db querier, slot int64) (list []labelled, err error) {
	rows, err := db.QueryContext(ctx, sumQuarter, slot*int64(Quarter), (slot+1)*int64(Quarter))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var l labelled
		if err := rows.Scan(append(append([]any{&l.label}, l.sums.fields()...), &l.times)...); err != nil {
			return nil, err
		}
		if l.times, err = tidied(l.times); err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, rows.Err()
}

func replaceSums(ctx context.Context, tx *sql.Tx, slot int64, list []labelled) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM usage_quarters WHERE slot = ?`, slot); err != nil {
		return err
	}
	return insertSums(ctx, tx, writeSums, slot, list)
}

func insertSums(ctx context.Context, tx *sql.Tx, query string, slot int64, list []labelled) (err error) {
	insert, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, insert.Close()) }()
	for i := range list {
		args := []any{slot, list[i].label, list[i].times}
		for _, c := range sumColumns {
			args = append(args, *c.field(&list[i].sums))
		}
		if _, err := insert.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// lateSums adds attempts that come after all others of their quarter have gone: they
// go as well.
func lateSums(ctx context.Context, tx *sql.Tx, slot int64) error {
	list, err := sumsOf(ctx, tx, slot)
	if err != nil {
		return err
	}
	for i := range list {
		if err := addKeptTimes(ctx, tx, slot, &list[i]); err != nil {
			return err
		}
	}
	if err := insertSums(ctx, tx, addToSums, slot, list); err != nil {
		return err
	}
	return remove(ctx, tx, slot)
}

// remove deletes the attempts of a quarter. What they count for budgets stays.
func remove(ctx context.Context, tx *sql.Tx, slot int64) error {
	from, to := slot*int64(Quarter), (slot+1)*int64(Quarter)
	if err := sumCharges(ctx, tx, from, to); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, removeRows, from, to)
	return err
}

// addKeptTimes adds the times that are kept of a quarter and label; unknown ones make
// the sum unknown.
func addKeptTimes(ctx context.Context, tx *sql.Tx, slot int64, l *labelled) error {
	var kept string
	err := tx.QueryRowContext(ctx, keptTimes, slot, l.label).Scan(&kept)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	case kept == "":
		l.times = ""
		return nil
	}
	l.times, err = tidied(kept + " " + l.times)
	return err
}

// PurgeQuarter deletes the attempts of the oldest quarter that ended before a time, all
// of them at once: their sums are kept. It is false where there is none, or where its
// attempts are not summed yet.
func (s *Store) PurgeQuarter(ctx context.Context, before time.Time) (done bool, err error) {
	var oldest sql.NullInt64
	if err := s.readers.QueryRowContext(ctx, `SELECT min(at) FROM attempts`).Scan(&oldest); err != nil {
		return false, fmt.Errorf("look for old attempts: %w", err)
	}
	slot := oldest.Int64 / int64(Quarter)
	if !oldest.Valid || slot >= slotOf(before) {
		return false, nil
	}
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		done = false
		var stale int64
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM usage_stale WHERE slot <= ?`, slot).Scan(&stale); err != nil || stale > 0 {
			return err
		}
		horizon, err := s.horizon(ctx, tx)
		if err != nil {
			return err
		}
		if err := remove(ctx, tx, slot); err != nil {
			return err
		}
		done = true
		_, err = tx.ExecContext(ctx, `INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			horizonSetting, strconv.FormatInt(max(horizon, slot+1), 10))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("delete old attempts: %w", err)
	}
	return done, nil
}

// PurgeSums deletes sums of quarters that ended before a time, of which no attempts are
// kept.
func (s *Store) PurgeSums(ctx context.Context, before time.Time) error {
	horizon, err := s.horizon(ctx, s.readers)
	if err == nil {
		_, err = s.writer.ExecContext(ctx, `DELETE FROM usage_quarters WHERE slot < ?`, min(horizon, slotOf(before)))
	}
	if err != nil {
		return fmt.Errorf("delete old sums of usage: %w", err)
	}
	return nil
}

// SumDifference is a sum that is not what the attempts add up to.
type SumDifference struct {
	// At is when the quarter begins.
	At time.Time
	// KeyID, Provider and Model say of what.
	KeyID, Provider, Model string
	// Over is by how much the sums are above the attempts.
	Over Sums
	// Times says that it is how long attempts took that differs.
	Times bool
}

//nolint:gosec // constants only
var compareSums = `SELECT slot, ` + sumNames + `, key_id, provider, served_model FROM (
	SELECT slot, label, ` + sumSums + ` FROM (
		SELECT slot, label, ` + sumNames + ` FROM usage_quarters WHERE slot >= ? AND slot < ? AND slot NOT IN (SELECT slot FROM usage_stale)
		UNION ALL
		SELECT slot, label, ` + perSum(", ", func(name, _ string) string { return "-" + name }) + ` FROM (
			SELECT at / ` + quarter + ` AS slot, label, ` + sumAs + ` FROM attempts WHERE at >= ? AND at < ? GROUP BY at / ` + quarter + `, label) made
		WHERE slot NOT IN (SELECT slot FROM usage_stale)) both_sides
	GROUP BY slot, label) d LEFT JOIN attempt_labels ON attempt_labels.id = d.label
	WHERE ` + perSum(" OR ", func(name, _ string) string { return name + " <> 0" }) + ` ORDER BY slot LIMIT ?`

// compareTimes reads how long attempts took, as it is kept and as they say.
//
//nolint:gosec // constants only
var compareTimes = `SELECT q.slot, q.times, made.times, key_id, provider, served_model FROM usage_quarters q JOIN (
	SELECT slot, label, ` + cellsText + ` FROM (
		SELECT at / ` + quarter + ` AS slot, label, ` + cellsAs + `, count(*) AS attempts FROM attempts
		WHERE at >= ? AND at < ? GROUP BY at / ` + quarter + `, label, ` + cellColumns + `) parts GROUP BY slot, label) made
	ON made.slot = q.slot AND made.label = q.label JOIN attempt_labels ON attempt_labels.id = q.label
	WHERE q.slot >= ? AND q.slot < ? AND q.times <> '' AND q.slot NOT IN (SELECT slot FROM usage_stale) ORDER BY q.slot`

// CompareSums looks in [from, to) for sums that are not what the attempts add up to,
// where both are kept and nothing is to be summed yet; at most limit are returned.
func (s *Store) CompareSums(ctx context.Context, from, to time.Time, limit int) (list []SumDifference, err error) {
	horizon, err := s.horizon(ctx, s.readers)
	if err != nil {
		return nil, err
	}
	first, last := max(slotOf(from), horizon), slotOf(to)
	rows, err := s.readers.QueryContext(ctx, compareSums, first, last, first*int64(Quarter), last*int64(Quarter), limit)
	if err != nil {
		return nil, fmt.Errorf("compare sums: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var (
			d                    SumDifference
			slot                 int64
			key, provider, model sql.NullString
		)
		if err := rows.Scan(append(append([]any{&slot}, d.Over.fields()...), &key, &provider, &model)...); err != nil {
			return nil, fmt.Errorf("compare sums: %w", err)
		}
		d.At, d.KeyID, d.Provider, d.Model = slotTime(slot), key.String, provider.String, model.String
		list = append(list, d)
	}
	if err := rows.Err(); err != nil || len(list) == limit {
		return list, err
	}
	times, err := s.compareTimes(ctx, first, last, limit-len(list))
	return append(list, times...), err
}

func (s *Store) compareTimes(ctx context.Context, first, last int64, limit int) (list []SumDifference, err error) {
	rows, err := s.readers.QueryContext(ctx, compareTimes, first*int64(Quarter), last*int64(Quarter), first, last)
	if err != nil {
		return nil, fmt.Errorf("compare sums: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() && len(list) < limit {
		d := SumDifference{Times: true}
		var (
			slot       int64
			kept, made string
		)
		if err := rows.Scan(&slot, &kept, &made, &d.KeyID, &d.Provider, &d.Model); err != nil {
			return nil, fmt.Errorf("compare sums: %w", err)
		}
		if made, err = tidied(made); err != nil {
			return nil, fmt.Errorf("compare sums: %w", err)
		}
		if d.At = slotTime(slot); kept != made {
			list = append(list, d)
		}
	}
	return list, rows.Err()
}

// Extent is the time from the first quarter of which there is anything to the end of
// the last; zero where there is nothing.
func (s *Store) Extent(ctx context.Context) (from, to time.Time, err error) {
	var first, last sql.NullInt64
	err = s.readers.QueryRowContext(ctx, `SELECT min(slot), max(slot) FROM (SELECT min(slot) AS slot FROM usage_quarters
		UNION ALL SELECT max(slot) FROM usage_quarters
		UNION ALL SELECT min(at) / `+quarter+` FROM attempts UNION ALL SELECT max(at) / `+quarter+` FROM attempts) ends`).Scan(&first, &last)
	if err != nil || !first.Valid {
		return time.Time{}, time.Time{}, err
	}
	return slotTime(first.Int64), slotTime(last.Int64 + 1), nil
}
