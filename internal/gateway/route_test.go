package gateway

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"turnpike/internal/affinity"
	"turnpike/internal/health"
)

// TestTheLogSaysWhoWasPassedOver: an account that cools, and the conversation that had
// to leave it for that; not what is so with every request.
func TestTheLogSaysWhoWasPassedOver(t *testing.T) {
	s := priority
	s.Pins = affinity.New(10, time.Now, nil)
	table := several(s, &toyProvider{name: "a", dialect: "toy", answer: said}, &toyProvider{name: "b", dialect: "toy", answer: said}, &toyProvider{name: "c", dialect: "toy", answer: fails(400, `{"error":"no"}`)})
	table.Account("c").Off = "no key"
	g := newTestGatewayOf(t, table)
	var log bytes.Buffer
	g.opt.Log = slog.New(slog.NewTextHandler(&log, nil))
	ask := func() string {
		log.Reset()
		if w := g.post("/toy", `{"model":"m"}`, "Session-Id", "s"); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return log.String()
	}
	if said := ask(); strings.Contains(said, "passed_over") || strings.Contains(said, "moved") {
		t.Errorf("all is well, and it says %s", said)
	}
	h, _ := table.Account("a").Place("m").Begin(time.Now, true)
	h.End(health.Rate, time.Minute)
	said := ask()
	for _, part := range []string{`passed_over="a/m: cooling: rate limit until `, `moved="its place a may not serve it now"`, "provider=b"} {
		if !strings.Contains(said, part) {
			t.Errorf("no %s in %s", part, said)
		}
	}
	if strings.Contains(said, "no key") {
		t.Errorf("it says what is always so: %s", said)
	}
	told := g.post("/toy", `{"model":"m"}`, "Session-Id", "s", "X-Turnpike-Explain", "true").Body.String()
	for _, part := range []string{
		`"provider":"a","model":"m","reason":"cooling: rate limit","until":"`, `"provider":"c","model":"m","reason":"not in use: no key"`,
		`"strategy":"priority"`, `"targets":[{"provider":"b",`, `"stays":true`,
	} {
		if !strings.Contains(told, part) {
			t.Errorf("no %s in %s", part, told)
		}
	}
}
