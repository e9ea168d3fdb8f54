package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"turnpike/internal/store"
)

// The kinds of links.
const (
	Invite    = "invite"
	Bootstrap = "bootstrap" // the first owner's
	Reset     = "reset"     // a new password
)

const (
	linkPrefix = "tpi_"
	// maxLink is how long a link may be good.
	maxLink      = 30 * 24 * time.Hour
	usualLink    = 72 * time.Hour
	bootstrapFor = 24 * time.Hour
	resetFor     = 2 * time.Hour
)

// Draft is what somebody who is invited will be.
type Draft struct {
	Email, Role string
	Scopes      Scopes
	Teams       []string // ids
	UserID      string   // a user there is already; empty: a new one
	For         time.Duration
}

// Check tells what is wrong with a draft.
func (d *Draft) Check() error {
	if d.For == 0 {
		d.For = usualLink
	}
	switch {
	case d.For < time.Minute || d.For > maxLink:
		return fmt.Errorf("expires_in must be between 1m and %s", maxLink)
	case d.Email != "" && !address(d.Email):
		return errors.New("email is no address")
	}
	return CheckRole(d.Role, &d.Scopes)
}

// Invite makes a link that makes an account, once.
func (a *Accounts) Invite(ctx context.Context, by string, d *Draft) (secret string, i store.Invitation, err error) {
	if err = d.Check(); err == nil {
		secret, i, err = a.link(ctx, by, store.Invitation{
			Kind: Invite, Email: d.Email, Role: d.Role, Scopes: WriteScopes(d.Scopes), Teams: WriteList(d.Teams), UserID: d.UserID,
		}, d.For)
	}
	return secret, i, a.told(ctx, Event{Action: "invited", Actor: by, Target: i.ID, Detail: d.Role + " " + d.Email}, err)
}

func (a *Accounts) link(ctx context.Context, by string, i store.Invitation, lasts time.Duration) (string, store.Invitation, error) {
	secret, hash := secretOf(linkPrefix)
	i.ID, i.Hash, i.CreatedBy, i.CreatedAt = store.NewID("inv"), hash, by, a.Now()
	i.ExpiresAt = i.CreatedAt.Add(lasts)
	if i.Scopes == "" {
		i.Scopes, i.Teams = "{}", "[]"
	}
	return secret, i, a.Store.AddInvitation(ctx, i)
}

// First makes the link for the first owner where there is no account at all, and none is
// open; ok is false then.
func (a *Accounts) First(ctx context.Context) (secret string, ok bool, err error) {
	list, err := a.Store.Accounts(ctx)
	if err != nil || len(list) > 0 {
		return "", false, err
	}
	open, err := a.Store.Invitations(ctx, a.Now())
	if err != nil {
		return "", false, err
	}
	for _, i := range open {
		if i.Kind == Bootstrap {
			return "", false, nil
		}
	}
	return a.Owner(ctx)
}

// Owner makes a link that makes an owner, whoever there is already.
func (a *Accounts) Owner(ctx context.Context) (secret string, ok bool, err error) {
	secret, i, err := a.link(ctx, "the command line", store.Invitation{Kind: Bootstrap, Role: Owner}, bootstrapFor)
	return secret, err == nil, a.told(ctx, Event{Action: "invited", Actor: "the command line", Target: i.ID, Detail: Owner}, err)
}

// ResetLink makes a link that gives an account a new password, once.
func (a *Accounts) ResetLink(ctx context.Context, by, id string) (secret string, i store.Invitation, err error) {
	account, err := a.Store.Account(ctx, id)
	if err == nil && account.Login == "" {
		err = errors.New("the account signs in by an identity provider alone: it has no password")
	}
	if err == nil {
		secret, i, err = a.link(ctx, by, store.Invitation{Kind: Reset, AccountID: id}, resetFor)
	}
	return secret, i, a.told(ctx, Event{Action: "password_reset_link", Actor: by, Target: id}, err)
}

// NewPerson is what somebody says of themself behind a link.
type NewPerson struct{ Login, Name, Password string }

// Accept makes the account of a link, or gives one a new password. It ends as a sign-in.
func (a *Accounts) Accept(ctx context.Context, secret string, p *NewPerson) (account store.Account, err error) {
	hash := sha256.Sum256([]byte(secret))
	i, err := a.Store.Invitation(ctx, hash, a.Now())
	if err != nil {
		return account, a.told(ctx, Event{Action: "link_used"}, err)
	}
	if i.Kind == Reset {
		account, err = a.reset(ctx, &i, p.Password)
	} else {
		account, err = a.join(ctx, &i, p)
	}
	return account, a.told(ctx, Event{Action: "link_used", Actor: account.ID, Target: i.ID, Detail: i.Kind}, err)
}

func (a *Accounts) reset(ctx context.Context, i *store.Invitation, password string) (store.Account, error) {
	account, err := a.Store.Account(ctx, i.AccountID)
	if err == nil && !account.DisabledAt.IsZero() {
		err = store.ErrSpent
	}
	if err != nil {
		return account, err
	}
	if err := CheckPassword(password, account.Login); err != nil {
		return account, &Invalid{err}
	}
	hash, err := a.hasher.make(ctx, password)
	if err != nil {
		return account, err
	}
	return account, a.Store.UseReset(ctx, i.Hash, account.ID, hash, a.Now())
}

var errLocal = errors.New("login and password must be said")

// join makes a local account by an invitation.
func (a *Accounts) join(ctx context.Context, i *store.Invitation, p *NewPerson) (store.Account, error) {
	row := store.Account{Login: p.Login, Name: p.Name, Email: i.Email, Role: i.Role, Scopes: i.Scopes, UserID: i.UserID}
	if Login(p.Login) == "" || p.Password == "" {
		return row, &Invalid{errLocal}
	}
	if err := a.draft(ctx, &row, p.Password); err != nil {
		return row, err
	}
	return a.add(ctx, &row, i, nil)
}

// add makes the account of an invitation.
func (a *Accounts) add(ctx context.Context, row *store.Account, i *store.Invitation, who *store.Identity) (store.Account, error) {
	n := store.NewAccount{Account: *row, Identity: who, Invitation: &i.Hash}
	if row.UserID == "" {
		n.User = a.user(row, ReadList(i.Teams))
	}
	if err := a.Store.AddAccount(ctx, n); err != nil {
		return *row, err
	}
	return a.Store.Account(ctx, row.ID)
}
