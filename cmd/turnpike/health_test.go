package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"turnpike/internal/config"
)

func TestHealth(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
		want       string // in the error, none where it is empty
	}{
		{"ready", `{"status":"ready","version":"1"}`, 200, ""},
		{"not ready", `{"status":"not ready","reason":"no provider is in use"}`, 503, "not ready: no provider is in use"},
		{"shutting down", `{"status":"closing","reason":"shutting down"}`, 503, "closing: shutting down"},
		{"somebody else", `<html>`, 200, "does not answer as a gateway does"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/health/ready" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer s.Close()
			err := health([]string{"--server", s.URL})
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	if err := health([]string{"--server", gone.URL}); err == nil || !strings.Contains(err.Error(), "is the gateway running?") {
		t.Errorf("got %v of a gateway that is not there", err)
	}
}

func TestOwnAddress(t *testing.T) {
	for host, want := range map[string]string{
		"": "http://127.0.0.1:80", "0.0.0.0": "http://127.0.0.1:80", "::": "http://127.0.0.1:80", "10.0.0.1": "http://10.0.0.1:80", "::1": "http://[::1]:80",
	} {
		cfg := config.Default()
		cfg.Server.Host, cfg.Server.Port = host, 80
		if got := ownAddress(cfg); got != want {
			t.Errorf("%q: %s, want %s", host, got, want)
		}
		cfg.Server.TLS = config.TLS{CertFile: "c.pem", KeyFile: "k.pem"}
		if got, want := ownAddress(cfg), strings.Replace(want, "http:", "https:", 1); got != want {
			t.Errorf("with TLS: %s, want %s", got, want)
		}
	}
}

func TestMigrate(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		if err := migrate([]string{"--data-dir", dir}); err != nil {
			t.Fatal(err)
		}
	}
	if err := migrate([]string{"--data-dir", dir, "word"}); err == nil {
		t.Error("a word too many is taken")
	}
}
