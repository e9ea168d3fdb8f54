package signon

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"turnpike/internal/egress"
	"turnpike/internal/identity"
	"turnpike/internal/redact"
)

// The presets of identity providers.
const (
	Cognito = "cognito"
	Entra   = "entra"
)

// Provider is an identity provider as it is configured.
type Provider struct {
	// Name is its name in routes and mappings, Label what people read.
	Name, Label string
	// Preset is cognito, entra or empty.
	Preset string
	// Issuer is where its discovery document is.
	Issuer string
	// ClientID and ClientSecret are the gateway's there; no secret: a public client.
	ClientID, ClientSecret string
	// Scopes are asked for beside openid.
	Scopes []string
	// Groups are the claims that name groups.
	Groups []string
	// Tenant is the only one of Entra ID whose people may come.
	Tenant string
	// Redirects is the exact list of addresses that codes may be sent to; the first is the
	// gateway's own.
	Redirects []string
	// Unverified lets people come whose address the provider has not verified. Nobody is
	// found by an address either way.
	Unverified bool
	// Logout is where browsers sign out, where the discovery document does not say it.
	Logout string
}

const (
	// skew is how far a provider's clock may be apart from ours.
	skew = time.Minute
	// rediscover is how long a discovery document and keys are believed: a key that was
	// taken out of use is not taken for longer.
	rediscover = time.Hour
	// slowest bounds a request to a provider, maxAnswer its answer.
	slowest   = 10 * time.Second
	maxAnswer = 1 << 20
	// maxIssuers bounds those that are remembered.
	maxIssuers = 100
)

// issuers remembers discovery documents and keys.
type issuers struct {
	now func() time.Time
	// declared are the issuers of the configuration: the operator's own word, which may lead
	// to private networks. Those of services come by the API, and may if private says so.
	declared []string
	private  func() bool
	// near calls private networks too, far does not.
	near, far *http.Client
	mu        sync.Mutex
	known     map[place]*issuer
}

// place is an issuer as it may be asked: what one client has found, another asks for itself.
type place struct {
	address string
	client  *http.Client
}

type issuer struct {
	mu     sync.Mutex
	found  *oidc.Provider
	at     time.Time
	Logout string `json:"end_session_endpoint"`
	// Auth are the ways clients may prove who they are.
	Auth []string `json:"token_endpoint_auth_methods_supported"`
}

func newIssuers(o *Options) *issuers {
	s := &issuers{now: o.Now, private: o.Private, known: map[place]*issuer{}}
	for i := range o.Providers {
		s.declared = append(s.declared, o.Providers[i].Issuer)
	}
	client := func(g *egress.Guard) *http.Client {
		return &http.Client{
			Timeout: slowest, Transport: bounded{g.Transport()},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // secrets and codes go nowhere else
		}
	}
	s.near = client(&egress.Guard{Private: true, Timeout: slowest})
	s.far = client(&egress.Guard{Timeout: slowest, Hint: "live.allow_private allows private ones"})
	return s
}

// client is what an issuer, and wherever it says its keys are, is asked by.
func (s *issuers) client(address string) *http.Client {
	if slices.Contains(s.declared, address) || s.private != nil && s.private() {
		return s.near
	}
	return s.far
}

// bounded bounds answers.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxAnswer), res.Body}
	}
	return res, err
}

// find is what an issuer says of itself, asked anew when that is old.
func (s *issuers) find(ctx context.Context, address string) (*issuer, error) {
	at := place{address, s.client(address)}
	s.mu.Lock()
	i := s.known[at]
	if i == nil {
		if len(s.known) >= maxIssuers {
			clear(s.known)
		}
		i = &issuer{}
		s.known[at] = i
	}
	s.mu.Unlock()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.found != nil && s.now().Sub(i.at) < rediscover {
		return i, nil
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, at.client), address)
	if err == nil {
		err = found.Claims(i)
	}
	if err != nil {
		if i.found != nil { // what it said last is better than nobody signing in
			return i, nil
		}
		return nil, fmt.Errorf("ask %s what it is: %w", address, err)
	}
	i.found, i.at = found, s.now()
	return i, nil
}

// provider is an identity provider as it runs.
type provider struct {
	Provider
	issuers *issuers
	now     func() time.Time
}

func (d *Door) provider(name string) *provider {
	if i := slices.IndexFunc(d.providers, func(p *provider) bool { return p.Name == name }); i >= 0 {
		return d.providers[i]
	}
	return nil
}

// client is the gateway as the provider knows it.
func (p *provider) client(i *issuer, redirect string) *oauth2.Config {
	end := i.found.Endpoint()
	switch basic := len(i.Auth) == 0 || slices.Contains(i.Auth, "client_secret_basic"); {
	case p.ClientSecret != "" && basic: // the default of OpenID Connect Discovery
		end.AuthStyle = oauth2.AuthStyleInHeader
	default:
		end.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: end, RedirectURL: redirect, Scopes: append([]string{oidc.ScopeOpenID}, p.Scopes...)}
}

// Errors of identity providers, in words for people.
var (
	errProvider = refuse(http.StatusBadGateway, "provider", "the identity provider did not answer as it should; the gateway's log tells why")
	errClaims   = refuse(http.StatusForbidden, "identity_refused", "what the identity provider says of you is not what was asked for; the gateway's log tells why")
	errTenant   = refuse(http.StatusForbidden, "foreign_tenant", "your account is of another organisation (tenant)")
	errEmail    = refuse(http.StatusForbidden, "unverified_email", "your address is not verified at the identity provider: verify it there")
	errOverage  = refuse(http.StatusForbidden, "group_overage",
		"you are in more groups than Entra ID tells: let it tell those assigned to the application only, or use app roles")
)

