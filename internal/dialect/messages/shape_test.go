package messages

import (
	"errors"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

// TestShape shows what becomes of conversations that come in another API's shape.
func TestShape(t *testing.T) {
	old := opus()
	old.Caps.MidSystem = false
	noPrefill := opus()
	noPrefill.Caps.NoPrefill = true
	bedrock := opus()
	bedrock.Bedrock = true
	native := func(kind, raw string) *llm.Native { return &llm.Native{Dialect: name, Type: kind, Raw: []byte(raw)} }
	cases := []struct {
		id     string
		target *llm.Target
		turns  []llm.Turn
		want   string // messages
		losses []string
	}{
		{
			"MSG-01 results of one turn together", nil,
			[]llm.Turn{user(say("q")), assistant(call("a", "f", "{}"), call("b", "g", `{"x":1}`)), user(result("a", say("1"))), user(result("b", say("2")))},
			`[{"role":"user","content":[{"type":"text","text":"q"}]},
			{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}},{"type":"tool_use","id":"b","name":"g","input":{"x":1}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"1"}]},{"type":"tool_result","tool_use_id":"b","content":[{"type":"text","text":"2"}]}]}]`, nil,
		},
		{
			"MSG-02 two user messages in a row", nil,
			[]llm.Turn{user(say("a")), user(say("b"))},
			`[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`, nil,
		},
		{
			"MSG-04 results before the user's text", nil,
			[]llm.Turn{user(say("q")), assistant(call("a", "f", "{}")), user(say("wait"), result("a", say("1")))},
			`[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"1"}]},{"type":"text","text":"wait"}]}]`, nil,
		},
		{
			"MSG-06 MSG-07 system in place, with its cache point", old,
			[]llm.Turn{user(say("a")), assistant(say("b")), user(say("c")), system(point("note")), assistant(say("d")), user(say("e"))},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"text","text":"b"}]},
			{"role":"user","content":[{"type":"text","text":"c"},{"type":"text","text":"<system>\nnote\n</system>","cache_control":{"type":"ephemeral"}}]},
			{"role":"assistant","content":[{"type":"text","text":"d"}]},{"role":"user","content":[{"type":"text","text":"e"}]}]`,
			[]string{"messages[3].role"},
		},
		{
			"MSG-06 kept where the model takes it", nil,
			[]llm.Turn{user(say("c")), system(point("note")), assistant(say("d")), user(say("e"))},
			`[{"role":"user","content":[{"type":"text","text":"c"}]},{"role":"system","content":[{"type":"text","text":"note","cache_control":{"type":"ephemeral"}}]},
			{"role":"assistant","content":[{"type":"text","text":"d"}]},{"role":"user","content":[{"type":"text","text":"e"}]}]`, nil,
		},
		{
			"MSG-08 two in a row", nil,
			[]llm.Turn{user(say("c")), system(say("1")), system(say("2"))},
			`[{"role":"user","content":[{"type":"text","text":"c"}]},{"role":"system","content":[{"type":"text","text":"1"},{"type":"text","text":"2"}]}]`, nil,
		},
		{
			"MSG-08 between users", nil,
			[]llm.Turn{user(say("c")), system(say("1")), user(say("d"))},
			`[{"role":"user","content":[{"type":"text","text":"c"},{"type":"text","text":"<system>\n1\n</system>"},{"type":"text","text":"d"}]}]`,
			[]string{"must stand between"},
		},
		{
			"MSG-08 before the results", nil,
			[]llm.Turn{user(say("q")), assistant(call("a", "f", "{}")), system(say("s")), user(result("a", say("1")))},
			`[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"1"}]},{"type":"text","text":"<system>\ns\n</system>"}]}]`,
			[]string{"must stand between"},
		},
		{
			"MSG-10 empty text beside a call", nil,
			[]llm.Turn{user(say("q"), say(" \n")), assistant(say(""), call("a", "f", "")), user(result("a", say("1")))},
			`[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"1"}]}]}]`, nil,
		},
		{
			"MSG-11 empty result", nil,
			[]llm.Turn{user(say("q")), assistant(call("a", "f", "{}")), user(result("a", say("")))},
			`[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"}]}]`, nil,
		},
		{
			"MSG-12 no prefill", noPrefill,
			[]llm.Turn{user(say("q")), assistant(say("Well, "))},
			`[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":[{"type":"text","text":"Well, "}]},{"role":"user","content":[{"type":"text","text":"Continue."}]}]`,
			[]string{"messages[1]: the model wants the user to speak last"},
		},
		{
			"prefill without white space at its end", nil,
			[]llm.Turn{user(say("q")), assistant(say("Well, \n"))},
			`[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":[{"type":"text","text":"Well,"}]}]`, nil,
		},
		{
			"STOP-04 a paused server tool's turn goes on", noPrefill,
			[]llm.Turn{user(say("q")), assistant(native("server_tool_use", `{"type":"server_tool_use","id":"s","name":"web_search","input":{}}`))},
			`[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":[{"type":"server_tool_use","id":"s","name":"web_search","input":{}}]}]`, nil,
		},
		{
			"MSG-13 a call at the end is answered", nil,
			[]llm.Turn{user(say("q")), assistant(call("a", "f", "{}"))},
			`[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"No result: the call was not carried out."}],"is_error":true}]}]`,
			[]string{"a call had no result"},
		},
		{
			"MSG-13 one of two unanswered", nil,
			[]llm.Turn{user(say("q")), assistant(call("a", "f", "{}"), call("b", "f", "{}")), user(result("b", say("2")))},
			`[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}},{"type":"tool_use","id":"b","name":"f","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":[{"type":"text","text":"2"}]},
			{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"No result: the call was not carried out."}],"is_error":true}]}]`,
			[]string{"a call had no result"},
		},
		{
			"a result without a call", nil,
			[]llm.Turn{user(result("zz", say("late"), &llm.Media{Kind: llm.Image, URL: "u"}))},
			`[{"role":"user","content":[{"type":"text","text":"late"},{"type":"image","source":{"type":"url","url":"u"}}]}]`,
			[]string{"it answers no call"},
		},
		{
			"MSG-15 MSG-16 THK-04 order kept", nil,
			[]llm.Turn{user(&llm.Media{Kind: llm.Image, URL: "u"}, say("q")), assistant(&llm.Thinking{Text: "t", Signature: "s"}, call("a", "f", "{}"), &llm.Thinking{Signature: "s2"}, say("x"), call("b", "f", "{}"), say("y")), user(result("a"), result("b"))},
			`[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"u"}},{"type":"text","text":"q"}]},
			{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"a","name":"f","input":{}},{"type":"thinking","thinking":"","signature":"s2"},
			{"type":"text","text":"x"},{"type":"tool_use","id":"b","name":"f","input":{}},{"type":"text","text":"y"}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"},{"type":"tool_result","tool_use_id":"b"}]}]`, nil,
		},
		{
			"the assistant speaks first", nil,
			[]llm.Turn{assistant(say("hello")), user(say("q"))},
			`[{"role":"user","content":[{"type":"text","text":"(continue)"}]},{"role":"assistant","content":[{"type":"text","text":"hello"}]},{"role":"user","content":[{"type":"text","text":"q"}]}]`,
			[]string{"messages[0]"},
		},
		{
			"a refusal of the history", nil,
			[]llm.Turn{user(say("q")), assistant(&llm.Refusal{Text: "no"}), user(say("why"))},
			`[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":[{"type":"text","text":"no"}]},{"role":"user","content":[{"type":"text","text":"why"}]}]`, nil,
		},
		{
			"MSG-17 another API's part", nil,
			[]llm.Turn{user(say("q"), &llm.Native{Dialect: "chat", Type: "input_video", Raw: []byte("{}")})},
			`[{"role":"user","content":[{"type":"text","text":"q"}]}]`,
			[]string{"messages[0].content: input_video"},
		},
		{
			"MED-06 TOOL-22 native blocks verbatim", bedrock,
			[]llm.Turn{user(native("search_result", `{"type":"search_result","source":"s","n":1}`))},
			`[{"role":"user","content":[{"type":"search_result","source":"s","n":1}]}]`, nil,
		},
		{
			"parts the role cannot have", nil,
			[]llm.Turn{user(say("q"), call("c", "f", "{}")), assistant(&llm.Media{Kind: llm.Image, URL: "u"}, result("c", say("r")), say("a")), user(say("b"))},
			`[{"role":"user","content":[{"type":"text","text":"q"}]},{"role":"assistant","content":[{"type":"text","text":"a"}]},{"role":"user","content":[{"type":"text","text":"b"}]}]`,
			[]string{"messages[0].content: tool call", "messages[1].content: image", "messages[1].content: tool result"},
		},
		{
			"names of participants", nil,
			[]llm.Turn{{Role: llm.User, Name: "Ann", Parts: []llm.Part{say("q")}}},
			`[{"role":"user","content":[{"type":"text","text":"q"}]}]`,
			[]string{"messages[0].name"},
		},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			target := c.target
			if target == nil {
				target = opus()
			}
			body, losses := mustEncode(t, ask(c.turns...), target)
			same(t, "messages", body["messages"], c.want)
			wantLosses(t, losses, c.losses...)
		})
	}
}

