package converse

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/llm/schema"
)

func TestEncodeTools(t *testing.T) {
	one := func(t *testing.T, caps llm.Caps, tool llm.Tool, choice llm.Choice) (map[string]any, []llm.Loss) {
		return encode(t, &llm.Request{Turns: []llm.Turn{user(text("x"))}, Tools: []llm.Tool{tool}, Choice: choice}, caps)
	}
	schema := []byte(`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`)
	t.Run("a tool", func(t *testing.T) {
		v, losses := one(t, claudeCaps(), llm.Tool{Name: "f", Description: "does", Schema: schema, Strict: new(true)}, llm.Choice{})
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "toolConfig", `{"tools":[{"toolSpec":{"name":"f","description":"does","inputSchema":{"json":`+string(schema)+`},"strict":true}}]}`)
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
		llmtest.WantLoss(t, losses, "strict")
		llmtest.Want(t, v, "toolConfig.tools.0.toolSpec.strict", "")
	})
	t.Run("TOOL-01 any and tool", func(t *testing.T) {
		v, losses := one(t, claudeCaps(), llm.Tool{Name: "f"}, llm.Choice{Mode: llm.ChoiceAny})
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "toolConfig.toolChoice", `{"any":{}}`)
		v, _ = one(t, claudeCaps(), llm.Tool{Name: "f.g"}, llm.Choice{Mode: llm.ChoiceTool, Name: "f.g"})
		if llmtest.At(v, "toolConfig.toolChoice.tool.name") != llmtest.At(v, "toolConfig.tools.0.toolSpec.name") {
			t.Errorf("got %v", llmtest.At(v, "toolConfig"))
		}
		v, _ = one(t, claudeCaps(), llm.Tool{Name: "f"}, llm.Choice{Mode: llm.ChoiceAuto})
		llmtest.Want(t, v, "toolConfig.toolChoice", "")
	})
	t.Run("choices that cannot be", func(t *testing.T) {
		_, losses := one(t, claudeCaps(), llm.Tool{Name: "f"}, llm.Choice{Mode: llm.ChoiceTool, Name: "ghost"})
		llmtest.WantLoss(t, losses, "tool_choice")
		_, losses = one(t, llm.Caps{Family: "llama", NoToolChoice: true}, llm.Tool{Name: "f"}, llm.Choice{Mode: llm.ChoiceAny})
		llmtest.WantLoss(t, losses, "tool_choice")
		_, losses = encode(t, &llm.Request{Turns: []llm.Turn{user(text("x"))}, Choice: llm.Choice{Mode: llm.ChoiceAny}}, claudeCaps())
		llmtest.WantLoss(t, losses, "tool_choice")
	})
	t.Run("TOOL-02 none withholds the tools", func(t *testing.T) {
		v, losses := one(t, claudeCaps(), llm.Tool{Name: "f"}, llm.Choice{Mode: llm.ChoiceNone})
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "toolConfig", "")
	})
	history := []llm.Turn{user(text("x")), assistant(call("a", "old one", `{}`)), user(result("a", text("1")))}
	t.Run("TOOL-02 none with calls in the history is named", func(t *testing.T) {
		v, losses := encode(t, &llm.Request{Turns: history, Tools: []llm.Tool{{Name: "old one"}}, Choice: llm.Choice{Mode: llm.ChoiceNone}}, claudeCaps())
		llmtest.WantLoss(t, losses, "tool_choice")
		if llmtest.At(v, "toolConfig.tools.0") == nil {
			t.Error("the tools the history needs are gone")
		}
	})
	t.Run("TOOL-05 TOOL-10 tools of the history are declared again, under their short names", func(t *testing.T) {
		v, _ := encode(t, &llm.Request{Turns: history}, claudeCaps())
		name := llmtest.At(v, "messages.1.content.0.toolUse.name")
		if name != llm.ShortName("old one", 64) {
			t.Errorf("name %v", name)
		}
		llmtest.Want(t, v, "toolConfig.tools", fmt.Sprintf(`[{"toolSpec":{"name":%q,"inputSchema":{"json":{"type":"object","properties":{}}}}}]`, name))
	})
	t.Run("TOOL-08 TOOL-09 names", func(t *testing.T) {
		long := strings.Repeat("mcp__server_", 8)
		v, _ := one(t, claudeCaps(), llm.Tool{Name: long}, llm.Choice{Mode: llm.ChoiceTool, Name: long})
		short, _ := llmtest.At(v, "toolConfig.toolChoice.tool.name").(string)
		req := &llm.Request{Tools: []llm.Tool{{Name: long}}}
		if len(short) != 64 || llm.RestoreName(req, short) != long {
			t.Errorf("short name %q", short)
		}
	})
	t.Run("TOOL-21 server tools are named", func(t *testing.T) {
		v, losses := one(t, claudeCaps(), llm.Tool{Name: "web_search", Native: &llm.Native{Dialect: "messages", Type: "web_search_20250305"}}, llm.Choice{})
		llmtest.WantLoss(t, losses, "tools[0]: web_search_20250305")
		llmtest.Want(t, v, "toolConfig", "")
		v, losses = one(t, novaCaps(), llm.Tool{Native: &llm.Native{Dialect: "converse", Type: "systemTool", Raw: []byte(`{"systemTool":{"name":"nova_grounding"}}`)}}, llm.Choice{})
		llmtest.NoLoss(t, losses)
		llmtest.Want(t, v, "toolConfig.tools.0.systemTool.name", `"nova_grounding"`)
	})
	t.Run("TOOL-18 broken arguments are not replaced", func(t *testing.T) {
		v, losses := encode(t, &llm.Request{Turns: []llm.Turn{user(text("x")), assistant(&llm.ToolCall{ID: "a", Name: "f", Broken: `{"path":"/et`}), user(result("a", text("1")))}}, claudeCaps())
		llmtest.WantLoss(t, losses, "tool call")
		llmtest.Want(t, v, "messages.1.content.0.toolUse.input", `{"_raw_arguments":"{\"path\":\"/et"}`)
		v, _ = encode(t, &llm.Request{Turns: []llm.Turn{user(text("x")), assistant(&llm.ToolCall{ID: "a", Name: "f", Broken: "free", Custom: true}), user(result("a", text("1")))}}, claudeCaps())
		llmtest.Want(t, v, "messages.1.content.0.toolUse.input", `{"input":"free"}`)
	})
	t.Run("extras of a tool, and a second of the same name", func(t *testing.T) {
		_, losses := encode(t, &llm.Request{Turns: []llm.Turn{user(text("x"))}, Parallel: new(false), Tools: []llm.Tool{
			{Name: "f", Extra: []llm.Extra{{Dialect: "messages", Name: "defer_loading", Raw: []byte("true")}}}, {Name: "f"},
		}}, claudeCaps())
		llmtest.WantLoss(t, losses, "tools[0].defer_loading")
		llmtest.WantLoss(t, losses, "tools[1]")
		llmtest.WantLoss(t, losses, "parallel_tool_calls")
	})
	t.Run("a model without tools gets the history as text", func(t *testing.T) {
		v, losses := encode(t, &llm.Request{Turns: history, Tools: []llm.Tool{{Name: "f"}}}, llm.Caps{Family: "titan", NoTools: true})
		llmtest.WantLoss(t, losses, "tools")
		llmtest.Want(t, v, "messages.1.content.0.text", `"Call of the tool old one: {}"`)
		llmtest.Want(t, v, "messages.2.content.0.text", `"Result of a tool:\n1"`)
	})
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func TestToolSchema(t *testing.T) {
	b := &schema.Budget{}
	for in, out := range map[string]string{
		``:     schema.Open,
		`null`: schema.Open,
		`[1]`:  schema.Open,
		`{"$ref":"#/$defs/A","$defs":{"A":{"properties":{"a":{"type":"string"}}}}}`: `{"type":"object","properties":{"a":{"type":"string"}}}`,
	} {
		got, note := toolSchema([]byte(in), false, b)
		if !sameJSON(string(got), out) || (note != "") != (in == "null" || in == "[1]") {
			t.Errorf("%s became %s, want %s; note %q", in, got, out, note)
		}
	}
	in := `{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"enum":[1]}}}`
	if got, _ := toolSchema([]byte(in), false, b); string(got) != in {
		t.Errorf("got %s", got)
	}
	t.Run("TOOL-13 for models that follow no references", func(t *testing.T) {
		got, note := toolSchema([]byte(in), true, b)
		if !sameJSON(string(got), `{"type":"object","properties":{"a":{"enum":[1]}}}`) || note != "" {
			t.Errorf("got %s, note %q", got, note)
		}
		if _, note = toolSchema([]byte(`{"properties":{"a":{"$ref":"#"}}}`), true, b); note == "" {
			t.Error("the cut is not told")
		}
	})
	t.Run("TOOL-11 the tool is named", func(t *testing.T) {
		_, losses := encode(t, &llm.Request{Turns: []llm.Turn{user(text("x"))}, Tools: []llm.Tool{{Name: "pick", Schema: []byte(`{"oneOf":[]}`)}}}, claudeCaps())
		llmtest.WantLoss(t, losses, "tools: pick")
	})
}
