package converse

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func (d *decoder) toolConfig(r *wire.Reader) {
	for name := range r.Fields() {
		switch string(name) {
		case "tools":
			for range r.Elements() {
				d.tool(r)
			}
		case "toolChoice":
			d.toolChoice(r)
		default:
			d.unknown(r)
		}
	}
}

// tool reads one entry: a tool of the client's, one of Bedrock's, or a cache
// point, which marks the tool before it.
func (d *decoder) tool(r *wire.Reader) {
	at, members := *r, 0
	for name := range r.Fields() {
		if members++; members > 1 {
			continue
		}
		switch kind := string(name); kind {
		case "toolSpec":
			d.req.Tools = append(d.req.Tools, d.toolSpec(r, &at))
		case "cachePoint":
			c := d.cachePoint(r)
			if n := len(d.req.Tools); n > 0 {
				d.req.Tools[n-1].Cache = c
			} else {
				d.lose(&at, "a cache point needs something before it")
			}
		default:
			whole := at
			d.req.Tools = append(d.req.Tools, llm.Tool{
				Name: memberText(r.Raw(), "name"), Native: &llm.Native{Dialect: dialectName, Type: kind, Raw: whole.Raw()},
			})
		}
	}
	if r.Err() == nil && members != 1 {
		d.fail(at.Path(), "must have exactly one member")
	}
}

func (d *decoder) toolSpec(r *wire.Reader, at *wire.Reader) llm.Tool {
	var t llm.Tool
	for name := range r.Fields() {
		switch string(name) {
		case "name":
			t.Name = r.Str()
		case "description":
			t.Description = r.Str()
		case "strict":
			t.Strict = new(r.Bool())
		case "inputSchema":
			for name := range r.Fields() {
				if string(name) == "json" {
					t.Schema = llm.ObjectOf(r)
				} else {
					d.unknown(r)
				}
			}
		default:
			d.unknown(r)
		}
	}
	switch {
	case r.Err() != nil:
	case t.Name == "":
		d.failAt(at, "toolSpec.name", "is required")
	case t.Schema == nil:
		d.failAt(at, "toolSpec.inputSchema.json", "is required")
	}
	return t
}

// empty looks through an object that has no members yet.
func (d *decoder) empty(r *wire.Reader) {
	for range r.Fields() {
		d.unknown(r)
	}
}

func (d *decoder) toolChoice(r *wire.Reader) {
	at, members := *r, 0
	for name := range r.Fields() {
		members++
		switch string(name) {
		case "auto":
			d.req.Choice.Mode = llm.ChoiceAuto
			d.empty(r)
		case "any":
			d.req.Choice.Mode = llm.ChoiceAny
			d.empty(r)
		case "tool":
			d.req.Choice.Mode = llm.ChoiceTool
			for name := range r.Fields() {
				if string(name) == "name" {
					d.req.Choice.Name = r.Str()
				} else {
					d.unknown(r)
				}
			}
			if r.Err() == nil && d.req.Choice.Name == "" {
				d.failAt(&at, "tool.name", "is required")
			}
		default:
			d.unknown(r)
		}
	}
	if r.Err() == nil && members > 1 {
		d.fail(at.Path(), "must have exactly one member")
	}
}
