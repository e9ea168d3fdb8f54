package responses

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

// encode makes a body and returns it without the members that every body has.
func encode(t *testing.T, req *llm.Request, target llm.Target) (string, string) {
	t.Helper()
	if target.Model == "" {
		target.Model = "m"
	}
	body, losses, err := Dialect{}.EncodeRequest(req, &target)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(body) || bytes.ContainsAny(body, "\n\r") {
		t.Fatalf("body %s", body)
	}
	obeysOrder(t, body)
	got := strings.TrimPrefix(string(body), `{"model":"m","input":`)
	return strings.Replace(strings.TrimSuffix(got, "}"), `,"store":false`, "", 1), llmtest.DumpLosses(losses)
}

func user(parts ...llm.Part) llm.Turn      { return llm.Turn{Role: llm.User, Parts: parts} }
func assistant(parts ...llm.Part) llm.Turn { return llm.Turn{Role: llm.Assistant, Parts: parts} }
func say(s string) *llm.Text               { return &llm.Text{Text: s} }

const hi = `[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}]`

func TestEncodeConversation(t *testing.T) {
	cached := &llm.Cache{}
	call := &llm.ToolCall{ID: "c1", Name: "f", Input: []byte(`{"a":1}`)}
	callItem := `{"type":"function_call","call_id":"c1","name":"f","arguments":"{\"a\":1}"}`
	mine := &llm.Thinking{Text: "t", Signature: sealed("t", "gAAA")}
	reasoning := `{"type":"reasoning","summary":[{"type":"summary_text","text":"t"}],"encrypted_content":"gAAA"}`
	result := func(parts ...llm.Part) *llm.ToolResult { return &llm.ToolResult{CallID: "c1", Parts: parts} }
	msg := func(role, kind, text string) string {
		return `{"type":"message","role":"` + role + `","content":[{"type":"` + kind + `","text":` + quoted(text) + `}]}`
	}
	for _, c := range []struct {
		name   string
		system []llm.Part
		turns  []llm.Turn
		target llm.Target
		want   string
		losses string
	}{
		{
			"instructions",
			[]llm.Part{say("a"), say(""), say("x-anthropic-billing-header: cc"), say("b")},
			[]llm.Turn{user(say("hi"))},
			llm.Target{},
			hi + `,"instructions":"a\n\nb"`, "",
		},
		{
			"CACHE-09 a system prompt with cache marks stays in the prefix, in its pieces",
			[]llm.Part{say("a"), &llm.Text{Text: "b", Cache: cached}},
			[]llm.Turn{user(say("hi"))},
			llm.Target{},
			`[{"type":"message","role":"developer","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]},` + hi[1:], "cache_control",
		},
		{"system alone", []llm.Part{say("a")}, nil, llm.Target{}, "[" + msg("developer", "input_text", "a") + "]", ""},
		{"a system prompt for a model that takes none", []llm.Part{say("a")}, []llm.Turn{user(say("hi"))}, llm.Target{Caps: llm.Caps{NoSystem: true}}, "[" + msg("user", "input_text", "a") + "," + hi[1:], "system"},
		{
			"MSG-06 a system turn stays in its place", nil,
			[]llm.Turn{user(say("hi")), {Role: llm.System, Parts: []llm.Part{say("s")}}},
			llm.Target{},
			hi[:len(hi)-1] + "," + msg("developer", "input_text", "s") + "]", "",
		},
		{
			"the same on a compatible server", nil,
			[]llm.Turn{user(say("hi")), {Role: llm.System, Parts: []llm.Part{say("s"), &llm.Media{Kind: llm.Image}}}},
			llm.Target{Compat: true},
			hi[:len(hi)-1] + "," + msg("system", "input_text", "s") + "]", "messages[1].content: part",
		},
		{
			"MSG-16 order of parts", nil,
			[]llm.Turn{user(say("a"), &llm.Media{Kind: llm.Image, MIME: "image/png", Data: "QUI="}, say("b"))},
			llm.Target{},
			`[{"type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"data:image/png;base64,QUI=","detail":"auto"},{"type":"input_text","text":"b"}]}]`, "",
		},
		{
			"MSG-04 results, then what the user says", nil,
			[]llm.Turn{user(say("hi")), assistant(call), user(result(say("r")), say("and"))},
			llm.Target{},
			hi[:len(hi)-1] + "," + callItem + `,{"type":"function_call_output","call_id":"c1","output":"r"},` + msg("user", "input_text", "and") + "]", "",
		},
		{
			"MSG-13 a call without a result is closed", nil,
			[]llm.Turn{user(say("hi")), assistant(call)},
			llm.Target{},
			hi[:len(hi)-1] + "," + callItem + `,{"type":"function_call_output","call_id":"c1","output":"[tool error] There is no result: the call was never answered."}]`, "messages[1].tool_calls",
		},
		{"a result without a call", nil, []llm.Turn{user(result(say("r")))}, llm.Target{}, "[" + msg("user", "input_text", "r") + "]", "messages[0].content: tool result"},
		{
			"MSG-14 an answer that was begun", nil,
			[]llm.Turn{user(say("hi")), assistant(say("I"))},
			llm.Target{},
			hi[:len(hi)-1] + "," + msg("assistant", "output_text", "I") + "," + msg("user", "input_text", "Continue.") + "]", "messages",
		},
		{
			"MSG-10 MSG-15 order of an answer, empty text left out", nil,
			[]llm.Turn{user(say("hi")), assistant(call, say(""), say("b"), &llm.Refusal{Text: "no"}), user(result())},
			llm.Target{},
			hi[:len(hi)-1] + "," + callItem + `,{"type":"message","role":"assistant","content":[{"type":"output_text","text":"b"},{"type":"refusal","refusal":"no"}]},{"type":"function_call_output","call_id":"c1","output":""}]`, "",
		},
		{
			"THK-04 reasoning stands right before what it led to", nil,
			[]llm.Turn{user(say("hi")), assistant(mine, say("a"), mine, call), user(result(say("r")))},
			llm.Target{},
			hi[:len(hi)-1] + "," + reasoning + "," + msg("assistant", "output_text", "a") + "," + reasoning + "," + callItem + `,{"type":"function_call_output","call_id":"c1","output":"r"}],"include":["reasoning.encrypted_content"]`, "",
		},
		{
			"RSP-03 encrypted reasoning without a summary", nil,
			[]llm.Turn{user(say("hi")), assistant(&llm.Thinking{Signature: sealed("", "gAAA")}, say("a")), user(say("b"))},
			llm.Target{},
			hi[:len(hi)-1] + `,{"type":"reasoning","summary":[],"encrypted_content":"gAAA"},` + msg("assistant", "output_text", "a") + "," + msg("user", "input_text", "b") + `],"include":["reasoning.encrypted_content"]`, "",
		},
		{
			"THK-17 reasoning that led to nothing", nil,
			[]llm.Turn{user(say("hi")), assistant(say("a"), mine), user(say("b"))},
			llm.Target{Caps: llm.Caps{Thinking: llm.ThinkNone}},
			hi[:len(hi)-1] + "," + msg("assistant", "output_text", "a") + "," + msg("user", "input_text", "b") + "]", "messages[1].content: thinking",
		},
		{
			"THK-07 another issuer's reasoning", nil,
			[]llm.Turn{user(say("hi")), assistant(&llm.Thinking{Text: "t", Signature: "S"}, &llm.Thinking{Redacted: "R"}, &llm.Thinking{Text: "u"}, say("a")), user(say("b"))},
			llm.Target{},
			hi[:len(hi)-1] + "," + msg("assistant", "output_text", "a") + "," + msg("user", "input_text", "b") + "]", "messages[1].content: thinking, messages[1].content: thinking",
		},
		{
			"THK-18 open reasoning goes back to servers that show it", nil,
			[]llm.Turn{user(say("hi")), assistant(&llm.Thinking{Text: "u", Signature: llm.Seal(unsigned, &llm.Thinking{})}, say("a")), user(say("b"))},
			llm.Target{Compat: true},
			hi[:len(hi)-1] + `,{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"u"}]},` + msg("assistant", "output_text", "a") + "," + msg("user", "input_text", "b") + "]", "",
		},
		{
			"TOOL-16 a picture and a file in a result", nil,
			[]llm.Turn{user(say("hi")), assistant(call), user(result(say("r"), &llm.Media{Kind: llm.Image, URL: "https://x"}, &llm.Media{Kind: llm.Document, Data: "JVBE"}))},
			llm.Target{},
			hi[:len(hi)-1] + "," + callItem + `,{"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"r"},{"type":"input_image","image_url":"https://x","detail":"auto"},{"type":"input_file","filename":"document.pdf","file_data":"data:application/pdf;base64,JVBE"}]}]`, "",
		},
		{
			"TOOL-17 a failed call", nil,
			[]llm.Turn{user(say("hi")), assistant(call), user(&llm.ToolResult{CallID: "c1", Error: true, Parts: []llm.Part{say("no")}})},
			llm.Target{},
			hi[:len(hi)-1] + "," + callItem + `,{"type":"function_call_output","call_id":"c1","output":"[tool error] no"}]`, "messages[2].content: tool result",
		},
		{
			"TOOL-18 arguments that were cut", nil,
			[]llm.Turn{user(say("hi")), assistant(&llm.ToolCall{ID: "c1", Name: "f", Broken: `{"a`}), user(result(say("r")))},
			llm.Target{},
			hi[:len(hi)-1] + `,{"type":"function_call","call_id":"c1","name":"f","arguments":"{\"a"},{"type":"function_call_output","call_id":"c1","output":"r"}]`, "",
		},
		{
			"media that cannot be sent", nil,
			[]llm.Turn{user(&llm.Media{Kind: llm.Video, Data: "x"}, &llm.Media{Kind: llm.Image, FileID: "other"}, &llm.Media{Kind: llm.Document, FileID: "other"}, &llm.Media{Kind: llm.Audio, URL: "x"})},
			llm.Target{},
			`[{"type":"message","role":"user","content":[{"type":"input_text","text":"[video left out: responses has no such part]"},{"type":"input_text","text":"[image left out: the file was uploaded to another provider]"},{"type":"input_text","text":"[document left out: the file was uploaded to another provider]"},{"type":"input_text","text":"[audio left out: responses takes sound as data only]"}]}]`,
			"messages[0].content: video, messages[0].content: image, messages[0].content: document, messages[0].content: audio",
		},
		{
			"documents", nil,
			[]llm.Turn{user(&llm.Media{Kind: llm.Document, Text: "t", Name: "n", Context: "c", Cite: true}, &llm.Media{Kind: llm.Document, URL: "https://d"}, &llm.Media{Kind: llm.Document, FileID: "file-1"}, &llm.Media{Kind: llm.Image, FileID: "file-2", Detail: "low"}, &llm.Media{Kind: llm.Audio, MIME: "audio/mpeg", Data: "QQ=="})},
			llm.Target{},
			`[{"type":"message","role":"user","content":[{"type":"input_text","text":"c"},{"type":"input_text","text":"n:\nt"},{"type":"input_file","file_url":"https://d"},{"type":"input_file","file_id":"file-1"},{"type":"input_image","file_id":"file-2","detail":"low"},{"type":"input_audio","input_audio":{"data":"QQ==","format":"mp3"}}]}]`, "messages[0].content: citations",
		},
		{
			"RSP-05 native items and parts stand where they stood", nil,
			[]llm.Turn{
				user(&llm.Native{Dialect: Name, Type: "input_x", Raw: []byte(`{"type":"input_x"}`)}, &llm.Native{Dialect: Name, Type: "mcp_approval_response", Raw: []byte(`{"type":"mcp_approval_response"}`)}, say("hi")),
				assistant(&llm.Native{Dialect: Name, Type: "web_search_call", Raw: []byte("{\"type\":\n\"web_search_call\"}")}, say("a")), user(say("b")),
			},
			llm.Target{},
			`[{"type":"message","role":"user","content":[{"type":"input_x"}]},{"type":"mcp_approval_response"},` + hi[1:len(hi)-1] + `,{"type": "web_search_call"},` + msg("assistant", "output_text", "a") + "," + msg("user", "input_text", "b") + "]", "",
		},
		{
			"native parts of others", nil,
			[]llm.Turn{user(say("hi"), &llm.Native{Dialect: "messages", Type: "search_result"}, &llm.Native{Dialect: "messages", Type: "tool_reference", Raw: []byte(`{"tool_name":"f"}`)}), assistant(say("a"), &llm.Native{Dialect: "messages", Type: "server_tool_use"}), user(say("b"))},
			llm.Target{},
			`[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"},{"type":"input_text","text":"Tool f can be called now."}]},` + msg("assistant", "output_text", "a") + "," + msg("user", "input_text", "b") + "]",
			"messages[0].content: part, messages[1].content: part",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, losses := encode(t, &llm.Request{System: c.system, Turns: c.turns}, c.target)
			if got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if losses != c.losses {
				t.Errorf("losses %q, want %q", losses, c.losses)
			}
		})
	}
}

