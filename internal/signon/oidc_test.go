package signon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"turnpike/internal/identity"
	"turnpike/internal/store"
)

const tenant = "11111111-2222-3333-4444-555555555555"

// withOP is a gateway before a provider that says what a test wants, as a preset.
func withOP(t testing.TB, preset string, more ...Provider) (*world, *op) {
	t.Helper()
	o := newOP(t)
	w := newWorld(t, func(w *world, opt *Options) {
		p := Provider{
			Name: "work", Label: "Work", Preset: preset, Issuer: o.server.URL, ClientID: "gw", ClientSecret: clientSecret, Scopes: []string{"profile", "email"}, Groups: []string{"groups"},
			Redirects: []string{w.server.URL + "/auth/oidc/work/callback", "https://other.example/auth/microsoft/callback"},
		}
		switch preset {
		case Entra:
			p.Tenant, p.Groups = tenant, []string{"roles", "groups"}
		case Cognito:
			p.Groups = []string{"cognito:groups"}
		}
		opt.Providers = append([]Provider{p}, more...)
	})
	w.grant("work", "staff", identity.Member, 1)
	return w, o
}

// grant says what a group gives.
func (w *world) grant(provider, group, role string, priority int64) {
	w.t.Helper()
	_, err := w.accounts.Store.PutGroupMapping(w.t.Context(), "", func(m *store.GroupMapping) error {
		*m = store.GroupMapping{ID: store.NewID("map"), Provider: provider, Group: group, Role: role, Scopes: "{}", Teams: "[]", Priority: priority, CreatedAt: w.clock()}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// begin begins a sign-in and is the question that the browser is sent with.
func (b *browser) begin(path string) url.Values {
	b.w.t.Helper()
	a := b.send("GET", path, "")
	at, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.code != 303 {
		b.w.t.Fatalf("%d %v %s", a.code, a.header, a.body)
	}
	return at.Query()
}

// says are the claims of somebody, in answer to a question; nil takes one out.
func (w *world) says(o *op, question url.Values, change map[string]any) map[string]any {
	out := map[string]any{
		"iss": o.server.URL, "aud": "gw", "sub": "s1", "nonce": question.Get("nonce"), "iat": w.clock().Unix(), "exp": w.clock().Add(5 * time.Minute).Unix(),
		"name": "Ann", "email": "ann@example.org", "email_verified": true, "groups": []string{"staff"},
	}
	for name, v := range change {
		if out[name] = v; v == nil {
			delete(out, name)
		}
	}
	return out
}

// comes is where a browser lands that comes back with a code.
func (b *browser) comes(question url.Values, code string) string {
	b.w.t.Helper()
	a := b.send("GET", "/auth/oidc/work/callback?"+url.Values{"code": {code}, "state": {question.Get("state")}}.Encode(), "")
	if a.code != 303 {
		b.w.t.Fatalf("%d %s", a.code, a.body)
	}
	return a.header.Get("Location")
}

// TestIdentityProvider goes the whole way: the question, the answer, the session, signing
// out there too.
func TestIdentityProvider(t *testing.T) {
	w, o := withOP(t, "")
	b := w.browser()
	if m := read[Methods](t, b.send("GET", "/auth/methods", "")); len(m.OIDC) != 1 || m.OIDC[0] != (Method{"work", "Work", "/auth/oidc/work/start"}) {
		t.Errorf("methods %+v", m)
	}
	q := b.begin("/auth/oidc/work/start?return_to=/ui/keys%3Fq%3Dx")
	if q.Get("response_type") != "code" || q.Get("client_id") != "gw" || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("state")) < 32 ||
		len(q.Get("nonce")) < 32 || q.Get("scope") != "openid profile email" || q.Get("redirect_uri") != w.server.URL+"/auth/oidc/work/callback" {
		t.Fatalf("asked %v", q)
	}
	if to := b.comes(q, o.code(q, o.sign(w.says(o, q, nil)))); to != "/ui/keys?q=x" {
		t.Fatalf("lands at %s", to)
	}
	in := read[SignedIn](t, b.send("POST", "/auth/refresh", ""))
	if in.Account == nil || in.Account.Role != identity.Member || in.Account.Name != "Ann" {
		t.Fatalf("%+v", in)
	}
	out := read[SignedOut](t, b.send("POST", "/auth/logout", ""))
	at, err := url.Parse(out.Logout)
	if err != nil || !strings.HasPrefix(out.Logout, o.server.URL+"/end?") || at.Query().Get("x") != "1" || at.Query().Get("client_id") != "gw" ||
		at.Query().Get("post_logout_redirect_uri") != w.server.URL+"/ui/login" || strings.Count(at.Query().Get("id_token_hint"), ".") != 2 {
		t.Errorf("signs out at %s", out.Logout)
	}
}

// TestAnswersOfProviders: what a provider says is believed only if it is signed with its
// key, for this gateway, now, in answer to this question, of somebody who may come.
func TestAnswersOfProviders(t *testing.T) {
	another, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const in, refused = "", "identity_refused"
	for _, c := range []struct {
		name, preset string
		change       map[string]any
		sign         func(o *op, says map[string]any) string
		want         string
	}{
		{name: "all as it should be", want: in},
		{name: "within the skew", change: map[string]any{"exp": time.Now().Add(-30 * time.Second).Unix()}, want: in},
		{name: "run out", change: map[string]any{"exp": time.Now().Add(-2 * time.Minute).Unix()}, want: refused},
		{name: "issued in the future", change: map[string]any{"iat": time.Now().Add(5 * time.Minute).Unix()}, want: refused},
		{name: "a clock a little ahead", change: map[string]any{"iat": time.Now().Add(30 * time.Second).Unix()}, want: in},
		{name: "not yet", change: map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}, want: refused},
		{name: "another nonce", change: map[string]any{"nonce": "of another question"}, want: refused},
		{name: "no nonce", change: map[string]any{"nonce": nil}, want: refused},
		{name: "another audience", change: map[string]any{"aud": "other"}, want: refused},
		{name: "made out to another", change: map[string]any{"aud": []string{"gw", "other"}, "azp": "other"}, want: refused},
		{name: "another issuer", change: map[string]any{"iss": "https://other.example"}, want: refused},
		{name: "nobody", change: map[string]any{"sub": nil}, want: refused},
		{name: "another key", sign: func(o *op, s map[string]any) string { return signWith(t, jose.ES256, another, o.kid, s) }, want: refused},
		{name: "an unknown key", sign: func(_ *op, s map[string]any) string { return signWith(t, jose.ES256, another, "unknown", s) }, want: refused},
		{name: "HMAC with the client's secret", sign: func(o *op, s map[string]any) string {
			return signWith(t, jose.HS256, []byte(strings.Repeat(clientSecret, 2)), o.kid, s)
		}, want: refused},
		{name: "no algorithm", sign: func(_ *op, s map[string]any) string { return unsigned(t, s) }, want: refused},
		{name: "no token", sign: func(*op, map[string]any) string { return "" }, want: refused},
		{name: "a key that has turned", sign: func(o *op, s map[string]any) string { o.turn("second"); return o.sign(s) }, want: in},
		{name: "an address that is not verified", change: map[string]any{"email_verified": false}, want: "unverified_email"},
		{name: "an address that nobody speaks of", change: map[string]any{"email_verified": nil}, want: "unverified_email"},
		{name: "verified, as a text", change: map[string]any{"email_verified": "true"}, want: in},
		{name: "no address", change: map[string]any{"email": nil, "email_verified": nil}, want: in},
		{name: "no group", change: map[string]any{"groups": nil}, want: "no_access"},
		{name: "a group as a text", change: map[string]any{"groups": "staff"}, want: in},
		{name: "groups that are none", change: map[string]any{"groups": map[string]any{"staff": true}}, want: "no_access"},
		{name: "Entra", preset: Entra, change: map[string]any{"tid": tenant, "email_verified": nil}, want: in},
		{name: "Entra, by an app role", preset: Entra, change: map[string]any{"tid": tenant, "groups": nil, "roles": []string{"staff"}}, want: in},
		{name: "Entra, another tenant", preset: Entra, change: map[string]any{"tid": "99999999-2222-3333-4444-555555555555"}, want: "foreign_tenant"},
		{name: "Entra, no tenant", preset: Entra, want: "foreign_tenant"},
		{name: "Entra, too many groups", preset: Entra, change: map[string]any{"tid": tenant, "groups": nil, "_claim_names": map[string]any{"groups": "src1"}, "_claim_sources": map[string]any{"src1": map[string]any{"endpoint": "https://graph.example/me"}}}, want: "group_overage"},
		{name: "Entra, too many groups, said otherwise", preset: Entra, change: map[string]any{"tid": tenant, "groups": nil, "hasgroups": true}, want: "group_overage"},
		{name: "Entra, too many groups, but an app role", preset: Entra, change: map[string]any{"tid": tenant, "groups": nil, "hasgroups": true, "roles": []string{"staff"}}, want: in},
		{name: "Cognito", preset: Cognito, change: map[string]any{"token_use": "id", "groups": nil, "cognito:groups": []string{"staff"}}, want: in},
		{name: "Cognito, an access token", preset: Cognito, change: map[string]any{"token_use": "access", "cognito:groups": []string{"staff"}}, want: refused},
		{name: "Cognito, groups of another claim", preset: Cognito, change: map[string]any{"token_use": "id"}, want: "no_access"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, o := withOP(t, c.preset)
			b := w.browser()
			q := b.begin("/auth/oidc/work/start")
			says := w.says(o, q, c.change)
			sign := o.sign
			if c.sign != nil {
				sign = func(s map[string]any) string { return c.sign(o, s) }
			}
			to, want := b.comes(q, o.code(q, sign(says))), "/ui/"
			if c.want != in {
				want = "/ui/login?error=" + c.want
			}
			if to != want || (b.cookie(refreshCookie, "/auth/refresh") != "") != (c.want == in) {
				t.Errorf("lands at %s, want %s\n%s", to, want, w.log.String())
			}
		})
	}
}

