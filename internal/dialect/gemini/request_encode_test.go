package gemini

import (
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

func TestEncodeConversation(t *testing.T) {
	t.Run("MSG-01 results of one turn go into one content, GEM-02 in the order of the calls", func(t *testing.T) {
		v, losses := encode(t, ask(
			user(say("go")),
			assistant(say("calling"), call("a", "f", `{"x":1}`), call("b", "g", ``), call("c", "f", `{"x":2}`)),
			user(result("c", say("third"))), user(result("b", say("second")), say("and now?")), user(result("a", say("first"))),
		), flash())
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "contents.1.parts.1.functionCall", `{"id":"a","name":"f","args":{"x":1}}`)
		llmtest.Want(t, v, "contents.2.parts.0.functionResponse", `{"id":"a","name":"f","response":{"output":"first"}}`)
		llmtest.Want(t, v, "contents.2.parts.1.functionResponse", `{"id":"b","name":"g","response":{"output":"second"}}`)
		llmtest.Want(t, v, "contents.2.parts.2.functionResponse", `{"id":"c","name":"f","response":{"output":"third"}}`)
		llmtest.Want(t, v, "contents.2.parts.3.text", `"and now?"`)
		llmtest.Want(t, v, "contents.3", ``)
	})
	t.Run("GEM-02 as many responses as calls: the missing ones are closed, strays are text", func(t *testing.T) {
		v, losses := encode(t, ask(
			user(say("go")), assistant(call("a", "f", `{}`), call("b", "g", `{}`)), user(result("a", say("one")), result("a", say("again")), result("zz", say("whose?"))),
			assistant(call("d", "f", `{}`)),
		), flash())
		llmtest.WantLoss(t, losses, "messages: tool call")
		llmtest.WantLoss(t, losses, "messages: tool result")
		llmtest.Want(t, v, "contents.2.parts.1.functionResponse.response", `{"error":"No result: the call was not carried out."}`)
		llmtest.Want(t, v, "contents.2.parts.2.text", `"Result of a tool:\nagain"`)
		llmtest.Want(t, v, "contents.4.parts.0.functionResponse.name", `"f"`)
	})
	t.Run("two calls of one id are answered one after the other", func(t *testing.T) {
		v, losses := encode(t, ask(user(say("go")), assistant(call("", "f", `{}`), call("", "g", `{}`)), user(result("", say("one")), result("", say("two")))), flash())
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "contents.2.parts.1.functionResponse", `{"name":"g","response":{"output":"two"}}`)
	})
	t.Run("results: objects stay objects, errors are told, nothing is still something", func(t *testing.T) {
		for text, response := range map[string]string{
			`{"t":21,"u":"C"}`: `{"t":21,"u":"C"}`, `{"output":"x"}`: `{"output":"{\"output\":\"x\"}"}`, `[1]`: `{"output":"[1]"}`, ``: `{"output":""}`, `{}`: `{"output":"{}"}`, `{"a":`: `{"output":"{\"a\":"}`,
		} {
			v, _ := encode(t, ask(user(say("go")), assistant(call("a", "f", `{}`)), user(result("a", say(text)))), flash())
			llmtest.Want(t, v, "contents.2.parts.0.functionResponse.response", response)
		}
		v, _ := encode(t, ask(user(say("go")), assistant(call("a", "f", `{}`)), user(&llm.ToolResult{CallID: "a", Error: true, Parts: []llm.Part{say("no"), say("way")}})), flash())
		llmtest.Want(t, v, "contents.2.parts.0.functionResponse.response", `{"error":"no\nway"}`)
	})
	t.Run("images of results: inside for models that take them there, else beside", func(t *testing.T) {
		req := ask(user(say("go")), assistant(call("a", "f", `{}`), call("b", "f", `{}`)), user(result("a", say("see"), &llm.Media{Kind: llm.Image, MIME: "image/png", Data: "AA=="}), result("b")))
		v, losses := encode(t, req, flash())
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "contents.2.parts.0.functionResponse.parts", ``)
		llmtest.Want(t, v, "contents.2.parts.2.inlineData", `{"mimeType":"image/png","data":"AA=="}`)
		v, losses = encode(t, req, pro3())
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "contents.2.parts.0.functionResponse.parts.0.inlineData", `{"mimeType":"image/png","data":"AA=="}`)
	})
	t.Run("blank texts and empty turns are left out, turns alternate and begin with the user", func(t *testing.T) {
		v, losses := encode(t, ask(assistant(say("hello")), user(say(" "), say("a")), user(), user(say("b")), assistant(&llm.Refusal{Text: "no"}), user(say("c"))), flash())
		llmtest.WantLoss(t, losses, "messages")
		llmtest.Want(t, v, "contents.0.parts.0.text", `"(continued)"`)
		llmtest.Want(t, v, "contents.2.parts", `[{"text":"a"},{"text":"b"}]`)
		llmtest.Want(t, v, "contents.3", `{"role":"model","parts":[{"text":"no"}]}`)
	})
	t.Run("system messages: leading ones are the prompt, others stay in place", func(t *testing.T) {
		req := ask(llm.Turn{Role: llm.System, Parts: []llm.Part{say("second")}}, user(say("a")), llm.Turn{Role: llm.System, Parts: []llm.Part{say("mid")}})
		req.System = []llm.Part{say("x-anthropic-billing-header: cc"), say("first")}
		v, losses := encode(t, req, flash())
		llmtest.WantLoss(t, losses, "messages[2].role")
		llmtest.Want(t, v, "systemInstruction.parts", `[{"text":"first"},{"text":"second"}]`)
		llmtest.Want(t, v, "contents.0.parts.1.text", `"<system>\nmid\n</system>"`)
		v, losses = encode(t, req, llm.Caps{NoSystem: true})
		llmtest.WantLoss(t, losses, "system")
		llmtest.Want(t, v, "systemInstruction", ``)
		llmtest.Want(t, v, "contents.0.parts.0.text", `"first"`)
	})
	t.Run("nothing to say is an error", func(t *testing.T) {
		for _, req := range []*llm.Request{ask(), ask(user(say(" "))), {Turns: []llm.Turn{user(say("a"))}, MaxTokens: new(int64(0))}} {
			if _, _, err := (Dialect{}).EncodeRequest(req, &llm.Target{}); err == nil {
				t.Errorf("%+v was taken", req)
			}
		}
	})
}

