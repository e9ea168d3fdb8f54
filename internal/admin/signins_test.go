package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"turnpike/internal/live"
	"turnpike/internal/operator"
	"turnpike/internal/provider"
	"turnpike/internal/provider/copilot"
	"turnpike/internal/provider/copilot/copilottest"
	"turnpike/internal/provider/kiro"
	"turnpike/internal/provider/kiro/kirotest"
	"turnpike/internal/route"
	"turnpike/internal/signin"
	"turnpike/internal/signin/signintest"
)

// signinWorld is the API before an account at Kiro and two at Copilot.
type signinWorld struct {
	*world
	kiro    *kirotest.Service
	copilot *copilottest.Service
	clock   *signintest.Clock
	store   *signintest.Store
}

// secret is a word that each token of the services holds.
const secret = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

func newSigninWorld(t *testing.T) *signinWorld {
	t.Helper()
	return newKeyedWorld(t, "", func(*signinWorld) string { return "" })
}

// newKeyedWorld is one whose accounts have keys instead of logins.
func newKeyedWorld(t *testing.T, atKiro string, atCopilot func(*signinWorld) string) *signinWorld {
	t.Helper()
	clock := signintest.NewClock()
	w := &signinWorld{world: newWorld(t), clock: clock, store: signintest.NewStore(clock), kiro: kirotest.New(t), copilot: copilottest.New(t, clock.Now)}
	var list []*route.Account
	set, err := kiro.ReadSettings(w.kiro.Settings())
	if err != nil {
		t.Fatal(err)
	}
	k, err := kiro.New(kiro.Options{Options: provider.Options{Name: "k", APIKey: atKiro}, Settings: set, Now: clock.Now, Pause: w.store.Pause})
	if err != nil {
		t.Fatal(err)
	}
	list = append(list, &route.Account{Provider: k})
	for _, name := range []string{"one", "two"} {
		set, err := copilot.ReadSettings(w.copilot.Settings(), "")
		if err != nil {
			t.Fatal(err)
		}
		c, err := copilot.New(copilot.Options{Options: provider.Options{Name: name, APIKey: atCopilot(w)}, Settings: set, Now: clock.Now, Pause: w.store.Pause})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, &route.Account{Provider: c})
	}
	w.table = route.New(list, "", "").With(route.Settings{Now: clock.Now})
	w.opt.Table, w.opt.Now = w.table, clock.Now
	file := declaredConfig(t, t.TempDir(), "unofficial: true\nproviders:\n  - { name: k, type: kiro }\n  - { name: one, type: copilot }\n  - { name: two, type: copilot }\n")
	if w.opt.Live, err = live.New(t.Context(), file, live.Options{Store: w.opt.Store, Log: w.opt.Log, Now: clock.Now}); err != nil {
		t.Fatal(err)
	}
	w.opt.SignIns = &operator.SignIns{
		Allowed: true, Logins: w.store, Desk: signin.NewTable(clock.Now),
		Accounts: func() (out []signin.Account) {
			for _, a := range list {
				s, ok := a.Provider.(signin.Account)
				if !ok {
					t.Fatalf("%s is no account with a login", a.Provider.Name())
				}
				s.Keep(w.store)
				out = append(out, s)
			}
			return out
		},
		Import: func(context.Context, signin.Account, string, string) (signin.Credential, string, error) {
			return signin.Credential{}, "", operator.ErrNoImport
		},
	}
	w.h = Handler(w.opt)
	return w
}

// clean holds an answer to be without a secret.
func (w *signinWorld) clean(v any) {
	w.t.Helper()
	text, err := json.Marshal(v)
	if err != nil || strings.Contains(string(text), secret) || strings.Contains(string(text), "code_verifier") {
		w.t.Errorf("a secret is shown: %s %v", text, err)
	}
}

