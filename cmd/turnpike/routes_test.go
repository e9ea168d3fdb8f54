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

// TestPathsThatMustBeServed are the paths of the APIs that Turnpike promises: each is
// known, so a request without a key is asked for one.
func TestPathsThatMustBeServed(t *testing.T) {
	t.Setenv("TURNPIKE_AUTH_API_KEY", "sk-client")
	r, _ := firstRun(t, load(t, t.TempDir(), nil, ""))
	for _, c := range []string{
		"POST /v1/chat/completions", "POST /v1/completions", "POST /v1/embeddings", "GET /v1/models", "GET /v1/models/m",
		"POST /v1/responses", "POST /v1/responses/compact", "POST /v1/responses/input_tokens", "POST /v1/responses/resp_1/cancel",
		"GET /v1/responses/resp_1", "GET /v1/responses/resp_1/input_items", "DELETE /v1/responses/resp_1",
		"POST /v1/messages", "POST /v1/messages?beta=true", "POST /v1/messages/count_tokens?beta=true",
		"POST /v1beta/models/m:generateContent", "POST /v1beta/models/m:streamGenerateContent?alt=sse", "POST /v1beta/models/m:countTokens", "GET /v1beta/models",
		"POST /v1/models/m:generateContent", "POST /v1/models/m:streamGenerateContent?alt=sse",
		"POST /model/anthropic.claude-v1:0/invoke", "POST /model/anthropic.claude-v1%3A0/invoke-with-response-stream", "POST /model/m/converse",
		"POST /model/m/converse-stream", "POST /model/m/count-tokens",
		"POST /openai/v1/chat/completions", "POST /openai/v1/responses", "POST /openai/v1/embeddings", "POST /openai/deployments/m/chat/completions",
		"POST /openai/deployments/m/embeddings",
	} {
		method, path, _ := strings.Cut(c, " ")
		if status, answer := r.do(method, path, "", `{"model":"m"}`); !keyRefused(status) {
			t.Errorf("%s without a key: %d %s", c, status, answer)
		}
	}
	if status, _ := r.do("POST", "/v1/nothing", "", `{}`); status != http.StatusNotFound {
		t.Errorf("a path that nobody promised: %d", status)
	}
}

// keyRefused tells whether a key was not taken; Bedrock's clients know 403 for it.
func keyRefused(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}
