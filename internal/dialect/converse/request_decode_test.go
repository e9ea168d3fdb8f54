package converse

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// read decodes a client's body.
func read(t testing.TB, body string) *llm.Request {
	t.Helper()
	req, err := Dialect{}.DecodeRequest(http.Header{}, []byte(body))
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	return req
}

// saying is a body with one message of a role.
func saying(role, blocks string) string {
	return `{"messages":[{"role":"` + role + `","content":[` + blocks + `]}]}`
}

func TestDecodeRequestBlocks(t *testing.T) {
	const pdf = "JVBERi0="
	hour := &llm.Cache{TTL: "1h"}
	cases := []struct {
		name, role, blocks string
		want               []llm.Part
		loss               string
	}{
		{
			"MSG-16 the order of parts", "user", `{"text":"a"},{"image":{"format":"png","source":{"bytes":"iVBO"}}},{"text":"b","image":null}`,
			[]llm.Part{text("a"), &llm.Media{Kind: llm.Image, MIME: "image/png", Data: "iVBO"}, text("b")},
			"",
		},
		{
			"a picture in S3 is Bedrock's", "user", `{"image":{"format":"png","source":{"s3Location":{"uri":"s3://b/k","bucketOwner":"1"}}}}`,
			[]llm.Part{&llm.Native{Dialect: "converse", Type: "image", Raw: []byte(`{"image":{"format":"png","source":{"s3Location":{"uri":"s3://b/k","bucketOwner":"1"}}}}`)}},
			"",
		},
		{"a film", "user", `{"video":{"format":"three_gp","source":{"bytes":"AA=="}}}`, []llm.Part{&llm.Media{Kind: llm.Video, MIME: "video/3gpp", Data: "AA=="}}, ""},
		{"a sound", "user", `{"audio":{"format":"mp3","source":{"bytes":"AA=="}}}`, []llm.Part{&llm.Media{Kind: llm.Audio, MIME: "audio/mpeg", Data: "AA=="}}, ""},
		{
			"a document", "user", `{"document":{"format":"pdf","name":"n","source":{"bytes":"` + pdf + `"},"context":"c","citations":{"enabled":true}}}`,
			[]llm.Part{&llm.Media{Kind: llm.Document, MIME: "application/pdf", Data: pdf, Name: "n", Context: "c", Cite: true}},
			"",
		},
		{"a document of text", "user", `{"document":{"name":"n","source":{"text":"x"}}}`, []llm.Part{&llm.Media{Kind: llm.Document, MIME: "text/plain", Text: "x", Name: "n"}}, ""},
		{
			"a document in pieces", "user", `{"document":{"format":"txt","name":"n","source":{"content":[{"text":"x"},{"text":"y"}]}}}`,
			[]llm.Part{&llm.Native{Dialect: "messages", Type: "document", Raw: []byte(`{"type":"document","source":{"type":"content","content":[{"type":"text","text":"x"},{"type":"text","text":"y"}]},"title":"n","citations":{"enabled":false}}`)}},
			"",
		},
		{
			"a search result with a cache point", "user", `{"searchResult":{"source":"s","title":"t","content":[{"text":"x"}],"citations":{"enabled":true}}},{"cachePoint":{"type":"default"}}`,
			[]llm.Part{&llm.Native{Dialect: "messages", Type: "search_result", Cache: &llm.Cache{}, Raw: []byte(`{"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"x"}],"citations":{"enabled":true},"cache_control":{"type":"ephemeral"}}`)}},
			"",
		},
		{"a call", "assistant", `{"toolUse":{"toolUseId":"i","name":"f","input":{"a": 1},"type":null}}`, []llm.Part{call("i", "f", `{"a": 1}`)}, ""},
		{"TOOL-18 a call without an object is kept as it is", "assistant", `{"toolUse":{"toolUseId":"i","name":"f","input":[1]}}`, []llm.Part{&llm.ToolCall{ID: "i", Name: "f", Broken: "[1]"}}, ""},
		{
			"TOOL-22 a call of Bedrock's own tool", "assistant", `{"toolUse":{"toolUseId":"i","name":"nova_grounding","input":{},"type":"server_tool_use"}}`,
			[]llm.Part{&llm.Native{Dialect: "converse", Type: "toolUse", Raw: []byte(`{"toolUse":{"toolUseId":"i","name":"nova_grounding","input":{},"type":"server_tool_use"}}`)}},
			"",
		},
		{"TOOL-17 a failed result", "user", `{"toolResult":{"toolUseId":"i","content":[{"text":"no"}],"status":"error"}}`, []llm.Part{&llm.ToolResult{CallID: "i", Parts: []llm.Part{text("no")}, Error: true}}, ""},
		{
			"TOOL-16 a result with JSON and a picture", "user", `{"toolResult":{"toolUseId":"i","status":"success","content":[{"json":{"a":[1]}},{"image":{"format":"gif","source":{"bytes":"R0lG"}}}]}}`,
			[]llm.Part{result("i", text(`{"a":[1]}`), &llm.Media{Kind: llm.Image, MIME: "image/gif", Data: "R0lG"})},
			"",
		},
		{"THK-02 reasoning", "assistant", `{"reasoningContent":{"reasoningText":{"text":"t","signature":"s"}}},{"text":"a"}`, []llm.Part{&llm.Thinking{Text: "t", Signature: "s"}, text("a")}, ""},
		{"THK-03 a signature without a text", "assistant", `{"reasoningContent":{"reasoningText":{"text":"","signature":"s"}}}`, []llm.Part{&llm.Thinking{Signature: "s"}}, ""},
		{"THK-06 redacted reasoning as Claude gave it", "assistant", `{"reasoningContent":{"redactedContent":"RW13SytB"}}`, []llm.Part{&llm.Thinking{Redacted: "EmwK+A"}}, ""},
		{"THK-06 redacted reasoning of others", "assistant", `{"reasoningContent":{"redactedContent":"AAEC"}}`, []llm.Part{&llm.Thinking{Redacted: "AAEC"}}, ""},
		{
			"THK-04 interleaved reasoning", "assistant", `{"reasoningContent":{"reasoningText":{"text":"1","signature":"s"}}},{"toolUse":{"toolUseId":"i","name":"f","input":{}}},{"reasoningContent":{"reasoningText":{"text":"2","signature":"t"}}},{"text":"x"}`,
			[]llm.Part{&llm.Thinking{Text: "1", Signature: "s"}, call("i", "f", "{}"), &llm.Thinking{Text: "2", Signature: "t"}, text("x")},
			"",
		},
		{
			"CACHE-05 cache points with and without an hour", "user", `{"text":"a"},{"cachePoint":{"type":"default","ttl":"1h"}},{"text":"b"},{"cachePoint":{"type":"default"}}`,
			[]llm.Part{&llm.Text{Text: "a", Cache: hour}, &llm.Text{Text: "b", Cache: &llm.Cache{}}},
			"",
		},
		{
			"CACHE-08 a cache point behind reasoning", "assistant", `{"text":"a"},{"reasoningContent":{"reasoningText":{"text":"t","signature":"s"}}},{"cachePoint":{"type":"default"}}`,
			[]llm.Part{&llm.Text{Text: "a", Cache: &llm.Cache{}}, &llm.Thinking{Text: "t", Signature: "s"}},
			"messages[0].content[2]",
		},
		{"a cache point on nothing", "user", `{"cachePoint":{"type":"default"}},{"text":"a"}`, []llm.Part{text("a")}, "messages[0].content[0]"},
		{"guarded text stays text", "user", `{"guardContent":{"text":{"text":"g","qualifiers":["query"]}}}`, []llm.Part{&llm.Text{Text: "g", Guard: []byte(`["query"]`)}}, ""},
		{
			"a guarded picture is Bedrock's", "user", `{"guardContent":{"image":{"format":"png","source":{"bytes":"A"}}}}`,
			[]llm.Part{&llm.Native{Dialect: "converse", Type: "guardContent", Raw: []byte(`{"guardContent":{"image":{"format":"png","source":{"bytes":"A"}}}}`)}},
			"",
		},
		{"TOOL-22 cited text", "assistant", `{"citationsContent":{"content":[{"text":"a"},{"text":"b"}],"citations":[{"title":"t"}]}}`, []llm.Part{&llm.Text{Text: "ab", Citations: cites(`[{"title":"t"}]`)}}, ""},
		{"MSG-17 a block nobody knows", "user", `{"hologram":{"x":1}}`, []llm.Part{&llm.Native{Dialect: "converse", Type: "hologram", Raw: []byte(`{"hologram":{"x":1}}`)}}, ""},
		{"an unknown member", "user", `{"image":{"format":"png","source":{"bytes":"A"},"zoom":2}}`, []llm.Part{&llm.Media{Kind: llm.Image, MIME: "image/png", Data: "A"}}, "messages[0].content[0].image.zoom"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			req := read(t, saying(c.role, c.blocks))
			if got := req.Turns[0].Parts; !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %s\nwant %s", mustJSON(got), mustJSON(c.want))
			}
			if c.loss == "" {
				llmtest.NoLoss(t, req.Lost(""))
			} else {
				llmtest.WantLoss(t, req.Lost(""), c.loss)
			}
		})
	}
}

