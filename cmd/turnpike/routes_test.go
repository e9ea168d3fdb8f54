package main

import (
	"cmp"
	"net/http"
	"strings"
	"testing"
)

// TestEveryAPIAsksForAKey walks the list of client APIs: none is served to those
// who have no key, and none but by its own method.
func TestEveryAPIAsksForAKey(t *testing.T) {
	t.Setenv("TURNPIKE_AUTH_API_KEY", "sk-client")
	r, _ := firstRun(t, load(t, t.TempDir(), nil, ""))
	fill := strings.NewReplacer("{model}", "sandbox", "{call...}", "sandbox:generateContent", "{id}", "resp_1")
	for _, f := range fronts {
		method := cmp.Or(f.Method, http.MethodPost)
		path := fill.Replace(f.Path)
		if strings.ContainsAny(path, "{}") {
			t.Fatalf("%s: this test does not know how to fill it in", f.Path)
		}
		for _, key := range []string{"", "sk-other"} {
			if status, answer := r.do(method, path, key, `{"model":"sandbox"}`); !keyRefused(status) {
				t.Errorf("%s %s with the key %q: %d %s", method, path, key, status, answer)
			}
		}
		if status, answer := r.do(method, path, "sk-client", `{"model":"sandbox"}`); keyRefused(status) || status == http.StatusMethodNotAllowed {
			t.Errorf("%s %s with its key: %d %s", method, path, status, answer)
		}
		if status, _ := r.do(http.MethodPut, path, "sk-client", `{"model":"sandbox"}`); status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
			t.Errorf("PUT %s: %d", path, status)
		}
	}
}

// keyRefused tells whether a key was not taken; Bedrock's clients know 403 for it.
func keyRefused(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}