func unsigned(t *testing.T, says map[string]any) string {
	t.Helper()
	text, err := json.Marshal(says)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(text) + "."
}

// TestStates: a sign-in is ended once, soon, by the browser that began it, at the provider
// it was begun at.
func TestStates(t *testing.T) {
	const lost = "/ui/login?error=state"
	w, o := withOP(t, "")
	b := w.browser()
	q := b.begin("/auth/oidc/work/start")
	token := o.sign(w.says(o, q, nil))
	if to := w.browser().comes(q, o.code(q, token)); to != lost {
		t.Errorf("another browser lands at %s", to)
	}
	if to := b.comes(q, o.code(q, token)); to != lost {
		t.Errorf("a state that another browser has shown: %s", to)
	}
	q = b.begin("/auth/oidc/work/start")
	code := o.code(q, o.sign(w.says(o, q, nil)))
	if to := b.comes(q, code); to != "/ui/" {
		t.Fatalf("lands at %s", to)
	}
	if to := b.comes(q, o.code(q, o.sign(w.says(o, q, nil)))); to != lost {
		t.Errorf("a second time: %s", to)
	}
	q = b.begin("/auth/oidc/work/start")
	if to := b.comes(q, code); to != "/ui/login?error=provider" {
		t.Errorf("a code that was used: %s", to)
	}
	q = b.begin("/auth/oidc/work/start")
	w.later(flowFor)
	if to := b.comes(q, o.code(q, o.sign(w.says(o, q, nil)))); to != lost {
		t.Errorf("too late: %s", to)
	}
	// The code of one question does not fit another: its verifier is another one.
	one, two := b.begin("/auth/oidc/work/start"), b.begin("/auth/oidc/work/start")
	if to := b.comes(two, o.code(one, o.sign(w.says(o, one, nil)))); to != "/ui/login?error=provider" {
		t.Errorf("a code of another question: %s", to)
	}
	for _, query := range []string{"", "state=x&code=y", "code=y", "state=" + url.QueryEscape(one.Get("state")) + "&error=access_denied"} {
		if a := b.send("GET", "/auth/oidc/work/callback?"+query, ""); a.code != 303 || !strings.HasPrefix(a.header.Get("Location"), "/ui/login?error=") {
			t.Errorf("%s: %d %v", query, a.code, a.header)
		}
	}
	q = b.begin("/auth/oidc/work/start")
	a := b.send("GET", "/auth/oidc/work/callback?iss=https://other.example&code="+o.code(q, o.sign(w.says(o, q, nil)))+"&state="+q.Get("state"), "")
	if a.header.Get("Location") != lost {
		t.Errorf("another provider's answer: %v", a.header)
	}
	b.refused(404, "not_found", "GET", "/auth/oidc/other/callback?state=x", "")
}

