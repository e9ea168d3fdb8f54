package gateway

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/ledger"
)

// onlooker notes what the ledger holds at each write to the client.
type onlooker struct {
	*httptest.ResponseRecorder
	rec  *ledger.Recorder
	held []int64
}

func (o *onlooker) Write(b []byte) (int, error) {
	o.held = append(o.held, o.rec.State().Waiting)
	return o.ResponseRecorder.Write(b)
}

// TestAccountedBeforeTheLastByte: when the end of an answer is written, the
// attempt is journalled; while there is more to come, it is not.
func TestAccountedBeforeTheLastByte(t *testing.T) {
	const asked, streamed = `{"model":"m"}`, `{"model":"m","stream":true}`
	for _, c := range []struct {
		name, path, body string
		status           int
		kind             string
		answer           []string // as it comes, piece by piece
		held             []int64
	}{
		{"whole", "/toy", asked, 200, "application/json", []string{`{"said":"x"}`}, []int64{1}},
		{"whole, translated", "/other", asked, 200, "application/json", []string{`{"said":"x","in":1,"out":2}`}, []int64{1}},
		{"stream", "/toy", streamed, 200, "text/event-stream", []string{eventD, eventD, eventEnd}, []int64{0, 0, 1}},
		{"stream, translated", "/other", streamed, 200, "text/event-stream", []string{eventD, eventD, eventEnd}, []int64{0, 0, 1}},
		{"short stream", "/toy", streamed, 200, "text/event-stream", []string{eventD + eventEnd}, []int64{1}},
		{"stream of a whole", "/other", streamed, 200, "application/json", []string{`{"said":"x","in":1,"out":2}`}, []int64{1}},
		{"error", "/toy", asked, 400, "application/json", []string{`{"error":"no"}`}, []int64{1}},
		{"error, translated", "/other", asked, 400, "application/json", []string{`{"error":"no"}`}, []int64{1}},
		{"error first in a stream", "/toy", streamed, 200, "text/event-stream", []string{"data: {\"error\":\"busy\"}\n\n"}, []int64{1}},
		{"error later in a stream", "/toy", streamed, 200, "text/event-stream", []string{eventD, "data: {\"error\":\"busy\"}\n\n"}, []int64{0, 1}},
		{"error later, translated", "/other", streamed, 200, "text/event-stream", []string{eventD, "data: {\"error\":\"busy\"}\n\n"}, []int64{0, 1}},
		{"broken stream", "/toy", streamed, 200, "text/event-stream", []string{eventD}, []int64{0, 1}},
		{"broken stream, translated", "/other", streamed, 200, "text/event-stream", []string{eventD}, []int64{0, 1}},
		{"refused", "/toy", `{"model":`, 0, "", nil, []int64{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
				return replyFrom(c.status, c.kind, &pieces{next: func(i int) (string, error) {
					if i == len(c.answer) {
						return "", io.EOF
					}
					return c.answer[i], nil
				}})
			}})
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, c.path, strings.NewReader(c.body))
			r.Header.Set("Authorization", "Bearer "+testKey)
			w := &onlooker{ResponseRecorder: httptest.NewRecorder(), rec: g.rec}
			g.ServeHTTP(w, r)
			if !slices.Equal(w.held, c.held) {
				t.Errorf("the ledger held %d attempts at the writes, want %d; answer %d %s", w.held, c.held, w.Code, w.Body)
			}
			if n := len(g.attempts()); int64(n) != c.held[len(c.held)-1] {
				t.Errorf("%d attempts in the end", n)
			}
		})
	}
}

// TestNoAccountNoRequest: what cannot be accounted for is not begun.
func TestNoAccountNoRequest(t *testing.T) {
	up := &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
		return reply(200, "application/json", `{"said":"x"}`)
	}}
	g := newTestGateway(t, up)
	g.rows.set(errors.New("connection refused"))
	g.refill(ledger.Options{MaxBytes: 100, OnFull: ledger.Refuse})
	if w := g.post("/toy", `{"model":"m"}`); w.Code != 200 {
		t.Fatalf("the first: %d", w.Code)
	}
	w := g.post("/toy", `{"model":"m"}`)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "ledger.max_bytes") || w.Header().Get("Retry-After") != "10" {
		t.Errorf("the second: %d %s %v", w.Code, w.Body, w.Header())
	}
	h := g.get("/health/ready")
	if h.Code != http.StatusServiceUnavailable || !strings.Contains(h.Body.String(), "cannot be accounted for") || strings.Contains(h.Body.String(), "journal") {
		t.Errorf("health for strangers: %d %s", h.Code, h.Body)
	}
	g.opt.Operator = func(*http.Request) bool { return true }
	h = g.get("/health/ready")
	if h.Code != http.StatusServiceUnavailable || !strings.Contains(h.Body.String(), `"waiting":1`) || !strings.Contains(h.Body.String(), "journal has reached") {
		t.Errorf("health: %d %s", h.Code, h.Body)
	}
	if len(up.sent) != 1 {
		t.Errorf("%d requests went out", len(up.sent))
	}
}