func TestEncodeSettings(t *testing.T) {
	type R = llm.Request
	gpt := llm.Target{Caps: llm.Caps{Thinking: llm.ThinkEffort, Efforts: []string{"low", "medium", "high"}, Sampling: llm.SamplingNone, MaxOutput: 100}}
	off := llm.Target{Caps: llm.Caps{Thinking: llm.ThinkEffort, Efforts: []string{"none", "low", "high"}, Sampling: llm.SamplingNone}}
	plain := llm.Target{Caps: llm.Caps{Thinking: llm.ThinkNone}}
	effort := func(e string) llm.Thought { return llm.Thought{Mode: llm.ThinkingEffort, Effort: e} }
	extra := func(dialect, name, raw string) llm.Extra {
		return llm.Extra{Dialect: dialect, Name: name, Raw: []byte(raw)}
	}
	const include = `,"include":["reasoning.encrypted_content"]`
	for _, c := range []struct {
		name         string
		req          R
		target       llm.Target
		want, losses string
	}{
		{"PAR-02 nothing is invented", R{}, llm.Target{}, "", ""},
		{"stream", R{}, llm.Target{Stream: true}, `,"stream":true`, ""},
		{"sampling", R{Temperature: new(0.5), TopP: new(1.0), MaxTokens: new(int64(50))}, llm.Target{}, `,"max_output_tokens":50,"temperature":0.5,"top_p":1`, ""},
		{"the least and the most", R{MaxTokens: new(int64(5))}, llm.Target{}, `,"max_output_tokens":16`, "max_tokens"},
		{"the most", R{MaxTokens: new(int64(500))}, gpt, `,"max_output_tokens":100` + include, "max_tokens"},
		{"no sampling", R{Temperature: new(0.5), TopP: new(1.0)}, gpt, include, "temperature"},
		{"sampling where reasoning can be off", R{Temperature: new(0.5)}, off, `,"temperature":0.5` + include, ""},
		{"sampling beside reasoning", R{Temperature: new(0.5), Thinking: effort("high")}, off, `,"reasoning":{"effort":"high","summary":"auto"}` + include, "temperature"},
		{"one of them", R{Temperature: new(0.5), TopP: new(0.5)}, llm.Target{Caps: llm.Caps{Sampling: llm.SamplingOne}}, `,"temperature":0.5`, "top_p"},
		{"what the API has not", R{Stop: []string{"x"}, TopK: new(int64(1)), Betas: []string{"b"}}, llm.Target{}, "", "stop, top_k, anthropic-beta"},
		{"effort", R{Thinking: effort("medium")}, llm.Target{}, `,"reasoning":{"effort":"medium","summary":"auto"}` + include, ""},
		{"THK-15 the nearest effort", R{Thinking: effort("xhigh")}, gpt, `,"reasoning":{"effort":"high","summary":"auto"}` + include, "reasoning.effort"},
		{"a budget", R{Thinking: llm.Thought{Mode: llm.ThinkingBudget, Budget: 10000}}, gpt, `,"reasoning":{"effort":"medium","summary":"auto"}` + include, ""},
		{"a budget for a model nothing is known of", R{Thinking: llm.Thought{Mode: llm.ThinkingBudget, Budget: 10000}}, llm.Target{}, `,"reasoning":{"summary":"auto"}` + include, "thinking"},
		{"adaptive", R{Thinking: llm.Thought{Mode: llm.ThinkingAdaptive}}, gpt, `,"reasoning":{"summary":"auto"}` + include, ""},
		{"no text of it", R{Thinking: llm.Thought{Mode: llm.ThinkingAdaptive, Effort: "low", Display: "omitted"}}, gpt, `,"reasoning":{"effort":"low"}` + include, ""},
		{"THK-14 off stays off", R{Thinking: llm.Thought{Mode: llm.ThinkingOff}}, off, `,"reasoning":{"effort":"none"}` + include, ""},
		{"off where it cannot be", R{Thinking: llm.Thought{Mode: llm.ThinkingOff}}, gpt, `,"reasoning":{"effort":"low"}` + include, "reasoning.effort"},
		{"off where nothing is known", R{Thinking: llm.Thought{Mode: llm.ThinkingOff}}, llm.Target{}, "", "thinking"},
		{"off where there is none", R{Thinking: llm.Thought{Mode: llm.ThinkingOff}}, plain, "", ""},
		{"wished where there is none", R{Thinking: effort("low")}, plain, "", "thinking"},
		{"a summary only", R{Thinking: llm.Thought{Display: "summarized"}}, llm.Target{}, `,"reasoning":{"summary":"auto"}`, ""},
		{"a long summary", R{Thinking: llm.Thought{Display: "summarized"}, Extra: []llm.Extra{extra(Name, "reasoning.summary", `"detailed"`)}}, llm.Target{}, `,"reasoning":{"summary":"detailed"}`, ""},
		{
			"format",
			R{Format: &llm.Format{Schema: []byte(`{"type":"object"}`), Name: "a b", Strict: new(true), Description: "d"}, Extra: []llm.Extra{extra("chat", "verbosity", `"low"`)}},
			llm.Target{},
			`,"text":{"format":{"type":"json_schema","name":"a_b_c8687a08","description":"d","schema":{"type":"object"},"strict":true},"verbosity":"low"}`, "",
		},
		{"any object", R{Format: &llm.Format{}, Extra: []llm.Extra{extra(Name, "text.verbosity", `"high"`)}}, llm.Target{}, `,"text":{"format":{"type":"json_object"},"verbosity":"high"}`, ""},
		{"who asks", R{User: "u", Tier: "standard_only"}, llm.Target{}, `,"user":"u","service_tier":"default"`, ""},
		{"long names", R{User: strings.Repeat("u", 65), Tier: "batch"}, llm.Target{}, `,"user":"f20e249d15fa4b9f44ba21d154f62e1e"`, "service_tier"},
		{"what no model sees is no loss", R{Extra: []llm.Extra{{Dialect: "messages", Name: "diagnostics", Raw: []byte("{}"), Bookkeeping: true}}}, llm.Target{}, ``, ""},
		{"what the gateway keeps, the upstream does not", R{Extra: []llm.Extra{extra(Name, "store", "true")}}, llm.Target{Keeps: true}, ``, ""},
		{"what chat has too", R{Extra: []llm.Extra{extra("chat", "prompt_cache_key", `"k"`), extra("chat", "seed", "1"), extra("messages", "container", `"c"`)}}, llm.Target{}, `,"prompt_cache_key":"k"`, "seed, container"},
		{"its own", R{Extra: []llm.Extra{extra(Name, "truncation", `"auto"`), extra(Name, "include", `["a","reasoning.encrypted_content"]`)}}, llm.Target{}, `,"truncation":"auto","include":["a","reasoning.encrypted_content"]`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.req.Turns = []llm.Turn{user(say("hi"))}
			got, losses := encode(t, &c.req, c.target)
			if got != hi+c.want {
				t.Errorf("got\n%s\nwant\n%s", strings.TrimPrefix(got, hi), c.want)
			}
			if losses != c.losses {
				t.Errorf("losses %q, want %q", losses, c.losses)
			}
		})
	}
	if got, _, err := (Dialect{}).EncodeRequest(&R{Turns: []llm.Turn{user(say("hi"))}, Extra: []llm.Extra{extra(Name, "store", "true")}}, &llm.Target{}); err != nil || !bytes.Contains(got, []byte(`"store":true`)) {
		t.Errorf("kept where the client wants it: %s", got)
	}
}

