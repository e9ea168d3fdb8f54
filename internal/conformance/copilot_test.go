package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/llm/llmtest"
	"turnpike/internal/provider"
	"turnpike/internal/provider/copilot"
	"turnpike/internal/provider/copilot/copilottest"
	"turnpike/internal/route"
	"turnpike/internal/signin"
	"turnpike/internal/store"
)

// Accounts at Copilot, each for a model that is served in a way of its own.
const (
	copilotClaude = "copilot-claude" // Messages
	copilotOld    = "copilot-old"    // Claude by chat in pieces
	copilotGPT    = "copilot-gpt"    // Responses, and chat for its own clients
	copilotPlain  = "copilot-plain"  // chat
	copilotGemini = "copilot-gemini" // chat in pieces
)

var (
	copilotUps    = []string{copilotClaude, copilotOld, copilotGPT, copilotPlain, copilotGemini}
	copilotFronts = []string{chatAPI, messagesAPI, answersAPI}
)

// copilotAt is where a client's request comes out.
func copilotAt(from, to string) string {
	switch {
	case to == copilotClaude:
		return "/v1/messages"
	case to == copilotGPT && from != chatAPI:
		return "/responses"
	}
	return "/chat/completions"
}

// copilotHouse is a service with a login for each account, and a database that
// replicas share.
type copilotHouse struct {
	*copilottest.Service
	t    *testing.T
	path string
}

func newCopilotHouse(t *testing.T) *copilotHouse {
	t.Helper()
	h := &copilotHouse{copilottest.New(t, time.Now), t, filepath.Join(t.TempDir(), store.FileName)}
	s := h.shelf()
	for _, to := range copilotUps {
		if err := signin.Keep(t.Context(), s, to, signin.Credential{Kind: copilot.Kind, Refresh: h.Person()}); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h *copilotHouse) shelf() shelf {
	h.t.Helper()
	db, err := store.Open(h.t.Context(), h.path)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = db.Close() })
	return shelf{db}
}

// gateway is a replica: a gateway with a connection to the database of its own.
func (h *copilotHouse) gateway(change ...func(*setup)) *world {
	h.t.Helper()
	set, err := copilot.ReadSettings(h.Settings(), "")
	if err != nil {
		h.t.Fatal(err)
	}
	s, list := h.shelf(), []*route.Account{}
	for _, to := range copilotUps {
		a, err := copilot.New(copilot.Options{Options: provider.Options{Name: to, UserAgent: "turnpike/test"}, Settings: set})
		if err != nil {
			h.t.Fatal(err)
		}
		a.Keep(s)
		list = append(list, &route.Account{Provider: a})
	}
	return newWorld(h.t, append(change, func(s *setup) { s.accounts = list })...)
}

// last is the newest request that reached the service.
func (h *copilotHouse) last() copilottest.Sent {
	h.t.Helper()
	list := h.Requests()
	if len(list) == 0 {
		h.t.Fatal("nothing was sent")
	}
	return list[len(list)-1]
}

// piecesBody and piecesStream are an answer whose text and calls stand in choices of
// their own.
const piecesBody = `{"id":"c","model":"m","created":5,"choices":[
	{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":"look","reasoning_text":"hm","reasoning_opaque":"PROOF"}},
	{"index":1,"finish_reason":"tool_calls","message":{"role":"assistant","tool_calls":[{"id":"call_Aa1","type":"function","function":{"name":"read","arguments":"{\"p\":1}"}}]}},
	{"index":2,"finish_reason":"tool_calls","message":{"role":"assistant","tool_calls":[{"id":"call_Bb2","type":"function","function":{"name":"list","arguments":"{}"}}]}}],
	"usage":{"prompt_tokens":10,"completion_tokens":9,"total_tokens":19}}`

var piecesStream = []string{
	`{"id":"c","model":"m","created":5,"choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_text":"hm"}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[{"index":0,"delta":{"content":"","reasoning_opaque":"PROOF"}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[{"index":0,"delta":{"content":"look"}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"id":"call_Aa1","type":"function","function":{"name":"read","arguments":"{\"p\":"}}]}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[{"index":2,"delta":{"tool_calls":[{"index":0,"id":"call_Bb2","type":"function","function":{"name":"list","arguments":"{}"}}]}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[{"index":0,"finish_reason":"tool_calls","delta":{}},{"index":1,"finish_reason":"tool_calls","delta":{}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":9,"total_tokens":19}}`,
	`[DONE]`,
}

