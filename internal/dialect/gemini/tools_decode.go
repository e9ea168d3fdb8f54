package gemini

import (
	"strconv"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// tools reads the list of tools: an entry holds functions, or tools that Google
// runs, or both.
func (d *requestDecoder) tools(r *wire.Reader) {
	if r.Kind() == '{' {
		d.tool(r, 0)
		return
	}
	for i := range r.Elements() {
		d.tool(r, i)
	}
}

func (d *requestDecoder) tool(r *wire.Reader, i int) {
	at := "tools[" + strconv.Itoa(i) + "]"
	for member := range r.Fields() {
		key := camel(member)
		if key != "functionDeclarations" {
			w := wire.NewWriter(nil)
			w.Object()
			w.RawField(key, r.Raw())
			w.EndObject()
			n := &llm.Native{Dialect: name, Type: key, Raw: w.Bytes()}
			d.req.Tools = append(d.req.Tools, llm.Tool{Name: key, Native: n, Entry: i + 1})
			continue
		}
		for j := range r.Elements() {
			d.function(r, i+1, at+".functionDeclarations["+strconv.Itoa(j)+"]")
		}
	}
}

func (d *requestDecoder) function(r *wire.Reader, entry int, at string) {
	t := llm.Tool{Entry: entry}
	for member := range r.Fields() {
		switch key := camel(member); key {
		case "name":
			t.Name = r.Str()
		case "description":
			t.Description = r.Str()
		case "parameters":
			if t.Schema == nil {
				t.Schema = lowered(llm.ObjectOf(r))
			}
		case "parametersJsonSchema":
			t.Schema = llm.ObjectOf(r)
		default: // response, behavior
			t.Extra = append(t.Extra, llm.Extra{Dialect: name, Name: key, Raw: r.Raw()})
		}
	}
	if t.Name == "" && r.Err() == nil {
		d.fail(at+".name", "Invalid function name.")
	}
	d.req.Tools = append(d.req.Tools, t)
}
