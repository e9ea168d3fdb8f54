package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"turnpike/internal/keyring"
	"turnpike/internal/operator"
	"turnpike/internal/roster"
)

var secretForm = regexp.MustCompile(`sk-ant-api03_[A-Za-z0-9_-]{43}`)

// alone hides the settings and keys of whoever runs the tests, goes to an empty
// folder, and names a data folder in it.
func alone(t *testing.T) (data string) {
	t.Helper()
	for _, line := range os.Environ() {
		name, _, _ := strings.Cut(line, "=")
		for _, prefix := range []string{"TURNPIKE_", "OPENAI_", "ANTHROPIC_", "AWS_", "GEMINI_", "GOOGLE_", "GCE_"} {
			if strings.HasPrefix(name, prefix) {
				t.Setenv(name, "")
			}
		}
	}
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("HOME", dir)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	return filepath.Join(dir, "data")
}

// captured is what a command wrote to the terminal.
type captured struct{ out, err string }

// capture runs do with the terminal turned into files.
func capture(t *testing.T, do func() error) (captured, error) {
	t.Helper()
	var files [2]*os.File
	for i := range files {
		f, err := os.CreateTemp(t.TempDir(), "terminal")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = files[0], files[1]
	err := do()
	os.Stdout, os.Stderr = stdout, stderr
	var text [2]string
	for i, f := range files {
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		text[i] = string(b)
	}
	return captured{text[0], text[1]}, err
}

// command runs a command that must work.
func commandOut(t *testing.T, args ...string) string {
	t.Helper()
	got, err := capture(t, func() error { return run(args) })
	if err != nil {
		t.Fatalf("turnpike %s: %v", strings.Join(args, " "), err)
	}
	return got.out
}

// refused runs a command that must not.
func refused(t *testing.T, want string, args ...string) captured {
	t.Helper()
	got, err := capture(t, func() error { return run(args) })
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("turnpike %s: error %v, want %q", strings.Join(args, " "), err, want)
	}
	return got
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVersionAndHelp(t *testing.T) {
	alone(t)
	for _, args := range [][]string{{"version"}, {"--version"}, {"-version"}} {
		if got := commandOut(t, args...); got != "turnpike "+version+"\n" {
			t.Errorf("%q: %q", args, got)
		}
	}
	for _, args := range [][]string{{}, {"help"}, {"--help"}, {"-h"}} {
		got := commandOut(t, args...)
		for _, c := range commands() {
			if !strings.Contains(got, c.name) || !strings.Contains(got, c.help) {
				t.Errorf("%q does not tell of %s: %s", args, c.name, got)
			}
		}
	}
	for _, args := range [][]string{{"serve", "--help"}, {"keys", "create", "-h"}, {"config", "check", "--help"}} {
		got, err := capture(t, func() error { return run(args) })
		if !errors.Is(err, flag.ErrHelp) || !strings.Contains(got.err, "-data-dir") {
			t.Errorf("%q: %v, %s", args, err, got.err)
		}
	}
}

func TestWrongCommands(t *testing.T) {
	alone(t)
	if got := refused(t, `no command "sevre"`, "sevre"); !strings.Contains(got.out, "serve") {
		t.Errorf("what there is was not told: %s", got.out)
	}
	refused(t, "usage: turnpike keys create|list|show|set|rotate|revoke|reveal|import|export", "keys")
	refused(t, "usage: turnpike keys create|list|show|set|rotate|revoke|reveal|import|export", "keys", "make")
	refused(t, "usage: turnpike config check|print", "config", "show")
	refused(t, "usage: turnpike providers list|test|usage|unpin|on|off", "providers", "--json")
	refused(t, "flag provided but not defined", "keys", "list", "--nonsense")
	refused(t, `"extra" is one word too many`, "keys", "list", "extra")
	refused(t, `"extra" is one word too many`, "config", "check", "extra")
	refused(t, `"b" is one word too many`, "keys", "create", "a", "--json", "b")
	refused(t, `"now" is one word too many`, "serve", "now")
	if files, err := os.ReadDir("."); err != nil || len(files) != 0 {
		t.Errorf("a wrong command left %v, %v", files, err)
	}
}

func TestNewSecret(t *testing.T) {
	whole := regexp.MustCompile(`^` + secretForm.String() + `$`)
	seen := map[string]bool{}
	for range 100 {
		s := roster.NewSecret(roster.SecretPrefix)
		if !whole.MatchString(s) || seen[s] {
			t.Errorf("secret %q", s)
		}
		seen[s] = true
	}
	if s := roster.NewSecret(adminPrefix); !strings.HasPrefix(s, "tp-admin-") || secretForm.MatchString(s) {
		t.Errorf("admin key %q", s)
	}
}

// noSecret looks for secrets in every file of the data folder.
func noSecret(t *testing.T, data string, secrets ...string) {
	t.Helper()
	err := filepath.WalkDir(data, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // a file of SQLite's own, just gone
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		for _, s := range secrets {
			if bytes.Contains(b, []byte(s)) || bytes.Contains(b, []byte(s[len(s)-30:])) {
				t.Errorf("%s holds a secret in the clear", path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// hasHash looks for the hash of a secret in the database.
func hasHash(t *testing.T, data, secret string) bool {
	t.Helper()
	found := false
	files, err := filepath.Glob(filepath.Join(data, "turnpike.db*"))
	if err != nil {
		t.Fatal(err)
	}
	hash := keyring.Hash(secret)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		found = found || bytes.Contains(b, hash[:])
	}
	return found
}

// made is what keys create --json prints.
type made struct{ ID, Name, Key string }

func createdKey(t *testing.T, data string, args ...string) (m made) {
	t.Helper()
	args = append([]string{"keys", "create", "--data-dir", data, "--json"}, args...)
	if err := json.Unmarshal([]byte(commandOut(t, args...)), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func listedKeys(t *testing.T, data string) []operator.KeyView {
	t.Helper()
	var lines []operator.KeyView
	if err := json.Unmarshal([]byte(commandOut(t, "keys", "list", "--json", "--data-dir", data)), &lines); err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestKeysCreate(t *testing.T) {
	data := alone(t)
	if got := commandOut(t, "keys", "list", "--json", "--data-dir", data); got != "[]\n" {
		t.Errorf("no keys: %q", got)
	}
	out := commandOut(t, "keys", "create", "--data-dir", data, "alice")
	secrets := secretForm.FindAllString(out, -1)
	if len(secrets) != 1 || !strings.Contains(out, "alice") || !strings.Contains(out, "shown once") {
		t.Fatalf("printed %s", out)
	}
	if !hasHash(t, data, secrets[0]) {
		t.Error("the database lacks the key's hash")
	}
	noSecret(t, data, secrets[0])

	list := commandOut(t, "keys", "list", "--data-dir", data)
	if strings.Contains(list, secrets[0]) || !strings.Contains(list, secrets[0][:roster.ShownPrefix]+"…") || !strings.Contains(list, "alice") {
		t.Errorf("list %s", list)
	}
	got := listedKeys(t, data)
	if len(got) != 1 || got[0].Name != "alice" || got[0].State != "valid" || !got[0].Expires.IsZero() || got[0].Prefix != secrets[0][:roster.ShownPrefix] {
		t.Errorf("list %+v", got)
	}
	if info, err := os.Stat(data); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the data folder: %v, %v", info.Mode(), err)
	}
}

func TestKeysExpire(t *testing.T) {
	data := alone(t)
	before := time.Now()
	createdKey(t, data, "--expires-in", "1h", "before")
	createdKey(t, data, "behind", "--expires-in", "1h") // flags behind words count too
	createdKey(t, data, "--name", "short", "--expires-in", "1ns")
	createdKey(t, data, "ever")
	want := map[string]string{"before": "valid", "behind": "valid", "short": "expired", "ever": "valid"}
	for _, k := range listedKeys(t, data) {
		if k.State != want[k.Name] || k.Expires.IsZero() != (k.Name == "ever") {
			t.Errorf("%+v", k)
		}
		if strings.HasPrefix(k.Name, "be") && (k.Expires.Before(before.Add(time.Hour)) || k.Expires.After(time.Now().Add(time.Hour))) {
			t.Errorf("%s expires at %v", k.Name, k.Expires)
		}
		delete(want, k.Name)
	}
	if len(want) != 0 {
		t.Errorf("not in the list: %v", want)
	}
	refused(t, `no rule is named "nope"`, "keys", "create", "x", "--data-dir", data, "--rules", "nope")
	refused(t, "must not be negative", "keys", "create", "x", "--data-dir", data, "--expires-in", "-1h")
	refused(t, "usage: turnpike keys create NAME", "keys", "create", "--data-dir", data)
	refused(t, "usage: turnpike keys create NAME", "keys", "create", "--data-dir", data, "--name", "a", "b")
	if n := len(listedKeys(t, data)); n != 4 {
		t.Errorf("%d keys after refusals", n)
	}
}

func TestKeysRevoke(t *testing.T) {
	data := alone(t)
	keys := []made{createdKey(t, data, "one"), createdKey(t, data, "two"), createdKey(t, data, "three"), createdKey(t, data, "twin"), createdKey(t, data, "twin")}
	for i, word := range []string{keys[0].ID, keys[1].Key[:roster.ShownPrefix], "three"} {
		out := commandOut(t, "keys", "revoke", word, "--data-dir", data)
		if !strings.Contains(out, keys[i].ID) || !strings.Contains(out, "within a second") {
			t.Errorf("revoke %s: %s", word, out)
		}
	}
	for i, k := range listedKeys(t, data) {
		if want := map[bool]string{true: "revoked", false: "valid"}[i < 3]; k.State != want {
			t.Errorf("%s is %s, want %s", k.Name, k.State, want)
		}
	}
	refused(t, "use the id", "keys", "revoke", "twin", "--data-dir", data)
	refused(t, "not found", "keys", "revoke", "nobody", "--data-dir", data)
	refused(t, "not found", "keys", "revoke", "three", "--data-dir", data) // not twice
	refused(t, "usage: turnpike keys revoke ID|PREFIX|NAME", "keys", "revoke", "--data-dir", data)
	for _, k := range keys {
		if strings.Contains(commandOut(t, "keys", "list", "--data-dir", data), k.Key) {
			t.Error("the list shows a key")
		}
	}
}

func TestKeysTellOfTheConfiguredOne(t *testing.T) {
	data := alone(t)
	t.Setenv("TURNPIKE_AUTH_API_KEY", "sk-configured-0123456789")
	if out := commandOut(t, "keys", "list", "--data-dir", data); !strings.Contains(out, "auth.api_key") || strings.Contains(out, "0123456789") {
		t.Errorf("list %s", out)
	}
}

const goodConfig = `server: { port: 9999 }
auth: { admin_key: "${MY_ADMIN_KEY}", api_key: sk-single-key-0001 }
providers:
  - { name: main, type: openai, api_key: sk-very-secret-0001, headers: { x-extra: header-secret-0001 } }
  - { name: claude, type: anthropic, api_key: "${NO_SUCH_KEY}" }
  - { name: old, type: openai-compat, base_url: "http://127.0.0.1:1/v1", enabled: false }
  - { name: aws, type: bedrock, region: us-east-1, access_key_id: AKIDEXAMPLE00, secret_access_key: aws-secret-0001 }
  - { name: google, type: gemini, api_key: gemini-secret-0001 }
`

func TestConfigCheck(t *testing.T) {
	alone(t)
	if out := commandOut(t, "config", "check"); !strings.Contains(out, "there is no turnpike.yaml") || !strings.Contains(out, "Providers in use: 1.") {
		t.Errorf("no file: %s", out)
	}
	path := write(t, "my.yaml", goodConfig)
	t.Setenv("MY_ADMIN_KEY", "admin-secret-0001")
	out := commandOut(t, "config", "check", "--config", path)
	for _, want := range []string{"my.yaml: good", "claude is not in use: no api_key (NO_SUCH_KEY is not set)", "old is not in use: switched off"} {
		if !strings.Contains(out, want) {
			t.Errorf("check lacks %q: %s", want, out)
		}
	}

	bad := write(t, "bad.yaml", "server:\n  host: 127.0.0.1\n  prot: 8080\nprovider: []\n")
	refused(t, "bad.yaml:3: ", "config", "check", "--config", bad)
	refused(t, `"port"`, "config", "check", "--config", bad)
	refused(t, "bad.yaml:4: ", "config", "check", "--config", bad)
	refused(t, "absent.yaml", "config", "check", "--config", "absent.yaml")
	refused(t, "TURNPIKE_SERVER_PORT", "config", "check", "--config", withEnv(t, path, "TURNPIKE_SERVER_PORT", "http"))
}

func withEnv(t *testing.T, path, name, value string) string {
	t.Helper()
	t.Setenv(name, value)
	return path
}

func TestConfigWarnsOnTheErrorStream(t *testing.T) {
	alone(t)
	t.Setenv("TURNPIKE_SERVER_PROT", "1")
	got, err := capture(t, func() error { return run([]string{"config", "check"}) })
	if err != nil || !strings.Contains(got.err, "warning: TURNPIKE_SERVER_PROT") || strings.Contains(got.out, "PROT") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestConfigPrint(t *testing.T) {
	alone(t)
	t.Setenv("MY_ADMIN_KEY", "admin-secret-0001")
	path := write(t, "my.yaml", goodConfig)
	out := commandOut(t, "config", "print", "--config", path, "--data-dir", "/elsewhere")
	for _, want := range []string{"port: 9999", "data_dir: /elsewhere", "name: claude", "disabled: no api_key (NO_SUCH_KEY is not set)", "…0001"} {
		if !strings.Contains(out, want) {
			t.Errorf("print lacks %q:\n%s", want, out)
		}
	}
	for _, secret := range []string{"admin-secret", "sk-single-key", "sk-very-secret", "header-secret", "aws-secret", "AKIDEXAMPLE00", "gemini-secret"} {
		if strings.Contains(out, secret) {
			t.Errorf("print shows %s:\n%s", secret, out)
		}
	}
}

func listedProviders(t *testing.T, text string) map[string]providerLine {
	t.Helper()
	var lines []providerLine
	if err := json.Unmarshal([]byte(text), &lines); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	out := map[string]providerLine{}
	for _, l := range lines {
		out[l.Name] = l
	}
	return out
}

func TestProvidersList(t *testing.T) {
	alone(t)
	t.Setenv("ANTHROPIC_API_KEY", "sk-ant-very-secret-0001")
	out := commandOut(t, "providers", "list")
	if !strings.Contains(out, "anthropic") || !strings.Contains(out, "sandbox") || strings.Contains(out, "secret") {
		t.Errorf("found in the environment: %s", out)
	}

	path := write(t, "my.yaml", goodConfig)
	got := listedProviders(t, commandOut(t, "providers", "list", "--json", "--config", path))
	for name, want := range map[string]providerLine{
		"main":    {Type: "openai", State: "on"},
		"claude":  {Type: "anthropic", State: "off", Reason: "no api_key (NO_SUCH_KEY is not set)"},
		"old":     {Type: "openai-compat", State: "off", Reason: "switched off (enabled: false)"},
		"aws":     {Type: "bedrock", State: "on"},
		"google":  {Type: "gemini", State: "on"},
		"sandbox": {Type: "sandbox", State: "on"},
	} {
		want.Name = name
		if !reflect.DeepEqual(got[name], want) {
			t.Errorf("%+v, want %+v", got[name], want)
		}
	}
	if len(got) != 6 {
		t.Errorf("%d providers", len(got))
	}
	if one := listedProviders(t, commandOut(t, "providers", "list", "aws", "--config", path, "--json")); len(one) != 1 || one["aws"].Type != "bedrock" {
		t.Errorf("one: %+v", one)
	}
	refused(t, `no provider "nobody"`, "providers", "list", "nobody", "--config", path)
}

func TestProvidersTest(t *testing.T) {
	alone(t)
	good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/models" || r.Header.Get("Authorization") != "Bearer sk-good-secret" {
			t.Errorf("asked %s with %v", r.URL, r.Header)
		}
		_, _ = io.WriteString(w, `{"data":[{"id":"a"},{"id":"b"}]}`)
	}))
	defer good.Close()
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `wrong key: `+r.Header.Get("X-Api-Key"))
	}))
	defer bad.Close()
	path := write(t, "my.yaml", `providers:
  - { name: good, type: openai-compat, base_url: "`+good.URL+`/v1", api_key: sk-good-secret }
  - { name: bad, type: anthropic, base_url: "`+bad.URL+`", api_key: sk-bad-secret }
  - { name: off, type: openai, api_key: "${NO_SUCH_KEY}" }
`)
	got := refused(t, "1 of 4 providers failed", "providers", "test", "--json", "--config", path)
	lines := listedProviders(t, got.out)
	if l := lines["good"]; l.State != "works" || l.Models != 2 || l.Took == "" {
		t.Errorf("good: %+v", l)
	}
	if l := lines["bad"]; l.State != "failed" || !strings.Contains(l.Reason, "401") || l.Models != 0 {
		t.Errorf("bad: %+v", l)
	}
	if l := lines["off"]; l.State != "off" || l.Took != "" {
		t.Errorf("off: %+v", l)
	}
	if l := lines["sandbox"]; l.State != "works" || l.Models == 0 {
		t.Errorf("sandbox: %+v", l)
	}
	if strings.Contains(got.out+got.err, "secret") {
		t.Errorf("a key is shown: %+v", got)
	}
	if out := commandOut(t, "providers", "test", "good", "--config", path); !strings.Contains(out, "works") {
		t.Errorf("good alone: %s", out)
	}
}

