package signon

import (
	"net/http"
	"net/url"
	"os"
	"testing"

	"turnpike/internal/identity"
)

// TestDex signs people in at Dex, which stands before other providers: by its own passwords and
// by another of its connectors, which people choose there. Dex is compiled only for make dex.
func TestDex(t *testing.T) {
	program := os.Getenv("TURNPIKE_TEST_DEX")
	if program == "" {
		t.Skip("no Dex: run this by make dex")
	}
	var issuer string
	w := newWorld(t, func(w *world, o *Options) {
		back := w.server.URL + "/auth/oidc/work/callback"
		issuer = startProcess(t, program, back)[0]
		o.Providers = []Provider{{
			Name: "work", Issuer: issuer, ClientID: "gw", ClientSecret: "a secret of the client",
			Scopes: []string{"profile", "email", "groups"}, Groups: []string{"groups"}, Redirects: []string{back},
		}}
	})
	// signs goes to a connector, as people do who choose it on Dex's first page.
	signs := func(b *browser, connector string, fill map[string]string) string {
		t.Helper()
		a := b.send("GET", "/auth/oidc/work/start", "")
		to, err := url.Parse(a.header.Get("Location"))
		if a.code != http.StatusSeeOther || err != nil {
			t.Fatalf("%d %s %v\n%s", a.code, a.body, err, w.log.String())
		}
		q := to.Query()
		if q.Get("code_challenge_method") != "S256" || q.Get("state") == "" || q.Get("nonce") == "" {
			t.Errorf("goes there with %s", to)
		}
		q.Set("connector_id", connector)
		to.RawQuery = q.Encode()
		return b.send("GET", through(t, to.String(), fill, w.server.URL), "").header.Get("Location")
	}
	if to := signs(w.browser(), "mock", nil); to != "/ui/login?error=no_access" {
		t.Errorf("whose group has no role here lands at %s\n%s", to, w.log.String())
	}
	w.grant("work", "authors", identity.Auditor, 1)
	b := w.browser()
	if to := signs(b, "mock", nil); to != "/ui/" {
		t.Errorf("whose group has a role lands at %s\n%s", to, w.log.String())
	}
	in := read[SignedIn](t, b.send("POST", "/auth/refresh", ""))
	if in.Account.Role != identity.Auditor || in.Account.Email != "kilgore@kilgore.trout" {
		t.Errorf("%+v", in.Account)
	}
	read[SignedOut](t, b.send("POST", "/auth/logout", ""))
	if a := b.send("POST", "/auth/refresh", ""); a.code != http.StatusUnauthorized {
		t.Errorf("signed out, and goes on: %d", a.code)
	}
	password := map[string]string{"login": "ann@example.org", "password": "Passw0rd!"}
	if to := signs(w.browser(), "local", password); to != "/ui/login?error=no_access" {
		t.Errorf("by a password, without groups: %s\n%s", to, w.log.String())
	}
}
