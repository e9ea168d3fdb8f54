package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// What one process learns of a model the next request knows, the command shows,
// and another process on the same database does before sending.
func TestLessonsAreShared(t *testing.T) {
	data := alone(t)
	var calls atomic.Int64
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost { // the account is also asked for its models
			calls.Add(1)
		}
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(string(body), `"seed"`) {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"error":{"message":"Unrecognized request argument supplied: seed","type":"invalid_request_error","param":null,"code":null}}`)
			return
		}
		_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`)
	}))
	t.Cleanup(up.Close)
	config := write(t, "turnpike.yaml", "auth: {api_key: one-key}\nproviders: [{name: local, type: openai-compat, base_url: "+up.URL+"/v1, models: [m]}]\n")
	one, _ := firstRun(t, load(t, data, nil, config))
	two, _ := firstRun(t, load(t, data, map[string]string{"ledger.dir": filepath.Join(t.TempDir(), "journal")}, config))
	ask := func(r *running, want int64) {
		t.Helper()
		before := calls.Load()
		if status, answer := r.do(http.MethodPost, "/v1/chat/completions", "one-key", `{"model":"m","seed":1,"messages":[{"role":"user","content":"q"}]}`); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
		if n := calls.Load() - before; n != want {
			t.Errorf("%d calls, not %d", n, want)
		}
	}
	ask(one, 2)
	ask(one, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for two.app.known.At("local", "m") == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the other process does not hear of it")
		}
	}
	ask(two, 1)
	if out := commandOut(t, "catalog", "list", "--learned", "--config", config, "--data-dir", data); !strings.Contains(out, "Unrecognized request argument supplied: seed") {
		t.Errorf("%s", out)
	}
	if err := one.end(); err != nil {
		t.Error(err)
	}
	if err := two.end(); err != nil {
		t.Error(err)
	}
	numbers := map[int]int{}
	for _, a := range attempts(t, data) {
		numbers[a.Number]++
	}
	if numbers[1] != 3 || numbers[2] != 1 {
		t.Errorf("attempts by number: %v", numbers)
	}
}