// TestDeviceCode: the routes of the device flow, of either type of account, with the members
// and statuses other gateways' operators know.
func TestDeviceCode(t *testing.T) {
	for _, c := range []struct {
		account, kind string
		grant, deny   func(w *signinWorld, code string)
	}{
		{"one", "copilot", func(w *signinWorld, code string) { w.copilot.Grant(code) }, func(w *signinWorld, code string) { w.copilot.Deny(code) }},
		{"k", "kiro", func(w *signinWorld, code string) { w.kiro.Grant(code) }, func(w *signinWorld, code string) { w.kiro.Deny(code) }},
	} {
		t.Run(c.account, func(t *testing.T) {
			w := newSigninWorld(t)
			w.refused(404, "no such account", "POST", "/admin/auth/device-code?provider=nobody", "")
			in := do[signin.Login](w.world, 200, "POST", "/admin/auth/device-code?provider="+c.account, "")
			if in.ID == "" || in.UserCode == "" || in.URL == "" || in.Status != "pending" || in.Interval <= 0 || in.Expires.IsZero() || in.Account != c.account || in.Type != c.kind || !strings.Contains(in.Notice, "unofficial") {
				t.Fatalf("%+v", in)
			}
			w.clean(in)
			poll := func(want string) signin.Login {
				t.Helper()
				w.clock.On(time.Duration(in.Interval * float64(time.Second)))
				got := do[signin.Login](w.world, 200, "GET", "/admin/auth/poll/"+in.ID, "")
				if got.Status != want {
					t.Fatalf("%+v, want %s", got, want)
				}
				return got
			}
			poll("pending")
			w.refused(400, "not complete (pending)", "POST", "/admin/auth/complete/"+in.ID, "")
			c.grant(w, in.UserCode)
			poll("completed")
			for range 2 {
				if got := do[LoginDone](w.world, 200, "POST", "/admin/auth/complete/"+in.ID, ""); got.Provider != c.account || got.Message == "" || !strings.Contains(got.Notice, "unofficial") {
					t.Errorf("%+v", got)
				}
			}
			w.refused(404, "no such login", "GET", "/admin/auth/poll/nobody", "")
			w.refused(404, "no such login", "POST", "/admin/auth/complete/nobody", "")
			in = do[signin.Login](w.world, 200, "POST", "/admin/auth/device-code?provider="+c.account, "")
			c.deny(w, in.UserCode)
			if got := poll("error"); !strings.Contains(got.Error, "denied") {
				t.Errorf("%+v", got)
			}
			w.refused(400, "denied", "POST", "/admin/auth/complete/"+in.ID, "")
			in = do[signin.Login](w.world, 200, "POST", "/admin/auth/device-code?provider="+c.account, "")
			w.clock.On(time.Hour)
			poll("expired")
			if u := do[AccountUsage](w.world, 200, "GET", "/admin/providers/"+c.account+"/usage", ""); len(u.Lines) == 0 || u.Reset.IsZero() && c.kind == "copilot" || !strings.Contains(u.Notice, "unofficial") {
				t.Errorf("%+v", u)
			}
			if got := do[LoginForgotten](w.world, 200, "DELETE", "/admin/providers/"+c.account+"/login", ""); !got.Deleted {
				t.Errorf("%+v", got)
			}
			if got := do[LoginForgotten](w.world, 200, "DELETE", "/admin/providers/"+c.account+"/login", ""); got.Deleted {
				t.Errorf("%+v", got)
			}
			w.refused(502, "nobody has signed in", "GET", "/admin/providers/"+c.account+"/usage", "")
		})
	}
}

func TestCopilotRoutes(t *testing.T) {
	w := newSigninWorld(t)
	for _, p := range do[ProviderList](w.world, 200, "GET", "/admin/providers", "").Providers {
		if p.Type != "sandbox" && !strings.Contains(p.Notice, "unofficial") { // the sandbox is there while nobody has signed in
			t.Errorf("%+v", p)
		}
	}
	w.refused(400, "say which", "POST", "/admin/auth/device-code", "")
	w.refused(400, "say which", "GET", "/admin/copilot/status", "")
	s := do[CopilotStatus](w.world, 200, "GET", "/admin/copilot/status?provider=one", "")
	if s.HasLogin || s.HasToken || s.Healthy || !strings.Contains(s.Notice, "unofficial") {
		t.Errorf("nobody has signed in: %+v", s)
	}
	person := w.copilot.Person()
	if err := signin.Keep(t.Context(), w.store, "one", signin.Credential{Kind: copilot.Kind, Refresh: person}); err != nil {
		t.Fatal(err)
	}
	s = do[CopilotStatus](w.world, 200, "GET", "/admin/copilot/status?provider=one", "")
	if s.Username != "octocat" || !s.Healthy || !s.HasToken || len(s.Models) < 5 || !s.Expires.After(w.clock.Now()) || s.Plan == "" || s.Reason != "" {
		t.Errorf("%+v", s)
	}
	w.clean(s)
	before := w.copilot.Exchanges()
	do[CopilotStatus](w.world, 200, "POST", "/admin/copilot/refresh?provider=one", "")
	if n := w.copilot.Exchanges(); n != before+1 {
		t.Errorf("%d exchanges after %d", n, before)
	}
	w.copilot.Kill(person, false)
	w.refused(500, "no new token", "POST", "/admin/copilot/refresh?provider=one", "")
	if s = do[CopilotStatus](w.world, 200, "GET", "/admin/copilot/status?provider=one", ""); s.Healthy || s.Refused == "" {
		t.Errorf("a login that is dead: %+v", s)
	}
}

