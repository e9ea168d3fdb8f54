package gateway

import (
	"net/http"
	"strings"
	"testing"

	"turnpike/internal/telemetry"
)

// TestHealthForStrangers: whether requests are served is no secret; by whom is.
func TestHealthForStrangers(t *testing.T) {
	g := newTestGateway(t, &toyProvider{name: "acme-west", dialect: "toy"})
	g.opt.Version = "1"
	g.opt.Operator = func(r *http.Request) bool { return r.Header.Get("X-Api-Key") == "admin" }
	for _, path := range []string{"/health", "/health/ready"} {
		if w := g.get(path); w.Code != 200 || w.Body.String() != `{"status":"ready","version":"1"}`+"\n" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		w := g.get(path, "X-Api-Key", "admin")
		for _, part := range []string{`"status":"ready"`, `"name":"acme-west"`, `"ledger":`, `"in_flight":0`} {
			if w.Code != 200 || !strings.Contains(w.Body.String(), part) {
				t.Errorf("%s for operators: %d %s", path, w.Code, w.Body)
			}
		}
	}
}

func TestWhoMayScrape(t *testing.T) {
	g := newTestGateway(t, &toyProvider{name: "acme-west", dialect: "toy"})
	if w := g.get("/metrics"); w.Code != 200 {
		t.Errorf("open: %d", w.Code)
	}
	opt := g.opt
	opt.Metrics = telemetry.New(func(string) bool { return true })
	opt.Scrapes = func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer scraper" }
	closed := &testGateway{t: t, Gateway: New(opt)}
	if w := closed.get("/metrics"); w.Code != 401 || strings.Contains(w.Body.String(), "acme") || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("without the token: %d %s", w.Code, w.Body)
	}
	if w := closed.get("/metrics", "Authorization", "Bearer scraper"); w.Code != 200 || !strings.Contains(w.Body.String(), `turnpike_provider_health{provider="acme-west"} 1`) {
		t.Errorf("with the token: %d %s", w.Code, w.Body)
	}
}
