package chat

import (
	"fmt"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func (d *decoder) tools() {
	for i := range d.r.Elements() {
		d.tool(i)
	}
}

// tool reads one entry of tools.
func (d *decoder) tool(i int) {
	sub := d.r.Sub()
	whole, before := *sub, len(d.req.Odd)
	var kind, name string
	var cache *llm.Cache
	var fn *wire.Reader
	for member := range sub.Fields() {
		switch string(member) {
		case "type":
			kind = sub.Str()
		case "function":
			fn = sub.Sub()
		case "custom":
			name = nameIn(sub.Sub())
		case "name":
			name = sub.Str()
		case "cache_control":
			cache = readCache(sub)
		default:
			d.strange(sub, member)
		}
	}
	if d.adopt(sub.Err()) {
		return
	}
	switch {
	case fn != nil && (kind == "function" || kind == ""):
		d.function(fn, cache, fmt.Sprintf("tools[%d].function", i))
	case kind == "function":
		d.fail(fmt.Sprintf("tools[%d].function", i), "describe the function")
	case kind == "":
		d.fail(fmt.Sprintf("tools[%d].type", i), "must be function or custom")
	default:
		if name == "" {
			name = kind
		}
		d.req.Odd = llm.CutOdd(d.req.Odd, before) // it is kept whole
		native := &llm.Native{Dialect: Name, Type: kind, Raw: whole.Raw(), Cache: cache}
		d.req.Tools = append(d.req.Tools, llm.Tool{Name: name, Native: native})
	}
}

func nameIn(r *wire.Reader) string {
	name := ""
	for member := range r.Fields() {
		if string(member) == "name" {
			name = r.Str()
		}
	}
	return name
}

// function reads the description of a function.
func (d *decoder) function(r *wire.Reader, cache *llm.Cache, path string) {
	t := llm.Tool{Cache: cache}
	for name := range r.Fields() {
		switch string(name) {
		case "name":
			t.Name = r.Str()
		case "description":
			t.Description = r.Str()
		case "parameters":
			t.Schema = openai.Schema(r)
		case "strict":
			t.Strict = new(r.Bool())
		case "cache_control":
			t.Cache = readCache(r)
		default:
			d.strange(r, name)
		}
	}
	if d.adopt(r.Err()) {
		return
	}
	if t.Name == "" {
		d.fail(path+".name", "a function needs a name")
		return
	}
	d.req.Tools = append(d.req.Tools, t)
}

// functions reads the older form of tools.
func (d *decoder) functions() {
	d.lose("functions", "answered in the newer form, tool_calls")
	for i := range d.r.Elements() {
		d.function(d.r.Sub(), nil, fmt.Sprintf("functions[%d]", i))
	}
}

// choice reads tool_choice.
func (d *decoder) choice() {
	if d.r.Kind() == '"' {
		d.mode("tool_choice", d.r.Str())
		return
	}
	sub := d.r.Sub()
	whole := *sub
	var kind, name, mode string
	for member := range sub.Fields() {
		switch string(member) {
		case "type":
			kind = sub.Str()
		case "name":
			name = sub.Str()
		case "function", "custom":
			name = nameIn(sub)
		case "allowed_tools":
			for inner := range sub.Fields() {
				if string(inner) == "mode" {
					mode = sub.Str()
				}
			}
		}
	}
	if d.adopt(sub.Err()) {
		return
	}
	switch {
	case kind == "allowed_tools":
		d.mode("tool_choice.allowed_tools.mode", mode)
		d.req.Extra = append(d.req.Extra, llm.Extra{Dialect: Name, Name: "tool_choice", Raw: whole.Raw()})
	case name != "":
		d.req.Choice = llm.Choice{Mode: llm.ChoiceTool, Name: name}
	case kind == "function", kind == "custom", kind == "tool":
		d.fail("tool_choice."+kind+".name", "name the tool that must be called")
	default:
		d.mode("tool_choice.type", kind)
	}
}

func (d *decoder) mode(path, word string) {
	switch word {
	case "auto":
		d.req.Choice.Mode = llm.ChoiceAuto
	case "none":
		d.req.Choice.Mode = llm.ChoiceNone
	case "required", "any":
		d.req.Choice.Mode = llm.ChoiceAny
	default:
		d.fail(path, "must be auto, none or required, or name a function")
	}
}

// functionCall reads the older form of tool_choice.
func (d *decoder) functionCall() {
	if d.r.Kind() == '"' {
		d.mode("function_call", d.r.Str())
		return
	}
	if name := nameIn(d.r); name != "" {
		d.req.Choice = llm.Choice{Mode: llm.ChoiceTool, Name: name}
	} else {
		d.fail("function_call.name", "name the function that must be called")
	}
}

// adopt takes over the error of a reader cut from the body's.
func (d *decoder) adopt(err error) bool {
	if err == nil {
		return d.err != nil || d.r.Err() != nil
	}
	if d.err == nil && d.r.Err() == nil {
		d.err = llm.Malformed(err)
		d.r.Fail("%s", d.err.Message)
	}
	return true
}

// readCache reads a cache_control, which clients of Claude behind this API put
// on parts, messages and tools.
func readCache(r *wire.Reader) *llm.Cache {
	c := &llm.Cache{}
	for name := range r.Fields() {
		if string(name) == "ttl" {
			c.TTL = r.Str()
		}
	}
	return c
}
