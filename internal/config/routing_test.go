package config

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRouting(t *testing.T) {
	cfg := mustLoad(t, `
aliases:
- {match: "fast*", to: [claude/claude-haiku-4-5, gpt-5-mini], strategy: priority}
- {match: smart, to: [gpt-5]}
routing: {affinity: false, attempts: 2, retry_budget: 0}
providers:
- name: a
  type: sandbox
  health: {every: 30s, jitter: 5s}
  limits:
  - {model: "claude-*", rpm: 50, tpm: 40000, queue: 0}
  - {concurrency: 8, wait: 5s}
`, "TURNPIKE_ROUTING_CROSS_GEO=true", "TURNPIKE_ROUTING_DEADLINE=30s")
	a := cfg.Aliases.Find("fast-one")
	if len(cfg.Aliases) != 2 || a == nil || !slices.Equal(a.To, []string{"claude/claude-haiku-4-5", "gpt-5-mini"}) || a.Strategy != StrategyPriority {
		t.Errorf("aliases %+v", cfg.Aliases)
	}
	r := cfg.Routing
	if *r.Affinity || !*r.CrossGeo || r.Attempts != 2 || r.RetryBudget != 0 || r.Deadline != 30*time.Second || r.MaxWait != 10*time.Second || r.RefreshModels != time.Hour {
		t.Errorf("routing %+v", r)
	}
	p := cfg.Providers[0]
	want := []Limit{{Model: "claude-*", RPM: 50, TPM: 40000, Wait: 30 * time.Second}, {Concurrency: 8, Queue: 100, Wait: 5 * time.Second}}
	if !slices.Equal(p.Limits, want) {
		t.Errorf("limits %+v", p.Limits)
	}
	if p.Health != (Health{30 * time.Second, 5 * time.Second}) {
		t.Errorf("health %+v", p.Health)
	}
}

func TestRoutingPrints(t *testing.T) {
	cfg := mustLoad(t, `
aliases: [{match: "fast*", to: [gpt-5-mini], strategy: priority}]
providers: [{name: a, type: sandbox, health: {every: 30s}, limits: [{model: m, rpm: 50}]}]
`)
	first, err := Print(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"match: fast*", "affinity: true", "cross_geo: false", "retry_budget: 10", "every: 30s", "rpm: 50", "queue: 100", "first_content: 10m0s", "tls: 10s"} {
		if !strings.Contains(string(first), want) {
			t.Errorf("lacks %q:\n%s", want, first)
		}
	}
	second, err := Print(mustLoad(t, string(first)))
	if err != nil || string(first) != string(second) {
		t.Errorf("%v\n%s\n--- became ---\n%s", err, first, second)
	}
}

func TestRoutingProblems(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"no target", "aliases: [{match: a}]", "aliases[0]: to must list at least one model"},
		{"no name", "aliases: [{to: [b]}]", "aliases[0]: match must be a model's name"},
		{"a pattern as target", "aliases: [{match: a, to: ['b*']}]", "aliases[0]: to must list models by name"},
		{"strategy", "aliases: [{match: a, to: [b], strategy: random}]", `strategy must be one of [smart`},
		{"twice", "aliases: [{match: a, to: [b]}, {match: a, to: [c]}]", `aliases[1].match: "a" is taken by aliases[0]`},
		{"unknown key", "aliases: [{match: a, to: [b], kind: c}]", `unknown key "kind" in aliases[0]`},
		{"attempts", "routing: {attempts: 0}", "routing.attempts: must be between 1 and 20"},
		{"budget", "routing: {retry_budget: 101}", "routing.retry_budget: must be between 0 and 100"},
		{"refresh", "routing: {refresh_models: 1s}", "routing.refresh_models: must be at least 1m0s"},
		{"limit of nothing", "providers: [{name: a, type: sandbox, limits: [{model: m}]}]", "providers[0].limits[0]: limits nothing"},
		{"negative limit", "providers: [{name: a, type: sandbox, limits: [{rpm: -1}]}]", "providers[0].limits[0].rpm: must be between 0"},
		{"queue", "providers: [{name: a, type: sandbox, limits: [{rpm: 1, queue: 99999}]}]", "providers[0].limits[0].queue: must be between 0 and 10000"},
		{"checks too often", "providers: [{name: a, type: sandbox, health: {every: 1s}}]", "providers[0].health.every: must be at least 5s"},
		{"first content", "providers: [{name: a, type: sandbox, timeouts: {first_content: 0s}}]", "providers[0].timeouts.first_content: must be between"},
	} {
		_, err := fromText(t, c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
