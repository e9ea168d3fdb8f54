package config

import (
	"strings"
	"testing"
)

const withPool = `server: {public_url: "https://gw.example.org"}
auth:
  oidc: [{name: pool, preset: cognito, region: eu-west-1, user_pool: eu-west-1_AbC123, client_id: b}]
  group_mappings:
`

func TestGroupMappings(t *testing.T) {
	cfg := mustLoad(t, withPool+`
    - {provider: pool, group: admins, role: admin, scopes: {keys: ["*"], usage: [team_1]}, teams: [research], priority: 10}
    - {provider: pool, group: staff, role: member}
`)
	m := cfg.Auth.GroupMappings
	if len(m) != 2 || m[0].Scopes.Keys[0] != "*" || m[0].Scopes.Usage[0] != "team_1" || m[0].Teams[0] != "research" || m[0].Priority != 10 || m[1].Role != "member" {
		t.Errorf("%+v", m)
	}
	// What is exported is read as the same.
	text, _, err := Export(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again := mustLoad(t, string(text)); len(Differences(cfg, again)) != 0 {
		t.Errorf("%v in\n%s", Differences(cfg, again), text)
	}
	next := mustLoad(t, withPool+"    - {provider: pool, group: staff, role: auditor}\n")
	merged, changed, restart := Reload(cfg, next)
	if strings.Join(changed, " ") != "auth.group_mappings" || len(restart) != 0 || merged.Auth.GroupMappings[0].Role != "auditor" || len(merged.Auth.OIDC) != 1 {
		t.Errorf("changed %v, restart %v, %+v", changed, restart, merged.Auth)
	}
}

func TestGroupMappingProblems(t *testing.T) {
	for line, want := range map[string]string{
		`{provider: pol, group: a, role: member}`:                                                   `did you mean "pool"?`,
		`{group: a, role: member}`:                                                                  "[0].provider",
		`{provider: pool, role: member}`:                                                            "[0].group",
		`{provider: pool, group: a}`:                                                                "[0].role",
		`{provider: pool, group: a, role: king}`:                                                    "[0].role",
		`{provider: pool, group: a, role: admin}`:                                                   "[0].scopes",
		`{provider: pool, group: a, role: member, scopes: {keys: ["*"]}}`:                           "[0].scopes",
		`{provider: pool, group: a, role: admin, scopes: {everything: ["*"]}}`:                      "everything",
		`{provider: pool, group: a, role: member, priority: 1000001}`:                               "[0].priority",
		"{provider: pool, group: a, role: member}\n    - {provider: pool, group: a, role: auditor}": "[1].group",
	} {
		if _, err := load("turnpike.yaml", []byte(withPool+"    - "+line+"\n"), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}
