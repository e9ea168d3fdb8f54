package conformance

import (
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/wire"
)

// speaker is a client of one API that asks, carries out the calls of the answer and
// goes on: what it heard is what it hands back, as its library does.
type speaker struct {
	first  string                         // the question, with two tools and reasoning
	second func(answer object) object     // the members of first that go on from an answer
	path   func(to string, s bool) string // where it asks
	hear   func(t *testing.T, r *reply) object
}

// modelFor is the model as it stands in a path.
func modelFor(to string) string { return to + "%2F" + upstreamModel(to, "") }

const (
	turnTools   = `"tools":[{"name":"read","input_schema":{"type":"object","properties":{"p":{"type":"integer"}}}},{"name":"list","input_schema":{"type":"object","properties":{}}}]`
	geminiTools = `"tools":[{"functionDeclarations":[{"name":"read","parameters":{"type":"OBJECT","properties":{"p":{"type":"INTEGER"}}}},{"name":"list"}]}]`
	specs       = `[{"toolSpec":{"name":"read","inputSchema":{"json":{"type":"object","properties":{"p":{"type":"integer"}}}}}},{"toolSpec":{"name":"list","inputSchema":{"json":{"type":"object","properties":{}}}}}]`
)

// speakers are the clients of every API that has tools.
var speakers = map[string]speaker{
	chatAPI: {
		first: `{"messages":[{"role":"user","content":"q"}],` + chatTools + `,"reasoning_effort":"high"}`,
		second: func(a object) object {
			m, _ := at(a, "choices.0.message")
			turns := list{object{"role": "user", "content": "q"}, m}
			for _, c := range items(m.(object)["tool_calls"]) {
				turns = append(turns, object{"role": "tool", "tool_call_id": c["id"], "content": "r of " + text(c["function"].(object), "name")})
			}
			return object{"messages": turns}
		},
		hear: func(t *testing.T, r *reply) object { t.Helper(); return hear(t, chatAPI, r) },
	},
	answersAPI: {
		first: `{"input":[{"role":"user","content":"q"}],"tools":[{"type":"function","name":"read","parameters":{"type":"object","properties":{"p":{"type":"integer"}}}},{"type":"function","name":"list","parameters":{"type":"object","properties":{}}}],
			"reasoning":{"effort":"high"},"store":false,"include":["reasoning.encrypted_content"]}`,
		second: func(a object) object {
			input := list{object{"role": "user", "content": "q"}}
			output, _ := a["output"].(list)
			input = append(input, output...)
			for _, c := range items(output) {
				if c["type"] == "function_call" {
					input = append(input, object{"type": "function_call_output", "call_id": c["call_id"], "output": "r of " + text(c, "name")})
				}
			}
			return object{"input": input}
		},
		hear: func(t *testing.T, r *reply) object { t.Helper(); return hear(t, answersAPI, r) },
	},
	messagesAPI: {
		first:  `{"messages":[{"role":"user","content":"q"}],` + turnTools + `,"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000}`,
		second: claudeGoesOn,
		hear:   func(t *testing.T, r *reply) object { t.Helper(); return hear(t, messagesAPI, r) },
	},
	invokeAPI: {
		first:  `{"anthropic_version":"bedrock-2023-05-31","messages":[{"role":"user","content":"q"}],` + turnTools + `,"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000}`,
		second: claudeGoesOn,
		path: func(to string, s bool) string {
			if s {
				return "/model/" + modelFor(to) + "/invoke-with-response-stream"
			}
			return "/model/" + modelFor(to) + "/invoke"
		},
		hear: func(t *testing.T, r *reply) object {
			t.Helper()
			var events []string
			for _, m := range eventStream(t, r.body) {
				raw, err := base64.StdEncoding.DecodeString(text(m.body, "bytes"))
				if err != nil || m.kind != "chunk" {
					t.Fatalf("%s: %v: %v", m.kind, err, m.body)
				}
				events = append(events, string(raw))
			}
			answer, failed, err := heard(messagesAPI, sse(events...))
			if err != nil || failed != nil {
				t.Fatal(err, failed)
			}
			return answer
		},
	},
	converseAPI: {
		first: `{"messages":[{"role":"user","content":[{"text":"q"}]}],"toolConfig":{"tools":` + specs + `},"inferenceConfig":{"maxTokens":4000},"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000}}}`,
		second: func(a object) object {
			m, _ := at(a, "output.message")
			var results list
			for _, b := range items(m.(object)["content"]) {
				if c, ok := b["toolUse"].(object); ok {
					results = append(results, object{"toolResult": object{"toolUseId": c["toolUseId"], "content": list{object{"text": "r of " + text(c, "name")}}}})
				}
			}
			return object{"messages": list{object{"role": "user", "content": list{object{"text": "q"}}}, m, object{"role": "user", "content": results}}}
		},
		path: func(to string, s bool) string {
			if s {
				return "/model/" + modelFor(to) + "/converse-stream"
			}
			return "/model/" + modelFor(to) + "/converse"
		},
		hear: hearConverse,
	},
	geminiAPI: {
		first: `{"contents":[{"role":"user","parts":[{"text":"q"}]}],` + geminiTools + `,"generationConfig":{"maxOutputTokens":4000,"thinkingConfig":{"includeThoughts":true,"thinkingBudget":2000}}}`,
		second: func(a object) object {
			content, _ := at(a, "candidates.0.content")
			var results list
			for _, p := range items(content.(object)["parts"]) {
				c, ok := p["functionCall"].(object)
				if !ok {
					continue
				}
				r := object{"name": c["name"], "response": object{"output": "r of " + text(c, "name")}}
				if c["id"] != nil {
					r["id"] = c["id"]
				}
				results = append(results, object{"functionResponse": r})
			}
			return object{"contents": list{object{"role": "user", "parts": list{object{"text": "q"}}}, content, object{"role": "user", "parts": results}}}
		},
		path: func(to string, s bool) string {
			if s {
				return "/v1beta/models/" + modelFor(to) + ":streamGenerateContent?alt=sse"
			}
			return "/v1beta/models/" + modelFor(to) + ":generateContent"
		},
		hear: func(t *testing.T, r *reply) object {
			t.Helper()
			list_, err := events(r.body)
			if err != nil || len(list_) == 0 {
				t.Fatalf("%v: %s", err, r.body)
			}
			var parts list
			var answer object
			for _, e := range list_ {
				answer = decoded(e.data)
				p, _ := at(answer, "candidates.0.content.parts")
				for _, part := range items(p) {
					parts = joinGemini(parts, part)
				}
			}
			answer["candidates"] = list{object{"content": object{"role": "model", "parts": parts}}}
			return answer
		},
	},
}

