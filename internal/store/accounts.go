package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ErrLastOwner says that nobody would be left who may do everything.
var ErrLastOwner = errors.New("it is the last owner who can sign in: make another one first")

// ownerRole is the role of those of whom one must be left.
const ownerRole = "owner"

// Account is a person who may sign in.
type Account struct {
	// ID is the identity of the account, made by NewID("acc").
	ID string
	// Login is what the person signs in with by a password, in small letters; empty for
	// those who come by an identity provider alone.
	Login string
	// Name is what people call them.
	Name string
	// Email is their address; it is no identity.
	Email string
	// Role is what they may do, Scopes of what, as JSON.
	Role, Scopes string
	// Managed says that groups of an identity provider give the role, at each sign-in.
	Managed bool
	// UserID is the user whose keys are theirs.
	UserID string
	// Password is the hash of the password; empty: there is none.
	Password string
	// TOTP is the second factor, sealed; empty: there is none.
	TOTP string
	// TOTPStep is the last step of time whose code was taken.
	TOTPStep int64
	// CreatedAt is when it was made.
	CreatedAt time.Time
	// LastLoginAt is when the person last signed in; zero means never.
	LastLoginAt time.Time
	// DisabledAt is when it was disabled; zero means it was not. Its keys are refused then.
	DisabledAt time.Time
}

const accountColumns = `id, login, name, email, role, scopes, managed, user_id, password, totp, totp_step, created_at, last_login_at, disabled_at`

// orNull is a text that is NULL where it is empty, so that several rows may have none.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Identity is who an account is at an identity provider.
type Identity struct {
	ID        string
	Issuer    string
	Subject   string
	AccountID string
	// Provider is the name of the provider in the configuration.
	Provider string
	// Email is what the provider said when the person last signed in.
	Email       string
	CreatedAt   time.Time
	LastLoginAt time.Time
}

const identityColumns = `id, issuer, subject, account_id, provider, email, created_at, last_login_at`

// NewAccount is an account with what comes into being with it.
type NewAccount struct {
	Account
	// User is the user that is made for it; nil where UserID names one.
	User *Scope
	// Identity is who it is at a provider; nil: a local one.
	Identity *Identity
	// Invitation is the hash of the link it is made by; nil: none.
	Invitation *[32]byte
}

// AddAccount makes an account, its user and its identity, and uses its invitation up: all
// or nothing.
func (s *Store) AddAccount(ctx context.Context, n NewAccount) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		a := n.Account
		if n.Invitation != nil {
			if err := useInvitation(ctx, tx, *n.Invitation, a.CreatedAt); err != nil {
				return err
			}
		}
		var taken int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM accounts WHERE login = ? OR user_id = ?`, orNull(a.Login), orNull(a.UserID)).Scan(&taken)
		if err == nil && taken > 0 {
			err = ErrTaken
		}
		if err == nil && n.User != nil {
			a.UserID, err = addUser(ctx, tx, *n.User)
		} else if err == nil && a.UserID != "" {
			err = known(ctx, tx, kindUser, a.UserID)
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO accounts (`+accountColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			a.ID, orNull(a.Login), a.Name, a.Email, a.Role, a.Scopes, whole(a.Managed), orNull(a.UserID), a.Password, a.TOTP, a.TOTPStep,
			nanos(a.CreatedAt), nanos(a.LastLoginAt), nanos(a.DisabledAt))
		if err != nil || n.Identity == nil {
			return err
		}
		return addIdentity(ctx, tx, *n.Identity)
	})
	if err != nil {
		return fmt.Errorf("make the account %q: %w", n.Name, err)
	}
	return nil
}

// addUser makes the user of an account. Where its name is taken it has another one.
func addUser(ctx context.Context, tx *sql.Tx, u Scope) (string, error) {
	var taken int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM scopes WHERE kind = ? AND (id = ? OR name = ?)`, kindUser, u.Name, u.Name).Scan(&taken); err != nil {
		return "", err
	}
	if taken > 0 {
		u.Name += " " + u.ID
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO scopes (`+scopeColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		kindUser, u.ID, u.Name, u.Description, u.Email, u.Limits, u.CreatedAt.UnixNano(), nanos(u.DisabledAt))
	if err != nil {
		return "", err
	}
	u.Kind = kindUser
	return u.ID, join(ctx, tx, u)
}

