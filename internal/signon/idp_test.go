package signon

import (
	"bufio"
	"context"
	"encoding/json"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"turnpike/internal/identity"
)

// providersEnv names the folder of the real identity providers (scripts/idp.sh).
const providersEnv = "TURNPIKE_TEST_IDP"

// startProvider starts one of them, which sends people back to an address, and is what it
// says of itself.
func startProvider(t *testing.T, script, redirect string) (said []string) {
	t.Helper()
	dir := os.Getenv(providersEnv)
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal(providersEnv + " is not set: run this by scripts/idp.sh")
		}
		t.Skip("no identity providers: run this by scripts/idp.sh")
	}
	return startProcess(t, "node", filepath.Join(dir, script), redirect)
}

// startProcess starts a program that prints where it listens, and is what it says of itself.
func startProcess(t *testing.T, name string, args ...string) (said []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // a script of ours
	cmd.Dir = t.TempDir()
	in, err := cmd.StdinPipe() // it ends when this is closed, however we end
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var trouble strings.Builder
	cmd.Stderr = &trouble
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		cancel()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }() // its log
			return strings.Fields(rest)
		}
	}
	t.Fatalf("%s %q has ended: %s", name, args, trouble.String())
	return nil
}

var (
	formAt   = regexp.MustCompile(`<form[^>]* action="([^"]*)"`)
	formThat = regexp.MustCompile(`<input[^>]*type="hidden"[^>]* name="([^"]+)"[^>]* value="([^"]*)"`)
)

