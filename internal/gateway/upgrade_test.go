package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestWebsocketsAreRefusedAtOnce: Codex tries a websocket before it posts. 426
// sends it on at once; 404 and 405 make it try again for seconds.
func TestWebsocketsAreRefusedAtOnce(t *testing.T) {
	g := newTestGateway(t, &toyProvider{dialect: "toy"})
	for _, c := range []struct {
		upgrade string
		want    int
	}{{"websocket", 426}, {"WebSocket", 426}, {"h2c", 404}, {"", 404}} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/responses", nil)
		r.Header.Set("Upgrade", c.upgrade)
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code != c.want || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("X-Should-Retry") != "false" {
			t.Errorf("%q: %d %s", c.upgrade, w.Code, w.Body)
		}
		if c.want == 426 && !strings.Contains(w.Body.String(), "POST") {
			t.Errorf("it does not say what to do: %s", w.Body)
		}
	}
}
