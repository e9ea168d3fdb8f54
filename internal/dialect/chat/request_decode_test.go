package chat

import (
	"errors"
	"fmt"
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
		t.Fatalf("%v in %s", err, body)
	}
	return req
}

func TestDecodeMessages(t *testing.T) {
	for _, c := range []struct{ name, messages, want, losses string }{
		{
			"MSG-05 every leading system message survives, in order",
			`{"role":"system","content":"one"},{"role":"system","content":[{"type":"text","text":"two"},{"type":"text","text":"three"}]},{"role":"user","content":"hi"}`,
			"system: one | two | three\nuser: hi", "",
		},
		{
			"MSG-09 developer is system",
			`{"role":"developer","content":"one"},{"role":"user","content":"hi"},{"role":"developer","content":"now"},{"role":"user","content":"ho"}`,
			"system: one\nuser: hi\n(system): now\nuser: ho", "",
		},
		{
			"MSG-06 a later system message stays in its place",
			`{"role":"user","content":"hi"},{"role":"system","content":"remember"},{"role":"assistant","content":"yes"}`,
			"user: hi\n(system): remember\nassistant: yes", "",
		},
		{
			"MSG-03 tool messages are results", `{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},{"role":"tool","tool_call_id":"a","content":"42"}`,
			"assistant: call(a f {\"x\":1})\nuser: result(a: 42)", "",
		},
		{
			"MSG-01 each result is kept, with its own call", `{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":""}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]},{"role":"tool","tool_call_id":"b","content":[{"type":"text","text":"B"}]},{"role":"tool","tool_call_id":"a","content":"A"}`,
			"assistant: call(a f) | call(b g {})\nuser: result(b: B)\nuser: result(a: A)", "",
		},
		{
			"MSG-10 an empty content beside calls is no text", `{"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`,
			"assistant: call(a f {})", "",
		},
		{"MSG-11 an empty result has no parts", `{"role":"tool","tool_call_id":"a","content":""}`, "user: result(a: )", ""},
		{
			"MSG-16 parts keep their order", `{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,QUI=","detail":"low"}},{"type":"text","text":"b"}]}`,
			"user: a | image(image/png QUI= low) | b", "",
		},
		{
			"MSG-17 unknown parts are kept whole", `{"role":"user","content":[{"type":"hologram","hologram":{"x":[1, 2]}}]}`,
			`user: native(chat hologram {"type":"hologram","hologram":{"x":[1, 2]}})`, "",
		},
		{
			"MED-01 picture by URL", `{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x.example/a.png"}}]}`,
			"user: image(https://x.example/a.png)", "",
		},
		{
			"MED-04 files", `{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,QUI="}},{"type":"file","file":{"file_id":"file-1"}},{"type":"file","file":{"filename":"n.txt","file_data":"aGk="}},{"type":"file","file":{"file_data":"data:image/png;base64,QUI="}}]}`,
			"user: document(application/pdf QUI= a.pdf) | document(file-1) | document(text/plain hi n.txt) | image(image/png QUI=)", "",
		},
		{
			"files whose names tell the type", `{"role":"user","content":[{"type":"file","file":{"filename":"a.MD","file_data":"aGk="}},{"type":"file","file":{"filename":"a.csv","file_data":"/w=="}},{"type":"file","file":{"filename":"a.docx","file_data":"aGk="}},{"type":"file","file":{"filename":"a.xlsx","file_data":"aGk="}},{"type":"file","file":{"filename":"a.html","file_data":"aGk="}},{"type":"file","file":{"file_data":"aGk="}},{"type":"file","file":{"file_data":"data:audio/wav;base64,aGk="}},{"type":"file","file":{"file_data":"data:video/mp4;base64,aGk="}}]}`,
			"user: document(text/markdown hi a.MD) | document(text/csv /w== a.csv) | document(application/vnd.openxmlformats-officedocument.wordprocessingml.document aGk= a.docx) | document(application/vnd.openxmlformats-officedocument.spreadsheetml.sheet aGk= a.xlsx) | document(text/html hi a.html) | document(application/pdf aGk=) | audio(audio/wav aGk=) | video(video/mp4 aGk=)", "",
		},
		{
			"what clients write though it is not documented", `{"role":"user","content":["a",{"type":"image_url","image_url":"https://x.example/a.png"},{"type":"thinking","thinking":"hm","signature":"SIG"}]}`,
			"user: a | image(https://x.example/a.png) | thinking(hm sig:SIG)", "",
		},
		{
			"a system message with a picture", `{"role":"system","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x.example/a.png"}}]},{"role":"user","content":"q"}`,
			"system: a\nuser: q", "messages[0].content",
		},
		{
			"a picture in a result", `{"role":"tool","tool_call_id":"a","content":[{"type":"image_url","image_url":{"url":"https://x.example/a.png"},"cache_control":{"type":"ephemeral"}}]}`,
			"user: result(a: image(https://x.example/a.png)) [cache]", "",
		},
		{
			"sound and film", `{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"QUI=","format":"mp3"}},{"type":"video_url","video_url":{"url":"https://x.example/v.mp4"}}]}`,
			"user: audio(audio/mpeg QUI=) | video(https://x.example/v.mp4)", "",
		},
		{
			"CACHE-02 marks on parts, messages, calls and results", `{"role":"system","content":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}]},{"role":"user","content":"q","cache_control":{"type":"ephemeral"}},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"},"cache_control":{"type":"ephemeral"}}]},{"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"r","cache_control":{"type":"ephemeral"}}]}`,
			"system: s [cache 1h]\nuser: q [cache]\nassistant: call(a f {}) [cache]\nuser: result(a: r) [cache]", "",
		},
		{
			"TOOL-18 arguments that were cut are kept as they are", `{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\": "}}]},{"role":"tool","tool_call_id":"a","content":"?"}`,
			"assistant: call(a f broken:{\"x\": )\nuser: result(a: ?)", "",
		},
		{
			"custom tools take text", `{"role":"assistant","tool_calls":[{"id":"a","type":"custom","custom":{"name":"f","input":"*** Begin"}}]}`,
			"assistant: custom(a f broken:*** Begin)", "",
		},
		{
			"functions of the older form", `{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{\"a\":1}"}},{"role":"function","name":"f","content":"ok"}`,
			"assistant: call(call_function_1 f {\"a\":1})\nuser: result(call_function_1: ok)", "",
		},
		{
			"what a client says twice", `{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"refusal","refusal":"no"}],"refusal":null,"annotations":[],"parsed":null}`,
			"assistant: a | refusal(no)", "",
		},
		{"a refusal", `{"role":"assistant","content":null,"refusal":"no"}`, "assistant: refusal(no)", ""},
		{
			"unknown members are named", `{"role":"user","content":[{"type":"text","text":"a","mood":"good"}],"weight":1}`,
			"user: a", "messages[0].content[0].mood, messages[0].weight",
		},
		{
			"unknown members before the type", `{"role":"user","content":[{"mood":"good","text":"a","type":"text"},{"a":1,"type":"x"}]}`,
			`user: a | native(chat x {"a":1,"type":"x"})`, "messages[0].content[0].mood",
		},
		{"names of users", `{"role":"user","name":"bob","content":"hi"}`, "user bob: hi", ""},
		{
			"GEM-01 Google's proof beside a call", `{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"SIG"}}}]}`,
			"assistant: call(a f {} seal:SIG)", "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := decode(t, `{"model":"m","messages":[`+c.messages+`]}`)
			if got := llmtest.Dump(req); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if got := llmtest.DumpLosses(req.Lost("")); got != c.losses {
				t.Errorf("losses %q, want %q", got, c.losses)
			}
		})
	}
}