func TestEncodeSignatures(t *testing.T) {
	sealed := &llm.ToolCall{ID: "a", Name: "f", Input: []byte(`{}`), Seal: "SIG+/="}
	t.Run("GEM-01 the signature stands on the part, not inside the call", func(t *testing.T) {
		v, losses := encode(t, ask(user(say("go")), assistant(sealed, call("b", "f", `{}`)), user(result("a"), result("b"))), pro3())
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "contents.1.parts.0.thoughtSignature", `"SIG+/="`)
		llmtest.Want(t, v, "contents.1.parts.0.functionCall.thoughtSignature", ``)
		llmtest.Want(t, v, "contents.1.parts.1.thoughtSignature", ``)
	})
	t.Run("GEM-01 calls without one get the documented stand-in where models insist", func(t *testing.T) {
		req := ask(user(say("go")), assistant(call("a", "f", `{}`), call("b", "f", `{}`)), user(result("a"), result("b")))
		v, _ := encode(t, req, pro3())
		llmtest.Want(t, v, "contents.1.parts.0.thoughtSignature", `"skip_thought_signature_validator"`)
		llmtest.Want(t, v, "contents.1.parts.1.thoughtSignature", ``)
		v, _ = encode(t, req, flash())
		llmtest.Want(t, v, "contents.1.parts.0.thoughtSignature", ``)
	})
	t.Run("GEM-01 it comes back on the reasoning before the call", func(t *testing.T) {
		for _, said := range []string{"hm", ""} {
			v, losses := encode(t, ask(user(say("go")), assistant(&llm.Thinking{Text: said, Signature: ownSeal("SIG")}, call("a", "f", `{}`)), user(result("a"))), pro3())
			llmtest.NoLoss(t, losses)
			parts, _ := llmtest.At(v, "contents.1.parts").([]any)
			llmtest.Want(t, parts[len(parts)-1], "thoughtSignature", `"SIG"`)
			if llmtest.Want(t, parts[0], "thought", map[bool]string{true: "true"}[said != ""]); len(parts) != 1+min(1, len(said)) {
				t.Errorf("%s", js(parts))
			}
		}
	})
	t.Run("the signature of a text", func(t *testing.T) {
		v, losses := encode(t, ask(user(say("go")), assistant(say("so"), signaturePart("SIG")), user(say("and")), assistant(signaturePart("S2")), user(say("?"))), pro3())
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "contents.1.parts", `[{"text":"so","thoughtSignature":"SIG"}]`)
		llmtest.Want(t, v, "contents.3.parts", `[{"text":"","thoughtSignature":"S2"}]`)
	})
	t.Run("reasoning nobody signed, or another model did, is named", func(t *testing.T) {
		for _, th := range []*llm.Thinking{{Text: "t"}, {Text: "t", Signature: "ErU"}, {Redacted: "x"}, {Text: "t", Signature: llm.Seal("claude", &llm.Thinking{Signature: "x"})}} {
			v, losses := encode(t, ask(user(say("go")), assistant(th, say("a")), user(say("b"))), pro3())
			llmtest.WantLoss(t, losses, "thinking")
			llmtest.Want(t, v, "contents.1.parts", `[{"text":"a"}]`)
		}
	})
}

