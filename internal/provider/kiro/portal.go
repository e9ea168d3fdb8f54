package kiro

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// portal is a login by the service's sign-in page, which sends the browser to an
// address on its own machine. Nobody listens there: the person pastes the address.
type portal struct {
	State    string `json:"state"`
	Verifier string `json:"verifier"`
	Redirect string `json:"redirect"` // without the path
	Method   string `json:"method,omitempty"`
	// Outer is set once the page has sent the person on to a company's own identity
	// provider.
	Outer *outer `json:"outer,omitempty"`
}

// port is the one of the address at which the browser ends.
func (p *portal) port() int {
	u, err := url.Parse(p.Redirect)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(u.Port()) // an address without a port has none to show
	return n
}

// outer is the second half of a login at a company's own identity provider.
type outer struct {
	TokenURL string `json:"token_url"`
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
	Redirect string `json:"redirect"`
	State    string `json:"state"`
	Verifier string `json:"verifier"`
}

func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

const callbackPath = "/oauth/callback"

// startPortal makes the login and the address to open. method is google, github, or
// empty for the page's own choice. The page takes a few ports only; 0 is the usual one.
func (i *issuer) startPortal(method string, port int) (*portal, string, error) {
	if method != "" && method != "google" && method != "github" {
		return nil, "", fmt.Errorf("%q is no way to sign in at Kiro: google or github", method)
	}
	redirect, err := i.set.Social.redirect(port)
	if err != nil {
		return nil, "", err
	}
	p := &portal{State: random(), Verifier: random(), Redirect: redirect, Method: method}
	q := url.Values{
		"state": {p.State}, "code_challenge": {challenge(p.Verifier)}, "code_challenge_method": {"S256"},
		"redirect_uri": {p.Redirect}, "redirect_from": {i.set.Social.From},
	}
	if method != "" {
		q.Set("signin_methods", method)
	}
	return p, i.set.Social.SigninURL + "?" + q.Encode(), nil
}

// step is what comes after an address was pasted.
type step struct {
	cred Credential // the login is complete
	open string     // or this address is to be opened next
	// device says that the page wants the device flow, with this start URL and region.
	device        bool
	start, region string
}

// errState is a callback that does not belong to the login.
var errState = errors.New("the address does not belong to this login (its state is another one): begin again, and paste the newest address")

// maxPasted bounds an address.
const maxPasted = 16 << 10

// finish takes the address the browser ended at. Its state is checked before anything
// else in it is looked at, whichever way it goes on.
func (i *issuer) finishPortal(ctx context.Context, p *portal, pasted string) (step, error) {
	pasted = strings.TrimSpace(pasted)
	u, err := url.Parse(pasted)
	if err != nil || len(pasted) > maxPasted || u.RawQuery == "" {
		return step{}, errors.New("paste the whole address the browser shows at the end, with everything behind the question mark")
	}
	q := u.Query()
	want := p.State
	if p.Outer != nil {
		want = p.Outer.State
	}
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(want)) != 1 {
		return step{}, errState
	}
	if q.Get("error") != "" {
		return step{}, errors.New("the login was refused in the browser")
	}
	if p.Outer != nil {
		return i.finishOuter(ctx, p.Outer, q.Get("code"))
	}
	option := q.Get("login_option")
	if option == "" { // somebody has copied code and state alone
		option = p.Method
	}
	switch option {
	case "google", "github":
		return i.finishSocial(ctx, p, option, q.Get("code"))
	case "builderid":
		return step{device: true}, nil
	case "awsidc":
		region := q.Get("idc_region")
		if _, err := i.set.authURL(region); err != nil {
			return step{}, err
		}
		start, err := i.set.startURL(q.Get("issuer_url"))
		return step{device: true, start: start, region: region}, err
	case "external_idp":
		open, err := i.startOuter(ctx, p, q)
		return step{open: open}, err
	default:
		return step{}, errors.New("the address tells of no way to sign in that is known here")
	}
}

