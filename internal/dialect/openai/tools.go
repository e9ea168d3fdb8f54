package openai

import (
	"bytes"
	"slices"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Schema reads a JSON Schema, which must be an object.
func Schema(r *wire.Reader) []byte {
	if k := r.Kind(); k != '{' {
		r.Fail("must be a JSON Schema object, not %s", k)
		return nil
	}
	return r.Raw()
}

// WriteFunction writes the members of a function that both APIs have.
func WriteFunction(w *wire.Writer, t *llm.Tool) {
	w.StrField("name", llm.ShortName(t.Name, llm.NameLimit64))
	if t.Description != "" {
		w.StrField("description", t.Description)
	}
	w.RawField("parameters", objectSchema(t.Schema))
}

// objectSchema makes sure that a schema says it is of an object: OpenAI refuses
// any other.
func objectSchema(schema []byte) []byte {
	if len(schema) == 0 {
		return []byte(`{"type":"object","properties":{}}`)
	}
	r := wire.NewReader(schema)
	empty := true
	for name := range r.Members() {
		empty = false
		if string(name) == "type" {
			return schema
		}
	}
	if r.Err() != nil {
		return schema
	}
	if empty {
		return []byte(`{"type":"object","properties":{}}`)
	}
	at := bytes.IndexByte(schema, '{') + 1
	return slices.Concat(schema[:at], []byte(`"type":"object",`), schema[at:])
}

// WriteFormat writes the members that describe the schema an answer must follow.
func WriteFormat(w *wire.Writer, f *llm.Format) {
	name := "answer"
	if f.Name != "" {
		name = llm.ShortName(f.Name, llm.NameLimit64)
	}
	w.StrField("name", name)
	if f.Description != "" {
		w.StrField("description", f.Description)
	}
	w.RawField("schema", f.Schema)
	if f.Strict != nil {
		w.BoolField("strict", *f.Strict)
	}
}

// ToolReference is the name in Claude Code's tool_reference, which says that a
// tool held back so far may be called now; empty for any other part. All tools
// are sent from the start here.
func ToolReference(n *llm.Native) string {
	if n.Type != "tool_reference" {
		return ""
	}
	name := ""
	r := wire.NewReader(n.Raw)
	for member := range r.Fields() {
		if string(member) == "tool_name" {
			name = string(Text(r))
		}
	}
	return name
}