func TestEncodeTools(t *testing.T) {
	f := llm.Tool{Name: "f", Description: "d", Schema: []byte(`{"properties":{}}`)}
	const fItem = `{"type":"function","name":"f","description":"d","parameters":{"type":"object","properties":{}},"strict":false}`
	long := strings.Repeat("n", 70)
	short := llm.ShortName(long, nameLimit)
	group := []byte(`{"type":"namespace","name":"ns","tools":[1]}`)
	home := func(name string, custom bool, raw []byte) *llm.Home {
		h := &llm.Home{Dialect: Name, Name: name, Custom: custom, Raw: raw}
		if bytes.Equal(raw, group) {
			h.Group = "ns"
		}
		return h
	}
	custom := []byte(`{"type":"custom","name":"patch"}`)
	for _, c := range []struct {
		name         string
		tools        []llm.Tool
		choice       llm.Choice
		parallel     *bool
		caps         llm.Caps
		want, losses string
	}{
		{"TOOL-07 flat, not strict unless asked", []llm.Tool{f}, llm.Choice{}, nil, llm.Caps{}, `,"tools":[` + fItem + `]`, ""},
		{"TOOL-07 modes are words", []llm.Tool{f}, llm.Choice{Mode: llm.ChoiceAny}, new(false), llm.Caps{}, `,"tools":[` + fItem + `],"tool_choice":"required","parallel_tool_calls":false`, ""},
		{"TOOL-07 auto", []llm.Tool{f}, llm.Choice{Mode: llm.ChoiceAuto}, nil, llm.Caps{}, `,"tools":[` + fItem + `],"tool_choice":"auto"`, ""},
		{"TOOL-07 none", []llm.Tool{f}, llm.Choice{Mode: llm.ChoiceNone}, nil, llm.Caps{}, `,"tools":[` + fItem + `],"tool_choice":"none"`, ""},
		{"TOOL-07 a forced one is named flat", []llm.Tool{f}, llm.Choice{Mode: llm.ChoiceTool, Name: "f"}, nil, llm.Caps{}, `,"tools":[` + fItem + `],"tool_choice":{"type":"function","name":"f"}`, ""},
		{
			"TOOL-08 long names",
			[]llm.Tool{{Name: long, Strict: new(true), Schema: []byte(`{}`)}},
			llm.Choice{Mode: llm.ChoiceTool, Name: long},
			nil,
			llm.Caps{},
			`,"tools":[{"type":"function","name":"` + short + `","parameters":{"type":"object","properties":{}},"strict":true}],"tool_choice":{"type":"function","name":"` + short + `"}`, "",
		},
		{"settings without tools", nil, llm.Choice{Mode: llm.ChoiceAny}, new(true), llm.Caps{}, "", "tool_choice"},
		{"no tools", []llm.Tool{f}, llm.Choice{}, nil, llm.Caps{NoTools: true}, "", "tools"},
		{"no choice", []llm.Tool{f}, llm.Choice{Mode: llm.ChoiceAny}, nil, llm.Caps{NoToolChoice: true}, `,"tools":[` + fItem + `]`, "tool_choice"},
		{"TOOL-21 others' tools", []llm.Tool{{Name: "w", Native: &llm.Native{Dialect: "messages", Type: "web_search_20250305"}}, f}, llm.Choice{}, nil, llm.Caps{}, `,"tools":[` + fItem + `]`, "tools[0]"},
		{
			"RSP-05 tools that OpenAI runs, free text, groups",
			[]llm.Tool{{Name: "w", Native: &llm.Native{Dialect: Name, Type: "web_search", Raw: []byte(`{"type":"web_search"}`)}}, {Name: "patch", Home: home("patch", true, custom)}, {Name: "ns__a", Home: home("a", false, group)}, {Name: "ns__b", Home: home("b", true, group)}},
			llm.Choice{Mode: llm.ChoiceTool, Name: "ns__b"},
			nil,
			llm.Caps{},
			`,"tools":[{"type":"web_search"},` + string(custom) + `,` + string(group) + `],"tool_choice":{"type":"custom","name":"b"}`, "",
		},
		{
			"a custom tool of chat's",
			[]llm.Tool{{Name: "p", Native: &llm.Native{Dialect: "chat", Type: "custom", Raw: []byte(`{"type":"custom","custom":{"name":"p","description":"d","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"x"}}}}`)}}},
			llm.Choice{Mode: llm.ChoiceTool, Name: "p"},
			nil,
			llm.Caps{},
			`,"tools":[{"type":"custom","name":"p","description":"d","format":{"type":"grammar","syntax":"lark","definition":"x"}}],"tool_choice":{"type":"custom","name":"p"}`, "",
		},
		{
			"extras",
			[]llm.Tool{{Name: "f", Cache: &llm.Cache{}, Extra: []llm.Extra{{Dialect: Name, Name: "defer_loading", Raw: []byte("true")}, {Dialect: "messages", Name: "eager", Raw: []byte("true")}}}},
			llm.Choice{},
			nil,
			llm.Caps{},
			`,"tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{}},"strict":false,"defer_loading":true}]`, "tools.eager, cache_control",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := &llm.Request{Turns: []llm.Turn{user(say("hi"))}, Tools: c.tools, Choice: c.choice, Parallel: c.parallel}
			got, losses := encode(t, req, llm.Target{Caps: c.caps})
			if got != hi+c.want {
				t.Errorf("got\n%s\nwant\n%s", strings.TrimPrefix(got, hi), c.want)
			}
			if losses != c.losses {
				t.Errorf("losses %q, want %q", losses, c.losses)
			}
		})
	}
}

