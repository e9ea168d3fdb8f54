package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"turnpike/internal/affinity"
)

// TestAdminDoor: the key that was printed at the first start opens it, and so does one
// of the configuration; a client's key opens nothing there.
func TestAdminDoor(t *testing.T) {
	t.Run("the first start's key", func(t *testing.T) {
		r, out := firstRun(t, load(t, t.TempDir(), nil, ""))
		_, admin, _ := strings.Cut(out, "Admin key (shown once):  ")
		admin, _, _ = strings.Cut(admin, "\n")
		if status, answer := r.do(http.MethodGet, "/admin/affinity", admin, ""); status != 200 {
			t.Errorf("%d %s", status, answer)
		}
		if status, _ := r.do(http.MethodGet, "/admin/affinity", secretForm.FindString(out), ""); status != 401 {
			t.Errorf("a client's key: %d", status)
		}
	})
	t.Run("the configuration's, by the command", func(t *testing.T) {
		t.Setenv("TURNPIKE_AUTH_API_KEY", "sk-client")
		t.Setenv("TURNPIKE_AUTH_ADMIN_KEY", "tp-admin-mine")
		cfg := load(t, t.TempDir(), nil, "")
		r, _ := firstRun(t, cfg)
		r.app.table.Pins().Set("c1", affinity.Pin{Provider: "sandbox", Model: "sandbox"}, time.Hour)
		port := fmt.Sprint(cfg.Server.Port)
		t.Setenv("TURNPIKE_SERVER_PORT", port)
		if out := commandOut(t, "providers", "unpin", "sandbox"); out != "sandbox: 1 conversations let go\n" {
			t.Errorf("said %q", out)
		}
		if n := r.app.table.Pins().Len(); n != 0 {
			t.Errorf("%d are left", n)
		}
		refused(t, "404", "providers", "unpin", "nobody", "--server", "http://127.0.0.1:"+port+"/")
		refused(t, "usage: turnpike providers unpin NAME", "providers", "unpin")
		t.Setenv("TURNPIKE_AUTH_ADMIN_KEY", "tp-admin-other")
		refused(t, "401", "providers", "unpin", "sandbox")
		t.Setenv("TURNPIKE_AUTH_ADMIN_KEY", "")
		refused(t, "TURNPIKE_AUTH_ADMIN_KEY", "providers", "unpin", "sandbox")
	})
}

// TestMetricsToken: with a token, /metrics is no longer open to all.
func TestMetricsToken(t *testing.T) {
	t.Setenv("TURNPIKE_AUTH_API_KEY", "sk-client")
	t.Setenv("TURNPIKE_AUTH_ADMIN_KEY", "tp-admin-mine")
	t.Setenv("TURNPIKE_TELEMETRY_METRICS_TOKEN", "scraper")
	r, _ := firstRun(t, load(t, t.TempDir(), nil, ""))
	for key, want := range map[string]int{"": 401, "sk-client": 401, "scraper": 200, "tp-admin-mine": 200} {
		if status, _ := r.do(http.MethodGet, "/metrics", key, ""); status != want {
			t.Errorf("with %q: %d, want %d", key, status, want)
		}
	}
}
