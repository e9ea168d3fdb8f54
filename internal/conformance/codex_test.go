package conformance

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"turnpike/internal/llm/llmtest"
)

// codexAsk is what Codex sends, but for the tools that only OpenAI can run.
const codexAsk = `{"input":[{"type":"additional_tools","role":"developer","tools":[
	{"type":"namespace","name":"functions","description":"d","tools":[{"type":"custom","name":"exec","description":"runs it","format":{"type":"grammar","syntax":"lark","definition":"start: /.+/"}}]}]},
	{"type":"message","role":"developer","content":[{"type":"input_text","text":"be brief"}],"id":"msg_0"},
	{"type":"message","role":"user","content":[{"type":"input_text","text":"q"}],"id":"msg_1"}],
	"tool_choice":"auto","parallel_tool_calls":false,"store":false,"stream":true,"include":["reasoning.encrypted_content"],
	"prompt_cache_key":"session","text":{"verbosity":"medium"},"client_metadata":{"session_id":"s"},"safety_identifier":"u","metadata":{"a":"b"}}`

// TestCodexUnderStrict: what no model sees is no reason to refuse, whoever serves.
func TestCodexUnderStrict(t *testing.T) {
	for to := range strings.FieldsSeq(answersUps) {
		t.Run("RSP-05 Codex under strict at "+to, func(t *testing.T) {
			w := newWorld(t)
			ask := codexAsk
			if to == converseUp { // it cannot forbid parallel calls
				ask = strings.Replace(ask, `"parallel_tool_calls":false,`, "", 1)
			}
			r := w.ask(answersAPI, to, "", ask, "X-Turnpike-Strict", "true")
			if r.status != 200 || r.losses() != "" {
				t.Fatalf("answered %d %s, losses %q", r.status, r.body, r.losses())
			}
			if body := string(w.up.only(t).body); !strings.Contains(body, "exec") || !strings.Contains(body, "be brief") {
				t.Errorf("sent %s", body)
			}
		})
	}
	for name, member := range map[string]string{
		"text.verbosity": `"text":{"verbosity":"low"}`,
		"web_search":     `"tools":[{"type":"web_search"}]`,
		"tool_search":    `"tools":[{"type":"tool_search"}]`,
		"truncation":     `"truncation":"auto"`,
	} {
		t.Run("RSP-05 a loss is named: "+name, func(t *testing.T) {
			w := newWorld(t)
			body := `{"input":"q","store":false,` + member + `}`
			if r := w.ask(answersAPI, anthropicUp, "", body); r.status != 200 || !strings.Contains(r.losses(), name) {
				t.Errorf("answered %d %s, losses %q", r.status, r.body, r.losses())
			}
			if r := w.ask(answersAPI, anthropicUp, "", body, "X-Turnpike-Strict", "true"); r.status != 400 || !strings.Contains(string(r.body), name) {
				t.Errorf("under strict: %d %s", r.status, r.body)
			}
		})
	}
}

// TestInputTokens counts through every kind of account, and says where it guesses.
func TestInputTokens(t *testing.T) {
	for _, c := range []struct{ to, uri, answer, sent string }{
		{answersUp, "/responses/input_tokens", `{"object":"response.input_tokens","input_tokens":42}`, `{"model":"gpt-5","input":"q","instructions":"i"}`},
		{openaiUp, "/responses/input_tokens", `{"object":"response.input_tokens","input_tokens":42}`, `{"model":"gpt-4o","input":"q","instructions":"i"}`},
		{anthropicUp, "/v1/messages/count_tokens", `{"input_tokens":42}`, ""},
		{invokeUp, "/count-tokens", `{"inputTokens":42}`, ""},
		{converseUp, "/count-tokens", `{"inputTokens":42}`, ""},
		{geminiUp, ":countTokens", `{"totalTokens":42}`, ""},
		{compatUp, "", "", ""},
	} {
		t.Run("CNT-01 input_tokens at "+c.to, func(t *testing.T) {
			w := newWorld(t)
			w.up.answers(playJSON(http.StatusOK, c.answer))
			r := w.do("POST", clientPaths[answersAPI]+"/input_tokens", clientBody(answersAPI, c.to, "", `{"input":"q","instructions":"i","store":false,"client_metadata":{"a":"b"}}`))
			if c.uri == "" {
				if len(w.up.all()) != 0 || r.header.Get("X-Turnpike-Estimated") != "true" || !strings.Contains(string(r.body), `"input_tokens":`) {
					t.Errorf("%d %s, sent %d", r.status, r.body, len(w.up.all()))
				}
				return
			}
			check(t, "the client got", r.body, is{"input_tokens": "42", "object": `"response.input_tokens"`})
			s := w.up.only(t)
			if r.status != 200 || !strings.HasSuffix(s.uri, c.uri) || c.sent != "" && string(s.body) != c.sent || r.header.Get("X-Turnpike-Estimated") != "" {
				t.Errorf("%d; sent to %s: %s", r.status, s.uri, s.body)
			}
		})
	}
	t.Run("CNT-01 input_tokens of a kept conversation", func(t *testing.T) {
		w := keepingWorld(t)
		first := w.goOn(compatUp, `{"input":"first question"}`, false)
		w.up.answers(playJSON(http.StatusOK, `{"input_tokens":42}`))
		w.do("POST", clientPaths[answersAPI]+"/input_tokens", clientBody(answersAPI, anthropicUp, "", `{"input":"second","previous_response_id":"`+idOf(first)+`"}`))
		if body := string(w.up.only(t).body); !strings.Contains(body, "first question") || !strings.Contains(body, "second") {
			t.Errorf("counted %s", body)
		}
	})
}

// TestRecordedOperations plays what OpenAI answered when it compacted and counted.
func TestRecordedOperations(t *testing.T) {
	n := 0
	for _, x := range llmtest.Corpus(t, "openai-responses-compact", "openai-responses-input-tokens") {
		if x.Response.Status != http.StatusOK {
			continue
		}
		n++
		path := strings.TrimPrefix(x.Folder, "openai-responses-")
		t.Run("RSP-05 recorded "+path, func(t *testing.T) {
			w := newWorld(t)
			w.up.answers(playJSON(http.StatusOK, x.Response.Text))
			var sent bytes.Buffer
			if err := json.Compact(&sent, x.Request.Body); err != nil {
				t.Fatal(err)
			}
			asked := strings.Replace(sent.String(), `"model":"`, `"model":"`+answersUp+"/", 1)
			r := w.do("POST", clientPaths[answersAPI]+"/"+strings.ReplaceAll(path, "-", "_"), asked)
			if s := w.up.only(t); r.status != 200 || string(s.body) != sent.String() {
				t.Errorf("%d %s; sent %s", r.status, r.body, s.body)
			}
			if path == "compact" && string(r.body) != x.Response.Text {
				t.Errorf("the client got %s", r.body)
			}
			if got, want := decoded(string(r.body))["input_tokens"], decoded(x.Response.Text)["input_tokens"]; got != want {
				t.Errorf("counted %v, want %v", got, want)
			}
		})
	}
	if n < 2 {
		t.Errorf("%d recordings", n)
	}
}