// TestHistoryOfCalls: calls of custom tools and of tools in groups go back in the
// form that this API has for them, others' ids in one it takes.
func TestHistoryOfCalls(t *testing.T) {
	req := decode(t, `{"model":"m","tools":[{"type":"custom","name":"patch"},{"type":"namespace","name":"ns","tools":[{"type":"function","name":"f"}]}],
		"input":[{"role":"user","content":"hi"},
		{"type":"custom_tool_call","call_id":"a","name":"patch","input":"*** \"x\"\n"},{"type":"function_call","call_id":"b","namespace":"ns","name":"f","arguments":"{}"},
		{"type":"custom_tool_call_output","call_id":"a","output":"ok"},{"type":"function_call_output","call_id":"b","output":"fine"}]}`)
	req.Turns = append(req.Turns, assistant(&llm.ToolCall{ID: "a.b:" + strings.Repeat("x", 80), Name: "g.h"}, &llm.ToolCall{ID: "z", Name: "free", Custom: true, Broken: "text"}),
		user(&llm.ToolResult{CallID: "a.b:" + strings.Repeat("x", 80), Parts: []llm.Part{say("r")}}, &llm.ToolResult{CallID: "z", Parts: []llm.Part{say("s")}}))
	got, losses := encode(t, req, llm.Target{})
	id := llm.ShortID("a.b:"+strings.Repeat("x", 80), idLimit)
	want := hi[:len(hi)-1] + `,{"type":"custom_tool_call","call_id":"a","name":"patch","input":"*** \"x\"\n"},{"type":"function_call","call_id":"b","name":"f","namespace":"ns","arguments":"{}"},` +
		`{"type":"custom_tool_call_output","call_id":"a","output":"ok"},{"type":"function_call_output","call_id":"b","output":"fine"},` +
		`{"type":"function_call","call_id":"` + id + `","name":"` + llm.ShortName("g.h", nameLimit) + `","arguments":"{}"},{"type":"custom_tool_call","call_id":"z","name":"free","input":"text"},` +
		`{"type":"function_call_output","call_id":"` + id + `","output":"r"},{"type":"custom_tool_call_output","call_id":"z","output":"s"}]` +
		`,"tools":[{"type":"custom","name":"patch"},{"type":"namespace","name":"ns","tools":[{"type":"function","name":"f"}]}]`
	if got != want || losses != "" {
		t.Errorf("losses %q, got\n%s\nwant\n%s", losses, got, want)
	}
}

func TestNothingToSend(t *testing.T) {
	_, _, err := Dialect{}.EncodeRequest(&llm.Request{Turns: []llm.Turn{user(say("")), assistant()}}, &llm.Target{Compat: true})
	if e, ok := errors.AsType[*llm.Error](err); !ok || e.Kind != llm.ErrInvalid {
		t.Errorf("%v", err)
	}
}

// TestEncodeLeavesTheRequest: the same request may be sent to several targets.
func TestEncodeLeavesTheRequest(t *testing.T) {
	req := decode(t, `{"model":"m","instructions":"i","input":[{"role":"user","content":"u"},{"type":"reasoning","summary":[],"encrypted_content":"gAAA"},{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"a","output":"r"}]}`)
	before := llmtest.Dump(req)
	first, _ := encode(t, req, llm.Target{})
	second, _ := encode(t, req, llm.Target{})
	if first != second || llmtest.Dump(req) != before {
		t.Errorf("first\n%s\nthen\n%s", first, second)
	}
}
