package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"turnpike/internal/keyring"
	"turnpike/internal/operator"
	"turnpike/internal/tenancy"
)

// ask sends a request as one client or another would.
func (r *running) ask(path, body string, header ...string) (int, string) {
	r.t.Helper()
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.app.address()+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// answers asks until the gateway, which looks for changes twice a second, answers so.
func (r *running) answers(want int, key string) (body string) {
	r.t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		status, body := r.do(http.MethodPost, "/v1/chat/completions", key, hello)
		if status == want {
			return body
		}
		select {
		case <-deadline.C:
			r.t.Fatalf("still %d %s, want %d", status, body, want)
		default:
		}
	}
}

// principal is whom a secret speaks for, as the store has it now.
func (r *running) principal(secret string) *keyring.Principal {
	r.t.Helper()
	entries, err := keySource{r.app.store, r.app.fixedKeys()}.Load(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	ring := keyring.New(time.Now)
	ring.Set(entries)
	who, ok, _ := ring.Lookup(secret)
	if !ok {
		r.t.Fatal("the key is not known")
	}
	return who
}

// TestAddresses: a key is refused from anywhere else, in the client's own form,
// and what a client writes into X-Forwarded-For counts only behind a proxy.
func TestAddresses(t *testing.T) {
	data := alone(t)
	here := createdKey(t, data, "--address", "127.0.0.0/8", "here")
	office := createdKey(t, data, "--address", "198.51.100.0/24,2001:db8::/32", "office")
	claude := `{"model":"sandbox","max_tokens":9,"messages":[{"role":"user","content":"Hello!"}]}`
	gemini := `{"contents":[{"role":"user","parts":[{"text":"Hello!"}]}]}`
	converse := `{"messages":[{"role":"user","content":[{"text":"Hello!"}]}]}`

	t.Run("nobody between", func(t *testing.T) {
		r := start(t, load(t, data, nil, ""))
		for _, c := range []struct {
			name, path, body string
			header           []string
			want             string
		}{
			{"chat", "/v1/chat/completions", hello, []string{"Authorization", "Bearer " + office.Key}, `"code":"address_not_allowed"`},
			{"made up", "/v1/chat/completions", hello, []string{"Authorization", "Bearer " + office.Key, "X-Forwarded-For", "198.51.100.7"}, `"code":"address_not_allowed"`},
			{"Messages", "/v1/messages", claude, []string{"X-Api-Key", office.Key}, `"type":"permission_error"`},
			{"Gemini", "/v1beta/models/sandbox:generateContent", gemini, []string{"X-Goog-Api-Key", office.Key}, `"PERMISSION_DENIED"`},
			{"Converse", "/model/sandbox/converse", converse, []string{"Authorization", "Bearer " + office.Key}, `"message"`},
			{"counting", "/v1/messages/count_tokens", claude, []string{"X-Api-Key", office.Key}, `"type":"permission_error"`},
			{"the list of models", "/v1/models", "", []string{"Authorization", "Bearer " + office.Key}, `"code":"address_not_allowed"`},
			{"one kept answer", "/v1/responses/resp_1", "", []string{"Authorization", "Bearer " + office.Key}, `"code":"address_not_allowed"`},
		} {
			status, body := r.ask(c.path, c.body, c.header...)
			if status != http.StatusForbidden || !strings.Contains(strings.ReplaceAll(body, ": ", ":"), c.want) || !strings.Contains(body, "may not be used from 127.0.0.1") {
				t.Errorf("%s: %d %s, want 403 with %s that says from where", c.name, status, body, c.want)
			}
		}
		if status, body := r.ask("/v1/chat/completions", hello, "Authorization", "Bearer "+here.Key); status != 200 {
			t.Errorf("from where it may: %d %s", status, body)
		}
	})
	t.Run("behind a proxy", func(t *testing.T) {
		path := write(t, "proxy.yaml", "server: {trusted_proxies: [127.0.0.1, 10.0.0.0/8]}\n")
		r := start(t, load(t, data, nil, path))
		for forwarded, want := range map[string]int{
			"198.51.100.7":              200,
			"::ffff:198.51.100.7":       200,
			"2001:db8::7":               200,
			"198.51.100.7, 10.1.1.1":    200,
			"198.51.100.7, 192.0.2.1":   403, // the last one that is not trusted counts
			"192.0.2.1":                 403,
			"unknown":                   403,
			"":                          403, // the proxy itself
			"198.51.100.7,192.0.2.1, x": 403,
		} {
			header := []string{"Authorization", "Bearer " + office.Key}
			if forwarded != "" {
				header = append(header, "X-Forwarded-For", forwarded)
			}
			if status, body := r.ask("/v1/chat/completions", hello, header...); status != want {
				t.Errorf("%q: %d %s, want %d", forwarded, status, body, want)
			}
		}
	})
}

// TestTeamsEndToEnd: a key belongs to a team, the team is disabled and taken again,
// its keys move when it is deleted.
func TestTeamsEndToEnd(t *testing.T) {
	data := alone(t)
	at := []string{"--data-dir", data}
	run := func(args ...string) string { t.Helper(); return commandOut(t, append(args, at...)...) }
	run("teams", "create", "research", "--tpm", "100000", "--description", "they look things up")
	run("users", "create", "ann", "--email", "ann@example.org", "--team", "research")
	refused(t, "turnpike teams create", append([]string{"keys", "create", "x", "--team", "nobody"}, at...)...)
	refused(t, "there is one already", append([]string{"teams", "create", "research"}, at...)...)
	k := createdKey(t, data, "--team", "research", "--user", "ann", "--tag", "nightly,web", "--qpm", "60", "--model-limit", "claude-*:rpm=10,tpm=50000", "--expires", "720h", "ci")
	run("tags", "set", "nightly", "--concurrent", "2")
	run("org", "set", "--rpm", "1000")
	run("budgets", "set", "key", "ci", "--limit", "$10")
	run("budgets", "set", "team", "research", "--tokens", "1000000", "--period", "daily", "--zone", "Europe/Paris")
	run("budgets", "set", "org", "--limit", "0.000000001", "--window", "24h", "--soft")

	r := start(t, load(t, data, nil, ""))
	who := r.principal(k.Key)
	var got []string
	for _, s := range who.Chain {
		got = append(got, s.Kind+" "+s.Name)
	}
	if want := "key ci, tag nightly, team research, organisation organisation"; strings.Join(got, ", ") != want {
		t.Fatalf("chain %q, want %s: ann has no limits", got, want)
	}
	if c := who.Chain; *c[0].Limits.RPM != 60 || *c[0].Models[0].Limits.TPM != 50000 || c[0].Budgets[0].Limit != 10_000_000_000 ||
		c[2].Budgets[0].Limit != 1_000_000 || c[2].Budgets[0].Zone != "Europe/Paris" || c[3].Budgets[0].Limit != 1 || !c[3].Budgets[0].Soft {
		t.Errorf("%+v %+v %+v", *c[0], *c[2], *c[3])
	}

	r.answers(http.StatusOK, k.Key)
	run("teams", "set", "research", "--disabled")
	if body := r.answers(http.StatusForbidden, k.Key); !strings.Contains(body, `its team \"research\" is disabled`) {
		t.Error(body)
	}
	if status, _ := r.ask("/v1/models", "", "Authorization", "Bearer "+k.Key); status != http.StatusForbidden {
		t.Errorf("models are listed for it: %d", status)
	}
	run("teams", "set", "research", "--disabled=false", "--tpm", "none")
	refused(t, "--move-keys-to", append([]string{"teams", "delete", "research"}, at...)...)
	if out := run("teams", "delete", "research", "--move-keys-to", "none"); !strings.Contains(out, "1 keys moved to none") {
		t.Errorf("%s", out)
	}
	r.answers(http.StatusOK, k.Key)
	who = r.principal(k.Key)
	if who.Barred != "" || who.Labels.Team != "" || len(who.Chain) != 3 || who.Chain[2].Kind != tenancy.Organisation {
		t.Errorf("%+v", who)
	}
	run("users", "delete", "ann", "--move-keys-to", "none")
	if users := run("users", "list", "--json"); users != "[]\n" {
		t.Errorf("%s", users)
	}
}

func TestRotateCommand(t *testing.T) {
	data := alone(t)
	k := createdKey(t, data, "k")
	r := start(t, load(t, data, nil, ""))
	var second made
	out := commandOut(t, "keys", "rotate", "k", "--json", "--data-dir", data)
	if err := json.Unmarshal([]byte(out), &second); err != nil || !secretForm.MatchString(second.Key) || second.ID != k.ID || !strings.Contains(out, "old_key_until") {
		t.Fatalf("%s, %v", out, err)
	}
	for _, key := range []string{second.Key, k.Key} {
		r.answers(http.StatusOK, key)
	}
	out = commandOut(t, "keys", "rotate", "k", "--grace", "0", "--data-dir", data)
	third := secretForm.FindString(out)
	for key, want := range map[string]int{k.Key: 401, second.Key: 401, third: 200} {
		r.answers(want, key)
	}
	noSecret(t, data, k.Key, second.Key, third)
	refused(t, "usage: turnpike keys rotate", "keys", "rotate", "--data-dir", data)
}

func TestRevealCommand(t *testing.T) {
	data := alone(t)
	on := write(t, "on.yaml", "keys: {revealable: true}\n")
	plain := createdKey(t, data, "plain")
	kept := createdKey(t, data, "--config", on, "kept")
	if got := commandOut(t, "keys", "reveal", "kept", "--data-dir", data, "--config", on); got != kept.Key+"\n" {
		t.Errorf("%s", got)
	}
	refused(t, "keys.revealable is off", "keys", "reveal", "kept", "--data-dir", data)
	refused(t, "turnpike keys rotate gives it another one", "keys", "reveal", "plain", "--data-dir", data, "--config", on)
	noSecret(t, data, plain.Key, kept.Key)
	r := start(t, load(t, data, nil, on))
	if err := r.end(); err != nil {
		t.Error(err)
	}
	if got := commandOut(t, "keys", "reveal", "kept", "--data-dir", data, "--config", on); got != kept.Key+"\n" {
		t.Errorf("after a start: %s", got)
	}
	// Switched off, a gateway that starts deletes what it may not keep.
	r = start(t, load(t, data, nil, ""))
	if log, _ := r.log.now(); !strings.Contains(log, "the secrets that were kept are deleted") || !strings.Contains(log, "keys=1") {
		t.Errorf("%s", log)
	}
	refused(t, "was not kept", "keys", "reveal", "kept", "--data-dir", data, "--config", on)
	if status, _ := r.do("POST", "/v1/chat/completions", kept.Key, hello); status != 200 {
		t.Errorf("the key itself stays: %d", status)
	}
}

func TestBatchCommand(t *testing.T) {
	data := alone(t)
	var many []made
	out := commandOut(t, "keys", "create", "--names", "a, b;c，d\n\ne", "--tag", "batch", "--json", "--data-dir", data)
	if err := json.Unmarshal([]byte(out), &many); err != nil || len(many) != 5 || many[3].Name != "d" {
		t.Errorf("%s, %v", out, err)
	}
	file := write(t, "names", "x\ny\n")
	if out := commandOut(t, "keys", "create", "--names-file", file, "--data-dir", data); len(secretForm.FindAllString(out, -1)) != 2 || !strings.Contains(out, "2 keys") {
		t.Errorf("%s", out)
	}
	for _, l := range listedKeys(t, data)[:5] {
		if len(l.Tags) != 1 || l.Tags[0] != "batch" {
			t.Errorf("%+v", l)
		}
	}
	refused(t, "between 1 and 100", "keys", "create", "--names", strings.Repeat("n,", 101), "--data-dir", data)
	refused(t, "between 1 and 100", "keys", "create", "--names", " , ", "--data-dir", data)
	refused(t, "usage: turnpike keys create NAME", "keys", "create", "a", "--names", "b", "--data-dir", data)
}

// TestValuesCanBeCleared: none takes a value away again.
func TestValuesCanBeCleared(t *testing.T) {
	data := alone(t)
	commandOut(t, "teams", "create", "t", "--data-dir", data)
	k := createdKey(t, data, "--team", "t", "--tag", "x", "--address", "10.0.0.0/8", "--rpm", "0", "--tpm", "5", "--concurrent", "1", "--model-limit", "a:b*:rpm=1", "--model-limit", "c:tpm=2",
		"--expires-in", "1h", "--cache", "1h", "--models", "gpt-*", "--description", "d", "--log-payloads", "k")
	full := listedKeys(t, data)[0]
	if got := string(full.Limits); got != `{"rpm":0,"tpm":5,"concurrent":1,"models":[{"match":"a:b*","limits":{"rpm":1}},{"match":"c","limits":{"tpm":2}}]}` {
		t.Errorf("%s", got)
	}
	commandOut(t, "keys", "set", k.ID, "--data-dir", data, "--tpm", "6", "--model-limit", "c:none", "--name", "renamed")
	if l := listedKeys(t, data)[0]; string(l.Limits) != `{"rpm":0,"tpm":6,"concurrent":1,"models":[{"match":"a:b*","limits":{"rpm":1}}]}` || l.Name != "renamed" || l.Team != "t" || string(l.Policy) != string(full.Policy) {
		t.Errorf("a change of one value changed others: %+v", l)
	}
	commandOut(t, "keys", "set", "renamed", "--data-dir", data, "--team", "none", "--tag", "none", "--address", "none", "--rpm", "none", "--tpm", "none", "--concurrent", "none",
		"--model-limit", "a:b*:none", "--expires", "none", "--cache", "none", "--models", "none", "--description", "none", "--log-payloads=false")
	l := listedKeys(t, data)[0]
	l.Created = full.Created
	want := operator.KeyView{ID: k.ID, Name: "renamed", Prefix: full.Prefix, State: "valid", Created: full.Created}
	if got, wanted := fmt.Sprintf("%+v", l), fmt.Sprintf("%+v", want); got != wanted {
		t.Errorf("%s, want %s", got, wanted)
	}
	commandOut(t, "keys", "set", k.ID, "--data-dir", data, "--alias", "fast=a/m,n", "--alias", "slow=x")
	commandOut(t, "keys", "set", k.ID, "--data-dir", data, "--alias", "fast=b", "--alias", "slow=none", "--alias", "never=none")
	if got := string(listedKeys(t, data)[0].Policy); got != `{"routing":{"aliases":[{"match":"fast","to":["b"]}]}}` {
		t.Errorf("%s", got)
	}
	commandOut(t, "keys", "set", k.ID, "--data-dir", data, "--alias", "fast=none")
	if got := string(listedKeys(t, data)[0].Policy); got != "" {
		t.Errorf("%s", got)
	}
	for _, bad := range [][]string{
		{"--alias", "fast"},
		{"--alias", "fast="},
		{"--alias", "=m"},
		{"--alias", "fast=m*"},
		{"--rpm", "-1"},
		{"--rpm", "many"},
		{"--rpm", ""},
		{"--model-limit", "x"},
		{"--model-limit", "x:"},
		{"--model-limit", "x:speed=1"},
		{"--model-limit", "[:rpm=1"},
		{"--address", "home"},
		{"--tag", "two words"},
		{"--expires", "soon"},
		{"--expires", "1h", "--expires-in", "1h"},
		{"--team", "u"},
		{"--cache", "2h"},
	} {
		refused(t, "", append([]string{"keys", "set", k.ID, "--data-dir", data}, bad...)...)
	}
}

func TestBudgetCommands(t *testing.T) {
	data := alone(t)
	createdKey(t, data, "k")
	set := func(args ...string) string {
		t.Helper()
		return commandOut(t, append([]string{"budgets", "set", "--data-dir", data}, args...)...)
	}
	id := regexp.MustCompile(`bud_[0-9a-z]{26}`)
	first := set("key", "k", "--limit", "$10", "--period", "monthly", "--rollover")
	if again := set("key", "k", "--limit", "12.5"); id.FindString(first) != id.FindString(again) || !strings.Contains(again, "Changed") || !strings.Contains(again, "$12.50 monthly") {
		t.Errorf("%s%s", first, again)
	}
	set("tag", "nightly", "--tokens", "5", "--period", "rolling", "--window", "24h", "--soft")
	var lines []operator.BudgetView
	if err := json.Unmarshal([]byte(commandOut(t, "budgets", "list", "--json", "--data-dir", data)), &lines); err != nil || len(lines) != 2 ||
		lines[0].Limit != "$12.50" || lines[0].Name != "k" || lines[0].Rollover || lines[1].Window != "24h0m0s" || !lines[1].Soft || lines[1].Unit != "tokens" {
		t.Errorf("%+v, %v", lines, err)
	}
	if out := commandOut(t, "budgets", "list", "tag", "nightly", "--data-dir", data); strings.Contains(out, "$12.50") || !strings.Contains(out, "nightly") {
		t.Errorf("%s", out)
	}
	if out := commandOut(t, "keys", "show", "k", "--data-dir", data); !strings.Contains(out, "$12.50 monthly") {
		t.Errorf("%s", out)
	}
	for _, bad := range [][]string{
		{"key", "k"},
		{"key", "k", "--limit", "1", "--tokens", "1"},
		{"key", "--limit", "1"},
		{"org", "x", "--limit", "1"},
		{"house", "x", "--limit", "1"},
		{"key", "k", "--limit", "ten"},
		{"key", "k", "--limit", "-1"},
		{"key", "k", "--tokens", "-1"},
		{"key", "k", "--limit", "0.0000000001"},
		{"key", "nobody", "--limit", "1"},
		{"key", "k", "--limit", "1", "--period", "weekly"},
		{"key", "k", "--limit", "1", "--zone", "Paris"},
		{"key", "k", "--limit", "1", "--period", "daily", "--rollover"},
		{"key", "k", "--limit", "1", "--period", "daily", "--window", "1h"},
		{"team", "t", "--limit", "1"},
	} {
		refused(t, "", append([]string{"budgets", "set", "--data-dir", data}, bad...)...)
	}
	commandOut(t, "budgets", "remove", lines[0].ID, "--data-dir", data)
	refused(t, "not found", "budgets", "remove", lines[0].ID, "--data-dir", data)
}

func TestImportAndExportCommands(t *testing.T) {
	data := alone(t)
	on := write(t, "on.yaml", "keys: {revealable: true}\n")
	k := createdKey(t, data, "--config", on, "--rpm", "5", "k")
	plain := createdKey(t, data, "plain")
	secret := write(t, "secret", "a secret of at least thirty-two characters\n")
	refused(t, "--secrets needs", "keys", "export", "--secrets", "--data-dir", data, "--config", on)
	refused(t, "keys.revealable is off", "keys", "export", "--secrets", "--fernet-secret-file", secret, "--data-dir", data)
	got, err := capture(t, func() error {
		return run([]string{"keys", "export", "--secrets", "--fernet-secret-file", secret, "--data-dir", data, "--config", on})
	})
	if err != nil || strings.Contains(got.out, k.Key) || !strings.Contains(got.out, "encrypted_token") || !strings.Contains(got.err, "1 keys have no secret here") {
		t.Fatalf("%v\n%s%s", err, got.out, got.err)
	}
	file := write(t, "export.json", got.out)
	other := filepath.Join(filepath.Dir(data), "other")
	if out := commandOut(t, "keys", "import", file, "--dry-run", "--fernet-secret-file", secret, "--data-dir", other, "--config", on); !strings.Contains(out, "Would import 2 keys") {
		t.Errorf("%s", out)
	}
	commandOut(t, "keys", "import", file, "--fernet-secret-file", secret, "--data-dir", other, "--config", on)
	if out := commandOut(t, "keys", "reveal", "k", "--data-dir", other, "--config", on); out != k.Key+"\n" {
		t.Errorf("%s", out)
	}
	if out := commandOut(t, "keys", "import", file, "--data-dir", other); !strings.Contains(out, "Imported 0 keys") || !strings.Contains(out, "k, plain") {
		t.Errorf("%s", out)
	}
	r := start(t, load(t, other, nil, on))
	for _, key := range []string{k.Key, plain.Key} {
		if status, body := r.do("POST", "/v1/chat/completions", key, hello); status != 200 {
			t.Errorf("%d %s", status, body)
		}
	}
	noSecret(t, other, k.Key, plain.Key)
	refused(t, "not a Fernet key", "keys", "import", file, "--fernet-key-file", secret, "--data-dir", other)
	refused(t, "no such file", "keys", "import", "nothing.json", "--data-dir", other)
	refused(t, "usage: turnpike keys import FILE", "keys", "import", "--data-dir", other)
}

// TestHelpOfEveryScopeCommand: each action has its flags and tells what they do.
func TestHelpOfEveryScopeCommand(t *testing.T) {
	alone(t)
	for _, args := range [][]string{{"teams", "set"}, {"users", "create"}, {"tags", "set"}, {"org", "set"}, {"budgets", "set"}, {"keys", "set"}, {"keys", "import"}} {
		got, _ := capture(t, func() error { return run(append(args, "--help")) })
		if !strings.Contains(got.err, "-data-dir") {
			t.Errorf("%q: %s", args, got.err)
		}
	}
	for _, args := range [][]string{{"teams", "create"}, {"users", "show"}, {"tags", "set"}, {"org", "delete"}, {"teams", "show", "a", "b"}} {
		refused(t, "", args...)
	}
	if files, err := os.ReadDir("."); err != nil || len(files) != 0 {
		t.Errorf("a wrong command left %v, %v", files, err)
	}
}