func TestDecodeThinking(t *testing.T) {
	signed := &llm.Thinking{Text: "hm", Signature: "SIG"}
	claude := llm.Seal(llm.IssuerClaude, signed)
	redacted := llm.Seal(llm.IssuerClaude, &llm.Thinking{Redacted: "RED"})
	foreign := llm.Seal("openai", &llm.Thinking{Text: "so", Signature: "ENC"})
	broken := claude + "!"
	entry := func(data, more string) string {
		return fmt.Sprintf(`{"type":"reasoning.encrypted","format":"turnpike","data":%q,"index":0%s}`, data, more)
	}
	call := `{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}`
	for _, c := range []struct{ name, message, want, losses string }{
		{"THK-18 reasoning without proof", `"content":"x","reasoning_content":"hm"`, "thinking(hm) | x", ""},
		{"the other name of it", `"content":"x","reasoning":"hm"`, "thinking(hm) | x", ""},
		{"THK-05 a seal is the one source of truth", `"content":"x","reasoning_content":"hm","reasoning_details":[` + entry(claude, "") + `]`, "thinking(hm sig:SIG) | x", ""},
		{
			"THK-05 thinking_blocks are too", `"content":"x","reasoning_content":"hm","thinking_blocks":[{"type":"thinking","thinking":"hm","signature":"SIG"},{"type":"redacted_thinking","data":"RED"}]`,
			"thinking(hm sig:SIG) | thinking(red:RED) | x", "",
		},
		{
			"a seal as the signature of a block", `"content":"x","thinking_blocks":[{"type":"thinking","thinking":"so","signature":"` + llm.Seal("openai", &llm.Thinking{Signature: "ENC"}) + `"},{"type":"thinking","thinking":"hm","signature":"` + broken + `"},{"type":"odd"}]`,
			"thinking(so sig:" + llm.Seal("openai", &llm.Thinking{Signature: "ENC"}) + ") | thinking(hm) | x", "messages[1].thinking_blocks",
		},
		{"THK-06 redacted reasoning", `"content":"x","reasoning_details":[` + entry(redacted, "") + `]`, "thinking(red:RED) | x", ""},
		{
			"THK-04 reasoning stands where it stood", `"content":"ab","tool_calls":[` + call + `],"reasoning_details":[` + entry(claude, `,"after_text":1`) + `,` + entry(redacted, `,"after_text":2,"after_calls":1`) + `]`,
			"a | thinking(hm sig:SIG) | b | call(a f {}) | thinking(red:RED)", "",
		},
		{"THK-07 the proof of another issuer stays sealed", `"content":"x","reasoning_details":[` + entry(foreign, "") + `]`, "thinking(so sig:" + foreign + ") | x", ""},
		{
			"OpenRouter's form of Claude's blocks", `"content":"x","reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"SIG","format":"anthropic-claude-v1"},{"type":"reasoning.encrypted","data":"RED","format":"anthropic-claude-v1"}]`,
			"thinking(hm sig:SIG) | thinking(red:RED) | x", "",
		},
		{
			"encrypted reasoning of OpenAI", `"content":"x","reasoning":"hm","reasoning_details":[{"type":"reasoning.encrypted","data":"gAAA","format":"openai-responses-v1"}]`,
			"thinking(hm) | x", "messages[1].reasoning_details",
		},
		{"a broken seal", `"content":"x","reasoning_details":[` + entry(broken, "") + `]`, "x", "messages[1].reasoning_details"},
		{"Mistral's parts", `"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"x"}]`, "thinking(hm) | x", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := decode(t, `{"model":"m","messages":[{"role":"user","content":"q"},{"role":"assistant",`+c.message+`}]}`)
			if got := llmtest.DumpParts(req.Turns[1].Parts); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if got := llmtest.DumpLosses(req.Lost("")); got != c.losses {
				t.Errorf("losses %q, want %q", got, c.losses)
			}
		})
	}
}

