package responses

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

func decode(t *testing.T, body string) *llm.Request {
	t.Helper()
	req, err := Dialect{}.DecodeRequest(nil, []byte(body))
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return req
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func TestConversation(t *testing.T) {
	claude := llm.Seal(llm.IssuerClaude, &llm.Thinking{Text: "hm", Signature: "S"})
	redacted := llm.Seal(llm.IssuerClaude, &llm.Thinking{Redacted: "R"})
	gemini := llm.Seal("gemini", &llm.Thinking{Text: "g", Signature: "GS"})
	call := llm.SealCall(&llm.ToolCall{Seal: "TS"})
	for _, c := range []struct{ name, input, want, losses string }{
		{"a text", `"hi"`, "user: hi", ""},
		{
			"messages", `[{"role":"user","content":"a"},{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"b","annotations":[],"logprobs":[]}]},{"content":[{"text":"c","type":"input_text"}],"role":"user"}]`,
			"user: a\nassistant: b\nuser: c", "",
		},
		{
			"MSG-09 developer messages lead, or stand inside", `[{"role":"developer","content":"d"},{"role":"system","content":[{"type":"input_text","text":"s"}]},{"role":"user","content":"u"},{"role":"developer","content":"later"},{"role":"user","content":"v"}]`,
			"system: d | s\nuser: u\n(system): later\nuser: v", "",
		},
		{
			"RSP-06 call_id is the key, the item's id is not", `[{"type":"function_call","id":"fc_9","call_id":"call_1","name":"f","arguments":"{\"a\":1}","status":"completed"},{"type":"function_call_output","id":"fco_9","call_id":"call_1","output":"r"}]`,
			`assistant: call(call_1 f {"a":1})` + "\nuser: result(call_1: r)", "",
		},
		{
			"MSG-01 one model turn, one turn of results", `[{"type":"reasoning","summary":[{"type":"summary_text","text":"x"},{"type":"summary_text","text":"y"}]},{"role":"assistant","content":"I look"},{"type":"function_call","call_id":"a","name":"f","arguments":""},{"type":"function_call","call_id":"b","name":"g","arguments":"{"},{"type":"function_call_output","call_id":"a","output":[{"type":"input_text","text":"1"},{"type":"input_image","image_url":"data:image/png;base64,QUI=","detail":"original"}]},{"type":"function_call_output","call_id":"b","output":""}]`,
			"assistant: thinking(x\n\ny) | I look | call(a f) | call(b g broken:{)\nuser: result(a: 1 | image(image/png QUI= original)) | result(b: )", "",
		},
		{
			"RSP-01 OpenAI's own encrypted reasoning is kept", `[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"s"}],"content":null,"encrypted_content":"gAAA"},{"role":"assistant","content":"a"}]`,
			"assistant: thinking(s sig:" + sealed("s", "gAAA") + ") | a", "",
		},
		{
			"RSP-01 THK-03 what Claude signed comes out as it was", `[{"type":"reasoning","summary":[],"encrypted_content":"` + claude + `"},{"type":"reasoning","summary":[],"encrypted_content":"` + redacted + `"},{"role":"assistant","content":"a"}]`,
			"assistant: thinking(hm sig:S) | thinking(red:R) | a", "",
		},
		{
			"the seal of another issuer stays sealed", `[{"type":"reasoning","summary":[{"text":"shown"}],"encrypted_content":"` + gemini + `"}]`,
			"assistant: thinking(g sig:" + gemini + ")", "",
		},
		{
			"a proof of a call goes to the call", `[{"type":"reasoning","summary":[],"encrypted_content":"` + call + `"},{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"type":"function_call","call_id":"b","name":"f","arguments":"{}"}]`,
			"assistant: call(a f {} seal:TS) | call(b f {})", "",
		},
		{
			"a damaged seal leaves the text", `[{"type":"reasoning","summary":[{"type":"summary_text","text":"s"}],"encrypted_content":"~tpk1.x"},{"role":"user","content":"u"}]`,
			"assistant: thinking(s)\nuser: u", "input[0].encrypted_content",
		},
		{
			"reasoning shown openly", `[{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"r"}]},{"role":"assistant","content":"a"},{"type":"reasoning","summary":[]}]`,
			"assistant: thinking(r) | a", "",
		},
		{
			"pictures, files and sound", `[{"role":"user","content":[{"type":"input_image","image_url":"https://x/y.png"},{"type":"input_image","file_id":"file-1","detail":"low"},{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,JVBE"},{"type":"input_file","filename":"b.txt","file_data":"aGk="},{"type":"input_file","file_url":"https://x/d.pdf"},{"type":"input_file","file_id":"file-2"},{"type":"input_audio","input_audio":{"data":"QQ==","format":"mp3"}}]}]`,
			"user: image(https://x/y.png) | image(file-1 low) | document(application/pdf JVBE a.pdf) | document(text/plain hi b.txt) | document(https://x/d.pdf) | document(file-2) | audio(audio/mpeg QQ==)", "",
		},
		{
			"refusals and annotations", `[{"role":"assistant","content":[{"type":"refusal","refusal":"no"},{"type":"output_text","text":"","annotations":[]}]},{"role":"user","content":"u"}]`,
			"assistant: refusal(no)\nuser: u", "",
		},
		{
			"RSP-05 items only this API knows", `[{"type":"web_search_call","id":"ws_1","status":"completed","action":{}},{"role":"assistant","content":"a"},{"type":"computer_call","call_id":"c"},{"type":"computer_call_output","call_id":"c","output":{}},{"type":"compaction","encrypted_content":"x"}]`,
			`assistant: native(responses web_search_call {"type":"web_search_call","id":"ws_1","status":"completed","action":{}}) | a | native(responses computer_call {"type":"computer_call","call_id":"c"})` +
				"\n" + `user: native(responses computer_call_output {"type":"computer_call_output","call_id":"c","output":{}})` +
				"\n" + `assistant: native(responses compaction {"type":"compaction","encrypted_content":"x"})`, "",
		},
		{"RSP-05 parts only this API knows", `[{"role":"user","content":[{"type":"input_hologram","x":1}]}]`, `user: native(responses input_hologram {"type":"input_hologram","x":1})`, ""},
		{
			"a custom tool's call", `[{"type":"custom_tool_call","id":"ctc_1","call_id":"c","name":"apply_patch","input":"*** Begin\n"},{"type":"custom_tool_call_output","call_id":"c","output":"ok"}]`,
			`assistant: call(c apply_patch {"input":"*** Begin\n"})` + "\nuser: result(c: ok)", "",
		},
		{"a call in a group", `[{"type":"function_call","call_id":"c","namespace":"ns","name":"f","arguments":"{}"}]`, "assistant: call(c ns__f {})", ""},
		{
			"unknown members of items", `[{"role":"user","content":"u","mood":"good","phase":"commentary","internal_chat_message_metadata_passthrough":{}},{"role":"user","content":[{"type":"input_text","text":"t","zoom":2}]}]`,
			"user: u\nuser: t", "input[0].mood, input[0].phase, input[1].content[0].zoom",
		},
		{
			"a picture of the developer's", `[{"role":"developer","content":[{"type":"input_text","text":"d"},{"type":"input_image","image_url":"https://x"}]},{"role":"user","content":"u"}]`,
			"system: d\nuser: u", "input[0].content",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := decode(t, `{"model":"m","input":`+c.input+`}`)
			if got := llmtest.Dump(req); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if got := llmtest.DumpLosses(req.Lost("")); got != c.losses {
				t.Errorf("losses %q, want %q", got, c.losses)
			}
		})
	}
}

