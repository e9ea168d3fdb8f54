package main

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// TestPromtool has Prometheus's own judge look at /metrics of a gateway that has served.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("there is no promtool here (Debian: prometheus)")
	}
	t.Setenv("TURNPIKE_AUTH_API_KEY", "sk-client")
	r, _ := firstRun(t, load(t, t.TempDir(), nil, ""))
	for _, body := range []string{hello, strings.Replace(hello, "{", `{"stream":true,`, 1)} {
		if status, answer := r.do(http.MethodPost, "/v1/chat/completions", "sk-client", body); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	_, text := r.do(http.MethodGet, "/metrics", "", "")
	for _, family := range []string{
		"turnpike_requests_total", "turnpike_request_duration_seconds", "turnpike_tokens_total", "turnpike_provider_health",
		"turnpike_queue_depth", "turnpike_journal_lag_records",
	} {
		if !strings.Contains(text, "# TYPE "+family+" ") {
			t.Errorf("there is no %s", family)
		}
	}
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if said, err := cmd.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("%v: %s", err, said)
	}
}