func TestDecodeSettings(t *testing.T) {
	type R = llm.Request
	schema := []byte(`{"type":"object"}`)
	for _, c := range []struct {
		name, body string
		want       R
		losses     string
	}{
		{"PAR-03 max_completion_tokens is max_tokens", `"max_completion_tokens":7`, R{MaxTokens: new(int64(7))}, ""},
		{"PAR-03 the newer name wins", `"max_tokens":5,"max_completion_tokens":7`, R{MaxTokens: new(int64(7))}, ""},
		{"the older name", `"max_tokens":5.0`, R{MaxTokens: new(int64(5))}, ""},
		{"PAR-02 nothing is added", ``, R{}, ""},
		{"PAR-05 sampling", `"temperature":0,"top_p":0.5,"top_k":3`, R{Temperature: new(0.0), TopP: new(0.5), TopK: new(int64(3))}, ""},
		{"PAR-06 stop as a text", `"stop":"END"`, R{Stop: []string{"END"}}, ""},
		{"PAR-06 blank ones are left out", `"stop":["a","", " \n"]`, R{Stop: []string{"a"}}, "stop[1], stop[2]"},
		{"PAR-07 several answers", `"n":2`, R{Answers: 2}, "n"},
		{"one answer", `"n":1`, R{}, ""},
		{"null is absent", `"n":null,"stop":null,"temperature":null,"tools":null,"stream":null,"tool_choice":null,"response_format":null`, R{}, ""},
		{"streams", `"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}`, R{Stream: true, StreamUsage: true}, ""},
		{"STR-14 streams without usage", `"stream":true`, R{Stream: true}, ""},
		{"text", `"response_format":{"type":"text"}`, R{}, ""},
		{"JSON", `"response_format":{"type":"json_object"}`, R{Format: &llm.Format{}}, ""},
		{
			"a schema", `"response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","strict":true,"schema":{"type":"object"}}}`,
			R{Format: &llm.Format{Name: "n", Description: "d", Strict: new(true), Schema: schema}},
			"",
		},
		{"TOOL-03 only parallel_tool_calls", `"parallel_tool_calls":false`, R{Parallel: new(false)}, ""},
		{"TOOL-02 no calls", `"tool_choice":"none"`, R{Choice: llm.Choice{Mode: llm.ChoiceNone}}, ""},
		{"some call", `"tool_choice":"required"`, R{Choice: llm.Choice{Mode: llm.ChoiceAny}}, ""},
		{"TOOL-01 as an object", `"tool_choice":{"type":"any"}`, R{Choice: llm.Choice{Mode: llm.ChoiceAny}}, ""},
		{"this call", `"tool_choice":{"type":"function","function":{"name":"f"}}`, R{Choice: llm.Choice{Mode: llm.ChoiceTool, Name: "f"}}, ""},
		{
			"one of these", `"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[]}}`,
			R{Choice: llm.Choice{Mode: llm.ChoiceAny}, Extra: []llm.Extra{{Dialect: "chat", Name: "tool_choice", Raw: []byte(`{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[]}}`)}}},
			"",
		},
		{
			"tools", `"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true},"cache_control":{"type":"ephemeral"}}]`,
			R{Tools: []llm.Tool{{Name: "f", Description: "d", Schema: schema, Strict: new(true), Cache: &llm.Cache{}}}},
			"",
		},
		{"TOOL-15 without parameters", `"tools":[{"type":"function","function":{"name":"f","parameters":null,"x":1}}]`, R{Tools: []llm.Tool{{Name: "f"}}}, "tools[0].function.x"},
		{
			"other tools", `"tools":[{"type":"custom","custom":{"name":"p"}},{"type":"openrouter:web_search","parameters":{}}]`,
			R{Tools: []llm.Tool{
				{Name: "p", Native: &llm.Native{Dialect: "chat", Type: "custom", Raw: []byte(`{"type":"custom","custom":{"name":"p"}}`)}},
				{Name: "openrouter:web_search", Native: &llm.Native{Dialect: "chat", Type: "openrouter:web_search", Raw: []byte(`{"type":"openrouter:web_search","parameters":{}}`)}},
			}},
			"",
		},
		{
			"functions of the older form", `"functions":[{"name":"f","parameters":{"type":"object"}}],"function_call":{"name":"f"}`,
			R{Tools: []llm.Tool{{Name: "f", Schema: schema}}, Choice: llm.Choice{Mode: llm.ChoiceTool, Name: "f"}},
			"functions",
		},
		{"who and how urgently", `"user":"u","service_tier":"flex"`, R{User: "u", Tier: "flex"}, ""},
		{"what says no more than the default", `"store":false,"logprobs":false,"frequency_penalty":0,"presence_penalty":0.0,"logit_bias":{ },"modalities":[ "text" ],"metadata":{}`, R{}, ""},
		{
			"HDR-04 unknown members are kept", `"seed":1,"brand_new":{"x": 1}`,
			R{Extra: []llm.Extra{{Dialect: "chat", Name: "seed", Raw: []byte("1")}, {Dialect: "chat", Name: "brand_new", Raw: []byte(`{"x": 1}`)}}},
			"",
		},
		{"THK-15 effort", `"reasoning_effort":"xhigh"`, R{Thinking: llm.Thought{Mode: llm.ThinkingEffort, Effort: "xhigh"}}, ""},
		{"OpenRouter's effort", `"reasoning":{"effort":"low","exclude":true}`, R{Thinking: llm.Thought{Mode: llm.ThinkingEffort, Effort: "low", Display: "omitted"}}, ""},
		{"OpenRouter's budget", `"reasoning":{"max_tokens":2000}`, R{Thinking: llm.Thought{Mode: llm.ThinkingBudget, Budget: 2000}}, ""},
		{"OpenRouter's default", `"reasoning":{"enabled":true}`, R{Thinking: llm.Thought{Mode: llm.ThinkingEffort, Effort: "medium"}}, ""},
		{"THK-14 off stays off", `"reasoning":{"enabled":false},"reasoning_effort":"high"`, R{Thinking: llm.Thought{Mode: llm.ThinkingOff}}, ""},
		{"THK-14 off in Anthropic's words", `"thinking":{"type":"disabled"}`, R{Thinking: llm.Thought{Mode: llm.ThinkingOff}}, ""},
		{"a budget in Anthropic's words", `"thinking":{"type":"enabled","budget_tokens":3000}`, R{Thinking: llm.Thought{Mode: llm.ThinkingBudget, Budget: 3000}}, ""},
		{
			"THK-11 adaptive stays adaptive", `"thinking":{"type":"adaptive","display":"omitted"},"reasoning_effort":"high"`,
			R{Thinking: llm.Thought{Mode: llm.ThinkingAdaptive, Effort: "high", Display: "omitted"}},
			"",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := `{"model":"m","messages":[{"role":"user","content":"q"}],` + c.body
			req := decode(t, strings.TrimSuffix(body, ",")+"}")
			if got := llmtest.DumpLosses(req.Lost("")); got != c.losses {
				t.Errorf("losses %q, want %q", got, c.losses)
			}
			got := *req
			got.Model, got.Turns, got.Losses, got.Odd = "", nil, nil, nil
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got\n%+v\nwant\n%+v", got, c.want)
			}
		})
	}
}

