package telemetry

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

var update = flag.Bool("update", false, "write docs/metrics.md")

const page = "../../docs/metrics.md"

func TestPage(t *testing.T) {
	if *update {
		if err := os.WriteFile(page, []byte(Markdown()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != Markdown() {
		t.Error("docs/metrics.md is not what the table says: go test ./internal/telemetry -update")
	}
}

// full fills every family.
func full() *Metrics {
	m := New(all)
	m.Read(func() Reading {
		return Reading{
			Redis:    &Redis{Up: true, Replicas: 3, Fallbacks: 13, Waiting: 14, Lost: 15},
			InFlight: 3, OTLP: &Delivery{Sent: 5, Dropped: 6, Failed: 7}, Journal: Journal{Waiting: 8, Bytes: 9, InMemory: 10, Lost: 11, Away: 12 * time.Second},
			Providers: []Provider{
				{Name: "p", Healthy: true, InFlight: 1, Waiting: 2, Cooling: map[string]int{"rate limit": 1}, Cooldowns: map[string]int64{"rate limit": 4}},
				{Name: "q"},
			},
		}
	})
	m.Count(&Request{Provider: "p", Model: "m", Status: 200, Took: 3 * time.Second, FirstContent: time.Second, Chunks: 5})
	m.Count(&Request{Provider: "p", Model: "m", Status: 200, Took: 3 * time.Second, FirstContent: time.Second, Chunks: 1})
	m.Attempt(&Attempt{Provider: "p", Model: "m", Status: 200, Cost: 2_500_000_000})
	m.Attempt(&Attempt{Provider: "p", Model: "m", Status: 429, Limited: true, Unpriced: true})
	m.Attempt(&Attempt{Provider: "p", Model: "m"})
	m.Attempt(&Attempt{Provider: "p", Model: "n", Status: 9999})
	m.Failover("p", "failing")
	m.Affinity(true, true)
	m.Affinity(true, false)
	m.Affinity(false, false)
	m.RateLimited(LimitKey, "")
	m.Limited("team", "tpm")
	m.Limited("key", "rpm")
	m.OverBudget("team", "spent")
	m.PayloadDropped()
	m.Count(&Request{Provider: "p", Model: "m", Status: 200, Usage: usage()})
	return m
}

func TestFamilies(t *testing.T) {
	text := scrape(t, full())
	wants(
		t, text,
		`turnpike_time_to_first_token_seconds_sum{model="m",provider="p"} 2`,
		`turnpike_time_to_first_token_seconds_count{model="m",provider="p"} 2`,
		`turnpike_time_per_chunk_seconds_sum{model="m",provider="p"} 0.5`,
		`turnpike_time_per_chunk_seconds_count{model="m",provider="p"} 1`,
		`turnpike_attempts_total{model="m",provider="p"} 3`, `turnpike_attempts_total{model="other",provider="p"} 1`,
		`turnpike_upstream_responses_total{provider="p",status="200"} 1`, `turnpike_upstream_responses_total{provider="p",status="429"} 1`,
		`turnpike_upstream_responses_total{provider="p",status="none"} 2`,
		`turnpike_rate_limit_hits_total{limit="upstream",provider="p"} 1`, `turnpike_rate_limit_hits_total{limit="key",provider="none"} 2`, `turnpike_limit_hits_total{rule="tpm",scope="team"} 1`, `turnpike_limit_hits_total{rule="rpm",scope="key"} 1`,
		`turnpike_budget_refusals_total{reason="spent",scope="team"} 1`,
		`turnpike_redis_up 1`, `turnpike_redis_replicas 3`, `turnpike_redis_fallbacks_total 13`, `turnpike_redis_settlements_waiting 14`, `turnpike_redis_settlements_lost_total 15`,
		`turnpike_cost_dollars_total{model="m",provider="p"} 2.5`, `turnpike_unpriced_attempts_total{model="m",provider="p"} 1`,
		`turnpike_failovers_total{provider="p",reason="failing"} 1`, `turnpike_affinity_total{result="hit"} 1`, `turnpike_affinity_total{result="moved"} 1`, `turnpike_affinity_total{result="new"} 1`,
		`turnpike_payloads_dropped_total 1`, `turnpike_requests_in_flight 3`, `turnpike_provider_health{provider="p"} 1`, `turnpike_provider_health{provider="q"} 0`,
		`turnpike_upstream_requests_in_flight{provider="p"} 1`, `turnpike_queue_depth{provider="p"} 2`,
		`turnpike_cooling_models{provider="p",reason="rate limit"} 1`, `turnpike_cooldowns_total{provider="p",reason="rate limit"} 4`,
		`turnpike_journal_lag_records 8`, `turnpike_journal_size_bytes 9`, `turnpike_journal_memory_records 10`,
		`turnpike_journal_lost_records_total 11`, `turnpike_database_away_seconds 12`,
		`turnpike_otlp_records_total{result="sent"} 5`, `turnpike_otlp_records_total{result="dropped"} 6`, `turnpike_otlp_records_total{result="failed"} 7`,
	)
	for _, f := range table {
		if !strings.Contains(text, "# TYPE "+prefix+f.Name+" "+string(f.Kind)+"\n") {
			t.Errorf("%s is not served as a %s", f.Name, f.Kind)
		}
	}
}

// TestNames: Prometheus' own rules of naming, by its library and by promtool where
// there is one.
func TestNames(t *testing.T) {
	text := scrape(t, full())
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, prefix) {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("no promtool here (Debian: prometheus)")
	}
	cmd := exec.CommandContext(t.Context(), tool, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out.String())
	}
}
