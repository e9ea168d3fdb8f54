package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"turnpike/internal/identity"
	"turnpike/internal/store"
)

const password = "correct horse battery"

// person is somebody who has signed in.
type person struct {
	w       *world
	account store.Account
	token   string
}

// signedIn makes an account with a role and signs it in.
func (w *world) signedIn(login, role string, s identity.Scopes, teams ...string) *person {
	w.t.Helper()
	ctx := context.Background()
	a, err := w.opt.Accounts.Create(ctx, "the test", store.Account{Login: login, Role: role, Scopes: identity.WriteScopes(s)}, "", teams)
	if err != nil {
		w.t.Fatal(err)
	}
	t, err := w.opt.Accounts.Open(ctx, &a, "password", "")
	if err != nil {
		w.t.Fatal(err)
	}
	return &person{w, a, t.Access}
}

// send makes a request as the person.
func (p *person) send(method, path, body string) *httptest.ResponseRecorder {
	p.w.t.Helper()
	return p.w.send(method, path, body, "Authorization", "Bearer "+p.token)
}

// refused makes a request that must be refused so.
func (p *person) refused(status int, words, method, path, body string) {
	p.w.t.Helper()
	if rec := p.send(method, path, body); rec.Code != status || !strings.Contains(rec.Body.String(), words) {
		p.w.t.Errorf("%s as %s: %s %s %s: %d %s, want %d %q", p.account.Login, p.account.Role, method, path, body, rec.Code, rec.Body, status, words)
	}
}

// as makes a request as a person that must have this status, and reads the answer.
func as[T any](p *person, status int, method, path, body string) T {
	p.w.t.Helper()
	return do[T](p.w, status, method, path, body, "Authorization", "Bearer "+p.token)
}

