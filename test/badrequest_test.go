package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// raw sends a request as it is.
func (g *gateway) raw(t *testing.T, method, path string, header map[string]string, body io.Reader) *reply {
	t.Helper()
	r, err := http.NewRequestWithContext(within(t), method, g.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		if v != "" {
			r.Header.Set(k, v)
		}
	}
	res, err := wires.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return &reply{status: res.StatusCode, header: res.Header, body: got}
}

var paths = map[string]string{"chat": "/v1/chat/completions", "messages": "/v1/messages"}

func post(client string) map[string]string {
	h := map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + clientKey}
	if client == "messages" {
		h["Anthropic-Version"] = "2023-06-01"
	}
	return h
}

// checkRefusal holds an error answer against the client's dialect.
func checkRefusal(t *testing.T, client string, r *reply, status int) {
	t.Helper()
	var f fault
	f.check(r.status == status, "status %d, want %d: %.300s", r.status, status, r.body)
	f.check(strings.HasPrefix(r.header.Get("Content-Type"), "application/json"), "content type %q", r.header.Get("Content-Type"))
	f.check(r.header.Get("X-Request-Id") != "", "no x-request-id")
	message := checkErrorShape(&f, client, r.body)
	f.check(!strings.Contains(message, "0x") && !strings.Contains(message, ".go:"), "the message is not for people: %s", message)
	for _, e := range f {
		t.Error(e)
	}
}

// maxBody is the default limit of a request.
const maxBody = 32 << 20

// endless is a body that says nothing, and much of it.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	for i := range n {
		p[i] = ' '
	}
	e.left -= n
	return n, nil
}

func TestBadInputFromClients(t *testing.T) {
	gw, _ := together(t)
	for client, path := range paths {
		t.Run(client, func(t *testing.T) {
			t.Run("bodies", func(t *testing.T) { badBodies(t, gw, client, path) })
			t.Run("sizes", func(t *testing.T) { badSizes(t, gw, client, path) })
			t.Run("keys", func(t *testing.T) { badKeys(t, gw, client, path) })
		})
	}
	t.Run("paths", func(t *testing.T) {
		checkRefusal(t, "chat", gw.raw(t, "GET", paths["chat"], post("chat"), nil), http.StatusMethodNotAllowed)
		checkRefusal(t, "messages", gw.raw(t, "PUT", paths["messages"], post("messages"), strings.NewReader("{}")), http.StatusMethodNotAllowed)
		checkRefusal(t, "chat", gw.raw(t, "POST", "/v1/nothing", post("chat"), strings.NewReader("{}")), http.StatusNotFound)
		checkRefusal(t, "messages", gw.raw(t, "POST", "/v1/messages/nothing", post("messages"), strings.NewReader("{}")), http.StatusNotFound)
	})
	checkAlive(t, gw)
}

func badBodies(t *testing.T, gw *gateway, client, path string) {
	const talk = `"messages":[{"role":"user","content":"hi"}],"max_tokens":9`
	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"nothing", ``, 400},
		{"a half", `{"model":"sandbox","messages":[{"role":"us`, 400},
		{"no JSON", `hello`, 400},
		{"a list", `[]`, 400},
		{"a comma too many", `{"model":"sandbox",` + talk + `,}`, 400},
		{"two objects", `{"model":"sandbox",` + talk + `}{}`, 400},
		{"very deep", `{"model":"sandbox-converse","messages":` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000) + `}`, 400},
		{"a number for the model", `{"model":7,` + talk + `}`, 400},
		{"a word for stream", `{"model":"sandbox","stream":"yes",` + talk + `}`, 400},
		{"model twice", `{"model":"sandbox","model":"openai/gpt-4o",` + talk + `}`, 400},
		{"model twice, once in escapes", `{"model":"sandbox","\u006dodel":"openai/gpt-4o",` + talk + `}`, 400},
		{"no model", `{` + talk + `}`, 400},
		{"an unknown model", `{"model":"no-such-model",` + talk + `}`, 404},
		{"an unknown account", `{"model":"nobody/gpt-4o",` + talk + `}`, 404},
		{"a word for the messages", `{"model":"sandbox-converse","messages":"hi","max_tokens":9}`, 400},
		{"a number among the messages", `{"model":"sandbox-converse","messages":[1],"max_tokens":9}`, 400},
		{"a number for the content", `{"model":"sandbox-converse","messages":[{"role":"user","content":5}],"max_tokens":9}`, 400},
		{"an unknown role", `{"model":"sandbox-converse","messages":[{"role":"wizard","content":"hi"}],"max_tokens":9}`, 400},
		{"an object for the tools", `{"model":"sandbox-converse","tools":{"a":1},` + talk + `}`, 400},
		{"a word for the temperature", `{"model":"sandbox-converse","temperature":"hot",` + talk + `}`, 400},
		{"no messages", `{"model":"sandbox-converse","max_tokens":9}`, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkRefusal(t, client, gw.raw(t, "POST", path, post(client), strings.NewReader(c.body)), c.status)
		})
	}
	if client == "messages" {
		t.Run("no max_tokens", func(t *testing.T) {
			for _, model := range sandboxModels {
				r := gw.raw(t, "POST", path, post(client), strings.NewReader(`{"model":"`+model+`","messages":[{"role":"user","content":"hi"}]}`))
				checkRefusal(t, client, r, http.StatusBadRequest)
				if !bytes.Contains(r.body, []byte("max_tokens")) {
					t.Errorf("the error does not name max_tokens: %s", r.body)
				}
			}
		})
	}
}

