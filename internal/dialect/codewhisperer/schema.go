package codewhisperer

import (
	"bytes"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Where schemas stand in a schema (JSON Schema 2020-12, core and applicator).
var (
	oneSchema = map[string]bool{
		"items": true, "additionalItems": true, "contains": true, "not": true, "if": true, "then": true, "else": true,
		"propertyNames": true, "unevaluatedItems": true,
	}
	manySchemas  = map[string]bool{"oneOf": true, "anyOf": true, "allOf": true, "prefixItems": true}
	namedSchemas = map[string]bool{"properties": true, "patternProperties": true, "$defs": true, "definitions": true, "dependentSchemas": true}
)

// tidy takes out of a schema what the service answers with "Improperly formed
// request": an empty or null required, and additionalProperties at any depth; and
// puts in properties where the root has none. told is set where that changes what the schema means. One that is right keeps its
// bytes, which keeps prompt caches.
func tidy(raw []byte) (out []byte, told bool) {
	t := tidier{w: wire.NewWriter(make([]byte, 0, len(raw)))}
	r := wire.NewReader(raw)
	t.schema(r, true)
	if r.End() != nil || !t.changed {
		return raw, false
	}
	return t.w.Bytes(), t.told
}

type tidier struct {
	w             *wire.Writer
	changed, told bool
}

func (t *tidier) schema(r *wire.Reader, root bool) {
	switch r.Kind() {
	case '{':
	case 0:
		r.Skip()
		return
	default: // true and false are schemas too
		t.w.Raw(r.Raw())
		return
	}
	t.w.Object()
	for name := range r.Members() {
		root = root && string(name) != "properties"
		t.member(string(name), r)
	}
	if root {
		t.changed = true
		t.w.RawField("properties", []byte("{}"))
	}
	t.w.EndObject()
}

func (t *tidier) member(name string, r *wire.Reader) {
	kind := r.Kind()
	switch {
	case name == "additionalProperties" || name == "unevaluatedProperties":
		t.changed = true
		if raw := r.Raw(); string(raw) != "true" && string(raw) != "{}" && !llm.SaysNothing(raw) || string(raw) == "false" {
			t.told = true
		}
	case name == "required" && kind != '[', name == "properties" && kind != '{':
		t.changed = true
		r.Skip()
		if name == "properties" {
			t.w.RawField(name, []byte("{}"))
		}
	case name == "required":
		raw := r.Raw()
		if llm.SaysNothing(raw) || len(bytes.Trim(raw, "[] \t\r\n")) == 0 {
			t.changed = true
			return
		}
		t.w.RawField(name, raw)
	case oneSchema[name]:
		t.w.Key(name)
		if kind == '[' { // items, in older drafts
			t.list(r)
			return
		}
		t.schema(r, false)
	case manySchemas[name] && kind == '[':
		t.w.Key(name)
		t.list(r)
	case namedSchemas[name] && kind == '{':
		t.w.Key(name)
		t.w.Object()
		for key := range r.Members() {
			t.w.Key(string(key))
			t.schema(r, false)
		}
		t.w.EndObject()
	default:
		t.w.RawField(name, r.Raw())
	}
}

func (t *tidier) list(r *wire.Reader) {
	t.w.List()
	for range r.Elements() {
		t.schema(r, false)
	}
	t.w.EndList()
}