// through goes a provider's pages as a person does: follows it, fills in its forms, until
// it sends them back to the gateway.
func through(t *testing.T, from string, fill map[string]string, home string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	at, form := from, url.Values(nil)
	for range 20 {
		method, body := http.MethodGet, ""
		if form != nil {
			method, body = http.MethodPost, form.Encode()
		}
		r, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		form = nil
		if to := res.Header.Get("Location"); to != "" {
			next, err := res.Request.URL.Parse(to)
			if err != nil {
				t.Fatal(err)
			}
			if at = next.String(); strings.HasPrefix(at, home) {
				return at
			}
			continue
		}
		m := formAt.FindStringSubmatch(string(page))
		if m == nil {
			t.Fatalf("%s: %d %s", at, res.StatusCode, page)
		}
		form = url.Values{}
		for _, h := range formThat.FindAllStringSubmatch(string(page), -1) {
			form.Set(h[1], html.UnescapeString(h[2]))
		}
		for name, value := range fill {
			form.Set(name, value)
		}
		next, err := res.Request.URL.Parse(html.UnescapeString(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		at = next.String()
	}
	t.Fatal("the provider sends people in a circle")
	return ""
}

// signs signs somebody in by the provider called work and is where they land.
func (b *browser) signs(fill map[string]string) string {
	b.w.t.Helper()
	t, ok := b.w.t.(*testing.T)
	if !ok {
		b.w.t.Fatal("no test")
	}
	a := b.send("GET", "/auth/oidc/work/start", "")
	if a.code != http.StatusSeeOther {
		t.Fatalf("%d %s\n%s", a.code, a.body, b.w.log.String())
	}
	return b.send("GET", through(t, a.header.Get("Location"), fill, b.w.server.URL), "").header.Get("Location")
}

// TestRealProvider signs people in at node's oidc-provider, with the claims of Entra ID:
// tenants, groups, app roles, too many groups, keys that turn, a clock that is another.
func TestRealProvider(t *testing.T) {
	var issuer string
	w := newWorld(t, func(w *world, o *Options) {
		back := w.server.URL + "/auth/oidc/work/callback"
		issuer = startProvider(t, "oidc.mjs", back)[0]
		o.Providers = []Provider{{
			Name: "work", Preset: Entra, Issuer: issuer, ClientID: "gw", ClientSecret: "a secret of the client", Scopes: []string{"profile", "email"},
			Groups: []string{"roles", "groups"}, Tenant: tenant, Redirects: []string{back},
		}}
	})
	w.grant("work", "g-staff", identity.Member, 1)
	w.grant("work", "Gateway.Owner", identity.Owner, 9)
	tell := func(say map[string]any) {
		t.Helper()
		text, err := json.Marshal(say)
		if err != nil {
			t.Fatal(err)
		}
		if a := w.browser().send("POST", issuer+"/test", string(text)); a.code != 200 {
			t.Fatal(a)
		}
	}
	who := func(change map[string]any) map[string]any {
		out := map[string]any{"tid": tenant, "oid": "x", "name": "Ann", "email": "ann@contoso.example", "preferred_username": "ann@contoso.example"}
		maps.Copy(out, change)
		return out
	}
	tell(map[string]any{"people": map[string]any{
		"ann": who(map[string]any{"groups": []string{"g-staff"}}), "bob": who(map[string]any{"groups": []string{"g-staff"}, "roles": []string{"Gateway.Owner"}}),
		"cid": who(nil), "eve": who(map[string]any{"tid": "99999999-2222-3333-4444-555555555555", "groups": []string{"g-staff"}}),
	}})
	for login, want := range map[string]string{"ann": "/ui/", "bob": "/ui/", "cid": "/ui/login?error=no_access", "eve": "/ui/login?error=foreign_tenant"} {
		if to := w.browser().signs(map[string]string{"login": login, "password": "x"}); to != want {
			t.Errorf("%s lands at %s, want %s\n%s", login, to, want, w.log.String())
		}
	}
	b := w.browser()
	b.signs(map[string]string{"login": "bob", "password": "x"})
	if in := read[SignedIn](t, b.send("POST", "/auth/refresh", "")); in.Account.Role != identity.Owner {
		t.Errorf("%+v", in.Account)
	}
	out := read[SignedOut](t, b.send("POST", "/auth/logout", ""))
	if a := b.send("GET", out.Logout, ""); a.code != 200 || !strings.Contains(a.body, "<form") {
		t.Errorf("signing out there: %d %s", a.code, a.body)
	}
	w.skewed(t, time.Hour, func() string { return w.browser().signs(map[string]string{"login": "ann", "password": "x"}) })
	// Its keys turn, and somebody has lost a group.
	tell(map[string]any{"kid": "second", "people": map[string]any{"bob": who(map[string]any{"groups": []string{"g-staff"}})}})
	w.account("root", identity.Owner) // one is left
	b = w.browser()
	if to := b.signs(map[string]string{"login": "bob", "password": "x"}); to != "/ui/" {
		t.Errorf("behind another key: %s\n%s", to, w.log.String())
	}
	if in := read[SignedIn](t, b.send("POST", "/auth/refresh", "")); in.Account.Role != identity.Member {
		t.Errorf("without the group: %+v", in.Account)
	}
}

// skewed signs somebody in while the gateway's clock is apart from the provider's, whose
// tokens are good for life.
func (w *world) skewed(t *testing.T, life time.Duration, signs func() string) {
	t.Helper()
	again := func(by time.Duration) { // as a gateway that has just begun, which has counted nothing
		w.set(time.Now().Add(by))
		w.door = New(w.door.Options)
	}
	defer again(0)
	const refused = "/ui/login?error=identity_refused"
	for _, c := range []struct {
		by   time.Duration
		want string
	}{
		{-skew / 2, "/ui/"},
		{skew / 2, "/ui/"},
		{life + skew/2, "/ui/"},
		{-5 * skew, refused},
		{-24 * time.Hour, refused},
		{life + 5*skew, refused},
	} {
		again(c.by)
		if to := signs(); to != c.want {
			t.Errorf("%s apart: lands at %s, want %s\n%s", c.by, to, c.want, w.log.String())
		}
	}
}

// TestCognitoLocal signs people in at cognito-local's hosted pages, whose keys turn and whose
// clock is another.
func TestCognitoLocal(t *testing.T) {
	var issuer string
	w := newWorld(t, func(w *world, o *Options) {
		back := w.server.URL + "/auth/oidc/work/callback"
		said := startProvider(t, "cognito.cjs", back)
		issuer = said[0]
		o.Providers = []Provider{{
			Name: "work", Preset: Cognito, Issuer: said[0], ClientID: said[1], Scopes: []string{"email"}, Groups: []string{"cognito:groups"}, Redirects: []string{back},
			Logout: "https://people.auth.example/logout",
		}}
	})
	w.grant("work", "admins", identity.Auditor, 1)
	for login, want := range map[string]string{"ann": "/ui/", "bob": "/ui/login?error=no_access", "eve": "/ui/login?error=unverified_email"} {
		b := w.browser()
		if to := b.signs(map[string]string{"username": login + "@example.org", "password": "Passw0rd!"}); to != want {
			t.Errorf("%s lands at %s, want %s\n%s", login, to, want, w.log.String())
		}
		if want != "/ui/" {
			continue
		}
		in := read[SignedIn](t, b.send("POST", "/auth/refresh", ""))
		if in.Account.Role != identity.Auditor || in.Account.Email != "ann@example.org" {
			t.Errorf("%+v", in.Account)
		}
		out := read[SignedOut](t, b.send("POST", "/auth/logout", ""))
		if u, err := url.Parse(out.Logout); err != nil || u.Host != "people.auth.example" || u.Query().Get("logout_uri") != w.server.URL+"/ui/login" {
			t.Errorf("signs out at %s", out.Logout)
		}
	}
	ann := func() string {
		return w.browser().signs(map[string]string{"username": "ann@example.org", "password": "Passw0rd!"})
	}
	w.skewed(t, 24*time.Hour, ann)
	own, err := url.Parse(issuer)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ say, want string }{
		{`{"kid":"second"}`, "/ui/"},
		{`{"kid":"second"}`, "/ui/"}, // another key by the same id
		{`{"kid":"second","hidden":true}`, "/ui/login?error=identity_refused"},
		{`{"kid":"third","hidden":true}`, "/ui/login?error=identity_refused"},
		{`{"kid":"third"}`, "/ui/"},
	} {
		if a := w.browser().send("POST", own.Scheme+"://"+own.Host+"/test", c.say); a.code != 200 {
			t.Fatal(a)
		}
		if to := ann(); to != c.want {
			t.Errorf("behind the key %s: lands at %s, want %s\n%s", c.say, to, c.want, w.log.String())
		}
	}
}
