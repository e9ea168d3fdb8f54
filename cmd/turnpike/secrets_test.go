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
)

// Every secret below holds the mark, every prompt the other.
const (
	secretMark = "s3cr3tM4rk"
	promptMark = "pr0mptM4rk"
)

func shapedKey(start string, n int) string {
	return fmt.Sprintf("%s%02d%s0123456789abcdefghij", start, n, secretMark)
}

// echo is an upstream that repeats in its errors all it was sent, as some do, and
// a collector that keeps what it is told.
type echo struct {
	*httptest.Server
	mu   sync.Mutex
	told bytes.Buffer
}

func newEcho(t *testing.T) *echo {
	t.Helper()
	e := &echo{}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
		idp := e.URL + strings.TrimSuffix(r.URL.Path, "/.well-known/openid-configuration")
		_, _ = fmt.Fprintf(w, `{"issuer":%[1]q,"authorization_endpoint":"%[1]s/authorize","token_endpoint":"%[1]s/token","jwks_uri":"%[1]s/keys"}`, idp)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/collector/") {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.told.Write(body)
		return
	}
	var said strings.Builder
	for name, values := range r.Header {
		if name != "Content-Length" {
			fmt.Fprintf(&said, "%s: %s; ", name, values)
		}
	}
	if strings.HasSuffix(r.URL.Path, "/token") {
		said.Write(body)
	}
	text, err := json.Marshal("I do not like " + r.URL.String() + " with " + said.String())
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasPrefix(r.URL.Path, "/idp/"):
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error":"invalid_grant","error_description":%s}`, text)
	case bytes.Contains(body, []byte("in a stream")):
		w.Header().Set("Content-Type", "text/event-stream")
		if bytes.Contains(body, []byte("late in a stream")) {
			_, _ = fmt.Fprint(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":null}]}\n\n")
		}
		_, _ = fmt.Fprintf(w, "data: {\"error\":{\"message\":%s}}\n\n", text)
	case bytes.Contains(body, []byte("server")):
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = fmt.Fprintf(w, `{"error":{"message":%s},"message":%s}`, text, text)
	default:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprintf(w, `{"error":{"message":%s},"message":%s}`, text, text)
	}
}

