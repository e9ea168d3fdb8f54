package gemini

import (
	"fmt"
	"slices"
	"strings"

	"turnpike/internal/llm"
)

// tools writes the tools and returns the names of the functions as sent: all
// functions in one entry, each tool that Google runs in its own.
func (e *encoder) tools() (functions []string) {
	if len(e.req.Tools) == 0 {
		return nil
	}
	if e.caps.NoTools {
		e.lose("tools", "the model has no tools")
		return nil
	}
	var plain, hosted []*llm.Tool
	for i := range e.req.Tools {
		t := &e.req.Tools[i]
		switch {
		case t.Native != nil && t.Native.Dialect == name:
			hosted = append(hosted, t)
		case t.Native != nil:
			e.lose(fmt.Sprintf("tools[%d]: %s", i, clip(t.Native.Type)), "Gemini has no such tool")
		case slices.Contains(functions, wireName(t.Name)):
			e.lose(fmt.Sprintf("tools[%d]", i), "a tool of this name is already there")
		default:
			plain = append(plain, t)
			functions = append(functions, wireName(t.Name))
		}
	}
	if len(plain)+len(hosted) == 0 {
		return nil
	}
	e.w.Key("tools")
	e.w.List()
	if len(plain) > 0 {
		e.w.Object()
		e.w.Key("functionDeclarations")
		e.w.List()
		for _, t := range plain {
			e.function(t)
		}
		e.w.EndList()
		e.w.EndObject()
	}
	for _, t := range hosted {
		e.w.Raw(t.Native.Raw)
	}
	e.w.EndList()
	return functions
}

func (e *encoder) function(t *llm.Tool) {
	e.w.Object()
	e.w.StrField("name", wireName(t.Name))
	if t.Description != "" {
		e.w.StrField("description", t.Description)
	}
	schema, dropped := toolSchema(t.Schema, &e.refWork)
	if len(dropped) > 0 {
		e.lose("tools: "+clip(t.Name)+": schema", "Gemini has no word for "+strings.Join(dropped, ", "))
	}
	e.w.RawField("parameters", schema)
	for _, x := range t.Extra {
		switch {
		case x.Dialect == name:
			e.w.RawField(x.Name, x.Raw)
		case !noMeaning(x):
			e.lose("tools: "+clip(x.Name), "no such setting in gemini")
		}
	}
	e.w.EndObject()
	if t.Strict != nil && *t.Strict {
		e.lose("tools: strict", "Gemini does not promise to keep to a schema")
	}
	e.mark(t.Cache)
}

// toolConfig writes how free the model is to call functions.
func (e *encoder) toolConfig(functions []string) {
	mode, only := e.choice(functions)
	open := false
	in := func(member string) {
		if !open {
			open = true
			e.w.Key("toolConfig")
			e.w.Object()
		}
		e.w.Key(member)
	}
	if mode != "" {
		in("functionCallingConfig")
		e.w.Object()
		e.w.StrField("mode", mode)
		if only != "" {
			e.w.Key("allowedFunctionNames")
			e.w.List()
			e.w.Str(only)
			e.w.EndList()
		}
		e.w.EndObject()
	}
	for _, x := range e.req.Extra {
		if member, ok := strings.CutPrefix(x.Name, "toolConfig."); ok && x.Dialect == name {
			in(member)
			e.w.Raw(x.Raw)
		}
	}
	if open {
		e.w.EndObject()
	}
}

func (e *encoder) choice(functions []string) (mode, only string) {
	c := e.req.Choice
	forced := c.Mode == llm.ChoiceAny || c.Mode == llm.ChoiceTool
	switch {
	case c.Mode == "":
		return "", ""
	case len(functions) == 0:
		if forced {
			e.lose("tool_choice", "there is no tool to call")
		}
		return "", ""
	case e.caps.NoToolChoice && forced:
		e.lose("tool_choice", "the model takes none")
		return "", ""
	case c.Mode == llm.ChoiceAuto:
		return "AUTO", ""
	case c.Mode == llm.ChoiceNone:
		return "NONE", ""
	case c.Mode == llm.ChoiceAny:
		return "ANY", ""
	}
	if !slices.Contains(functions, wireName(c.Name)) {
		e.lose("tool_choice", "no tool is called "+clip(c.Name))
		return "", ""
	}
	return "ANY", wireName(c.Name)
}
