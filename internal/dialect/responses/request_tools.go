package responses

import (
	"fmt"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// tools reads a list of tools.
func (d *decoder) tools(r *wire.Reader, at string) {
	for i := range r.Elements() {
		if d.err != nil {
			continue
		}
		sub := r.Sub()
		d.tool(sub, fmt.Sprintf("%s[%d]", at, i))
		d.take(sub.Err())
	}
}

// additional reads tools that stand in the conversation, as Codex sends them to
// newer models.
func (d *decoder) additional(r *wire.Reader, i int) {
	for name := range r.Fields() {
		switch string(name) {
		case "tools":
			d.tools(r, fmt.Sprintf("input[%d].tools", i))
		case "type", "id", "role":
		default:
			d.strange(r, name)
		}
	}
}

func (d *decoder) tool(r *wire.Reader, at string) {
	whole := *r
	switch kind := string(peek(*r, "type")); kind {
	case "function":
		if t, ok := d.function(r, at); ok {
			d.offer(t)
		}
	case "custom":
		if t, ok := d.custom(r, at); ok {
			t.Home.Raw = whole.Raw()
			d.offer(t)
		}
	case "namespace":
		d.group(r, at, whole.Raw())
	case "":
		d.fail(at+".type", "a tool needs its type")
	default:
		name := string(peek(*r, "name"))
		if name == "" {
			name = kind
		}
		native := &llm.Native{Dialect: Name, Type: kind, Raw: whole.Raw()}
		d.offer(llm.Tool{Name: name, Native: native})
	}
}

// offer adds a tool. One that is described again, as may happen in the course of
// a conversation, is described anew.
func (d *decoder) offer(t llm.Tool) {
	if old := toolNamed(d.req, t.Name); old != nil && t.Native == nil {
		*old = t
		return
	}
	d.req.Tools = append(d.req.Tools, t)
}

// function reads the description of a function.
func (d *decoder) function(r *wire.Reader, at string) (llm.Tool, bool) {
	t := llm.Tool{}
	for name := range r.Fields() {
		switch n := string(name); n {
		case "type":
		case "name":
			t.Name = r.Str()
		case "description":
			t.Description = r.Str()
		case "parameters":
			t.Schema = openai.Schema(r)
		case "strict":
			t.Strict = new(r.Bool())
		default:
			if raw := r.Raw(); raw != nil && string(raw) != "false" {
				t.Extra = append(t.Extra, llm.Extra{Dialect: Name, Name: n, Raw: raw})
			}
		}
	}
	return t, d.named(r, at, t.Name)
}

func (d *decoder) named(r *wire.Reader, at, name string) bool {
	if r.Err() == nil && name == "" {
		d.fail(at+".name", "a tool needs a name")
	}
	return !d.take(r.Err())
}

// custom reads a tool that takes free text and makes a function of it with one
// string. What the text must look like is told to the model in words.
func (d *decoder) custom(r *wire.Reader, at string) (llm.Tool, bool) {
	t := llm.Tool{Schema: freeSchema, Home: &llm.Home{Dialect: Name, Custom: true}}
	form := ""
	for name := range r.Fields() {
		switch n := string(name); n {
		case "type":
		case "name":
			t.Name = r.Str()
		case "description":
			t.Description = r.Str()
		case "format":
			form = grammarOf(r)
		default:
			d.strange(r, name)
		}
	}
	if t.Description != "" {
		t.Description += paragraph
	}
	t.Description += `Call it with one argument, "input": the whole text, as it is.` + form
	t.Home.Name = t.Name
	return t, d.named(r, at, t.Name)
}

// grammarOf tells in words what a custom tool's format demands of its text.
func grammarOf(r *wire.Reader) string {
	var syntax, definition string
	for name := range r.Fields() {
		switch string(name) {
		case "syntax":
			syntax = r.Str()
		case "definition":
			definition = r.Str()
		}
	}
	if definition == "" {
		return ""
	}
	return " The text must follow this grammar (" + syntax + "):" + paragraph + definition
}

// group reads a namespace: its tools are offered one by one under joined names.
func (d *decoder) group(r *wire.Reader, at string, raw []byte) {
	group := string(peek(*r, "name"))
	about := string(peek(*r, "description"))
	if group == "" {
		d.fail(at+".name", "a namespace needs a name")
		return
	}
	for name := range r.Fields() {
		if string(name) != "tools" {
			continue
		}
		for i := range r.Elements() {
			if d.err != nil {
				continue
			}
			sub := r.Sub()
			t, ok := d.grouped(sub, fmt.Sprintf("%s.tools[%d]", at, i))
			if d.take(sub.Err()) || !ok {
				continue
			}
			t.Home.Group, t.Home.Name, t.Home.Raw = group, t.Name, raw
			t.Name = grouped(group, t.Name)
			if about != "" { // said once is enough
				t.Description = about + paragraph + t.Description
				about = ""
			}
			d.offer(t)
		}
	}
}

func (d *decoder) grouped(r *wire.Reader, at string) (llm.Tool, bool) {
	switch kind := string(peek(*r, "type")); kind {
	case "function":
		t, ok := d.function(r, at)
		t.Home = &llm.Home{Dialect: Name}
		return t, ok
	case "custom":
		return d.custom(r, at)
	default:
		r.Skip()
		d.lose(at, "a tool of this type cannot stand in a group here: "+openai.Cut(kind, 40))
		return llm.Tool{}, false
	}
}

// choice reads tool_choice.
func (d *decoder) choice(r *wire.Reader) {
	if r.Kind() == '"' {
		d.mode("tool_choice", r.Str())
		return
	}
	sub := r.Sub()
	whole := *sub
	var kind, name, mode, group string
	for member := range sub.Fields() {
		switch string(member) {
		case "type":
			kind = sub.Str()
		case "name":
			name = sub.Str()
		case "namespace":
			group = sub.Str()
		case "mode":
			mode = sub.Str()
		}
	}
	if d.take(sub.Err()) {
		return
	}
	raw := func() {
		d.req.Extra = append(d.req.Extra, llm.Extra{Dialect: Name, Name: "tool_choice", Raw: whole.Raw()})
	}
	switch kind {
	case "function", "custom":
		if name == "" {
			d.fail("tool_choice.name", "name the tool that must be called")
		}
		d.req.Choice = llm.Choice{Mode: llm.ChoiceTool, Name: grouped(group, name)}
	case "allowed_tools":
		d.mode("tool_choice.mode", mode)
		raw()
	case "auto", "none", "required":
		d.mode("tool_choice.type", kind)
	case "":
		d.fail("tool_choice.type", "must be function, custom or allowed_tools")
	default: // a tool that OpenAI runs
		raw()
	}
}

func (d *decoder) mode(path, word string) {
	switch word {
	case "auto":
		d.req.Choice.Mode = llm.ChoiceAuto
	case "none":
		d.req.Choice.Mode = llm.ChoiceNone
	case "required":
		d.req.Choice.Mode = llm.ChoiceAny
	default:
		d.fail(path, "must be auto, none or required, or name a tool")
	}
}
