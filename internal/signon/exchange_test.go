package signon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"turnpike/internal/identity"
	"turnpike/internal/store"
)

// TestExchange: a job's token of its own platform becomes a short-lived one of the gateway,
// if it is good and says what the service must say.
func TestExchange(t *testing.T) {
	w, o := withOP(t, "")
	v, err := w.accounts.Store.PutService(t.Context(), "", func(v *store.Service) error {
		*v = store.Service{
			ID: store.NewID(identity.NewService), Name: "deploy", Issuer: o.server.URL, Audience: "https://gw.example.org", Role: identity.Auditor, Scopes: "{}",
			Claims: `{"repository":"acme/app","ref":"refs/heads/main"}`, CreatedAt: w.clock(),
		}
		return identity.CheckService(v)
	})
	if err != nil {
		t.Fatal(err)
	}
	says := func(change map[string]any) map[string]any {
		out := map[string]any{ // as GitHub's tokens have it
			"iss": o.server.URL, "aud": "https://gw.example.org", "sub": "repo:acme/app:ref:refs/heads/main", "repository": "acme/app", "ref": "refs/heads/main",
			"iat": w.clock().Unix(), "exp": w.clock().Add(5 * time.Minute).Unix(),
		}
		for name, value := range change {
			if out[name] = value; value == nil {
				delete(out, name)
			}
		}
		return out
	}
	b := w.browser()
	ask := func(token string, change ...string) answer {
		form := url.Values{"grant_type": {grantExchange}, "subject_token_type": {typeJWT}, "subject_token": {token}}
		for i := 0; i+1 < len(change); i += 2 {
			form.Set(change[i], change[i+1])
		}
		w.later(30 * time.Second) // tries are forgotten
		return b.send("POST", "/auth/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", "", "Sec-Fetch-Site", "", "X-Requested-With", "")
	}
	a := ask(o.sign(says(nil)))
	got := read[exchanged](t, a)
	if a.code != 200 || got.Type != "Bearer" || got.Issued != typeAccess || got.Seconds != 900 || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Set-Cookie") != "" {
		t.Fatalf("%d %s", a.code, a.body)
	}
	if who, err := w.accounts.Check(t.Context(), got.Access); err != nil || !who.Service || who.ID != v.ID || who.Role != identity.Auditor || who.UserID != "" {
		t.Errorf("%+v, %v", who, err)
	}
	b.refused(401, "invalid_token", "POST", "/auth/logout-all", "", "Authorization", "Bearer "+got.Access)
	another, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger := newOP(t)
	for name, c := range map[string]struct {
		token, code string
		change      []string
	}{
		"another audience":       {token: o.sign(says(map[string]any{"aud": "https://other.example"})), code: "invalid_grant"},
		"no audience":            {token: o.sign(says(map[string]any{"aud": nil})), code: "invalid_grant"},
		"another repository":     {token: o.sign(says(map[string]any{"repository": "evil/app"})), code: "invalid_grant"},
		"another branch":         {token: o.sign(says(map[string]any{"ref": "refs/heads/mainly"})), code: "invalid_grant"},
		"a pull request":         {token: o.sign(says(map[string]any{"ref": nil})), code: "invalid_grant"},
		"run out":                {token: o.sign(says(map[string]any{"exp": w.clock().Add(-time.Hour).Unix()})), code: "invalid_grant"},
		"issued long ago":        {token: o.sign(says(map[string]any{"iat": w.clock().Add(-48 * time.Hour).Unix()})), code: "invalid_grant"},
		"another key":            {token: signWith(t, jose.ES256, another, o.kid, says(nil)), code: "invalid_grant"},
		"HMAC":                   {token: signWith(t, jose.HS256, []byte(strings.Repeat("k", 40)), o.kid, says(nil)), code: "invalid_grant"},
		"no algorithm":           {token: unsigned(t, says(nil)), code: "invalid_grant"},
		"an issuer nobody named": {token: stranger.sign(says(map[string]any{"iss": stranger.server.URL})), code: "invalid_grant"},
		"the gateway's own":      {token: got.Access, code: "invalid_grant"},
		"no token":               {token: "x", code: "invalid_request"},
		"too long":               {token: strings.Repeat("x", maxSubject+1), code: "invalid_request"},
		"another grant":          {token: "x", code: "unsupported_grant_type", change: []string{"grant_type", "password"}},
		"another type":           {token: "x", code: "invalid_request", change: []string{"subject_token_type", typeAccess}},
		"wants a refresh token":  {token: "x", code: "invalid_request", change: []string{"requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"}},
		"acts for another":       {token: "x", code: "invalid_request", change: []string{"actor_token", "x"}},
	} {
		if a := ask(c.token, c.change...); a.code != 400 || read[oauthError](t, a).Code != c.code {
			t.Errorf("%s: %d %s, want %s", name, a.code, a.body, c.code)
		}
	}
	if n := stranger.asked.Load(); n != 0 {
		t.Errorf("an issuer that nobody named was asked %d times", n)
	}
	w.later(time.Hour)
	if a := b.send("POST", "/auth/token", "grant_type=a&grant_type=b", "Content-Type", "application/x-www-form-urlencoded"); a.code != 400 || !strings.Contains(a.body, "twice") {
		t.Errorf("%d %s", a.code, a.body)
	}
	if a := b.send("POST", "/auth/token", `{}`); a.code != 400 {
		t.Errorf("JSON: %d %s", a.code, a.body)
	}
	fresh := read[exchanged](t, ask(o.sign(says(nil))))
	_, err = w.accounts.Store.PutService(t.Context(), v.ID, func(v *store.Service) error { v.DisabledAt = w.clock(); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.accounts.Check(t.Context(), fresh.Access); err == nil {
		t.Error("a token of a service that is disabled")
	}
	if a := ask(o.sign(says(nil))); a.code != 400 {
		t.Errorf("a service that is disabled: %d %s", a.code, a.body)
	}
}

func FuzzUnverifiedIssuer(f *testing.F) {
	f.Add("a.eyJpc3MiOiJ4In0.b")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		if issuer, ok := unverifiedIssuer(text); ok && issuer == "" {
			t.Fatalf("%q is of nobody", text)
		}
	})
}

