package gateway

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

// TestPanicTellsNothing: a bug is told with its place, and an error in the client's dialect;
// what the request said is in neither.
func TestPanicTellsNothing(t *testing.T) {
	var log bytes.Buffer
	g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		panic("cannot read " + string(body))
	}})
	g.opt.Log = slog.New(slog.NewTextHandler(&log, nil))
	w := g.post("/toy", `{"model":"m","text":"pr0mptM4rk"}`)
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "this is a bug") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if text := log.String(); !strings.Contains(text, "a request panicked") || !strings.Contains(text, "panic_test.go") || strings.Contains(text+w.Body.String(), "pr0mptM4rk") {
		t.Errorf("the log: %s", text)
	}
	if list := g.attempts(); len(list) != 1 || strings.Contains(fmt.Sprintf("%+v", list), "pr0mptM4rk") {
		t.Errorf("%+v", list)
	}
}
