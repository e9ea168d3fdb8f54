package gemini

import (
	"encoding/base64"
	"errors"
	"net/http"
	"reflect"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

func TestDecodeConversation(t *testing.T) {
	t.Run("both spellings, roles, and the forms of system texts", func(t *testing.T) {
		for _, body := range []string{
			`{"systemInstruction":{"role":"user","parts":[{"text":"s"}]},"contents":[{"role":"user","parts":[{"text":"a"},{"inlineData":{"mimeType":"image/png","data":"AA=="}}]},{"parts":[{"text":"b"}],"role":"model"}]}`,
			`{"system_instruction":{"parts":{"text":"s"}},"contents":[{"parts":[{"text":"a"},{"inline_data":{"mime_type":"image/png","data":"AA=="}}]},{"role":"model","parts":[{"text":"b"}]}]}`,
			`{"systemInstruction":"s","generateContentRequest":{"model":"models/m","contents":[{"parts":["a",{"inlineData":{"mimeType":"image/png","data":"AA=="}}]},{"role":"model","parts":["b"]}]}}`,
		} {
			req := decode(t, body)
			want := &llm.Request{System: []llm.Part{say("s")}, Turns: []llm.Turn{user(say("a"), &llm.Media{Kind: llm.Image, MIME: "image/png", Data: "AA=="}), assistant(say("b"))}}
			if !reflect.DeepEqual(req, want) {
				t.Errorf("%s becomes %s", body, js(req))
			}
		}
	})
	t.Run("media by kind, and by address", func(t *testing.T) {
		req := decode(t, `{"contents":[{"parts":[{"fileData":{"mimeType":"video/mp4","fileUri":"https://x"}},{"inlineData":{"mimeType":"application/pdf","data":"-_8","displayName":"n"}},{"inlineData":{"mimeType":"audio/wav","data":"AA"}}]}]}`)
		want := user(&llm.Media{Kind: llm.Video, MIME: "video/mp4", URL: "https://x"}, &llm.Media{Kind: llm.Document, MIME: "application/pdf", Data: "+/8", Name: "n"}, &llm.Media{Kind: llm.Audio, MIME: "audio/wav", Data: "AA"})
		if !reflect.DeepEqual(req.Turns[0], want) {
			t.Errorf("%s", js(req.Turns))
		}
	})
	t.Run("calls and responses meet by id, else by name and order", func(t *testing.T) {
		req := decode(t, `{"contents":[{"role":"user","parts":[{"text":"go"}]},
			{"role":"model","parts":[{"functionCall":{"name":"f","args":{"x":1}}},{"functionCall":{"name":"g"}},{"functionCall":{"name":"f","id":"own"}},{"functionCall":{"name":"f"}}]},
			{"role":"function","parts":[{"functionResponse":{"name":"g","response":{"output":"1"}}},{"functionResponse":{"id":"own","name":"f","response":{"error":"2"}}},
				{"functionResponse":{"id":"made-up","name":"f","response":{"a":3}}},{"functionResponse":{"name":"f","response":{"result":"4"}}},{"functionResponse":{"name":"zz","response":{}}}]}]}`)
		var got []string
		for _, p := range req.Turns[1].Parts {
			got = append(got, p.(*llm.ToolCall).ID)
		}
		want := []llm.Part{result("call_2", say("1")), &llm.ToolResult{CallID: "own", Parts: []llm.Part{say("2")}, Error: true}, result("call_1", say(`{"a":3}`)), result("call_4", say("4")), result("call_of_zz")}
		if !reflect.DeepEqual(got, []string{"call_1", "call_2", "own", "call_4"}) || !reflect.DeepEqual(req.Turns[2], user(want...)) {
			t.Errorf("%v %s", got, js(req.Turns[2]))
		}
	})
	t.Run("GEM-01 signatures: on calls, texts and reasoning", func(t *testing.T) {
		req := decode(t, `{"contents":[{"role":"model","parts":[{"text":"hm","thought":true},{"text":"so","thoughtSignature":"T"},{"functionCall":{"name":"f"},"thoughtSignature":"C"},{"text":"k","thought":true,"thought_signature":"R"}]},
			{"role":"model","parts":[{"text":"hm","thought":true},{"functionCall":{"name":"f"},"thoughtSignature":"C"}]}]}`)
		want := []llm.Turn{
			assistant(&llm.Thinking{Text: "hm"}, say("so"), signaturePart("T"), &llm.ToolCall{ID: "call_1", Name: "f", Seal: "C"}, &llm.Thinking{Text: "k", Signature: ownSeal("R")}),
			assistant(&llm.Thinking{Text: "hm", Signature: ownSeal("C")}, &llm.ToolCall{ID: "call_2", Name: "f", Seal: "C"}),
		}
		if !reflect.DeepEqual(req.Turns, want) {
			t.Errorf("%s", js(req.Turns))
		}
	})
	t.Run("THK what another model signed comes back out of its seal, in either alphabet", func(t *testing.T) {
		thinking := &llm.Thinking{Text: "I think ??>>", Signature: "ErU+/="}
		seal := []byte(llm.Seal(llm.IssuerClaude, thinking))
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			for _, shown := range []string{``, `{"text":"I think ??>>","thought":true},`} {
				req := decode(t, `{"contents":[{"role":"model","parts":[`+shown+`{"functionCall":{"name":"f"},"thoughtSignature":"`+enc.EncodeToString(seal)+`"}]}]}`)
				if !reflect.DeepEqual(req.Turns[0].Parts, []llm.Part{thinking, &llm.ToolCall{ID: "call_1", Name: "f"}}) {
					t.Errorf("%s", js(req.Turns))
				}
			}
		}
		req := decode(t, `{"contents":[{"role":"model","parts":[{"text":"a","thoughtSignature":"`+sealedPrefix+`!"}]}]}`)
		llmtest.WantLoss(t, req.Lost(""), signatureMember)
	})
	t.Run("parts that only Gemini has stay whole, unknown members are named", func(t *testing.T) {
		req := decode(t, `{"contents":[{"parts":[{"executableCode":{"language":"PYTHON","code":"1"}},{"text":"a","what":1,"videoMetadata":{"fps":2}}],"x":1}]}`)
		n := &llm.Native{Dialect: name, Type: "executableCode", Raw: []byte(`{"executableCode":{"language":"PYTHON","code":"1"}}`)}
		if !reflect.DeepEqual(req.Turns[0], user(n, say("a"))) {
			t.Errorf("%s", js(req.Turns))
		}
		for _, path := range []string{"contents[0].parts[1].what", "contents[0].parts[1].videoMetadata", "contents[0].x"} {
			llmtest.WantLoss(t, req.Lost(""), path)
		}
	})
}