// joinGemini adds a part to those before it. Texts that follow one another are one.
func joinGemini(parts list, part object) list {
	if n := len(parts); n > 0 && len(part) == 1 && part["text"] != nil {
		if last := parts[n-1].(object); last["text"] != nil && last["thought"] == nil {
			last["text"] = text(last, "text") + text(part, "text")
			return parts
		}
	}
	return append(parts, part)
}

func claudeGoesOn(a object) object {
	var results list
	for _, b := range items(a["content"]) {
		if b["type"] == "tool_use" {
			results = append(results, object{"type": "tool_result", "tool_use_id": b["id"], "content": "r of " + text(b, "name")})
		}
	}
	return object{"messages": list{object{"role": "user", "content": "q"}, object{"role": "assistant", "content": a["content"]}, object{"role": "user", "content": results}}}
}

// awsMessage is one message of an event stream as a client reads it.
type awsMessage struct {
	kind string
	body object
}

func eventStream(t *testing.T, stream []byte) []awsMessage {
	t.Helper()
	var out []awsMessage
	frames := wire.NewEventStream(strings.NewReader(string(stream)), 0)
	for {
		f, err := frames.Next()
		if err != nil {
			if len(out) == 0 {
				t.Fatalf("%v: %q", err, stream)
			}
			return out
		}
		out = append(out, awsMessage{string(f.Event), decoded(string(f.Data))})
	}
}

// hearConverse puts a ConverseStream answer together the way the AWS examples do.
func hearConverse(t *testing.T, r *reply) object {
	t.Helper()
	blocks := map[int]object{}
	inputs := map[int]string{}
	block := func(b object) (int, object) {
		i := int(b["contentBlockIndex"].(float64))
		if blocks[i] == nil {
			blocks[i] = object{}
		}
		return i, blocks[i]
	}
	for _, m := range eventStream(t, r.body) {
		switch m.kind {
		case "contentBlockStart":
			_, b := block(m.body)
			maps.Copy(b, m.body["start"].(object))
		case "contentBlockDelta":
			i, b := block(m.body)
			d, _ := m.body["delta"].(object)
			switch {
			case d["text"] != nil:
				b["text"] = text(b, "text") + text(d, "text")
			case d["toolUse"] != nil:
				inputs[i] += text(d["toolUse"].(object), "input")
			case d["reasoningContent"] != nil:
				hearReasoning(b, d["reasoningContent"].(object))
			}
		case "messageStart", "contentBlockStop", "messageStop", "metadata":
		default:
			t.Fatalf("%s: %v", m.kind, m.body)
		}
	}
	content := list{}
	for _, i := range slices.Sorted(maps.Keys(blocks)) {
		if call, ok := blocks[i]["toolUse"].(object); ok {
			call["input"] = decoded(inputs[i])
		}
		content = append(content, blocks[i])
	}
	return object{"output": object{"message": object{"role": "assistant", "content": content}}}
}

