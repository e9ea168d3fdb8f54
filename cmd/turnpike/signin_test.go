package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var linkSecret = regexp.MustCompile(`/ui/welcome#(tpi_[A-Za-z0-9_-]{43})`)

// secretIn is the secret of the link in a text.
func secretIn(t *testing.T, text string) string {
	t.Helper()
	m := linkSecret.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("there is no link in %q", text)
	}
	return m[1]
}

// signedIn posts to a route of /auth and is the access token.
func (r *running) signedIn(path, body string) string {
	r.t.Helper()
	status, answer := r.do("POST", path, "", body)
	var in struct {
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(answer), &in); err != nil || status != 200 || in.Access == "" {
		r.t.Fatalf("%s: %d %s", path, status, answer)
	}
	return in.Access
}

// TestFirstOwner: where people sign in with a password, the first start prints a link that
// makes an owner, once; the owner lets others in; everything holds at another gateway too.
func TestFirstOwner(t *testing.T) {
	data := alone(t)
	local := map[string]string{"auth.local": "true", "ledger.dir": filepath.Join(data, "one")}
	r, out := firstRun(t, load(t, data, local, ""))
	token := r.signedIn("/auth/bootstrap", `{"token":"`+secretIn(t, out)+`","login":"root","password":"correct horse battery"}`)
	local["ledger.dir"] = filepath.Join(data, "two")
	other, out := firstRun(t, load(t, data, local, ""))
	if linkSecret.MatchString(out) {
		t.Error("a second link is printed")
	}
	for _, at := range []*running{r, other} {
		if status, answer := at.do("GET", "/admin/accounts", token, ""); status != 200 || !strings.Contains(answer, `"login":"root"`) {
			t.Errorf("%d %s", status, answer)
		}
	}
	_, answer := r.do("POST", "/admin/invitations", token, `{"role":"member"}`)
	member := other.signedIn("/auth/bootstrap", `{"token":"`+secretIn(t, answer)+`","login":"ann","password":"correct horse battery"}`)
	if status, answer := r.do("GET", "/admin/accounts", member, ""); status != 403 {
		t.Errorf("%d %s", status, answer)
	}
	if status, answer := r.do("GET", "/admin/me", member, ""); status != 200 || !strings.Contains(answer, `"role":"member"`) {
		t.Errorf("%d %s", status, answer)
	}
	commandOut(t, "accounts", "disable", "ann", "--data-dir", data)
	for _, at := range []*running{r, other} {
		if status, answer := at.do("GET", "/admin/me", member, ""); status != 401 {
			t.Errorf("%d %s", status, answer)
		}
	}
	log, _ := r.log.now()
	for _, secret := range []string{token, member, "correct horse battery", "tpi_", "tpr_"} {
		if strings.Contains(log, secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
	if !strings.Contains(log, "action=sign_in outcome=ok") {
		t.Error("the log does not tell who signed in")
	}
}

// TestSignInIsOff unless it is wanted.
func TestSignInIsOff(t *testing.T) {
	r, out := firstRun(t, load(t, alone(t), nil, ""))
	if linkSecret.MatchString(out) {
		t.Errorf("a link: %s", out)
	}
	if status, answer := r.do("GET", "/auth/methods", "", ""); status != 200 || strings.TrimSpace(answer) != `{"local":false,"oidc":[]}` {
		t.Errorf("%d %s", status, answer)
	}
	if status, _ := r.do("POST", "/auth/login", "", `{"login":"a","password":"b"}`); status != 404 {
		t.Errorf("%d", status)
	}
}

// TestAccountsCommand: whoever has the database and the key file lets people in, whatever
// else is broken.
func TestAccountsCommand(t *testing.T) {
	data := alone(t)
	at := func(args ...string) []string {
		return append(append([]string{"accounts"}, args...), "--data-dir", data)
	}
	commandOut(t, "teams", "create", "red", "--data-dir", data)
	typed := write(t, filepath.Join(data, "..", "typed"), "correct horse battery\n")
	f, err := os.Open(typed)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	was := os.Stdin
	os.Stdin = f
	defer func() { os.Stdin = was }()
	if out := commandOut(t, at("create", "Ann@example.org", "--role", "admin", "--scopes", "keys,usage;teams=team_1", "--teams", "red")...); !strings.Contains(out, `"ann@example.org"`) {
		t.Error(out)
	}
	refused(t, "is none of", at("invite", "--role", "admin", "--scopes", "everything")...)
	refused(t, "needs scopes", at("invite", "--role", "admin")...)
	refused(t, "turnpike teams create", at("invite", "--teams", "blue")...)
	refused(t, "there is no account", at("reset", "nobody")...)
	refused(t, "usage", "accounts", "promote")
	secretIn(t, commandOut(t, at("invite", "--role", "member", "--teams", "red")...))
	secretIn(t, commandOut(t, at("owner")...))
	secretIn(t, commandOut(t, at("reset", "ann@example.org")...))
	var list []struct {
		ID, Login, Role, State string
		Scopes                 struct{ Keys, Usage, Teams []string }
	}
	if err := json.Unmarshal([]byte(commandOut(t, at("list", "--json")...)), &list); err != nil || len(list) != 1 || list[0].Role != "admin" || list[0].Scopes.Teams[0] != "team_1" || list[0].Scopes.Keys[0] != "*" {
		t.Fatalf("%+v, %v", list, err)
	}
	commandOut(t, at("set", list[0].ID, "--role", "auditor")...)
	commandOut(t, at("disable", "ann@example.org")...)
	if out := commandOut(t, at("list")...); !strings.Contains(out, "auditor") || !strings.Contains(out, "disabled") {
		t.Error(out)
	}
	commandOut(t, at("enable", "ann@example.org")...)
	commandOut(t, at("sign-out", "ann@example.org")...)
	commandOut(t, at("delete", "ann@example.org")...)
	if out := commandOut(t, at("list")...); strings.Contains(out, "ann@") {
		t.Error(out)
	}
}