func TestDecodeSettings(t *testing.T) {
	req := decode(t, `{"contents":[{"parts":[{"text":"a"}]}],"cachedContent":"c/1","safety_settings":[{}],"serviceTier":"FLEX",
		"generation_config":{"temperature":0.5,"top_p":0.9,"topK":64.0,"max_output_tokens":10,"stop_sequences":["x"],"response_mime_type":"application/json",
			"response_schema":{"type":"OBJECT","properties":{"type":{"type":"STRING","nullable":true}},"propertyOrdering":["type"]},"seed":7,"candidateCount":2,"thinkingConfig":{"includeThoughts":true,"thinkingBudget":-1}},
		"tools":[{"functionDeclarations":[{"name":"f","description":"d","parameters":{"type":"ARRAY","items":{"type":"STRING"},"minItems":"2"},"behavior":"BLOCKING"},{"name":"g","parameters_json_schema":{"type":["object","null"]}}],"google_search":{}}],
		"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]},"retrievalConfig":{}}}`)
	losses := req.Losses
	llmtest.WantLoss(t, losses, "candidateCount")
	req.Losses, req.Turns = nil, nil
	want := &llm.Request{
		Temperature: new(0.5), TopP: new(0.9), TopK: new(int64(64)), MaxTokens: new(int64(10)), Stop: []string{"x"}, Tier: "flex", Answers: 2,
		Format:   &llm.Format{Schema: []byte(`{"type":"object","properties":{"type":{"type":["string","null"]}}}`)},
		Thinking: llm.Thought{Mode: llm.ThinkingAdaptive},
		Choice:   llm.Choice{Mode: llm.ChoiceTool, Name: "f"},
		Tools: []llm.Tool{
			{Name: "f", Description: "d", Schema: []byte(`{"type":"array","items":{"type":"string"},"minItems":2}`), Extra: []llm.Extra{{Dialect: name, Name: "behavior", Raw: []byte(`"BLOCKING"`)}}, Entry: 1},
			{Name: "g", Schema: []byte(`{"type":["object","null"]}`), Entry: 1},
			{Name: "googleSearch", Native: &llm.Native{Dialect: name, Type: "googleSearch", Raw: []byte(`{"googleSearch":{}}`)}, Entry: 1},
		},
		Extra: []llm.Extra{extra(name, "cachedContent", `"c/1"`), extra(name, "safetySettings", `[{}]`), extra(name, "generationConfig.seed", `7`), extra(name, "toolConfig.retrievalConfig", `{}`)},
	}
	if !reflect.DeepEqual(req, want) {
		t.Errorf("got  %s\nwant %s", js(req), js(want))
	}
}

