package main

import (
	"net/http"
	"strings"
	"testing"

	"turnpike/internal/limit/redistest"
)

// TestRedisIsFound: a gateway that is told of a Redis counts there, and says so; one
// whose Redis is not there begins all the same.
func TestRedisIsFound(t *testing.T) {
	for _, c := range []struct{ name, url, want string }{
		{"there", "", `"limits":{"state":"ready"`},
		{"not there", "redis://turnpike:s3cret-w0rd@127.0.0.1:1", `"limits":{"state":"redis away"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.url == "" {
				c.url = redistest.URL(t)
			}
			t.Setenv("TURNPIKE_REDIS_URL", c.url)
			t.Setenv("TURNPIKE_AUTH_API_KEY", "sk-client")
			r, _ := firstRun(t, load(t, t.TempDir(), nil, ""))
			if status, body := r.do(http.MethodGet, "/health/ready", "", ""); status != http.StatusOK || !strings.Contains(body, c.want) {
				t.Errorf("%d %s", status, body)
			}
			if status, body := r.do(http.MethodPost, "/v1/chat/completions", "sk-client", `{"model":"sandbox","messages":[{"role":"user","content":"q"}]}`); status != http.StatusOK {
				t.Errorf("%d %s", status, body)
			}
			if err := r.end(); err != nil {
				t.Error(err)
			}
			if log, _ := r.log.now(); strings.Contains(log, "s3cret-w0rd") {
				t.Errorf("the log tells the password: %s", log)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		t.Setenv("TURNPIKE_AUTH_API_KEY", "sk-client")
		r, _ := firstRun(t, load(t, t.TempDir(), nil, ""))
		if _, body := r.do(http.MethodGet, "/health/ready", "", ""); strings.Contains(body, `"limits"`) {
			t.Error(body)
		}
	})
}