func TestDecodeRequestMembers(t *testing.T) {
	const hello = `"messages":[{"role":"user","content":[{"text":"hi"}]}]`
	extra := func(name, raw string) []llm.Extra {
		return []llm.Extra{{Dialect: "converse", Name: name, Raw: []byte(raw)}}
	}
	cases := []struct {
		name, members string
		want          llm.Request // beside the turns
		loss          string
	}{
		{
			"MSG-05 system texts in their order", `"system":[{"text":"a"},{"cachePoint":{"type":"default"}},{"text":"b"},{"guardContent":{"text":{"text":"g"}}}]`,
			llm.Request{System: []llm.Part{&llm.Text{Text: "a", Cache: &llm.Cache{}}, text("b"), &llm.Text{Text: "g", Guard: []byte("[]")}}},
			"",
		},
		{"PAR-02 only what the client set", `"inferenceConfig":{"topP":0.5}`, llm.Request{TopP: new(0.5)}, ""},
		{
			"PAR-05 every setting", `"inferenceConfig":{"maxTokens":5,"temperature":0,"topP":1,"stopSequences":["x","y"],"seed":1}`,
			llm.Request{MaxTokens: new(int64(5)), Temperature: new(0.0), TopP: new(1.0), Stop: []string{"x", "y"}},
			"inferenceConfig.seed",
		},
		{
			"tools with a cache point", `"toolConfig":{"tools":[{"toolSpec":{"name":"f","description":"d","inputSchema":{"json":{"type":"object"}},"strict":true}},{"cachePoint":{"type":"default"}},{"systemTool":{"name":"nova_grounding"}}],"toolChoice":{"tool":{"name":"f"}}}`,
			llm.Request{Choice: llm.Choice{Mode: llm.ChoiceTool, Name: "f"}, Tools: []llm.Tool{
				{Name: "f", Description: "d", Schema: []byte(`{"type":"object"}`), Strict: new(true), Cache: &llm.Cache{}},
				{Name: "nova_grounding", Native: &llm.Native{Dialect: "converse", Type: "systemTool", Raw: []byte(`{"systemTool":{"name":"nova_grounding"}}`)}},
			}},
			"",
		},
		{"TOOL-01 any", `"toolConfig":{"tools":[],"toolChoice":{"any":{}}}`, llm.Request{Choice: llm.Choice{Mode: llm.ChoiceAny}}, ""},
		{"auto", `"toolConfig":{"toolChoice":{"auto":{},"any":null}}`, llm.Request{Choice: llm.Choice{Mode: llm.ChoiceAuto}}, ""},
		{"what only Bedrock has", `"guardrailConfig":{"guardrailIdentifier":"g"}`, llm.Request{Extra: extra("guardrailConfig", `{"guardrailIdentifier":"g"}`)}, ""},
		{"the tier", `"serviceTier":{"type":"flex"}`, llm.Request{Tier: "flex"}, ""},
		{
			"structured output and effort", `"outputConfig":{"effort":"low","textFormat":{"type":"json_schema","structure":{"jsonSchema":{"name":"n","description":"d","schema":"{\"type\":\"object\"}"}}}}`,
			llm.Request{Thinking: llm.Thought{Effort: "low"}, Format: &llm.Format{Name: "n", Description: "d", Schema: []byte(`{"type":"object"}`)}},
			"",
		},
		{"STOP-10 a stop sequence asked for is no loss", `"additionalModelResponseFieldPaths":["/delta/stop_sequence","/stop_sequence"]`, llm.Request{}, ""},
		{"other fields asked for", `"additionalModelResponseFieldPaths":["/stop_sequence","/x"]`, llm.Request{Extra: extra("additionalModelResponseFieldPaths", `["/stop_sequence","/x"]`)}, ""},
		{"THK-09 a budget", `"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000}}`, llm.Request{Thinking: llm.Thought{Mode: llm.ThinkingBudget, Budget: 2000}}, ""},
		{"a budget by its older name", `"additionalModelRequestFields":{"reasoning_config":{"type":"enabled","budget_tokens":2000}}`, llm.Request{Thinking: llm.Thought{Mode: llm.ThinkingBudget, Budget: 2000}}, ""},
		{
			"THK-11 adaptive, and an effort before it", `"additionalModelRequestFields":{"output_config":{"effort":"max"},"thinking":{"type":"adaptive","display":"omitted"}}`,
			llm.Request{Thinking: llm.Thought{Mode: llm.ThinkingAdaptive, Display: "omitted", Effort: "max"}},
			"",
		},
		{"THK-14 disabled", `"additionalModelRequestFields":{"thinking":{"type":"disabled"}}`, llm.Request{Thinking: llm.Thought{Mode: llm.ThinkingOff}}, ""},
		{"THK-15 Nova's effort", `"additionalModelRequestFields":{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"}}`, llm.Request{Thinking: llm.Thought{Mode: llm.ThinkingEffort, Effort: "low"}}, ""},
		{"Nova disabled", `"additionalModelRequestFields":{"reasoningConfig":{"type":"disabled"}}`, llm.Request{Thinking: llm.Thought{Mode: llm.ThinkingOff}}, ""},
		{"THK-15 OpenAI's effort", `"additionalModelRequestFields":{"reasoning_effort":"high"}`, llm.Request{Thinking: llm.Thought{Mode: llm.ThinkingEffort, Effort: "high"}}, ""},
		{"PAR-05 top_k", `"additionalModelRequestFields":{"top_k":7}`, llm.Request{TopK: new(int64(7))}, ""},
		{"PAR-05 Nova's topK", `"additionalModelRequestFields":{"inferenceConfig":{"topK":7}}`, llm.Request{TopK: new(int64(7))}, ""},
		{"HDR-02 beta flags in the body", `"additionalModelRequestFields":{"anthropic_beta":["a","b"]}`, llm.Request{Betas: []string{"a", "b"}}, ""},
		{"a schema among the model's fields", `"additionalModelRequestFields":{"output_config":{"format":{"type":"json_schema","schema":{}}}}`, llm.Request{Format: &llm.Format{Schema: []byte(`{}`)}}, ""},
		{"a field in an unknown form is kept", `"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000,"depth":3}}`, llm.Request{Extra: extra("additionalModelRequestFields.thinking", `{"type":"enabled","budget_tokens":2000,"depth":3}`)}, ""},
		{"an unknown field is kept", `"additionalModelRequestFields":{"seed":3}`, llm.Request{Extra: extra("additionalModelRequestFields.seed", `3`)}, ""},
		{"null is absent", `"system":null,"inferenceConfig":{"maxTokens":null},"toolConfig":null,"additionalModelRequestFields":null`, llm.Request{}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := read(t, `{`+c.members+`,`+hello+`}`)
			if c.loss == "" {
				llmtest.NoLoss(t, got.Lost(""))
			} else {
				llmtest.WantLoss(t, got.Lost(""), c.loss)
			}
			c.want.Turns, got.Losses, got.Odd = []llm.Turn{user(text("hi"))}, nil, nil
			if !reflect.DeepEqual(got, &c.want) {
				t.Errorf("got  %s\nwant %s", mustJSON(got), mustJSON(c.want))
			}
		})
	}
}

