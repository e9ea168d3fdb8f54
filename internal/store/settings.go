package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