func TestSystem(t *testing.T) {
	t.Run("MSG-05 every system text, in order", func(t *testing.T) {
		req := ask(user(say("q")))
		req.System = []llm.Part{say("a"), say(""), point("b")}
		body, losses := mustEncode(t, req, opus())
		same(t, "system", body["system"], `[{"type":"text","text":"a"},{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]`)
		wantLosses(t, losses)
	})
	t.Run("MSG-08 MSG-09 placed first it belongs to the prompt", func(t *testing.T) {
		req := ask(system(say("b")), user(say("q")))
		req.System = []llm.Part{say("a")}
		body, losses := mustEncode(t, req, opus())
		same(t, "system", body["system"], `[{"type":"text","text":"a"},{"type":"text","text":"b"}]`)
		wantLosses(t, losses)
	})
	t.Run("CACHE-10 the first entry stays first and alone", func(t *testing.T) {
		req := ask(user(say("q")))
		req.System = []llm.Part{say("x-anthropic-billing-header: v=1"), say("You are")}
		body, _ := mustEncode(t, req, opus())
		same(t, "system", body["system"], `[{"type":"text","text":"x-anthropic-billing-header: v=1"},{"type":"text","text":"You are"}]`)
	})
	t.Run("a picture in the prompt", func(t *testing.T) {
		req := ask(user(say("q")))
		req.System = []llm.Part{say("a"), &llm.Media{Kind: llm.Image, URL: "u"}}
		_, losses := mustEncode(t, req, opus())
		wantLosses(t, losses, "system: image")
	})
	t.Run("nothing but a prompt", func(t *testing.T) {
		req := ask(system(say("a")))
		body, losses := mustEncode(t, req, opus())
		same(t, "messages", body["messages"], `[{"role":"user","content":[{"type":"text","text":"(continue)"}]}]`)
		wantLosses(t, losses, "messages: ")
	})
	t.Run("nothing at all", func(t *testing.T) {
		_, _, err := Dialect{}.EncodeRequest(ask(user(say(" "))), opus())
		var e *llm.Error
		if !errors.As(err, &e) || e.Kind != llm.ErrInvalid {
			t.Errorf("got %v", err)
		}
	})
}

