package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
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
	// DisabledAt is when the key was switched off; zero means it was not. It can be
	// switched on again.
	DisabledAt time.Time
	// LastUsedAt is when the key last opened an attempt; zero means never.
	LastUsedAt time.Time
	// Policy is how requests of the key are treated, as JSON; empty means as all others.
	Policy string
	// Description is a note for people.
	Description string
	// UserID and TeamID are whose the key is; empty means nobody's.
	UserID, TeamID string
	// Tags are words its requests are counted under.
	Tags []string
	// Addresses are the networks it may be used from, as CIDR; none means any.
	Addresses []string
	// Limits are its limits, as JSON; empty means none.
	Limits string
	// LogPayloads says that what its requests say is to be kept.
	LogPayloads bool
	// OldHash is of the secret before the last rotation, and good until OldUntil;
	// with a zero OldUntil there is none.
	OldHash  [32]byte
	OldUntil time.Time
	// Sealed is the secret, encrypted, where keys can be revealed; else empty.
	Sealed string
	// Declared says that the configuration file has it.
	Declared bool
}

const keyColumns = `id, name, prefix, hash, created_at, expires_at, revoked_at, last_used_at, policy,
	description, user_id, team_id, tags, addresses, limits, log_payloads, old_hash, old_until, sealed, disabled_at`

// selectKeys reads keys, for scanKeys.
const selectKeys = `SELECT ` + keyColumns + `, EXISTS (SELECT 1 FROM declared WHERE declared.kind = 'key' AND declared.id = keys.id) FROM keys`

// values are the key's columns.
func (k *Key) values() []any {
	var old any
	if !k.OldUntil.IsZero() {
		old = k.OldHash[:]
	}
	return []any{
		k.ID, k.Name, k.Prefix, k.Hash[:], nanos(k.CreatedAt), nanos(k.ExpiresAt), nanos(k.RevokedAt), nanos(k.LastUsedAt), k.Policy,
		k.Description, k.UserID, k.TeamID, list(k.Tags), list(k.Addresses), k.Limits, whole(k.LogPayloads), old, nanos(k.OldUntil), k.Sealed, nanos(k.DisabledAt),
	}
}

// CreateKey adds a key.
func (s *Store) CreateKey(ctx context.Context, k Key) error {
	return s.CreateKeys(ctx, []Key{k})
}

const (
	insertKey = `INSERT INTO keys (` + keyColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	hashTaken = `SELECT count(*) FROM keys WHERE hash = ? OR old_hash = ?`
)

// CreateKeys adds keys, all or none. Whose they are must exist.
func (s *Store) CreateKeys(ctx context.Context, keys []Key) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		for i := range keys {
			k := &keys[i]
			var n int
			err := tx.QueryRowContext(ctx, hashTaken, k.Hash[:], k.Hash[:]).Scan(&n)
			if err == nil && n > 0 {
				err = ErrTaken
			}
			if err == nil {
				err = owned(ctx, tx, k)
			}
			if err == nil {
				_, err = tx.ExecContext(ctx, insertKey, k.values()...)
			}
			if err != nil {
				return fmt.Errorf("create key %q: %w", k.Name, err)
			}
		}
		return nil
	})
}

// ListKeys returns every key, revoked ones too, oldest first.
func (s *Store) ListKeys(ctx context.Context) ([]Key, error) {
	return s.keys(ctx, selectKeys+` ORDER BY created_at, id`)
}

// Keys returns the keys that are not revoked, for the snapshot in memory.
// Expired ones are among them: time passes after the snapshot is taken.
func (s *Store) Keys(ctx context.Context) ([]Key, error) {
	return s.keys(ctx, selectKeys+` WHERE revoked_at IS NULL ORDER BY created_at, id`)
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
		var hash, old []byte
		var created, expires, revoked, used, until, disabled sql.NullInt64
		var tags, addresses string
		if err := rows.Scan(&k.ID, &k.Name, &k.Prefix, &hash, &created, &expires, &revoked, &used, &k.Policy,
			&k.Description, &k.UserID, &k.TeamID, &tags, &addresses, &k.Limits, &k.LogPayloads, &old, &until, &k.Sealed, &disabled, &k.Declared); err != nil {
			return nil, err
		}
		if copy(k.Hash[:], hash) != len(k.Hash) {
			return nil, fmt.Errorf("key %s has a hash of %d bytes", k.ID, len(hash))
		}
		k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.LastUsedAt = instant(created), instant(expires), instant(revoked), instant(used)
		k.DisabledAt = instant(disabled)
		if copy(k.OldHash[:], old) == len(k.OldHash) {
			k.OldUntil = instant(until)
		}
		if k.Tags, err = unlist(tags); err == nil {
			k.Addresses, err = unlist(addresses)
		}
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", k.ID, err)
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// KeyNames are the names of these keys by their ids, or of all where the list is nil.
func (s *Store) KeyNames(ctx context.Context, ids []string) (names map[string]string, err error) {
	query, args := `SELECT id, name FROM keys`, make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	switch {
	case ids != nil && len(ids) == 0:
		return map[string]string{}, nil
	case ids != nil:
		//nolint:gosec // constants and question marks only
		query += ` WHERE id IN (?` + strings.Repeat(", ?", len(ids)-1) + `)`
	}
	rows, err := s.readers.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the names of keys: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	names = map[string]string{}
	for rows.Next() {
		var id, name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, fmt.Errorf("read the names of keys: %w", err)
		}
		names[id] = name
	}
	return names, rows.Err()
}

