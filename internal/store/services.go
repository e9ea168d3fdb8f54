package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Service is a machine that changes tokens of another issuer for those of the gateway.
type Service struct {
	ID, Name string
	// Issuer is whose tokens are taken, Audience whom they must be made out to.
	Issuer, Audience string
	// Claims are what the token must say, as a JSON object of texts.
	Claims string
	// Role and Scopes are what it may do.
	Role, Scopes string
	// Lifetime is how long the gateway's tokens are good.
	Lifetime                          time.Duration
	CreatedAt, LastUsedAt, DisabledAt time.Time
}

const serviceColumns = `id, name, issuer, audience, claims, role, scopes, lifetime, created_at, last_used_at, disabled_at`

// Services lists all by name, or those of an issuer.
func (s *Store) Services(ctx context.Context, issuer string) ([]Service, error) {
	list, err := services(ctx, s.readers, `SELECT `+serviceColumns+` FROM services WHERE (CAST(? AS TEXT) = '' OR issuer = ?) ORDER BY name`, issuer, issuer)
	if err != nil {
		return nil, fmt.Errorf("list services: %w", err)
	}
	return list, nil
}

// Service is the one with that id.
func (s *Store) Service(ctx context.Context, id string) (Service, error) {
	list, err := services(ctx, s.readers, `SELECT `+serviceColumns+` FROM services WHERE id = ?`, id)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Service{}, fmt.Errorf("service: %w", err)
	}
	return list[0], nil
}

func services(ctx context.Context, q querier, query string, args ...any) (list []Service, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var v Service
		if err := rows.Scan(&v.ID, &v.Name, &v.Issuer, &v.Audience, &v.Claims, &v.Role, &v.Scopes, &v.Lifetime, timeIn{&v.CreatedAt}, timeIn{&v.LastUsedAt}, timeIn{&v.DisabledAt}); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// PutService makes or changes a service: do gets the one with that id, or a new one where
// it is empty.
func (s *Store) PutService(ctx context.Context, id string, do func(*Service) error) (Service, error) {
	var v Service
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		v = Service{}
		if id != "" {
			list, err := services(ctx, tx, `SELECT `+serviceColumns+` FROM services WHERE id = ?`, id)
			if err == nil && len(list) == 0 {
				err = ErrNotFound
			}
			if err != nil {
				return err
			}
			v = list[0]
		}
		if err := do(&v); err != nil {
			return err
		}
		var taken int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM services WHERE name = ? AND id <> ?`, v.Name, v.ID).Scan(&taken); err != nil {
			return err
		}
		if taken > 0 {
			return ErrTaken
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO services (`+serviceColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, issuer = excluded.issuer, audience = excluded.audience, claims = excluded.claims, role = excluded.role,
			scopes = excluded.scopes, lifetime = excluded.lifetime, disabled_at = excluded.disabled_at`,
			v.ID, v.Name, v.Issuer, v.Audience, v.Claims, v.Role, v.Scopes, int64(v.Lifetime), nanos(v.CreatedAt), nanos(v.LastUsedAt), nanos(v.DisabledAt))
		return err
	})
	if err != nil {
		return Service{}, fmt.Errorf("service: %w", err)
	}
	return v, nil
}

// SeeService notes that a service was given a token.
func (s *Store) SeeService(ctx context.Context, id string, now time.Time) error {
	if _, err := s.writer.ExecContext(ctx, `UPDATE services SET last_used_at = ? WHERE id = ?`, now.UnixNano(), id); err != nil {
		return fmt.Errorf("service: %w", err)
	}
	return nil
}

// DropService deletes a service: its tokens are no good any more.
func (s *Store) DropService(ctx context.Context, id string) error {
	return s.drop(ctx, "service", `DELETE FROM services WHERE id = ?`, id)
}
