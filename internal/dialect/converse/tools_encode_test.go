package converse

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

func TestEncodeTools(t *testing.T) {
	one := func(t *testing.T, caps llm.Caps, tool llm.Tool, choice llm.Choice) (map[string]any, []llm.Loss) {
		return encode(t, &llm.Request{Turns: []llm.Turn{user(text("x"))}, Tools: []llm.Tool{tool}, Choice: choice}, caps)
	}
	schema := []byte(`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`)
	t.Run("a tool", func(t *testing.T) {
		v, losses := one(t, claudeCaps(), llm.Tool{Name: "f", Description: "does", Schema: schema, Strict: new(true)}, llm.Choice{})
		noLoss(t, losses)
		want(t, v, "toolConfig", `{"tools":[{"toolSpec":{"name":"f","description":"does","inputSchema":{"json":`+string(schema)+`},"strict":true}}]}`)
	})
	t.Run("CACHE-11 a valid schema keeps its bytes", func(t *testing.T) {
		odd := []byte("{ \"required\" : [ ] , \"type\":\"object\", \"x\": 1.0e0 }")
		body, _, err := Dialect{}.EncodeRequest(&llm.Request{Turns: []llm.Turn{user(text("x"))}, Tools: []llm.Tool{{Name: "f", Schema: odd}}}, &llm.Target{})
		if err != nil || !strings.Contains(string(body), string(odd)) {
			t.Errorf("%v: %s", err, body)
		}
	})
	t.Run("strict where the model has it not", func(t *testing.T) {
		v, losses := one(t, novaCaps(), llm.Tool{Name: "f", Strict: new(true)}, llm.Choice{})
		wantLoss(t, losses, "strict")
		want(t, v, "toolConfig.tools.0.toolSpec.strict", "")
	})
	t.Run("TOOL-01 any and tool", func(t *testing.T) {
		v, losses := one(t, claudeCaps(), llm.Tool{Name: "f"}, llm.Choice{Mode: llm.ChoiceAny})
		noLoss(t, losses)
		want(t, v, "toolConfig.toolChoice", `{"any":{}}`)
		v, _ = one(t, claudeCaps(), llm.Tool{Name: "f.g"}, llm.Choice{Mode: llm.ChoiceTool, Name: "f.g"})
		if at(v, "toolConfig.toolChoice.tool.name") != at(v, "toolConfig.tools.0.toolSpec.name") {
			t.Errorf("got %v", at(v, "toolConfig"))
		}
		v, _ = one(t, claudeCaps(), llm.Tool{Name: "f"}, llm.Choice{Mode: llm.ChoiceAuto})
		want(t, v, "toolConfig.toolChoice", "")
	})
	t.Run("choices that cannot be", func(t *testing.T) {
		_, losses := one(t, claudeCaps(), llm.Tool{Name: "f"}, llm.Choice{Mode: llm.ChoiceTool, Name: "ghost"})
		wantLoss(t, losses, "tool_choice")
		_, losses = one(t, llm.Caps{Family: "llama", NoToolChoice: true}, llm.Tool{Name: "f"}, llm.Choice{Mode: llm.ChoiceAny})
		wantLoss(t, losses, "tool_choice")
		_, losses = encode(t, &llm.Request{Turns: []llm.Turn{user(text("x"))}, Choice: llm.Choice{Mode: llm.ChoiceAny}}, claudeCaps())
		wantLoss(t, losses, "tool_choice")
	})
	t.Run("TOOL-02 none withholds the tools", func(t *testing.T) {
		v, losses := one(t, claudeCaps(), llm.Tool{Name: "f"}, llm.Choice{Mode: llm.ChoiceNone})
		noLoss(t, losses)
		want(t, v, "toolConfig", "")
	})
	history := []llm.Turn{user(text("x")), assistant(call("a", "old one", `{}`)), user(result("a", text("1")))}
	t.Run("TOOL-02 none with calls in the history is named", func(t *testing.T) {
		v, losses := encode(t, &llm.Request{Turns: history, Tools: []llm.Tool{{Name: "old one"}}, Choice: llm.Choice{Mode: llm.ChoiceNone}}, claudeCaps())
		wantLoss(t, losses, "tool_choice")
		if at(v, "toolConfig.tools.0") == nil {
			t.Error("the tools the history needs are gone")
		}
	})
	t.Run("TOOL-05 TOOL-10 tools of the history are declared again, under their short names", func(t *testing.T) {
		v, _ := encode(t, &llm.Request{Turns: history}, claudeCaps())
		name := at(v, "messages.1.content.0.toolUse.name")
		if name != llm.ShortName("old one", 64) {
			t.Errorf("name %v", name)
		}
		want(t, v, "toolConfig.tools", fmt.Sprintf(`[{"toolSpec":{"name":%q,"inputSchema":{"json":{"type":"object","properties":{}}}}}]`, name))
	})
	t.Run("TOOL-08 TOOL-09 names", func(t *testing.T) {
		long := strings.Repeat("mcp__server_", 8)
		v, _ := one(t, claudeCaps(), llm.Tool{Name: long}, llm.Choice{Mode: llm.ChoiceTool, Name: long})
		short, _ := at(v, "toolConfig.toolChoice.tool.name").(string)
		req := &llm.Request{Tools: []llm.Tool{{Name: long}}}
		if len(short) != 64 || llm.RestoreName(req, short) != long {
			t.Errorf("short name %q", short)
		}
	})
	t.Run("TOOL-12 a schema without type, TOOL-15 none at all", func(t *testing.T) {
		for in, out := range map[string]string{
			``:                              openSchema,
			`null`:                          openSchema,
			`{}`:                            openSchema,
			`{"properties":{"a":{}}}`:       `{"type":"object","properties":{"a":{}}}`,
			`{"type":["object","null"]}`:    openSchema,
			`{"type":"string"}`:             openSchema,
			`{"type":"object","$defs":{}}`:  `{"type":"object","$defs":{}}`,
			`[1]`:                           openSchema,
			`{"description":"d","type":42}`: `{"type":"object","properties":{},"description":"d"}`,
		} {
			got, _ := toolSchema([]byte(in), false, new(int))
			if !sameJSON(string(got), out) {
				t.Errorf("%s became %s, want %s", in, got, out)
			}
		}
	})
	t.Run("TOOL-21 server tools are named", func(t *testing.T) {
		v, losses := one(t, claudeCaps(), llm.Tool{Name: "web_search", Native: &llm.Native{Dialect: "messages", Type: "web_search_20250305"}}, llm.Choice{})
		wantLoss(t, losses, "tools[0]: web_search_20250305")
		want(t, v, "toolConfig", "")
		v, losses = one(t, novaCaps(), llm.Tool{Native: &llm.Native{Dialect: "converse", Type: "systemTool", Raw: []byte(`{"systemTool":{"name":"nova_grounding"}}`)}}, llm.Choice{})
		noLoss(t, losses)
		want(t, v, "toolConfig.tools.0.systemTool.name", `"nova_grounding"`)
	})
	t.Run("TOOL-18 broken arguments are not replaced", func(t *testing.T) {
		v, losses := encode(t, &llm.Request{Turns: []llm.Turn{user(text("x")), assistant(&llm.ToolCall{ID: "a", Name: "f", Broken: `{"path":"/et`}), user(result("a", text("1")))}}, claudeCaps())
		wantLoss(t, losses, "tool call")
		want(t, v, "messages.1.content.0.toolUse.input", `{"_raw_arguments":"{\"path\":\"/et"}`)
		v, _ = encode(t, &llm.Request{Turns: []llm.Turn{user(text("x")), assistant(&llm.ToolCall{ID: "a", Name: "f", Broken: "free", Custom: true}), user(result("a", text("1")))}}, claudeCaps())
		want(t, v, "messages.1.content.0.toolUse.input", `{"input":"free"}`)
	})
	t.Run("extras of a tool, and a second of the same name", func(t *testing.T) {
		_, losses := encode(t, &llm.Request{Turns: []llm.Turn{user(text("x"))}, Parallel: new(false), Tools: []llm.Tool{
			{Name: "f", Extra: []llm.Extra{{Dialect: "messages", Name: "defer_loading", Raw: []byte("true")}}}, {Name: "f"},
		}}, claudeCaps())
		wantLoss(t, losses, "tools[0].defer_loading")
		wantLoss(t, losses, "tools[1]")
		wantLoss(t, losses, "parallel_tool_calls")
	})
	t.Run("a model without tools gets the history as text", func(t *testing.T) {
		v, losses := encode(t, &llm.Request{Turns: history, Tools: []llm.Tool{{Name: "f"}}}, llm.Caps{Family: "titan", NoTools: true})
		wantLoss(t, losses, "tools")
		want(t, v, "messages.1.content.0.text", `"Call of the tool old one: {}"`)
		want(t, v, "messages.2.content.0.text", `"Result of a tool:\n1"`)
	})
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func TestSchemaVariants(t *testing.T) {
	cases := []struct{ name, in, out string }{
		{
			"TOOL-11 anyOf: all properties, what all require",
			`{"anyOf":[{"type":"object","properties":{"a":{"type":"string"},"k":{"type":"integer"}},"required":["a","k"]},{"type":"object","properties":{"b":{"type":"number"},"k":{"type":"integer"}},"required":["k"]}],"additionalProperties":false}`,
			`{"type":"object","properties":{"a":{"type":"string"},"k":{"type":"integer"},"b":{"type":"number"}},"required":["k"],"additionalProperties":false}`,
		},
		{
			"TOOL-11 allOf: what any requires",
			`{"type":"object","allOf":[{"properties":{"a":{}},"required":["a"]},{"properties":{"b":{}},"required":["b"]}]}`,
			`{"type":"object","properties":{"a":{},"b":{}},"required":["a","b"]}`,
		},
		{
			"properties of the root stay, variants that only require",
			`{"type":"object","properties":{"a":{},"b":{}},"required":["z"],"oneOf":[{"required":["a"]},{"required":["b"]}]}`,
			`{"type":"object","properties":{"a":{},"b":{}},"required":["z"]}`,
		},
		{
			"variants that differ about a property",
			`{"oneOf":[{"properties":{"a":{"const":1}}},{"properties":{"a":{"const":2}}},{"type":"null"}]}`,
			`{"type":"object","properties":{"a":{"oneOf":[{"const":1},{"const":2}]}}}`,
		},
		{
			"variants by reference, and inside variants",
			`{"anyOf":[{"$ref":"#/$defs/A"},{"allOf":[{"properties":{"b":{}}}]}],"$defs":{"A":{"type":"object","properties":{"a":{}}}}}`,
			`{"type":"object","properties":{"a":{},"b":{}},"$defs":{"A":{"type":"object","properties":{"a":{}}}}}`,
		},
		{
			"nested variants stay",
			`{"type":"object","properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}]}}}`,
			`{"type":"object","properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}]}}}`,
		},
		{
			"a root that is a reference",
			`{"$ref":"#/$defs/A","$defs":{"A":{"type":"object","properties":{"a":{"type":"string"}}}}}`,
			`{"type":"object","properties":{"a":{"type":"string"}}}`,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, _ := toolSchema([]byte(c.in), false, new(int))
			if !sameJSON(string(got), c.out) {
				t.Errorf("got  %s\nwant %s", got, c.out)
			}
		})
	}
	t.Run("the tool is named", func(t *testing.T) {
		_, losses := encode(t, &llm.Request{Turns: []llm.Turn{user(text("x"))}, Tools: []llm.Tool{{Name: "pick", Schema: []byte(`{"oneOf":[]}`)}}}, claudeCaps())
		wantLoss(t, losses, "tools: pick")
	})
}

