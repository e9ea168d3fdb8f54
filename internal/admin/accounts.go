package admin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"turnpike/internal/identity"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// Account is somebody who may sign in.
type Account struct {
	ID         string          `json:"id"`
	Login      string          `json:"login,omitempty" say:"left out: by an identity provider alone"`
	Name       string          `json:"name"`
	Email      string          `json:"email,omitempty"`
	Role       string          `json:"role" enum:"owner,admin,member,auditor"`
	Scopes     identity.Scopes `json:"scopes"`
	Managed    bool            `json:"managed" say:"groups of an identity provider give the role, at each sign-in"`
	State      string          `json:"state" enum:"active,disabled"`
	Factor     bool            `json:"second_factor"`
	UserID     string          `json:"user_id,omitempty" say:"the user whose keys are theirs"`
	Teams      []string        `json:"teams,omitempty" say:"names of the teams that user is in"`
	Created    time.Time       `json:"created_at,omitzero"`
	LastLogin  time.Time       `json:"last_login_at,omitzero"`
	Identities []Identity      `json:"identities,omitempty" say:"of one account"`
	Sessions   []Session       `json:"sessions,omitempty" say:"of one account"`
}

// AccountList is a page of accounts.
type AccountList struct {
	Accounts []Account `json:"accounts"`
	Total    int       `json:"total"`
	Next     string    `json:"next,omitempty"`
}

type accountQuery struct {
	Paging
	Search string `query:"q" say:"a part of the login, the name, the address or the id"`
	Role   string `query:"role" enum:"owner,admin,member,auditor"`
	State  string `query:"state" enum:"active,disabled"`
}

var accountOrder = order[Account]{
	by: map[string]func(*Account) string{
		"name":          func(a *Account) string { return strings.ToLower(a.Name) },
		"created_at":    func(a *Account) string { return moment(a.Created) },
		"last_login_at": func(a *Account) string { return moment(a.LastLogin) },
	},
	id:    func(a *Account) string { return a.ID },
	first: "name",
}

// teamsOf are the names of the teams of each user.
func (c *call) teamsOf() (map[string][]string, error) {
	all, err := c.Store.Scopes(c.ctx, "")
	if err != nil {
		return nil, err
	}
	names, out := map[string]string{}, map[string][]string{}
	for i := range all {
		if all[i].Kind == tenancy.Team {
			names[all[i].ID] = all[i].Name
		}
	}
	for i := range all {
		if all[i].Kind != tenancy.User {
			continue
		}
		for _, id := range all[i].Teams {
			out[all[i].ID] = append(out[all[i].ID], names[id])
		}
		slices.Sort(out[all[i].ID])
	}
	return out, nil
}

func (c *call) viewAccount(a *store.Account, teams map[string][]string) Account {
	out := Account{
		ID: a.ID, Login: a.Login, Name: a.Name, Email: a.Email, Role: a.Role, Scopes: identity.ReadScopes(a.Scopes), Managed: a.Managed, State: "active",
		UserID: a.UserID, Teams: teams[a.UserID], Created: a.CreatedAt, LastLogin: a.LastLoginAt,
	}
	if !a.DisabledAt.IsZero() {
		out.State = "disabled"
	}
	var err error
	if out.Factor, err = c.Accounts.NeedsCode(a); err != nil {
		c.Log.Warn("a second factor cannot be read", "account", a.ID, "error", err)
	}
	return out
}

func listAccounts(c *call, q *accountQuery, _ *nothing) (AccountList, error) {
	rows, err1 := c.Store.Accounts(c.ctx)
	teams, err2 := c.teamsOf()
	if err := errors.Join(err1, err2); err != nil {
		return AccountList{}, err
	}
	search := strings.ToLower(q.Search)
	var list []Account
	for i := range rows {
		a := c.viewAccount(&rows[i], teams)
		text := strings.ToLower(strings.Join([]string{a.Login, a.Name, a.Email, a.ID}, " "))
		if strings.Contains(text, search) && (q.Role == "" || q.Role == a.Role) && (q.State == "" || q.State == a.State) {
			list = append(list, a)
		}
	}
	part, next, err := page(list, &q.Paging, accountOrder)
	return AccountList{part, len(list), next}, err
}

func getAccount(c *call, _ *nothing, _ *nothing) (Account, error) { return c.showAccount(c.id()) }

func (c *call) showAccount(id string) (Account, error) {
	row, err := c.Store.Account(c.ctx, id)
	if err != nil {
		return Account{}, err
	}
	teams, err1 := c.teamsOf()
	who, err2 := c.Store.Identities(c.ctx, id)
	sessions, err3 := c.Store.AccountSessions(c.ctx, id, c.Now())
	if err := errors.Join(err1, err2, err3); err != nil {
		return Account{}, err
	}
	a := c.viewAccount(&row, teams)
	a.Identities, a.Sessions = viewIdentities(who), c.viewSessions(sessions)
	c.tagged(accountRow(&row))
	return a, nil
}

