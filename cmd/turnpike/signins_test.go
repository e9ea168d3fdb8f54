package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"turnpike/internal/provider/copilot/copilottest"
	"turnpike/internal/provider/kiro/kirotest"
)

// unofficialFleet is a configuration with an account at each service, for gateways that
// share a database.
func unofficialFleet(t *testing.T, data string, k *kirotest.Service, c *copilottest.Service, more string) (path string) {
	t.Helper()
	dir := filepath.Dir(data)
	return write(t, filepath.Join(dir, "fleet.yaml"), fmt.Sprintf(
		"unofficial: true\ndata_dir: %q\nserver: { port: 0 }\n%sproviders:\n  - { name: k, type: kiro, settings_file: %q }\n  - { name: c, type: copilot, settings_file: %q }\n",
		data, more, write(t, filepath.Join(dir, "k.json"), string(k.Settings())), write(t, filepath.Join(dir, "c.json"), string(c.Settings()))))
}

// replicaOf starts a gateway of a fleet.
func replicaOf(t *testing.T, path, data, name string) *running {
	t.Helper()
	r, _ := firstRun(t, load(t, data, map[string]string{"auth.api_key": clientOfTheTest, "ledger.dir": filepath.Join(data, name)}, path))
	return r
}

const clientOfTheTest = "sk-a-key-of-this-test"

// loginAnswer is what the admin API says of a login.
type loginAnswer struct {
	ID, Status, Error, Provider, Detail string
	UserCode                            string  `json:"user_code"`
	AuthURL                             string  `json:"auth_url"`
	Interval                            float64 `json:"interval"`
}

func (r *running) login(method, path, body string) (int, loginAnswer) {
	r.t.Helper()
	status, text := r.do(method, path, operatorKey, body)
	var a loginAnswer
	if status >= 400 { // a problem, whose status is a number
		a.Detail = text
	} else if err := json.Unmarshal([]byte(text), &a); err != nil {
		r.t.Fatalf("%d %s", status, text)
	}
	return status, a
}

// comes asks again until an answer is the wanted one, for the second that a login may take
// to be in use.
func (r *running) comes(ask func() (int, string), want int, words string) string {
	r.t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		status, text := ask()
		if status == want && strings.Contains(text, words) {
			return text
		}
		select {
		case <-deadline.C:
			r.t.Fatalf("still %d %s, want %d %s", status, text, want, words)
		default:
		}
	}
}

// speaks asks a provider something until it answers with a status.
func (r *running) speaks(provider string, want int) string {
	r.t.Helper()
	const body = `{"model":"%s/claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}`
	return r.comes(func() (int, string) {
		return r.do("POST", "/v1/messages", clientOfTheTest, fmt.Sprintf(body, provider))
	}, want, "")
}

// stands waits until a provider is ready or left alone, without asking it anything.
func (r *running) stands(provider, state string) {
	r.t.Helper()
	r.comes(func() (int, string) { return r.do("GET", "/admin/providers/"+provider, operatorKey, "") }, 200, `"state":"`+state+`"`)
}

// TestSigningInByTheAPI: somebody signs in by the API, begun at one gateway and ended at
// another; all use it, though they had failed for want of a login; signs out, and in again by
// the address of a browser; and nothing is lost with a restart.
func TestSigningInByTheAPI(t *testing.T) { signInEverywhere(t, alone(t)) }

func TestSigningInByTheAPIOnPostgres(t *testing.T) {
	data, _ := onPostgres(t)
	signInEverywhere(t, data)
}

