package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// AlertState is what was told last of one subject of an alert.
type AlertState struct {
	// Name is the alert's, Subject whom or what it is about.
	Name, Subject string
	// State is the alert's word for how it stands.
	State string
	// ChangedAt is since when.
	ChangedAt time.Time
}

// Alerts returns what was told last of all alerts.
func (s *Store) Alerts(ctx context.Context) (list []AlertState, err error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT name, subject, state, changed_at FROM alerts`)
	if err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a AlertState
		var at int64
		if err := rows.Scan(&a.Name, &a.Subject, &a.State, &at); err != nil {
			return nil, fmt.Errorf("read alerts: %w", err)
		}
		a.ChangedAt = time.Unix(0, at).UTC()
		list = append(list, a)
	}
	return list, rows.Err()
}

// MoveAlert puts an alert from one state into that of a, unless another process was
// faster: then it is false. An alert of which nothing was told is in the empty state.
func (s *Store) MoveAlert(ctx context.Context, a AlertState, from string) (bool, error) {
	query, args := `UPDATE alerts SET state = ?, changed_at = ? WHERE name = ? AND subject = ? AND state = ?`,
		[]any{a.State, a.ChangedAt.UnixNano(), a.Name, a.Subject, from}
	if from == "" {
		query, args = `INSERT INTO alerts (state, changed_at, name, subject) VALUES (?, ?, ?, ?) ON CONFLICT (name, subject) DO NOTHING`, args[:4]
	}
	res, err := s.writer.ExecContext(ctx, query, args...)
	if err != nil {
		return false, fmt.Errorf("note an alert: %w", err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// ForgetAlerts deletes those that have been in a state since before a time.
func (s *Store) ForgetAlerts(ctx context.Context, state string, before time.Time) error {
	if _, err := s.writer.ExecContext(ctx, `DELETE FROM alerts WHERE state = ? AND changed_at < ?`, state, before.UnixNano()); err != nil {
		return fmt.Errorf("forget alerts: %w", err)
	}
	return nil
}
