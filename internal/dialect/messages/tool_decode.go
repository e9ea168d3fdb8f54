package messages

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func (d *requestDecoder) tools(r *wire.Reader) {
	for i := range r.Elements() {
		if d.err != nil {
			continue
		}
		p := place{list: "tools", turn: i, part: -1, inner: -1}
		sub := r.Sub()
		kind := string(peek(*sub, "type"))
		var t llm.Tool
		if kind == "" || kind == "custom" {
			t = d.function(sub, p)
		} else {
			t = nativeTool(sub, kind)
		}
		d.take(sub.Err())
		d.req.Tools = append(d.req.Tools, t)
	}
}

// function reads a tool the client runs. Members that only this API has stay
// beside it as extras.
func (d *requestDecoder) function(r *wire.Reader, p place) llm.Tool {
	t := llm.Tool{}
	for m := range r.Fields() {
		switch string(m) {
		case "type":
		case "name":
			t.Name = r.Str()
		case "description":
			t.Description = r.Str()
		case "input_schema":
			t.Schema = llm.ObjectOf(r)
		case "strict":
			t.Strict = new(r.Bool())
		case "cache_control":
			t.Cache = d.cache(r)
		default:
			t.Extra = append(t.Extra, llm.Extra{Dialect: name, Name: string(m), Raw: r.Raw()})
		}
	}
	switch {
	case r.Err() != nil:
	case t.Name == "":
		d.fail(p.member("name"), "Field required")
	case t.Schema == nil:
		d.fail(p.member("input_schema"), "Field required")
	}
	return t
}

// nativeTool keeps a tool that Anthropic defines (web_search_20250305 and the
// like) as it came.
func nativeTool(r *wire.Reader, kind string) llm.Tool {
	t := llm.Tool{Name: string(peek(*r, "name"))}
	t.Native = &llm.Native{Dialect: name, Type: kind, Cache: peekCache(*r), Raw: llm.ObjectOf(r)}
	return t
}
