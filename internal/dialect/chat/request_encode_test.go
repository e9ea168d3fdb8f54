package chat

import (
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

func encode(t *testing.T, req *llm.Request, target *llm.Target) (body, losses string) {
	t.Helper()
	out, list, err := Dialect{}.EncodeRequest(req, target)
	if err != nil {
		t.Fatal(err)
	}
	obeysOrder(t, out)
	return string(out), llmtest.DumpLosses(list)
}

func text1(s string) []llm.Part { return []llm.Part{&llm.Text{Text: s}} }

func user(parts ...llm.Part) llm.Turn   { return llm.Turn{Role: llm.User, Parts: parts} }
func system(parts ...llm.Part) llm.Turn { return llm.Turn{Role: llm.System, Parts: parts} }
func model(parts ...llm.Part) llm.Turn  { return llm.Turn{Role: llm.Assistant, Parts: parts} }
func say(s string) *llm.Text            { return &llm.Text{Text: s} }
func call(id, name, input string) *llm.ToolCall {
	return &llm.ToolCall{ID: id, Name: name, Input: []byte(input)}
}

func result(id string, parts ...llm.Part) *llm.ToolResult {
	return &llm.ToolResult{CallID: id, Parts: parts}
}

const (
	userQ     = `{"role":"user","content":"q"}`
	calledA   = `{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`
	answeredA = `{"role":"tool","tool_call_id":"a","content":"A"}`
)

func TestEncodeMessages(t *testing.T) {
	picture := &llm.Media{Kind: llm.Image, MIME: "image/png", Data: "QUI="}
	cached := &llm.Cache{TTL: "1h"}
	compat := &llm.Target{Compat: true}
	claude := &llm.Target{Compat: true, Caps: llm.Caps{Family: "claude"}}
	mine := llm.Seal(Name, &llm.Thinking{Text: "hm"})
	for _, c := range []struct {
		name         string
		target       *llm.Target
		system       []llm.Part
		turns        []llm.Turn
		want, losses string
	}{
		{
			"MSG-05 system entries in order", nil,
			[]llm.Part{say("one"), say("two")},
			[]llm.Turn{user(say("q"))},
			`{"role":"system","content":"one\n\ntwo"},` + userQ, "",
		},
		{
			"CACHE-10 the attribution block is not for other models", nil,
			[]llm.Part{say("x-anthropic-billing-header: cc_version=1"), say("two")},
			[]llm.Turn{user(say("q"))},
			`{"role":"system","content":"two"},` + userQ, "",
		},
		{
			"MSG-06 system turns stay in their place", nil, nil,
			[]llm.Turn{user(say("q")), system(say("now")), model(say("y")), user(say("z"))},
			userQ + `,{"role":"system","content":"now"},{"role":"assistant","content":"y"},{"role":"user","content":"z"}`, "",
		},
		{
			"no system prompt taken", &llm.Target{Caps: llm.Caps{NoSystem: true}, Compat: true}, text1("be brief"),
			[]llm.Turn{user(say("q")), system(say("now"))},
			`{"role":"user","content":"be brief\n\nq"},{"role":"user","content":"now"}`, "system, messages[1].role",
		},
		{
			"MSG-02 users in a row stay apart", nil, nil,
			[]llm.Turn{{Role: llm.User, Name: "bob", Parts: text1("q")}, user(say("p"))},
			`{"role":"user","name":"bob","content":"q"},{"role":"user","content":"p"}`, "",
		},
		{
			"MSG-04 results before the text of the turn", nil, nil,
			[]llm.Turn{model(call("a", "f", "{}")), user(say("first"), result("a", say("A")), say("then"))},
			calledA + `,` + answeredA + `,{"role":"user","content":[{"type":"text","text":"first"},{"type":"text","text":"then"}]}`, "",
		},
		{
			"MSG-01 results from several turns follow the calls", nil, nil,
			[]llm.Turn{model(call("a", "f", "{}")), model(say("and"), call("b", "g", `{"x":1}`)), user(result("b", say("B"))), system(say("now")), user(result("a", say("A")))},
			`{"role":"assistant","content":"and","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{\"x\":1}"}}]},` +
				`{"role":"tool","tool_call_id":"b","content":"B"},` + answeredA + `,{"role":"system","content":"now"}`, "",
		},
		{"MSG-10 no empty text beside calls", nil, nil, []llm.Turn{model(say(""), call("a", "f", "{}")), user(result("a", say("A")))}, calledA + `,` + answeredA, ""},
		{"MSG-11 an empty result is an empty text", nil, nil, []llm.Turn{model(call("a", "f", "{}")), user(result("a"))}, calledA + `,{"role":"tool","tool_call_id":"a","content":""}`, ""},
		{
			"MSG-12 an answer to go on with", &llm.Target{Caps: llm.Caps{NoPrefill: true}}, nil,
			[]llm.Turn{user(say("q")), model(say("{"))},
			userQ + `,{"role":"assistant","content":"{"},{"role":"user","content":"Continue."}`, "messages",
		},
		{"prefill that may stand", nil, nil, []llm.Turn{user(say("q")), model(say("{"))}, userQ + `,{"role":"assistant","content":"{"}`, ""},
		{
			"MSG-13 calls without results are closed", nil, nil,
			[]llm.Turn{model(call("a", "f", "{}")), user(say("q")), model(call("b", "f", "{}"))},
			calledA + `,{"role":"tool","tool_call_id":"a","content":"[tool error] There is no result: the call was never answered."},` + userQ + `,` +
				strings.Replace(calledA, `"a"`, `"b"`, 1) + `,{"role":"tool","tool_call_id":"b","content":"[tool error] There is no result: the call was never answered."}`,
			"messages[0].tool_calls, messages[2].tool_calls",
		},
		{
			"MSG-16 text and pictures in order", nil, nil,
			[]llm.Turn{user(say("a"), picture, say("b"))},
			`{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,QUI="}},{"type":"text","text":"b"}]}`, "",
		},
		{"MSG-17 parts of other APIs are named", nil, nil, []llm.Turn{user(say("q"), &llm.Native{Dialect: "messages", Type: "search_result", Raw: []byte(`{}`)})}, userQ, "messages[0].content"},
		{"parts of our own go on", nil, nil, []llm.Turn{user(&llm.Native{Dialect: "chat", Type: "x", Raw: []byte(`{"type":"x"}`)})}, `{"role":"user","content":[{"type":"x"}]}`, ""},
		{"compatible servers get plain text", compat, nil, []llm.Turn{user(say("a"), say("b"))}, `{"role":"user","content":"a\n\nb"}`, ""},
		{
			"texts of an answer", nil, nil,
			[]llm.Turn{user(say("q")), model(say("a"), say("b"), &llm.Thinking{Text: "hm"}, say("c")), model(say("d"))},
			userQ + `,{"role":"assistant","content":"ab\n\nc\n\nd"}`, "messages[1].content: thinking",
		},
		{
			"TOOL-16 pictures in results follow as the user's", nil, nil,
			[]llm.Turn{model(call("a", "f", "{}")), user(result("a", picture))},
			calledA + `,{"role":"tool","tool_call_id":"a","content":"The result follows in the next user message."},{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QUI="}}]}`,
			"messages[1].content: tool result",
		},
		{
			"TOOL-17 an error is told in words", nil, nil,
			[]llm.Turn{model(call("a", "f", "{}")), user(&llm.ToolResult{CallID: "a", Error: true, Parts: text1("A")})},
			calledA + `,{"role":"tool","tool_call_id":"a","content":"[tool error] A"}`, "messages[1].content: tool result",
		},
		{
			"TOOL-18 cut arguments as they are", nil, nil,
			[]llm.Turn{model(&llm.ToolCall{ID: "a", Name: "f", Broken: `{"x`}), user(result("a", say("A")))},
			strings.Replace(calledA, `"{}"`, `"{\"x"`, 1) + `,` + answeredA, "",
		},
		{
			"TOOL-20 long ids meet again", nil, nil,
			[]llm.Turn{model(call(strings.Repeat("i", 41), "f", "{}")), user(result(strings.Repeat("i", 41), say("A")))},
			strings.ReplaceAll(calledA+`,`+answeredA, `"a"`, `"`+llm.ShortID(strings.Repeat("i", 41), 40)+`"`), "",
		},
		{
			"TOOL-10 bad names in the history", nil, nil,
			[]llm.Turn{model(call("a", "f.g h", "{}")), user(result("a", say("A")))},
			strings.Replace(calledA, `"f"`, `"`+llm.ShortName("f.g h", 64)+`"`, 1) + `,` + answeredA, "",
		},
		{
			"a tool that may be called now", nil, nil,
			[]llm.Turn{model(call("a", "f", "{}")), user(result("a", &llm.Native{Dialect: "messages", Type: "tool_reference", Raw: []byte(`{"type":"tool_reference","tool_name":"g"}`)}))},
			calledA + `,{"role":"tool","tool_call_id":"a","content":"Tool g can be called now."}`, "",
		},
		{
			"custom calls", nil, nil,
			[]llm.Turn{model(&llm.ToolCall{ID: "a", Name: "p", Custom: true, Broken: "*** x"}), user(result("a", say("A")))},
			`{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"custom","custom":{"name":"p","input":"*** x"}}]},` + answeredA, "",
		},
		{"reasoning goes back to those who show it", compat, nil, []llm.Turn{model(&llm.Thinking{Text: "hm"}, say("x"))}, `{"role":"assistant","content":"x","reasoning_content":"hm"}`, ""},
		{"also when we sealed it", compat, nil, []llm.Turn{model(&llm.Thinking{Text: "hm", Signature: llm.Seal("unsigned", &llm.Thinking{})}, say("x"))}, `{"role":"assistant","content":"x","reasoning_content":"hm"}`, ""},
		{"text from the seal", compat, nil, []llm.Turn{model(&llm.Thinking{Signature: mine}, say("x"))}, `{"role":"assistant","content":"x","reasoning_content":"hm"}`, ""},
		{"THK-07 signed reasoning is for its issuer", compat, nil, []llm.Turn{model(&llm.Thinking{Text: "hm", Signature: "SIG"}, &llm.Thinking{Redacted: "RED"}, say("x"))}, `{"role":"assistant","content":"x"}`, "messages[0].content: thinking"},
		{"only reasoning is no message", nil, nil, []llm.Turn{user(say("q")), model(&llm.Thinking{Text: "hm", Signature: "SIG"})}, userQ, "messages[1].content: thinking"},
		{"refusals", nil, nil, []llm.Turn{user(say("q")), model(&llm.Refusal{Text: "no"})}, userQ + `,{"role":"assistant","content":null,"refusal":"no"}`, ""},
		{"refusals as text", compat, nil, []llm.Turn{user(say("q")), model(&llm.Refusal{Text: "no"})}, userQ + `,{"role":"assistant","content":"no"}`, ""},
		{"cache marks are named", nil, []llm.Part{&llm.Text{Text: "s", Cache: cached}}, []llm.Turn{user(&llm.Text{Text: "q", Cache: cached})}, `{"role":"system","content":"s"},` + userQ, "cache_control"},
		{
			"CACHE-12 marks for Claude behind a compatible server", claude,
			[]llm.Part{&llm.Text{Text: "s", Cache: cached}},
			[]llm.Turn{user(&llm.Text{Text: "q", Cache: &llm.Cache{}}), model(&llm.Text{Text: "x", Cache: cached}, call("a", "f", "{}")), user(&llm.ToolResult{CallID: "a", Cache: cached, Parts: text1("A")})},
			`{"role":"system","content":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}]},{"role":"user","content":[{"type":"text","text":"q","cache_control":{"type":"ephemeral"}}]},` +
				`{"role":"assistant","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral","ttl":"1h"}}],"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
				`{"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"A","cache_control":{"type":"ephemeral","ttl":"1h"}}]}`, "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := c.target
			if target == nil {
				target = &llm.Target{}
			}
			target.Model = "m"
			req := &llm.Request{System: c.system, Turns: c.turns}
			if strings.HasPrefix(c.name, "CACHE-12") { // content of tool messages as a list
				out, list, err := Dialect{}.EncodeRequest(req, target)
				if err != nil || string(out) != `{"model":"m","messages":[`+c.want+`]}` || len(list) > 0 {
					t.Errorf("got\n%s\n%v %v, want\n%s", out, list, err, c.want)
				}
				return
			}
			body, losses := encode(t, req, target)
			if want := `{"model":"m","messages":[` + c.want + `]}`; body != want {
				t.Errorf("got\n%s\nwant\n%s", body, want)
			}
			if losses != c.losses {
				t.Errorf("losses %q, want %q", losses, c.losses)
			}
		})
	}
}

func TestEncodeMedia(t *testing.T) {
	for _, c := range []struct {
		name         string
		media        llm.Media
		target       llm.Target
		want, losses string
	}{
		{"MED-01 picture by URL", llm.Media{Kind: llm.Image, URL: "https://x.example/a.png", Detail: "high"}, llm.Target{}, `{"type":"image_url","image_url":{"url":"https://x.example/a.png","detail":"high"}}`, ""},
		{"picture by id", llm.Media{Kind: llm.Image, FileID: "file_1"}, llm.Target{}, `{"type":"text","text":"[image left out: chat takes no pictures by file id]"}`, "messages[0].content: image"},
		{"a model without eyes", llm.Media{Kind: llm.Image, Data: "QUI="}, llm.Target{Caps: llm.Caps{NoImages: true}}, `{"type":"text","text":"[image left out: the model takes none]"}`, "messages[0].content: image"},
		{"MED-04 PDF", llm.Media{Kind: llm.Document, MIME: "application/pdf", Data: "QUI=", Name: "a.pdf"}, llm.Target{}, `{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,QUI="}}`, ""},
		{"PDF without a name", llm.Media{Kind: llm.Document, Data: "QUI="}, llm.Target{}, `{"type":"file","file":{"filename":"document.pdf","file_data":"data:application/pdf;base64,QUI="}}`, ""},
		{"our file", llm.Media{Kind: llm.Document, FileID: "file-1"}, llm.Target{}, `{"type":"file","file":{"file_id":"file-1"}}`, ""},
		{"a file elsewhere", llm.Media{Kind: llm.Document, FileID: "file_1"}, llm.Target{}, `{"type":"text","text":"[document left out: the file was uploaded to another provider]"}`, "messages[0].content: document"},
		{"PDF by URL", llm.Media{Kind: llm.Document, URL: "https://x.example/a.pdf"}, llm.Target{}, `{"type":"text","text":"[document left out: chat takes no documents by URL]"}`, "messages[0].content: document"},
		{"a document as text", llm.Media{Kind: llm.Document, Text: "hello", Name: "n"}, llm.Target{}, `{"type":"text","text":"n:\nhello"}`, ""},
		{"what is said about it", llm.Media{Kind: llm.Document, Text: "hello", Context: "a greeting", Cite: true}, llm.Target{}, `{"type":"text","text":"a greeting"},{"type":"text","text":"hello"}`, "messages[0].content: citations"},
		{"no documents", llm.Media{Kind: llm.Document, Data: "QUI="}, llm.Target{Caps: llm.Caps{NoDocuments: true}}, `{"type":"text","text":"[document left out: the model takes none]"}`, "messages[0].content: document"},
		{"sound", llm.Media{Kind: llm.Audio, MIME: "audio/mpeg", Data: "QUI="}, llm.Target{}, `{"type":"input_audio","input_audio":{"data":"QUI=","format":"mp3"}}`, ""},
		{"film", llm.Media{Kind: llm.Video, Data: "QUI="}, llm.Target{}, `{"type":"text","text":"[video left out: OpenAI takes no films in chat]"}`, "messages[0].content: video"},
		{"film where it is taken", llm.Media{Kind: llm.Video, URL: "https://x.example/v"}, llm.Target{Compat: true}, `{"type":"video_url","video_url":{"url":"https://x.example/v"}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, losses := encode(t, &llm.Request{Turns: []llm.Turn{user(&c.media, &llm.Native{Dialect: "chat", Raw: []byte("{}")})}}, &c.target)
			want := `{"model":"","messages":[{"role":"user","content":[` + c.want + `,{}]}]}`
			if body != want || losses != c.losses {
				t.Errorf("got\n%s (%s)\nwant\n%s (%s)", body, losses, want, c.losses)
			}
		})
	}
}

func TestEncodeSettings(t *testing.T) {
	type R = llm.Request
	effort := func(values ...string) llm.Target {
		return llm.Target{Caps: llm.Caps{Thinking: llm.ThinkEffort, Efforts: values}}
	}
	f := []llm.Tool{{Name: "f", Schema: []byte(`{"type":"object"}`)}}
	const toolF = `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]`
	for _, c := range []struct {
		name         string
		req          R
		target       llm.Target
		want, losses string
	}{
		{"PAR-02 nothing is added", R{}, llm.Target{}, ``, ""},
		{"PAR-03 the newer name at OpenAI", R{MaxTokens: new(int64(7))}, llm.Target{}, `"max_completion_tokens":7`, ""},
		{"PAR-03 the older one elsewhere", R{MaxTokens: new(int64(7))}, llm.Target{Compat: true}, `"max_tokens":7`, ""},
		{"PAR-04 more than the model writes", R{MaxTokens: new(int64(64000))}, llm.Target{Caps: llm.Caps{MaxOutput: 16384}}, `"max_completion_tokens":16384`, "max_tokens"},
		{"sampling", R{Temperature: new(0.0), TopP: new(0.5)}, llm.Target{}, `"temperature":0,"top_p":0.5`, ""},
		{"PAR-01 one of both", R{Temperature: new(0.2), TopP: new(0.5)}, llm.Target{Caps: llm.Caps{Sampling: llm.SamplingOne}}, `"temperature":0.2`, "top_p"},
		{"PAR-01 the one there is", R{TopP: new(0.5)}, llm.Target{Caps: llm.Caps{Sampling: llm.SamplingOne}}, `"top_p":0.5`, ""},
		{"none of both", R{Temperature: new(0.2), TopP: new(0.5)}, llm.Target{Caps: llm.Caps{Sampling: llm.SamplingNone}}, ``, "temperature, top_p"},
		{"PAR-05 top_k has no place", R{TopK: new(int64(3))}, llm.Target{Compat: true}, ``, "top_k"},
		{"stop", R{Stop: []string{"a", "b"}}, llm.Target{}, `"stop":["a","b"]`, ""},
		{"PAR-06 five are too many", R{Stop: []string{"a", "b", "c", "d", "e"}}, llm.Target{}, `"stop":["a","b","c","d"]`, "stop"},
		{"no stop taken", R{Stop: []string{"a"}}, llm.Target{Caps: llm.Caps{NoStop: true}}, ``, "stop"},
		{"STR-14 usage is always asked for", R{}, llm.Target{Stream: true}, `"stream":true,"stream_options":{"include_usage":true}`, ""},
		{"TOOL-01 any", R{Tools: f, Choice: llm.Choice{Mode: llm.ChoiceAny}}, llm.Target{}, toolF + `,"tool_choice":"required"`, ""},
		{"none", R{Tools: f, Choice: llm.Choice{Mode: llm.ChoiceNone}}, llm.Target{}, toolF + `,"tool_choice":"none"`, ""},
		{"auto", R{Tools: f, Choice: llm.Choice{Mode: llm.ChoiceAuto}}, llm.Target{}, toolF + `,"tool_choice":"auto"`, ""},
		{"this one", R{Tools: f, Choice: llm.Choice{Mode: llm.ChoiceTool, Name: "f"}}, llm.Target{}, toolF + `,"tool_choice":{"type":"function","function":{"name":"f"}}`, ""},
		{"TOOL-06 one call at a time", R{Tools: f, Parallel: new(false)}, llm.Target{}, toolF + `,"parallel_tool_calls":false`, ""},
		{"a choice without tools", R{Choice: llm.Choice{Mode: llm.ChoiceAny}, Parallel: new(true)}, llm.Target{}, ``, "tool_choice"},
		{"no tools taken", R{Tools: f}, llm.Target{Caps: llm.Caps{NoTools: true}}, ``, "tools"},
		{
			"TOOL-12 a schema without type",
			R{Tools: []llm.Tool{{Name: "f", Schema: []byte(` {"properties":{"type":{}}}`)}}},
			llm.Target{},
			`"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"type":{}}}}}]`, "",
		},
		{
			"TOOL-12 no schema",
			R{Tools: []llm.Tool{{Name: "f"}, {Name: "g", Schema: []byte(`{ }`)}}},
			llm.Target{},
			`"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}},{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}]`, "",
		},
		{
			"CACHE-11 a schema goes on byte for byte",
			R{Tools: []llm.Tool{{Name: "f", Description: "é<\u2028", Schema: []byte(`{"type":"object", "b":1.0,"a":"\u00e9","c":1e3}`)}}},
			llm.Target{},
			`"tools":[{"type":"function","function":{"name":"f","description":"é<` + "\u2028" + `","parameters":{"type":"object", "b":1.0,"a":"\u00e9","c":1e3}}}]`, "",
		},
		{
			"TOOL-08 long names",
			R{Tools: []llm.Tool{{Name: strings.Repeat("n", 65), Schema: []byte(`{"type":"object"}`)}}, Choice: llm.Choice{Mode: llm.ChoiceTool, Name: strings.Repeat("n", 65)}},
			llm.Target{},
			strings.ReplaceAll(toolF+`,"tool_choice":{"type":"function","function":{"name":"f"}}`, `"f"`, `"`+llm.ShortName(strings.Repeat("n", 65), 64)+`"`), "",
		},
		{"TOOL-15 strict", R{Tools: []llm.Tool{{Name: "f", Strict: new(true), Schema: []byte(`{"type":"object"}`)}}}, llm.Target{}, strings.Replace(toolF, `"object"}`, `"object"},"strict":true`, 1), ""},
		{"strict elsewhere", R{Tools: []llm.Tool{{Name: "f", Strict: new(true), Schema: []byte(`{"type":"object"}`)}}}, llm.Target{Compat: true}, toolF, "tools.strict"},
		{"TOOL-21 tools of other APIs", R{Tools: append([]llm.Tool{{Name: "web_search", Native: &llm.Native{Dialect: "messages", Type: "web_search_20250305"}}}, f...)}, llm.Target{}, toolF, "tools[0]"},
		{
			"tools of our own",
			R{Tools: []llm.Tool{{Name: "p", Native: &llm.Native{Dialect: "chat", Type: "custom", Raw: []byte(`{"type":"custom"}`)}}}, Choice: llm.Choice{Mode: llm.ChoiceTool, Name: "p"}},
			llm.Target{},
			`"tools":[{"type":"custom"}],"tool_choice":{"type":"custom","custom":{"name":"p"}}`, "",
		},
		{"members of tools", R{Tools: []llm.Tool{{Name: "f", Schema: []byte(`{"type":"object"}`), Extra: []llm.Extra{{Dialect: "messages", Name: "defer_loading", Raw: []byte("true")}}}}}, llm.Target{}, toolF, "tools.defer_loading"},
		{"JSON", R{Format: &llm.Format{}}, llm.Target{}, `"response_format":{"type":"json_object"}`, ""},
		{"a schema", R{Format: &llm.Format{Schema: []byte(`{"type":"object"}`), Strict: new(true)}}, llm.Target{}, `"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object"},"strict":true}}`, ""},
		{"THK-15 effort as said", R{Thinking: llm.Thought{Mode: llm.ThinkingEffort, Effort: "minimal"}}, llm.Target{}, `"reasoning_effort":"minimal"`, ""},
		{"THK-15 effort that the model has", R{Thinking: llm.Thought{Mode: llm.ThinkingEffort, Effort: "high"}}, effort("low", "high"), `"reasoning_effort":"high"`, ""},
		{"THK-15 xhigh", R{Thinking: llm.Thought{Mode: llm.ThinkingEffort, Effort: "xhigh"}}, effort("low", "medium", "high", "max"), `"reasoning_effort":"max"`, "reasoning_effort"},
		{"THK-15 max", R{Thinking: llm.Thought{Mode: llm.ThinkingEffort, Effort: "max"}}, effort("low", "medium", "high"), `"reasoning_effort":"high"`, "reasoning_effort"},
		{"THK-15 minimal", R{Thinking: llm.Thought{Mode: llm.ThinkingEffort, Effort: "minimal"}}, effort("low", "medium", "high"), `"reasoning_effort":"low"`, "reasoning_effort"},
		{"a small budget", R{Thinking: llm.Thought{Mode: llm.ThinkingBudget, Budget: 2048}}, effort(), `"reasoning_effort":"low"`, ""},
		{"a middling budget", R{Thinking: llm.Thought{Mode: llm.ThinkingBudget, Budget: 8000}}, effort(), `"reasoning_effort":"medium"`, ""},
		{"a large budget", R{Thinking: llm.Thought{Mode: llm.ThinkingBudget, Budget: 31999}}, effort(), `"reasoning_effort":"high"`, ""},
		{"adaptive is the model's default", R{Thinking: llm.Thought{Mode: llm.ThinkingAdaptive}}, effort(), ``, ""},
		{"adaptive with an effort", R{Thinking: llm.Thought{Mode: llm.ThinkingAdaptive, Effort: "high"}}, effort(), `"reasoning_effort":"high"`, ""},
		{"THK-14 off stays off", R{Thinking: llm.Thought{Mode: llm.ThinkingOff}}, effort("none", "low"), `"reasoning_effort":"none"`, ""},
		{"THK-14 as far off as can be", R{Thinking: llm.Thought{Mode: llm.ThinkingOff}}, effort("minimal", "low"), `"reasoning_effort":"minimal"`, "reasoning_effort"},
		{"THK-14 no way to say it", R{Thinking: llm.Thought{Mode: llm.ThinkingOff}}, effort(), ``, "thinking"},
		{"a model that cannot reason", R{Thinking: llm.Thought{Mode: llm.ThinkingBudget, Budget: 8000}}, llm.Target{Caps: llm.Caps{Thinking: llm.ThinkNone}}, ``, "thinking"},
		{"and need not be told", R{Thinking: llm.Thought{Mode: llm.ThinkingOff}}, llm.Target{Caps: llm.Caps{Thinking: llm.ThinkNone}}, ``, ""},
		{"a model nothing is known of", R{Thinking: llm.Thought{Mode: llm.ThinkingAdaptive, Effort: "high"}}, llm.Target{}, ``, "thinking"},
		{"Claude at a compatible server, asked in chat's words", R{Thinking: llm.Thought{Mode: llm.ThinkingEffort, Effort: "high"}}, llm.Target{Compat: true, Caps: llm.Caps{Thinking: llm.ThinkBudget}}, `"reasoning_effort":"high"`, ""},
		{"off at a model nothing is known of", R{Thinking: llm.Thought{Mode: llm.ThinkingOff}}, llm.Target{}, ``, "thinking"},
		{"a choice that is not taken", R{Tools: f, Choice: llm.Choice{Mode: llm.ChoiceAny}}, llm.Target{Caps: llm.Caps{NoToolChoice: true}}, toolF, "tool_choice"},
		{"allowed tools", R{Tools: f, Choice: llm.Choice{Mode: llm.ChoiceAuto}, Extra: []llm.Extra{{Dialect: "chat", Name: "tool_choice", Raw: []byte(`{"type":"allowed_tools"}`)}}}, llm.Target{}, toolF + `,"tool_choice":{"type":"allowed_tools"}`, ""},
		{"the user", R{User: "u"}, llm.Target{}, `"user":"u"`, ""},
		{"a long user", R{User: strings.Repeat("u", 65)}, llm.Target{}, `"user":"f20e249d15fa4b9f44ba21d154f62e1e"`, ""},
		{"tiers", R{Tier: "flex"}, llm.Target{}, `"service_tier":"flex"`, ""},
		{"Anthropic's tier", R{Tier: "standard_only"}, llm.Target{}, `"service_tier":"default"`, ""},
		{"unknown tiers", R{Tier: "gold"}, llm.Target{}, ``, "service_tier"},
		{"HDR-01 beta flags have no place", R{Betas: []string{"a", "b"}}, llm.Target{}, ``, "anthropic-beta"},
		{"members of our own", R{Extra: []llm.Extra{{Dialect: "chat", Name: "seed", Raw: []byte("1")}}}, llm.Target{}, `"seed":1`, ""},
		{"what no model sees is no loss", R{Extra: []llm.Extra{{Dialect: "responses", Name: "client_metadata", Raw: []byte("{}"), Bookkeeping: true}}}, llm.Target{}, ``, ""},
		{"members of other APIs", R{Extra: []llm.Extra{{Dialect: "messages", Name: "container", Raw: []byte("1")}}}, llm.Target{}, ``, "container"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.req.Turns = []llm.Turn{user(say("q"))}
			c.target.Model = "m"
			body, losses := encode(t, &c.req, &c.target)
			want := strings.TrimSuffix(`{"model":"m","messages":[`+userQ+`],`+c.want, ",") + "}"
			if body != want || losses != c.losses {
				t.Errorf("got\n%s (%s)\nwant\n%s (%s)", body, losses, want, c.losses)
			}
		})
	}
}