// copilotTurn is what an account says to the question of two turns, and what it must
// get back.
func copilotTurn(from, to string) (copilottest.Answer, is) {
	twin := map[string]string{"/v1/messages": anthropicUp, "/responses": answersUp, "/chat/completions": openaiUp}[copilotAt(from, to)]
	if to == copilotOld || to == copilotGemini {
		want := maps.Clone(twoTurns[openaiUp].want)
		want["messages.1.reasoning_text"], want["messages.1.reasoning_opaque"] = `"hm"`, `"PROOF"`
		return copilottest.Answer{Body: piecesBody, Stream: piecesStream}, want
	}
	return copilottest.Answer{Body: twoTurns[twin].answer, Raw: streamOf(twin, twoTurns[twin].answer)}, twoTurns[twin].want
}

// TestCopilotTwoTurns has the clients of every API hand the answer of every model back:
// the service must see the very ids and proofs it issued, and be told who asks.
func TestCopilotTwoTurns(t *testing.T) {
	h := newCopilotHouse(t)
	h.Issue("S1==", "S2==", "gAAAAAproof", "gAAAAAproof2", "PROOF")
	w := h.gateway()
	for _, from := range slices.Sorted(maps.Keys(speakers)) {
		for _, to := range copilotUps {
			for _, stream := range []bool{false, true} {
				how := map[bool]string{true: ", streamed"}[stream]
				t.Run(title("COP-01 COP-02 the user asks and the agent goes on", from, to)+how, func(t *testing.T) {
					answer, want := copilotTurn(from, to)
					h.Script(answer)
					sp := speakers[from]
					body := decoded(sp.first)
					heard := w.turn(t, sp, from, to, body, stream)
					if s := h.last(); s.Path != copilotAt(from, to) || s.Header.Get("X-Initiator") != "user" {
						t.Errorf("asked at %s by the %s", s.Path, s.Header.Get("X-Initiator"))
					}
					maps.Copy(body, sp.second(heard))
					w.turn(t, sp, from, to, body, stream)
					s := h.last()
					if s.Header.Get("X-Initiator") != "agent" || s.Header.Get("Copilot-Vision-Request") != "" {
						t.Errorf("results came from the %s", s.Header.Get("X-Initiator"))
					}
					sent, err := json.Marshal(s.Body)
					if err != nil {
						t.Fatal(err)
					}
					check(t, "the service got", sent, want)
				})
			}
		}
	}
}

// TestCopilotInitiator: who has spoken last decides, whatever the model's API makes of
// the conversation; a client that knows better is believed.
func TestCopilotInitiator(t *testing.T) {
	h := newCopilotHouse(t)
	w := h.gateway()
	const (
		calls    = `{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"f","input":{}}]},`
		picture  = `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}`
		chatCall = `{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},`
		answered = `{"role":"user","content":"q"},{"type":"function_call","call_id":"call_1","name":"f","arguments":"{}"},`
	)
	for _, c := range []struct {
		name, from, body string
		who              string
		sees             bool
	}{
		{"COP-02 a question", messagesAPI, `{"messages":[{"role":"user","content":"q"}]}`, "user", false},
		{"COP-02 the next question", messagesAPI, `{"messages":[` + calls + `{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"r"}]},{"role":"assistant","content":"a"},{"role":"user","content":"q2"}]}`, "user", false},
		{"COP-01 results", messagesAPI, `{"messages":[` + calls + `{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"r"}]}]}`, "agent", false},
		{"COP-01 results and a reminder", messagesAPI, `{"messages":[` + calls + `{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"r"},{"type":"text","text":"<system-reminder>go on</system-reminder>"}]}]}`, "agent", false},
		{"COP-01 a picture in a result", messagesAPI, `{"messages":[` + calls + `{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"see"},` + picture + `]}]}]}`, "agent", true},
		{"COP-02 a picture", messagesAPI, `{"messages":[{"role":"user","content":[{"type":"text","text":"see"},` + picture + `]}]}`, "user", true},
		{"COP-01 results", chatAPI, `{"messages":[` + chatCall + `{"role":"tool","tool_call_id":"call_1","content":"r"}]}`, "agent", false},
		{"COP-02 a question behind results", chatAPI, `{"messages":[` + chatCall + `{"role":"tool","tool_call_id":"call_1","content":"r"},{"role":"user","content":"q2"}]}`, "user", false},
		{"COP-02 a picture", chatAPI, `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]}`, "user", true},
		{"COP-02 a text", answersAPI, `{"input":"q"}`, "user", false},
		{"COP-01 results", answersAPI, `{"input":[` + answered + `{"type":"function_call_output","call_id":"call_1","output":"r"}]}`, "agent", false},
		{"COP-01 a picture in a result", answersAPI, `{"input":[` + answered + `{"type":"function_call_output","call_id":"call_1","output":[{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="}]}]}`, "agent", true},
	} {
		for _, to := range copilotUps {
			t.Run(title(c.name, c.from, to), func(t *testing.T) {
				for _, says := range []string{"", "agent", "user", "nonsense"} {
					got := w.ask(c.from, to, "", c.body, "X-Initiator", says)
					s := h.last()
					want := c.who
					if says == "agent" || says == "user" {
						want = says
					}
					if got.status != http.StatusOK || s.Header.Get("X-Initiator") != want || (s.Header.Get("Copilot-Vision-Request") == "true") != c.sees || len(s.Header["X-Initiator"]) != 1 {
						t.Errorf("%d %s: initiator %q, vision %q", got.status, got.body, s.Header["X-Initiator"], s.Header.Get("Copilot-Vision-Request"))
					}
				}
			})
		}
	}
}

