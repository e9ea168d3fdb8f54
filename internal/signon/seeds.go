package signon

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"turnpike/internal/identity"
	"turnpike/internal/store"
)

// Other gateways' consoles have routes of their own under /admin/auth: their page sends the
// browser to the identity provider and is sent back to itself, with a code that it passes on.

// kinds are the providers of those routes, by preset.
var kinds = []struct{ word, preset string }{{"microsoft", Entra}, {"cognito", Cognito}}

func (d *Door) seedRoutes(people bool) (list []route) {
	for _, k := range kinds {
		list = append(
			list,
			route{"GET " + seeds + "/" + k.word + "/login", func(c *call) (any, error) { return c.seedStart(k.preset) }, true},
			route{"POST " + seeds + "/" + k.word + "/callback", func(c *call) (any, error) { return c.seedEnd(k.preset) }, true},
		)
	}
	return append(
		list,
		route{"POST " + seeds + "/refresh", seedRefresh, people},
		route{"POST " + seeds + "/revoke", seedRevoke, people},
		route{"POST " + seeds + "/revoke-all", signOutAll, people},
		route{"GET " + seeds + "/me", seedMe, people},
		route{"PUT " + seeds + "/me", seedSetMe, people},
	)
}

// seedUser is somebody in those gateways' words.
type seedUser struct {
	ID          string          `json:"id"`
	Email       string          `json:"email"`
	FirstName   string          `json:"first_name"`
	LastName    string          `json:"last_name"`
	Active      bool            `json:"is_active"`
	Admin       bool            `json:"is_admin"`
	Role        string          `json:"role"`
	Permissions map[string]any  `json:"permissions"`
	Verified    bool            `json:"email_verified"`
	Balance     string          `json:"current_balance"`
	GroupSync   bool            `json:"group_sync_enabled"`
	Scopes      identity.Scopes `json:"scopes"`
}

// seedLogin is how they tell of a sign-in. The refresh token is in the cookie alone.
type seedLogin struct {
	Access  string   `json:"access_token"`
	Refresh *string  `json:"refresh_token"`
	Type    string   `json:"token_type"`
	User    seedUser `json:"user"`
}

func viewUser(a *store.Account) seedUser {
	first, last, _ := strings.Cut(a.Name, " ")
	s := identity.ReadScopes(a.Scopes)
	u := seedUser{
		ID: a.ID, Email: a.Email, FirstName: first, LastName: last, Active: a.DisabledAt.IsZero(), Admin: a.Role == identity.Owner || a.Role == identity.Admin,
		Role: a.Role, Balance: "0.00", GroupSync: a.Managed, Scopes: s,
	}
	if a.Role == identity.Owner {
		u.Role = "super_admin"
	}
	u.Permissions = map[string]any{"view_usage": len(s.Usage) > 0, "view_monitor": len(s.Monitor) > 0}
	for name, list := range map[string][]string{"manage_api_keys": s.Keys, "manage_teams": s.Teams, "manage_models": s.Models} {
		switch {
		case slices.Equal(list, []string{identity.All}):
			u.Permissions[name] = "all"
		case len(list) > 0:
			u.Permissions[name] = list
		default:
			u.Permissions[name] = false
		}
	}
	return u
}

func (c *call) seedSignedIn(t *identity.Tokens) seedLogin {
	c.keep(t)
	return seedLogin{Access: t.Access, Type: "bearer", User: viewUser(&t.Account)}
}

// preset is the first provider of a preset.
func (c *call) preset(preset string) (*provider, error) {
	i := slices.IndexFunc(c.providers, func(p *provider) bool { return p.Preset == preset })
	if i < 0 {
		return nil, refuse(http.StatusNotImplemented, "not_configured", "that way to sign in is not configured (auth.oidc)")
	}
	return c.providers[i], nil
}

func (c *call) seedStart(preset string) (any, error) {
	p, err := c.preset(preset)
	if err != nil {
		return nil, err
	}
	redirect := c.r.URL.Query().Get("redirect_uri")
	if !p.listed(redirect) {
		return nil, refuse(http.StatusBadRequest, "redirect_uri", "that redirect_uri is not on the list (auth.oidc[].redirect_uris)")
	}
	address, state, err := c.begin(p, flow{Redirect: redirect, Back: home, Seed: true})
	return map[string]string{"authorization_url": address, "state": state}, err
}

func (c *call) seedEnd(preset string) (any, error) {
	p, err := c.preset(preset)
	if err != nil {
		return nil, err
	}
	q := c.r.URL.Query()
	f, err := c.recall(p, q.Get("state"), true)
	if err == nil && q.Get("redirect_uri") != f.Redirect {
		err = errState
	}
	if err != nil {
		return nil, err
	}
	a, idToken, err := c.arrive(p, &f, q.Get("code"))
	if errors.Is(err, errProvider) {
		c.Log.Warn("somebody could not sign in", "provider", p.Name, "error", err)
		return nil, refuse(http.StatusBadRequest, "exchange", "the identity provider did not take the code")
	}
	if err != nil {
		return nil, err
	}
	t, err := c.Accounts.Open(c.ctx, &a, p.Name, idToken)
	if err != nil {
		return nil, err
	}
	return c.seedSignedIn(&t), nil
}

// seedToken is the refresh token of the cookie, else of the body.
func (c *call) seedToken() (string, error) {
	var b struct {
		Refresh string `json:"refresh_token"`
	}
	if shown := c.shown(); shown != "" {
		return shown, nil
	}
	err := c.read(&b)
	return b.Refresh, err
}

func seedRefresh(c *call) (any, error) {
	shown, err := c.seedToken()
	if err != nil {
		return nil, err
	}
	t, err := c.Accounts.Refresh(c.ctx, shown)
	if err != nil {
		c.forget()
		return nil, err
	}
	return c.seedSignedIn(&t), nil
}

func seedRevoke(c *call) (any, error) {
	shown, err := c.seedToken()
	switch {
	case err != nil:
		return nil, err
	case shown == "":
		return nil, refuse(http.StatusBadRequest, "refresh_token", "there is no refresh token to revoke")
	}
	_, _, err = c.Accounts.SignOut(c.ctx, shown)
	c.forget()
	if errors.Is(err, store.ErrNotFound) {
		return nil, refuse(http.StatusNotFound, "refresh_token", "that refresh token is not known")
	}
	return map[string]string{"message": "signed out"}, err
}

// mine is the account of who shows an access token.
func (c *call) mine() (store.Account, error) {
	who, err := c.who()
	if err != nil || who.Service {
		return store.Account{}, errors.Join(err, identity.ErrToken)
	}
	return c.Accounts.Store.Account(c.ctx, who.ID)
}

func seedMe(c *call) (any, error) {
	a, err := c.mine()
	if err != nil {
		return nil, err
	}
	return viewUser(&a), nil
}

func seedSetMe(c *call) (any, error) {
	a, err := c.mine()
	if err != nil {
		return nil, err
	}
	var b struct {
		First *string `json:"first_name"`
		Last  *string `json:"last_name"`
	}
	if err := c.read(&b); err != nil {
		return nil, err
	}
	first, last, _ := strings.Cut(a.Name, " ")
	if b.First != nil {
		first = *b.First
	}
	if b.Last != nil {
		last = *b.Last
	}
	a, err = c.Accounts.Set(c.ctx, a.ID, a.ID, func(row *store.Account) error {
		row.Name = strings.TrimSpace(strings.TrimSpace(first) + " " + strings.TrimSpace(last))
		if err := identity.Check(row); err != nil {
			return refuse(http.StatusUnprocessableEntity, "invalid", err.Error())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return viewUser(&a), nil
}
