package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"turnpike/internal/store"
)

// Person is somebody as an identity provider tells of them.
type Person struct {
	// Provider is its name in the configuration.
	Provider string
	// Issuer and Subject are who they are.
	Issuer, Subject string
	// Name and Email are what they are called. Nobody is found by them.
	Name, Email string
	// Groups are those they are in. Partial says that there are more that were not told.
	Groups  []string
	Partial bool
}

// Arrival is how somebody comes from an identity provider.
type Arrival struct {
	// Link is the account that the identity is to be added to: its person is signed in and
	// asked for it. Empty: none.
	Link string
	// Invitation is the secret of a link they were given. Empty: none.
	Invitation string
}

// ErrLinked says that the identity is another account's.
var ErrLinked = errors.New("that identity belongs to another account: unlink it there first")

// ErrHasAccount says that an invitation was used by somebody who has an account.
var ErrHasAccount = errors.New("you have an account already: sign in without the invitation")

// Arrive is the account of somebody an identity provider has sent: the one of their issuer
// and subject; else a new one, by an invitation or by a group that has a role; else none.
func (a *Accounts) Arrive(ctx context.Context, p *Person, how Arrival) (store.Account, error) {
	account, err := a.arrive(ctx, p, how)
	if err != nil {
		return account, a.told(ctx, Event{Action: "sign_in", Actor: p.Provider + "/" + p.Subject, Target: account.ID, Detail: p.Provider}, err)
	}
	if err := a.Store.SeeIdentity(ctx, p.Issuer, p.Subject, p.Email, a.Now()); err != nil {
		return account, err
	}
	return account, nil
}

func (a *Accounts) arrive(ctx context.Context, p *Person, how Arrival) (store.Account, error) {
	account, err := a.Store.AccountBy(ctx, p.Issuer, p.Subject)
	known := err == nil
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return account, err
	}
	switch {
	case how.Link != "" && known && account.ID != how.Link:
		return account, ErrLinked
	case how.Link != "" && !known:
		return a.linkTo(ctx, p, how.Link)
	case how.Invitation != "" && known:
		return account, ErrHasAccount
	case how.Invitation != "":
		return a.invited(ctx, p, how.Invitation)
	case !known:
		return a.mapped(ctx, p)
	case !account.DisabledAt.IsZero():
		return account, ErrNoAccess
	case account.Managed:
		return a.again(ctx, p, account)
	}
	return account, nil
}

// identity is who a person is, for an account.
func (a *Accounts) identity(p *Person, account string) store.Identity {
	return store.Identity{
		ID: store.NewID("idn"), Issuer: p.Issuer, Subject: p.Subject, AccountID: account, Provider: p.Provider, Email: p.Email, CreatedAt: a.Now(), LastLoginAt: a.Now(),
	}
}

func (a *Accounts) linkTo(ctx context.Context, p *Person, id string) (store.Account, error) {
	account, err := a.Store.Account(ctx, id)
	if err == nil && !account.DisabledAt.IsZero() {
		err = ErrNoAccess
	}
	if err == nil {
		err = a.Store.AddIdentity(ctx, a.identity(p, id))
	}
	return account, a.told(ctx, Event{Action: "identity_linked", Actor: id, Target: id, Detail: p.Provider + "/" + p.Subject}, err)
}

// invited makes an account by an invitation.
func (a *Accounts) invited(ctx context.Context, p *Person, secret string) (store.Account, error) {
	i, err := a.Store.Invitation(ctx, sha256.Sum256([]byte(secret)), a.Now())
	if err == nil && i.Kind == Reset {
		err = store.ErrSpent
	}
	if err != nil {
		return store.Account{}, err
	}
	row := store.Account{Name: nameFor(p), Email: p.Email, Role: i.Role, Scopes: i.Scopes, UserID: i.UserID}
	if err := a.draft(ctx, &row, ""); err != nil {
		return row, err
	}
	who := a.identity(p, row.ID)
	account, err := a.add(ctx, &row, &i, &who)
	return account, a.told(ctx, Event{Action: "link_used", Actor: row.ID, Target: i.ID, Detail: i.Kind + " by " + p.Provider}, err)
}