// secretive is a configuration with a secret in every place.
func secretive(t *testing.T, e *echo, format string) string {
	t.Helper()
	yaml := fmt.Sprintf(`
server: {log_level: debug, log_format: %[2]s}
routing: {attempts: 1}
auth: {admin_key: adm-%[3]s-admin, api_key: %[4]s}
telemetry: {forward: true, otlp: {endpoint: "%[1]s/collector", headers: {authorization: "Bearer otlp-%[3]s-0123456789"}}}
providers:
  - {name: plain, type: openai-compat, base_url: "%[1]s/v1", api_key: no-shape-%[3]s, headers: {x-extra: "extra-%[3]s"}}
  - {name: openai, type: openai, base_url: "%[1]s/v1", api_key: %[5]s, headers: {x-login: "Token of-%[3]s-0123456789"}}
  - {name: claude, type: anthropic, base_url: "%[1]s", api_key: %[6]s}
  - {name: google, type: gemini, base_url: "%[1]s", api_key: %[7]s}
  - {name: aws, type: bedrock, region: us-east-1, base_url: "%[1]s", access_key_id: AKIA%[3]sAB, secret_access_key: aws-%[3]s-secret, session_token: aws-%[3]s-session}
  - {name: bearer, type: bedrock, region: us-east-1, base_url: "%[1]s", bearer_token: ABSK%[3]s01234567890123456789}
  - {name: entra, type: azure, base_url: "%[1]s", tenant_id: t, client_id: c, client_secret: entra-%[3]s-secret, token_url: "%[1]s/token"}
  - {name: away, type: openai-compat, base_url: "http://127.0.0.1:1/v1", api_key: away-%[3]s-key}
`, e.URL, format, secretMark, shapedKey("sk-ant-api03_", 1), shapedKey("sk-proj-", 2), shapedKey("sk-ant-api03-", 3), "AIzaSy"+secretMark+"0123456789abcdefghijklm")
	path := filepath.Join(t.TempDir(), "turnpike.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// provoke sends secrets wherever a client can put one.
func provoke(r *running) {
	good := shapedKey("sk-ant-api03_", 1)
	send := func(path, body string, header ...string) {
		req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+r.app.address()+path, strings.NewReader(body))
		if err != nil {
			r.t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := r.client.Do(req)
		if err != nil {
			r.t.Fatal(err)
		}
		answer, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if i := bytes.Index(answer, []byte(secretMark)); i >= 0 && !strings.Contains(path+body+strings.Join(header[min(2, len(header)):], ""), secretMark) {
			r.t.Errorf("a client is told %q", answer[max(0, i-60):min(len(answer), i+20)])
		}
	}
	for _, provider := range []string{"plain", "openai", "claude", "google", "aws", "bearer", "entra", "away"} {
		for _, prompt := range []string{promptMark, promptMark + " server", promptMark + " in a stream", promptMark + " late in a stream"} {
			stream := strings.HasSuffix(prompt, "stream")
			chat := fmt.Sprintf(`{"model":"%s/anthropic.claude-sonnet-4-5","max_tokens":9,"stream":%v,"messages":[{"role":"user","content":"%s"}]}`, provider, stream, prompt)
			send("/v1/chat/completions", chat, "Authorization", "Bearer "+good)
			send("/v1/messages", chat, "X-Api-Key", good)
			send("/v1/embeddings", `{"model":"`+provider+`/m","input":"`+prompt+`"}`, "Authorization", "Bearer "+good)
		}
	}
	chat := `{"model":"plain/m","messages":[{"role":"user","content":"` + promptMark + `"}]}`
	wrong := shapedKey("sk-", 4)
	send("/v1/chat/completions", chat, "Authorization", "Bearer "+wrong)
	send("/v1/chat/completions", chat, "Authorization", "Basic "+wrong)
	send("/v1/chat/completions", chat, "Authorization", "Bearer "+good, "X-Api-Key", wrong)
	send("/v1/chat/completions?key="+wrong+"&api_key=x"+secretMark, chat)
	send("/v1beta/models/plain:generateContent?key="+wrong, `{"contents":[]}`)
	send("/v1beta/models/"+wrong+":generateContent", `{"contents":[]}`, "X-Goog-Api-Key", good)
	send("/v1/"+wrong, chat, "Authorization", "Bearer "+good)
	send("/v1/chat/completions", `{"model":"plain/`+wrong+`","messages":[]}`, "Authorization", "Bearer "+good)
	send("/v1/chat/completions", `{"model":"`+wrong+`","messages":[]}`, "Authorization", "Bearer "+good)
	send("/v1/chat/completions", `{"model":"m","`+wrong+`":1,"`+wrong+`":2}`, "Authorization", "Bearer "+good)
	send("/v1/messages", `{"model":"claude/m","max_tokens":5,"`+wrong+`":`, "Authorization", "Bearer "+good)
	send("/v1/responses", `{"model":"claude/m","input":"`+promptMark+`","`+wrong+`":1}`, "Authorization", "Bearer "+good)
	send("/v1/chat/completions", chat, "Authorization", "Bearer "+good, "User-Agent", wrong, "Traceparent", wrong, "X-Request-Id", wrong, "Referer", "https://x/?key="+wrong)
}

// TestNothingSecretIsPrinted: secrets of the configuration and of clients, and
// prompts, are neither in what is printed, at any level, nor in metrics, nor in
// what a collector is told, although upstreams repeat them.
func TestNothingSecretIsPrinted(t *testing.T) {
	page, err := os.ReadFile("../../docs/logs.md")
	if err != nil {
		t.Fatal(err)
	}
	alone(t)
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			e := newEcho(t)
			var metrics string
			printed, err := capture(t, func() error {
				cfg := load(t, t.TempDir(), nil, secretive(t, e, format))
				log, flush := newLog(cfg)
				defer flush()
				r := startLogging(t, cfg, log.Handler())
				provoke(r)
				_, metrics = r.do(http.MethodGet, "/metrics", "", "")
				return r.end()
			})
			if err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string]string{"standard output": printed.out, "the log": printed.err, "/metrics": metrics, "what the collector is told": e.told.String()} {
				for _, mark := range []string{secretMark, promptMark} {
					for rest := text; ; {
						i := strings.Index(rest, mark)
						if i < 0 {
							break
						}
						t.Errorf("%s has %q", name, rest[max(0, i-120):min(len(rest), i+60)])
						rest = rest[i+len(mark):]
					}
				}
			}
			if n := strings.Count(printed.err, "request"); n < 60 {
				t.Errorf("the log has %d lines of requests:\n%s", n, printed.err)
			}
			if !strings.Contains(printed.err, "[redacted]") || e.told.Len() == 0 || !strings.Contains(metrics, "turnpike_requests_total") {
				t.Error("the upstreams, the collector or the metrics have told nothing: this proves nothing")
			}
			if format == "json" {
				documented(t, string(page), printed.err)
			}
		})
	}
}

// documented holds the fields of the request log against docs/logs.md.
func documented(t *testing.T, page, log string) {
	t.Helper()
	for line := range strings.Lines(log) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		for name := range fields {
			if fields["msg"] == "request" && !strings.Contains(page, "`"+name+"`") {
				t.Errorf("docs/logs.md does not know %s", name)
			}
		}
	}
}
