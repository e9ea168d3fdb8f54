package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// AccountSession is a family of refresh tokens: one browser that signed in once.
type AccountSession struct {
	ID        string
	AccountID string
	// Via is the way it was signed in by.
	Via string
	// Address and Agent are of the browser that signed in.
	Address, Agent string
	// IDToken is what the identity provider said, sealed; empty for other ways.
	IDToken string
	// ExpiresAt is when it ends however much it is used.
	CreatedAt, UsedAt, ExpiresAt time.Time
	// RevokedAt is when it was ended; zero means it was not. Reason says why.
	RevokedAt time.Time
	Reason    string
}

const sessionColumns = `id, account_id, via, address, agent, id_token, created_at, used_at, expires_at, revoked_at, reason`

const (
	// maxSessions bounds the sessions of an account; the oldest ends.
	maxSessions = 50
	// keepEnded is how long a session that has ended is kept.
	keepEnded = 24 * time.Hour
	// maxHops bounds the way from a token to the newest of its family.
	maxHops = 16
)

// AddSession begins a session with its first refresh token. What has ended long ago goes.
func (s *Store) AddSession(ctx context.Context, n AccountSession, token [32]byte) error {
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		old := n.CreatedAt.Add(-keepEnded).UnixNano()
		for _, q := range []string{
			`DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM account_sessions WHERE expires_at < ?)`, `DELETE FROM account_sessions WHERE expires_at < ?`,
		} {
			if _, err := tx.ExecContext(ctx, q, old); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO account_sessions (`+sessionColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, '')`,
			n.ID, n.AccountID, n.Via, n.Address, n.Agent, n.IDToken, nanos(n.CreatedAt), nanos(n.UsedAt), nanos(n.ExpiresAt))
		if err != nil {
			return err
		}
		if err := addToken(ctx, tx, token, n.ID, n.CreatedAt); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE account_sessions SET revoked_at = ?, reason = 'too many sessions' WHERE account_id = ? AND revoked_at IS NULL AND id NOT IN
			(SELECT id FROM account_sessions WHERE account_id = ? AND revoked_at IS NULL ORDER BY created_at DESC, id DESC LIMIT ?)`,
			n.CreatedAt.UnixNano(), n.AccountID, n.AccountID, maxSessions)
		return err
	})
	if err != nil {
		return fmt.Errorf("begin a session: %w", err)
	}
	return nil
}

func addToken(ctx context.Context, tx *sql.Tx, hash [32]byte, session string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO refresh_tokens (hash, session_id, made_at, child) VALUES (?, ?, ?, '')`, hash[:], session, now.UnixNano())
	return err
}

// What comes of a refresh token that is shown.
const (
	Rotated = "rotated" // the new one takes its place
	Shared  = "shared"  // a moment ago another tab showed it: both go on with the same one
	Stolen  = "stolen"  // it was used long ago: the whole family ends
	Ended   = "ended"   // of a session that is over, or of none
)

// Rotation is what comes of a refresh token.
type Rotation struct {
	Outcome string
	Session AccountSession
	// Child is the sealed token to go on with, of Shared.
	Child string
}

// Rotate puts a new refresh token in the place of one, within a transaction that holds the
// row: of two who show it at once one rotates it, and the other is given the same child.
func (s *Store) Rotate(ctx context.Context, shown, next [32]byte, sealed string, now time.Time, idle, grace time.Duration) (Rotation, error) {
	var out Rotation
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		out = Rotation{Outcome: Ended}
		token, err := findToken(ctx, tx, shown)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		list, err := sessions(ctx, tx, `SELECT `+sessionColumns+` FROM account_sessions WHERE id = ?`, token.session)
		if err != nil || len(list) == 0 {
			return err
		}
		out.Session = list[0]
		if !out.Session.Live(now, idle) {
			return nil
		}
		switch {
		case token.used.IsZero():
			out.Outcome = Rotated
			return rotate(ctx, tx, &out.Session, shown, next, sealed, now)
		case now.Sub(token.used) <= grace:
			out.Outcome = Shared
			out.Child, err = newest(ctx, tx, token)
			return err
		}
		out.Outcome = Stolen
		return endSessions(ctx, tx, out.Session.AccountID, out.Session.ID, "a refresh token was used twice", now)
	})
	if err != nil {
		return Rotation{}, fmt.Errorf("rotate a refresh token: %w", err)
	}
	return out, nil
}