// TestCopilotLosses: what the service does not take is left out and named, on the
// express lane too; the rest of the body stays as it was.
func TestCopilotLosses(t *testing.T) {
	h := newCopilotHouse(t)
	w := h.gateway()
	for _, c := range []struct {
		name, from, to, body string
		header               []string
		sent                 is
		losses               []string
		lane                 string
	}{
		{
			"members of Anthropic's own", messagesAPI, copilotClaude,
			`{"messages":[{"role":"user","content":"q"}],"inference_geo":"us","contextTier":"x","service_tier":"auto","context_management":{"edits":[]},"metadata":{"user_id":"u"},"max_tokens":64000}`,
			[]string{"Anthropic-Beta", "claude-code-20250219,interleaved-thinking-2025-05-14"},
			is{"model": `"claude-sonnet-4.5"`, "inference_geo": absent, "contextTier": absent, "context_management": absent, "metadata.user_id": `"u"`, "max_tokens": "16000"},
			[]string{"inference_geo", "contextTier", "service_tier", "context_management", "claude-code-20250219", "max_tokens"},
			"bytes",
		},
		{
			"context management with its flag", messagesAPI, copilotClaude, `{"messages":[{"role":"user","content":"q"}],"context_management":{"edits":[]}}`,
			[]string{"Anthropic-Beta", "context-management-2025-06-27"},
			is{"context_management": `{"edits":[]}`},
			nil, "bytes",
		},
		{
			"a server's tool", messagesAPI, copilotClaude, `{"messages":[{"role":"user","content":"q"}],"tools":[{"type":"web_search_20250305","name":"web_search"},{"name":"f","input_schema":{"type":"object"}}],"inference_geo":"us"}`,
			nil,
			is{"tools.#": "1", "tools.0.name": `"f"`, "inference_geo": absent},
			[]string{"web_search_20250305", "inference_geo"},
			"translate",
		},
		{
			"a budget above the model's", messagesAPI, copilotClaude, `{"messages":[{"role":"user","content":"q"}],"thinking":{"type":"enabled","budget_tokens":12000},"max_tokens":15000}`,
			nil,
			is{"thinking.budget_tokens": "8000", "max_tokens": "15000"},
			[]string{"thinking.budget_tokens"},
			"bytes",
		},
		{
			"an effort that means more", chatAPI, copilotClaude, `{"messages":[{"role":"user","content":"q"}],"reasoning_effort":"high"}`,
			nil,
			is{"thinking.budget_tokens": "8000"},
			nil, "translate",
		},
		{"keeping", answersAPI, copilotGPT, `{"input":"q","store":true}`, nil, is{"store": "false"}, nil, "bytes"},
		{"keeping, which is the default", answersAPI, copilotGPT, `{"input":"q"}`, nil, is{"store": "false"}, nil, "bytes"},
		{"a limit by its old name", chatAPI, copilotGPT, `{"messages":[{"role":"user","content":"q"}],"max_tokens":99}`, nil, is{"max_tokens": absent, "max_completion_tokens": "99"}, []string{"max_tokens"}, "bytes"},
		{"a limit", chatAPI, copilotGemini, `{"messages":[{"role":"user","content":"q"}],"max_completion_tokens":99}`, nil, is{"max_tokens": "99"}, nil, "translate"},
	} {
		t.Run(title("COP "+c.name, c.from, c.to), func(t *testing.T) {
			got := w.ask(c.from, c.to, "", c.body, c.header...)
			if got.status != http.StatusOK {
				t.Fatalf("%d %s", got.status, got.body)
			}
			sent, err := json.Marshal(h.last().Body)
			if err != nil {
				t.Fatal(err)
			}
			check(t, "sent", sent, c.sent)
			for _, l := range c.losses {
				if !strings.Contains(got.losses(), l) {
					t.Errorf("%s is not named in %q", l, got.losses())
				}
			}
			if len(c.losses) == 0 && got.losses() != "" {
				t.Errorf("losses %q", got.losses())
			}
			told := w.ask(c.from, c.to, "", c.body, append(c.header, "X-Turnpike-Explain", "true")...)
			if !strings.Contains(string(told.body), `"lane":"`+c.lane+`"`) {
				t.Errorf("not the lane %s: %s", c.lane, told.body)
			}
		})
	}
}