func TestKiroRoutes(t *testing.T) {
	w := newSigninWorld(t)
	if s := do[KiroStatus](w.world, 200, "GET", "/admin/kiro/status", ""); s.HasLogin || s.HasCurrent || s.Healthy || !strings.Contains(s.Notice, "unofficial") {
		t.Errorf("%+v", s)
	}
	w.refused(422, "method", "POST", "/admin/kiro/login", `{"method":"magic"}`)
	w.refused(400, "ports", "POST", "/admin/kiro/login", `{"port":22}`)
	w.refused(400, "start URL", "POST", "/admin/kiro/login", `{"method":"device","start_url":"https://evil.example/start"}`)
	w.refused(400, "region", "POST", "/admin/kiro/login", `{"method":"device","region":"evil.example/"}`)
	w.refused(404, "no such account", "POST", "/admin/kiro/login", `{"provider":"one"}`)
	in := do[signin.Login](w.world, 200, "POST", "/admin/kiro/login", "")
	if in.Port != 3128 || in.AuthURL == "" || in.Status != "pending" || in.ID == "" {
		t.Fatalf("%+v", in)
	}
	in = do[signin.Login](w.world, 200, "POST", "/admin/kiro/login", `{"port":49153,"method":"google"}`)
	if in.Port != 49153 {
		t.Errorf("%+v", in)
	}
	at := "/admin/kiro/login/complete/" + in.ID
	end, err := url.Parse(w.kiro.Visit(in.AuthURL, "google", nil))
	if err != nil {
		t.Fatal(err)
	}
	code, state := end.Query().Get("code"), end.Query().Get("state")
	w.refused(400, "not complete", "POST", at, "")
	w.refused(400, "state", "POST", at, marshal(map[string]string{"code": code, "state": "another"}))
	w.refused(400, "state", "POST", at, marshal(map[string]string{"url": strings.Replace(end.String(), "state=", "state=x", 1)}))
	w.refused(404, "no such login", "POST", "/admin/kiro/login/complete/nobody", marshal(map[string]string{"code": code, "state": state}))
	got := do[signin.Login](w.world, 200, "POST", at, marshal(map[string]string{"code": code, "state": state}))
	if got.Status != "completed" || got.Account != "k" {
		t.Fatalf("%+v", got)
	}
	if got = do[signin.Login](w.world, 200, "GET", "/admin/kiro/login/"+in.ID, ""); got.Status != "completed" || got.AuthURL != "" {
		t.Errorf("%+v", got)
	}
	s := do[KiroStatus](w.world, 200, "GET", "/admin/kiro/status", "")
	if !s.HasLogin || !s.HasCurrent || !s.HasRefresh || !s.Healthy || s.External || s.Kind != kiro.Social || !s.Expires.After(w.clock.Now()) {
		t.Errorf("%+v", s)
	}
	w.clean(s)
	s = do[KiroStatus](w.world, 200, "POST", "/admin/kiro/refresh", "")
	if n, _ := w.kiro.Counts(); n != 1 || !s.HasCurrent {
		t.Errorf("%d renewals, %+v", n, s)
	}
	w.kiro.Kill()
	w.refused(500, "no new token", "POST", "/admin/kiro/refresh", "")
	if s = do[KiroStatus](w.world, 200, "GET", "/admin/kiro/status", ""); s.Healthy || s.HasCurrent || s.Refused == "" {
		t.Errorf("a login that is dead: %+v", s)
	}
	w.refused(403, "command line", "POST", "/admin/kiro/import-local", `{"db_path":"/etc/passwd"}`)
}

