package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// SigningKey is a key that access tokens are signed with.
type SigningKey struct {
	KID, Sealed string
	MadeAt      time.Time
	// Until is when the last token signed with it has run out.
	Until time.Time
}

// SigningKeys are those that are good at a time, the newest first.
func (s *Store) SigningKeys(ctx context.Context, now time.Time) (list []SigningKey, err error) {
	rows, err := s.writer.QueryContext(ctx, `SELECT kid, sealed, made_at, until FROM signing_keys WHERE until > ? ORDER BY made_at DESC, kid`, now.UnixNano())
	if err != nil {
		return nil, fmt.Errorf("read the signing keys: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var k SigningKey
		if err := rows.Scan(&k.KID, &k.Sealed, timeIn{&k.MadeAt}, timeIn{&k.Until}); err != nil {
			return nil, fmt.Errorf("read the signing keys: %w", err)
		}
		list = append(list, k)
	}
	return list, rows.Err()
}

// AddSigningKey keeps a new key unless there is one that was made after a time: of several
// gateways that would make one, one does. Those that have run out go.
func (s *Store) AddSigningKey(ctx context.Context, k SigningKey, after time.Time) error {
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM signing_keys WHERE made_at > ? AND until > ?`, after.UnixNano(), k.MadeAt.UnixNano()).Scan(&n); err != nil || n > 0 {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM signing_keys WHERE until <= ?`, k.MadeAt.UnixNano()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO signing_keys (kid, sealed, made_at, until) VALUES (?, ?, ?, ?)`, k.KID, k.Sealed, nanos(k.MadeAt), nanos(k.Until))
		return err
	})
	if err != nil {
		return fmt.Errorf("keep a signing key: %w", err)
	}
	return nil
}

// DropSigningKeys forgets all keys: every access token ends.
func (s *Store) DropSigningKeys(ctx context.Context) error {
	if _, err := s.writer.ExecContext(ctx, `DELETE FROM signing_keys`); err != nil {
		return fmt.Errorf("forget the signing keys: %w", err)
	}
	return nil
}

// maxFlows bounds what is remembered of people who are signing in.
const maxFlows = 10_000

// ErrBusy says that too many people are signing in at once.
var ErrBusy = errors.New("too many people are signing in: try again in a minute")

// AddFlow remembers something between two steps of signing in.
func (s *Store) AddFlow(ctx context.Context, id, kind, sealed string, now, until time.Time) error {
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sign_flows WHERE expires_at <= ?`, now.UnixNano()); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM sign_flows`).Scan(&n); err != nil {
			return err
		}
		if n >= maxFlows {
			return ErrBusy
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO sign_flows (id, kind, sealed, tries, expires_at) VALUES (?, ?, ?, 0, ?)`, id, kind, sealed, until.UnixNano())
		return err
	})
	if err != nil {
		return fmt.Errorf("remember a sign-in: %w", err)
	}
	return nil
}

// TakeFlow takes out what was remembered: nobody finds it a second time.
func (s *Store) TakeFlow(ctx context.Context, id, kind string, now time.Time) (sealed string, err error) {
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		sealed, err = findFlow(ctx, tx, id, kind, now)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM sign_flows WHERE id = ?`, id)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("a sign-in under way: %w", err)
	}
	return sealed, nil
}

// TryFlow shows what was remembered, so many times at most.
func (s *Store) TryFlow(ctx context.Context, id, kind string, most int, now time.Time) (sealed string, err error) {
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		if sealed, err = findFlow(ctx, tx, id, kind, now); err != nil {
			return err
		}
		ok, err := one(tx.ExecContext(ctx, `UPDATE sign_flows SET tries = tries + 1 WHERE id = ? AND tries < ?`, id, most))
		if err == nil && !ok {
			err = ErrNotFound
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("a sign-in under way: %w", err)
	}
	return sealed, nil
}

func findFlow(ctx context.Context, tx *sql.Tx, id, kind string, now time.Time) (sealed string, err error) {
	err = tx.QueryRowContext(ctx, `SELECT sealed FROM sign_flows WHERE id = ? AND kind = ? AND expires_at > ?`, id, kind, now.UnixNano()).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return sealed, err
}

// GroupMapping is what a group of an identity provider gives.
type GroupMapping struct {
	ID, Provider, Group, Role, Scopes string
	// Teams are their ids, as a JSON array.
	Teams string
	// Priority decides between several groups of a person: the highest gives the role.
	Priority  int64
	CreatedAt time.Time
}

const mappingColumns = `id, provider, name, role, scopes, teams, priority, created_at`

// GroupMappings lists those of a provider, or all where it is empty; the highest priority first.
func (s *Store) GroupMappings(ctx context.Context, provider string) ([]GroupMapping, error) {
	list, err := mappings(ctx, s.readers, `SELECT `+mappingColumns+` FROM group_mappings WHERE (CAST(? AS TEXT) = '' OR provider = ?) ORDER BY priority DESC, created_at, id`, provider, provider)
	if err != nil {
		return nil, fmt.Errorf("list group mappings: %w", err)
	}
	return list, nil
}

func mappings(ctx context.Context, q querier, query string, args ...any) (list []GroupMapping, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var m GroupMapping
		if err := rows.Scan(&m.ID, &m.Provider, &m.Group, &m.Role, &m.Scopes, &m.Teams, &m.Priority, timeIn{&m.CreatedAt}); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, rows.Err()
}

// PutGroupMapping makes or changes a mapping: do gets the one with that id, or a new one
// where it is empty.
func (s *Store) PutGroupMapping(ctx context.Context, id string, do func(*GroupMapping) error) (GroupMapping, error) {
	var m GroupMapping
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		m = GroupMapping{}
		if id != "" {
			list, err := mappings(ctx, tx, `SELECT `+mappingColumns+` FROM group_mappings WHERE id = ?`, id)
			if err == nil && len(list) == 0 {
				err = ErrNotFound
			}
			if err != nil {
				return err
			}
			m = list[0]
		}
		if err := do(&m); err != nil {
			return err
		}
		var taken int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM group_mappings WHERE provider = ? AND name = ? AND id <> ?`, m.Provider, m.Group, m.ID).Scan(&taken); err != nil {
			return err
		}
		if taken > 0 {
			return ErrTaken
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO group_mappings (`+mappingColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET provider = excluded.provider, name = excluded.name, role = excluded.role, scopes = excluded.scopes, teams = excluded.teams, priority = excluded.priority`,
			m.ID, m.Provider, m.Group, m.Role, m.Scopes, m.Teams, m.Priority, nanos(m.CreatedAt))
		return err
	})
	if err != nil {
		return GroupMapping{}, fmt.Errorf("group mapping: %w", err)
	}
	return m, nil
}

// DropGroupMapping deletes a mapping.
func (s *Store) DropGroupMapping(ctx context.Context, id string) error {
	return s.drop(ctx, "group mapping", `DELETE FROM group_mappings WHERE id = ?`, id)
}

func (s *Store) drop(ctx context.Context, what, query, id string) error {
	ok, err := one(s.writer.ExecContext(ctx, query, id))
	if err == nil && !ok {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