// accountRow is what an edit of an account changes: not when its person signed in.
func accountRow(a *store.Account) store.Account {
	row := *a
	row.LastLoginAt, row.TOTPStep = time.Time{}, 0
	return row
}

// AccountEdit is what can be said of an account.
type AccountEdit struct {
	Login    Opt[string]          `json:"login"`
	Name     Opt[string]          `json:"name"`
	Email    Opt[string]          `json:"email"`
	Role     Opt[string]          `json:"role" enum:"owner,admin,member,auditor" say:"with it the role is no longer given by groups"`
	Scopes   Opt[identity.Scopes] `json:"scopes" say:"takes the place of all scopes"`
	Teams    Opt[[]string]        `json:"teams" say:"ids or names"`
	Disabled Opt[bool]            `json:"disabled" say:"it cannot sign in, its sessions end, and its keys are refused"`
}

// AccountCreate is a new account.
type AccountCreate struct {
	Login    string          `json:"login"`
	Name     string          `json:"name,omitempty"`
	Email    string          `json:"email,omitempty"`
	Role     string          `json:"role" enum:"owner,admin,member,auditor"`
	Scopes   identity.Scopes `json:"scopes,omitzero"`
	Teams    []string        `json:"teams,omitempty" say:"ids or names"`
	UserID   string          `json:"user_id,omitempty" say:"a user there is already, whose keys are theirs then"`
	Password string          `json:"password" say:"at least 12 characters; an invitation lets them choose it"`
}