func hearReasoning(b, d object) {
	if d["redactedContent"] != nil {
		b["reasoningContent"] = d
		return
	}
	r, _ := b["reasoningContent"].(object)
	if r == nil {
		r = object{"reasoningText": object{"text": ""}}
		b["reasoningContent"] = r
	}
	said := r["reasoningText"].(object)
	said["text"] = text(said, "text") + text(d, "text")
	if d["signature"] != nil {
		said["signature"] = text(said, "signature") + text(d, "signature")
	}
}

// twoTurns are what an account says to the question, and what it must get back.
var twoTurns = map[string]struct {
	answer string
	want   is
}{
	openaiUp: {
		`{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"look","tool_calls":[{"id":"call_Aa1","type":"function","function":{"name":"read","arguments":"{\"p\":1}"}},{"id":"call_Bb2","type":"function","function":{"name":"list","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":10,"completion_tokens":9,"total_tokens":19}}`,
		is{
			"messages.#": "4", "messages.1.role": `"assistant"`, "messages.1.content": `"look"`,
			"messages.1.tool_calls": `[{"id":"call_Aa1","type":"function","function":{"name":"read","arguments":"{\"p\":1}"}},{"id":"call_Bb2","type":"function","function":{"name":"list","arguments":"{}"}}]`,
			"messages.2":            `{"role":"tool","tool_call_id":"call_Aa1","content":"r of read"}`, "messages.3": `{"role":"tool","tool_call_id":"call_Bb2","content":"r of list"}`,
		},
	},
	compatUp: {
		`{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","reasoning_content":"hm","content":"look","tool_calls":[{"id":"functions.read:0","type":"function","function":{"name":"read","arguments":"{\"p\":1}"}},{"id":"call_Bb2","type":"function","function":{"name":"list","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":10,"completion_tokens":9,"total_tokens":19}}`,
		is{
			"messages.#": "4", "messages.1.content": `"look"`, "messages.1.reasoning_content": `"hm"`,
			"messages.1.tool_calls": `[{"id":"functions.read:0","type":"function","function":{"name":"read","arguments":"{\"p\":1}"}},{"id":"call_Bb2","type":"function","function":{"name":"list","arguments":"{}"}}]`,
			"messages.2":            `{"role":"tool","tool_call_id":"functions.read:0","content":"r of read"}`, "messages.3": `{"role":"tool","tool_call_id":"call_Bb2","content":"r of list"}`,
		},
	},
	answersUp: {
		`{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m","error":null,"incomplete_details":null,"output":[
			{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"gAAAAAproof"},
			{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"look","annotations":[],"logprobs":[]}]},
			{"id":"fc_1","type":"function_call","status":"completed","call_id":"call_Aa1","name":"read","arguments":"{\"p\":1}"},
			{"id":"rs_2","type":"reasoning","summary":[],"encrypted_content":"gAAAAAproof2"},
			{"id":"fc_2","type":"function_call","status":"completed","call_id":"call_Bb2","name":"list","arguments":"{}"}],
			"store":false,"previous_response_id":null,"usage":{"input_tokens":10,"output_tokens":9,"total_tokens":19}}`,
		is{
			"input.#": "8", "input.1.type": `"reasoning"`, "input.1.encrypted_content": `"gAAAAAproof"`, "input.1.summary": `[{"type":"summary_text","text":"hm"}]`,
			"input.2.role": `"assistant"`, "input.2.content": "~look", "input.3.call_id": `"call_Aa1"`, "input.3.arguments": `"{\"p\":1}"`, "input.4.type": `"reasoning"`, "input.4.encrypted_content": `"gAAAAAproof2"`, "input.4.summary": `[]`,
			"input.5.call_id": `"call_Bb2"`, "input.6.call_id": `"call_Aa1"`, "input.6.output": `"r of read"`, "input.7.call_id": `"call_Bb2"`, "input.7.output": `"r of list"`,
		},
	},
	anthropicUp: {claudeCalls, claudeWants},
	invokeUp:    {claudeCalls, claudeWants},
	converseUp: {
		`{"output":{"message":{"role":"assistant","content":` + converseSaid + `}},"stopReason":"tool_use","usage":{"inputTokens":10,"outputTokens":9,"totalTokens":19}}`,
		is{
			"messages.#": "3", "messages.1.content": converseSaid,
			"messages.2.content.0.toolResult.toolUseId": `"tooluse_Aa1"`, "messages.2.content.0.toolResult.content": `[{"text":"r of read"}]`,
			"messages.2.content.1.toolResult.toolUseId": `"tooluse_Bb2"`, "messages.2.content.1.toolResult.content": `[{"text":"r of list"}]`,
		},
	},
	geminiUp: {
		`{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"hm","thought":true},{"text":"look"},{"functionCall":{"id":"fc_Aa1","name":"read","args":{"p":1}},"thoughtSignature":"UHJvb2Y="},{"functionCall":{"id":"fc_Bb2","name":"list","args":{}}}]},"finishReason":"STOP"}],
			"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":9,"totalTokenCount":19},"modelVersion":"m","responseId":"r_1"}`,
		is{
			"contents.#": "3", "contents.1.parts": `~{"functionCall":{"args":{"p":1},"id":"fc_Aa1","name":"read"},"thoughtSignature":"UHJvb2Y="},{"functionCall":{"args":{},"id":"fc_Bb2","name":"list"}}`,
			"contents.2.parts.#": "2", "contents.2.parts.0.functionResponse.id": `"fc_Aa1"`, "contents.2.parts.1.functionResponse.id": `"fc_Bb2"`,
			"contents.2.parts.0.functionResponse.name": `"read"`, "contents.2.parts.1.functionResponse.name": `"list"`, "contents.2.parts.0": "~r of read", "contents.2.parts.1": "~r of list",
		},
	},
}