func TestEncodeMedia(t *testing.T) {
	tests := []struct {
		name, want string
		m          llm.Media
	}{
		{"an image", `{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}`, llm.Media{Kind: llm.Image, Data: "iVBORw0KGgo="}},
		{"a type people write", `{"inlineData":{"mimeType":"image/jpeg","data":"/9j/"}}`, llm.Media{Kind: llm.Image, MIME: "image/jpg", Data: "/9j/"}},
		{"a PDF", `{"inlineData":{"mimeType":"application/pdf","data":"JVBERi0="}}`, llm.Media{Kind: llm.Document, Data: "JVBERi0="}},
		{"a document of text", `{"inlineData":{"mimeType":"text/plain","data":"aGk="}}`, llm.Media{Kind: llm.Document, Text: "hi"}},
		{"a sound", `{"inlineData":{"mimeType":"audio/wav","data":"AA=="}}`, llm.Media{Kind: llm.Audio, MIME: "audio/wav", Data: "AA=="}},
		{"a film by address", `{"fileData":{"mimeType":"video/mp4","fileUri":"https://x/y.mp4?z"}}`, llm.Media{Kind: llm.Video, URL: "https://x/y.mp4?z"}},
		{"an image by address", `{"fileData":{"mimeType":"image/webp","fileUri":"gs://b/o.webp"}}`, llm.Media{Kind: llm.Image, URL: "gs://b/o.webp"}},
		{"a file uploaded there", `{"fileData":{"mimeType":"application/pdf","fileUri":"https://g/files/1"}}`, llm.Media{Kind: llm.Document, FileID: "https://g/files/1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, losses := encode(t, ask(user(&tt.m)), flash())
			llmtest.NoLoss(t, losses)
			llmtest.Want(t, v, "contents.0.parts.0", tt.want)
		})
	}
	t.Run("what cannot be carried is named", func(t *testing.T) {
		for _, m := range []llm.Media{{Kind: llm.Image, FileID: "file-1"}, {Kind: llm.Image}, {Kind: llm.Image, Data: "x", Detail: "high"}, {Kind: llm.Document, Data: "x", Cite: true}} {
			_, losses := encode(t, ask(user(say("a"), &m)), flash())
			llmtest.WantLoss(t, losses, string(m.Kind))
		}
		_, losses := encode(t, ask(user(say("a"), &llm.Media{Kind: llm.Image, Data: "x"}, &llm.Media{Kind: llm.Document, Data: "x"})), llm.Caps{NoImages: true, NoDocuments: true})
		llmtest.WantLoss(t, losses, "image")
		llmtest.WantLoss(t, losses, "document")
	})
}

