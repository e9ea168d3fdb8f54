package signon

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/identity"
	"turnpike/internal/origin"
)

// TestSignInAndOut goes the whole way with a password: bootstrap, refresh, sign-out.
func TestSignInAndOut(t *testing.T) {
	w := newWorld(t, nil)
	b := w.browser()
	if m := read[Methods](t, b.send("GET", "/auth/methods", "")); !m.Local || len(m.OIDC) != 0 {
		t.Errorf("methods %+v", m)
	}
	secret, _, err := w.accounts.First(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.refused(422, "invalid", "POST", "/auth/bootstrap", `{"token":"`+secret+`","login":"ann","password":"short"}`)
	b.refused(400, "body", "POST", "/auth/bootstrap", `{"token":"`+secret+`","login":"ann","password":"`+good+`","role":"owner"}`)
	a := b.send("POST", "/auth/bootstrap", `{"token":"`+secret+`","login":"ann","name":"Ann","password":"`+good+`"}`)
	in := read[SignedIn](t, a)
	if a.code != 200 || in.Account.Role != identity.Owner || in.Seconds != 1800 || in.Type != "Bearer" {
		t.Fatalf("%d %s", a.code, a.body)
	}
	b.refused(410, "link_spent", "POST", "/auth/bootstrap", `{"token":"`+secret+`","login":"bob","password":"`+good+`"}`)
	set := a.header.Get("Set-Cookie")
	for _, part := range []string{"turnpike_refresh=tpr_", "Path=/auth", "HttpOnly", "SameSite=Strict", "Max-Age=86400"} {
		if !strings.Contains(set, part) {
			t.Errorf("%s is not in %s", part, set)
		}
	}
	if strings.Contains(a.body, b.cookie(refreshCookie, "/auth/refresh")) || b.cookie(refreshCookie, "/admin/keys") != "" || b.cookie(refreshCookie, "/ui/") != "" {
		t.Error("the refresh token is seen outside of its cookie")
	}
	next := read[SignedIn](t, b.send("POST", "/auth/refresh", ""))
	if who, err := w.accounts.Check(t.Context(), next.Access); err != nil || who.ID != in.Account.ID {
		t.Errorf("%+v, %v", who, err)
	}
	out := read[SignedOut](t, b.send("POST", "/auth/logout", ""))
	if !out.Done || out.Logout != "" || b.cookie(refreshCookie, "/auth/refresh") != "" {
		t.Errorf("%+v", out)
	}
	if _, err := w.accounts.Check(t.Context(), next.Access); err == nil {
		t.Error("signed out, and still in")
	}
	b.refused(401, "session_over", "POST", "/auth/refresh", "")
	one, two := w.browser(), w.browser()
	in = one.login("ann")
	two.login("ann")
	if out = read[SignedOut](t, one.send("POST", "/auth/logout-all", "", "Authorization", "Bearer "+in.Access)); out.Sessions != 2 {
		t.Errorf("%+v", out)
	}
	two.refused(401, "session_over", "POST", "/auth/refresh", "")
	two.refused(401, "invalid_token", "POST", "/auth/logout-all", "")
}

// TestTabsAndThieves: two tabs that refresh at once stay in; who shows an old cookie ends
// the session for all.
func TestTabsAndThieves(t *testing.T) {
	w := newWorld(t, nil)
	w.account("ann", identity.Member)
	b := w.browser()
	b.login("ann")
	old := b.cookie(refreshCookie, "/auth/refresh")
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for range 4 { // each has the cookie of before
		wg.Go(func() {
			tab := w.browser()
			a := tab.send("POST", "/auth/refresh", "", "Cookie", refreshCookie+"="+old)
			mu.Lock()
			defer mu.Unlock()
			if seen[tab.cookie(refreshCookie, "/auth/refresh")] = true; a.code != 200 {
				t.Errorf("%d %s", a.code, a.body)
			}
		})
	}
	if wg.Wait(); len(seen) != 1 {
		t.Errorf("the tabs have %d tokens", len(seen))
	}
	w.later(11 * time.Second)
	w.browser().refused(401, "session_revoked", "POST", "/auth/refresh", "", "Cookie", refreshCookie+"="+old)
	for newest := range seen {
		w.browser().refused(401, "session_over", "POST", "/auth/refresh", "", "Cookie", refreshCookie+"="+newest)
	}
}

// TestDoors: a page of another origin is refused by each door alone: Origin, Referer, the
// header that it cannot send, and what browsers say of themselves.
func TestDoors(t *testing.T) {
	w := newWorld(t, nil)
	w.account("ann", identity.Member)
	b := w.browser()
	b.login("ann")
	own := w.server.URL
	for _, path := range []string{"/auth/login", "/auth/refresh", "/auth/logout", "/auth/logout-all", "/auth/totp", "/auth/bootstrap", "/admin/auth/refresh", "/admin/auth/revoke", "/admin/auth/me"} {
		method := "POST"
		if strings.HasSuffix(path, "/me") {
			method = "PUT"
		}
		for _, c := range []struct {
			word   string
			header []string
		}{
			{origin.NotAllowed, []string{"Origin", "https://evil.example"}},
			{origin.NotAllowed, []string{"Origin", "null"}},
			{origin.NotAllowed, []string{"Origin", own + ".evil.example"}},
			{origin.NotAllowed, []string{"Origin", strings.Replace(own, "http://", "https://", 1)}},
			{origin.NotAllowed, []string{"Origin", "", "Sec-Fetch-Site", "cross-site"}},
			{origin.NotAllowed, []string{"Origin", "", "Sec-Fetch-Site", "same-site"}},
			{origin.Referer, []string{"Referer", "https://evil.example/" + own}},
			{origin.Referer, []string{"Origin", "", "Sec-Fetch-Site", "", "Referer", "https://evil.example/"}},
			{origin.NoHeader, []string{origin.Header, ""}},
			{origin.NoHeader, []string{origin.Header, "", "Origin", "", "Sec-Fetch-Site", "", "Cookie", "any=1"}},
		} {
			b.refused(403, c.word, method, path, "", c.header...)
		}
	}
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Access-Control-Allow-Origin": "",
		"Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
	} {
		for _, path := range []string{"/auth/methods", "/auth/nothing", "/admin/auth/me"} {
			if got := b.send("GET", path, "").header.Get(name); got != want {
				t.Errorf("%s of %s: %q", name, path, got)
			}
		}
	}
	if a := b.send("POST", "/auth/refresh", ""); a.code != 200 {
		t.Errorf("behind all that the session is gone: %d %s", a.code, a.body)
	}
	if a := b.send("POST", "/auth/refresh", "", "Origin", "", "Sec-Fetch-Site", "", "Referer", own+"/ui/"); a.code != 200 {
		t.Errorf("its own page by its referer: %d %s", a.code, a.body)
	}
}

