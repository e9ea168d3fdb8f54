package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"turnpike/test/internal/answer"
)

func sandboxBody(stream bool, text string) string {
	b, err := json.Marshal(map[string]any{
		"model": "sandbox", "max_tokens": 99, "stream": stream,
		"messages": []any{map[string]any{"role": "user", "content": text}},
	})
	if err != nil {
		panic(err) // strings
	}
	return string(b)
}

// TestHTTP2 speaks HTTP/2 without TLS, with prior knowledge, as some SDKs do.
func TestHTTP2(t *testing.T) {
	gw, _ := together(t)
	var only http.Protocols
	only.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &only}
	defer transport.CloseIdleConnections()
	for client, path := range paths {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, stream %t", client, stream), func(t *testing.T) {
				r, err := http.NewRequestWithContext(within(t), "POST", gw.url+path, strings.NewReader(sandboxBody(stream, `[[sandbox text="a b c d"]]`)))
				if err != nil {
					t.Fatal(err)
				}
				for k, v := range post(client) {
					r.Header.Set(k, v)
				}
				res, err := transport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = res.Body.Close() }()
				body, err := io.ReadAll(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				if res.ProtoMajor != 2 || res.StatusCode != http.StatusOK {
					t.Errorf("HTTP/%d, status %d", res.ProtoMajor, res.StatusCode)
				}
				got := reply{header: res.Header, body: body}
				if a, err := got.decode(client, stream); err != nil || a.Text != "a b c d" || !a.Ended {
					t.Errorf("%+v, %v", a, err)
				}
			})
		}
	}
}

func TestProbes(t *testing.T) {
	gw, _ := together(t)
	for _, c := range []struct {
		method, path string
		json         bool
	}{
		{"HEAD", "/", false},
		{"HEAD", "/api/hello", false},
		{"GET", "/api/hello", false},
		{"GET", "/health", true},
		{"GET", "/health/live", true},
		{"GET", "/health/ready", true},
	} {
		r := gw.raw(t, c.method, c.path, nil, nil)
		if r.status != http.StatusOK {
			t.Errorf("%s %s: status %d", c.method, c.path, r.status)
		}
		if c.json && !json.Valid(r.body) {
			t.Errorf("%s %s: %q", c.method, c.path, r.body)
		}
		for _, secret := range secrets {
			if strings.Contains(string(r.body), secret) {
				t.Errorf("%s %s shows a secret", c.method, c.path)
			}
		}
	}
	t.Run("HDR-08 the query is ignored", func(t *testing.T) {
		for _, query := range []string{"?beta=true", "?a=1&b=2"} {
			r := gw.raw(t, "POST", paths["messages"]+query, post("messages"), strings.NewReader(sandboxBody(false, "hi")))
			if r.status != http.StatusOK {
				t.Errorf("%s: status %d: %s", query, r.status, r.body)
			}
		}
	})
	t.Run("what Claude Code asks Bedrock for is answered at once", func(t *testing.T) {
		checkRefusal(t, "chat", gw.raw(t, "GET", "/inference-profiles?type=SYSTEM_DEFINED", post("chat"), nil), http.StatusNotFound)
	})
}

// TestStreamArrives: what the upstream has said reaches the client while the
// upstream is still silent about the rest.
func TestStreamArrives(t *testing.T) {
	gw, up := together(t)
	for _, account := range []string{"openai", "anthropic", "invoke", "converse"} {
		for client, path := range paths {
			t.Run(client+"<-"+account, func(t *testing.T) {
				id := "arrives-" + client + "-" + account
				release := make(chan struct{})
				defer close(release)
				up.play(t, id, func(w http.ResponseWriter, r *http.Request) {
					e := &evilRequest{account, id, r}
					say(w, e.streamType(), http.StatusOK, e.start())
					select {
					case <-release:
					case <-r.Context().Done():
					}
				})
				body := fmt.Sprintf(`{"model":"%s/m%s%s","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`, account, caseMark, id)
				r, err := http.NewRequestWithContext(within(t), "POST", gw.url+path, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				for k, v := range post(client) {
					r.Header.Set(k, v)
				}
				res, err := wires.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = res.Body.Close() }()
				if err := readUntil(res.Body, "good"); err != nil {
					t.Error(err)
				}
			})
		}
	}
	checkAlive(t, gw)
}

// readUntil reads a stream until a text has come; the request's own deadline
// bounds the wait.
func readUntil(body io.Reader, text string) error {
	var got []byte
	buf := make([]byte, 4096)
	for {
		n, err := body.Read(buf)
		got = append(got, buf[:n]...)
		if strings.Contains(string(got), text) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%q did not come: %w after %q", text, err, got)
		}
	}
}

// rest reads a stream to its end.
func rest(body io.Reader) (answer.Answer, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return answer.Answer{}, err
	}
	events, _ := answer.Events(text)
	return answer.ChatStream(events)
}
