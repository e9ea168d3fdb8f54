package codewhisperer

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

func TestRequest(t *testing.T) {
	weather := llm.Tool{Name: "weather", Description: "tells it", Schema: []byte(`{"type":"object","properties":{"city":{"type":"string"}},"required":[],"additionalProperties":false,"$schema":"x"}`)}
	limit, warm := int64(100), 0.5
	tests := []struct {
		name   string
		req    *llm.Request
		caps   llm.Caps
		want   map[string]any // by path
		losses []string
	}{
		{
			"a word", &llm.Request{Turns: []llm.Turn{user(text("hi"))}}, claude(),
			map[string]any{"conversationState.currentMessage.userInputMessage.content": "hi", "conversationState.currentMessage.userInputMessage.modelId": "claude-sonnet-4.5", "conversationState.history": nil},
			nil,
		},
		{
			"a system prompt stands first, and settings are named",
			&llm.Request{System: []llm.Part{text("be kind")}, Turns: []llm.Turn{user(text("a")), assistant(text("b")), user(text("c"))}, MaxTokens: &limit, Temperature: &warm, Stop: []string{"x"}},
			claude(),
			map[string]any{"conversationState.history.0.userInputMessage.content": "be kind\n\na", "conversationState.currentMessage.userInputMessage.content": "c"},
			[]string{"system", "max_tokens", "temperature", "stop"},
		},
		{
			"KIRO-01 results of several messages are one", &llm.Request{
				Tools: []llm.Tool{weather},
				Turns: []llm.Turn{user(text("a")), assistant(call("t1", "weather", `{"city":"B"}`), call("t2", "weather", `{}`)), user(result("t2", text("wet"))), user(result("t1")), user(text("and?"))},
			}, claude(),
			map[string]any{
				"conversationState.currentMessage.userInputMessage.userInputMessageContext.toolResults.0.toolUseId":        "t2",
				"conversationState.currentMessage.userInputMessage.userInputMessageContext.toolResults.1.content.0.text":   noOutput,
				"conversationState.currentMessage.userInputMessage.content":                                                "and?",
				"conversationState.history.1.assistantResponseMessage.toolUses.0.input.city":                               "B",
				"conversationState.currentMessage.userInputMessage.userInputMessageContext.tools.0.toolSpecification.name": "weather",
			},
			[]string{"tools: weather"},
		},
		{
			"KIRO-01 a choice at the root of a schema is joined", &llm.Request{
				Tools: []llm.Tool{{Name: "f", Description: "d", Schema: []byte(`{"anyOf":[{"type":"object","properties":{"a":{"type":"string"}}},{"type":"object","properties":{"b":{"type":"string"}}}]}`)}},
				Turns: []llm.Turn{user(text("a"))},
			}, claude(),
			map[string]any{"conversationState.currentMessage.userInputMessage.userInputMessageContext.tools.0.toolSpecification.inputSchema.json.properties.b.type": "string"},
			[]string{"tools: f"},
		},
		{
			"KIRO-01 a long description goes on before the first message", &llm.Request{
				Tools: []llm.Tool{{Name: "f", Description: strings.Repeat("ä", 10_001)}}, Turns: []llm.Turn{user(text("a"))},
			}, claude(),
			map[string]any{"conversationState.currentMessage.userInputMessage.content": "The tool f:\n" + strings.Repeat("ä", 10_001) + "\n\na"},
			[]string{"tools[0].description"},
		},
		{
			"a call nobody answered, and an answer to nothing",
			&llm.Request{Tools: []llm.Tool{weather}, Turns: []llm.Turn{user(text("a")), assistant(call("t1", "weather", `{}`)), user(result("t9", text("stray")))}},
			claude(),
			map[string]any{
				"conversationState.currentMessage.userInputMessage.content":                                      "Result of a tool:\nstray",
				"conversationState.currentMessage.userInputMessage.userInputMessageContext.toolResults.0.status": "error",
			},
			[]string{"messages: tool call", "messages: tool result"},
		},
		{
			"a tool of the past gets a stub", &llm.Request{Tools: []llm.Tool{weather}, Turns: []llm.Turn{user(text("a")), assistant(call("t1", "Old", `{}`)), user(result("t1", text("x")))}}, claude(),
			map[string]any{"conversationState.currentMessage.userInputMessage.userInputMessageContext.tools.1.toolSpecification.name": "Old"},
			[]string{"tools: Old"},
		},
		{
			"the past of tools is text where there are none", &llm.Request{Turns: []llm.Turn{user(text("a")), assistant(call("t1", "Old", `{"a":1}`)), user(result("t1", text("x")))}}, claude(),
			map[string]any{
				"conversationState.currentMessage.userInputMessage.content":    "Result of a tool:\nx",
				"conversationState.history.1.assistantResponseMessage.content": `Call of the tool Old: {"a":1}`,
			},
			[]string{"messages: tool call", "messages: tool result"},
		},
		{
			"a begun answer", &llm.Request{Turns: []llm.Turn{user(text("a")), assistant(text("b"))}}, claude(),
			map[string]any{"conversationState.currentMessage.userInputMessage.content": "Continue.", "conversationState.history.1.assistantResponseMessage.content": "b"},
			[]string{"messages"},
		},
		{
			"the model speaks first", &llm.Request{Turns: []llm.Turn{assistant(text("b")), user(text("a"))}}, claude(),
			map[string]any{"conversationState.history.0.userInputMessage.content": "(continued)"},
			[]string{"messages"},
		},
		{
			"pictures, also in the past and in results", &llm.Request{
				Tools: []llm.Tool{weather},
				Turns: []llm.Turn{
					user(&llm.Media{Kind: llm.Image, MIME: "image/jpg", Data: "AAAA"}),
					assistant(call("t1", "weather", `{}`)),
					user(result("t1", &llm.Media{Kind: llm.Image, Data: "iVBORw0KGgoAAA"})),
				},
			}, claude(),
			map[string]any{
				"conversationState.history.0.userInputMessage.images.0.format":            "jpeg",
				"conversationState.currentMessage.userInputMessage.images.0.format":       "png",
				"conversationState.currentMessage.userInputMessage.images.0.source.bytes": "iVBORw0KGgoAAA",
			},
			[]string{"messages: image", "messages: tool result: image"},
		},
		{
			"what cannot be carried", &llm.Request{Turns: []llm.Turn{user(text("a"), &llm.Media{Kind: llm.Document, MIME: "application/pdf", Data: "AA"}, &llm.Media{Kind: llm.Image, URL: "https://x/y.png"}, &llm.Native{Dialect: "messages", Type: "search_result", Raw: []byte(`{}`)})}}, claude(),
			map[string]any{"conversationState.currentMessage.userInputMessage.content": "a"},
			[]string{"messages[0].content: document", "messages[0].content: image", "messages[0].content: search_result"},
		},
		{
			"a document of text is text", &llm.Request{Turns: []llm.Turn{user(&llm.Media{Kind: llm.Document, Text: "words", Name: "n"})}}, claude(),
			map[string]any{"conversationState.currentMessage.userInputMessage.content": "<document>\nn\nwords\n</document>"},
			[]string{"messages[0].content: document"},
		},
		{
			"thinking by tags", &llm.Request{Turns: []llm.Turn{user(text("a"))}, Thinking: llm.Thought{Mode: llm.ThinkingBudget, Budget: 2000}}, claude(),
			map[string]any{"conversationState.currentMessage.userInputMessage.content": "<thinking_mode>enabled</thinking_mode><max_thinking_length>2000</max_thinking_length>\n\na", "additionalModelRequestFields": nil},
			[]string{"thinking"},
		},
		{
			"thinking by the model's fields", &llm.Request{Turns: []llm.Turn{user(text("a"))}, Thinking: llm.Thought{Mode: llm.ThinkingBudget, Budget: 20000}}, adaptiveClaude(),
			map[string]any{"additionalModelRequestFields.thinking.type": "adaptive", "additionalModelRequestFields.output_config.effort": "high", "conversationState.currentMessage.userInputMessage.content": "a"},
			[]string{"thinking.budget_tokens"},
		},
		{
			"an effort the model does not know", &llm.Request{Turns: []llm.Turn{user(text("a"))}, Thinking: llm.Thought{Mode: llm.ThinkingEffort, Effort: "xhigh"}}, adaptiveClaude(),
			map[string]any{"additionalModelRequestFields.output_config.effort": "high"},
			[]string{"effort"},
		},
		{
			"GPT's effort", &llm.Request{Turns: []llm.Turn{user(text("a"))}, Thinking: llm.Thought{Mode: llm.ThinkingEffort, Effort: "low"}},
			llm.Caps{Family: "gpt", Thinking: llm.ThinkEffort},
			map[string]any{"additionalModelRequestFields.reasoning.effort": "low"},
			nil,
		},
		{
			"reasoning goes back", &llm.Request{Turns: []llm.Turn{user(text("a")), assistant(&llm.Thinking{Text: "hm", Signature: "sig"}, text("b")), user(text("c"))}}, adaptiveClaude(),
			map[string]any{"conversationState.history.1.assistantResponseMessage.reasoningContent.reasoningText.signature": "sig"},
			nil,
		},
		{
			"unsigned reasoning does not", &llm.Request{Turns: []llm.Turn{user(text("a")), assistant(&llm.Thinking{Text: "hm"}, text("b")), user(text("c"))}}, claude(),
			map[string]any{"conversationState.history.1.assistantResponseMessage.reasoningContent": nil},
			[]string{"messages[1].content: thinking"},
		},
		{
			"cache points", &llm.Request{
				System: []llm.Part{&llm.Text{Text: "s", Cache: &llm.Cache{}}}, Tools: []llm.Tool{{Name: "f", Description: "d", Cache: &llm.Cache{}}},
				Turns: []llm.Turn{user(&llm.Text{Text: "a", Cache: &llm.Cache{TTL: "1h"}})},
			}, claude(),
			map[string]any{
				"conversationState.currentMessage.userInputMessage.cachePoint.type":                                 "default",
				"conversationState.currentMessage.userInputMessage.userInputMessageContext.tools.1.cachePoint.type": "default",
			},
			[]string{"system: cache_control", "messages: cache_control"},
		},
		{
			"forced calls and strict tools", &llm.Request{Tools: []llm.Tool{{Name: "f", Strict: new(true)}}, Choice: llm.Choice{Mode: llm.ChoiceAny}, Turns: []llm.Turn{user(text("a"))}}, claude(),
			nil,
			[]string{"tool_choice", "tools[0].strict", "tools[0].description"},
		},
		{
			"no tool is to be called", &llm.Request{Tools: []llm.Tool{weather}, Choice: llm.Choice{Mode: llm.ChoiceNone}, Turns: []llm.Turn{user(text("a"))}}, claude(),
			map[string]any{"conversationState.currentMessage.userInputMessage.userInputMessageContext": nil},
			nil,
		},
		{
			"names that differ in case only, and long ones", &llm.Request{Tools: []llm.Tool{{Name: "Read", Description: "d"}, {Name: "read", Description: "d"}, {Name: strings.Repeat("n", 64), Description: "d"}}, Turns: []llm.Turn{user(text("a"))}}, claude(),
			map[string]any{"conversationState.currentMessage.userInputMessage.userInputMessageContext.tools.2": nil},
			[]string{"tools[1]"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, losses := encode(t, tt.req, tt.caps)
			for path, want := range tt.want {
				if got := at(v, path); got != want {
					t.Errorf("%s is %v, not %v", path, got, want)
				}
			}
			for _, path := range tt.losses {
				if !lost(losses, path) {
					t.Errorf("%s is not named among %v", path, losses)
				}
			}
			if tt.losses == nil && len(losses) > 0 {
				t.Errorf("losses: %v", losses)
			}
		})
	}
}