// TestServicesIssuers: an issuer that only a service names comes by the API, so it is asked
// in public networks alone, as are its keys; not so where private ones are allowed. What
// the configuration declares may be private, but never where clouds keep credentials.
func TestServicesIssuers(t *testing.T) {
	var allowed bool
	o := newOP(t)
	w := newWorld(t, func(_ *world, opt *Options) { opt.Private = func() bool { return allowed } })
	_, err := w.accounts.Store.PutService(t.Context(), "", func(v *store.Service) error {
		*v = store.Service{
			ID: store.NewID(identity.NewService), Name: "deploy", Issuer: o.server.URL, Audience: "gw", Role: identity.Auditor, Scopes: "{}", Claims: `{"sub":"repo:acme/app"}`, CreatedAt: w.clock(),
		}
		return identity.CheckService(v)
	})
	if err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	ask := func() answer {
		w.log.Reset()
		w.later(rediscover) // it is asked anew
		token := o.sign(map[string]any{"iss": o.server.URL, "aud": "gw", "sub": "repo:acme/app", "iat": w.clock().Unix(), "exp": w.clock().Add(time.Minute).Unix()})
		form := url.Values{"grant_type": {grantExchange}, "subject_token_type": {typeJWT}, "subject_token": {token}}
		return b.send("POST", "/auth/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", "", "Sec-Fetch-Site", "", "X-Requested-With", "")
	}
	const why = "none that may be called"
	if a := ask(); a.code != 400 || read[oauthError](t, a).Code != "temporarily_unavailable" || o.asked.Load() != 0 || !strings.Contains(w.log.String(), why) || strings.Contains(a.body, why) {
		t.Errorf("a private issuer: %d %s, asked %d times\n%s", a.code, a.body, o.asked.Load(), &w.log)
	}
	allowed = true
	if a := ask(); a.code != 200 {
		t.Errorf("where private ones are allowed: %d %s\n%s", a.code, a.body, &w.log)
	}
	allowed = false
	if a, before := ask(), o.asked.Load(); a.code != 400 || o.asked.Load() != before {
		t.Errorf("no more: %d %s", a.code, a.body)
	}
	allowed = true
	for _, at := range []string{"http://169.254.169.254/keys", "http://[fd00:ec2::254]/keys", "http://2852039166/keys"} {
		o.meta["jwks_uri"] = at
		if a := ask(); a.code != 400 || !strings.Contains(w.log.String(), why) {
			t.Errorf("keys at %s: %d %s\n%s", at, a.code, a.body, &w.log)
		}
	}
	o.meta["jwks_uri"] = o.server.URL + "/moved"
	if a := ask(); a.code != 400 || !strings.Contains(w.log.String(), "307") {
		t.Errorf("keys that are elsewhere: %d %s\n%s", a.code, a.body, &w.log)
	}
}
