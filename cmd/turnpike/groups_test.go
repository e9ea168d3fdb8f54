package main

import (
	"slices"
	"strings"
	"testing"

	"turnpike/internal/config"
	"turnpike/internal/identity"
)

const groupsFile = "server: { public_url: \"https://gw.example.org\" }\nauth:\n  admin_key: " + liveAdmin + "\n" +
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