// at is the value at a path of names and places.
func at(v any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		switch w := v.(type) {
		case map[string]any:
			v = w[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(w) {
				return nil
			}
			v = w[i]
		default:
			return nil
		}
	}
	return v
}

func TestLongNamesComeBack(t *testing.T) {
	for _, n := range []int{62, 63, 64, 65, 128, 300} {
		name := strings.Repeat("x", n)
		req := &llm.Request{Tools: []llm.Tool{{Name: name, Description: "d"}}, Turns: []llm.Turn{user(text("a"))}}
		v, _ := encode(t, req, claude())
		sent, _ := at(v, "conversationState.currentMessage.userInputMessage.userInputMessageContext.tools.0.toolSpecification.name").(string)
		if len(sent) > 63 || llm.RestoreName(req, sent) != name {
			t.Errorf("%d characters: sent as %q", n, sent)
		}
	}
}

// TestAnyConversation: whatever clients send, the service's rules hold.
func TestAnyConversation(t *testing.T) {
	names := []string{"a", "A", "b.c", strings.Repeat("long", 30), "gone"}
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable on purpose
		req := &llm.Request{}
		for range rnd.IntN(4) {
			req.Tools = append(req.Tools, llm.Tool{Name: names[rnd.IntN(4)], Schema: []byte(`{"required":[],"properties":{"p":{"additionalProperties":{}}}}`)})
		}
		if rnd.IntN(2) == 0 {
			req.System = []llm.Part{text("sys")}
		}
		for range 1 + rnd.IntN(8) {
			turn := llm.Turn{Role: []llm.Role{llm.User, llm.Assistant, llm.System}[rnd.IntN(3)]}
			for range rnd.IntN(4) {
				id := fmt.Sprintf("t%d", rnd.IntN(4))
				turn.Parts = append(turn.Parts, []llm.Part{
					text("word"), text(" "), call(id, names[rnd.IntN(len(names))], `{"x":1}`), result(id, text("r")), result(id),
					&llm.Thinking{Text: "t", Signature: "s"}, &llm.Media{Kind: llm.Image, MIME: "image/png", Data: "AA"},
					&llm.ToolCall{ID: id, Name: "a", Broken: "{"}, &llm.Refusal{Text: "no"}, &llm.Media{Kind: llm.Audio, Data: "AA"},
				}[rnd.IntN(10)])
			}
			req.Turns = append(req.Turns, turn)
		}
		body, _, err := Dialect{}.EncodeRequest(req, &llm.Target{Model: "m", Caps: claude()})
		if err != nil {
			continue // nothing was said at all
		}
		var v map[string]any
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if bad := check(v); len(bad) > 0 {
			t.Fatalf("seed %d: %s\n%s", seed, strings.Join(bad, "; "), body)
		}
	}
}

