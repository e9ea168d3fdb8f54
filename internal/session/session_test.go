package session

import (
	"encoding/json"
	"net/http"
	"path"
	"strings"
	"testing"

	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

func object(t *testing.T, body string) wire.Object {
	t.Helper()
	o, err := wire.ParseObject([]byte(body))
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return o
}

func header(name, value string) http.Header {
	h := http.Header{}
	if name != "" {
		h.Set(name, value)
	}
	return h
}

func TestNamed(t *testing.T) {
	long := strings.Repeat("x", maxID+1)
	for _, c := range []struct{ what, header, value, body, want string }{
		{"Claude Code", "x-claude-code-session-id", "s1", `{}`, "s1"},
		{"Codex", "thread-id", "t1", `{"prompt_cache_key":"k"}`, "t1"},
		{"Codex, older", "session_id", "s2", `{}`, "s2"},
		{"a key of the body", "", "", `{"prompt_cache_key":"k"}`, "k"},
		{"a conversation of Responses", "", "", `{"conversation":{"id":"c"}}`, `{"id":"c"}`},
		{"Claude Code's user", "", "", `{"metadata":{"user_id":"{\"session_id\":\"s\"}"}}`, `{"session_id":"s"}`},
		{"a user is no conversation", "", "", `{"metadata":{"user_id":"anna"},"user":"anna"}`, ""},
		{"other metadata", "", "", `{"metadata":{"session":"s"}}`, ""},
		{"metadata that is none", "", "", `{"metadata":"session"}`, ""},
		{"too long", "thread-id", long, `{"prompt_cache_key":"` + long + `"}`, ""},
		{"empty", "thread-id", "", `{"prompt_cache_key":""}`, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			if got := Named(header(c.header, c.value), object(t, c.body)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestSame: what belongs together, and what does not.
func TestSame(t *testing.T) {
	const first = `{"system":"s","tools":[{"name":"a"}],"messages":[{"role":"user","content":"1"}]}`
	for _, c := range []struct {
		what, other string
		same        bool
	}{
		{"a later turn", `{"system":"s","tools":[{"name":"a"}],"messages":[{"role":"user","content":"1"},{"role":"assistant","content":"2"},{"role":"user","content":"3"}]}`, true},
		{"cache points, and the form they need", `{"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"tools":[{"name":"a","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":[{"type":"text","text":"1","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]}`, true},
		{"settings", `{"temperature":1,"max_tokens":5,"system":"s","tools":[{"name":"a"}],"messages":[{"role":"user","content":"1"}]}`, true},
		{"another system prompt", `{"system":"t","tools":[{"name":"a"}],"messages":[{"role":"user","content":"1"}]}`, false},
		{"another tool", `{"system":"s","tools":[{"name":"b"}],"messages":[{"role":"user","content":"1"}]}`, false},
		{"another question", `{"system":"s","tools":[{"name":"a"}],"messages":[{"role":"user","content":"2"}]}`, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			a, b := Of("k", nil, object(t, first)), Of("k", nil, object(t, c.other))
			if (a == b) != c.same {
				t.Errorf("the same: %v, want %v", a == b, c.same)
			}
		})
	}
	if Of("k", nil, object(t, first)) == Of("l", nil, object(t, first)) {
		t.Error("conversations of two clients meet")
	}
	if a := Of("k", nil, object(t, first)); a != "18699bd2032453ef2b1d7f2578df7667" {
		t.Errorf("it must stay the same over releases: %s", a)
	}
	responses := []string{`{"instructions":"s","input":"q"}`, `{"instructions":"s","input":"r"}`}
	if Of("k", nil, object(t, responses[0])) == Of("k", nil, object(t, responses[1])) {
		t.Error("the input of Responses does not count")
	}
}

// TestRecorded: the rounds of each recorded conversation have one identity.
func TestRecorded(t *testing.T) {
	ids := map[string]string{}
	for _, f := range llmtest.Files(t, "TURNPIKE_CLIENT_REQUESTS", "client-requests", "*/*-main-r*.json") {
		var x struct {
			Headers map[string]string
			Body    json.RawMessage
		}
		if err := json.Unmarshal(f.Data, &x); err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		for k, v := range x.Headers {
			h.Set(k, v)
		}
		talk := path.Dir(f.Name)
		if strings.HasSuffix(talk, "-prev") { // previous_response_id: only the server knows
			continue
		}
		id := Of("k", h, object(t, string(x.Body)))
		if ids[talk] != "" && ids[talk] != id {
			t.Errorf("%s: another conversation than the round before", f.Name)
		}
		ids[talk] = id
	}
}

func FuzzOf(f *testing.F) {
	f.Add([]byte(`{"system":"s","messages":[{"role":"system","content":"x"},{"role":"user","content":[{"type":"text","text":"q","cache_control":null}]}],"metadata":{"user_id":"session"}}`))
	f.Add([]byte(`{"input":"q","tools":[[[{}]]],"conversation":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := wire.ParseObject(body)
		if err != nil {
			return
		}
		if a, b := Of("k", nil, o), Of("k", nil, o); a != b || len(a) != 32 {
			t.Errorf("%q, then %q", a, b)
		}
	})
}
