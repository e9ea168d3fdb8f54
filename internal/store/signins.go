package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ErrFull says that there are as many as there may be.
var ErrFull = errors.New("there are too many")

// Signin is a login under way.
type Signin struct {
	ID string
	// Version counts how often it was written; it begins at 1.
	Version int64
	// Ends is when it is forgotten.
	Ends time.Time
	// Sealed is the login itself.
	Sealed string
}

// OpenSignin keeps a new login under way, where there are fewer than most; those that
// have ended by now are forgotten first.
func (s *Store) OpenSignin(ctx context.Context, n Signin, most int, now time.Time) error {
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM begun_logins WHERE ends_at <= ?`, now.UnixNano()); err != nil {
			return err
		}
		var there int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM begun_logins`).Scan(&there); err != nil {
			return err
		}
		if there >= most {
			return ErrFull
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO begun_logins (id, version, ends_at, sealed) VALUES (?, 1, ?, ?)`, n.ID, n.Ends.UnixNano(), n.Sealed)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep a login under way: %w", err)
	}
	return nil
}

// Signin returns a login under way, ErrNotFound where there is none.
func (s *Store) Signin(ctx context.Context, id string) (Signin, error) {
	n := Signin{ID: id}
	var ends int64
	err := s.writer.QueryRowContext(ctx, `SELECT version, ends_at, sealed FROM begun_logins WHERE id = ?`, id).Scan(&n.Version, &ends, &n.Sealed)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return n, fmt.Errorf("read a login under way: %w", err)
	}
	n.Ends = time.Unix(0, ends).UTC()
	return n, nil
}

// SwapSignin writes a login under way over the version it was made of; ErrChanged where
// that is not there any more.
func (s *Store) SwapSignin(ctx context.Context, n Signin) error {
	done, err := one(s.writer.ExecContext(ctx, `UPDATE begun_logins SET version = version + 1, ends_at = ?, sealed = ? WHERE id = ? AND version = ?`,
		n.Ends.UnixNano(), n.Sealed, n.ID, n.Version))
	if err == nil && !done {
		err = ErrChanged
	}
	if err != nil {
		return fmt.Errorf("write a login under way: %w", err)
	}
	return nil
}

// LoginVersions are the versions of all logins that are kept, by account.
func (s *Store) LoginVersions(ctx context.Context) (versions map[string]int64, err error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT account, version FROM logins`)
	if err != nil {
		return nil, fmt.Errorf("read the versions of logins: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	versions = map[string]int64{}
	for rows.Next() {
		var account string
		var version int64
		if err := rows.Scan(&account, &version); err != nil {
			return nil, fmt.Errorf("read the versions of logins: %w", err)
		}
		versions[account] = version
	}
	return versions, rows.Err()
}
