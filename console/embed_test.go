package console

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

var build = fstest.MapFS{
	"dist/.keep":                   {Data: nil},
	"dist/.vite/manifest.json":     {Data: []byte("{}")},
	"dist/index.html":              {Data: []byte("<!doctype html><title>the page</title>")},
	"dist/favicon.svg":             {Data: []byte("<svg></svg>")},
	"dist/assets/index-abc123.js":  {Data: []byte("export {}")},
	"dist/assets/style-abc123.css": {Data: []byte("a{}")},
	"dist/assets/odd-abc123.bin":   {Data: []byte{0, 1}},
	"secret.txt":                   {Data: []byte("not for browsers")},
}

var noBuild = fstest.MapFS{"dist/.keep": {Data: nil}}

func serve(t *testing.T, h http.Handler, method, target string, header http.Header) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, "/", nil)
	// The path as a client may send it, not as a mux would tidy it.
	r.URL.Path = target
	maps.Copy(r.Header, header)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	res := w.Result()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func TestServe(t *testing.T) {
	const page = "the page"
	const immutable = "public, max-age=31536000, immutable"
	tests := []struct {
		path, want string
		status     int
		kind       string
		cache      string
	}{
		{"/ui/", page, 200, "text/html; charset=utf-8", "no-cache"},
		{"/ui/index.html", page, 200, "text/html; charset=utf-8", "no-cache"},
		{"/ui/keys", page, 200, "text/html; charset=utf-8", "no-cache"},
		{"/ui/models/gpt-5.5", page, 200, "text/html; charset=utf-8", "no-cache"},
		{"/ui/keys/", page, 200, "text/html; charset=utf-8", "no-cache"},
		{"/ui/keys//x", page, 200, "text/html; charset=utf-8", "no-cache"},
		{"/ui/favicon.svg", "<svg></svg>", 200, "image/svg+xml", "no-cache"},
		{"/ui/assets/index-abc123.js", "export {}", 200, "text/javascript; charset=utf-8", immutable},
		{"/ui/assets/style-abc123.css", "a{}", 200, "text/css; charset=utf-8", immutable},
		{"/ui/assets/odd-abc123.bin", "\x00\x01", 200, "application/octet-stream", immutable},
		{"/ui/assets/index-old.js", "not found", 404, "text/plain; charset=utf-8", ""},
		{"/ui/assets/", "not found", 404, "text/plain; charset=utf-8", ""},
		{"/ui/assets", page, 200, "text/html; charset=utf-8", "no-cache"}, // a folder is not listed
		{"/ui/.keep", "not found", 404, "text/plain; charset=utf-8", ""},
		{"/ui/.vite/manifest.json", "not found", 404, "text/plain; charset=utf-8", ""},
		{"/elsewhere", "not found", 404, "text/plain; charset=utf-8", ""},
		{"/uix", "not found", 404, "text/plain; charset=utf-8", ""},
	}
	h := newHandler(build)
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			res, body := serve(t, h, http.MethodGet, test.path, nil)
			if res.StatusCode != test.status || !strings.Contains(body, test.want) {
				t.Errorf("got %d %q, want %d with %q", res.StatusCode, body, test.status, test.want)
			}
			if got := res.Header.Get("Content-Type"); got != test.kind {
				t.Errorf("Content-Type %q, want %q", got, test.kind)
			}
			if got := res.Header.Get("Cache-Control"); got != test.cache {
				t.Errorf("Cache-Control %q, want %q", got, test.cache)
			}
		})
	}
}

func TestTraversal(t *testing.T) {
	paths := []string{
		"/ui/../secret.txt", "/ui/assets/../../secret.txt", "/ui/../../etc/passwd", "/ui//../secret.txt",
		`/ui/..\secret.txt`, `/ui/assets\..\..\secret.txt`, "/ui/./index.html", "/ui/assets/./index-abc123.js", "/ui/\x00",
	}
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			res, body := serve(t, newHandler(build), http.MethodGet, path, nil)
			if res.StatusCode != http.StatusNotFound {
				t.Errorf("got %d %q, want 404", res.StatusCode, body)
			}
		})
	}
}