func TestThinkingBlocks(t *testing.T) {
	claude := llm.Seal(llm.IssuerClaude, &llm.Thinking{Text: "mine", Signature: "CLAUDESIG"})
	cases := []struct {
		id   string
		part *llm.Thinking
		want string // the block, empty when it is left out
	}{
		{"signed", &llm.Thinking{Text: "a", Signature: "S"}, `{"type":"thinking","thinking":"a","signature":"S"}`},
		{"THK-03 THK-21 signature without text", &llm.Thinking{Signature: "S"}, `{"type":"thinking","thinking":"","signature":"S"}`},
		{"THK-06 redacted", &llm.Thinking{Redacted: "R"}, `{"type":"redacted_thinking","data":"R"}`},
		{"THK-18 unsigned", &llm.Thinking{Text: "a"}, ""},
		{"THK-07 THK-18 another issuer's seal", &llm.Thinking{Text: "a", Signature: llm.Seal("openai", &llm.Thinking{Text: "a", Signature: "enc"})}, ""},
		{"THK-18 our own seal of unsigned thinking", &llm.Thinking{Text: "a", Signature: unsignedSeal()}, ""},
		{"a broken seal", &llm.Thinking{Text: "a", Signature: "~tpk1.claude.!!"}, ""},
		{"THK-05 Claude's own, through another API", &llm.Thinking{Text: "summary", Signature: claude}, `{"type":"thinking","thinking":"mine","signature":"CLAUDESIG"}`},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			body, losses := mustEncode(t, ask(user(say("q")), assistant(c.part, say("x")), user(say("y"))), opus())
			blocks := body["messages"].([]any)[1].(map[string]any)["content"].([]any)
			if c.want == "" {
				if len(blocks) != 1 {
					t.Errorf("kept: %v", blocks)
				}
				wantLosses(t, losses, "messages[1].content: thinking")
				return
			}
			same(t, "block", blocks[0], c.want)
			wantLosses(t, losses)
		})
	}
	t.Run("THK-17 not at the end", func(t *testing.T) {
		body, losses := mustEncode(t, ask(user(say("q")), assistant(say("x"), &llm.Thinking{Signature: "S"})), opus())
		same(t, "last", body["messages"].([]any)[1], `{"role":"assistant","content":[{"type":"text","text":"x"}]}`)
		wantLosses(t, losses, "a message cannot end on thinking")
	})
	t.Run("a turn of foreign thinking alone goes", func(t *testing.T) {
		body, _ := mustEncode(t, ask(user(say("q")), assistant(&llm.Thinking{Text: "a"}), user(say("y"))), opus())
		same(t, "messages", body["messages"], `[{"role":"user","content":[{"type":"text","text":"q"},{"type":"text","text":"y"}]}]`)
	})
}