// TestOpenRedirect: nobody is sent elsewhere.
func TestOpenRedirect(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "/ui/",
		"/ui/keys":                 "/ui/keys",
		"/ui/#a":                   "/ui/#a",
		"https://evil.example/ui/": "/ui/", "//evil.example/ui/": "/ui/", "/\\evil.example": "/ui/", "/ui/\\..\\x": "/ui/", "\\\\evil.example": "/ui/", "/ui/../x": "/ui/",
		"/ui/%2e%2e/x": "/ui/", "javascript:alert(1)": "/ui/", "/ui/\r\nSet-Cookie: a=b": "/ui/", "/other": "/ui/", "ui/": "/ui/", "/%2f/evil.example": "/ui/", "http:/ui/": "/ui/", "/ui/ x": "/ui/",
	} {
		if got := back(text); got != want {
			t.Errorf("%q leads to %q", text, got)
		}
	}
	w, o := withOP(t, "")
	b := w.browser()
	q := b.begin("/auth/oidc/work/start?return_to=https://evil.example/")
	if to := b.comes(q, o.code(q, o.sign(w.says(o, q, nil)))); to != "/ui/" {
		t.Errorf("lands at %s", to)
	}
}

func FuzzBack(f *testing.F) {
	for _, seed := range []string{"/ui/", "//x", "/ui/?a=b#c", "/\\x", "/ui/%5c%5cx"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://gw.example.org/auth/oidc/x/callback")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		to, err := base.Parse(back(text))
		if err != nil || to.Host != "gw.example.org" || to.Scheme != "https" || !strings.HasPrefix(to.Path, "/ui/") {
			t.Fatalf("%q leads to %v, %v", text, to, err)
		}
	})
}

