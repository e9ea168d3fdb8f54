package config

import (
	"reflect"
	"strings"
	"testing"
)

const (
	hashOne = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	hashTwo = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

// everyone says all that can be said of teams, keys and budgets.
const everyone = `teams:
  - name: research
    description: they look
    disabled: true
    limits: { rpm: 60, tpm: 1000, concurrent: 0, models: [{ match: "claude-*", limits: { rpm: 5 } }] }
  - { id: team_06fq3zq4h8, name: ops }
keys:
  revealable: true
  list:
    - name: nightly
      hash: ` + hashOne + `
      key_prefix: sk-night
      description: "costs $${5}"
      team: research
      user: ann
      tags: [batch]
      addresses: [10.0.0.0/8]
      enabled: false
      log_payloads: true
      expires_at: 2027-01-31T00:00:00Z
      allowed_models: ["claude-*"]
      allowed_providers: [box]
      default_provider: box
      aliases: [{ match: fast, to: [claude-haiku-4-5] }]
      lb_strategy: priority
      limits: { rpm: 0 }
      policy: { cache: 1h, strict: true }
    - { name: plain, hash: ` + hashTwo + ` }
budgets:
  wait: 3s
  list:
    - { name: cap, scope: team, scope_id: research, limit_usd: "10.50", period: monthly, rollover: true, zone: Europe/Berlin }
    - { name: all, scope: organisation, limit_tokens: 1000000, period: rolling, window: 24h, soft: true }
    - { name: batch, scope: tag, scope_id: batch, limit_usd: 5, period: daily }
    - { name: ann, scope: user, scope_id: ann, limit_usd: 5, period: lifetime }
    - { name: own, scope: key, scope_id: nightly, limit_usd: 0, period: daily }
`

// TestPeople: what is declared of teams, keys and budgets is read, printed without the hashes,
// and comes back from an export as it was.
func TestPeople(t *testing.T) {
	cfg := mustLoad(t, everyone)
	k := cfg.Keys.List[0]
	sum, ok := k.Hash.Sum()
	if p := k.Treated(); !ok || sum[0] != 0x11 || p.Routing == nil || p.Routing.Strategy != "priority" || len(p.Routing.Aliases) != 1 || !p.IsStrict() || k.Description != "costs ${5}" {
		t.Errorf("%+v", k)
	}
	if cfg.Keys.List[1].Treated().Routing != nil {
		t.Error("a key that says nothing of it has a routing")
	}
	printed, err := Print(cfg)
	if err != nil || strings.Contains(string(printed), hashOne) || !strings.Contains(string(printed), "sha256:11111111…") {
		t.Errorf("printed %s, %v", printed, err)
	}
	text, variables, err := Export(cfg, nil)
	if err != nil || len(variables) != 0 {
		t.Fatal(variables, err)
	}
	again := mustLoad(t, string(text))
	if !reflect.DeepEqual(again.People(), cfg.People()) || !again.Keys.Revealable {
		t.Errorf("exported as\n%s", text)
	}
	doc, err := ReadDocument(text, nil)
	if err != nil || !reflect.DeepEqual(doc.People, cfg.People()) {
		t.Errorf("%+v, %v", doc, err)
	}
	if want := []string{"keys.revealable", "budgets.wait"}; !reflect.DeepEqual(doc.Skipped, want) {
		t.Errorf("skipped %v, want %v", doc.Skipped, want)
	}
	short := mustLoad(t, "keys: [{ name: a, hash: "+hashOne+" }]\nbudgets: [{ name: b, scope: key, scope_id: a, limit_usd: 1, period: daily }]\n")
	if len(short.Keys.List) != 1 || len(short.Budgets.List) != 1 || short.Budgets.AssumeOutput == 0 {
		t.Errorf("%+v", short.People())
	}
	now, changed, restart := Reload(mustLoad(t, "{}"), cfg)
	if !reflect.DeepEqual(now.People(), cfg.People()) || strings.Join(changed, " ") != "teams keys.list budgets.list" || strings.Join(restart, " ") != "keys.revealable budgets.wait" {
		t.Errorf("read again: %v, from the next start %v", changed, restart)
	}
}

func TestWrongPeople(t *testing.T) {
	key := func(more string) string { return "keys: [{ name: a, hash: " + hashOne + ", " + more + " }]" }
	cap := func(more string) string { return "teams: [{ name: research }]\nbudgets:\n- { name: b, " + more + " }" }
	for file, want := range map[string]string{
		"teams: [{ nmae: a }]":                                      `:1: unknown key "nmae" in teams[0] — did you mean "name"?`,
		"teams:\n- name: a\n- name: a":                              `:3: teams[1].name: "a" is the name of another team`,
		"teams: [{ name: none }]":                                   "teams[0].name: must be a name",
		"teams: [{ name: a, id: key_1 }]":                           "teams[0].id: must be an id such as team_",
		"teams: [{ name: a, id: team_1 }, { name: b, id: team_1 }]": "teams[1].id: is that of another entry",
		"teams: [{ name: a, limits: { rpm: -1 } }]":                 "teams[0].limits.rpm: must be 0 or more",
		"teams: [{ name: a, limits: { rmp: 1 } }]":                  `did you mean "rpm"?`,
		"keys: [{ name: a }]":                                       "keys.list[0].hash: must be sha256:",
		"keys: [{ name: a, hash: sk-a-secret }]":                    "keys.list[0].hash: must be sha256:",
		key("team: reserch") + "\nteams: [{ name: research }]":      `keys.list[0].team: teams has none that is named "reserch" — did you mean "research"?`,
		key("team: x"):                                              "it lists none",
		key("addresses: [x]"):                                       "keys.list[0].addresses",
		key("tags: ['a b']"):                                        "keys.list[0].tags[0]: must be a word",
		key("expires_at: tomorrow"):                                 "keys.list[0].expires_at: must be a time",
		key("lb_strategy: smrt"):                                    `did you mean "smart"?`,
		key("policy: { rules: [x] }"):                               `keys.list[0].policy.rules[0]: no rule is named "x"`,
		key("policy: { cache: 2h }"):                                "keys.list[0].policy: cache must be",
		"keys: [{ name: a, hash: " + hashOne + " }, { name: b, hash: " + hashOne + " }]":      `keys.list[1].hash: is that of the key "a" too`,
		cap("scope: taem, scope_id: x, limit_usd: 1, period: daily"):                          `did you mean "team"?`,
		cap("scope: team, scope_id: reserch, limit_usd: 1, period: daily"):                    `budgets.list[0].scope_id: teams has none that is named "reserch" — did you mean "research"?`,
		cap("scope: organisation, scope_id: x, limit_usd: 1, period: daily"):                  "there is one organisation",
		cap("scope: tag, limit_usd: 1, period: daily"):                                        "budgets.list[0].scope_id: must name the tag",
		cap("scope: team, scope_id: research, period: daily"):                                 "budgets.list[0].limit_usd: or limit_tokens must be said",
		cap("scope: team, scope_id: research, limit_usd: x, period: daily"):                   `budgets.list[0].limit_usd: "x"`,
		cap("scope: team, scope_id: research, limit_usd: 1, period: dayly"):                   `did you mean "daily"?`,
		cap("scope: team, scope_id: research, limit_usd: 1, period: rolling"):                 "budgets.list[0].window: must be between",
		cap("scope: team, scope_id: research, limit_usd: 1, period: daily, window: 1h"):       "is for rolling periods alone",
		cap("scope: team, scope_id: research, limit_usd: 1, period: daily, rollover: true"):   "is for monthly periods alone",
		cap("scope: team, scope_id: research, limit_usd: 1, period: daily, zone: Euope/Rome"): "is no IANA time zone",
	} {
		_, err := load("turnpike.yaml", []byte(file), Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n gave %v\nwant %s", file, err, want)
		}
	}
}