func TestInstructionsComeFirst(t *testing.T) {
	req := decode(t, `{"input":[{"role":"developer","content":"d"},{"role":"user","content":"u"}],"instructions":"i","model":"m"}`)
	if got := llmtest.Dump(req); got != "system: i | d\nuser: u" {
		t.Error(got)
	}
}

func TestSettings(t *testing.T) {
	type R = llm.Request
	effort := func(e string) llm.Thought { return llm.Thought{Mode: llm.ThinkingEffort, Effort: e} }
	extra := func(name, raw string) []llm.Extra {
		return []llm.Extra{{Dialect: Name, Name: name, Raw: []byte(raw)}}
	}
	told := func(name, raw string) []llm.Extra { // what no model sees
		return []llm.Extra{{Dialect: Name, Name: name, Raw: []byte(raw), Bookkeeping: true}}
	}
	for _, c := range []struct {
		name, body string
		want       R
		losses     string
	}{
		{"limits", `"max_output_tokens":5,"temperature":0,"top_p":0.5`, R{MaxTokens: new(int64(5)), Temperature: new(0.0), TopP: new(0.5)}, ""},
		{"who asks", `"user":"u","service_tier":"flex","stream":true,"parallel_tool_calls":false`, R{User: "u", Tier: "flex", Stream: true, Parallel: new(false)}, ""},
		{"effort", `"reasoning":{"effort":"low"}`, R{Thinking: effort("low")}, ""},
		{"effort and summary", `"reasoning":{"effort":"none","summary":"auto"}`, R{Thinking: llm.Thought{Mode: llm.ThinkingEffort, Effort: "none", Display: "summarized"}}, ""},
		{"a long summary", `"reasoning":{"summary":"detailed"}`, R{Thinking: llm.Thought{Display: "summarized"}, Extra: extra("reasoning.summary", `"detailed"`)}, ""},
		{"nulls", `"reasoning":{"effort":null,"summary":null},"temperature":null,"tools":null,"previous_response_id":null,"text":null`, R{}, ""},
		{
			"format", `"text":{"format":{"type":"json_schema","name":"n","strict":true,"description":"d","schema":{"type":"object"}},"verbosity":"medium"}`,
			R{Format: &llm.Format{Name: "n", Description: "d", Strict: new(true), Schema: []byte(`{"type":"object"}`)}},
			"",
		},
		{"any object", `"text":{"format":{"type":"json_object"},"verbosity":"low"}`, R{Format: &llm.Format{}, Extra: extra("text.verbosity", `"low"`)}, ""},
		{"plain text", `"text":{"format":{"type":"text"}}`, R{}, ""},
		{"what the defaults say anyway", `"store":false,"metadata":{},"truncation":"disabled","top_logprobs":0,"include":["reasoning.encrypted_content"],"stream_options":{"include_obfuscation":false},"background":false`, R{}, ""},
		{"extras", `"store":true`, R{Extra: told("store", "true")}, ""},
		{"include", `"include":["web_search_call.action.sources","reasoning.encrypted_content"]`, R{Extra: extra("include", `["web_search_call.action.sources","reasoning.encrypted_content"]`)}, ""},
		{"Codex's own", `"client_metadata":{"session_id":"s"}`, R{Extra: told("client_metadata", `{"session_id":"s"}`)}, ""},
		{"background", `"background":true`, R{}, "background"},
		{"TOOL-01 choice by word", `"tool_choice":"required"`, R{Choice: llm.Choice{Mode: llm.ChoiceAny}}, ""},
		{"no choice", `"tool_choice":"none"`, R{Choice: llm.Choice{Mode: llm.ChoiceNone}}, ""},
		{"choice by name", `"tool_choice":{"type":"function","name":"f"}`, R{Choice: llm.Choice{Mode: llm.ChoiceTool, Name: "f"}}, ""},
		{
			"choice among some", `"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[]}`,
			R{Choice: llm.Choice{Mode: llm.ChoiceAuto}, Extra: extra("tool_choice", `{"type":"allowed_tools","mode":"auto","tools":[]}`)},
			"",
		},
		{"choice of a hosted tool", `"tool_choice":{"type":"web_search_preview"}`, R{Extra: extra("tool_choice", `{"type":"web_search_preview"}`)}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := decode(t, `{"model":"m","input":"hi",`+c.body+`}`)
			if got := llmtest.DumpLosses(req.Lost("")); got != c.losses {
				t.Errorf("losses %q, want %q", got, c.losses)
			}
			c.want.Model, c.want.Turns, req.Losses, req.Said = "m", req.Turns, nil, nil
			if !reflect.DeepEqual(req, &c.want) {
				t.Errorf("got  %+v\nwant %+v", req, &c.want)
			}
		})
	}
}

