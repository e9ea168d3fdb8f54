package sandbox

import (
	"turnpike/internal/wire"
)

// maxSchema bounds how deep an example follows a schema.
const maxSchema = 8

// example makes the least object that a JSON schema asks for: its required
// members, with plain values.
func example(schema []byte) []byte {
	w := wire.NewWriter(nil)
	s := readSchema(schema)
	w.Object()
	s.members(w, 0)
	w.EndObject()
	return w.Bytes()
}

// schema is what an example needs to know of a JSON schema.
type schema struct {
	kind       string
	fixed      []byte // const, or the first of enum
	required   []string
	properties map[string][]byte
	variant    []byte // the first of anyOf or oneOf
}

// readSchema reads a schema. One that is broken counts as empty: tools are not
// the sandbox's to judge.
func readSchema(raw []byte) schema {
	var s schema
	r := wire.NewReader(raw)
	if r.Kind() != '{' {
		return s
	}
	for name := range r.Fields() {
		switch n, k := string(name), r.Kind(); {
		case n == "type" && k == '"':
			s.kind = r.Str()
		case n == "type" && k == '[':
			s.kind = firstString(r)
		case n == "const":
			s.fixed = r.Raw()
		case n == "enum" && k == '[':
			s.fixed = firstRaw(r)
		case (n == "anyOf" || n == "oneOf") && k == '[':
			s.variant = firstRaw(r)
		case n == "required" && k == '[':
			for range r.Elements() {
				if r.Kind() == '"' {
					s.required = append(s.required, r.Str())
				}
			}
		case n == "properties" && k == '{':
			s.properties = map[string][]byte{}
			for p := range r.Fields() {
				key := string(p)
				s.properties[key] = r.Raw()
			}
		}
	}
	if r.End() != nil {
		return schema{}
	}
	return s
}

// firstRaw reads a list and returns its first value.
func firstRaw(r *wire.Reader) []byte {
	var first []byte
	for i := range r.Elements() {
		if i == 0 {
			first = r.Raw()
		}
	}
	return first
}

// firstString reads a list and returns its first string.
func firstString(r *wire.Reader) string {
	first := ""
	for range r.Elements() {
		if r.Kind() == '"' && first == "" {
			first = r.Str()
		}
	}
	return first
}

func (s *schema) members(w *wire.Writer, depth int) {
	written := make(map[string]bool, len(s.required))
	for _, name := range s.required {
		if written[name] {
			continue
		}
		written[name] = true
		w.Key(name)
		value(w, s.properties[name], depth+1)
	}
}

func value(w *wire.Writer, raw []byte, depth int) {
	s := readSchema(raw)
	switch {
	case s.fixed != nil:
		w.Raw(s.fixed)
	case depth > maxSchema:
		w.Null()
	case s.kind == "" && s.variant != nil:
		value(w, s.variant, depth+1)
	case s.kind == "object" || s.kind == "" && s.properties != nil:
		w.Object()
		s.members(w, depth)
		w.EndObject()
	case s.kind == "array":
		w.List()
		w.EndList()
	case s.kind == "number" || s.kind == "integer":
		w.Int(1)
	case s.kind == "boolean":
		w.Bool(true)
	case s.kind == "null":
		w.Null()
	default:
		w.Str("text")
	}
}