const (
	claudeSaid = `[{"type":"thinking","thinking":"hm","signature":"S1=="},{"type":"redacted_thinking","data":"BLOB"},{"type":"text","text":"look"},{"type":"tool_use","id":"toolu_Aa1","name":"read","input":{"p":1}},
		{"type":"thinking","thinking":"","signature":"S2=="},{"type":"tool_use","id":"toolu_Bb2","name":"list","input":{}}]`
	claudeCalls = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":` + claudeSaid + `,"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":9}}`

	converseSaid = `[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"S1=="}}},{"reasoningContent":{"redactedContent":"QkxPQg=="}},{"text":"look"},{"toolUse":{"toolUseId":"tooluse_Aa1","name":"read","input":{"p":1}}},
		{"reasoningContent":{"reasoningText":{"text":"","signature":"S2=="}}},{"toolUse":{"toolUseId":"tooluse_Bb2","name":"list","input":{}}}]`
)

var claudeWants = is{
	"messages.#": "3", "messages.1.content": claudeSaid, "messages.2.content.#": "2",
	"messages.2.content.0.tool_use_id": `"toolu_Aa1"`, "messages.2.content.0": "~r of read", "messages.2.content.1.tool_use_id": `"toolu_Bb2"`, "messages.2.content.1": "~r of list",
}

// TestTwoTurns has the client of every API hand the answer of every upstream back:
// the upstream must see the very ids and proofs it issued, where it issued them.
func TestTwoTurns(t *testing.T) {
	w := newWorld(t)
	for _, from := range slices.Sorted(maps.Keys(speakers)) {
		for _, to := range slices.Sorted(maps.Keys(twoTurns)) {
			if from == answersAPI && to == openaiUp {
				continue // it speaks this API itself: answersUp is the same
			}
			for _, stream := range []bool{false, true} {
				how := map[bool]string{true: ", streamed"}[stream]
				t.Run(title("TOOL-20 THK-01 THK-04 RSP-01 RSP-06 GEM-01 GEM-02 what an upstream issued comes home", from, to)+how, func(t *testing.T) {
					w.up.answers(playAnswer(twoTurns[to].answer))
					sp := speakers[from]
					body := decoded(sp.first)
					heard := w.turn(t, sp, from, to, body, stream)
					w.up.answers(playDefault)
					maps.Copy(body, sp.second(heard))
					w.turn(t, sp, from, to, body, stream)
					check(t, "the upstream got", w.up.only(t).body, twoTurns[to].want)
				})
			}
		}
	}
}