// nameFor is what somebody is called.
func nameFor(p *Person) string {
	for _, name := range []string{p.Name, p.Email, p.Subject} {
		if name != "" && len(name) <= maxName {
			return name
		}
	}
	return "somebody at " + p.Provider
}

// grant is what groups give together.
type grant struct {
	role, scopes string
	teams        []string
}

// granted is what the groups of a person give: the role is that of the highest priority,
// teams are those of all.
func (a *Accounts) granted(ctx context.Context, p *Person) (g grant, err error) {
	list, err := a.Mappings(ctx, p.Provider)
	if err != nil {
		return g, err
	}
	for _, m := range list { // the highest priority comes first
		if m.Beaten || !slices.Contains(p.Groups, m.Group) {
			continue
		}
		if g.role == "" {
			g.role, g.scopes = m.Role, m.Scopes
		}
		for _, team := range ReadList(m.Teams) {
			if !slices.Contains(g.teams, team) {
				g.teams = append(g.teams, team)
			}
		}
	}
	if g.role == "" {
		return g, ErrNoAccess
	}
	return g, nil
}

// mapped makes an account by groups.
func (a *Accounts) mapped(ctx context.Context, p *Person) (store.Account, error) {
	g, err := a.granted(ctx, p)
	if err != nil {
		return store.Account{}, err
	}
	row := store.Account{Name: nameFor(p), Email: p.Email, Role: g.role, Scopes: g.scopes, Managed: true}
	if err := a.draft(ctx, &row, ""); err != nil {
		return row, fmt.Errorf("the account of a group: %w", err)
	}
	who := a.identity(p, row.ID)
	err = a.Store.AddAccount(ctx, store.NewAccount{Account: row, User: a.user(&row, a.there(ctx, g.teams)), Identity: &who})
	if err == nil {
		row, err = a.Store.Account(ctx, row.ID)
	}
	return row, a.told(ctx, Event{Action: "account_made", Actor: p.Provider + "/" + p.Subject, Target: row.ID, Detail: g.role + " by its groups"}, err)
}

// there are the ids of the teams that exist: a mapping may outlive one, and one that is
// declared may say names.
func (a *Accounts) there(ctx context.Context, teams []string) (out []string) {
	for _, word := range teams {
		if team, err := a.Store.FindScope(ctx, "team", word); err == nil {
			out = append(out, team.ID)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// again gives an account what its groups give today. Without any that do, it has no access,
// and its sessions end.
func (a *Accounts) again(ctx context.Context, p *Person, account store.Account) (store.Account, error) {
	g, err := a.granted(ctx, p)
	if errors.Is(err, ErrNoAccess) {
		_, end := a.Store.EndSessions(ctx, account.ID, "", "no group has a role any more", a.Now())
		return account, errors.Join(err, end)
	}
	if err != nil {
		return account, err
	}
	if g.role != account.Role || g.scopes != account.Scopes {
		was := account.Role
		account, err = a.Store.UpdateAccount(ctx, account.ID, a.Now(), func(row *store.Account) error { row.Role, row.Scopes = g.role, g.scopes; return nil })
		if err := a.told(ctx, Event{Action: "role", Actor: p.Provider, Target: account.ID, Detail: was + " to " + g.role + " by its groups"}, err); err != nil {
			return account, err
		}
	}
	user, err := a.Store.FindScope(ctx, "user", account.UserID)
	if errors.Is(err, store.ErrNotFound) {
		return account, nil
	}
	teams := a.there(ctx, g.teams)
	if err == nil && !slices.Equal(user.Teams, teams) {
		err = a.Store.JoinTeams(ctx, account.UserID, teams)
	}
	return account, err
}