func TestDecodeRequestRoles(t *testing.T) {
	req := read(t, `{"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"user","content":[{"text":"b"}],"name":"n"},{"role":"system","content":[{"text":"c"}]},{"role":"assistant","content":[]}]}`)
	want := []llm.Turn{user(text("a")), user(text("b")), {Role: llm.System, Parts: []llm.Part{text("c")}}, {Role: llm.Assistant}}
	if !reflect.DeepEqual(req.Turns, want) {
		t.Errorf("got %s", mustJSON(req.Turns))
	}
	llmtest.WantLoss(t, req.Lost(""), "messages[1].name")
}

func TestDecodeRequestRefuses(t *testing.T) {
	cases := []struct{ name, body, param string }{
		{"no JSON", `{"messages":`, ""},
		{"no object", `[]`, ""},
		{"nothing", `{}`, "messages"},
		{"no messages", `{"messages":[]}`, "messages"},
		{"no role", `{"messages":[{"content":[]}]}`, "messages[0].role"},
		{"an unknown role", `{"messages":[{"role":"tool","content":[]}]}`, "messages[0].role"},
		{"no content", `{"messages":[{"role":"user"}]}`, "messages[0].content"},
		{"content that is a string", `{"messages":[{"role":"user","content":"x"}]}`, "messages[0].content"},
		{"a block of two", saying("user", `{"text":"a","image":{}}`), "messages[0].content[0]"},
		{"a block of nothing", saying("user", `{"text":"a"},{}`), "messages[0].content[1]"},
		{"a text that is a number", saying("user", `{"text":3}`), "messages[0].content[0].text"},
		{"a call of the user's", saying("user", `{"toolUse":{"toolUseId":"i","name":"f","input":{}}}`), "messages[0].content"},
		{"a result of the assistant's", saying("assistant", `{"toolResult":{"toolUseId":"i","content":[]}}`), "messages[0].content"},
		{"reasoning of the user's", saying("user", `{"reasoningContent":{"reasoningText":{"text":"t"}}}`), "messages[0].content"},
		{"a call without an id", saying("assistant", `{"toolUse":{"name":"f","input":{}}}`), "messages[0].content[0].toolUse.toolUseId"},
		{"a call without a name", saying("assistant", `{"toolUse":{"toolUseId":"i","input":{}}}`), "messages[0].content[0].toolUse.name"},
		{"a call without input", saying("assistant", `{"toolUse":{"toolUseId":"i","name":"f"}}`), "messages[0].content[0].toolUse.input"},
		{"a result without an id", saying("user", `{"toolResult":{"content":[]}}`), "messages[0].content[0].toolResult.toolUseId"},
		{"a result in a result", saying("user", `{"toolResult":{"toolUseId":"i","content":[{"toolResult":{"toolUseId":"j"}}]}}`), "messages[0].content[0].toolResult.content"},
		{"a call in the system prompt", `{"system":[{"toolUse":{"toolUseId":"i","name":"f","input":{}}}]}`, "system"},
		{"a limit of nothing", `{"inferenceConfig":{"maxTokens":0}}`, "inferenceConfig.maxTokens"},
		{"a limit that is a text", `{"inferenceConfig":{"maxTokens":"5"}}`, "inferenceConfig.maxTokens"},
		{"a tool without a name", `{"toolConfig":{"tools":[{"toolSpec":{"inputSchema":{"json":{}}}}]}}`, "toolConfig.tools[0].toolSpec.name"},
		{"a tool without a schema", `{"toolConfig":{"tools":[{"toolSpec":{"name":"f"}}]}}`, "toolConfig.tools[0].toolSpec.inputSchema.json"},
		{"a schema that is a text", `{"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":"{}"}}}]}}`, "toolConfig.tools[0].toolSpec.inputSchema.json"},
		{"a tool of nothing", `{"toolConfig":{"tools":[{}]}}`, "toolConfig.tools[0]"},
		{"two choices", `{"toolConfig":{"toolChoice":{"auto":{},"any":{}}}}`, "toolConfig.toolChoice"},
		{"a choice of no tool", `{"toolConfig":{"toolChoice":{"tool":{}}}}`, "toolConfig.toolChoice.tool.name"},
		{"a format without a schema", `{"outputConfig":{"textFormat":{"type":"json_schema"}}}`, "outputConfig.textFormat.structure.jsonSchema.schema"},
		{"another format", `{"outputConfig":{"textFormat":{"type":"xml"}}}`, "outputConfig.textFormat.type"},
		{"a schema that is no JSON", `{"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{"}}}}}`, "outputConfig.textFormat.structure.jsonSchema.schema"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Dialect{}.DecodeRequest(nil, []byte(c.body))
			e, ok := errors.AsType[*llm.Error](err)
			if !ok || e.Kind != llm.ErrInvalid || e.Message == "" {
				t.Fatalf("got %v", err)
			}
			if c.param != "" && e.Param != c.param {
				t.Errorf("%q is at fault, want %q: %s", e.Param, c.param, e.Message)
			}
		})
	}
}

