package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Setting returns a stored setting; ok is false when there is none.
func (s *Store) Setting(ctx context.Context, name string) (value string, ok bool, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = ?`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read setting %s: %w", name, err)
	}
	return value, true, nil
}

// SetSetting stores a setting, in the place of an earlier one.
func (s *Store) SetSetting(ctx context.Context, name, value string) error {
	_, err := s.writer.ExecContext(ctx,
		`INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	if err != nil {
		return fmt.Errorf("store setting %s: %w", name, err)
	}
	return nil
}

// AddSetting stores a setting unless there is one: of several that try, one is
// told true.
func (s *Store) AddSetting(ctx context.Context, name, value string) (bool, error) {
	res, err := s.writer.ExecContext(ctx, `INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, name, value)
	if err != nil {
		return false, fmt.Errorf("store setting %s: %w", name, err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// Settings are the stored settings whose names begin with something, by the rest of
// the name.
func (s *Store) Settings(ctx context.Context, prefix string) (out map[string]string, err error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT name, value FROM settings WHERE name LIKE ?`, prefix+"%")
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out = map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, fmt.Errorf("read settings: %w", err)
		}
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			out[rest] = value
		}
	}
	return out, rows.Err()
}

// DropSetting forgets a setting.
func (s *Store) DropSetting(ctx context.Context, name string) error {
	if _, err := s.writer.ExecContext(ctx, `DELETE FROM settings WHERE name = ?`, name); err != nil {
		return fmt.Errorf("forget setting %s: %w", name, err)
	}
	return nil
}
