package gemini

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// tools writes the tools and returns the names of the functions as sent. What stood
// in one entry of a list of this API's stands in one again; all other functions are
// in one entry.
func (e *encoder) tools() (functions []string) {
	if len(e.req.Tools) == 0 {
		return nil
	}
	if e.caps.NoTools {
		e.lose("tools", "the model has no tools")
		return nil
	}
	var entries []toolEntry
	at := func(n int) *toolEntry {
		i := slices.IndexFunc(entries, func(x toolEntry) bool { return x.number == n && (n > 0 || x.hosted == nil) })
		if i < 0 {
			i, entries = len(entries), append(entries, toolEntry{number: n})
		}
		return &entries[i]
	}
	for i := range e.req.Tools {
		t := &e.req.Tools[i]
		switch {
		case t.Native != nil && t.Native.Dialect == name && t.Entry == 0:
			entries = append(entries, toolEntry{hosted: []*llm.Native{t.Native}})
		case t.Native != nil && t.Native.Dialect == name:
			entry := at(t.Entry)
			entry.hosted = append(entry.hosted, t.Native)
		case t.Native != nil:
			e.lose(fmt.Sprintf("tools[%d]: %s", i, clip(t.Native.Type)), "Gemini has no such tool")
		case slices.Contains(functions, wireName(t.Name)):
			e.lose(fmt.Sprintf("tools[%d]", i), "a tool of this name is already there")
		default:
			entry := at(t.Entry)
			entry.functions = append(entry.functions, t)
			functions = append(functions, wireName(t.Name))
		}
	}
	if len(entries) == 0 {
		return nil
	}
	e.w.Key("tools")
	e.w.List()
	for i := range entries {
		e.entry(&entries[i])
	}
	e.w.EndList()
	return functions
}

// toolEntry is an entry of the list of tools: functions, and tools that Google runs.
type toolEntry struct {
	number    int // in the client's list, from 1 on
	functions []*llm.Tool
	hosted    []*llm.Native
}

func (e *encoder) entry(t *toolEntry) {
	e.w.Object()
	if len(t.functions) > 0 {
		e.w.Key("functionDeclarations")
		e.w.List()
		for _, f := range t.functions {
			e.function(f)
		}
		e.w.EndList()
	}
	for _, h := range t.hosted {
		for member, value := range fieldsOf(h.Raw) {
			e.w.RawField(member, value)
		}
	}
	e.w.EndObject()
}

// fieldsOf are the members of an object.
func fieldsOf(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		r := wire.NewReader(object)
		for member := range r.Fields() {
			key := string(member)
			if !yield(key, r.Raw()) {
				return
			}
		}
	}
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