// TestSealedReasoning holds that a seal that went out comes back as one, and
// makes the request be translated.
func TestSealedReasoning(t *testing.T) {
	foreign := llm.Seal("chat", &llm.Thinking{Text: "t", Redacted: "enc"})
	for name, th := range map[string]*llm.Thinking{
		"THK-18 unsigned": {Text: "t"}, "a sealed proof": {Text: "t", Signature: foreign}, "a sealed blob": {Redacted: foreign},
	} {
		t.Run(name, func(t *testing.T) {
			body := Dialect{}.EncodeResponse(&llm.Request{}, &llm.Response{Parts: []llm.Part{th}, Stop: llm.StopEnd})
			var v map[string]any
			if err := json.Unmarshal(body, &v); err != nil {
				t.Fatal(err)
			}
			back := `{"messages":[{"role":"user","content":[{"text":"a"}]},` + mustJSON(llmtest.At(v, "output.message")) + `]}`
			if !llm.HasSeal([]byte(back)) {
				t.Fatalf("no seal in %s", back)
			}
			got, ok := read(t, back).Turns[1].Parts[0].(*llm.Thinking)
			if !ok || got.Text != "t" || !llm.IsSeal(got.Signature) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestPass(t *testing.T) {
	body, err := wire.ParseObject([]byte(`{"messages":[],"futureMember":{"a" : 1}}`))
	if err != nil {
		t.Fatal(err)
	}
	edits, losses, ok := Dialect{}.Pass(body, nil, &llm.Target{Model: "m"})
	if len(edits)+len(losses) > 0 || !ok || !(Dialect{}).AsksUsage(body) {
		t.Errorf("%v %v %v", edits, losses, ok)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(saying("user", `{"text":"a"},{"cachePoint":{"type":"default"}},{"searchResult":{"content":[{"text":"x"}]}},{"cachePoint":{"ttl":"1h"}}`)))
	f.Add([]byte(saying("assistant", `{"reasoningContent":{"reasoningText":{"text":"t","signature":"~tpk1.x.YQBiAGM"}}},{"toolUse":{"toolUseId":"i","name":"f","input":{}}},{"citationsContent":{"content":[{"text":"a"}],"citations":[1`)))
	f.Add([]byte(`{"system":[{"guardContent":{"text":{"text":"g","qualifiers":[]}}}],"toolConfig":{"tools":[{"systemTool":{}},{"toolSpec":{"name":"f","inputSchema":{"json":{}}}}]},"messages":[{"role":"user","content":[{"document":{"source":{"content":[{"text":"a"}]}}}]}]}`))
	f.Add([]byte(`{"additionalModelRequestFields":{"thinking":{"type":"enabled"},"inferenceConfig":{"topK":1}},"outputConfig":{"textFormat":{"structure":{"jsonSchema":{"schema":"{}"}}}},"messages":[]}`))
	f.Add([]byte("{\"messages\":[{\"role\":\"user\",\"content\":[{\"te\nxt\":{\"b\xb9\nc\":\"1h\"}}]}]}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := Dialect{}.DecodeRequest(nil, body)
		if err != nil {
			if e, ok := errors.AsType[*llm.Error](err); !ok || e.Kind != llm.ErrInvalid {
				t.Fatalf("%v", err)
			}
			return
		}
		if len(req.Losses) > maxDecodeLosses {
			t.Fatalf("%d losses", len(req.Losses))
		}
		for _, turn := range req.Turns {
			for _, p := range turn.Parts {
				if n, ok := p.(*llm.Native); ok && !json.Valid(n.Raw) && !strings.ContainsAny(string(body), "\x00\x01\x1f") {
					t.Fatalf("raw %q", n.Raw)
				}
			}
		}
		out, _, err := Dialect{}.EncodeRequest(req, &llm.Target{Model: "m"})
		if err == nil && !wire.Valid(out, '{') {
			t.Fatalf("%s becomes %s", body, out)
		}
	})
}
