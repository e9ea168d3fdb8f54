package codewhisperer

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"turnpike/internal/llm"
	"turnpike/internal/llm/schema"
)

// toolList decides which tools are sent: the client's, and a stub for each other
// one that the conversation calls, which the service wants to know too.
func (e *encoder) toolList(turns []llm.Turn) []llm.Tool {
	var out []llm.Tool
	seen := map[string]bool{} // the service does not tell cases apart
	for i := range e.req.Tools {
		if t, ok := e.tool(i, seen); ok {
			out = append(out, t)
		}
	}
	used := called(turns)
	e.choice(out, used)
	if len(out) == 0 || e.req.Choice.Mode == llm.ChoiceNone && len(used) == 0 {
		return nil
	}
	for _, name := range used {
		if key := toolKey(name); !seen[key] {
			seen[key] = true
			e.added("tools: "+name, "the conversation calls it: a stub was added")
			out = append(out, llm.Tool{Name: name, Description: "A tool that was used before and cannot be called any more."})
		}
	}
	return out
}

// choice names what is said of calling tools and cannot be sent.
func (e *encoder) choice(tools []llm.Tool, used []string) {
	switch e.req.Choice.Mode {
	case llm.ChoiceAny, llm.ChoiceTool:
		e.lose("tool_choice", "Kiro cannot force a tool call")
	case llm.ChoiceNone:
		if len(tools) > 0 && len(used) > 0 {
			e.lose("tool_choice", "Kiro cannot forbid tool calls while the conversation holds some")
		}
	case llm.ChoiceAuto, "":
	}
}

func toolKey(name string) string { return strings.ToLower(llm.ShortName(name, llm.NameLimit63)) }

// called lists the names of the tools called in a conversation, each once.
func called(turns []llm.Turn) (names []string) {
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

// maxDescription is how long a description may be; open clients agree on about
// 10,000 characters.
const maxDescription = 10_000

// tool tells whether tool i of the request can be sent, and makes it ready.
func (e *encoder) tool(i int, seen map[string]bool) (llm.Tool, bool) {
	t := e.req.Tools[i]
	path := fmt.Sprintf("tools[%d]", i)
	if t.Native != nil {
		e.lose(path+": "+t.Native.Type, "Kiro has no such tool")
		return t, false
	}
	if seen[toolKey(t.Name)] {
		e.lose(path, "a tool of this name is already there, and Kiro does not tell cases apart")
		return t, false
	}
	seen[toolKey(t.Name)] = true
	if t.Strict != nil && *t.Strict {
		e.lose(path+".strict", "Kiro does not promise to keep to a schema")
	}
	for _, x := range t.Extra {
		if !x.Bookkeeping && !llm.SaysNothing(x.Raw) {
			e.lose(path+"."+x.Name, "Kiro has no such setting")
		}
	}
	switch {
	case blank(t.Description):
		e.added(path+".description", "Kiro wants one: the tool's name was put there")
		t.Description = t.Name
	case utf8.RuneCountInString(t.Description) > maxDescription:
		e.change(path+".description", "Kiro takes at most 10,000 characters: all of it stands before the first message")
		e.lead = append(e.lead, "The tool "+t.Name+":\n"+t.Description)
		const more = "… (the whole description stands at the beginning of the conversation)"
		t.Description = firstRunes(t.Description, maxDescription-utf8.RuneCountInString(more)) + more
	}
	return t, true
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// toolSpecs writes the tools.
func (e *encoder) toolSpecs() {
	e.w.Key("tools")
	e.w.List()
	for i := range e.tools {
		t := &e.tools[i]
		e.w.Object()
		e.w.Key("toolSpecification")
		e.w.Object()
		e.w.StrField("name", llm.ShortName(t.Name, llm.NameLimit63))
		e.w.StrField("description", t.Description)
		e.w.Key("inputSchema")
		e.w.Object()
		e.w.RawField("json", e.schema(t))
		e.w.EndObject()
		e.w.EndObject()
		e.w.EndObject()
		if t.Cache != nil && e.mayPoint(t.Cache, "tools") {
			e.w.Object()
			e.w.RawField("cachePoint", []byte(cachePoint))
			e.w.EndObject()
		}
	}
	e.w.EndList()
}

// schema makes an input schema the service takes: an object without a choice of
// schemas at its root, and without words it is known to stumble over.
func (e *encoder) schema(t *llm.Tool) []byte {
	raw := t.Schema
	if len(raw) == 0 {
		return []byte(schema.Open)
	}
	claude := e.caps.Family == "" || e.caps.Family == familyClaude
	if !claude || schema.IsReference(raw) {
		var cut bool
		if raw, cut = schema.Inlined(raw, &e.schemas); cut {
			e.change("tools: "+t.Name, "its schema refers to itself or grows too large: parts of it are left open")
		}
	}
	out, reason, ok := schema.Rooted(raw, &e.schemas)
	if !ok {
		e.change("tools: "+t.Name, "its schema is no JSON object: any input is allowed")
		return []byte(schema.Open)
	}
	if reason != "" {
		e.change("tools: "+t.Name, reason)
	}
	clean, told := tidy(out)
	if told {
		e.change("tools: "+t.Name, "additionalProperties is left out of its schema: Kiro refuses it")
	}
	return clean
}