func TestEncodeSettings(t *testing.T) {
	t.Run("PAR-02 nothing is made up", func(t *testing.T) {
		v, losses := encode(t, ask(user(say("a"))), flash())
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "generationConfig", ``)
		llmtest.Want(t, v, "toolConfig", ``)
	})
	t.Run("sampling, limits, stops and what other APIs call otherwise", func(t *testing.T) {
		req := ask(user(say("a")))
		req.Temperature, req.TopP, req.TopK, req.MaxTokens = new(2.5), new(0.5), new(int64(3)), new(int64(100_000))
		req.Stop = []string{"1", "", "2", "3", "4", "5", "6"}
		req.Tier, req.User, req.Betas = "flex", "me", []string{"b"}
		req.Extra = []llm.Extra{
			{Dialect: "responses", Name: "client_metadata", Raw: []byte(`{"a":1}`), Bookkeeping: true},
			extra("chat", "seed", "7"), extra("chat", "presence_penalty", "0.5"), extra("chat", "logit_bias", `{"1":2}`), extra("chat", "stream", "true"),
			extra(name, "safetySettings", `[]`), extra(name, "generationConfig.responseLogprobs", "true"), extra(name, "toolConfig.retrievalConfig", `{}`), extra(name, "contents", `[]`),
		}
		v, losses := encode(t, req, flash())
		for _, l := range losses {
			if l.Path == "user" || l.Path == "client_metadata" {
				t.Errorf("%s is said to be lost, and no model sees it", l.Path)
			}
		}
		for _, path := range []string{"temperature", "max_tokens", "stop", "anthropic-beta", "logit_bias", "contents"} {
			llmtest.WantLoss(t, losses, path)
		}
		llmtest.Want(t, v, "generationConfig", `{"temperature":2,"topP":0.5,"topK":3,"maxOutputTokens":65536,"stopSequences":["1","2","3","4","5"],"seed":7,"presencePenalty":0.5,"responseLogprobs":true}`)
		llmtest.Want(t, v, "safetySettings", `[]`)
		llmtest.Want(t, v, "toolConfig", `{"retrievalConfig":{}}`)
		llmtest.Want(t, v, "serviceTier", `"flex"`)
	})
	t.Run("structured output", func(t *testing.T) {
		req := ask(user(say("a")))
		req.Format = &llm.Format{Schema: []byte(`{"type":"object","additionalProperties":false}`)}
		v, losses := encode(t, req, flash())
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "generationConfig", `{"responseMimeType":"application/json","responseJsonSchema":{"type":"object","additionalProperties":false}}`)
		req.Tools = []llm.Tool{{Name: "f"}}
		v, losses = encode(t, req, flash())
		llmtest.WantLoss(t, losses, "response_format")
		llmtest.Want(t, v, "generationConfig", ``)
		v, losses = encode(t, req, pro3())
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "generationConfig.responseMimeType", `"application/json"`)
	})
	t.Run("cache points are named once", func(t *testing.T) {
		req := ask(user(&llm.Text{Text: "a", Cache: &llm.Cache{}}, &llm.Text{Text: "b", Cache: &llm.Cache{}}))
		if _, losses := encode(t, req, flash()); len(losses) != 1 || losses[0].Count != 2 {
			t.Errorf("%v", losses)
		}
	})
}

