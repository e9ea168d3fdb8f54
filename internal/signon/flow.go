package signon

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"turnpike/internal/identity"
	"turnpike/internal/store"
)

const (
	flowOIDC = "oidc"
	// flowFor is how long somebody may take at the identity provider.
	flowFor = 10 * time.Minute
	// home is where a browser goes that did not say where.
	home    = "/ui/"
	failing = "/ui/login"
)

// flow is what is remembered while somebody is at the identity provider. It is kept here
// and not in the browser, so that it is good once.
type flow struct {
	Provider, Nonce, Verifier, Redirect, Back string
	// Binding is of the browser that began it: another one cannot end it.
	Binding    [32]byte
	Invitation string `json:",omitempty"`
	Link       string `json:",omitempty"` // the account an identity is added to
	Seed       bool   `json:",omitempty"` // begun by the routes of other gateways
}

func nonce() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// begin remembers a flow and is where the browser goes.
func (c *call) begin(p *provider, f flow) (address, state string, err error) {
	if err := limited(c.starts, c.from, "too many sign-ins were begun from your address: wait a moment"); err != nil {
		return "", "", err
	}
	c.starts.Failed(c.from)
	i, err := p.issuers.find(c.ctx, p.Issuer)
	if err == nil && (i.found.Endpoint().AuthURL == "" || i.found.Endpoint().TokenURL == "") {
		err = errors.New("its discovery document names no endpoints to sign in at")
	}
	if err != nil {
		c.Log.Warn("an identity provider cannot be asked", "provider", p.Name, "error", err)
		return "", "", errProvider
	}
	binding := c.binding()
	if binding == "" {
		binding = nonce()
	}
	f.Provider, f.Nonce, f.Verifier, f.Binding = p.Name, nonce(), oauth2.GenerateVerifier(), sha256.Sum256([]byte(binding))
	state, err = c.Accounts.Remember(c.ctx, flowOIDC, f, flowFor)
	if err != nil {
		return "", "", err
	}
	c.cookie(c.bindingName(), binding, "/", flowFor, http.SameSiteLaxMode)
	return p.client(i, f.Redirect).AuthCodeURL(state, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), state, nil
}

// ours is where a provider sends people back to.
func (c *call) ours(p *provider) string {
	if len(p.Redirects) > 0 {
		return p.Redirects[0]
	}
	return c.public() + prefix + "/oidc/" + p.Name + "/callback"
}

func (c *call) named() (*provider, error) {
	if p := c.provider(c.r.PathValue("name")); p != nil {
		return p, nil
	}
	return nil, refuse(http.StatusNotFound, "not_found", errNoProvider.Error())
}

// back is a page of this gateway, whatever was asked for: nobody is sent elsewhere.
func back(text string) string {
	u, err := url.Parse(text)
	if err != nil || !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") || u.Host != "" || u.Scheme != "" || u.User != nil ||
		strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) || !strings.HasPrefix(u.Path, home) || strings.Contains(u.Path, "..") {
		return home
	}
	return text
}

// startHere sends a browser to the identity provider.
func startHere(c *call) (any, error) {
	p, err := c.named()
	if err != nil {
		return nil, err
	}
	address, _, err := c.begin(p, flow{Redirect: c.ours(p), Back: back(c.r.URL.Query().Get("return_to"))})
	return elsewhere(address), err
}

// Started is where a browser goes.
type Started struct {
	URL string `json:"url"`
}

// start is the same for pages, who bring an invitation, or link an identity to an account.
func start(c *call) (any, error) {
	p, err := c.named()
	if err != nil {
		return nil, err
	}
	var b struct {
		Back       string `json:"return_to"`
		Invitation string `json:"invitation"`
		Link       bool   `json:"link"`
	}
	if err := c.read(&b); err != nil {
		return nil, err
	}
	f := flow{Redirect: c.ours(p), Back: back(b.Back), Invitation: b.Invitation}
	if b.Link {
		who, err := c.who()
		if err != nil {
			return nil, err
		}
		if who.Service || b.Invitation != "" {
			return nil, refuse(http.StatusBadRequest, "link", "an identity is linked by a person who is signed in, without an invitation")
		}
		f.Link = who.ID
	}
	address, _, err := c.begin(p, f)
	return Started{address}, err
}

var errState = refuse(http.StatusForbidden, "state", "this sign-in was begun by another browser, took too long, or was ended already: begin again")

// recall takes out the flow that a browser comes back with.
func (c *call) recall(p *provider, state string, seed bool) (f flow, err error) {
	err = c.Accounts.Recall(c.ctx, flowOIDC, state, &f)
	if errors.Is(err, store.ErrNotFound) {
		return f, errState
	}
	if err != nil {
		return f, err
	}
	binding := sha256.Sum256([]byte(c.binding()))
	if subtle.ConstantTimeCompare(binding[:], f.Binding[:]) != 1 || c.binding() == "" || f.Provider != p.Name || f.Seed != seed {
		return f, errState
	}
	return f, nil
}

// arrive is the account of who comes back with a code.
func (c *call) arrive(p *provider, f *flow, code string) (a store.Account, idToken string, err error) {
	person, idToken, err := p.redeem(c.ctx, f, code)
	if err != nil {
		return a, "", err
	}
	a, err = c.Accounts.Arrive(c.ctx, &person, identity.Arrival{Link: f.Link, Invitation: f.Invitation})
	if errors.Is(err, identity.ErrNoAccess) && person.Partial {
		err = errOverage
	}
	return a, idToken, err
}

// callback is where the identity provider sends the browser back to. Whatever goes wrong,
// a person lands on a page that says so.
func callback(c *call) (any, error) {
	p, err := c.named()
	if err != nil {
		return nil, err
	}
	to, err := c.comeBack(p)
	if err == nil {
		return elsewhere(to), nil
	}
	problem := c.problem(err)
	c.Log.Warn("somebody could not sign in", "provider", p.Name, "code", problem.Code, "error", err)
	return elsewhere(failing + "?" + url.Values{"error": {problem.Code}}.Encode()), nil
}

func (c *call) comeBack(p *provider) (string, error) {
	q := c.r.URL.Query()
	f, err := c.recall(p, q.Get("state"), false)
	if err != nil {
		return "", err
	}
	if iss := q.Get("iss"); iss != "" && iss != p.Issuer { // RFC 9207: another provider's answer
		return "", errState
	}
	if said := q.Get("error"); said != "" {
		return "", refuse(http.StatusForbidden, "provider_refused", "the identity provider said: "+said)
	}
	if len(q["code"]) != 1 {
		return "", errState
	}
	a, idToken, err := c.arrive(p, &f, q.Get("code"))
	if err != nil {
		return "", err
	}
	if f.Link != "" { // who links is signed in already
		return f.Back, nil
	}
	t, err := c.Accounts.Open(c.ctx, &a, p.Name, idToken)
	if err != nil {
		return "", err
	}
	c.keep(&t)
	return f.Back, nil
}

// listed tells whether a redirect address is exactly one of those configured.
func (p *provider) listed(redirect string) bool { return slices.Contains(p.Redirects, redirect) }

// bearer is the access token that a request bears.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