func TestSchemaReferences(t *testing.T) {
	cases := []struct{ name, in, out string }{
		{
			"TOOL-13 references are replaced", `{"type":"object","properties":{"a":{"$ref":"#/$defs/A"},"l":{"type":"array","items":{"$ref":"#/definitions/B~1x"}}},"$defs":{"A":{"type":"string"}},"definitions":{"B/x":{"enum":[1]}}}`,
			`{"type":"object","properties":{"a":{"type":"string"},"l":{"type":"array","items":{"enum":[1]}}}}`,
		},
		{
			"what stands beside wins", `{"type":"object","properties":{"a":{"$ref":"#/$defs/A","description":"mine"}},"$defs":{"A":{"type":"string","description":"theirs"}}}`,
			`{"type":"object","properties":{"a":{"type":"string","description":"mine"}}}`,
		},
		{
			"TOOL-13 cycles are cut", `{"type":"object","properties":{"n":{"$ref":"#/$defs/N"}},"$defs":{"N":{"type":"object","properties":{"next":{"$ref":"#/$defs/N"}}}}}`,
			`{"type":"object","properties":{"n":{"type":"object","properties":{"next":{"type":"object"}}}}}`,
		},
		{"the root in itself", `{"type":"object","properties":{"me":{"$ref":"#"}}}`, `{"type":"object","properties":{"me":{"type":"object"}}}`},
		{
			"chains", `{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"$ref":"#/$defs/B"},"B":{"type":"integer"}}}`,
			`{"type":"object","properties":{"a":{"type":"integer"}}}`,
		},
		{
			"a property called $ref, data that looks like one", `{"type":"object","properties":{"$ref":{"type":"string"},"d":{"default":{"$ref":"#/x"},"enum":[{"$ref":"#/x"}]}}}`,
			`{"type":"object","properties":{"$ref":{"type":"string"},"d":{"default":{"$ref":"#/x"},"enum":[{"$ref":"#/x"}]}}}`,
		},
		{
			"nowhere", `{"type":"object","properties":{"a":{"$ref":"https://example.com/s"},"b":{"$ref":"#/none"}}}`,
			`{"type":"object","properties":{"a":{"type":"object"},"b":{"type":"object"}}}`,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, _ := toolSchema([]byte(c.in), true, new(int))
			if !sameJSON(string(got), c.out) {
				t.Errorf("got  %s\nwant %s", got, c.out)
			}
		})
	}
	t.Run("growth is bounded", func(t *testing.T) {
		defs := []string{`"d0":{"type":"string","description":"` + strings.Repeat("x", 100) + `"}`}
		for i := 1; i < 40; i++ {
			defs = append(defs, fmt.Sprintf(`"d%d":{"type":"object","properties":{"a":{"$ref":"#/$defs/d%d"},"b":{"$ref":"#/$defs/d%d"}}}`, i, i-1, i-1))
		}
		got, note := toolSchema([]byte(`{"type":"object","properties":{"x":{"$ref":"#/$defs/d39"}},"$defs":{`+strings.Join(defs, ",")+`}}`), true, new(int))
		if len(got) > 4*maxInlined || note == "" || !json.Valid(got) {
			t.Errorf("%d bytes, note %q", len(got), note)
		}
	})
	t.Run("variants that name each other are bounded", func(t *testing.T) {
		got, _ := toolSchema([]byte(`{"anyOf":[`+strings.Repeat(`{"$ref":"#/$defs/A"},`, 20)+`{"type":"object"}],"$defs":{"A":{"anyOf":[`+strings.Repeat(`{"$ref":"#/$defs/A"},`, 20)+`{"type":"object"}]}}}`), false, new(int))
		if !json.Valid(got) {
			t.Errorf("got %s", got)
		}
	})
}

func FuzzToolSchema(f *testing.F) {
	for _, s := range []string{``, `{}`, `{"$ref":"#"}`, `{"anyOf":[{"$ref":"#/$defs/A"}],"$defs":{"A":{"anyOf":[{"$ref":"#/$defs/A"}]}}}`, `{"type":"object","properties":{"a":{"$ref":"#/properties/a"}}}`, `[`, `{"oneOf":3}`} {
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, inline bool) {
		got, _ := toolSchema(raw, inline, new(int))
		var v map[string]any
		if err := json.Unmarshal(got, &v); err != nil {
			if !json.Valid(raw) {
				return
			}
			t.Fatalf("%q became %q: %v", raw, got, err)
		}
		if v["type"] != "object" || v["anyOf"] != nil {
			if json.Valid(raw) {
				t.Fatalf("%q became %q", raw, got)
			}
		}
	})
}