func addIdentity(ctx context.Context, tx *sql.Tx, i Identity) error {
	var taken int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM identities WHERE issuer = ? AND subject = ?`, i.Issuer, i.Subject).Scan(&taken)
	if err == nil && taken > 0 {
		err = ErrTaken
	}
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO identities (`+identityColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		i.ID, i.Issuer, i.Subject, i.AccountID, i.Provider, i.Email, nanos(i.CreatedAt), nanos(i.LastLoginAt))
	return err
}

// Accounts lists all, oldest first.
func (s *Store) Accounts(ctx context.Context) ([]Account, error) {
	list, err := accounts(ctx, s.readers, `SELECT `+accountColumns+` FROM accounts ORDER BY created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return list, nil
}

// Account is the one with that id.
func (s *Store) Account(ctx context.Context, id string) (Account, error) {
	return s.oneAccount(ctx, s.readers, `id = ?`, id)
}

// AccountOf is the one that signs in with that login. It is read where it is written.
func (s *Store) AccountOf(ctx context.Context, login string) (Account, error) {
	return s.oneAccount(ctx, s.writer, `login = ?`, login)
}

// AccountBy is the one that is that subject at an issuer.
func (s *Store) AccountBy(ctx context.Context, issuer, subject string) (Account, error) {
	return s.oneAccount(ctx, s.writer, `id = (SELECT account_id FROM identities WHERE issuer = ? AND subject = ?)`, issuer, subject)
}

func (s *Store) oneAccount(ctx context.Context, q querier, where string, args ...any) (Account, error) {
	//nolint:gosec // constants only
	list, err := accounts(ctx, q, `SELECT `+accountColumns+` FROM accounts WHERE `+where, args...)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Account{}, fmt.Errorf("account: %w", err)
	}
	return list[0], nil
}

func accounts(ctx context.Context, q querier, query string, args ...any) (list []Account, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a Account
		if err := rows.Scan(a.fields()...); err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, rows.Err()
}

// fields are where the columns of an account are read into.
func (a *Account) fields() []any {
	return []any{
		&a.ID,
		textIn{&a.Login},
		&a.Name, &a.Email, &a.Role, &a.Scopes, &a.Managed,
		textIn{&a.UserID},
		&a.Password, &a.TOTP, &a.TOTPStep,
		timeIn{&a.CreatedAt},
		timeIn{&a.LastLoginAt},
		timeIn{&a.DisabledAt},
	}
}

// textIn is a column of text that is empty where it is NULL.
type textIn struct{ to *string }

func (t textIn) Scan(v any) error {
	var n sql.NullString
	err := n.Scan(v)
	*t.to = n.String
	return err
}

// timeIn is a column of time that is zero where it is NULL.
type timeIn struct{ to *time.Time }

func (m timeIn) Scan(v any) error {
	var n sql.NullInt64
	err := n.Scan(v)
	*m.to = instant(n)
	return err
}

// UpdateAccount changes an account. Its user is disabled and enabled with it; who is
// disabled is signed out everywhere. One owner is left.
func (s *Store) UpdateAccount(ctx context.Context, id string, now time.Time, do func(*Account) error) (Account, error) {
	var a Account
	err := s.change(ctx, func(tx *sql.Tx) (err error) {
		if a, err = s.oneAccount(ctx, tx, `id = ?`, id); err != nil {
			return err
		}
		was := a
		if err = do(&a); err != nil {
			return err
		}
		if a.Login != was.Login && a.Login != "" {
			var taken int
			if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM accounts WHERE login = ? AND id <> ?`, a.Login, id).Scan(&taken); err != nil {
				return err
			} else if taken > 0 {
				return ErrTaken
			}
		}
		_, err = tx.ExecContext(ctx, `UPDATE accounts SET login = ?, name = ?, email = ?, role = ?, scopes = ?, managed = ?, password = ?, totp = ?, totp_step = ?,
			last_login_at = ?, disabled_at = ? WHERE id = ?`, orNull(a.Login), a.Name, a.Email, a.Role, a.Scopes, whole(a.Managed), a.Password, a.TOTP, a.TOTPStep,
			nanos(a.LastLoginAt), nanos(a.DisabledAt), id)
		if err != nil {
			return err
		}
		if was.Role == ownerRole && was.DisabledAt.IsZero() && (a.Role != ownerRole || !a.DisabledAt.IsZero()) {
			if err := ownerLeft(ctx, tx); err != nil {
				return err
			}
		}
		if was.DisabledAt.IsZero() == a.DisabledAt.IsZero() {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `UPDATE scopes SET disabled_at = ? WHERE kind = ? AND id = ?`, nanos(a.DisabledAt), kindUser, a.UserID); err != nil {
			return err
		}
		return endSessions(ctx, tx, id, "", "account disabled", now)
	})
	if err != nil {
		return Account{}, fmt.Errorf("change the account: %w", err)
	}
	return a, nil
}