// turn asks and returns the whole answer, which must be one.
func (w *world) turn(t *testing.T, sp speaker, from, to string, body object, stream bool) object {
	t.Helper()
	r := w.asks(from, to, body, stream)
	if r.status != 200 {
		t.Fatalf("answered %d: %s", r.status, r.body)
	}
	if stream {
		return sp.hear(t, r)
	}
	return decoded(string(r.body))
}

// asks sends the request of a speaker.
func (w *world) asks(from, to string, body object, stream bool) *reply {
	w.t.Helper()
	path, sent := speakers[from].ask(from, to, body, stream)
	return w.do("POST", path, sent)
}

// ask is the path and the body of a request.
func (s speaker) ask(from, to string, body object, stream bool) (path, sent string) {
	if s.path != nil {
		return s.path(to, stream), encoded(body)
	}
	if stream {
		body = maps.Clone(body)
		body["stream"] = true
	}
	return clientPaths[from], clientBody(from, to, "", encoded(body))
}

// proofs are what only its issuer can read of each account's answer. Claude's are
// valid wherever Claude is served.
var proofs = map[string][]string{
	answersUp: {"gAAAAAproof"}, geminiUp: {"UHJvb2Y="}, anthropicUp: claudeProofs, invokeUp: claudeProofs, converseUp: claudeProofs,
}

var claudeProofs = []string{"S1==", "S2==", "BLOB", "QkxPQg=="}

var plainIDs = regexp.MustCompile(`"(?:tool_use_id|toolUseId|tool_call_id|call_id)":"([^"]*)"`)

// TestProviderChanges goes on at another account: proofs do not leave their
// issuer, nor does what carried them, and that is told; calls and results still
// belong together under ids that the account takes.
func TestProviderChanges(t *testing.T) {
	w := newWorld(t)
	for _, from := range slices.Sorted(maps.Keys(speakers)) {
		for _, first := range slices.Sorted(maps.Keys(twoTurns)) {
			for _, then := range slices.Sorted(maps.Keys(twoTurns)) {
				if first == then || from == answersAPI && (first == openaiUp || then == openaiUp) {
					continue
				}
				t.Run(title("THK-07 TOOL-20 RSP-01 goes on from "+first, from, then), func(t *testing.T) {
					w.up.answers(playAnswer(twoTurns[first].answer))
					sp := speakers[from]
					body := decoded(sp.first)
					heard := w.turn(t, sp, from, first, body, false)
					w.up.answers(playDefault)
					maps.Copy(body, sp.second(heard))
					r := w.asks(from, then, body, false)
					if r.status != 200 {
						t.Fatalf("answered %d: %s", r.status, r.body)
					}
					sent := string(w.up.only(t).body)
					for _, carrier := range []string{"~tpk1", "fnRwazEu"} {
						if strings.Contains(sent, carrier) {
							t.Errorf("a seal leaves the gateway: %s", sent)
						}
					}
					if dialectOf(first) == dialectOf(then) || isClaude(first) && isClaude(then) {
						return
					}
					// Some compatible servers are Gemini's, and what the client says in an
					// API's own form passes to it.
					passes := first == geminiUp && (then == compatUp || from == chatAPI && then == openaiUp)
					for _, proof := range proofs[first] {
						if strings.Contains(sent, proof) && !passes {
							t.Errorf("the proof %s goes to another issuer: %s", proof, sent)
						}
					}
					if l := r.losses(); proofs[first] != nil && !passes && !strings.Contains(l, "think") && !strings.Contains(l, "reasoning") && !strings.Contains(l, "ignature") {
						t.Errorf("the lost proof is not told: %q", l)
					}
					if !strings.Contains(sent, "r of read") || !strings.Contains(sent, "r of list") || !strings.Contains(sent, "look") {
						t.Errorf("something that was said is gone: %s", sent)
					}
					for _, id := range plainIDs.FindAllStringSubmatch(sent, -1) {
						if !plainID.MatchString(id[1]) && then != compatUp && then != answersUp { // these two take any
							t.Errorf("the id %s is not taken", id[1])
						}
					}
				})
			}
		}
	}
}

var plainID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

func isClaude(account string) bool {
	return account == anthropicUp || account == invokeUp || account == converseUp
}