func badSizes(t *testing.T, gw *gateway, client, path string) {
	t.Run("over the limit, announced", func(t *testing.T) {
		checkRefusal(t, client, gw.raw(t, "POST", path, post(client), bytes.NewReader(make([]byte, maxBody+1))), http.StatusRequestEntityTooLarge)
	})
	t.Run("over the limit, chunked", func(t *testing.T) {
		checkRefusal(t, client, gw.raw(t, "POST", path, post(client), &endless{maxBody + 1}), http.StatusRequestEntityTooLarge)
	})
	squeezed := func(src io.Reader) *bytes.Buffer {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := io.Copy(z, src); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return &b
	}
	h := post(client)
	h["Content-Encoding"] = "gzip"
	t.Run("over the limit, squeezed", func(t *testing.T) {
		checkRefusal(t, client, gw.raw(t, "POST", path, h, squeezed(&endless{maxBody + 1})), http.StatusRequestEntityTooLarge)
	})
	t.Run("not squeezed at all", func(t *testing.T) {
		checkRefusal(t, client, gw.raw(t, "POST", path, h, strings.NewReader(`{"model":"sandbox"}`)), http.StatusBadRequest)
	})
	t.Run("squeezed and good", func(t *testing.T) {
		body := `{"model":"sandbox","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`
		if r := gw.raw(t, "POST", path, h, squeezed(strings.NewReader(body))); r.status != http.StatusOK {
			t.Errorf("status %d: %s", r.status, r.body)
		}
	})
	h = post(client)
	h["Content-Encoding"] = "compress"
	t.Run("an unknown encoding", func(t *testing.T) {
		checkRefusal(t, client, gw.raw(t, "POST", path, h, strings.NewReader("x")), http.StatusUnsupportedMediaType)
	})
}

func badKeys(t *testing.T, gw *gateway, client, path string) {
	const other = "sk-ant-api03_of-somebody-else"
	for name, h := range map[string]map[string]string{
		"none":           {"Authorization": ""},
		"wrong":          {"Authorization": "Bearer " + other},
		"two, not alike": {"X-Api-Key": other},
		"another scheme": {"Authorization": "Basic " + clientKey},
	} {
		t.Run(name, func(t *testing.T) {
			header := post(client)
			maps.Copy(header, h)
			r := gw.raw(t, "POST", path, header, strings.NewReader(`{"model":"sandbox","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`))
			checkRefusal(t, client, r, http.StatusUnauthorized)
			if bytes.Contains(r.body, []byte(other)) || bytes.Contains(r.body, []byte(clientKey)) {
				t.Errorf("the answer repeats a key: %s", r.body)
			}
		})
	}
}

// checkAlive: nothing is left under way, and the gateway answers.
func checkAlive(t *testing.T, gw *gateway) {
	t.Helper()
	err := poll(t.Context(), func() error {
		status, inFlight, err := gw.health()
		switch {
		case err != nil:
			return err
		case status != http.StatusOK || inFlight != 0:
			return fmt.Errorf("status %d, %d requests under way", status, inFlight)
		}
		return nil
	})
	if err != nil {
		t.Errorf("afterwards: %v", err)
	}
	for client, path := range paths {
		r := gw.raw(t, "POST", path, post(client), strings.NewReader(`{"model":"sandbox","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`))
		if r.status != http.StatusOK {
			t.Errorf("afterwards: status %d: %s", r.status, r.body)
		}
	}
}