func ownerLeft(ctx context.Context, tx *sql.Tx) error {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM accounts WHERE role = ? AND disabled_at IS NULL`, ownerRole).Scan(&n)
	if err == nil && n == 0 {
		err = ErrLastOwner
	}
	return err
}

// DeleteAccount takes an account out with its identities and sessions. Its user and keys
// stay, disabled.
func (s *Store) DeleteAccount(ctx context.Context, id string, now time.Time) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		a, err := s.oneAccount(ctx, tx, `id = ?`, id)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE scopes SET disabled_at = coalesce(disabled_at, ?) WHERE kind = ? AND id = ?`, now.UnixNano(), kindUser, a.UserID); err != nil {
			return err
		}
		for _, q := range []string{
			`DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM account_sessions WHERE account_id = ?)`,
			`DELETE FROM account_sessions WHERE account_id = ?`, `DELETE FROM identities WHERE account_id = ?`,
			`DELETE FROM invitations WHERE account_id = ?`, `DELETE FROM accounts WHERE id = ?`,
		} {
			if _, err := tx.ExecContext(ctx, q, id); err != nil {
				return err
			}
		}
		if a.Role == ownerRole && a.DisabledAt.IsZero() {
			return ownerLeft(ctx, tx)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete the account: %w", err)
	}
	return nil
}

// JoinTeams puts the user of an account into teams, and takes it out of all others.
func (s *Store) JoinTeams(ctx context.Context, userID string, teams []string) error {
	_, err := s.UpdateScope(ctx, kindUser, userID, func(u *Scope) error { u.Teams = teams; return nil })
	return err
}

// Identities lists those of an account, or all where it is empty.
func (s *Store) Identities(ctx context.Context, account string) (list []Identity, err error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT `+identityColumns+` FROM identities WHERE (CAST(? AS TEXT) = '' OR account_id = ?) ORDER BY created_at, id`, account, account)
	if err != nil {
		return nil, fmt.Errorf("list identities: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var i Identity
		if err := rows.Scan(&i.ID, &i.Issuer, &i.Subject, &i.AccountID, &i.Provider, &i.Email, timeIn{&i.CreatedAt}, timeIn{&i.LastLoginAt}); err != nil {
			return nil, fmt.Errorf("list identities: %w", err)
		}
		list = append(list, i)
	}
	return list, rows.Err()
}

// AddIdentity says that an account is somebody at a provider too.
func (s *Store) AddIdentity(ctx context.Context, i Identity) error {
	if err := s.transaction(ctx, func(tx *sql.Tx) error { return addIdentity(ctx, tx, i) }); err != nil {
		return fmt.Errorf("link an identity: %w", err)
	}
	return nil
}

// SeeIdentity notes a sign-in.
func (s *Store) SeeIdentity(ctx context.Context, issuer, subject, email string, now time.Time) error {
	_, err := s.writer.ExecContext(ctx, `UPDATE identities SET email = ?, last_login_at = ? WHERE issuer = ? AND subject = ?`, email, now.UnixNano(), issuer, subject)
	if err != nil {
		return fmt.Errorf("note a sign-in: %w", err)
	}
	return nil
}

// DropIdentity unlinks an identity of an account.
func (s *Store) DropIdentity(ctx context.Context, account, id string) error {
	ok, err := one(s.writer.ExecContext(ctx, `DELETE FROM identities WHERE id = ? AND account_id = ?`, id, account))
	if err == nil && !ok {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("unlink the identity: %w", err)
	}
	return nil
}

// SeeAccount notes a sign-in.
func (s *Store) SeeAccount(ctx context.Context, id string, now time.Time) error {
	if _, err := s.writer.ExecContext(ctx, `UPDATE accounts SET last_login_at = ? WHERE id = ?`, now.UnixNano(), id); err != nil {
		return fmt.Errorf("note a sign-in: %w", err)
	}
	return nil
}

// UseStep notes which step of time a code was of; false where one of it or a later one was
// taken before: a code is good once.
func (s *Store) UseStep(ctx context.Context, id string, step int64) (bool, error) {
	ok, err := one(s.writer.ExecContext(ctx, `UPDATE accounts SET totp_step = ? WHERE id = ? AND totp_step < ?`, step, id, step))
	if err != nil {
		return false, fmt.Errorf("use a code: %w", err)
	}
	return ok, nil
}
