package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// clientRequest is a request that a real client sent.
type clientRequest struct {
	Dialect string
	Method  string
	Path    string
	Query   map[string]any
	Headers map[string]string
	Body    json.RawMessage
}

// named are the top-level members that the express lane may change, by the
// dialect of the recorded request: everything else must arrive as it was sent.
var named = map[string][]string{
	"openai-chat":      {"stream_options"}, // usage is always asked for
	"openai-responses": nil,
	"anthropic":        nil,
	"anthropic-count":  nil,
	"bedrock":          nil,
	"gemini":           nil,
	"embeddings":       nil,
}

// homes are accounts that speak the client's own dialect.
var homes = map[string]string{
	"openai-chat": "openai", "openai-responses": "openai", "embeddings": "openai",
	"anthropic": "anthropic", "anthropic-count": "anthropic", "bedrock": "bedrock", "gemini": "gemini",
}

// recorder is an upstream that only remembers what reached it.
type recorder struct {
	*httptest.Server
	mu   sync.Mutex
	body []byte
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	u := &recorder{}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil && r.Method == http.MethodPost {
			u.mu.Lock()
			u.body = body
			u.mu.Unlock()
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"message":"only remembered"}}`)
	}))
	t.Cleanup(u.Close)
	return u
}

// last is what came since it was asked last, nil for nothing.
func (u *recorder) last() []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	body := u.body
	u.body = nil
	return body
}

// TestClientRequestsPassUntouched sends what real clients sent to an upstream of
// their own dialect and compares every byte.
func TestClientRequestsPassUntouched(t *testing.T) {
	u := newRecorder(t)
	gateways := map[string]*running{}
	for _, kind := range []string{"openai", "anthropic", "gemini", "bedrock"} {
		provider := fmt.Sprintf("{ name: up, type: %s, base_url: '%s', api_key: k }", kind, u.URL)
		if kind == "bedrock" {
			provider = fmt.Sprintf("{ name: up, type: bedrock, base_url: '%s', region: us-east-1, access_key_id: AKIDEXAMPLE, secret_access_key: secret }", u.URL)
		}
		path := filepath.Join(t.TempDir(), "turnpike.yaml")
		if err := os.WriteFile(path, []byte("auth: { api_key: sk-client }\ndefaults: { provider: up }\nproviders:\n- "+provider+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		gateways[kind], _ = firstRun(t, load(t, t.TempDir(), nil, path))
	}
	seen := map[string]int{}
	for _, f := range llmtest.Files(t, "TURNPIKE_CLIENT_REQUESTS", "client-requests", "*/*.json") {
		var c clientRequest
		if err := json.Unmarshal(f.Data, &c); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if c.Method != http.MethodPost || c.Dialect == "" {
			continue
		}
		seen[c.Dialect]++
		t.Run(f.Name, func(t *testing.T) { passesUntouched(t, u, gateways[homes[c.Dialect]], &c) })
	}
	for dialect := range named {
		if seen[dialect] == 0 {
			t.Errorf("no request of dialect %s was found", dialect)
		}
	}
}

func passesUntouched(t *testing.T, u *recorder, g *running, c *clientRequest) {
	t.Helper()
	var sent bytes.Buffer
	if err := json.Compact(&sent, c.Body); err != nil {
		t.Fatal(err)
	}
	u.last()
	status, answer := g.sendAs(c, sent.Bytes())
	got := u.last()
	if got == nil {
		t.Fatalf("nothing was sent: %d %s", status, answer)
	}
	if strings.HasSuffix(c.Path, ":countTokens") { // the only form in which Gemini counts tools and instructions
		model := strings.TrimSuffix(c.Path[strings.LastIndexByte(c.Path, '/')+1:], ":countTokens")
		head := `{"generateContentRequest":{"model":"models/` + model + `",`
		if want := head + sent.String()[1:] + "}"; string(got) != want {
			t.Errorf("sent %s", got)
		}
		return
	}
	want, err := wire.ParseObject(sent.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	have, err := wire.ParseObject(got)
	if err != nil {
		t.Fatal(err)
	}
	var edits []wire.Edit
	for _, name := range named[c.Dialect] {
		edits = append(edits, wire.Edit{Name: name, Value: have.Get(name)})
	}
	if w := want.Apply(edits...); !bytes.Equal(w, got) {
		at := 0
		for at < min(len(w), len(got)) && w[at] == got[at] {
			at++
		}
		t.Errorf("differs at byte %d of %d:\nsent …%.300s\ngot  …%.300s", at, len(w), w[at:], got[at:])
	}
}

// sendAs sends a body the way the client did, but for its key.
func (r *running) sendAs(c *clientRequest, body []byte) (int, string) {
	r.t.Helper()
	target := "http://" + r.app.address() + c.Path
	sep := "?"
	for k, v := range c.Query {
		target += sep + k + "=" + fmt.Sprint(v)
		sep = "&"
	}
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for k, v := range c.Headers {
		switch strings.ToLower(k) {
		case "authorization", "x-api-key", "api-key", "x-goog-api-key", "accept-encoding", "content-encoding", "connection":
		default:
			req.Header.Set(k, v)
		}
	}
	req.Header.Set("Authorization", "Bearer sk-client")
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(answer)
}