// start begins a sign-in as a page does.
func (b *browser) start(body string, header ...string) url.Values {
	b.w.t.Helper()
	a := b.send("POST", "/auth/oidc/work/start", body, header...)
	at, err := url.Parse(read[Started](b.w.t, a).URL)
	if err != nil || a.code != 200 {
		b.w.t.Fatalf("%d %s", a.code, a.body)
	}
	return at.Query()
}

// TestLinking: an identity is linked by who is signed in and asks for it, and by no address.
func TestLinking(t *testing.T) {
	w, o := withOP(t, "")
	owner := w.account("ann@example.org", identity.Owner)
	b := w.browser()
	says := map[string]any{"groups": nil}
	q := b.start(`{}`)
	if to := b.comes(q, o.code(q, o.sign(w.says(o, q, says)))); to != "/ui/login?error=no_access" {
		t.Fatalf("with the address of an owner: %s", to)
	}
	b.refused(401, "invalid_token", "POST", "/auth/oidc/work/start", `{"link":true}`)
	bearer := []string{"Authorization", "Bearer " + b.login("ann@example.org").Access}
	b.refused(400, "link", "POST", "/auth/oidc/work/start", `{"link":true,"invitation":"tpi_x"}`, bearer...)
	q = b.start(`{"link":true,"return_to":"/ui/me"}`, bearer...)
	if to := b.comes(q, o.code(q, o.sign(w.says(o, q, says)))); to != "/ui/me" {
		t.Fatalf("lands at %s", to)
	}
	other := w.browser()
	q = other.start(`{}`)
	if to := other.comes(q, o.code(q, o.sign(w.says(o, q, says)))); to != "/ui/" {
		t.Fatalf("lands at %s", to)
	}
	if in := read[SignedIn](t, other.send("POST", "/auth/refresh", "")); in.Account.ID != owner.ID {
		t.Errorf("%+v", in.Account)
	}
	secret, _, err := w.accounts.Invite(t.Context(), "x", &identity.Draft{Role: identity.Owner})
	if err != nil {
		t.Fatal(err)
	}
	q = other.start(`{"invitation":"` + secret + `"}`)
	if to := other.comes(q, o.code(q, o.sign(w.says(o, q, map[string]any{"sub": "s2", "groups": nil})))); to != "/ui/" {
		t.Fatalf("invited, lands at %s", to)
	}
	if in := read[SignedIn](t, other.send("POST", "/auth/refresh", "")); in.Account.ID == owner.ID || in.Account.Role != identity.Owner {
		t.Errorf("%+v", in.Account)
	}
}