func TestCallIDs(t *testing.T) {
	turns := []llm.Turn{user(say("q"))}
	for range 3 { // some servers number their calls anew in every answer
		turns = append(turns, assistant(call("functions.f:0", "f", "{}"), call("functions.f:1", "f", "{}"), call(strings.Repeat("x", 80), "f", "{}")),
			user(result(strings.Repeat("x", 80), say("3")), result("functions.f:0", say("1")), result("functions.f:1", say("2"))))
	}
	t.Run("TOOL-20 ids the API takes, each once", func(t *testing.T) {
		body, losses := mustEncode(t, ask(turns...), opus())
		again, _ := mustEncode(t, ask(turns...), opus())
		wantLosses(t, losses)
		a, b := list(body["messages"]), list(again["messages"])
		for i := range a {
			if x, y := ids2(a[i], "tool_use", "id"), ids2(b[i], "tool_use", "id"); strings.Join(x, ",") != strings.Join(y, ",") {
				t.Errorf("not the same twice: %v, %v", x, y)
			}
		}
		calls, results := ids2(a[3], "tool_use", "id"), ids2(a[4], "tool_result", "tool_use_id")
		if results[0] != calls[2] || results[1] != calls[0] || results[2] != calls[1] {
			t.Errorf("calls %v, results %v", calls, results)
		}
	})
	t.Run("the request is left alone", func(t *testing.T) {
		if turns[1].Parts[0].(*llm.ToolCall).ID != "functions.f:0" {
			t.Error("changed")
		}
	})
	t.Run("the same id twice in one message", func(t *testing.T) {
		body, _ := mustEncode(t, ask(user(say("q")), assistant(call("a", "f", "{}"), call("a", "f", "{}")), user(result("a", say("1")), result("a", say("2")))), opus())
		if ids := ids2(list(body["messages"])[2], "tool_result", "tool_use_id"); ids[0] == ids[1] {
			t.Errorf("ids %v", ids)
		}
	})
}
