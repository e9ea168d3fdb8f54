package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
)

// ErrChanged says that another one has written the row since it was read.
var ErrChanged = errors.New("changed since it was read")

// Login is a person's login at an upstream.
type Login struct {
	// Account is the name of the provider it belongs to.
	Account string
	// Version counts how often it was written; it begins at 1.
	Version int64
	// Sealed is the login itself.
	Sealed string
}

const (
	getLogin    = `SELECT account, version, sealed FROM logins WHERE account = ?`
	firstLogin  = `INSERT INTO logins (account, version, sealed) VALUES (?, 1, ?) ON CONFLICT (account) DO NOTHING`
	nextLogin   = `UPDATE logins SET version = version + 1, sealed = ? WHERE account = ? AND version = ?`
	forgetLogin = `DELETE FROM logins WHERE account = ?`
)

// Login returns what is kept for an account, ErrNotFound where there is nothing. It is
// read where it is written: a replica must see what another one has just put there.
func (s *Store) Login(ctx context.Context, account string) (Login, error) {
	var l Login
	err := s.writer.QueryRowContext(ctx, getLogin, account).Scan(&l.Account, &l.Version, &l.Sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return l, fmt.Errorf("login of %s: %w", account, ErrNotFound)
	}
	if err != nil {
		return l, fmt.Errorf("login of %s: %w", account, err)
	}
	return l, nil
}

// SwapLogin writes a login over the version it was made of, 0 for none, and returns
// the new version; ErrChanged where that version is not there any more.
func (s *Store) SwapLogin(ctx context.Context, l Login) (int64, error) {
	var res sql.Result
	var err error
	if l.Version == 0 {
		res, err = s.writer.ExecContext(ctx, firstLogin, l.Account, l.Sealed)
	} else {
		res, err = s.writer.ExecContext(ctx, nextLogin, l.Sealed, l.Account, l.Version)
	}
	one, err := one(res, err)
	if err != nil {
		return 0, fmt.Errorf("keep the login of %s: %w", l.Account, err)
	}
	if !one {
		return 0, fmt.Errorf("keep the login of %s: %w", l.Account, ErrChanged)
	}
	return l.Version + 1, nil
}

// ForgetLogin deletes the login of an account, and tells whether there was one.
func (s *Store) ForgetLogin(ctx context.Context, account string) (bool, error) {
	ok, err := one(s.writer.ExecContext(ctx, forgetLogin, account))
	if err != nil {
		return false, fmt.Errorf("forget the login of %s: %w", account, err)
	}
	return ok, nil
}

// one tells whether a statement changed a row.
func one(res sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// maxForeign bounds a value of a database that is not ours.
const maxForeign = 1 << 20

// ForeignLogin reads the database in which kiro-cli keeps its login: those of the
// wanted keys that are there. The database is not changed.
func ForeignLogin(ctx context.Context, path string, keys []string) (values map[string]string, err error) {
	db, err := sql.Open("sqlite", fileURI(path)+"?"+url.Values{"mode": {"ro"}, "_pragma": {"query_only(1)", "busy_timeout(2000)"}}.Encode())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	values = map[string]string{}
	for _, table := range []string{"auth_kv", "state"} {
		var there int
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?`, table).Scan(&there); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if there == 0 {
			continue
		}
		for _, key := range keys {
			var value []byte
			err := db.QueryRowContext(ctx, `SELECT value FROM `+table+` WHERE key = ? AND length(value) <= ?`, key, maxForeign).Scan(&value) //nolint:gosec // two names of ours
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", path, err)
			}
			values[key] = string(value)
		}
	}
	return values, nil
}
