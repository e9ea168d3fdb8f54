package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/catalog"
	"turnpike/internal/dialect/codewhisperer"
	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/provider"
	"turnpike/internal/provider/kiro"
	"turnpike/internal/provider/kiro/kirotest"
	"turnpike/internal/route"
	"turnpike/internal/store"
)

const kiroUp = "kiro"

// kiroFronts are the client APIs that everything is asked of.
var kiroFronts = []string{chatAPI, messagesAPI}

// shelf keeps logins in the store, unsealed: sealing is the command's affair.
type shelf struct{ db *store.Store }

func (s shelf) Load(ctx context.Context, account string) (k kiro.Kept, err error) {
	l, err := s.db.Login(ctx, account)
	if errors.Is(err, store.ErrNotFound) {
		return k, kiro.ErrNoLogin
	}
	if err == nil {
		err = json.Unmarshal([]byte(l.Sealed), &k.Credential)
	}
	k.Version = l.Version
	return k, err
}

func (s shelf) Swap(ctx context.Context, account string, version int64, c kiro.Credential) (int64, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return 0, err
	}
	now, err := s.db.SwapLogin(ctx, store.Login{Account: account, Version: version, Sealed: string(text)})
	if errors.Is(err, store.ErrChanged) {
		err = kiro.ErrChanged
	}
	return now, err
}

func (s shelf) Lease(ctx context.Context, account, holder string, hold time.Duration) (bool, error) {
	return s.db.TakeLease(ctx, "login "+account, holder, hold)
}

func (s shelf) Free(ctx context.Context, account, holder string) error {
	return s.db.DropLease(ctx, "login "+account, holder)
}

// kiroHouse is a service with one login, and a database that replicas share.
type kiroHouse struct {
	*kirotest.Service
	t    *testing.T
	path string
}

func newKiroHouse(t *testing.T) *kiroHouse {
	t.Helper()
	h := &kiroHouse{kirotest.New(t), t, filepath.Join(t.TempDir(), store.FileName)}
	access, refresh, id, secret := h.Login("idc")
	err := kiro.Keep(t.Context(), h.shelf(), kiroUp, kiro.Credential{
		Kind: kiro.BuilderID, Access: access, Refresh: refresh, ClientID: id, ClientSecret: secret, Region: "us-east-1", Expires: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *kiroHouse) shelf() shelf {
	h.t.Helper()
	db, err := store.Open(h.t.Context(), h.path)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = db.Close() })
	return shelf{db}
}

// gateway is a replica: a gateway with a connection to the database of its own.
func (h *kiroHouse) gateway(change ...func(*setup)) *world {
	h.t.Helper()
	set, err := kiro.ReadSettings(h.Settings())
	if err != nil {
		h.t.Fatal(err)
	}
	a, err := kiro.New(kiro.Options{Options: provider.Options{Name: kiroUp, UserAgent: "turnpike/test"}, Settings: set})
	if err != nil {
		h.t.Fatal(err)
	}
	a.Keep(h.shelf())
	return newWorld(h.t, append(change, func(s *setup) { s.accounts = []*route.Account{{Provider: a}} })...)
}