func TestSchemaStaysWhereItIsRight(t *testing.T) {
	for _, s := range []string{
		`{"type":"object","properties":{"required":{"type":"string"},"additionalProperties":{"type":"string"}},"required":["required"]}`,
		`{"type":"object","properties":{"a":{"enum":[{"required":[]}]}}}`,
	} {
		if out, told := tidy([]byte(s)); string(out) != s || told {
			t.Errorf("%s became %s", s, out)
		}
	}
	out, told := tidy([]byte(`{"type":"object","properties":{"a":{"type":"object","additionalProperties":false,"required":null,"items":[{"required":[]}]}}}`))
	if want := `{"type":"object","properties":{"a":{"type":"object","items":[{}]}}}`; string(out) != want || !told {
		t.Errorf("%s, %v", out, told)
	}
}

func FuzzTidy(f *testing.F) {
	f.Add([]byte(`{"type":"object","properties":{"a":{"additionalProperties":false,"required":[]}}}`))
	f.Add([]byte(`{"required":`))
	f.Add([]byte(`{"properties":null,"anyOf":[true,{"required":null}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		out, _ := tidy(raw)
		if json.Valid(raw) && !json.Valid(out) {
			t.Fatalf("%s became %s", raw, out)
		}
		if again, _ := tidy(out); string(again) != string(out) {
			t.Fatalf("%s became %s the second time", out, again)
		}
	})
}