func signInEverywhere(t *testing.T, data string) {
	t.Helper()
	t.Setenv("TURNPIKE_AUTH_ADMIN_KEY", operatorKey)
	k, c := kirotest.New(t), copilottest.New(t, time.Now)
	path := unofficialFleet(t, data, k, c, "")
	one, two, three := replicaOf(t, path, data, "one"), replicaOf(t, path, data, "two"), replicaOf(t, path, data, "three")
	all := []*running{one, two, three}
	for _, r := range all {
		if text := r.speaks("k", 502); !strings.Contains(text, "turnpike login kiro k") {
			t.Error(text)
		}
		r.stands("k", "cooling")
	}
	status, in := one.login("POST", "/admin/auth/device-code?provider=k", "")
	if status != 200 || in.Status != "pending" || in.UserCode == "" {
		t.Fatalf("%d %+v", status, in)
	}
	k.Grant(in.UserCode)
	for in.Status == "pending" { // the service wants a second between polls
		if status, in = two.login("GET", "/admin/auth/poll/"+in.ID, ""); status != 200 {
			t.Fatalf("%d %+v", status, in)
		}
	}
	if status, done := three.login("POST", "/admin/auth/complete/"+in.ID, ""); status != 200 || done.Provider != "k" {
		t.Fatalf("%d %+v", status, done)
	}
	for _, r := range all {
		r.stands("k", "ready") // what was held against nobody is forgotten
		r.comes(func() (int, string) { return r.do("GET", "/v1/models", clientOfTheTest, "") }, 200, "deepseek-3.2")
		r.speaks("k", 200)
	}
	noSecret(t, data, strings.Repeat("x", 30)) // every token and code of the services holds it

	if status, _ := two.login("DELETE", "/admin/providers/k/login", ""); status != 200 {
		t.Fatal(status)
	}
	for _, r := range all {
		r.speaks("k", 502)
	}
	_, in = two.login("POST", "/admin/kiro/login", `{"method":"github"}`)
	end, err := url.Parse(k.Visit(in.AuthURL, "github", nil))
	if err != nil {
		t.Fatal(err)
	}
	at := "/admin/kiro/login/complete/" + in.ID
	if status, got := one.login("POST", at, fmt.Sprintf(`{"code":%q,"state":"another"}`, end.Query().Get("code"))); status != 400 || !strings.Contains(got.Detail, "state") {
		t.Errorf("a state of somebody else's: %d %+v", status, got)
	}
	if status, got := three.login("POST", at, fmt.Sprintf(`{"code":%q,"state":%q}`, end.Query().Get("code"), end.Query().Get("state"))); status != 200 || got.Status != "completed" {
		t.Errorf("%d %+v", status, got)
	}
	for _, r := range all {
		r.speaks("k", 200)
	}
	if status, _ := one.login("POST", "/admin/kiro/refresh", ""); status != 200 {
		t.Error(status)
	}
	if renewals, reused := k.Counts(); renewals != 1 || reused != 0 {
		t.Errorf("%d renewals, %d tokens used again", renewals, reused)
	}
	for _, r := range all {
		r.speaks("k", 200)
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
	}
	again := replicaOf(t, path, data, "one")
	again.speaks("k", 200)
	if _, reused := k.Counts(); reused != 0 {
		t.Errorf("%d tokens used again after a restart", reused)
	}
	if status, got := again.login("POST", "/admin/kiro/import-local", `{"db_path":"/etc/passwd"}`); status != 403 || !strings.Contains(got.Detail, "command line") {
		t.Errorf("%d %+v", status, got)
	}
}

// TestImportByTheAPI: where the provider's settings allow it, and of known files only.
func TestImportByTheAPI(t *testing.T) {
	data := alone(t)
	t.Setenv("TURNPIKE_AUTH_ADMIN_KEY", operatorKey)
	k := kirotest.New(t)
	settings := strings.Replace(string(k.Settings()), "{", `{"imports":{"api":true},`, 1)
	path := write(t, filepath.Join(filepath.Dir(data), "import.yaml"), fmt.Sprintf(
		"unofficial: true\ndata_dir: %q\nserver: { port: 0 }\nproviders: [{ name: k, type: kiro, settings_file: %q }]\n", data, write(t, filepath.Join(filepath.Dir(data), "k.json"), settings)))
	r := replicaOf(t, path, data, "one")
	access, refresh, _, _ := k.Login("social")
	at := ideLogin(t, access, refresh)
	for _, body := range []string{`{"db_path":"/etc/passwd"}`, fmt.Sprintf(`{"from":"ide","db_path":%q}`, path), fmt.Sprintf(`{"from":"cli","db_path":%q}`, at)} {
		if status, got := r.login("POST", "/admin/kiro/import-local", body); status != 400 || !strings.Contains(got.Detail, "none of the files") {
			t.Errorf("%s: %d %+v", body, status, got)
		}
	}
	if status, text := r.do("POST", "/admin/kiro/import-local", operatorKey, `{"from":"ide"}`); status != 200 || !strings.Contains(text, `"has_refresh":true`) || strings.Contains(text, refresh) {
		t.Errorf("%d %s", status, text)
	}
	r.speaks("k", 200)
}

// ideLogin keeps a login as the IDE does, and tells where.
func ideLogin(t *testing.T, access, refresh string) string {
	t.Helper()
	cache := filepath.Join(os.Getenv("HOME"), ".aws", "sso", "cache")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	return write(t, filepath.Join(cache, "kiro-auth-token.json"), fmt.Sprintf(
		`{"accessToken":%q,"refreshToken":%q,"expiresAt":%q,"authMethod":"social","region":"us-east-1"}`, access, refresh, time.Now().Add(time.Hour).Format(time.RFC3339)))
}

// TestLogout: an account is signed out by the command too.
func TestLogout(t *testing.T) {
	data := alone(t)
	k := kirotest.New(t)
	path := kiroAt(t, k, data)
	access, refresh, _, _ := k.Login("social")
	ideLogin(t, access, refresh)
	refused(t, "nobody has signed in", "logout", "mine", "--config", path)
	commandOut(t, "login", "kiro", "--import", "ide", "--config", path)
	if out := commandOut(t, "logout", "mine", "--config", path); !strings.Contains(out, "Signed out") {
		t.Error(out)
	}
	refused(t, "nobody has signed in", "logout", "--config", path)
	refused(t, "no such account", "logout", "nobody", "--config", path)
}