// last is the newest request that reached the service.
func (h *kiroHouse) last() []byte {
	h.t.Helper()
	list := h.Requests()
	if len(list) == 0 {
		h.t.Fatal("nothing was sent")
	}
	text, err := json.Marshal(list[len(list)-1].Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

// current is the way to the message now.
const current = "conversationState.currentMessage.userInputMessage."

// frames are a scripted answer.
func scripted(pairs ...string) kirotest.Answer { return kirotest.Answer{Frames: pairs} }

func spokenText(text string) []string {
	b, _ := json.Marshal(map[string]string{"content": text})
	return []string{"assistantResponseEvent", string(b)}
}

// kiroCases are one question each, in both APIs, and what comes of it.
var kiroCases = []struct {
	name   string
	model  string
	ask    map[string]string
	answer kirotest.Answer
	sent   is
	whole  map[string]is
	stream map[string][]string // what stands in the stream, in this order
}{
	{
		name:   "text",
		ask:    map[string]string{chatAPI: `{"messages":[{"role":"system","content":"be kind"},{"role":"user","content":"hi"}]}`, messagesAPI: `{"system":"be kind","messages":[{"role":"user","content":"hi"}]}`},
		answer: kirotest.Answer{Frames: kirotest.Greeting()},
		sent:   is{current + "content": `"be kind\n\nhi"`, current + "modelId": `"claude-sonnet-4.5"`, "conversationState.history": absent},
		whole: map[string]is{
			chatAPI:     {"choices.0.message.content": `"Hello"`, "choices.0.finish_reason": `"stop"`, "usage.prompt_tokens": "11", "usage.completion_tokens": "5"},
			messagesAPI: {"content.0.text": `"Hello"`, "stop_reason": `"end_turn"`, "usage.input_tokens": "11", "usage.output_tokens": "5"},
		},
		stream: map[string][]string{chatAPI: {`"Hel"`, `"lo"`, `"finish_reason":"stop"`, "[DONE]"}, messagesAPI: {"message_start", `"Hel"`, `"lo"`, `"end_turn"`, "message_stop"}},
	},
	{
		name: "KIRO-01 a past full of tools",
		ask: map[string]string{
			chatAPI: `{"tools":[{"type":"function","function":{"name":"read","parameters":{"anyOf":[{"type":"object","properties":{"p":{"type":"string"}},"required":["p"]},{"type":"object","properties":{"q":{"type":"string"}}}],"additionalProperties":false}}}],
				"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{\"p\":1}"}},{"id":"c2","type":"function","function":{"name":"write","arguments":"{}"}}]},
				{"role":"tool","tool_call_id":"c2","content":""},{"role":"tool","tool_call_id":"c1","content":"one"},{"role":"user","content":"and?"}]}`,
			messagesAPI: `{"tools":[{"name":"read","input_schema":{"anyOf":[{"type":"object","properties":{"p":{"type":"string"}},"required":["p"]},{"type":"object","properties":{"q":{"type":"string"}}}],"additionalProperties":false}}],
				"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"read","input":{"p":1}},{"type":"tool_use","id":"c2","name":"write","input":{}}]},
				{"role":"user","content":[{"type":"tool_result","tool_use_id":"c2","content":""},{"type":"tool_result","tool_use_id":"c1","content":"one"},{"type":"text","text":"and?"}]}]}`,
		},
		answer: kirotest.Answer{Frames: kirotest.Greeting()},
		sent: is{
			current + "content": `"and?"`, current + "userInputMessageContext.toolResults.#": "2", current + "userInputMessageContext.toolResults.1.content.0.text": `"one"`,
			current + "userInputMessageContext.tools.0.toolSpecification.inputSchema.json.properties.q.type": `"string"`, current + "userInputMessageContext.tools.1.toolSpecification.name": `"write"`,
			"conversationState.history.1.assistantResponseMessage.toolUses.0.input.p": "1",
		},
		whole:  map[string]is{chatAPI: {"choices.0.message.content": `"Hello"`}, messagesAPI: {"content.0.text": `"Hello"`}},
		stream: map[string][]string{chatAPI: {"[DONE]"}, messagesAPI: {"message_stop"}},
	},
	{
		name: "tools at once",
		ask: map[string]string{
			chatAPI:     `{"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{}}}},{"type":"function","function":{"name":"g","description":"d","parameters":{"type":"object","properties":{}}}}],"messages":[{"role":"user","content":"go"}]}`,
			messagesAPI: `{"tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{}}},{"name":"g","description":"d","input_schema":{"type":"object","properties":{}}}],"messages":[{"role":"user","content":"go"}]}`,
		},
		answer: scripted(append(spokenText("look"),
			"toolUseEvent", `{"toolUseId":"t1","name":"f"}`, "toolUseEvent", `{"toolUseId":"t2","name":"g","input":"{\"b\":"}`,
			"toolUseEvent", `{"toolUseId":"t1","name":"f","input":"{\"a\":1}","stop":true}`, "toolUseEvent", `{"toolUseId":"t2","name":"g","input":"2}","stop":true}`)...),
		sent: is{current + "userInputMessageContext.tools.#": "2"},
		whole: map[string]is{
			chatAPI: {
				"choices.0.message.tool_calls.#": "2", "choices.0.message.tool_calls.0.function.arguments": `"{\"a\":1}"`, "choices.0.message.tool_calls.1.function.name": `"g"`,
				"choices.0.message.tool_calls.1.function.arguments": `"{\"b\":2}"`, "choices.0.finish_reason": `"tool_calls"`,
			},
			messagesAPI: {"content.1.name": `"f"`, "content.1.input.a": "1", "content.2.input.b": "2", "stop_reason": `"tool_use"`},
		},
		stream: map[string][]string{chatAPI: {`"look"`, `"index":0`, `"index":1`, `"tool_calls"`, "[DONE]"}, messagesAPI: {`"tool_use"`, `"t1"`, `"t2"`, `"stop_reason":"tool_use"`, "message_stop"}},
	},
	{
		name:   "a call that was cut is no empty one",
		ask:    map[string]string{chatAPI: `{"tools":[{"type":"function","function":{"name":"f","description":"d"}}],"messages":[{"role":"user","content":"go"}]}`, messagesAPI: `{"tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}],"messages":[{"role":"user","content":"go"}]}`},
		answer: scripted("toolUseEvent", `{"toolUseId":"t1","name":"f","input":"{\"path\":\"a"}`, "toolUseEvent", `{"toolUseId":"t1","name":"f","stop":true}`),
		whole:  map[string]is{chatAPI: {"choices.0.finish_reason": `"length"`}, messagesAPI: {"stop_reason": `"max_tokens"`}},
		stream: map[string][]string{chatAPI: {`"finish_reason":"length"`}, messagesAPI: {`"stop_reason":"max_tokens"`}},
	},
	{
		name: "a picture",
		ask: map[string]string{
			chatAPI:     `{"messages":[{"role":"user","content":[{"type":"text","text":"what"},{"type":"image_url","image_url":{"url":"data:image/jpg;base64,/9j/4AAQ"}}]}]}`,
			messagesAPI: `{"messages":[{"role":"user","content":[{"type":"text","text":"what"},{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"/9j/4AAQ"}}]}]}`,
		},
		answer: kirotest.Answer{Frames: kirotest.Greeting()},
		sent:   is{current + "images.0.format": `"jpeg"`, current + "images.0.source.bytes": `"/9j/4AAQ"`},
		whole:  map[string]is{chatAPI: {"choices.0.message.content": `"Hello"`}, messagesAPI: {"content.0.text": `"Hello"`}},
		stream: map[string][]string{chatAPI: {"[DONE]"}, messagesAPI: {"message_stop"}},
	},
	{
		name: "thinking by the model's own fields", model: claude46,
		ask:    map[string]string{chatAPI: `{"reasoning_effort":"high","messages":[{"role":"user","content":"hm"}]}`, messagesAPI: `{"thinking":{"type":"adaptive"},"output_config":{"effort":"high"},"messages":[{"role":"user","content":"hm"}]}`},
		answer: scripted(append([]string{"reasoningContentEvent", `{"text":"I think"}`, "reasoningContentEvent", `{"signature":"c2ln"}`}, spokenText("ok")...)...),
		sent:   is{"additionalModelRequestFields.thinking.type": `"adaptive"`, "additionalModelRequestFields.output_config.effort": `"high"`, current + "content": `"hm"`, current + "modelId": `"claude-opus-4.6"`},
		whole: map[string]is{
			chatAPI:     {"choices.0.message.reasoning_content": `"I think"`, "choices.0.message.content": `"ok"`},
			messagesAPI: {"content.0.thinking": `"I think"`, "content.0.signature": `"c2ln"`, "content.1.text": `"ok"`},
		},
		stream: map[string][]string{chatAPI: {"I think", `"ok"`, "[DONE]"}, messagesAPI: {"thinking_delta", "I think", "signature_delta", "c2ln", `"ok"`, "message_stop"}},
	},
	{
		name: "thinking by tags",
		ask: map[string]string{
			chatAPI: `{"reasoning_effort":"low","messages":[{"role":"user","content":"hm"}]}`, messagesAPI: `{"max_tokens":5000,"thinking":{"type":"enabled","budget_tokens":4096},"messages":[{"role":"user","content":"hm"}]}`,
		},
		answer: scripted(append(append(spokenText("<think"), spokenText("ing>\nI think</thin")...), spokenText("king>\n\nok, as <thinking> goes")...)...),
		sent:   is{current + "content": `"<thinking_mode>enabled</thinking_mode><max_thinking_length>4096</max_thinking_length>\n\nhm"`, "additionalModelRequestFields": absent},
		whole: map[string]is{
			chatAPI:     {"choices.0.message.reasoning_content": `"I think"`, "choices.0.message.content": `"ok, as <thinking> goes"`},
			messagesAPI: {"content.0.thinking": `"I think"`, "content.1.text": `"ok, as <thinking> goes"`},
		},
		stream: map[string][]string{chatAPI: {"I think", "ok, as", "[DONE]"}, messagesAPI: {"thinking_delta", "I think", "text_delta", "ok, as", "message_stop"}},
	},
	{
		name:   "a long answer without figures",
		ask:    map[string]string{chatAPI: `{"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"tell"}]}`, messagesAPI: `{"messages":[{"role":"user","content":"tell"}]}`},
		answer: scripted(append(repeated(spokenText("abcdefgh"), 2000), "contextUsageEvent", `{"contextUsagePercentage":3.5}`)...),
		whole: map[string]is{
			chatAPI:     {"choices.0.message.content": `"` + strings.Repeat("abcdefgh", 2000) + `"`, "usage.prompt_tokens": "3000", "usage.completion_tokens": "4000", "choices.0.finish_reason": `"stop"`},
			messagesAPI: {"content.0.text": `"` + strings.Repeat("abcdefgh", 2000) + `"`, "usage.input_tokens": "3000", "usage.output_tokens": "4000"},
		},
		stream: map[string][]string{chatAPI: {"abcdefgh", `"completion_tokens":4000`, "[DONE]"}, messagesAPI: {"abcdefgh", `"output_tokens":4000`, "message_stop"}},
	},
	{
		name:   "KIRO-02 the names of others stay in the text",
		ask:    map[string]string{chatAPI: `{"messages":[{"role":"user","content":"code"}]}`, messagesAPI: `{"messages":[{"role":"user","content":"code"}]}`},
		answer: scripted(spokenText("fs.readFile(x)\nI am Kiro, of Amazon Q\n\n\n\nwebSearch <invoke>")...),
		whole: map[string]is{
			chatAPI:     {"choices.0.message.content": `"fs.readFile(x)\nI am Kiro, of Amazon Q\n\n\n\nwebSearch <invoke>"`},
			messagesAPI: {"content.0.text": `"fs.readFile(x)\nI am Kiro, of Amazon Q\n\n\n\nwebSearch <invoke>"`},
		},
		stream: map[string][]string{chatAPI: {"readFile", "Amazon Q"}, messagesAPI: {"readFile", "Amazon Q"}},
	},
}

func repeated(s []string, n int) (out []string) {
	for range n {
		out = append(out, s...)
	}
	return out
}

func TestKiro(t *testing.T) {
	h := newKiroHouse(t)
	w := h.gateway()
	for _, c := range kiroCases {
		model := c.model
		if model == "" {
			model = claude45
		}
		for _, from := range kiroFronts {
			t.Run(c.name+" from "+from, func(t *testing.T) {
				h.Script(c.answer)
				got := w.ask(from, kiroUp, model, c.ask[from])
				if got.status != http.StatusOK {
					t.Fatalf("%d %s", got.status, got.body)
				}
				check(t, "sent", h.last(), c.sent)
				check(t, "answer", got.body, c.whole[from])
				h.Script(c.answer)
				got = w.ask(from, kiroUp, model, streamed(c.ask[from]))
				rest := string(got.body)
				for _, want := range c.stream[from] {
					_, behind, ok := strings.Cut(rest, want)
					if got.status != http.StatusOK || !ok {
						t.Fatalf("%d: no %s in its place in\n%.3000s", got.status, want, got.body)
					}
					rest = behind
				}
			})
		}
	}
}

// TestKiroEstimates: figures the service does not tell are marked in the ledger.
func TestKiroEstimates(t *testing.T) {
	for _, measured := range []bool{true, false} {
		h := newKiroHouse(t)
		if !measured {
			h.Script(scripted(append(spokenText("abcdefgh"), "contextUsageEvent", `{"contextUsagePercentage":1}`)...))
		}
		w := h.gateway()
		w.ask(messagesAPI, kiroUp, claude45, streamed(`{"messages":[{"role":"user","content":"hi"}]}`))
		a := w.attempt()
		want := store.Usage{Input: 11, Output: 5}
		if !measured {
			want = store.Usage{Input: 1998, Output: 2, Estimated: true}
		}
		if a.Usage != want || a.Surface != "codewhisperer" || a.ServedModel != "claude-sonnet-4.5" {
			t.Errorf("%+v", a)
		}
	}
}

func TestKiroErrors(t *testing.T) {
	refuse := func(status int, class, reason, message string) kirotest.Answer {
		b, _ := json.Marshal(map[string]string{"message": message, "reason": reason})
		return kirotest.Answer{Status: status, Body: string(b), Header: map[string]string{"X-Amzn-ErrorType": class + ":http://internal.amazon.com/"}}
	}
	thrice := func(a kirotest.Answer) []kirotest.Answer { return []kirotest.Answer{a, a, a} }
	for _, c := range []struct {
		name     string
		script   []kirotest.Answer
		chat     int
		messages int
		kind     string // in Messages
	}{
		{"badly formed", thrice(refuse(400, "ValidationException", "", "Improperly formed request.")), 400, 400, "invalid_request_error"},
		{"too long", thrice(refuse(400, "ValidationException", "CONTENT_LENGTH_EXCEEDS_THRESHOLD", "Input is too long.")), 400, 400, "invalid_request_error"},
		{"no such model", thrice(refuse(400, "ValidationException", "INVALID_MODEL_ID", "Invalid model.")), 404, 404, "not_found_error"},
		{"too fast", thrice(refuse(429, "ThrottlingException", "", "Too many requests")), 429, 429, "rate_limit_error"},
		{"no capacity", thrice(refuse(429, "ThrottlingException", "INSUFFICIENT_MODEL_CAPACITY", "busy")), 503, 529, "overloaded_error"},
		{"a month is spent", thrice(refuse(402, "ServiceQuotaExceededException", "MONTHLY_REQUEST_COUNT", "spent")), 429, 429, ""},
		{"suspended", thrice(refuse(403, "AccessDeniedException", "TEMPORARILY_SUSPENDED", "suspended")), 403, 403, "permission_error"},
		{"inside", thrice(refuse(500, "InternalServerException", "", "oops")), 500, 500, "api_error"},
		{"away", thrice(refuse(503, "ServiceUnavailableException", "", "away")), 503, 503, ""},
		{"an exception in the stream", []kirotest.Answer{scripted("ThrottlingException", `{"message":"slow down"}`)}, 429, 429, "rate_limit_error"},
		{"an invalid state", []kirotest.Answer{scripted("invalidStateEvent", `{"reason":"X","message":"broken state"}`)}, 502, 502, "api_error"},
		{"no event stream", []kirotest.Answer{{Kind: "text/html", Body: "<html>"}}, 502, 502, "api_error"},
		{"nothing", []kirotest.Answer{scripted("initial-response", "{}")}, 502, 502, "api_error"},
	} {
		for _, from := range kiroFronts {
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s from %s, stream %v", c.name, from, stream), func(t *testing.T) {
					h := newKiroHouse(t)
					w := h.gateway()
					h.Script(c.script...)
					body := `{"messages":[{"role":"user","content":"hi"}]}`
					if stream {
						body = streamed(body)
					}
					got := w.ask(from, kiroUp, claude45, body)
					want := map[string]int{chatAPI: c.chat, messagesAPI: c.messages}[from]
					if got.status != want || !strings.Contains(string(got.body), `"error"`) || from == messagesAPI && c.kind != "" && !strings.Contains(string(got.body), c.kind) {
						t.Errorf("%d %s, want %d %s", got.status, got.body, want, c.kind)
					}
				})
			}
		}
	}
}