// TestOtherConsolesProvider: a console of another gateway signs people in with its routes,
// and only from addresses on the list.
func TestOtherConsolesProvider(t *testing.T) {
	w, o := withOP(t, Entra)
	b := w.browser()
	page := w.server.URL + "/auth/oidc/work/callback"
	for _, redirect := range []string{"", "https://evil.example/", page + "/", page + "?x", "https://other.example/auth/microsoft/callback/.."} {
		b.refused(400, "redirect_uri", "GET", "/admin/auth/microsoft/login?redirect_uri="+url.QueryEscape(redirect), "")
	}
	b.refused(501, "not_configured", "GET", "/admin/auth/cognito/login", "")
	begin := func() url.Values {
		t.Helper()
		said := read[map[string]string](t, b.send("GET", "/admin/auth/microsoft/login?redirect_uri="+url.QueryEscape(page), ""))
		at, err := url.Parse(said["authorization_url"])
		if err != nil || at.Query().Get("state") != said["state"] {
			t.Fatalf("%v, %v", said, err)
		}
		return at.Query()
	}
	end := func(q url.Values, code string) string {
		return "/admin/auth/microsoft/callback?" + url.Values{"code": {code}, "state": {q.Get("state")}, "redirect_uri": {page}}.Encode()
	}
	q := begin()
	token := o.sign(w.says(o, q, map[string]any{"tid": tenant}))
	w.browser().refused(403, "state", "POST", end(q, o.code(q, token)), "")
	q = begin()
	b.refused(400, "exchange", "POST", end(q, "none"), "")
	q = begin()
	in := read[map[string]any](t, b.send("POST", end(q, o.code(q, o.sign(w.says(o, q, map[string]any{"tid": tenant})))), ""))
	if in["token_type"] != "bearer" || b.cookie(refreshCookie, "/admin/auth/refresh") == "" {
		t.Errorf("%v", in)
	}
	q = begin() // its state is no good at the gateway's own callback
	if to := b.comes(q, o.code(q, token)); to != "/ui/login?error=state" {
		t.Errorf("lands at %s", to)
	}
}

// TestProviderAway: who cannot be asked is said to be away, and is asked again.
func TestProviderAway(t *testing.T) {
	w, o := withOP(t, "")
	o.meta["issuer"] = "https://other.example"
	b := w.browser()
	b.refused(502, "provider", "GET", "/auth/oidc/work/start", "")
	delete(o.meta, "issuer")
	b.begin("/auth/oidc/work/start")
	for range startTries {
		b.send("GET", "/auth/oidc/work/start", "")
	}
	b.refused(429, "rate_limited", "GET", "/auth/oidc/work/start", "")
}

// TestCognitoSignsOut in its own words.
func TestCognitoSignsOut(t *testing.T) {
	w, o := withOP(t, Cognito)
	b := w.browser()
	q := b.begin("/auth/oidc/work/start")
	b.comes(q, o.code(q, o.sign(w.says(o, q, map[string]any{"token_use": "id", "cognito:groups": []string{"staff"}}))))
	at, err := url.Parse(read[SignedOut](t, b.send("POST", "/auth/logout", "")).Logout)
	if err != nil || at.Query().Get("logout_uri") != w.server.URL+"/ui/login" || at.Query().Get("client_id") != "gw" || at.Query().Has("id_token_hint") {
		t.Errorf("%v, %v", at, err)
	}
}