func TestTools(t *testing.T) {
	req := decode(t, `{"model":"m","tools":[
		{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":false,"defer_loading":true},
		{"type":"custom","name":"apply_patch","description":"Patch.","format":{"type":"grammar","syntax":"lark","definition":"start: x"}},
		{"type":"namespace","name":"ns","description":"About ns.","tools":[{"type":"function","name":"a","description":"A","parameters":{}},{"type":"custom","name":"b"},{"type":"mystery"}]},
		{"type":"web_search","external_web_access":true},
		{"type":"function","name":"f","description":"anew"}],
		"tool_choice":{"type":"custom","name":"b"},
		"input":[{"type":"additional_tools","role":"developer","tools":[{"type":"namespace","name":"functions","description":"","tools":[{"type":"custom","name":"exec"}]}]},{"role":"user","content":"u"}]}`)
	var got []string
	for _, x := range req.Tools {
		s := x.Name + " | " + x.Description
		if h := x.Home; h != nil {
			s += " | home " + h.Dialect + " " + h.Group + "/" + h.Name
			if h.Custom {
				s += " custom " + string(x.Schema)
			}
			if !json.Valid(h.Raw) {
				t.Errorf("%s: %s", x.Name, h.Raw)
			}
		}
		if x.Native != nil {
			s += " | native " + x.Native.Type
		}
		got = append(got, s)
	}
	how := `Call it with one argument, "input": the whole text, as it is.`
	want := []string{
		"f | anew",
		"apply_patch | Patch.\n\n" + how + " The text must follow this grammar (lark):\n\nstart: x | home responses /apply_patch custom " + string(freeSchema),
		"ns__a | About ns.\n\nA | home responses ns/a",
		"ns__b | " + how + " | home responses ns/b custom " + string(freeSchema),
		"web_search |  | native web_search",
		"functions__exec | " + how + " | home responses functions/exec custom " + string(freeSchema),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if losses := llmtest.DumpLosses(req.Lost("")); losses != "tools[2].tools[2]" {
		t.Errorf("losses %s", losses)
	}
	if req.Choice != (llm.Choice{Mode: llm.ChoiceTool, Name: "ns__b"}) {
		t.Errorf("choice %+v", req.Choice)
	}
	if llmtest.Dump(req) != "user: u" {
		t.Error(llmtest.Dump(req))
	}
}

func TestBadRequests(t *testing.T) {
	for _, c := range []struct{ name, body, param, says string }{
		{"no JSON", `{"input":"x"`, "", "too early"},
		{"nothing said", `{"model":"m"}`, "input", "say something"},
		{"a number", `{"input":5}`, "input", "must be a text or a list of items"},
		{"an item that is no object", `{"input":[5]}`, "input[0]", "must be an object"},
		{"RSP-04 a kept response", `{"input":"x","previous_response_id":"resp_1"}`, "previous_response_id", "send the whole conversation (store: false)"},
		{"RSP-04 a kept conversation", `{"input":"x","conversation":{"id":"conv_1"}}`, "conversation", "send the whole conversation"},
		{"RSP-04 a kept prompt", `{"input":"x","prompt":{"id":"pmpt_1"}}`, "prompt", "instructions"},
		{"RSP-04 a kept item", `{"input":[{"role":"user","content":"a"},{"type":"item_reference","id":"msg_1"}]}`, "input[1]", "store: false"},
		{"a role", `{"input":[{"role":"robot","content":"a"}]}`, "input[0].role", "must be user"},
		{"no content", `{"input":[{"role":"user"}]}`, "input[0].content", "list of parts"},
		{"no call_id", `{"input":[{"type":"function_call","name":"f","arguments":"{}"}]}`, "input[0].call_id", "call_id"},
		{"no name", `{"input":[{"type":"function_call","call_id":"c","arguments":"{}"}]}`, "input[0].name", "name"},
		{"no output", `{"input":[{"type":"function_call_output","call_id":"c"}]}`, "input[0].output", "text or a list"},
		{"a result of nothing", `{"input":[{"type":"function_call_output","output":"c"}]}`, "input[0].call_id", "which call"},
		{"a picture of nothing", `{"input":[{"role":"user","content":[{"type":"input_image"}]}]}`, "input[0].content[0].image_url", "data URL"},
		{"a bad data URL", `{"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png,x"}]}]}`, "input[0].content[0].image_url", "base64"},
		{"a file of nothing", `{"input":[{"role":"user","content":[{"type":"input_file"}]}]}`, "input[0].content[0].file_data", "file_id"},
		{"a part without type", `{"input":[{"role":"user","content":[{"text":"x"}]}]}`, "input[0].content[0].type", "type"},
		{"a wrong type deep down", `{"input":[{"role":"user","content":[{"type":"input_text","text":5}]}]}`, "input[0].content[0].text", "must be a string"},
		{"limit", `{"input":"x","max_output_tokens":0}`, "max_output_tokens", "at least 1"},
		{"format", `{"input":"x","text":{"format":{"type":"xml"}}}`, "text.format.type", "json_schema"},
		{"no schema", `{"input":"x","text":{"format":{"type":"json_schema","name":"n"}}}`, "text.format.schema", "needed"},
		{"choice", `{"input":"x","tool_choice":"maybe"}`, "tool_choice", "auto, none or required"},
		{"choice of nothing", `{"input":"x","tool_choice":{"type":"function"}}`, "tool_choice.name", "name the tool"},
		{"a tool without type", `{"input":"x","tools":[{"name":"f"}]}`, "tools[0].type", "type"},
		{"a tool without name", `{"input":"x","tools":[{"type":"function"}]}`, "tools[0].name", "name"},
		{"a schema that is none", `{"input":"x","tools":[{"type":"function","name":"f","parameters":[]}]}`, "tools[0].parameters", "JSON Schema"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Dialect{}.DecodeRequest(nil, []byte(c.body))
			e, ok := errors.AsType[*llm.Error](err)
			if !ok || e.Kind != llm.ErrInvalid || c.param != "" && e.Param != c.param || !strings.Contains(e.Message, c.says) {
				t.Errorf("%#v", err)
			}
		})
	}
}

func TestManyLossesAreBounded(t *testing.T) {
	body := `{"input":[` + strings.Repeat(`{"role":"user","content":[{"type":"input_text","text":"t","z":1}]},`, 5000) + `{"role":"user","content":"u"}]}`
	if n := len(decode(t, body).Losses); n > maxReported {
		t.Errorf("%d losses", n)
	}
}
