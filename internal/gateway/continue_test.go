package gateway

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"turnpike/internal/provider"
)

const eventCut = "data: {\"end\":true,\"cut\":true,\"in\":7,\"out\":9}\n\n"

// TestRoundsShareTheTimeOfACall: the bound of one call bounds all rounds, and a
// round that runs into it leaves the answer as it was.
func TestRoundsShareTheTimeOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &toyProvider{dialect: "toy", timeouts: provider.Timeouts{Total: 10 * time.Second}}
		up.answer = func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(6 * time.Second):
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
			return reply(200, "text/event-stream", eventD+eventCut)
		}
		g := newTestGateway(t, up)
		start := time.Now()
		w := g.post("/toy", `{"model":"m","stream":true}`, "X-Turnpike-Continue", "9")
		if took := time.Since(start); took != 10*time.Second || len(up.sent) != 2 {
			t.Errorf("%d requests in %v", len(up.sent), took)
		}
		if got := w.Body.String(); got != eventD+eventEnd {
			t.Errorf("got %q", got)
		}
		rows := g.attempts()
		if len(rows) != 2 || rows[0].Latency != 6*time.Second || rows[1].Latency != 4*time.Second || rows[1].At.Sub(rows[0].At) != 6*time.Second {
			t.Fatalf("rows %+v", rows)
		}
		if rows[1].ErrorClass != "timeout" || !strings.Contains(rows[1].LossReport, "the answer stays cut: provider toy did not answer in time") {
			t.Errorf("row %+v", rows[1])
		}
	})
}