func (i *issuer) finishSocial(ctx context.Context, p *portal, option, code string) (step, error) {
	if code == "" {
		return step{}, errors.New("the address holds no code")
	}
	redirect := p.Redirect + callbackPath + "?login_option=" + option
	var a answer
	text, err := json.Marshal(map[string]string{"code": code, "code_verifier": p.Verifier, "redirect_uri": redirect})
	if err != nil {
		return step{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, i.set.Social.TokenURL, strings.NewReader(string(text)))
	if err != nil {
		return step{}, err
	}
	c := Credential{Kind: Social, Region: i.set.Region}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", strings.ReplaceAll(i.set.Social.UserAgent, "{machine}", machine(&c)))
	if err := i.do(r, &a); err != nil {
		return step{}, err
	}
	c, err = a.into(c, i.now())
	return step{cred: c}, err
}

// startOuter sends the person on to the identity provider that the page names, if it
// is one that may be spoken to.
func (i *issuer) startOuter(ctx context.Context, p *portal, q url.Values) (string, error) {
	at := strings.TrimRight(q.Get("issuer_url"), "/")
	if !i.set.allowedIssuer(at) {
		return "", errors.New("this identity provider is not allowed: add its address to external.issuers in the provider's settings")
	}
	var known struct {
		Authorize string `json:"authorization_endpoint"`
		Token     string `json:"token_endpoint"`
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at+"/.well-known/openid-configuration", http.NoBody)
	if err != nil {
		return "", err
	}
	if err := i.do(r, &known); err != nil {
		return "", err
	}
	if !i.set.allowedIssuer(known.Authorize) || !i.set.allowedIssuer(known.Token) {
		return "", errors.New("the identity provider names addresses of another one")
	}
	o := &outer{
		TokenURL: known.Token, ClientID: q.Get("client_id"), Scope: q.Get("scopes"), Redirect: i.set.External.Redirect,
		State: random(), Verifier: random(),
	}
	if o.ClientID == "" {
		return "", errors.New("the address names no client")
	}
	p.Outer = o
	ask := url.Values{
		"response_type": {"code"}, "client_id": {o.ClientID}, "redirect_uri": {o.Redirect}, "scope": {o.Scope}, "state": {o.State},
		"code_challenge": {challenge(o.Verifier)}, "code_challenge_method": {"S256"},
	}
	if hint := q.Get("login_hint"); hint != "" {
		ask.Set("login_hint", hint)
	}
	return known.Authorize + "?" + ask.Encode(), nil
}

func (i *issuer) finishOuter(ctx context.Context, o *outer, code string) (step, error) {
	if code == "" {
		return step{}, errors.New("the address holds no code")
	}
	var a answer
	err := i.post(ctx, o.TokenURL, url.Values{
		"grant_type": {"authorization_code"}, "client_id": {o.ClientID}, "code": {code}, "code_verifier": {o.Verifier}, "redirect_uri": {o.Redirect},
	}, &a)
	if err != nil {
		return step{}, err
	}
	c, err := a.into(Credential{Kind: ExternalIdP, ClientID: o.ClientID, TokenURL: o.TokenURL}, i.now())
	c.Scope = refreshScope(c.Access, o.Scope)
	return step{cred: c}, err
}

// refreshScope is the scope of a refresh: what the token says it is good for, each
// behind its audience, and offline_access. The token is read, not trusted: its issuer
// looks at it again.
func refreshScope(token, asked string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return asked
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Aud string `json:"aud"`
		Scp string `json:"scp"`
	}
	if err != nil || json.Unmarshal(raw, &claims) != nil || claims.Aud == "" || claims.Scp == "" {
		return asked
	}
	var b strings.Builder
	for s := range strings.FieldsSeq(claims.Scp) {
		b.WriteString(claims.Aud + "/" + s + " ")
	}
	return b.String() + "offline_access"
}
