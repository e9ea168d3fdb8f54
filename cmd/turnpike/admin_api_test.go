package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

const operatorKey = "tp-admin-of-the-test"

// made makes a key by the API.
func (r *running) made(body string) (id, secret string) {
	r.t.Helper()
	status, answer := r.do("POST", "/admin/keys", operatorKey, body)
	var k struct{ ID, Key string }
	if err := json.Unmarshal([]byte(answer), &k); err != nil || status != 201 {
		r.t.Fatalf("%d %s", status, answer)
	}
	return k.ID, k.Key
}

// TestAdminAPIIsFollowed: what the API changes at one gateway holds there and at another
// one on the same database.
func TestAdminAPIIsFollowed(t *testing.T) {
	data := alone(t)
	t.Setenv("TURNPIKE_AUTH_ADMIN_KEY", operatorKey)
	one, _ := firstRun(t, load(t, data, map[string]string{"ledger.dir": filepath.Join(data, "one")}, ""))
	two, _ := firstRun(t, load(t, data, map[string]string{"ledger.dir": filepath.Join(data, "two")}, ""))
	both := []*running{one, two}
	id, secret := one.made(`{"name":"k"}`)
	for _, r := range both {
		r.answers(200, secret)
	}
	set := func(path, body string) {
		t.Helper()
		if status, answer := one.do("PATCH", path, operatorKey, body); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	set("/admin/keys/"+id, `{"enabled":false}`)
	for _, r := range both {
		if body := r.answers(403, secret); !strings.Contains(body, "it is disabled") {
			t.Errorf("a disabled key: %s", body)
		}
	}
	set("/admin/keys/"+id, `{"enabled":true,"rpm":0}`)
	for _, r := range both {
		r.answers(429, secret)
	}
	set("/admin/keys/"+id, `{"rpm":null}`)
	set("/admin/providers/sandbox", `{"enabled":false,"reason":"being repaired"}`)
	for _, r := range both {
		r.answers(404, secret)
	}
	set("/admin/providers/sandbox", `{"enabled":true}`)
	for _, r := range both {
		r.answers(200, secret)
	}
	set("/admin/providers/sandbox", `{"enabled":false}`)
	if err := one.end(); err != nil {
		t.Fatal(err)
	}
	again, _ := firstRun(t, load(t, data, map[string]string{"ledger.dir": filepath.Join(data, "one")}, ""))
	if status, answer := again.do("GET", "/admin/providers/sandbox", operatorKey, ""); status != 200 || !strings.Contains(answer, `"switched_off":true`) {
		t.Errorf("after a restart: %d %s", status, answer)
	}
}

// TestSettingsHoldNoSecret: what is in force is told, but for what must not be.
func TestSettingsHoldNoSecret(t *testing.T) {
	dir := alone(t)
	t.Setenv("TURNPIKE_AUTH_ADMIN_KEY", operatorKey)
	t.Setenv("TURNPIKE_AUTH_API_KEY", "sk-of-the-client")
	path := write(t, filepath.Join(dir, "..", "t.yaml"), "docs: true\nproviders:\n  - {name: up, type: openai, api_key: sk-of-the-upstream, headers: {x-own: a-header-secret}}\n")
	r, _ := firstRun(t, load(t, dir, nil, path))
	status, answer := r.do("GET", "/admin/settings", operatorKey, "")
	if status != 200 || !strings.Contains(answer, `"docs":true`) || !strings.Contains(answer, `"name":"up"`) {
		t.Errorf("%d %s", status, answer)
	}
	for _, path := range []string{"/admin/settings", "/admin/providers", "/admin/keys", "/admin/health", "/docs/openapi.json"} {
		status, answer := r.do("GET", path, operatorKey, "")
		for _, secret := range []string{operatorKey, "sk-of-the-client", "sk-of-the-upstream", "a-header-secret"} {
			if status != 200 || strings.Contains(answer, secret) {
				t.Errorf("%s: %d %s", path, status, answer)
			}
		}
	}
}

func TestDocsAreOffUnlessWanted(t *testing.T) {
	r, _ := firstRun(t, load(t, alone(t), nil, ""))
	if status, _ := r.do("GET", "/docs/", "", ""); status != 404 {
		t.Errorf("%d", status)
	}
	var doc struct {
		OpenAPI string `json:"openapi"`
	}
	if err := json.Unmarshal([]byte(commandOut(t, "openapi")), &doc); err != nil || doc.OpenAPI != "3.1.0" {
		t.Errorf("%+v, %v", doc, err)
	}
	refused(t, "usage: turnpike openapi", "openapi", "all")
}

// TestDisabledByCommand: a key is switched off and on again by the command too.
func TestDisabledByCommand(t *testing.T) {
	data := alone(t)
	createdKey(t, data, "k")
	for _, c := range []struct{ flag, state string }{{"--disabled", "disabled"}, {"--disabled=false", "valid"}} {
		commandOut(t, "keys", "set", "k", c.flag, "--data-dir", data)
		if got := listedKeys(t, data)[0].State; got != c.state {
			t.Errorf("%s: %s", c.flag, got)
		}
	}
}
