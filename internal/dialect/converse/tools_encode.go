package converse

import (
	"fmt"

	"turnpike/internal/llm"
)

// toolList decides which tools are sent.
func (e *encoder) toolList(turns []llm.Turn) []llm.Tool {
	used := calledTools(turns)
	if e.caps.NoTools {
		if len(e.req.Tools) > 0 {
			e.lose("tools", "the model has no tools")
		}
		return nil
	}
	var out []llm.Tool
	seen := map[string]bool{}
	for i := range e.req.Tools {
		if t, ok := e.tool(i, seen); ok {
			out = append(out, t)
		}
	}
	if e.req.Choice.Mode == llm.ChoiceNone && len(out) > 0 {
		if len(used) == 0 {
			return nil // withheld: Converse has no choice "none"
		}
		e.lose("tool_choice", "Converse cannot forbid tool calls while the conversation holds some")
	}
	if len(used) == 0 {
		return out
	}
	// Converse refuses calls and results in a conversation without toolConfig.
	if len(out) == 0 {
		for _, name := range used {
			out = append(out, llm.Tool{Name: name})
		}
	}
	return out
}

// calledTools lists the names of the tools called in a conversation, each once.
func calledTools(turns []llm.Turn) []string {
	var names []string
	seen := map[string]bool{}
	for i := range turns {
		for _, p := range turns[i].Parts {
			if c, ok := p.(*llm.ToolCall); ok && !seen[c.Name] {
				seen[c.Name] = true
				names = append(names, c.Name)
			}
		}
	}
	return names
}

// tool tells whether tool i of the request can be sent.
func (e *encoder) tool(i int, seen map[string]bool) (llm.Tool, bool) {
	t := e.req.Tools[i]
	path := fmt.Sprintf("tools[%d]", i)
	if n := t.Native; n != nil {
		if n.Dialect == dialectName {
			return t, true
		}
		e.lose(path+": "+n.Type, "Converse has no such tool")
		return t, false
	}
	if seen[t.Name] {
		e.lose(path, "a tool of this name is already there")
		return t, false
	}
	seen[t.Name] = true
	for _, x := range t.Extra {
		if x.Dialect != dialectName && !noMeaning(x) {
			e.lose(path+"."+x.Name, "no such setting in Converse")
		}
	}
	return t, true
}

// toolConfig writes the tools and how free the model is to call them.
func (e *encoder) toolConfig(tools []llm.Tool) {
	if len(tools) == 0 {
		if m := e.req.Choice.Mode; m == llm.ChoiceAny || m == llm.ChoiceTool {
			e.lose("tool_choice", "there is no tool to call")
		}
		return
	}
	e.w.Key("toolConfig")
	e.w.Object()
	e.w.Key("tools")
	e.w.List()
	for i := range tools {
		e.toolSpec(&tools[i])
	}
	e.w.EndList()
	e.toolChoice(tools)
	e.w.EndObject()
}

func (e *encoder) toolSpec(t *llm.Tool) {
	if t.Native != nil {
		e.w.Raw(t.Native.Raw)
		e.headPoint(t.Cache, "tools")
		return
	}
	e.w.Object()
	e.w.Key("toolSpec")
	e.w.Object()
	e.w.StrField("name", llm.ShortName(t.Name, llm.NameLimit64))
	if !blank(t.Description) {
		e.w.StrField("description", t.Description)
	}
	s, note := toolSchema(t.Schema, !e.claudeLike(), &e.schemas)
	if note != "" {
		e.lose("tools: "+t.Name, note)
	}
	e.w.Key("inputSchema")
	e.w.Object()
	e.w.RawField("json", s)
	e.w.EndObject()
	if t.Strict != nil && *t.Strict {
		if e.caps.Strict {
			e.w.BoolField("strict", true)
		} else {
			e.lose("tools: strict", "the model does not promise to keep to a schema")
		}
	}
	e.w.EndObject()
	e.w.EndObject()
	e.headPoint(t.Cache, "tools")
}

// toolChoice writes any and tool; auto is what Converse does by itself.
func (e *encoder) toolChoice(tools []llm.Tool) {
	c := e.req.Choice
	if c.Mode != llm.ChoiceAny && c.Mode != llm.ChoiceTool {
		return
	}
	switch {
	case e.caps.NoToolChoice:
		e.lose("tool_choice", "the model takes none")
		return
	case e.thinking.noForce:
		e.lose("tool_choice", "no call can be forced while the model thinks")
		return
	}
	if c.Mode == llm.ChoiceTool && !offered(tools, c.Name) {
		e.lose("tool_choice", "no tool is called "+c.Name)
		return
	}
	e.w.Key("toolChoice")
	e.w.Object()
	if c.Mode == llm.ChoiceTool {
		e.w.Key("tool")
		e.w.Object()
		e.w.StrField("name", llm.ShortName(c.Name, llm.NameLimit64))
		e.w.EndObject()
	} else {
		e.w.RawField("any", []byte("{}"))
	}
	e.w.EndObject()
}

func offered(tools []llm.Tool, name string) bool {
	for i := range tools {
		if tools[i].Name == name {
			return true
		}
	}
	return false
}
