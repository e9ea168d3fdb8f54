package main

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

type keptPayload struct {
	KeyID  string `json:"key_id"`
	Client struct {
		Text string `json:"text"`
	} `json:"client"`
	Calls []struct {
		Provider string `json:"provider"`
		Status   int    `json:"status"`
		Sent     struct {
			Text string `json:"text"`
		} `json:"sent"`
		Came struct {
			Text string `json:"text"`
		} `json:"came"`
	} `json:"calls"`
}

// TestPayloads: what requests of a key say is kept where gateway and key want it, and
// nobody can read it once the key is deleted.
func TestPayloads(t *testing.T) {
	data := alone(t)
	path := write(t, filepath.Join(t.TempDir(), "t.yaml"), "payloads: {log: true}\nproviders: [{name: box, type: sandbox}]\n")
	r := start(t, load(t, data, map[string]string{"auth.admin_key": operatorKey}, path))
	id, secret := r.made(`{"name":"heard","log_payloads":true}`)
	_, deaf := r.made(`{"name":"unheard"}`)
	r.answers(200, secret)
	r.answers(200, deaf)
	const plain = `{"model":"sandbox","messages":[{"role":"user","content":"my card is sk-ant-api03_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}`
	ask := func(key, path, body string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.app.address()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		res, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != 200 {
			t.Fatal(res.Status, err)
		}
		return res.Header.Get("X-Request-Id")
	}
	whole, translated, other := ask(secret, "/v1/chat/completions", plain), ask(secret, "/v1/messages", strings.Replace(plain, `"messages"`, `"max_tokens":9,"stream":true,"messages"`, 1)), ask(deaf, "/v1/chat/completions", plain)
	if err := r.end(); err != nil { // all that waits is written
		t.Fatal(err)
	}
	r = start(t, load(t, data, map[string]string{"auth.admin_key": operatorKey}, path))
	read := func(request string) (int, keptPayload) {
		status, text := r.do("GET", "/admin/requests/"+request+"/payload", operatorKey, "")
		var p keptPayload
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return status, p
	}
	for _, request := range []string{whole, translated} {
		status, p := read(request)
		if status != 200 || p.KeyID != id || len(p.Calls) != 1 || p.Calls[0].Provider != "box" || p.Calls[0].Status != 200 ||
			!strings.Contains(p.Client.Text, "my card is [redacted]") || !strings.Contains(p.Calls[0].Sent.Text, "my card is [redacted]") || p.Calls[0].Came.Text == "" {
			t.Errorf("%d %+v", status, p)
		}
	}
	if status, _ := read(other); status != 404 {
		t.Errorf("of a key that does not want it: %d", status)
	}
	if _, text := r.do("GET", "/admin/audit?kind=requests.", operatorKey, ""); strings.Count(text, "requests.payload") != 2 || !strings.Contains(text, whole) {
		t.Errorf("who reads payloads is not in the audit log: %s", text)
	}
	if status, text := r.do("DELETE", "/admin/keys/"+id, operatorKey, ""); status != 200 {
		t.Fatal(status, text)
	}
	if status, _ := read(whole); status != 404 {
		t.Errorf("after the key was deleted: %d", status)
	}
}

// TestPayloadsAreOff: a key alone turns nothing on.
func TestPayloadsAreOff(t *testing.T) {
	r := start(t, load(t, alone(t), map[string]string{"auth.admin_key": operatorKey}, ""))
	if r.app.payloads != nil {
		t.Error("payloads are kept by default")
	}
}