// refusal is why a code was not changed, for the log: the words that RFC 6749 (section 5.2)
// has for it, without what was sent. The rest of an answer may repeat all of that.
func refusal(err error, sent ...string) error {
	e, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return err
	}
	words := strings.TrimSpace(e.ErrorCode + " " + e.ErrorDescription)
	for _, s := range sent {
		if s != "" {
			words = strings.NewReplacer(s, redact.Mask, url.QueryEscape(s), redact.Mask).Replace(words)
		}
	}
	return fmt.Errorf("the token endpoint answered %s: %s", e.Response.Status, words)
}

// redeem changes a code for what the provider says of somebody.
func (p *provider) redeem(ctx context.Context, f *flow, code string) (person identity.Person, idToken string, err error) {
	i, err := p.issuers.find(ctx, p.Issuer)
	if err != nil {
		return person, "", fmt.Errorf("%w: %w", errProvider, err)
	}
	ctx = oidc.ClientContext(ctx, p.issuers.client(p.Issuer))
	token, err := p.client(i, f.Redirect).Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return person, "", fmt.Errorf("%w: %w", errProvider, refusal(err, code, f.Verifier, p.ClientSecret))
	}
	idToken, _ = token.Extra("id_token").(string)
	id, err := p.verify(ctx, i, idToken, f.Nonce)
	if err != nil {
		return person, "", err
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return person, "", fmt.Errorf("%w: %w", errClaims, err)
		}
	}
	var says map[string]any
	if err := id.Claims(&says); err != nil {
		return person, "", fmt.Errorf("%w: %w", errClaims, err)
	}
	person, err = p.person(id, says)
	return person, idToken, err
}

// verify reads an ID token: its signature by the issuer's keys, for this client, now, and
// in answer to this very question.
func (p *provider) verify(ctx context.Context, i *issuer, text, nonce string) (*oidc.IDToken, error) {
	// A token that has run out within the skew is taken: the verifier's clock is late.
	late := func() time.Time { return p.now().Add(-skew) }
	id, err := i.found.Verifier(&oidc.Config{ClientID: p.ClientID, Now: late}).Verify(ctx, text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errClaims, err)
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1:
		return nil, fmt.Errorf("%w: the nonce is another one", errClaims)
	case id.IssuedAt.After(p.now().Add(skew)):
		return nil, fmt.Errorf("%w: it was issued in the future: is a clock wrong?", errClaims)
	case id.Subject == "":
		return nil, fmt.Errorf("%w: it names nobody", errClaims)
	}
	return id, nil
}

// person is somebody as the claims tell.
func (p *provider) person(id *oidc.IDToken, says map[string]any) (identity.Person, error) {
	out := identity.Person{Provider: p.Name, Issuer: id.Issuer, Subject: id.Subject, Name: word(says, "name", "preferred_username", "cognito:username"), Email: word(says, "email")}
	if azp := word(says, "azp"); azp != "" && azp != p.ClientID {
		return out, fmt.Errorf("%w: it was made out to %q", errClaims, azp)
	}
	if use := word(says, "token_use"); p.Preset == Cognito && use != "id" {
		return out, fmt.Errorf("%w: it is a token for %q", errClaims, use)
	}
	if p.Preset == Entra && (p.Tenant == "" || !strings.EqualFold(word(says, "tid"), p.Tenant)) {
		return out, errTenant
	}
	// Entra ID says nothing of addresses that could be believed, and nothing is done with them.
	if out.Email != "" && p.Preset != Entra && !p.Unverified && !truth(says["email_verified"]) {
		return out, errEmail
	}
	for _, claim := range p.Groups {
		out.Groups = append(out.Groups, list(says[claim])...)
	}
	if p.Preset == Entra && len(list(says["groups"])) == 0 && overage(says) {
		out.Partial = true
	}
	return out, nil
}

// overage tells whether Entra ID has left the groups out, since there are too many of them
// (learn.microsoft.com, "Configure group claims": groups overage).
func overage(says map[string]any) bool {
	elsewhere, _ := says["_claim_names"].(map[string]any)
	_, groups := elsewhere["groups"]
	return groups || truth(says["hasgroups"])
}

// word is the first of these claims that is a text.
func word(says map[string]any, names ...string) string {
	for _, name := range names {
		if text, ok := says[name].(string); ok && text != "" {
			return text
		}
	}
	return ""
}

// truth reads a claim that is true; some providers say it as a text.
func truth(v any) bool { return v == true || v == "true" }

// maxGroups bounds the groups of a person.
const maxGroups = 1000

// list reads a claim that is a list of texts, or one.
func list(v any) (out []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v[:min(len(v), maxGroups)] {
			if text, ok := e.(string); ok {
				out = append(out, text)
			}
		}
	}
	return out
}

// logout is where a browser signs out at the provider, empty where there is no such place.
func (p *provider) logout(ctx context.Context, idToken, back string) string {
	at := p.Logout
	if i, err := p.issuers.find(ctx, p.Issuer); at == "" && err == nil {
		at = i.Logout
	}
	u, err := url.Parse(at)
	if err != nil || at == "" {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.ClientID)
	if p.Preset == Cognito { // its own words for it, see "Logout endpoint" in its developer guide
		q.Set("logout_uri", back)
	} else {
		// OpenID Connect RP-Initiated Logout 1.0
		q.Set("post_logout_redirect_uri", back)
		if idToken != "" {
			q.Set("id_token_hint", idToken)
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

var errNoProvider = errors.New("there is no such identity provider")