// Live tells whether a session goes on.
func (s *AccountSession) Live(now time.Time, idle time.Duration) bool {
	return s.RevokedAt.IsZero() && now.Before(s.ExpiresAt) && now.Sub(s.UsedAt) < idle
}

func rotate(ctx context.Context, tx *sql.Tx, n *AccountSession, shown, next [32]byte, sealed string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE refresh_tokens SET used_at = ?, child = ?, child_hash = ? WHERE hash = ?`, now.UnixNano(), sealed, next[:], shown[:])
	if err == nil {
		err = addToken(ctx, tx, next, n.ID, now)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `UPDATE account_sessions SET used_at = ? WHERE id = ?`, now.UnixNano(), n.ID)
	}
	n.UsedAt = now.UTC()
	return err
}

// refreshToken is a token of a family.
type refreshToken struct {
	session string
	used    time.Time
	child   string
	next    [32]byte
}

func findToken(ctx context.Context, tx *sql.Tx, hash [32]byte) (t refreshToken, err error) {
	var next []byte
	err = tx.QueryRowContext(ctx, `SELECT session_id, used_at, child, child_hash FROM refresh_tokens WHERE hash = ?`, hash[:]).
		Scan(&t.session, timeIn{&t.used}, &t.child, &next)
	copy(t.next[:], next)
	return t, err
}

// newest is the child of a token, or what has taken that one's place in turn.
func newest(ctx context.Context, tx *sql.Tx, t refreshToken) (child string, err error) {
	for range maxHops {
		child = t.child
		if t, err = findToken(ctx, tx, t.next); err != nil || t.used.IsZero() {
			return child, err
		}
	}
	return child, nil
}

// SessionOf is the session a refresh token belongs to, with no change to it.
func (s *Store) SessionOf(ctx context.Context, token [32]byte) (AccountSession, error) {
	return s.session(ctx, `id = (SELECT session_id FROM refresh_tokens WHERE hash = ?)`, token[:])
}

// AccountSession is the session with that id.
func (s *Store) AccountSession(ctx context.Context, id string) (AccountSession, error) {
	return s.session(ctx, `id = ?`, id)
}

func (s *Store) session(ctx context.Context, where string, args ...any) (AccountSession, error) {
	//nolint:gosec // constants only
	list, err := sessions(ctx, s.writer, `SELECT `+sessionColumns+` FROM account_sessions WHERE `+where, args...)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return AccountSession{}, fmt.Errorf("session: %w", err)
	}
	return list[0], nil
}

// AccountSessions lists the sessions of an account that have not ended, or of all where it
// is empty, the newest first.
func (s *Store) AccountSessions(ctx context.Context, account string, now time.Time) ([]AccountSession, error) {
	list, err := sessions(ctx, s.readers, `SELECT `+sessionColumns+` FROM account_sessions
		WHERE (CAST(? AS TEXT) = '' OR account_id = ?) AND revoked_at IS NULL AND expires_at > ? ORDER BY created_at DESC, id DESC`, account, account, now.UnixNano())
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return list, nil
}

func sessions(ctx context.Context, q querier, query string, args ...any) (list []AccountSession, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var n AccountSession
		if err := rows.Scan(&n.ID, &n.AccountID, &n.Via, &n.Address, &n.Agent, &n.IDToken, timeIn{&n.CreatedAt}, timeIn{&n.UsedAt}, timeIn{&n.ExpiresAt},
			timeIn{&n.RevokedAt}, &n.Reason); err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, rows.Err()
}

// EndSessions ends a session of an account, or all of them where its id is empty, and
// tells how many there were.
func (s *Store) EndSessions(ctx context.Context, account, id, reason string, now time.Time) (n int, err error) {
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM account_sessions WHERE account_id = ? AND (CAST(? AS TEXT) = '' OR id = ?) AND revoked_at IS NULL`, account, id, id).Scan(&n)
		if err != nil {
			return err
		}
		return endSessions(ctx, tx, account, id, reason, now)
	})
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	return n, nil
}

func endSessions(ctx context.Context, tx *sql.Tx, account, id, reason string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE account_sessions SET revoked_at = ?, reason = ? WHERE account_id = ? AND (CAST(? AS TEXT) = '' OR id = ?) AND revoked_at IS NULL`,
		now.UnixNano(), reason, account, id, id)
	return err
}