// TestCopilotLongAnswers come through whole, in every API, as long as they are.
func TestCopilotLongAnswers(t *testing.T) {
	h := newCopilotHouse(t)
	w := h.gateway()
	const n = 3000
	long := strings.Repeat("abcdefgh", n)
	var parts []string
	for range n {
		parts = append(parts, `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"abcdefgh"}}]}`)
	}
	parts = append(parts, `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"finish_reason":"length","delta":{}}],"usage":{"prompt_tokens":11,"completion_tokens":6000,"total_tokens":6011}}`, "[DONE]")
	whole := `{"id":"c","created":1,"model":"m","choices":[{"index":0,"finish_reason":"length","message":{"role":"assistant","content":"` + long + `"}}],"usage":{"prompt_tokens":11,"completion_tokens":6000,"total_tokens":6011}}`
	ask := map[string]string{chatAPI: `{"messages":[{"role":"user","content":"q"}]}`, messagesAPI: `{"messages":[{"role":"user","content":"q"}]}`, answersAPI: `{"input":"q"}`}
	for _, from := range copilotFronts {
		for _, to := range []string{copilotPlain, copilotOld} {
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, stream %v", title("COP a long answer", from, to), stream), func(t *testing.T) {
					h.Script(copilottest.Answer{Body: whole, Stream: parts})
					body := ask[from]
					if stream {
						body = streamed(body)
					}
					got := w.ask(from, to, "", body)
					text := string(got.body)
					if stream {
						answer := speakers[from].hear(t, got)
						b, err := json.Marshal(answer)
						if err != nil {
							t.Fatal(err)
						}
						text = string(b)
					}
					if got.status != http.StatusOK || !strings.Contains(text, long) || !strings.Contains(text, "6000") && from != chatAPI {
						t.Errorf("%d %.300s", got.status, text)
					}
				})
			}
		}
	}
}

func TestCopilotErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer copilottest.Answer
		want   []int
		words  string
	}{
		{"a spent quota", copilottest.Answer{Status: 402, Body: `{"error":{"code":"quota_exceeded","message":"You have no quota"}}`}, []int{429}, "You have no quota"},
		{"too fast", copilottest.Answer{Status: 429, Body: "rate limit exceeded\n", Header: map[string]string{"Retry-After": "9"}}, []int{429}, "rate limit exceeded"},
		{"too fast, as a bad request", copilottest.Answer{Status: 400, Body: `{"error":{"code":"rate_limited","message":"Sorry, rate limited"}}`}, []int{429}, "Sorry"},
		{"the model behind is too busy", copilottest.Answer{Status: 503, Body: `{"error":{"message":"upstream rate limit"}}`}, []int{429}, "upstream"},
		{"too large", copilottest.Answer{Status: 413, Body: "failed to parse request"}, []int{413}, "failed to parse"},
		{"filtered", copilottest.Answer{Status: 422, Body: `{"error":{"message":"filtered","code":"content_filter"}}`}, []int{422, 400}, "filtered"},
		{"too long", copilottest.Answer{Status: 400, Body: `{"error":{"message":"prompt token count of 200000 exceeds the limit of 128000","code":"model_max_prompt_tokens_exceeded"}}`}, []int{400}, "prompt is too long"},
		{"forbidden", copilottest.Answer{Status: 403, Body: "Access to this endpoint is forbidden."}, []int{403}, "forbidden"},
		{"inside", copilottest.Answer{Status: 500, Body: "oops"}, []int{500, 502}, "oops"},
	} {
		for _, from := range copilotFronts {
			for _, to := range copilotUps {
				t.Run(title("COP "+c.name, from, to), func(t *testing.T) {
					h := newCopilotHouse(t)
					w := h.gateway()
					h.Script(c.answer, c.answer)
					body := `{"messages":[{"role":"user","content":"q"}]}`
					if from == answersAPI {
						body = `{"input":"q"}`
					}
					got := w.ask(from, to, "", body)
					if !slices.Contains(c.want, got.status) || !strings.Contains(string(got.body), c.words) || !strings.Contains(string(got.body), `"error"`) {
						t.Errorf("%d %s, want %v", got.status, got.body, c.want)
					}
				})
			}
		}
	}
}