func TestHead(t *testing.T) {
	for _, path := range []string{"/ui/", "/ui/assets/index-abc123.js", "/ui/keys"} {
		t.Run(path, func(t *testing.T) {
			h := newHandler(build)
			full, content := serve(t, h, http.MethodGet, path, nil)
			res, body := serve(t, h, http.MethodHead, path, nil)
			if res.StatusCode != http.StatusOK || body != "" {
				t.Errorf("got %d %q, want 200 without a body", res.StatusCode, body)
			}
			if res.ContentLength != int64(len(content)) || res.Header.Get("Etag") != full.Header.Get("Etag") {
				t.Errorf("HEAD says %v, GET %v", res.Header, full.Header)
			}
		})
	}
}

func TestMethods(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		t.Run(method, func(t *testing.T) {
			res, _ := serve(t, newHandler(build), method, "/ui/", nil)
			if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("got %d, Allow %q", res.StatusCode, res.Header.Get("Allow"))
			}
		})
	}
}

func TestRedirect(t *testing.T) {
	res, _ := serve(t, newHandler(build), http.MethodGet, "/ui", nil)
	if res.StatusCode != http.StatusPermanentRedirect || res.Header.Get("Location") != "/ui/" {
		t.Errorf("got %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
}

func TestPageIsRevalidated(t *testing.T) {
	h := newHandler(build)
	first, _ := serve(t, h, http.MethodGet, "/ui/", nil)
	again, body := serve(t, h, http.MethodGet, "/ui/keys", http.Header{"If-None-Match": {first.Header.Get("Etag")}})
	if again.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("the same page: got %d %q, want 304", again.StatusCode, body)
	}
	other, _ := serve(t, newHandler(noBuild), http.MethodGet, "/ui/", http.Header{"If-None-Match": {first.Header.Get("Etag")}})
	if other.StatusCode != http.StatusOK {
		t.Errorf("another page: got %d, want 200", other.StatusCode)
	}
}

func TestHeaders(t *testing.T) {
	want := map[string]string{
		"X-Content-Type-Options": "nosniff",
		"X-Frame-Options":        "DENY",
		"Referrer-Policy":        "no-referrer",
	}
	for name, h := range map[string]http.Handler{"build": newHandler(build), "no build": newHandler(noBuild)} {
		for _, path := range []string{"/ui", "/ui/", "/ui/assets/index-abc123.js", "/ui/assets/none.js", "/ui/.keep"} {
			t.Run(name+" "+path, func(t *testing.T) {
				res, _ := serve(t, h, http.MethodGet, path, nil)
				for header, value := range want {
					if got := res.Header.Get(header); got != value {
						t.Errorf("%s: %q, want %q", header, got, value)
					}
				}
				csp := res.Header.Get("Content-Security-Policy")
				for _, part := range []string{"default-src 'self'", "frame-ancestors 'none'"} {
					if !strings.Contains(csp, part) {
						t.Errorf("Content-Security-Policy %q lacks %q", csp, part)
					}
				}
				if strings.Contains(csp, "unsafe") || res.Header.Get("Permissions-Policy") == "" {
					t.Errorf("headers too lax: %v", res.Header)
				}
			})
		}
	}
}

func TestPlaceholder(t *testing.T) {
	h := newHandler(noBuild)
	for _, path := range []string{"/ui/", "/ui/keys"} {
		res, body := serve(t, h, http.MethodGet, path, nil)
		if res.StatusCode != http.StatusOK || !strings.Contains(body, "The console is not in this build: run <code>make console</code>") {
			t.Errorf("%s: got %d %q", path, res.StatusCode, body)
		}
		// The policy would refuse them.
		if strings.Contains(body, "<style") || strings.Contains(body, "<script") || strings.Contains(body, "style=") {
			t.Errorf("%s: inline style or script in %q", path, body)
		}
	}
	if res, _ := serve(t, h, http.MethodGet, "/ui/assets/index-abc123.js", nil); res.StatusCode != http.StatusNotFound {
		t.Errorf("an asset that is not there: got %d, want 404", res.StatusCode)
	}
}

// Whatever was built, what is embedded is served.
func TestEmbedded(t *testing.T) {
	res, body := serve(t, Handler(), http.MethodGet, "/ui/", nil)
	if res.StatusCode != http.StatusOK || !strings.Contains(body, "Turnpike") {
		t.Errorf("got %d %q", res.StatusCode, body)
	}
}
