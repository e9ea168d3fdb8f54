package signon

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
	read bool
}

func (s *stalled) SetReadDeadline(at time.Time) error {
	if s.set = append(s.set, at); len(s.set) == 1 && !at.IsZero() {
		close(s.over)
	}
	return nil
}

func (s *stalled) Read([]byte) (int, error) {
	s.read = true
	<-s.over
	return 0, os.ErrDeadlineExceeded
}

// TestStalledBodies: at no route does a client keep its place by sending nothing more, nor its
// connection: what was not read of a body is bounded by the same deadline.
func TestStalledBodies(t *testing.T) {
	w := newWorld(t, nil)
	tried := 0
	for _, r := range w.door.routes() {
		method, path, _ := strings.Cut(r.at, " ")
		if method != http.MethodPost || !r.on {
			continue
		}
		s := &stalled{ResponseRecorder: httptest.NewRecorder(), over: make(chan struct{})}
		before := time.Now()
		req := httptest.NewRequestWithContext(t.Context(), method, path, io.MultiReader(strings.NewReader(`{"login":`), s))
		if path == prefix+"/token" {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		w.door.ServeHTTP(s, req)
		if !s.read {
			continue
		}
		if tried++; len(s.set) != 1 || s.set[0].Before(before) || s.set[0].After(time.Now().Add(usual)) {
			t.Errorf("%s: %d, deadlines %v", r.at, s.Code, s.set)
		}
	}
	if tried < 5 {
		t.Errorf("%d routes", tried)
	}
}