func TestDecodeThinking(t *testing.T) {
	for config, want := range map[string]llm.Thought{
		`{"thinkingBudget":0}`:                             {Mode: llm.ThinkingOff},
		`{"thinkingBudget":-1,"includeThoughts":true}`:     {Mode: llm.ThinkingAdaptive},
		`{"thinkingBudget":8192,"includeThoughts":true}`:   {Mode: llm.ThinkingBudget, Budget: 8192},
		`{"thinkingBudget":8192}`:                          {Mode: llm.ThinkingBudget, Budget: 8192, Display: "omitted"},
		`{"includeThoughts":true,"thinkingLevel":"HIGH"}`:  {Mode: llm.ThinkingEffort, Effort: "high"},
		`{"include_thoughts":true,"thinking_level":"low"}`: {Mode: llm.ThinkingEffort, Effort: "low"},
		`{"includeThoughts":true}`:                         {Mode: llm.ThinkingAdaptive},
		`{"includeThoughts":false}`:                        {},
		`{"thinkingLevel":"THINKING_LEVEL_UNSPECIFIED"}`:   {},
		`{"thinkingLevel":"THINKING_LEVEL_LOW"}`:           {Mode: llm.ThinkingEffort, Effort: "low", Display: "omitted"},
		`{"thinkingBudget":null,"includeThoughts":null}`:   {},
	} {
		req := decode(t, `{"contents":[{"parts":[{"text":"a"}]}],"generationConfig":{"thinkingConfig":`+config+`}}`)
		if req.Thinking != want {
			t.Errorf("%s: %+v", config, req.Thinking)
		}
	}
}

func TestDecodeChoice(t *testing.T) {
	for config, want := range map[string]llm.Choice{
		`{"mode":"AUTO"}`: {Mode: llm.ChoiceAuto}, `{"mode":"any"}`: {Mode: llm.ChoiceAny}, `{"mode":"NONE"}`: {Mode: llm.ChoiceNone}, `{"mode":"VALIDATED"}`: {Mode: llm.ChoiceAuto},
		`{}`: {}, `{"mode":"ANY","allowed_function_names":["f"]}`: {Mode: llm.ChoiceTool, Name: "f"}, `{"mode":"ANY","allowedFunctionNames":["f","g"]}`: {Mode: llm.ChoiceAny},
	} {
		req := decode(t, `{"contents":[{"parts":[{"text":"a"}]}],"tool_config":{"function_calling_config":`+config+`}}`)
		if req.Choice != want {
			t.Errorf("%s: %+v", config, req.Choice)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	turn := func(part string) string { return `{"contents":[{"role":"model","parts":[` + part + `]}]}` }
	for body, param := range map[string]string{
		``: "", `{`: "", `[]`: "", `{}`: "contents", `{"contents":[]}`: "contents", `{"contents":1}`: "contents", `{"contents":[{"role":"robot","parts":[]}]}`: "contents[0].role",
		turn(`{"text":1}`): "contents[0].parts[0].text", turn(`{"functionCall":{}}`): "contents[0].parts[0].functionCall.name",
		turn(`{"functionCall":{"name":"f","args":[]}}`):                                                            "contents[0].parts[0].functionCall.args",
		turn(`{"functionResponse":{"name":"f","response":"x"}}`):                                                   "contents[0].parts[0].functionResponse.response",
		`{"contents":[{"parts":[{"text":"a"}]}],"generationConfig":{"maxOutputTokens":0}}`:                         "generationConfig.maxOutputTokens",
		`{"contents":[{"parts":[{"text":"a"}]}],"generationConfig":{"temperature":"x"}}`:                           "generationConfig.temperature",
		`{"contents":[{"parts":[{"text":"a"}]}],"tools":[{"functionDeclarations":[{}]}]}`:                          "tools[0].functionDeclarations[0].name",
		`{"contents":[{"parts":[{"text":"a"}]}],"tools":[{"functionDeclarations":[{"name":"f","parameters":3}]}]}`: "tools[0].functionDeclarations[0].parameters",
		`{"contents":[{"parts":[{"text":"a"}]}],"toolConfig":{"functionCallingConfig":{"mode":"SOMETIMES"}}}`:      "toolConfig.functionCallingConfig.mode",
		`{"contents":[{"parts":[{"text":"a"}]}],"systemInstruction":5}`:                                            "systemInstruction",
	} {
		_, err := Dialect{}.DecodeRequest(http.Header{}, []byte(body))
		e, ok := errors.AsType[*llm.Error](err)
		if !ok || e.Kind != llm.ErrInvalid || e.Message == "" || e.Param != param {
			t.Errorf("%s: %+v", body, err)
		}
	}
}
