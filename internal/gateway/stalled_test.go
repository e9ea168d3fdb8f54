package gateway

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// stalled is a client that sends no more: reading ends when the deadline that was set is over,
// which is at once, and never where none is set.
type stalled struct {
	*httptest.ResponseRecorder
	over chan struct{}
	set  []time.Time
}

func (s *stalled) SetReadDeadline(at time.Time) error {
	if s.set = append(s.set, at); len(s.set) == 1 && !at.IsZero() {
		close(s.over)
	}
	return nil
}

func (s *stalled) Read([]byte) (int, error) {
	<-s.over
	return 0, os.ErrDeadlineExceeded
}

// TestStalledBody: a client that sends half a request is waited for so long and no longer, and
// nothing goes upstream; behind a whole one no deadline is left, which would end the answer.
func TestStalledBody(t *testing.T) {
	g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
		return reply(200, "application/json", `{"said":"x"}`)
	}})
	for _, whole := range []bool{false, true} {
		s := &stalled{ResponseRecorder: httptest.NewRecorder(), over: make(chan struct{})}
		var body io.Reader = strings.NewReader(`{"model":"m","text":"x"}`)
		if !whole {
			body = io.MultiReader(strings.NewReader(`{"model":`), s)
		}
		before := time.Now()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/toy", body)
		r.Header.Set("Authorization", "Bearer "+testKey)
		g.ServeHTTP(s, r)
		if len(s.set) == 0 || s.set[0].Before(before) || s.set[0].After(time.Now().Add(bodyWait)) || whole != s.set[len(s.set)-1].IsZero() {
			t.Errorf("whole %t: deadlines %v", whole, s.set)
		}
		if whole != (s.Code == 200) || whole != (len(g.up.sent) > 0) {
			t.Errorf("whole %t: %d %s, %d sent", whole, s.Code, s.Body, len(g.up.sent))
		}
	}
}