// service makes a machine and its token.
func (w *world) service(role string, s identity.Scopes) *person {
	w.t.Helper()
	v, err := w.opt.Store.PutService(context.Background(), "", func(v *store.Service) error {
		*v = store.Service{
			ID: store.NewID(identity.NewService), Name: "ci " + role, Issuer: "https://ci.example", Audience: "gw", Claims: `{"sub":"repo:acme/app"}`, Role: role,
			Scopes: identity.WriteScopes(s), CreatedAt: w.now,
		}
		return identity.CheckService(v)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := w.opt.Accounts.OpenService(context.Background(), &v, "repo:acme/app")
	if err != nil {
		w.t.Fatal(err)
	}
	return &person{w, store.Account{ID: v.ID, Login: v.Name, Role: role}, token}
}

var everything = identity.Scopes{Keys: []string{"*"}, Teams: []string{"*"}, Models: []string{"*"}, Providers: []string{"*"}, Usage: []string{"*"}, Monitor: []string{"*"}}

// TestEveryRouteWithEveryRole holds testdata/roles.txt: who may call what. A route that is
// new, or asks for another permission, changes the file for all to see.
func TestEveryRouteWithEveryRole(t *testing.T) {
	w := newWorld(t)
	roles := []struct {
		name string
		who  *person
	}{
		{"owner", w.signedIn("owner", identity.Owner, identity.Scopes{})},
		{"admin", w.signedIn("admin", identity.Admin, everything)},
		{"keys", w.signedIn("keys", identity.Admin, identity.Scopes{Keys: []string{"*"}})},
		{"teams", w.signedIn("teams", identity.Admin, identity.Scopes{Teams: []string{"*"}})},
		{"models", w.signedIn("models", identity.Admin, identity.Scopes{Models: []string{"*"}})},
		{"providers", w.signedIn("providers", identity.Admin, identity.Scopes{Providers: []string{"*"}})},
		{"usage", w.signedIn("usage", identity.Admin, identity.Scopes{Usage: []string{"*"}})},
		{"monitor", w.signedIn("monitor", identity.Admin, identity.Scopes{Monitor: []string{"*"}})},
		{"listed", w.signedIn("listed", identity.Admin, identity.Scopes{
			Keys: []string{"team_1"}, Teams: []string{"team_1"}, Models: []string{"gpt-*"}, Providers: []string{"a"}, Usage: []string{"team_1"},
		})},
		{"auditor", w.signedIn("auditor", identity.Auditor, identity.Scopes{})},
		{"member", w.signedIn("member", identity.Member, identity.Scopes{})},
		{"service", w.service(identity.Admin, everything)},
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-48s", "route")
	for _, r := range roles {
		fmt.Fprintf(&b, " %-9s", r.name)
	}
	b.WriteString("\n")
	seen := map[Permission]bool{Self: true}
	for _, op := range operations() {
		seen[op.may] = true
		fmt.Fprintf(&b, "%-48s", op.method+" "+op.path)
		for _, r := range roles {
			path := strings.ReplaceAll(op.path, "{id}", "nobody")
			rec := r.who.send(op.method, path, `{"no such member": 1}`)
			if rec.Code == http.StatusUnauthorized || rec.Code >= 500 {
				t.Errorf("%s: %s %s: %d %s", r.name, op.method, path, rec.Code, rec.Body)
			}
			mark := "x"
			if rec.Code == http.StatusForbidden {
				mark = "-"
			}
			fmt.Fprintf(&b, " %-9s", mark)
		}
		b.WriteString("\n")
	}
	for p := range seen {
		if _, ok := granted[p]; !ok && p != Self {
			t.Errorf("%s: permission.go does not say who has it", p)
		}
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	got, file := strings.Join(lines, "\n"), filepath.Join("testdata", "roles.txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != got {
		t.Errorf("%s is not what roles may do (%v): go test ./internal/admin -update\n%s", file, err, got)
	}
}

// TestNobodysSecretsForAuditors: who reads everything reads no secret and no prompt.
func TestNobodysSecretsForAuditors(t *testing.T) {
	for _, p := range callerFor(&identity.Who{ID: "acc_1", Role: identity.Auditor}).Permissions {
		if p != Self && !strings.HasSuffix(string(p), ":read") {
			t.Errorf("an auditor has %s", p)
		}
	}
	for _, who := range []identity.Who{{ID: "acc_1", Role: identity.Member}, {ID: "acc_1"}, {ID: "acc_1", Role: "root"}, {ID: "acc_1", Role: identity.Admin}} {
		c := callerFor(&who)
		if c.Owner || c.May(KeysRead) || c.May(UsageRead) || c.May(AccountsRead) {
			t.Errorf("%+v may %v", who, c.Permissions)
		}
	}
	if c := callerFor(&identity.Who{ID: "svc_1", Role: identity.Owner, Service: true}); c.Owner || len(c.Permissions) > 0 {
		t.Errorf("a machine that is an owner may %v", c.Permissions)
	}
}

// TestListedScopes: an admin of some things sees those and no others, by whatever door.
func TestListedScopes(t *testing.T) {
	w := newWorld(t)
	red := do[Scope](w, 201, "POST", "/admin/teams", `{"name":"red"}`)
	blue := do[Scope](w, 201, "POST", "/admin/teams", `{"name":"blue"}`)
	mine := do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"mine","team":"red"}`)
	other := do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"other","team":"blue"}`)
	named := do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"named"}`)
	inReach := do[map[string]any](w, 201, "POST", "/admin/budgets", `{"scope":"team","scope_id":"red","period":"daily","limit_usd":"5"}`)
	outOfReach := do[map[string]any](w, 201, "POST", "/admin/budgets", `{"scope":"key","scope_id":"`+other.ID+`","period":"daily","limit_usd":"5"}`)
	do[map[string]any](w, 201, "POST", "/admin/budgets", `{"scope":"organisation","period":"daily","limit_usd":"5"}`)
	ann := w.signedIn("ann", identity.Admin, identity.Scopes{
		Keys: []string{red.ID, named.ID}, Teams: []string{red.ID}, Models: []string{"gpt-5*"}, Providers: []string{"b"}, Usage: []string{red.ID},
	})
	if list := as[KeyList](ann, 200, "GET", "/admin/keys", ""); list.Total != 2 {
		t.Errorf("keys %+v", list)
	}
	if list := as[ScopeList](ann, 200, "GET", "/admin/teams", ""); list.Total != 1 || list.Items[0].ID != red.ID {
		t.Errorf("teams %+v", list)
	}
	if list := as[BudgetList](ann, 200, "GET", "/admin/budgets", ""); list.Total != 1 {
		t.Errorf("budgets %+v", list)
	}
	if list := as[ProviderList](ann, 200, "GET", "/admin/providers", ""); list.Total != 1 || list.Providers[0].ID != "b" {
		t.Errorf("providers %+v", list)
	}
	as[Key](ann, 200, "GET", "/admin/keys/"+mine.ID, "")
	as[Key](ann, 200, "PATCH", "/admin/keys/"+mine.ID, `{"description":"d"}`)
	as[KeyMade](ann, 201, "POST", "/admin/keys", `{"name":"new","team":"red"}`)
	as[map[string]any](ann, 200, "GET", "/admin/budgets/"+inReach["id"].(string), "")
	for _, c := range []struct {
		status             int
		method, path, body string
	}{
		{404, "GET", "/admin/keys/" + other.ID, ""},
		{404, "PATCH", "/admin/keys/" + other.ID, `{"name":"x"}`},
		{404, "PUT", "/admin/keys/" + other.ID, `{"name":"x"}`},
		{404, "DELETE", "/admin/keys/" + other.ID, ""},
		{404, "POST", "/admin/keys/" + other.ID + "/rotate", ""},
		{404, "POST", "/admin/keys/" + other.ID + "/revoke", ""},
		{404, "POST", "/admin/keys/" + other.ID + "/reveal", ""},
		{422, "PATCH", "/admin/keys/" + mine.ID, `{"team":"blue"}`},
		{422, "PATCH", "/admin/keys/" + mine.ID, `{"team":null}`},
		{422, "POST", "/admin/keys", `{"name":"new"}`},
		{422, "POST", "/admin/keys", `{"name":"new","team":"blue"}`},
		{422, "POST", "/admin/keys/batch", `{"names":["a","b"],"team":"blue"}`},
		{403, "GET", "/admin/keys/export", ""},
		{403, "POST", "/admin/keys/import", "{}"},
		{404, "GET", "/admin/teams/" + blue.ID, ""},
		{404, "PATCH", "/admin/teams/" + blue.ID, `{"name":"x"}`},
		{404, "DELETE", "/admin/teams/" + blue.ID, ""},
		{422, "DELETE", "/admin/teams/" + red.ID + "?move_keys_to=blue", ""},
		{403, "POST", "/admin/teams", `{"name":"new"}`},
		{403, "GET", "/admin/users", ""},
		{403, "PATCH", "/admin/organisation", `{"rpm":1}`},
		{404, "GET", "/admin/budgets/" + outOfReach["id"].(string), ""},
		{404, "PATCH", "/admin/budgets/" + outOfReach["id"].(string), `{"limit_usd":"900"}`},
		{404, "DELETE", "/admin/budgets/" + outOfReach["id"].(string), ""},
		{404, "POST", "/admin/budgets/" + outOfReach["id"].(string) + "/reset", "{}"},
		{404, "POST", "/admin/budgets/" + outOfReach["id"].(string) + "/recharge", `{"amount":"$5"}`},
		{404, "GET", "/admin/budgets/" + outOfReach["id"].(string) + "/events", ""},
		{422, "POST", "/admin/budgets", `{"scope":"organisation","period":"monthly","limit_usd":"5"}`},
		{422, "POST", "/admin/budgets", `{"scope":"team","scope_id":"blue","period":"monthly","limit_usd":"5"}`},
		{404, "GET", "/admin/providers/a", ""},
		{404, "PATCH", "/admin/providers/a", `{"enabled":false}`},
		{404, "POST", "/admin/providers/a/test", ""},
		{422, "POST", "/admin/prices", `{"model":"claude-opus","prices":{"input":"1"}}`},
		{422, "DELETE", "/admin/prices?model=claude-opus", ""},
		{403, "POST", "/admin/prices/sync", ""},
		{403, "GET", "/admin/usage/export", ""},
		{403, "GET", "/admin/alerts", ""},
		{403, "GET", "/admin/accounts", ""},
		{403, "POST", "/admin/invitations", `{"role":"owner"}`},
	} {
		ann.refused(c.status, "", c.method, c.path, c.body)
	}
	as[PriceList](ann, 201, "POST", "/admin/prices", `{"model":"gpt-5-mini","prices":{"input":"1"}}`)
}

// TestListedUsage: usage and the request log hold what the scopes list.
func TestListedUsage(t *testing.T) {
	w := newWorld(t)
	red := do[Scope](w, 201, "POST", "/admin/teams", `{"name":"red"}`)
	_, request := w.record()
	nobody := w.signedIn("ann", identity.Admin, identity.Scopes{Usage: []string{red.ID}})
	if list := as[AttemptList](nobody, 200, "GET", "/admin/attempts?from=2020-01-01T00:00:00Z", ""); len(list.Attempts) != 0 {
		t.Errorf("attempts %+v", list)
	}
	nobody.refused(404, "", "GET", "/admin/requests/"+request, "")
	if u := as[UsageList](nobody, 200, "GET", "/admin/usage?from=2020-01-01", ""); u.Total.TotalRequests != 0 || len(u.Usage) != 0 {
		t.Errorf("usage %+v", u)
	}
	all := as[AttemptList](w.signedIn("bob", identity.Admin, identity.Scopes{Usage: []string{"*"}}), 200, "GET", "/admin/attempts?from=2020-01-01T00:00:00Z", "")
	if len(all.Attempts) == 0 {
		t.Fatal("there are no attempts to hide")
	}
	one := w.signedIn("cid", identity.Admin, identity.Scopes{Usage: []string{all.Attempts[0].KeyID}})
	if list := as[AttemptList](one, 200, "GET", "/admin/attempts?from=2020-01-01T00:00:00Z", ""); len(list.Attempts) == 0 {
		t.Error("its own attempts are hidden")
	}
	as[Request](one, 200, "GET", "/admin/requests/"+request, "")
}

// TestOwnKeys: a member's keys are theirs, of their teams, and theirs alone.
func TestOwnKeys(t *testing.T) {
	w := newWorld(t)
	red := do[Scope](w, 201, "POST", "/admin/teams", `{"name":"red"}`)
	do[Scope](w, 201, "POST", "/admin/teams", `{"name":"blue"}`)
	ann, bob := w.signedIn("ann", identity.Member, identity.Scopes{}, red.ID), w.signedIn("bob", identity.Member, identity.Scopes{})
	k := as[KeyMade](ann, 201, "POST", "/admin/me/keys", `{"name":"laptop","rpm":5,"allowed_models":["gpt-*"],"expires_at":"2027-01-01T00:00:00Z"}`)
	if k.TeamID != red.ID || k.UserID != ann.account.UserID || k.UserID == "" || *k.Limits.RPM != 5 {
		t.Fatalf("made %+v", k)
	}
	if who := w.opens(k.Secret); who == nil || who.Labels.User != ann.account.UserID || who.Labels.Team != red.ID {
		t.Errorf("it speaks for %+v", who)
	}
	theirs := do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"of an operator","team":"blue"}`)
	path := "/admin/me/keys/" + k.ID
	for _, id := range []string{k.ID, theirs.ID, "config", "nobody", "laptop"} {
		for method, at := range map[string]string{"GET": "", "PATCH": "", "DELETE": "", "POST": "/rotate"} {
			bob.refused(404, "", method, "/admin/me/keys/"+id+at, `{}`)
		}
	}
	for _, c := range []struct{ method, path, body, words string }{
		{"POST", "/admin/me/keys", `{"name":"x","team":"blue"}`, "one of your teams"},
		{"POST", "/admin/me/keys", `{"name":"x","user":"` + bob.account.UserID + `"}`, "user is not known"},
		{"POST", "/admin/me/keys", `{"name":"x","policy":{"routing":{"models":["*"]}}}`, "policy is not known"},
		{"POST", "/admin/me/keys", `{"name":"x","log_payloads":true}`, "log_payloads is not known"},
		{"POST", "/admin/me/keys", `{"name":"x","allowed_providers":["a"]}`, "allowed_providers is not known"},
		{"PATCH", path, `{"user":"` + bob.account.UserID + `"}`, "user is not known"},
		{"PATCH", path, `{"enabled":true}`, "enabled is not known"},
		{"PATCH", path, `{"team":"blue"}`, "one of your teams"},
		{"PATCH", path, `{"team":null}`, "one of your teams"},
		{"PATCH", path, `{"rpm":6}`, "narrowed only"},
		{"PATCH", path, `{"rpm":null}`, "narrowed only"},
		{"PATCH", path, `{"allowed_models":null}`, "narrowed only"},
		{"PATCH", path, `{"allowed_models":["claude-*"]}`, "narrowed only"},
		{"PATCH", path, `{"expires_at":null}`, "narrowed only"},
		{"PATCH", path, `{"expires_at":"2028-01-01T00:00:00Z"}`, "narrowed only"},
		{"PATCH", "/admin/me", `{"role":"owner"}`, "role is not known"},
		{"PATCH", "/admin/me", `{"scopes":{"keys":["*"]}}`, "scopes is not known"},
		{"PATCH", "/admin/me", `{"email":"x@example.org"}`, "email is not known"},
		{"PATCH", "/admin/me", `{"user_id":"x"}`, "user_id is not known"},
	} {
		ann.refused(422, c.words, c.method, c.path, c.body)
	}
	if one := as[Key](ann, 200, "PATCH", path, `{"rpm":4,"name":"old laptop"}`); *one.Limits.RPM != 4 || one.Name != "old laptop" || one.UserID != ann.account.UserID || one.TeamID != red.ID {
		t.Errorf("narrowed %+v", one)
	}
	as[KeyMade](ann, 201, "POST", "/admin/me/keys", `{"name":"two"}`)
	as[KeyMade](ann, 201, "POST", "/admin/me/keys", `{"name":"three"}`)
	ann.refused(409, "max_keys", "POST", "/admin/me/keys", `{"name":"four"}`)
	as[Deleted](ann, 200, "DELETE", path, "")
	as[KeyMade](ann, 201, "POST", "/admin/me/keys", `{"name":"four"}`)
	bob.refused(409, "no team", "POST", "/admin/me/keys", `{"name":"x"}`)
	if list := as[KeyList](bob, 200, "GET", "/admin/me/keys", ""); list.Total != 0 {
		t.Errorf("bob has %+v", list)
	}
	if c := as[Connect](ann, 200, "GET", "/admin/me/connect", ""); c.OpenAI != "https://gw.example.org/v1" || len(c.Teams) != 1 || c.Teams[0].Name != "red" || c.KeysInUse != 3 || len(c.Models) == 0 {
		t.Errorf("connect %+v", c)
	}
	w.refused(409, "has no keys of its own", "POST", "/admin/me/keys", `{"name":"x"}`)
	if me := do[Me](w, 200, "GET", "/admin/me", ""); me.Role != identity.Owner || len(me.Permissions) < 10 {
		t.Errorf("the admin key is %+v", me)
	}
}

