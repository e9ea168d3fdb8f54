package gateway

import (
	"net/http"
	"testing"
	"time"

	"turnpike/internal/keyring"
	"turnpike/internal/tenancy"
)

// TestWhoseAttempt: a row says whom its key belongs to, which gateway made it, and how
// long the beginnings took.
func TestWhoseAttempt(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	up := &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
		now = now.Add(3 * time.Second) // until its head
		return reply(200, "application/json", `{"said":"x","in":3,"out":4}`)
	}}
	g := newTestGateway(t, up)
	g.opt.Now, g.opt.Replica = func() time.Time { return now }, "replica 1"
	g.opt.Keys = keyring.New(time.Now, keyring.Entry{Hash: keyring.Hash(testKey), Principal: keyring.Principal{
		KeyID: "key_1", Labels: tenancy.Labels{Team: "team_1", User: "user_1", Tags: []string{"web", "eu"}},
	}})
	if w := g.post("/toy", `{"model":"toy/m","say":"hello"}`); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	a := g.attempts()
	if len(a) != 1 || a[0].TeamID != "team_1" || a[0].UserID != "user_1" || a[0].Tags != `["eu","web"]` || a[0].Replica != "replica 1" ||
		a[0].FirstByte != 3*time.Second || a[0].Queued != 0 || a[0].Latency != 3*time.Second {
		t.Errorf("%+v", a)
	}
}
