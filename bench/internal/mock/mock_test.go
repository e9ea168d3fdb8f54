package mock

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"turnpike/bench/internal/answer"
)

// serve starts a mock and gives its base URL.
func serve(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- New().Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + ln.Addr().String()
}

func post(t *testing.T, url, body string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, b
}

func TestUnaryAnswersAreJSON(t *testing.T) {
	base := serve(t)
	for path, body := range map[string]string{
		"/v1/chat/completions": `{"model":"mock-n3"}`,
		"/v1/messages":         `{"model":"claude-mock-n3"}`,
		"/model/anthropic.claude-mock-n3%3A0/invoke": "{}",
		"/model/amazon.nova-mock-n3/converse":        "{}",
	} {
		resp, b := post(t, base+path, body)
		if resp.StatusCode != 200 || !json.Valid(b) || !bytes.Contains(b, answer.Text(3)) || !bytes.Contains(b, []byte(fmt.Sprint(answer.PromptTokens))) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, b)
		}
	}
}

func TestSSEEventsAreJSON(t *testing.T) {
	base := serve(t)
	for _, body := range []string{
		`{"model":"mock-n3","stream":true}`,
		`{"model":"mock-n3","stream":true,"stream_options":{"include_usage":true}}`,
	} {
		for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
			_, b := post(t, base+path, body)
			usage := strings.Contains(string(b), fmt.Sprintf(`"total_tokens":%d`, answer.PromptTokens+3))
			if want := strings.Contains(path, "chat") && strings.Contains(body, "include_usage"); usage != want {
				t.Errorf("%s %s: usage sent: %v", path, body, usage)
			}
			for line := range strings.Lines(string(b)) {
				if data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: "); ok && data != "[DONE]" && !json.Valid([]byte(data)) {
					t.Errorf("%s: not JSON: %s", path, data)
				}
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	base := serve(t)
	for _, tc := range []struct {
		name, raw string
		status    int
	}{
		{"no such path", "POST /v2/x HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 404},
		{"no such operation", "POST /model/m/guess HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 404},
		{"wrong method", "GET /v1/messages HTTP/1.1\r\n\r\n", 404},
		{"no model", "POST /v1/messages HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 400},
		{"not a request", "hello\r\n\r\n", 400},
		{"negative length", "POST /v1/messages HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
		{"too long a body", "POST /v1/messages HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413},
		{"chunked body", "POST /v1/messages HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411},
		{"too long a head", "GET / HTTP/1.1\r\n" + strings.Repeat("x: "+strings.Repeat("y", 1000)+"\r\n", 40) + "\r\n", 431},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			go io.WriteString(c, tc.raw)
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != tc.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tc.status)
			}
		})
	}
}
