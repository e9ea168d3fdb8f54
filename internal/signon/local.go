package signon

import (
	"errors"
	"net/http"

	"turnpike/internal/identity"
	"turnpike/internal/store"
)

// Methods are the ways to sign in that are configured.
type Methods struct {
	Local bool     `json:"local"`
	OIDC  []Method `json:"oidc"`
}

// Method is an identity provider.
type Method struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Start string `json:"start"`
}

func getMethods(c *call) (any, error) {
	m := Methods{Local: c.Local, OIDC: []Method{}}
	for _, p := range c.providers {
		m.OIDC = append(m.OIDC, Method{p.Name, p.Label, prefix + "/oidc/" + p.Name + "/start"})
	}
	return m, nil
}

// SignedIn is what a browser is told; the refresh token is in the cookie alone.
type SignedIn struct {
	Access  string   `json:"access_token"`
	Type    string   `json:"token_type"`
	Seconds int      `json:"expires_in"`
	Account *Account `json:"account,omitempty"`
	// Challenge is shown with the code of the second factor; there is no access yet.
	TOTP      bool   `json:"totp_required,omitempty"`
	Challenge string `json:"challenge,omitempty"`
}

// Account is who has signed in.
type Account struct {
	ID     string          `json:"id"`
	Login  string          `json:"login,omitempty"`
	Name   string          `json:"name"`
	Email  string          `json:"email,omitempty"`
	Role   string          `json:"role"`
	Scopes identity.Scopes `json:"scopes"`
}

func viewAccount(a *store.Account) *Account {
	return &Account{a.ID, a.Login, a.Name, a.Email, a.Role, identity.ReadScopes(a.Scopes)}
}

// signedIn gives the browser its tokens.
func (c *call) signedIn(t *identity.Tokens) SignedIn {
	c.keep(t)
	return SignedIn{Access: t.Access, Type: "Bearer", Seconds: int(t.Lifetime.Seconds()), Account: viewAccount(&t.Account)}
}

// open begins a session.
func (c *call) open(a *store.Account, via, idToken string) (any, error) {
	t, err := c.Accounts.Open(c.ctx, a, via, idToken)
	if err != nil {
		return nil, err
	}
	return c.signedIn(&t), nil
}

const tooMany = "too many tries went wrong: wait, or ask an operator"

func login(c *call) (any, error) {
	var b struct {
		Login    string `json:"login"`
		Password string `json:"password"`
	}
	if err := c.read(&b); err != nil {
		return nil, err
	}
	name := identity.Login(b.Login)
	here := name + "\x00" + c.from
	if err := errors.Join(limited(c.addresses, c.from, tooMany), limited(c.accounts, here, tooMany), limited(c.anywhere, name, tooMany)); err != nil {
		return nil, err
	}
	a, err := c.Accounts.SignIn(c.ctx, name, b.Password)
	if errors.Is(err, identity.ErrWrong) {
		c.addresses.Failed(c.from)
		c.accounts.Failed(here)
		c.anywhere.Failed(name)
	}
	if err != nil {
		return nil, err
	}
	c.accounts.Passed(here)
	more, err := c.Accounts.NeedsCode(&a)
	if err != nil {
		return nil, err
	}
	if !more {
		return c.open(&a, "password", "")
	}
	challenge, err := c.Accounts.BeginSecond(c.ctx, &a)
	return SignedIn{TOTP: true, Challenge: challenge, Type: "Bearer"}, err
}

func second(c *call) (any, error) {
	var b struct {
		Challenge string `json:"challenge"`
		Code      string `json:"code"`
	}
	if err := c.read(&b); err != nil {
		return nil, err
	}
	if err := limited(c.addresses, c.from, tooMany); err != nil {
		return nil, err
	}
	a, err := c.Accounts.FinishSecond(c.ctx, b.Challenge, b.Code)
	if err != nil {
		c.addresses.Failed(c.from)
		if a.ID != "" {
			c.anywhere.Failed(a.Login)
		}
		return nil, err
	}
	return c.open(&a, "password and code", "")
}

// accept makes the account of a link, or gives one a new password. Behind a new password a
// second factor is still asked for: the link proves no more than the mailbox it went to.
func accept(c *call) (any, error) {
	var b struct {
		Token    string `json:"token"`
		Login    string `json:"login"`
		Name     string `json:"name"`
		Password string `json:"password"`
	}
	if err := c.read(&b); err != nil {
		return nil, err
	}
	if err := limited(c.addresses, c.from, tooMany); err != nil {
		return nil, err
	}
	a, err := c.Accounts.Accept(c.ctx, b.Token, &identity.NewPerson{Login: b.Login, Name: b.Name, Password: b.Password})
	switch {
	case errors.Is(err, store.ErrSpent):
		c.addresses.Failed(c.from)
		return nil, err
	case err != nil:
		if p := c.known(err); p != nil {
			return nil, p
		}
		return nil, err
	}
	more, err := c.Accounts.NeedsCode(&a)
	if err != nil {
		return nil, err
	}
	if more {
		challenge, err := c.Accounts.BeginSecond(c.ctx, &a)
		return SignedIn{TOTP: true, Challenge: challenge, Type: "Bearer"}, err
	}
	return c.open(&a, "invitation", "")
}

// known is a problem with what somebody has said of themself, nil for one that is ours.
func (c *call) known(err error) *Problem {
	if invalid, ok := errors.AsType[*identity.Invalid](err); ok {
		return refuse(http.StatusUnprocessableEntity, "invalid", invalid.Error())
	}
	return nil
}

func refresh(c *call) (any, error) {
	t, err := c.Accounts.Refresh(c.ctx, c.shown())
	if err != nil {
		if errors.Is(err, identity.ErrSession) || errors.Is(err, identity.ErrStolen) {
			c.forget()
		}
		return nil, err
	}
	return c.signedIn(&t), nil
}

// SignedOut says that a session is over.
type SignedOut struct {
	Done bool `json:"signed_out"`
	// Logout is where the browser is to go to sign out at the identity provider too.
	Logout   string `json:"logout_url,omitempty"`
	Sessions int    `json:"sessions,omitempty"`
}

// signOut ends the session of the cookie, else of the access token.
func signOut(c *call) (any, error) {
	var n store.AccountSession
	var idToken string
	err := store.ErrNotFound
	if shown := c.shown(); shown != "" {
		n, idToken, err = c.Accounts.SignOut(c.ctx, shown)
	} else if who, bad := c.who(); bad == nil && who.SessionID != "" {
		n, idToken, err = c.Accounts.SignOutSession(c.ctx, who.SessionID)
	}
	c.forget()
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	out := SignedOut{Done: true}
	if p := c.provider(n.Via); p != nil {
		out.Logout = p.logout(c.ctx, idToken, c.page("/ui/login"))
	}
	return out, nil
}

func signOutAll(c *call) (any, error) {
	who, err := c.who()
	if err != nil {
		return nil, err
	}
	if who.Service {
		return nil, identity.ErrToken
	}
	n, err := c.Accounts.SignOutAll(c.ctx, who.ID, who.ID)
	c.forget()
	return SignedOut{Done: err == nil, Sessions: n}, err
}

// who is who shows an access token.
func (c *call) who() (identity.Who, error) { return c.Accounts.Check(c.ctx, bearer(c.r)) }

// page is the address of a page of the gateway as browsers see it.
func (c *call) page(path string) string { return c.public() + path }

func (c *call) public() string {
	if c.Public != "" {
		return c.Public
	}
	scheme := "http://"
	if c.encrypted() {
		scheme = "https://"
	}
	return scheme + c.r.Host
}