// TestLedger: what was served is listed and agrees with the journal, also when the
// gateway did not end in order.
func TestLedger(t *testing.T) {
	data := alone(t)
	good := commandOut(t, "ledger", "verify", "--data-dir", data)
	if !strings.Contains(good, "Good:") || !strings.Contains(good, "ATTEMPTS") {
		t.Errorf("of nothing: %s", good)
	}
	const key = roster.SecretPrefix + "test-test-test-test-test-test-test-test-test"
	cfg := load(t, data, nil, write(t, "turnpike.yaml", "auth: { api_key: "+key+" }\n"))
	r, _ := firstRun(t, cfg)
	for range 3 {
		if status, body := r.do("POST", "/v1/chat/completions", key, hello); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	crashed := filepath.Join(t.TempDir(), "crashed")
	if err := os.Mkdir(crashed, 0o700); err != nil {
		t.Fatal(err)
	}
	segment := "00000000000000000001.journal"
	text, err := os.ReadFile(filepath.Join(data, "journal", segment))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(crashed, segment), string(text))
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	var list []attemptLine
	if err := json.Unmarshal([]byte(commandOut(t, "ledger", "list", "--json", "--limit", "2", "--data-dir", data)), &list); err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if l := list[0]; l.Provider != "sandbox" || l.Status != 200 || l.Usage.Output == 0 || l.Request == "" || l.At.IsZero() {
		t.Errorf("%+v", l)
	}
	if out := commandOut(t, "ledger", "list", "--data-dir", data); strings.Count(out, "sandbox") != 6 {
		t.Errorf("listed %s", out)
	}
	t.Setenv("TURNPIKE_LEDGER_DIR", crashed)
	var v verdictLine
	out := commandOut(t, "ledger", "verify", "--json", "--data-dir", data)
	if err := json.Unmarshal([]byte(out), &v); err != nil || !v.Good || v.Journal != v.Recorded || v.Journal.Attempts != 3 || v.Database.Attempts != 3 {
		t.Errorf("%s, %v", out, err)
	}
	other := alone(t) // a database that has none of them: they are not acknowledged
	t.Setenv("TURNPIKE_LEDGER_DIR", crashed)
	write(t, filepath.Join(crashed, "acknowledged"), "3 71cee914\n")
	if got := refused(t, "journal and database differ", "ledger", "verify", "--data-dir", other); strings.Count(got.out, "not in the database") != 2 {
		t.Errorf("%+v", got)
	}
	refused(t, "--limit", "ledger", "list", "--limit", "0", "--data-dir", data)
}
