package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/config"
	"turnpike/internal/identity"
)

const groupsFile = "server: { public_url: \"https://gw.example.org\" }\nauth:\n  admin_key: " + liveAdmin + "\n  api_key: " + liveKey + "\n" +
	"  oidc: [{ name: pool, issuer: \"https://id.example.org\", client_id: a }]\n  group_mappings:\n"

// TestDeclaredGroupMappings: what the file says of groups shows, is read-only, stands above
// what was made for the same group, and follows the file.
func TestDeclaredGroupMappings(t *testing.T) {
	data := alone(t)
	const admins = `    - { provider: pool, group: admins, role: admin, scopes: { keys: ["*"] }, teams: [research], priority: 10 }` + "\n"
	path := write(t, "live.yaml", groupsFile+admins)
	r := startLive(t, data, path, nil)
	list := func() (out []map[string]any) {
		t.Helper()
		for _, m := range r.set(200, "GET", "/admin/group-mappings", "")["mappings"].([]any) {
			out = append(out, m.(map[string]any))
		}
		return out
	}
	made := r.set(201, "POST", "/admin/group-mappings", `{"provider":"pool","group":"staff","role":"member"}`)
	if made["declared"] != false {
		t.Errorf("made: %v", made)
	}
	got := list()
	if len(got) != 2 || got[0]["group"] != "admins" || got[0]["declared"] != true || got[0]["role"] != "admin" || got[0]["priority"] != 10.0 || got[1]["declared"] != false {
		t.Fatalf("%v", got)
	}
	id := got[0]["id"].(string)
	for _, c := range [][3]string{
		{"PATCH", "/admin/group-mappings/" + id, `{"role":"owner"}`},
		{"DELETE", "/admin/group-mappings/" + id, ""},
		{"POST", "/admin/group-mappings", `{"provider":"pool","group":"admins","role":"owner"}`},
	} {
		if got := r.set(409, c[0], c[1], c[2]); !strings.Contains(got["detail"].(string), "read-only here") {
			t.Errorf("%s: %v", c[0], got)
		}
	}
	reload := func(status int, lines string) string {
		t.Helper()
		write(t, "live.yaml", groupsFile+lines)
		detail, _ := r.set(status, "POST", "/admin/config/reload", "")["detail"].(string)
		return detail
	}
	for _, wrong := range []string{
		"    - { provider: pool, group: admins, role: king }\n", `    - { provider: pool, group: admins, role: admin, scopes: { monitor: [some] } }` + "\n",
	} {
		if problem := reload(409, wrong); !strings.Contains(problem, "auth.group_mappings[0]") || len(list()) != 2 || list()[0]["role"] != "admin" {
			t.Errorf("%s: %q, %v", wrong, problem, list())
		}
	}
	reload(200, "    - { provider: pool, group: staff, role: auditor }\n")
	got = list()
	slices.SortFunc(got, func(a, b map[string]any) int { return strings.Compare(a["role"].(string), b["role"].(string)) })
	if len(got) != 2 || got[0]["declared"] != true || got[0]["role"] != "auditor" || got[1]["role"] != "member" || !strings.Contains(got[1]["problem"].(string), "auth.group_mappings") {
		t.Errorf("%v", got)
	}
	r.set(409, "PATCH", "/admin/group-mappings/"+made["id"].(string), `{"role":"owner"}`)
	r.set(200, "DELETE", "/admin/group-mappings/"+made["id"].(string), "")
	if _, text := r.do("GET", "/admin/config/export", liveAdmin, ""); !strings.Contains(text, "group: staff") {
		t.Errorf("exported\n%s", text)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	write(t, "live.yaml", groupsFile+`    - { provider: pool, group: admins, role: admin, scopes: { keys: ["*", k] } }`+"\n")
	if err := newApp(load(t, data, nil, path), r.app.log).run(t.Context(), func() {}); err == nil || !strings.Contains(err.Error(), "auth.group_mappings[0]") {
		t.Errorf("it starts with a mapping that is wrong: %v", err)
	}
}

// TestGroupMappingsMove: what was made is exported beside what the file declares, and set by an
// import at another gateway, teams by their names.
func TestGroupMappingsMove(t *testing.T) {
	data := alone(t)
	const admins = `    - { provider: pool, group: admins, role: admin, scopes: { keys: ["*"] }, priority: 10 }` + "\n"
	r := startLive(t, data, write(t, "one.yaml", groupsFile+admins), nil)
	r.set(201, "POST", "/admin/teams", `{"name":"research"}`)
	r.set(201, "POST", "/admin/group-mappings", `{"provider":"pool","group":"staff","role":"member","teams":["research"],"priority":-3}`)
	_, text := r.do("GET", "/admin/config/export", liveAdmin, "")
	if !strings.Contains(text, "group: admins") || !strings.Contains(text, "group: staff") || !strings.Contains(text, "- research") {
		t.Fatalf("exported\n%s", text)
	}
	imports := func(r *running, text string, dry bool, want string) {
		t.Helper()
		body, err := json.Marshal(map[string]any{"configuration": text, "dry_run": dry})
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, c := range r.set(200, "POST", "/admin/config/import", string(body))["changes"].([]any) {
			if c := c.(map[string]any); c["kind"] == "group mapping" {
				told = append(told, c["name"].(string)+" "+c["what"].(string))
			}
		}
		if got := strings.Join(told, ", "); got != want {
			t.Errorf("import: %s, want %s", got, want)
		}
	}
	imports(r, text, false, "pool/admins unchanged, pool/staff unchanged")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	other := startLive(t, filepath.Join(data, "other"), write(t, "two.yaml", strings.TrimSuffix(groupsFile, "  group_mappings:\n")), nil)
	imports(other, text, true, "pool/admins made, pool/staff made")
	if n := len(other.set(200, "GET", "/admin/group-mappings", "")["mappings"].([]any)); n != 0 {
		t.Errorf("a dry run has made %d", n)
	}
	imports(other, text, false, "pool/admins made, pool/staff made")
	imports(other, text, false, "pool/admins unchanged, pool/staff unchanged")
	imports(other, strings.Replace(text, "priority: -3", "priority: 4", 1), false, "pool/admins unchanged, pool/staff changed")
	list := other.set(200, "GET", "/admin/group-mappings", "")["mappings"].([]any)
	staff := list[1].(map[string]any)
	team := other.set(200, "GET", "/admin/teams", "")["items"].([]any)[0].(map[string]any)
	if staff["priority"] != 4.0 || staff["declared"] != false || !slices.Equal(staff["teams"].([]any), []any{team["id"]}) {
		t.Errorf("%v, %v", list, team)
	}
	for text, want := range map[string]string{
		"auth: { group_mappings: [{ provider: nobody, group: a, role: member }] }":                             "provider nobody",
		"auth: { group_mappings: [{ provider: pool, group: a, role: king }] }":                                 "king",
		"auth: { group_mappings: [{ provider: pool, group: a, role: admin, scopes: { monitor: [x] } }] }":      "scopes.monitor",
		"auth: { group_mappings: [{ provider: pool, group: a, role: admin, scopes: { monitor: ['*'], x: 1}}]}": "unknown key",
	} {
		body, err := json.Marshal(map[string]any{"configuration": text})
		if err != nil {
			t.Fatal(err)
		}
		if got := other.set(422, "POST", "/admin/config/import", string(body)); !strings.Contains(fmt.Sprint(got), want) {
			t.Errorf("%s: %v", text, got)
		}
	}
	if err := other.end(); err != nil {
		t.Error(err)
	}
}

// TestRolesOfTheFile: the file takes the roles that there are, and no others.
func TestRolesOfTheFile(t *testing.T) {
	alone(t)
	for _, role := range append([]string{"king"}, identity.Roles...) {
		line := "    - { provider: pool, group: g, role: " + role + " }\n"
		if role == identity.Admin {
			line = `    - { provider: pool, group: g, role: admin, scopes: { usage: ["*"] } }` + "\n"
		}
		_, err := config.Load(config.Options{Path: write(t, "roles.yaml", groupsFile+line), Environ: []string{}})
		if (err == nil) != (role != "king") {
			t.Errorf("%s: %v", role, err)
		}
	}
}
