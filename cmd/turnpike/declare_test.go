package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/keyring"
)

const (
	nightly = "sk-of-the-nightly-job-0001"
	daily   = "sk-of-the-daily-job-000002"
)

func hashOf(secret string) string { return string(config.NewKeyHash(keyring.Hash(secret))) }

// declaringFile declares a team, two keys and a budget.
func declaringFile(keys string) string {
	return "auth: { admin_key: " + liveAdmin + " }\nproviders: [{ name: box, type: sandbox }]\nteams: [{ name: research, limits: { rpm: 1000000 } }]\nkeys:\n" + keys +
		"budgets: [{ name: cap, scope: team, scope_id: research, limit_usd: \"10\", period: monthly }]\n"
}

func declaredLine(name, secret string) string {
	return "- { name: " + name + ", hash: " + hashOf(secret) + ", team: research }\n"
}

// served is the status of a request with a key.
func (r *running) served(secret string) int {
	r.t.Helper()
	status, _ := r.do("POST", "/v1/chat/completions", secret, hello)
	return status
}

// TestDeclaredKeys: keys of the file serve from the start, are read-only, and end with their
// entries; a file that is wrong changes nothing.
func TestDeclaredKeys(t *testing.T) {
	data := alone(t)
	path := write(t, "live.yaml", declaringFile(declaredLine("nightly", nightly)+declaredLine("daily", daily)))
	var r *running
	said, _ := capture(t, func() error { r = startLive(t, data, path, nil); return nil })
	if strings.Contains(said.out, "API key") {
		t.Errorf("a first key is made beside those that are declared: %s", said.out)
	}
	if r.served(nightly) != 200 || r.served(daily) != 200 {
		t.Fatal("a declared key does not serve")
	}
	id := ""
	for _, k := range r.set(200, "GET", "/admin/keys", "")["keys"].([]any) {
		k := k.(map[string]any)
		if k["declared"] != true || k["team"] != "research" {
			t.Errorf("%v", k)
		}
		if k["name"] == "nightly" {
			id = k["id"].(string)
		}
	}
	for _, at := range []string{"PATCH /admin/keys/" + id, "DELETE /admin/keys/" + id, "POST /admin/keys/" + id + "/rotate", "POST /admin/keys/" + id + "/revoke"} {
		method, at, _ := strings.Cut(at, " ")
		if got := r.set(409, method, at, "{}"); !strings.Contains(got["detail"].(string), "it is read-only here") {
			t.Errorf("%s: %v", at, got)
		}
	}
	budget := r.set(200, "GET", "/admin/budgets", "")["budgets"].([]any)[0].(map[string]any)
	team := r.set(200, "GET", "/admin/teams", "")["items"].([]any)[0].(map[string]any)
	if budget["declared"] != true || team["declared"] != true {
		t.Errorf("%v, %v", budget, team)
	}
	r.set(409, "PATCH", "/admin/budgets/"+budget["id"].(string), `{"limit_usd":"1"}`)
	r.set(409, "DELETE", "/admin/teams/"+team["id"].(string), "")
	r.set(200, "POST", "/admin/budgets/"+budget["id"].(string)+"/recharge", `{"amount":"5","note":"a project"}`)
	r.set(201, "POST", "/admin/teams", `{"name":"ops"}`)

	put := func(text string) {
		t.Helper()
		if err := os.Rename(write(t, "live.yaml.new", text), path); err != nil {
			t.Fatal(err)
		}
	}
	put(declaringFile(declaredLine("nightly", nightly)))
	r.wait(`changed=[keys.list]`)
	if r.served(daily) != 403 || r.served(nightly) != 200 {
		t.Error("a key that left the file serves, or another does not")
	}
	if got := r.set(200, "GET", "/admin/keys?q=daily", "")["keys"].([]any)[0].(map[string]any); got["state"] != "disabled" || got["declared"] != false {
		t.Errorf("what left: %v", got)
	}
	put(strings.Replace(declaringFile(declaredLine("nightly", daily)), "research, limits", "ops, limits", 1))
	r.wait("is wrong: nothing was changed") // the team of the key is none of the file
	put(strings.ReplaceAll(declaringFile(declaredLine("nightly", daily)), "research", "ops"))
	r.wait("made while gateways ran: say id: team_")
	if r.served(nightly) != 200 || r.served(daily) != 403 {
		t.Error("a file that is wrong changed something")
	}
	if err := r.end(); err != nil {
		t.Error(err)
	}
	if err := newApp(load(t, data, nil, path), r.app.log).run(t.Context(), func() {}); err == nil || !strings.Contains(err.Error(), "say id: team_") {
		t.Errorf("it starts although something is in the way: %v", err)
	}
}