func TestEncodeThinking(t *testing.T) {
	always := flash()
	always.Efforts = []string{"low", "medium", "high"}
	tests := []struct {
		name       string
		thought    llm.Thought
		caps       llm.Caps
		want, loss string
	}{
		{"a budget", llm.Thought{Mode: llm.ThinkingBudget, Budget: 2000}, flash(), `{"includeThoughts":true,"thinkingBudget":2000}`, ""},
		{"a budget too large", llm.Thought{Mode: llm.ThinkingBudget, Budget: 31999}, flash(), `{"includeThoughts":true,"thinkingBudget":24576}`, "budget"},
		{"as the model sees fit", llm.Thought{Mode: llm.ThinkingAdaptive}, flash(), `{"includeThoughts":true,"thinkingBudget":-1}`, ""},
		{"an effort for a model with budgets", llm.Thought{Mode: llm.ThinkingEffort, Effort: "low"}, flash(), `{"includeThoughts":true,"thinkingBudget":2048}`, ""},
		{"off", llm.Thought{Mode: llm.ThinkingOff}, flash(), `{"thinkingBudget":0}`, ""},
		{"an effort of none", llm.Thought{Mode: llm.ThinkingEffort, Effort: "none"}, flash(), `{"thinkingBudget":0}`, ""},
		{"off where it cannot be", llm.Thought{Mode: llm.ThinkingOff}, always, `{"thinkingBudget":512}`, "thinking"},
		{"unseen", llm.Thought{Mode: llm.ThinkingBudget, Budget: 2000, Display: "omitted"}, flash(), `{"thinkingBudget":2000}`, ""},
		{"a level", llm.Thought{Mode: llm.ThinkingEffort, Effort: "high"}, pro3(), `{"includeThoughts":true,"thinkingLevel":"high"}`, ""},
		{"the nearest level", llm.Thought{Mode: llm.ThinkingEffort, Effort: "medium"}, pro3(), `{"includeThoughts":true,"thinkingLevel":"high"}`, "effort"},
		{"the lowest level for off", llm.Thought{Mode: llm.ThinkingOff}, pro3(), `{"thinkingLevel":"low"}`, "effort"},
		{"a budget as a level", llm.Thought{Mode: llm.ThinkingBudget, Budget: 1024}, pro3(), `{"includeThoughts":true,"thinkingLevel":"low"}`, "budget"},
		{"adaptive with levels", llm.Thought{Mode: llm.ThinkingAdaptive}, pro3(), `{"includeThoughts":true}`, ""},
		{"an effort to a model nobody knows", llm.Thought{Mode: llm.ThinkingEffort, Effort: "minimal"}, llm.Caps{}, `{"includeThoughts":true,"thinkingLevel":"low"}`, "effort"},
		{"a budget to a model nobody knows", llm.Thought{Mode: llm.ThinkingBudget, Budget: 4096}, llm.Caps{}, `{"includeThoughts":true,"thinkingBudget":4096}`, ""},
		{"a model that cannot", llm.Thought{Mode: llm.ThinkingAdaptive}, llm.Caps{Thinking: llm.ThinkNone}, ``, "thinking"},
		{"nothing said", llm.Thought{}, flash(), ``, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := ask(user(say("a")))
			req.Thinking = tt.thought
			v, losses := encode(t, req, tt.caps)
			llmtest.Want(t, v, "generationConfig.thinkingConfig", tt.want)
			if tt.loss == "" {
				llmtest.NoLoss(t, losses)
			} else {
				llmtest.WantLoss(t, losses, tt.loss)
			}
		})
	}
	t.Run("a budget made of an effort fits the client's limit", func(t *testing.T) {
		req := ask(user(say("a")))
		req.Thinking, req.MaxTokens = llm.Thought{Mode: llm.ThinkingEffort, Effort: "high"}, new(int64(4000))
		v, _ := encode(t, req, flash())
		llmtest.Want(t, v, "generationConfig.thinkingConfig.thinkingBudget", `2000`)
	})
}