// teamIDs are the ids of teams by their ids or names.
func (c *call) teamIDs(words []string) (ids []string, err error) {
	for _, word := range words {
		team, err := c.Store.FindScope(c.ctx, tenancy.Team, word)
		if errors.Is(err, store.ErrNotFound) {
			return nil, badField("teams", fmt.Errorf("there is no team %q", word))
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, team.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// userID refuses a user that is not there.
func (c *call) userID(id string) error {
	if id == "" {
		return nil
	}
	u, err := c.Store.FindScope(c.ctx, tenancy.User, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && u.ID != id {
		return badField("user_id", errors.New("is no user's id"))
	}
	return err
}

// wrong is a problem with the body as a whole.
func wrong(err error) error {
	return badFields([]FieldError{{Pointer: "#", Detail: err.Error()}})
}

func createAccount(c *call, _ *nothing, b *AccountCreate) (Account, error) {
	row := store.Account{Login: b.Login, Name: b.Name, Email: b.Email, Role: b.Role, Scopes: identity.WriteScopes(b.Scopes), UserID: b.UserID}
	draft := row
	if err := identity.Check(&draft); err != nil {
		return Account{}, wrong(err)
	}
	if err := identity.CheckPassword(b.Password, draft.Login); err != nil {
		return Account{}, badField("password", err)
	}
	teams, err := c.teamIDs(b.Teams)
	if err == nil {
		err = c.userID(b.UserID)
	}
	if err != nil {
		return Account{}, err
	}
	made, err := c.Accounts.Create(c.ctx, c.who.Name, row, b.Password, teams)
	if err != nil {
		return Account{}, err
	}
	return c.showAccount(made.ID)
}

func setAccount(c *call, _ *nothing, b *AccountEdit) (Account, error) {
	if b.Role.Given && b.Role.Value == nil {
		return Account{}, badField("role", errors.New("cannot be taken away: disable the account"))
	}
	teams, err := c.teamIDs(orZero(b.Teams.Value))
	if err != nil {
		return Account{}, err
	}
	row, err := c.Accounts.Set(c.ctx, c.who.Name, c.id(), func(a *store.Account) error {
		if err := c.match(accountRow(a)); err != nil {
			return err
		}
		b.lay(a, c.Now())
		if err := identity.Check(a); err != nil {
			return wrong(err)
		}
		return nil
	})
	if err == nil && b.Teams.Given {
		err = c.Store.JoinTeams(c.ctx, row.UserID, teams)
	}
	if err != nil {
		return Account{}, err
	}
	return c.showAccount(c.id())
}

func (e *AccountEdit) lay(a *store.Account, now time.Time) {
	e.Login.over(&a.Login)
	e.Name.over(&a.Name)
	e.Email.over(&a.Email)
	if e.Role.Given && e.Role.Value != nil {
		a.Role, a.Managed = *e.Role.Value, false
		if a.Role != identity.Admin && !e.Scopes.Given {
			a.Scopes = "{}" // what scopes there were are an admin's
		}
	}
	if e.Scopes.Given {
		a.Scopes = identity.WriteScopes(orZero(e.Scopes.Value))
	}
	if e.Disabled.Given {
		switch disabled := orZero(e.Disabled.Value); {
		case !disabled:
			a.DisabledAt = time.Time{}
		case a.DisabledAt.IsZero():
			a.DisabledAt = now
		}
	}
}

// orZero is what a pointer points to, or nothing.
func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func deleteAccount(c *call, _ *nothing, _ *nothing) (Deleted, error) {
	err := c.Accounts.Delete(c.ctx, c.who.Name, c.id())
	return Deleted{err == nil}, err
}

// SignedOut says how many sessions ended.
type SignedOut struct {
	Sessions int `json:"sessions"`
}

func signOutAccount(c *call, _ *nothing, _ *nothing) (SignedOut, error) {
	if _, err := c.Store.Account(c.ctx, c.id()); err != nil {
		return SignedOut{}, err
	}
	n, err := c.Accounts.SignOutAll(c.ctx, c.who.Name, c.id())
	return SignedOut{n}, err
}

func dropFactor(c *call, _ *nothing, _ *nothing) (Deleted, error) {
	err := c.Accounts.NoFactor(c.ctx, c.who.Name, c.id())
	return Deleted{err == nil}, err
}

// Session is a browser that is signed in.
type Session struct {
	ID      string    `json:"id"`
	Account string    `json:"account_id"`
	Via     string    `json:"via" say:"password, invitation, or the name of an identity provider"`
	Address string    `json:"address,omitempty"`
	Agent   string    `json:"agent,omitempty"`
	Current bool      `json:"current" say:"it is the one that asks"`
	Created time.Time `json:"created_at,omitzero"`
	Used    time.Time `json:"used_at,omitzero"`
	Expires time.Time `json:"expires_at,omitzero"`
}

// SessionList is a page of sessions.
type SessionList struct {
	Sessions []Session `json:"sessions"`
	Total    int       `json:"total"`
	Next     string    `json:"next,omitempty"`
}

type sessionQuery struct {
	Paging
	Account string `query:"account_id"`
}

var sessionOrder = order[Session]{
	by:    map[string]func(*Session) string{"created_at": func(s *Session) string { return moment(s.Created) }, "used_at": func(s *Session) string { return moment(s.Used) }},
	id:    func(s *Session) string { return s.ID },
	first: "-created_at",
}

func (c *call) viewSessions(rows []store.AccountSession) (list []Session) {
	for i := range rows {
		n := &rows[i]
		list = append(list, Session{
			ID: n.ID, Account: n.AccountID, Via: n.Via, Address: n.Address, Agent: n.Agent, Current: n.ID == c.who.Session,
			Created: n.CreatedAt, Used: n.UsedAt, Expires: n.ExpiresAt,
		})
	}
	return list
}

func listSessions(c *call, q *sessionQuery, _ *nothing) (SessionList, error) {
	rows, err := c.Store.AccountSessions(c.ctx, q.Account, c.Now())
	if err != nil {
		return SessionList{}, err
	}
	list := c.viewSessions(rows)
	part, next, err := page(list, &q.Paging, sessionOrder)
	return SessionList{part, len(list), next}, err
}

func dropSession(c *call, _ *nothing, _ *nothing) (Deleted, error) {
	_, _, err := c.Accounts.SignOutSession(c.ctx, c.id())
	return Deleted{err == nil}, err
}

// Identity is who an account is at an identity provider.
type Identity struct {
	ID        string    `json:"id"`
	Account   string    `json:"account_id"`
	Provider  string    `json:"provider"`
	Issuer    string    `json:"issuer"`
	Subject   string    `json:"subject"`
	Email     string    `json:"email,omitempty"`
	Created   time.Time `json:"created_at,omitzero"`
	LastLogin time.Time `json:"last_login_at,omitzero"`
}

// IdentityList is a page of identities.
type IdentityList struct {
	Identities []Identity `json:"identities"`
	Total      int        `json:"total"`
	Next       string     `json:"next,omitempty"`
}

var identityOrder = order[Identity]{
	by:    map[string]func(*Identity) string{"created_at": func(i *Identity) string { return moment(i.Created) }, "provider": func(i *Identity) string { return i.Provider }},
	id:    func(i *Identity) string { return i.ID },
	first: "created_at",
}

func viewIdentities(rows []store.Identity) (list []Identity) {
	for _, i := range rows {
		list = append(list, Identity{i.ID, i.AccountID, i.Provider, i.Issuer, i.Subject, i.Email, i.CreatedAt, i.LastLoginAt})
	}
	return list
}

func listIdentities(c *call, q *sessionQuery, _ *nothing) (IdentityList, error) {
	rows, err := c.Store.Identities(c.ctx, q.Account)
	if err != nil {
		return IdentityList{}, err
	}
	list := viewIdentities(rows)
	part, next, err := page(list, &q.Paging, identityOrder)
	return IdentityList{part, len(list), next}, err
}

func dropIdentity(c *call, _ *nothing, _ *nothing) (Deleted, error) {
	rows, err := c.Store.Identities(c.ctx, "")
	if err != nil {
		return Deleted{}, err
	}
	at := slices.IndexFunc(rows, func(i store.Identity) bool { return i.ID == c.id() })
	if at < 0 {
		return Deleted{}, fail(404, "there is no identity %s", c.id())
	}
	err = c.Accounts.Unlink(c.ctx, c.who.Name, rows[at].AccountID, c.id())
	return Deleted{err == nil}, err
}