// TestDeclaredRoundTrip: what a gateway exports declares the same at itself and at another one,
// and is set by an import.
func TestDeclaredRoundTrip(t *testing.T) {
	data := alone(t)
	file := "auth: { admin_key: " + liveAdmin + " }\nproviders: [{ name: box, type: sandbox }]\n"
	path := write(t, "live.yaml", file)
	made := strings.TrimSpace(secretForm.FindString(commandOut(t, "keys", "create", "made", "--data-dir", data)))
	commandOut(t, "teams", "create", "research", "--rpm", "60", "--data-dir", data)
	commandOut(t, "keys", "set", "made", "--team", "research", "--tag", "batch", "--data-dir", data)
	commandOut(t, "budgets", "set", "key", "made", "--limit", "$5", "--period", "daily", "--data-dir", data)
	export := func(data string) string {
		t.Helper()
		return strings.Replace(commandOut(t, "config", "export", "--config", path, "--data-dir", data), "data_dir: "+data+"\n", "", 1)
	}
	text := export(data)
	if !strings.Contains(text, hashOf(made)) || !strings.Contains(text, "research") || strings.Contains(text, made) {
		t.Fatalf("exported\n%s", text)
	}
	whole := write(t, "whole.yaml", text)
	t.Setenv("AUTH_ADMIN_KEY", liveAdmin)
	for _, at := range []string{data, filepath.Join(filepath.Dir(data), "another")} {
		r := start(t, load(t, at, nil, whole))
		if r.served(made) != 200 {
			t.Errorf("%s: the key does not serve", at)
		}
		if got := r.set(200, "GET", "/admin/keys?q=made", "")["keys"].([]any); len(got) != 1 || got[0].(map[string]any)["declared"] != true {
			t.Errorf("%s: %v", at, got)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
		if again := export(at); again != text {
			t.Errorf("%s: exported again\n%s\nwant\n%s", at, again, text)
		}
	}
	third := filepath.Join(filepath.Dir(data), "third")
	for i, want := range []string{"made", "made", "unchanged"} {
		args := []string{"config", "import", whole, "--data-dir", third}
		if i == 0 {
			args = append(args, "--dry-run")
		}
		out := commandOut(t, args...)
		for _, kind := range []string{"team", "key", "budget"} {
			if !strings.Contains(strings.Join(strings.Fields(out), " "), kind) || strings.Count(out, want) < 3 {
				t.Errorf("import %d: %s\nwant a %s %s", i, out, kind, want)
			}
		}
	}
	if got := export(third); got != text {
		t.Errorf("imported\n%s\nwant\n%s", got, text)
	}
	commandOut(t, "keys", "revoke", "made", "--data-dir", third)
}

// TestDeclaredEverywhere: what leaves the file of one gateway is refused by the other one.
func TestDeclaredEverywhere(t *testing.T) {
	data, _ := onPostgres(t)
	path := write(t, "one.yaml", declaringFile(declaredLine("nightly", nightly)+declaredLine("daily", daily)))
	one, other := startLive(t, data, path, nil), start(t, load(t, data+"-2", nil, path))
	if one.served(daily) != 200 || other.served(daily) != 200 {
		t.Fatal("a declared key does not serve everywhere")
	}
	if err := os.WriteFile(path, []byte(declaringFile(declaredLine("nightly", nightly))), 0o600); err != nil {
		t.Fatal(err)
	}
	one.set(200, "POST", "/admin/config/reload", "")
	until := time.Now().Add(10 * time.Second)
	for other.served(daily) != 403 {
		if time.Now().After(until) {
			t.Fatal("the other gateway still serves a key that left the file")
		}
	}
	if other.served(nightly) != 200 {
		t.Error("the other key is refused as well")
	}
}

func TestKeysHash(t *testing.T) {
	alone(t)
	file := write(t, "key", nightly+"\n")
	if got := commandOut(t, "keys", "hash", file); got != hashOf(nightly)+"\n" {
		t.Error(got)
	}
	lines := strings.Fields(commandOut(t, "keys", "hash", "--new"))
	if len(lines) != 2 || !secretForm.MatchString(lines[0]) || hashOf(lines[0]) != lines[1] {
		t.Errorf("%q", lines)
	}
	refused(t, "between 16 and 512", "keys", "hash", write(t, "short", "sk-short"))
}