// TestShare: pages of the configured origin may ask, others are told nothing.
func TestShare(t *testing.T) {
	w := newWorld(t, nil)
	w.account("ann", identity.Member)
	b := w.browser()
	ask := []string{"Access-Control-Request-Method", "POST", "Origin", "https://console.example"}
	if a := b.send("OPTIONS", "/auth/login", "", ask...); a.code != 204 || a.header.Get("Access-Control-Allow-Origin") != "https://console.example" || a.header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("%d %v", a.code, a.header)
	}
	for _, from := range []string{"https://evil.example", "https://console.example.evil.example", "http://console.example", "https://Console.example", "null"} {
		ask[3] = from
		if a := b.send("OPTIONS", "/auth/login", "", ask...); a.header.Get("Access-Control-Allow-Origin") != "" || a.code == 204 {
			t.Errorf("%s: %d %v", from, a.code, a.header)
		}
	}
	if a := b.send("POST", "/auth/login", `{"login":"ann","password":"`+good+`"}`, "Origin", "https://console.example", "Sec-Fetch-Site", "cross-site"); a.code != 200 {
		t.Errorf("%d %s", a.code, a.body)
	}
}

// TestOnlyOverTLS: with a public https address, or on a host of the world, cookies are for
// TLS alone, under names that say so.
func TestOnlyOverTLS(t *testing.T) {
	for _, c := range []struct{ public, host, name string }{
		{"https://gw.example.org", "gw.example.org", "__Secure-turnpike_refresh"},
		{"", "gw.example.org", "__Secure-turnpike_refresh"},
		{"", "192.0.2.1:8080", "__Secure-turnpike_refresh"},
		{"", "127.0.0.1:8080", "turnpike_refresh"},
		{"", "[::1]:8080", "turnpike_refresh"},
		{"", "localhost:8080", "turnpike_refresh"},
	} {
		w := newWorld(t, func(_ *world, o *Options) { o.Public = c.public })
		w.account("ann", identity.Member)
		r := httptest.NewRequestWithContext(t.Context(), "POST", "http://"+c.host+"/auth/login", strings.NewReader(`{"login":"ann","password":"`+good+`"}`))
		rec := httptest.NewRecorder()
		w.door.ServeHTTP(rec, r)
		if set := rec.Header().Get("Set-Cookie"); rec.Code != 200 || !strings.HasPrefix(set, c.name+"=") || strings.Contains(set, "Secure;") != strings.HasPrefix(c.name, "__") {
			t.Errorf("%+v: %d %s", c, rec.Code, set)
		}
		for _, name := range []string{"Cache-Control", "X-Content-Type-Options", "X-Frame-Options", "Content-Security-Policy"} {
			if rec.Header().Get(name) == "" {
				t.Errorf("no %s", name)
			}
		}
	}
}