// TestOwnUsage: a member sees what their own keys have used.
func TestOwnUsage(t *testing.T) {
	w := newWorld(t)
	w.record()
	ann := w.signedIn("ann", identity.Member, identity.Scopes{})
	if u := as[UsageList](ann, 200, "GET", "/admin/me/usage?from=2020-01-01&by=key,user", ""); u.Total.TotalRequests != 0 || len(u.Usage) != 0 {
		t.Errorf("usage of others: %+v", u)
	}
	ann.refused(422, "user_id is not known", "GET", "/admin/me/usage?user_id=x", "")
}

// TestOwnSessionsAndIdentities: the ids of others are nothing to a person.
func TestOwnSessionsAndIdentities(t *testing.T) {
	w := newWorld(t)
	ann, bob := w.signedIn("ann", identity.Member, identity.Scopes{}), w.signedIn("bob", identity.Member, identity.Scopes{})
	his := as[SessionList](bob, 200, "GET", "/admin/me/sessions", "")
	if his.Total != 1 || !his.Sessions[0].Current {
		t.Fatalf("his sessions: %+v", his)
	}
	who := store.Identity{ID: "idn_1", Issuer: "https://i.example", Subject: "s", AccountID: bob.account.ID, Provider: "entra", CreatedAt: w.now}
	if err := w.opt.Store.AddIdentity(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	ann.refused(404, "", "DELETE", "/admin/me/sessions/"+his.Sessions[0].ID, "")
	ann.refused(404, "", "DELETE", "/admin/me/identities/idn_1", "")
	bob.refused(409, "only way", "DELETE", "/admin/me/identities/idn_1", "")
	as[Deleted](bob, 200, "DELETE", "/admin/me/sessions/"+his.Sessions[0].ID, "")
	bob.refused(401, "", "GET", "/admin/me", "")
}

// TestTakenAtOnce: role, account, keys and session are taken from somebody at once.
func TestTakenAtOnce(t *testing.T) {
	w := newWorld(t)
	root := w.signedIn("root", identity.Owner, identity.Scopes{})
	ann := w.signedIn("ann", identity.Owner, identity.Scopes{})
	k := as[KeyMade](ann, 201, "POST", "/admin/me/keys", `{"name":"k"}`)
	as[AccountList](ann, 200, "GET", "/admin/accounts", "")
	path := "/admin/accounts/" + ann.account.ID
	as[Account](root, 200, "PATCH", path, `{"role":"member"}`)
	ann.refused(403, "accounts:read", "GET", "/admin/accounts", "")
	ann.refused(403, "accounts:write", "PATCH", path, `{"role":"owner"}`)
	root.refused(409, "last owner", "PATCH", "/admin/accounts/"+root.account.ID, `{"role":"auditor"}`)
	root.refused(409, "last owner", "DELETE", "/admin/accounts/"+root.account.ID, "")
	root.refused(409, "last owner", "PATCH", "/admin/accounts/"+root.account.ID, `{"disabled":true}`)
	root.refused(422, "needs scopes", "PATCH", path, `{"role":"admin"}`)
	root.refused(422, "scopes.monitor", "PATCH", path, `{"role":"admin","scopes":{"monitor":["x"]}}`)
	as[Account](root, 200, "PATCH", path, `{"disabled":true}`)
	ann.refused(401, "access token", "GET", "/admin/me", "")
	if who := w.opens(k.Secret); who == nil || who.Barred == "" {
		t.Errorf("the key of a disabled account speaks for %+v", who)
	}
	as[Account](root, 200, "PATCH", path, `{"disabled":false}`)
	ann.refused(401, "", "GET", "/admin/me", "") // its sessions stay ended
	if who := w.opens(k.Secret); who == nil || who.Barred != "" {
		t.Errorf("the key of an enabled account: %+v", who)
	}
	as[Deleted](root, 200, "DELETE", path, "")
	if who := w.opens(k.Secret); who == nil || who.Barred == "" {
		t.Errorf("the key of a deleted account speaks for %+v", who)
	}
}

// TestOwnPassword: a stolen access token is no way to guess a password, nor a code.
func TestOwnPassword(t *testing.T) {
	w := newWorld(t)
	made := do[Account](w, 201, "POST", "/admin/accounts", `{"login":"ann","role":"member","password":"`+password+`"}`)
	row, err := w.opt.Accounts.SignIn(t.Context(), "ann", password)
	if err != nil || row.ID != made.ID {
		t.Fatal(row, err)
	}
	tokens, err := w.opt.Accounts.Open(t.Context(), &row, "password", "")
	if err != nil {
		t.Fatal(err)
	}
	ann := &person{w, row, tokens.Access}
	for range maxCodes {
		ann.refused(422, "is not your password", "POST", "/admin/me/password", `{"current":"wrong","password":"another password"}`)
	}
	ann.refused(429, "too many", "POST", "/admin/me/password", `{"current":"`+password+`","password":"another password"}`)
	w.now = w.now.Add(time.Minute)
	ann.refused(422, "at least 12", "POST", "/admin/me/password", `{"current":"`+password+`","password":"short"}`)
	as[Done](ann, 200, "POST", "/admin/me/password", `{"current":"`+password+`","password":"another password"}`)
	ann.refused(401, "", "GET", "/admin/me", "")
	if _, err := w.opt.Accounts.SignIn(t.Context(), "ann", "another password"); err != nil {
		t.Error(err)
	}
}

// TestNoToken: what is no access token of this gateway opens nothing.
func TestNoToken(t *testing.T) {
	w := newWorld(t)
	ann := w.signedIn("ann", identity.Owner, identity.Scopes{})
	head, rest, _ := strings.Cut(ann.token, ".")
	body, signature, _ := strings.Cut(rest, ".")
	for name, token := range map[string]string{
		"none":              "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + body + ".",
		"no signature":      head + "." + body + ".",
		"another signature": head + "." + body + "." + strings.Repeat("A", len(signature)),
		"another body":      head + ".eyJzdWIiOiJhY2NfMSJ9." + signature,
		"nothing":           "eyJ..",
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/admin/me", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		if w.h.ServeHTTP(rec, r); rec.Code != 401 || !strings.Contains(rec.Header().Get("WWW-Authenticate"), "invalid_token") {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
	w.now = w.now.Add(31 * time.Minute)
	ann.refused(401, "has run out", "GET", "/admin/me", "")
}