// TestCopilotReplicas: tokens are revoked in the middle of the traffic of three gateways
// that share a database, and one of them starts anew.
func TestCopilotReplicas(t *testing.T) {
	h := newCopilotHouse(t)
	worlds := []*world{h.gateway(), h.gateway(), h.gateway()}
	traffic := func(rounds int) {
		var wg sync.WaitGroup
		for i := range rounds {
			wg.Go(func() {
				from := copilotFronts[i%2]
				got := worlds[i%3].ask(from, copilotClaude, "", streamed(`{"messages":[{"role":"user","content":"hi"}]}`))
				if got.status != http.StatusOK || !strings.Contains(string(got.body), "Hel") {
					t.Errorf("%d %s", got.status, got.body)
				}
			})
		}
		wg.Wait()
	}
	traffic(9)
	if n := h.Exchanges(); n != 1 {
		t.Errorf("three replicas exchanged %d tokens", n)
	}
	h.Script(copilottest.Answer{Revoke: true}) // the first of these loses its token on the way
	traffic(18)
	worlds[1] = h.gateway()
	traffic(9)
	if n := h.Exchanges(); n != 2 {
		t.Errorf("%d tokens after a revocation and a restart", n)
	}
}

// TestCopilotTakesRealClients: what real clients were recorded to send reaches every
// model so that none of the service's rules is broken.
func TestCopilotTakesRealClients(t *testing.T) {
	h := newCopilotHouse(t)
	w := h.gateway()
	n := 0
	for _, f := range llmtest.Files(t, "TURNPIKE_CLIENT_REQUESTS", "client-requests", "*/*.json") {
		var r struct {
			recordedTurn
			Method string
		}
		if err := json.Unmarshal(f.Data, &r); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		front := r.front()
		if front == nil || r.Method != http.MethodPost || strings.Contains(r.Path, "count") || refusedOnPurpose[f.Name] != "" || !slices.Contains(copilotFronts, front.Name()) {
			continue
		}
		body := decoded(string(r.Body))
		h.Issue(provenIn(body)...)
		var header []string
		for k, v := range r.Headers {
			if strings.HasPrefix(strings.ToLower(k), "anthropic-") {
				header = append(header, k, v)
			}
		}
		for _, to := range copilotUps {
			t.Run("COP-01 "+f.Name+" to "+to, func(t *testing.T) {
				body["model"] = to + "/" + upstreamModel(to, "")
				before := len(h.Requests())
				got := w.do("POST", clientPaths[front.Name()], encoded(body), header...)
				if got.status != http.StatusOK {
					t.Errorf("%d %.500s after %d requests", got.status, got.body, len(h.Requests())-before)
				}
			})
		}
		n++
	}
	if n < 40 {
		t.Errorf("%d requests were found", n)
	}
}

// provenIn are the proofs a recorded conversation holds.
func provenIn(v any) (out []string) {
	switch v := v.(type) {
	case object:
		for name, e := range v {
			if s, ok := e.(string); ok && (name == "signature" || name == "encrypted_content" || name == "reasoning_opaque") {
				out = append(out, s)
			}
			out = append(out, provenIn(e)...)
		}
	case list:
		for _, e := range v {
			out = append(out, provenIn(e)...)
		}
	}
	return out
}
