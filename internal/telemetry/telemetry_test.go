package telemetry

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/llm"
)

func scrape(t testing.TB, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d", w.Code)
	}
	return w.Body.String()
}

func wants(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if !strings.Contains(text, l+"\n") {
			t.Errorf("no %q in\n%s", l, ours(text))
		}
	}
}

func ours(text string) string {
	var out []string
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, "turnpike_") {
			out = append(out, l)
		}
	}
	return strings.Join(out, "")
}

func usage() llm.Usage { return llm.Usage{Known: true, Input: 1, Output: 1} }

func all(string) bool { return true }

func TestSpend(t *testing.T) {
	m := New(all)
	m.Spend(&Attempt{Provider: "p", Model: "gpt", Cost: 1_500_000_000}, &llm.Usage{Known: true, Input: 3, Output: 5})
	m.Spend(&Attempt{Provider: "p", Model: "gpt"}, &llm.Usage{Known: true, Output: 1})
	text := scrape(t, m)
	wants(t, text, `turnpike_tokens_total{model="gpt",provider="p",type="input"} 3`, `turnpike_tokens_total{model="gpt",provider="p",type="output"} 6`, `turnpike_cost_dollars_total{model="gpt",provider="p"} 1.5`)
	if strings.Contains(text, "turnpike_requests_total{") {
		t.Errorf("tokens were counted as a request: %s", ours(text))
	}
	(*Metrics)(nil).Spend(&Attempt{Provider: "p", Model: "gpt"}, &llm.Usage{})
}

func TestCount(t *testing.T) {
	m := New(func(model string) bool { return model == "claude-x" })
	m.Count(&Request{
		Provider: "p", Model: "claude-x", Status: 200, Took: 400 * time.Second,
		Usage:  llm.Usage{Known: true, Input: 3, Output: 5, CacheRead: 7, CacheWrite5m: 11, CacheWrite1h: 13, Reasoning: 2},
		Losses: []llm.Loss{{Kind: llm.LossDropped, Count: 2}, {Kind: llm.LossAdded}, {Kind: llm.LossDropped, Count: 1}},
	})
	m.Count(&Request{Provider: "p", Model: "claude-x", Status: 429})
	m.Count(&Request{Provider: "p", Model: "made up", Status: 200})
	m.Count(&Request{Status: 401})
	m.Count(&Request{Provider: "p", Model: "claude-x"})
	wants(
		t, scrape(t, m),
		`turnpike_losses_total{kind="dropped"} 3`, `turnpike_losses_total{kind="added"} 1`, `turnpike_losses_total{kind="changed"} 0`,
		`turnpike_requests_total{model="claude-x",provider="p",status="200"} 1`,
		`turnpike_requests_total{model="claude-x",provider="p",status="429"} 1`,
		`turnpike_requests_total{model="claude-x",provider="p",status="499"} 1`,
		`turnpike_requests_total{model="other",provider="p",status="200"} 1`,
		`turnpike_requests_total{model="none",provider="none",status="401"} 1`,
		`turnpike_tokens_total{model="claude-x",provider="p",type="input"} 3`,
		`turnpike_tokens_total{model="claude-x",provider="p",type="output"} 5`,
		`turnpike_tokens_total{model="claude-x",provider="p",type="cache_read"} 7`,
		`turnpike_tokens_total{model="claude-x",provider="p",type="cache_write_5m"} 11`,
		`turnpike_tokens_total{model="claude-x",provider="p",type="cache_write_1h"} 13`,
		`turnpike_tokens_total{model="claude-x",provider="p",type="reasoning"} 2`,
		`turnpike_request_duration_seconds_bucket{model="claude-x",provider="p",le="300"} 2`,
		`turnpike_request_duration_seconds_bucket{model="claude-x",provider="p",le="600"} 3`,
	)
	var off *Metrics
	off.Count(&Request{})
	off.Attempt(&Attempt{})
	off.Failover("p", "r")
	off.Affinity(true, true)
	off.RateLimited(LimitKey, "")
	off.OverBudget("key", "spent")
}

// TestModelsAreBounded: neither names that fail nor ones that work fill the
// registry, whoever makes them up.
func TestModelsAreBounded(t *testing.T) {
	m := New(all)
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			for i := range 2 * maxModels {
				m.Count(&Request{Provider: "p", Model: fmt.Sprintf("m%d-%d", k, i), Status: 200})
				m.Count(&Request{Provider: "p", Model: fmt.Sprintf("bad%d-%d", k, i), Status: 404 + i})
			}
		})
	}
	wg.Wait()
	text := scrape(t, m)
	if n := strings.Count(text, "turnpike_request_duration_seconds_count{"); n != maxModels+1 {
		t.Errorf("%d models", n)
	}
	if n := strings.Count(text, "turnpike_requests_total{"); n > maxModels+200 {
		t.Errorf("%d rows of requests", n)
	}
	if strings.Contains(text, `model="bad`) {
		t.Error("a model that was never served has a name")
	}
}

func TestCountDoesNotAllocate(t *testing.T) {
	m := New(all)
	r := &Request{Provider: "p", Model: "m", Status: 200, Took: time.Second, FirstContent: time.Millisecond, Chunks: 9, Usage: llm.Usage{Input: 1, Output: 2}}
	a := &Attempt{Provider: "p", Model: "m", Status: 200, Cost: 5}
	both := func() { m.Count(r); m.Attempt(a) }
	both()
	if n := testing.AllocsPerRun(100, both); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkCount is all that metrics cost a request: under 2 µs, without allocation.
func BenchmarkCount(b *testing.B) {
	m := New(all)
	r := &Request{
		Provider: "p", Model: "m", Status: 200, Took: time.Second, FirstContent: time.Millisecond, Chunks: 9,
		Usage:  llm.Usage{Input: 1, Output: 2, CacheRead: 3},
		Losses: []llm.Loss{{Kind: llm.LossDropped, Count: 1}},
	}
	a := &Attempt{Provider: "p", Model: "m", Status: 200, Cost: 5}
	b.ReportAllocs()
	for b.Loop() {
		m.Attempt(a)
		m.Count(r)
	}
}
