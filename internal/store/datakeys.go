package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// DataKey is a key that seals values, as it lies here: wrapped by a master key that is
// elsewhere.
type DataKey struct {
	// ID names it; it is part of what it seals. NewID("dk") makes one.
	ID string
	// Scope is whose values it seals: empty for the gateway's own, else a tenant's
	// (team/ID, key/ID).
	Scope string
	// Master names the master key that has wrapped it.
	Master string
	// Wrapped is the key itself.
	Wrapped string
	// MadeAt is when it was made.
	MadeAt time.Time
}

const dataKeyColumns = `SELECT id, scope, master, wrapped, made_at FROM data_keys`

// DataKeys are all of them, the newest first.
func (s *Store) DataKeys(ctx context.Context) (list []DataKey, err error) {
	rows, err := s.readers.QueryContext(ctx, dataKeyColumns+` ORDER BY made_at DESC, id DESC`)
	if err != nil {
		return nil, fmt.Errorf("read data keys: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		k, err := scanDataKey(rows)
		if err != nil {
			return nil, fmt.Errorf("read data keys: %w", err)
		}
		list = append(list, k)
	}
	return list, rows.Err()
}

// DataKey is the one of an id, ErrNotFound where it is not there (any more).
func (s *Store) DataKey(ctx context.Context, id string) (DataKey, error) {
	return s.dataKey(s.writer.QueryRowContext(ctx, dataKeyColumns+` WHERE id = ?`, id))
}

// ScopeDataKey is the newest of a scope, ErrNotFound where it has none.
func (s *Store) ScopeDataKey(ctx context.Context, scope string) (DataKey, error) {
	return s.dataKey(s.writer.QueryRowContext(ctx, dataKeyColumns+newestOfScope, scope))
}

const newestOfScope = ` WHERE scope = ? ORDER BY made_at DESC, id DESC LIMIT 1`

func (s *Store) dataKey(row *sql.Row) (DataKey, error) {
	k, err := scanDataKey(row)
	if errors.Is(err, sql.ErrNoRows) {
		return k, ErrNotFound
	}
	if err != nil {
		return k, fmt.Errorf("read a data key: %w", err)
	}
	return k, nil
}

func scanDataKey(row interface{ Scan(to ...any) error }) (k DataKey, err error) {
	var made int64
	err = row.Scan(&k.ID, &k.Scope, &k.Master, &k.Wrapped, &made)
	k.MadeAt = time.Unix(0, made).UTC()
	return k, err
}

// AddDataKey keeps a data key and returns it. With first, one of the same scope and
// master key that is there already is returned instead: of several gateways that
// start together one makes it.
func (s *Store) AddDataKey(ctx context.Context, k DataKey, first bool) (kept DataKey, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		kept = k
		if first {
			there, err := scanDataKey(tx.QueryRowContext(ctx, dataKeyColumns+` WHERE master = ? AND scope = ? ORDER BY made_at DESC, id DESC LIMIT 1`, k.Master, k.Scope))
			if !errors.Is(err, sql.ErrNoRows) {
				kept = there
				return err
			}
		}
		var newest int64 // clocks differ: what comes later is newer
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(made_at), 0) FROM data_keys WHERE scope = ?`, k.Scope).Scan(&newest); err != nil {
			return err
		}
		kept.MadeAt = time.Unix(0, max(newest+1, k.MadeAt.UnixNano())).UTC()
		_, err := tx.ExecContext(ctx, `INSERT INTO data_keys (id, scope, master, wrapped, made_at) VALUES (?, ?, ?, ?, ?)`,
			k.ID, k.Scope, k.Master, k.Wrapped, kept.MadeAt.UnixNano())
		return err
	})
	if err != nil {
		return kept, fmt.Errorf("keep a data key: %w", err)
	}
	return kept, nil
}

// RewrapDataKey puts another wrapping in the place of the one before, and tells
// whether that was still there.
func (s *Store) RewrapDataKey(ctx context.Context, id, before, master, wrapped string) (done bool, err error) {
	err = s.change(ctx, func(tx *sql.Tx) (err error) {
		done, err = one(tx.ExecContext(ctx, `UPDATE data_keys SET master = ?, wrapped = ? WHERE id = ? AND wrapped = ?`, master, wrapped, id, before))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("wrap the data key %s: %w", id, err)
	}
	return done, nil
}

// DeleteDataKey deletes a data key: what is still sealed with it is lost.
func (s *Store) DeleteDataKey(ctx context.Context, id string) error {
	if _, err := s.writer.ExecContext(ctx, `DELETE FROM data_keys WHERE id = ?`, id); err != nil {
		return fmt.Errorf("delete the data key %s: %w", id, err)
	}
	return nil
}

// SealedColumn is where sealed values lie.
type SealedColumn struct {
	Table, Column string
	// Key are the columns that name a row, one or two, all texts.
	Key []string
}

// SealedValue is one of them.
type SealedValue struct {
	Key    []string
	Sealed string
}

// SealedAfter reads values that do not begin with a text (that of the key that seals
// now), in the order of their rows, behind a row; nil begins.
func (s *Store) SealedAfter(ctx context.Context, c SealedColumn, not string, after []string, most int) (list []SealedValue, err error) {
	columns, order, where, args := c.Key[0]+`, ''`, c.Key[0], ``, []any{not + "%"}
	if len(c.Key) > 1 {
		columns, order = c.Key[0]+`, `+c.Key[1], c.Key[0]+`, `+c.Key[1]
	}
	switch {
	case len(after) == 1:
		where, args = ` AND `+c.Key[0]+` > ?`, append(args, after[0])
	case len(after) == 2:
		where = ` AND (` + c.Key[0] + ` > ? OR ` + c.Key[0] + ` = ? AND ` + c.Key[1] + ` > ?)`
		args = append(args, after[0], after[0], after[1])
	}
	//nolint:gosec // names of ours
	rows, err := s.readers.QueryContext(ctx, `SELECT `+columns+`, `+c.Column+` FROM `+c.Table+
		` WHERE `+c.Column+` LIKE 'v_.%' AND `+c.Column+` NOT LIKE ?`+where+` ORDER BY `+order+` LIMIT ?`, append(args, most)...)
	if err != nil {
		return nil, fmt.Errorf("read what is sealed in %s: %w", c.Table, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		v := SealedValue{Key: make([]string, 2)}
		if err := rows.Scan(&v.Key[0], &v.Key[1], &v.Sealed); err != nil {
			return nil, fmt.Errorf("read what is sealed in %s: %w", c.Table, err)
		}
		v.Key = v.Key[:len(c.Key)]
		list = append(list, v)
	}
	return list, rows.Err()
}

// Reseal puts another sealed value in the place of the one that was read, and tells
// whether that was still there.
func (s *Store) Reseal(ctx context.Context, c SealedColumn, v SealedValue, sealed string) (bool, error) {
	where, args := ``, []any{sealed, v.Sealed}
	for i, k := range v.Key {
		where += ` AND ` + c.Key[i] + ` = ?`
		args = append(args, k)
	}
	//nolint:gosec // names of ours
	done, err := one(s.writer.ExecContext(ctx, `UPDATE `+c.Table+` SET `+c.Column+` = ? WHERE `+c.Column+` = ?`+where, args...))
	if err != nil {
		return false, fmt.Errorf("seal in %s: %w", c.Table, err)
	}
	return done, nil
}

// CountSealed counts the values of a column that begin with a text: the version and
// the id of a key. With an empty one all are counted.
func (s *Store) CountSealed(ctx context.Context, c SealedColumn, head string) (n int64, err error) {
	//nolint:gosec // names of ours
	err = s.readers.QueryRowContext(ctx, `SELECT count(*) FROM `+c.Table+` WHERE `+c.Column+` LIKE 'v_.%' AND `+c.Column+` LIKE ?`, head+"%").Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count what is sealed in %s: %w", c.Table, err)
	}
	return n, nil
}
