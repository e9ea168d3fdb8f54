package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Key is an API key as it is kept: its hash, never the key itself.
type Key struct {
	// ID is the identity of the key, made by NewID("key").
	ID string
	// Name is what people call the key; several may share one.
	Name string
	// Prefix is the beginning of the key that lists show.
	Prefix string
	// Hash is the SHA-256 of the whole key.
	Hash [32]byte
	// CreatedAt is when the key was made.
	CreatedAt time.Time
	// ExpiresAt is when the key stops working; zero means never.
	ExpiresAt time.Time
	// RevokedAt is when the key was revoked; zero means it was not.
	RevokedAt time.Time
	// LastUsedAt is when the key last opened an attempt; zero means never.
	LastUsedAt time.Time
	// Policy is how requests of the key are treated, as JSON; empty means as all others.
	Policy string
}

const keyColumns = `id, name, prefix, hash, created_at, expires_at, revoked_at, last_used_at, policy`

// CreateKey adds a key.
func (s *Store) CreateKey(ctx context.Context, k Key) error {
	_, err := s.writer.ExecContext(ctx, `INSERT INTO keys (`+keyColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		k.ID, k.Name, k.Prefix, k.Hash[:], nanos(k.CreatedAt), nanos(k.ExpiresAt), nanos(k.RevokedAt), nanos(k.LastUsedAt), k.Policy)
	if err != nil {
		return fmt.Errorf("create key %q: %w", k.Name, err)
	}
	return nil
}

// ListKeys returns every key, revoked ones too, oldest first.
func (s *Store) ListKeys(ctx context.Context) ([]Key, error) {
	return s.keys(ctx, `SELECT `+keyColumns+` FROM keys ORDER BY created_at, id`)
}

// Keys returns the keys that are not revoked, for the snapshot in memory.
// Expired ones are among them: time passes after the snapshot is taken.
func (s *Store) Keys(ctx context.Context) ([]Key, error) {
	return s.keys(ctx, `SELECT `+keyColumns+` FROM keys WHERE revoked_at IS NULL ORDER BY created_at, id`)
}

func (s *Store) keys(ctx context.Context, query string, args ...any) ([]Key, error) {
	rows, err := s.readers.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	keys, err := scanKeys(rows)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return keys, nil
}

// scanKeys reads and closes the rows.
func scanKeys(rows *sql.Rows) (keys []Key, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var k Key
		var hash []byte
		var created, expires, revoked, used sql.NullInt64
		if err := rows.Scan(&k.ID, &k.Name, &k.Prefix, &hash, &created, &expires, &revoked, &used, &k.Policy); err != nil {
			return nil, err
		}
		if copy(k.Hash[:], hash) != len(k.Hash) {
			return nil, fmt.Errorf("key %s has a hash of %d bytes", k.ID, len(hash))
		}
		k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.LastUsedAt = instant(created), instant(expires), instant(revoked), instant(used)
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// RevokeKey revokes the one key with that id, else with that prefix or name,
// and returns it. Keys revoked before do not count, except that naming one by
// its id gives it back unchanged.
func (s *Store) RevokeKey(ctx context.Context, idPrefixOrName string, at time.Time) (Key, error) {
	var key Key
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		found, err := findKey(ctx, tx, idPrefixOrName)
		if err != nil || !found.RevokedAt.IsZero() {
			key = found
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE keys SET revoked_at = ? WHERE id = ?`, nanos(at), found.ID)
		found.RevokedAt = at.UTC()
		key = found
		return err
	})
	if err != nil {
		return Key{}, fmt.Errorf("revoke key %q: %w", idPrefixOrName, err)
	}
	return key, nil
}

// SetKeyPolicy changes how requests of the one key with that id, prefix or name
// are treated, and returns it. The policy is JSON.
func (s *Store) SetKeyPolicy(ctx context.Context, idPrefixOrName, policy string) (Key, error) {
	var key Key
	err := s.transaction(ctx, func(tx *sql.Tx) (err error) {
		if key, err = findKey(ctx, tx, idPrefixOrName); err != nil {
			return err
		}
		key.Policy = policy
		_, err = tx.ExecContext(ctx, `UPDATE keys SET policy = ? WHERE id = ?`, policy, key.ID)
		return err
	})
	if err != nil {
		return Key{}, fmt.Errorf("change key %q: %w", idPrefixOrName, err)
	}
	return key, nil
}

const keyByID = `SELECT ` + keyColumns + ` FROM keys WHERE id = ?1`

const keysByWord = `SELECT ` + keyColumns + ` FROM keys WHERE revoked_at IS NULL AND (prefix = ?1 OR name = ?1) LIMIT 2`

func findKey(ctx context.Context, tx *sql.Tx, word string) (Key, error) {
	for _, query := range []string{keyByID, keysByWord} {
		rows, err := tx.QueryContext(ctx, query, word)
		if err != nil {
			return Key{}, err
		}
		keys, err := scanKeys(rows)
		switch {
		case err != nil:
			return Key{}, err
		case len(keys) == 1:
			return keys[0], nil
		case len(keys) > 1:
			return Key{}, ErrAmbiguous
		}
	}
	return Key{}, ErrNotFound
}

// nanos is how times are stored: nanoseconds since 1970 in UTC, or nothing.
func nanos(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}

func instant(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.Unix(0, n.Int64).UTC()
}
