package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ErrSpent says that a link was used, has run out, or never was one.
var ErrSpent = errors.New("the link was used already, or has run out: ask for another one")

// Invitation is a link that is good once.
type Invitation struct {
	ID string
	// Hash is the SHA-256 of the secret in the link.
	Hash [32]byte
	// Kind is what it is for.
	Kind string
	// AccountID is whose new password it is for; else empty.
	AccountID string
	// Email, Role, Scopes, Teams (a JSON array) and UserID are what the account will have.
	Email, Role, Scopes, Teams, UserID string
	// CreatedBy is who made it, in words.
	CreatedBy                    string
	CreatedAt, ExpiresAt, UsedAt time.Time
}

const invitationColumns = `id, hash, kind, account_id, email, role, scopes, teams, user_id, created_by, created_at, expires_at, used_at`

// maxInvitations bounds the links that are open.
const maxInvitations = 10_000

var errInvitations = errors.New("there are too many open invitations: delete some")

// AddInvitation keeps a link.
func (s *Store) AddInvitation(ctx context.Context, i Invitation) error {
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM invitations WHERE used_at IS NULL AND expires_at > ?`, i.CreatedAt.UnixNano()).Scan(&n); err != nil {
			return err
		}
		if n >= maxInvitations {
			return errInvitations
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO invitations (`+invitationColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			i.ID, i.Hash[:], i.Kind, i.AccountID, i.Email, i.Role, i.Scopes, i.Teams, i.UserID, i.CreatedBy, nanos(i.CreatedAt), nanos(i.ExpiresAt), nanos(i.UsedAt))
		return err
	})
	if err != nil {
		return fmt.Errorf("keep an invitation: %w", err)
	}
	return nil
}

// Invitations lists the links that are good at a time, oldest first.
func (s *Store) Invitations(ctx context.Context, now time.Time) ([]Invitation, error) {
	list, err := invitations(ctx, s.readers, `SELECT `+invitationColumns+` FROM invitations WHERE used_at IS NULL AND expires_at > ? ORDER BY created_at, id`, now.UnixNano())
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	return list, nil
}

// Invitation is the link with that hash, if it is good.
func (s *Store) Invitation(ctx context.Context, hash [32]byte, now time.Time) (Invitation, error) {
	list, err := invitations(ctx, s.writer, `SELECT `+invitationColumns+` FROM invitations WHERE hash = ? AND used_at IS NULL AND expires_at > ?`, hash[:], now.UnixNano())
	if err == nil && len(list) == 0 {
		err = ErrSpent
	}
	if err != nil {
		return Invitation{}, fmt.Errorf("invitation: %w", err)
	}
	return list[0], nil
}

func invitations(ctx context.Context, q querier, query string, args ...any) (list []Invitation, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var i Invitation
		var hash []byte
		if err := rows.Scan(&i.ID, &hash, &i.Kind, &i.AccountID, &i.Email, &i.Role, &i.Scopes, &i.Teams, &i.UserID, &i.CreatedBy,
			timeIn{&i.CreatedAt}, timeIn{&i.ExpiresAt}, timeIn{&i.UsedAt}); err != nil {
			return nil, err
		}
		copy(i.Hash[:], hash)
		list = append(list, i)
	}
	return list, rows.Err()
}

// useInvitation uses a link up, or tells that it is no good.
func useInvitation(ctx context.Context, tx *sql.Tx, hash [32]byte, now time.Time) error {
	ok, err := one(tx.ExecContext(ctx, `UPDATE invitations SET used_at = ? WHERE hash = ? AND used_at IS NULL AND expires_at > ?`, now.UnixNano(), hash[:], now.UnixNano()))
	if err == nil && !ok {
		err = ErrSpent
	}
	return err
}

// UseReset uses the link for a new password up, gives the account the password, and signs
// it out everywhere.
func (s *Store) UseReset(ctx context.Context, hash [32]byte, account, password string, now time.Time) error {
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		if err := useInvitation(ctx, tx, hash, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE accounts SET password = ? WHERE id = ?`, password, account); err != nil {
			return err
		}
		return endSessions(ctx, tx, account, "", "new password", now)
	})
	if err != nil {
		return fmt.Errorf("new password: %w", err)
	}
	return nil
}

// DropInvitation takes a link back.
func (s *Store) DropInvitation(ctx context.Context, id string) error {
	ok, err := one(s.writer.ExecContext(ctx, `DELETE FROM invitations WHERE id = ?`, id))
	if err == nil && !ok {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("take the invitation back: %w", err)
	}
	return nil
}