func TestDecodeRequestErrors(t *testing.T) {
	user := `{"role":"user","content":"q"}`
	for _, c := range []struct{ name, body, param string }{
		{"no JSON", `{"model":`, "model"},
		{"more text", `{"messages":[` + user + `]} x`, ""},
		{"no object", `[]`, ""},
		{"nothing", ``, ""},
		{"no messages", `{"model":"m"}`, "messages"},
		{"messages empty", `{"model":"m","messages":[]}`, "messages"},
		{"messages no list", `{"messages":"hi"}`, "messages"},
		{"model no text", `{"model":7,"messages":[` + user + `]}`, "model"},
		{"stream no boolean", `{"stream":"yes","messages":[` + user + `]}`, "stream"},
		{"temperature no number", `{"temperature":"hot","messages":[` + user + `]}`, "temperature"},
		{"max_tokens a fraction", `{"max_tokens":1.5,"messages":[` + user + `]}`, "max_tokens"},
		{"max_tokens zero", `{"max_tokens":0,"messages":[` + user + `]}`, "max_tokens"},
		{"a message no object", `{"messages":["hi"]}`, "messages[0]"},
		{"no role", `{"messages":[{"content":"q"}]}`, "messages[0].role"},
		{"unknown role", `{"messages":[{"role":"king","content":"q"}]}`, "messages[0].role"},
		{"no content", `{"messages":[` + user + `,{"role":"user"}]}`, "messages[1].content"},
		{"content null", `{"messages":[{"role":"system","content":null}]}`, "messages[0].content"},
		{"content a number", `{"messages":[{"role":"user","content":5}]}`, "messages[0].content"},
		{"part without type", `{"messages":[{"role":"user","content":[{"text":"a"}]}]}`, "messages[0].content[0].type"},
		{"text part without text", `{"messages":[{"role":"user","content":[{"type":"text"}]}]}`, "messages[0].content[0].text"},
		{"picture without URL", `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}`, "messages[0].content[0].image_url.url"},
		{"MED-02 a data URL without data", `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,"}}]}]}`, "messages[0].content[0].image_url.url"},
		{"file without anything", `{"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"x"}}]}]}`, "messages[0].content[0].file"},
		{"sound without data", `{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"format":"wav"}}]}]}`, "messages[0].content[0].input_audio.data"},
		{"result of no call", `{"messages":[{"role":"tool","content":"q"}]}`, "messages[0].tool_call_id"},
		{"function that was not called", `{"messages":[{"role":"function","name":"f","content":"q"}]}`, "messages[0].name"},
		{"call without id", `{"messages":[{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f"}}]}]}`, "messages[0].tool_calls[0].id"},
		{"call without name", `{"messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function"}]}]}`, "messages[0].tool_calls[0].function.name"},
		{"tool without type", `{"messages":[` + user + `],"tools":[{}]}`, "tools[0].type"},
		{"tool without function", `{"messages":[` + user + `],"tools":[{"type":"function"}]}`, "tools[0].function"},
		{"tool without name", `{"messages":[` + user + `],"tools":[{"type":"function","function":{}}]}`, "tools[0].function.name"},
		{"parameters no object", `{"messages":[` + user + `],"tools":[{"type":"function","function":{"name":"f","parameters":[1]}}]}`, "tools[0].function.parameters"},
		{"tool name no text", `{"messages":[` + user + `],"tools":[{"type":"function","function":{"name":5}}]}`, "tools[0].function.name"},
		{"unknown choice", `{"messages":[` + user + `],"tool_choice":"maybe"}`, "tool_choice"},
		{"choice without name", `{"messages":[` + user + `],"tool_choice":{"type":"function"}}`, "tool_choice.function.name"},
		{"unknown format", `{"messages":[` + user + `],"response_format":{"type":"xml"}}`, "response_format.type"},
		{"format without schema", `{"messages":[` + user + `],"response_format":{"type":"json_schema","json_schema":{"name":"n"}}}`, "response_format.json_schema.schema"},
		{"unknown thinking", `{"messages":[` + user + `],"thinking":{"type":"hard"}}`, "thinking.type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Dialect{}.DecodeRequest(nil, []byte(c.body))
			e, ok := errors.AsType[*llm.Error](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			if e.Kind != llm.ErrInvalid || e.Param != c.param || e.Message == "" {
				t.Errorf("%s with param %q: %s; want param %q", e.Kind, e.Param, e.Message, c.param)
			}
			if c.param != "" && !strings.Contains(e.Message, c.param) {
				t.Errorf("the message %q does not name %s", e.Message, c.param)
			}
		})
	}
}

// A body that earns a loss at every member is not worked on for ever.
func TestLossesAreBounded(t *testing.T) {
	body := `{"model":"m","messages":[` + strings.Repeat(`{"role":"user","content":"q","a":1,"b":2},`, 20000) + `{"role":"user","content":"q"}]}`
	if n := len(decode(t, body).Lost("")); n == 0 || n > maxReported+1 {
		t.Errorf("%d losses", n)
	}
}
