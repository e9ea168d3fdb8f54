// Package schema brings the JSON schemas of tools into a form that APIs take: an
// object at the root without a choice of schemas there, and, where a model does
// not follow references, what they name in their place.
package schema

import (
	"bytes"
	"slices"

	"turnpike/internal/wire"
)

// Open takes any object: the schema of a tool without one.
const Open = `{"type":"object","properties":{}}`

// Rooted makes a schema whose root has the type object and no oneOf, anyOf or
// allOf. What is deeper stays as it is, and a schema that is right keeps its
// bytes, which keeps prompt caches. reason tells what had to be changed in
// meaning, empty if nothing; ok is false for what is no JSON object.
func Rooted(raw []byte, b *Budget) (out []byte, reason string, ok bool) {
	members, ok := readMembers(raw)
	if !ok {
		return raw, "", false
	}
	if slices.ContainsFunc(members, func(m member) bool { return combines(m.name) }) {
		return flatten(&references{root: raw, budget: b}, members), "a choice of schemas at the root is refused: their properties were joined", true
	}
	typ := get(members, "type")
	switch {
	case string(typ) == `"object"`:
		return raw, "", true
	case typ != nil && !bytes.Contains(typ, []byte(`"object"`)):
		reason = "the type at the root must be object"
	}
	return withType(members), reason, true
}

// withType sets the root's type to object.
func withType(members []member) []byte {
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("type", "object")
	if get(members, "properties") == nil {
		w.RawField("properties", []byte("{}"))
	}
	for _, m := range members {
		if m.name != "type" {
			w.RawField(m.name, m.raw)
		}
	}
	w.EndObject()
	return w.Bytes()
}

// combines tells the words that join schemas.
func combines(word string) bool { return word == "oneOf" || word == "anyOf" || word == "allOf" }

// member is one member of an object.
type member struct {
	name string
	raw  []byte
}

func readMembers(raw []byte) (out []member, ok bool) {
	r := wire.NewReader(raw)
	for name := range r.Members() {
		key := string(name)
		out = append(out, member{key, r.Raw()})
	}
	return out, r.End() == nil
}

func get(members []member, name string) []byte {
	for _, m := range members {
		if m.name == name {
			return m.raw
		}
	}
	return nil
}

// readStrings lists the strings of a list; anything else in it is passed over.
func readStrings(raw []byte) (out []string) {
	r := wire.NewReader(raw)
	if r.Kind() != '[' {
		return nil
	}
	for range r.Elements() {
		if r.Kind() == '"' {
			out = append(out, r.Str())
		}
	}
	return out
}

// refOf is the reference a schema is, empty if it is none.
func refOf(members []member) string {
	r := wire.NewReader(get(members, "$ref"))
	if r.Kind() != '"' {
		return ""
	}
	return r.Str()
}