// TestTries: passwords are not guessed: by address, and for an account from wherever.
func TestTries(t *testing.T) {
	w := newWorld(t, nil)
	w.account("ann", identity.Member)
	b := w.browser()
	for range accountTries {
		b.refused(401, "wrong", "POST", "/auth/login", `{"login":"ann","password":"wrong"}`)
	}
	b.refused(429, "rate_limited", "POST", "/auth/login", `{"login":" ANN ","password":"`+good+`"}`)
	if a := b.send("POST", "/auth/login", `{"login":"ann","password":"x"}`); a.header.Get("Retry-After") != "61" {
		t.Errorf("wait %s", a.header.Get("Retry-After"))
	}
	for range addressTries - accountTries {
		b.refused(401, "wrong", "POST", "/auth/login", `{"login":"nobody","password":"wrong"}`)
	}
	b.refused(429, "rate_limited", "POST", "/auth/login", `{"login":"bob","password":"wrong"}`)
	b.refused(429, "rate_limited", "POST", "/auth/bootstrap", `{"token":"x"}`)
	b.refused(429, "rate_limited", "POST", "/auth/totp", `{"challenge":"x","code":"1"}`)
	w.later(2 * time.Minute)
	b.login("ann")
}

// TestSecondStep: behind a password with a second factor there is no access without a code.
func TestSecondStep(t *testing.T) {
	w := newWorld(t, nil)
	a := w.account("ann", identity.Member)
	secret, _, err := w.accounts.NewFactor(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	row, err := w.accounts.Store.Account(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.accounts.Confirm(t.Context(), &row, code(t, secret, w.clock())); err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	in := b.login("ann")
	if !in.TOTP || in.Challenge == "" || in.Access != "" || in.Account != nil || b.cookie(refreshCookie, "/auth/refresh") != "" {
		t.Fatalf("%+v", in)
	}
	b.refused(401, "wrong_code", "POST", "/auth/totp", `{"challenge":"`+in.Challenge+`","code":"000000"}`)
	b.refused(401, "wrong_code", "POST", "/auth/totp", `{"challenge":"other","code":"000000"}`)
	w.later(time.Minute)
	out := read[SignedIn](t, b.send("POST", "/auth/totp", `{"challenge":"`+in.Challenge+`","code":"`+code(t, secret, w.clock())+`"}`))
	if out.Access == "" || out.Account.ID != a.ID {
		t.Errorf("%+v", out)
	}
	reset, _, err := w.accounts.ResetLink(t.Context(), "x", a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if in = read[SignedIn](t, b.send("POST", "/auth/bootstrap", `{"token":"`+reset+`","password":"another good one"}`)); !in.TOTP || in.Access != "" {
		t.Errorf("a new password goes round the second factor: %+v", in)
	}
}

// TestWhatIsNotConfigured is not there; nor is anything else.
func TestWhatIsNotConfigured(t *testing.T) {
	w := newWorld(t, func(_ *world, o *Options) { o.Local = false })
	b := w.browser()
	for _, path := range []string{"/auth/login", "/auth/totp", "/auth/bootstrap", "/auth/refresh", "/auth/logout", "/auth/oidc/x/start", "/auth/nowhere", "/admin/auth/refresh"} {
		b.refused(404, "not_found", "POST", path, "{}")
	}
	b.refused(501, "not_configured", "GET", "/admin/auth/microsoft/login", "")
	w = newWorld(t, nil)
	b = w.browser()
	b.refused(413, "too_large", "POST", "/auth/login", `{"login":"`+strings.Repeat("a", maxBody)+`"}`)
	b.refused(415, "media_type", "POST", "/auth/login", `login=a`, "Content-Type", "application/x-www-form-urlencoded")
	b.refused(400, "body", "POST", "/auth/login", `{"login":1}`)
	b.refused(400, "body", "POST", "/auth/login", `{"login":"a","admin":true}`)
	b.refused(400, "body", "POST", "/auth/login", `{} {}`)
	if a := b.send("GET", "/auth/login", ""); a.code != http.StatusNotFound && a.code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", a.code)
	}
}

// TestOtherConsoles: the routes of other gateways answer in their words.
func TestOtherConsoles(t *testing.T) {
	w := newWorld(t, nil)
	a := w.account("ann", identity.Owner)
	tokens, err := w.accounts.Open(t.Context(), &a, "password", "")
	if err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	res := b.send("POST", "/admin/auth/refresh", `{"refresh_token":"`+tokens.Refresh+`"}`)
	in := read[map[string]any](t, res)
	user, _ := in["user"].(map[string]any)
	if in["token_type"] != "bearer" || in["refresh_token"] != nil || user["role"] != "super_admin" || user["is_admin"] != true || user["is_active"] != true {
		t.Fatalf("%v", in)
	}
	if !strings.Contains(res.header.Get("Set-Cookie"), "Path=/admin/auth;") {
		t.Errorf("cookie %s", res.header.Get("Set-Cookie"))
	}
	bearer := []string{"Authorization", "Bearer " + in["access_token"].(string)}
	if me := read[map[string]any](t, b.send("GET", "/admin/auth/me", "", bearer...)); me["id"] != a.ID {
		t.Errorf("me %v", me)
	}
	if me := read[map[string]any](t, b.send("PUT", "/admin/auth/me", `{"first_name":"Ann","last_name":"B"}`, bearer...)); me["first_name"] != "Ann" || me["last_name"] != "B" {
		t.Errorf("me %v", me)
	}
	b.refused(400, "body", "PUT", "/admin/auth/me", `{"role":"x"}`, bearer...)
	if res := b.send("POST", "/admin/auth/revoke", ""); res.code != 200 {
		t.Errorf("%d %s", res.code, res.body)
	}
	b.refused(401, "session_over", "POST", "/admin/auth/refresh", "")
	b.refused(400, "refresh_token", "POST", "/admin/auth/revoke", "")
	b.refused(404, "refresh_token", "POST", "/admin/auth/revoke", `{"refresh_token":"tpr_x"}`)
	b.refused(401, "invalid_token", "GET", "/admin/auth/me", "", bearer...)
}