func TestEncodeNothing(t *testing.T) {
	_, _, err := Dialect{}.EncodeRequest(&llm.Request{Turns: []llm.Turn{model(&llm.Thinking{Text: "hm"})}}, &llm.Target{})
	if err == nil || !strings.Contains(err.Error(), "messages") {
		t.Errorf("error %v", err)
	}
}

// CACHE-12: marks on what is no text, and marks without anything to stand on.
func TestEncodeMarks(t *testing.T) {
	target := &llm.Target{Model: "m", Compat: true, Caps: llm.Caps{Family: "claude"}}
	mark := &llm.Cache{TTL: "1h"}
	req := &llm.Request{
		Turns: []llm.Turn{
			user(&llm.Media{Kind: llm.Image, URL: "https://x.example", Cache: mark}, &llm.Media{Kind: llm.Document, Data: "QUI=", Cache: mark}, &llm.Media{Kind: llm.Audio, Data: "QUI=", Cache: mark}, &llm.Media{Kind: llm.Video, URL: "u", Cache: mark}),
			system(&llm.Text{Text: "now", Cache: mark}),
			model(&llm.ToolCall{ID: "a", Name: "f", Cache: mark}),
			user(&llm.ToolResult{CallID: "a", Cache: mark}),
		},
		Tools: []llm.Tool{{Name: "f", Cache: mark}},
	}
	out, losses, err := Dialect{}.EncodeRequest(req, target)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(out), `"cache_control":{"type":"ephemeral","ttl":"1h"}`); n != 6 {
		t.Errorf("%d marks in %s", n, out)
	}
	if len(losses) != 1 || losses[0].Path != "cache_control" || losses[0].Count != 2 {
		t.Errorf("losses %+v", losses)
	}
}

// The same request makes the same bytes: caches upstream live on that.
func TestEncodeIsStable(t *testing.T) {
	req := &llm.Request{Turns: []llm.Turn{user(say("q")), model(call("a", "f", `{"b":1,"a":2}`)), user(result("a", say("A")))}, Tools: []llm.Tool{{Name: "f"}, {Name: "a b"}}}
	first, _ := encode(t, req, &llm.Target{})
	for range 20 {
		if again, _ := encode(t, req, &llm.Target{}); again != first {
			t.Fatalf("%s\nand then\n%s", first, again)
		}
	}
}