// FindKey is the one key with that id, else with that prefix or name.
func (s *Store) FindKey(ctx context.Context, idPrefixOrName string) (Key, error) {
	k, err := findKey(ctx, s.readers, idPrefixOrName)
	if err != nil {
		return Key{}, fmt.Errorf("key %q: %w", idPrefixOrName, err)
	}
	return k, nil
}

// RevokeKey revokes the one key with that id, else with that prefix or name,
// and returns it. Keys revoked before do not count, except that naming one by
// its id gives it back unchanged.
func (s *Store) RevokeKey(ctx context.Context, idPrefixOrName string, at time.Time) (Key, error) {
	var key Key
	err := s.change(ctx, func(tx *sql.Tx) error {
		found, err := findKey(ctx, tx, idPrefixOrName)
		if err != nil || !found.RevokedAt.IsZero() {
			key = found
			return err
		}
		if found.Declared {
			return ErrDeclared
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

const updateKey = `UPDATE keys SET name = ?, prefix = ?, hash = ?, expires_at = ?, policy = ?, description = ?, user_id = ?, team_id = ?,
	tags = ?, addresses = ?, limits = ?, log_payloads = ?, old_hash = ?, old_until = ?, sealed = ?, disabled_at = ? WHERE id = ?`

// updates are the values of updateKey.
func (k *Key) updates() []any {
	v := k.values()
	return append(append([]any{v[1], v[2], v[3], v[5]}, v[8:]...), k.ID)
}

// UpdateKey changes the one key with that id, prefix or name, and returns it as it
// is now. When it was made, used and revoked is not for do to change.
func (s *Store) UpdateKey(ctx context.Context, idPrefixOrName string, do func(*Key) error) (Key, error) {
	var key Key
	err := s.change(ctx, func(tx *sql.Tx) (err error) {
		if key, err = findKey(ctx, tx, idPrefixOrName); err != nil {
			return err
		}
		if !key.RevokedAt.IsZero() {
			return ErrRevoked
		}
		if key.Declared {
			return ErrDeclared
		}
		if err = do(&key); err != nil {
			return err
		}
		if err = owned(ctx, tx, &key); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, updateKey, key.updates()...)
		return err
	})
	if err != nil {
		return Key{}, fmt.Errorf("change key %q: %w", idPrefixOrName, err)
	}
	return key, nil
}

// ForgetSealed deletes the secrets that could be revealed, and tells how many
// there were.
func (s *Store) ForgetSealed(ctx context.Context) (int64, error) {
	res, err := s.writer.ExecContext(ctx, `UPDATE keys SET sealed = '' WHERE sealed <> ''`)
	if err != nil {
		return 0, fmt.Errorf("delete sealed secrets: %w", err)
	}
	return res.RowsAffected()
}

const keyByID = selectKeys + ` WHERE id = ?`

const keysByWord = selectKeys + ` WHERE revoked_at IS NULL AND (prefix = ? OR name = ?) LIMIT 2`

const keyByHash = selectKeys + ` WHERE hash = ? OR old_hash = ?`

// querier is a transaction, or the database itself.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func keysOf(ctx context.Context, q querier, query string, args ...any) ([]Key, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return scanKeys(rows)
}

func findKey(ctx context.Context, tx querier, word string) (Key, error) {
	for _, ask := range []struct {
		query string
		args  []any
	}{{keyByID, []any{word}}, {keysByWord, []any{word, word}}} {
		keys, err := keysOf(ctx, tx, ask.query, ask.args...)
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