// TestKeyedAccounts: a key of the configuration stands for a login, and is never replaced.
func TestKeyedAccounts(t *testing.T) {
	w := newKeyedWorld(t, kirotest.APIKey, func(w *signinWorld) string { return w.copilot.Person() })
	w.refused(409, "has an api_key", "POST", "/admin/kiro/login", "")
	w.refused(409, "has an api_key", "POST", "/admin/auth/device-code?provider=one", "")
	w.refused(409, "has an api_key", "POST", "/admin/kiro/import-local", "")
	if s := do[KiroStatus](w.world, 200, "GET", "/admin/kiro/status", ""); !s.HasLogin || !s.HasCurrent || s.HasRefresh || s.Kind != kiro.APIKey || !s.Healthy {
		t.Errorf("%+v", s)
	}
	w.refused(500, "not refreshed", "POST", "/admin/kiro/refresh", "")
	do[LoginForgotten](w.world, 200, "DELETE", "/admin/providers/k/login", "") // there is none, and the key stays good
	if u := do[AccountUsage](w.world, 200, "GET", "/admin/providers/k/usage", ""); len(u.Lines) == 0 {
		t.Errorf("%+v", u)
	}
	do[CopilotStatus](w.world, 200, "POST", "/admin/copilot/refresh?provider=one", "")
	if s := do[CopilotStatus](w.world, 200, "GET", "/admin/copilot/status?provider=one", ""); !s.Healthy || !s.HasToken || s.Username != "octocat" {
		t.Errorf("%+v", s)
	}
}

// TestImport: where the settings allow it, and of known files only.
func TestImport(t *testing.T) {
	w := newSigninWorld(t)
	access, refresh, _, _ := w.kiro.Login("social")
	w.opt.SignIns.Import = func(_ context.Context, a signin.Account, from, path string) (signin.Credential, string, error) {
		if path != "/home/x/data.sqlite3" || from != "cli" || a.Name() != "k" {
			return signin.Credential{}, "", errors.New(path + " is none of the files a login may be taken from")
		}
		return signin.Credential{Kind: kiro.Social, Access: access, Refresh: refresh, Expires: w.clock.Now().Add(time.Hour)}, path, nil
	}
	w.refused(400, "none of the files", "POST", "/admin/kiro/import-local", `{"db_path":"/etc/passwd"}`)
	got := do[KiroImported](w.world, 200, "POST", "/admin/kiro/import-local", `{"db_path":"/home/x/data.sqlite3"}`)
	if got.Provider != "k" || !got.HasRefresh || got.External || got.Expires.IsZero() || !strings.Contains(got.Message, "/home/x/data.sqlite3") {
		t.Errorf("%+v", got)
	}
	w.clean(got)
}

// TestUnofficialIsOff: nothing is done before the configuration allows it, and the answer
// says how.
func TestUnofficialIsOff(t *testing.T) {
	w := newSigninWorld(t)
	all := [][2]string{
		{"POST", "/admin/auth/device-code"},
		{"GET", "/admin/auth/poll/x"},
		{"POST", "/admin/auth/complete/x"},
		{"GET", "/admin/copilot/status"},
		{"POST", "/admin/copilot/refresh"},
		{"POST", "/admin/kiro/login"},
		{"GET", "/admin/kiro/login/x"},
		{"POST", "/admin/kiro/login/complete/x"},
		{"GET", "/admin/kiro/status"},
		{"POST", "/admin/kiro/refresh"},
		{"POST", "/admin/kiro/import-local"},
		{"GET", "/admin/providers/k/usage"},
		{"DELETE", "/admin/providers/k/login"},
	}
	w.opt.SignIns.Allowed = false
	for _, r := range all {
		p := w.refused(403, "unofficial: true", r[0], r[1], "")
		if !strings.Contains(p.Detail, "personal testing and research") || !strings.Contains(p.Detail, "may stop at any time") || !strings.Contains(p.Detail, "breach") {
			t.Error(p.Detail)
		}
	}
	w.opt.SignIns = nil
	w.h = Handler(w.opt)
	for _, r := range all {
		w.refused(403, "unofficial: true", r[0], r[1], "")
	}
}

// TestIssuerIsAway: that nobody answers there is no fault of the request's.
func TestIssuerIsAway(t *testing.T) {
	w := newSigninWorld(t)
	w.kiro.Close()
	w.refused(502, "could not be reached", "POST", "/admin/kiro/login", `{"method":"device"}`)
	in := do[signin.Login](w.world, 200, "POST", "/admin/kiro/login", "")
	for range signin.MaxLogins - 1 {
		do[signin.Login](w.world, http.StatusOK, "POST", "/admin/kiro/login", "")
	}
	w.refused(429, "too many logins", "POST", "/admin/kiro/login", "")
	w.clock.On(time.Hour)
	do[signin.Login](w.world, http.StatusOK, "POST", "/admin/kiro/login", "")
	w.refused(404, "no such login", "GET", "/admin/kiro/login/"+in.ID, "")
}