func TestEncodeTools(t *testing.T) {
	tool := func(name string) llm.Tool {
		return llm.Tool{Name: name, Description: "d", Schema: []byte(`{"type":"object","properties":{"a":{"type":"string"}}}`)}
	}
	t.Run("choice", func(t *testing.T) {
		for choice, config := range map[llm.Choice]string{
			{}:                                       ``,
			{Mode: llm.ChoiceAuto}:                   `{"mode":"AUTO"}`,
			{Mode: llm.ChoiceNone}:                   `{"mode":"NONE"}`,
			{Mode: llm.ChoiceAny}:                    `{"mode":"ANY"}`,
			{Mode: llm.ChoiceTool, Name: "f.g long"}: `{"mode":"ANY","allowedFunctionNames":["` + wireName("f.g long") + `"]}`,
		} {
			req := ask(user(say("a")))
			req.Tools, req.Choice = []llm.Tool{tool("f.g long"), tool("h")}, choice
			v, losses := encode(t, req, flash())
			llmtest.NoLoss(t, losses)
			llmtest.Want(t, v, "toolConfig.functionCallingConfig", config)
			llmtest.Want(t, v, "tools.0.functionDeclarations.1", `{"name":"h","description":"d","parameters":{"type":"OBJECT","properties":{"a":{"type":"STRING"}}}}`)
		}
	})
	t.Run("a choice that cannot be met is named", func(t *testing.T) {
		for _, c := range []llm.Choice{{Mode: llm.ChoiceTool, Name: "zz"}, {Mode: llm.ChoiceAny}} {
			req := ask(user(say("a")))
			if req.Choice = c; c.Mode == llm.ChoiceTool {
				req.Tools = []llm.Tool{tool("f")}
			}
			v, losses := encode(t, req, flash())
			llmtest.WantLoss(t, losses, "tool_choice")
			llmtest.Want(t, v, "toolConfig", ``)
		}
	})
	t.Run("TOOL-09 names begin with a letter and come back as they were", func(t *testing.T) {
		for _, n := range []string{"plain", "a.b c", "1st", "-x", "tpk_1st", "tpk_plain", strings.Repeat("long", 40), "名前"} {
			req := ask(user(say("a")))
			req.Tools = []llm.Tool{tool(n)}
			v, _ := encode(t, req, flash())
			sent, _ := llmtest.At(v, "tools.0.functionDeclarations.0.name").(string)
			if back := llm.RestoreName(req, plainName(sent)); back != n {
				t.Errorf("%q was sent as %q and comes back as %q", n, sent, back)
			}
		}
	})
	t.Run("hosted tools of Gemini stay, others are named, doubles too", func(t *testing.T) {
		req := ask(user(say("a")))
		req.Tools = []llm.Tool{
			tool("f"), tool("f"),
			{Name: "googleSearch", Native: &llm.Native{Dialect: name, Type: "googleSearch", Raw: []byte(`{"googleSearch":{}}`)}},
			{Name: "web_search", Native: &llm.Native{Dialect: "messages", Type: "web_search_20250305", Raw: []byte(`{}`)}},
		}
		req.Parallel = new(false)
		req.Tools[0].Strict = new(true)
		v, losses := encode(t, req, flash())
		for _, path := range []string{"tools[1]", "web_search", "parallel", "strict"} {
			llmtest.WantLoss(t, losses, path)
		}
		llmtest.Want(t, v, "tools.1", `{"googleSearch":{}}`)
		llmtest.Want(t, v, "tools.0.functionDeclarations.1", ``)
	})
	t.Run("TOOL-18 arguments that are no object", func(t *testing.T) {
		v, losses := encode(t, ask(user(say("go")), assistant(&llm.ToolCall{ID: "a", Name: "f", Broken: `{"x":`}), user(result("a"))), flash())
		llmtest.WantLoss(t, losses, "tool call")
		llmtest.Want(t, v, "contents.1.parts.0.functionCall.args", `{"_raw_arguments":"{\"x\":"}`)
	})
	t.Run("a model without tools gets them as text", func(t *testing.T) {
		req := ask(user(say("go")), assistant(call("a", "f", `{"x":1}`)), user(result("a", say("done"))))
		req.Tools = []llm.Tool{tool("f")}
		v, losses := encode(t, req, llm.Caps{NoTools: true})
		llmtest.WantLoss(t, losses, "tools")
		llmtest.Want(t, v, "contents.1.parts.0.text", `"Call of the tool f: {\"x\":1}"`)
		llmtest.Want(t, v, "contents.2.parts.0.text", `"Result of a tool:\ndone"`)
	})
}