// TestKiroGoesOn: an answer that ran into the service's own limit is continued where
// that is asked for, and rules change what they name.
func TestKiroGoesOn(t *testing.T) {
	for _, stream := range []bool{false, true} {
		h := newKiroHouse(t)
		w := h.gateway()
		h.Script(
			scripted(append(spokenText("The first half and "), "metadataEvent", `{"stopReason":"MAX_TOKENS"}`)...),
			scripted(spokenText("the second half.")...),
		)
		body := `{"messages":[{"role":"user","content":"hi"}]}`
		if stream {
			body = streamed(body)
		}
		got := w.ask(chatAPI, kiroUp, claude45, body, continues, "2")
		if got.status != http.StatusOK || !strings.Contains(string(got.body), "second half.") || !strings.Contains(string(got.body), `"finish_reason":"stop"`) || len(h.Requests()) != 2 {
			t.Errorf("stream %v: %d %s after %d requests", stream, got.status, got.body, len(h.Requests()))
		}
	}
}

// TestKiroBreaksOff: an answer that stops within a frame is no answer.
func TestKiroBreaksOff(t *testing.T) {
	h := newKiroHouse(t)
	w := h.gateway()
	h.Script(kirotest.Answer{Body: "\x00\x00\x00\x40\x00\x00"})
	if got := w.ask(messagesAPI, kiroUp, claude45, `{"messages":[{"role":"user","content":"hi"}]}`); got.status != http.StatusBadGateway {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestKiroReplicas: tokens are revoked in the middle of the traffic of three gateways
// that share a database, and one of them starts anew.
func TestKiroReplicas(t *testing.T) {
	t.Run("KIRO-03 three gateways, tokens revoked, and one restarted", func(t *testing.T) {
		h := newKiroHouse(t)
		worlds := []*world{h.gateway(), h.gateway(), h.gateway()}
		traffic := func(rounds int) {
			var wg sync.WaitGroup
			for i := range rounds {
				wg.Go(func() {
					from := kiroFronts[i%2]
					got := worlds[i%3].ask(from, kiroUp, claude45, streamed(`{"messages":[{"role":"user","content":"hi"}]}`))
					if got.status != http.StatusOK || !strings.Contains(string(got.body), "Hel") {
						t.Errorf("%d %s", got.status, got.body)
					}
				})
			}
			wg.Wait()
		}
		traffic(9)
		h.Script(kirotest.Answer{Revoke: true, Frames: kirotest.Greeting()}) // the first of these loses its token on the way
		traffic(18)
		worlds[1] = h.gateway()
		traffic(9)
		if renewals, reused := h.Counts(); renewals != 1 || reused != 0 {
			t.Errorf("%d renewals, %d tokens used again", renewals, reused)
		}
		// From now on every token is as good as run out: each request may replace it under the others.
		h.Life(60)
		h.Lasting()
		h.Revoke()
		traffic(18)
		if renewals, reused := h.Counts(); renewals < 2 || reused != 0 {
			t.Errorf("%d renewals, %d tokens used again", renewals, reused)
		}
	})
	t.Run("a login that is dead says what to do", func(t *testing.T) {
		h := newKiroHouse(t)
		w := h.gateway()
		h.Kill()
		h.Revoke()
		for _, stream := range []bool{false, true} {
			body := `{"messages":[{"role":"user","content":"hi"}]}`
			if stream {
				body = streamed(body)
			}
			got := w.ask(messagesAPI, kiroUp, claude45, body)
			if got.status != http.StatusBadGateway || !strings.Contains(string(got.body), "turnpike login kiro") {
				t.Errorf("%d %s", got.status, got.body)
			}
		}
	})
}

// TestKiroTakesRealClients: what real clients were recorded to send is said so that
// none of the service's rules is broken.
func TestKiroTakesRealClients(t *testing.T) {
	set, err := kiro.ReadSettings(nil)
	if err != nil {
		t.Fatal(err)
	}
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
		if front == nil || r.Method != http.MethodPost || strings.Contains(r.Path, "count") || refusedOnPurpose[f.Name] != "" {
			continue
		}
		header := http.Header{}
		for k, v := range r.Headers {
			header.Set(k, v)
		}
		t.Run("KIRO-01 "+f.Name, func(t *testing.T) {
			req, err := front.DecodeRequest(header, r.Body)
			if err != nil {
				t.Fatal(err)
			}
			for _, model := range []string{claude45, claude46, "deepseek-3.2"} {
				id := set.Dotted(model)
				out, _, err := codewhisperer.Dialect{}.EncodeRequest(req, &llm.Target{Model: id, Caps: catalog.Lookup(id)})
				if err != nil {
					t.Fatal(err)
				}
				if bad := kirotest.Judge(parsed(t, out)); len(bad) > 0 {
					t.Errorf("for %s: %s", id, strings.Join(bad, "; "))
				}
			}
		})
		n++
	}
	if n < 50 {
		t.Errorf("%d requests were found", n)
	}
}
