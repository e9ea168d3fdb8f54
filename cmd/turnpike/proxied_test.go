package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// TestHSTSBehindProxies: whoever came to a trusted proxy by TLS is told to come by nothing
// else, on all pages of people's; who came in the clear is not, nor is a proxy believed that
// nobody trusts.
func TestHSTSBehindProxies(t *testing.T) {
	for _, trusted := range []bool{true, false} {
		data := alone(t)
		t.Setenv("TURNPIKE_AUTH_ADMIN_KEY", operatorKey)
		file := "docs: true\n"
		if trusted {
			file += "server: { trusted_proxies: [127.0.0.1/32] }\n"
		}
		r, _ := firstRun(t, load(t, data, nil, write(t, "turnpike.yaml", file)))
		proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: r.app.address()})
			p.SetXForwarded()
		}}
		secure, plain := httptest.NewTLSServer(proxy), httptest.NewServer(proxy)
		for _, path := range []string{"/admin/keys", "/admin/nothing", "/auth/methods", "/ui/", "/docs/"} {
			for _, c := range []struct {
				server *httptest.Server
				said   string // what the client says of itself, which the proxy knows better
				want   bool
			}{{secure, "http", trusted}, {plain, "https", false}} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.server.URL+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+operatorKey)
				req.Header.Set("X-Forwarded-Proto", c.said)
				res, err := c.server.Client().Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				if got := res.Header.Get("Strict-Transport-Security") != ""; got != c.want || res.Header.Get("Permissions-Policy") == "" {
					t.Errorf("trusted %v, %s%s: %d %v", trusted, c.server.URL, path, res.StatusCode, res.Header)
				}
			}
		}
		secure.Close()
		plain.Close()
		if err := r.end(); err != nil {
			t.Error(err)
		}
	}
}
