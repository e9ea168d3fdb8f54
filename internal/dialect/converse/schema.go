package converse

import (
	"bytes"
	"slices"

	"turnpike/internal/wire"
)

// openSchema takes any object: for tools without a schema.
const openSchema = `{"type":"object","properties":{}}`

// toolSchema makes an input schema Converse takes: an object whose root has the
// type object and no oneOf, anyOf or allOf. A schema that is one already keeps
// its bytes, which keeps the prompt cache. With inline, references are replaced
// by what they name, since models other than Claude do not follow them. The note
// says what was changed in meaning. work counts what references cost.
func toolSchema(raw []byte, inline bool, work *int) (out []byte, note string) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return []byte(openSchema), ""
	}
	members, ok := readMembers(raw)
	if !ok {
		return []byte(openSchema), "its schema is no JSON object: any input is allowed"
	}
	if (inline || rootRef(members) != "") && bytes.Contains(raw, []byte(`"$ref"`)) {
		in := inliner{refs: &references{root: raw, work: work}, w: wire.NewWriter(make([]byte, 0, 2*len(raw)))}
		in.schema(raw, true, "#")
		if again, ok := readMembers(in.w.Bytes()); ok {
			raw, members = in.w.Bytes(), again
			if in.cut {
				note = "its schema refers to itself or grows too large: parts of it are left open"
			}
		}
	}
	if hasVariants(members) {
		return flatten(&references{root: raw, work: work}, members), "variants at the root of its schema were merged into one"
	}
	if typ := get(members, "type"); string(typ) == `"object"` {
		return raw, note
	}
	return withType(members), note
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

func rootRef(members []member) string {
	r := wire.NewReader(get(members, "$ref"))
	if r.Kind() != '"' {
		return ""
	}
	return r.Str()
}

var variantWords = []string{"oneOf", "anyOf", "allOf"}

func hasVariants(members []member) bool {
	return slices.ContainsFunc(members, func(m member) bool { return slices.Contains(variantWords, m.name) })
}

// merged is a root schema put together from its variants.
type merged struct {
	properties []member
	required   []string
	looked     int // variants looked at
}

// flatten merges the variants at the root: the properties of all of them; what
// is required is what every variant of a choice requires, and what any part of
// an allOf does.
func flatten(refs *references, members []member) []byte {
	var out merged
	out.object(members, "anyOf")
	for _, m := range members {
		if slices.Contains(variantWords, m.name) {
			out.variants(refs, m, 0)
		}
	}
	w := wire.NewWriter(make([]byte, 0, len(refs.root)))
	w.Object()
	w.StrField("type", "object")
	w.Key("properties")
	w.Object()
	for _, p := range out.properties {
		w.RawField(p.name, p.raw)
	}
	w.EndObject()
	if len(out.required) > 0 {
		w.Key("required")
		w.List()
		for _, s := range out.required {
			w.Str(s)
		}
		w.EndList()
	}
	for _, m := range members {
		switch m.name {
		case "type", "properties", "required", "oneOf", "anyOf", "allOf":
		default:
			w.RawField(m.name, m.raw)
		}
	}
	w.EndObject()
	return w.Bytes()
}

// Bounds of variants inside variants, which may name each other.
const (
	maxVariantDepth = 8
	maxVariants     = 1000
)

func (o *merged) variants(refs *references, m member, depth int) {
	all := m.name == "allOf"
	var common []string
	n := 0
	r := wire.NewReader(m.raw)
	if r.Kind() != '[' || depth > maxVariantDepth {
		return
	}
	for range r.Elements() {
		if o.looked++; o.looked > maxVariants {
			break
		}
		variant, ok := readMembers(r.Raw())
		if ref := rootRef(variant); ref != "" {
			variant, ok = readMembers(refs.find(ref))
		}
		if typ := get(variant, "type"); !ok || typ != nil && !bytes.Contains(typ, []byte(`"object"`)) {
			continue
		}
		inner := merged{looked: o.looked}
		inner.object(variant, m.name)
		for _, v := range variant {
			if slices.Contains(variantWords, v.name) {
				inner.variants(refs, v, depth+1)
			}
		}
		o.looked = inner.looked
		for _, p := range inner.properties {
			o.property(p, m.name)
		}
		switch {
		case all:
			o.require(inner.required)
		case n == 0:
			common = inner.required
		default:
			common = slices.DeleteFunc(slices.Clone(common), func(s string) bool { return !slices.Contains(inner.required, s) })
		}
		n++
	}
	o.require(common)
}

func (o *merged) object(members []member, word string) {
	if props, ok := readMembers(get(members, "properties")); ok {
		for _, p := range props {
			o.property(p, word)
		}
	}
	o.require(readStrings(get(members, "required")))
}

// property adds one; where variants differ about it, both stay under word, which
// is allowed below the root.
func (o *merged) property(p member, word string) {
	i := slices.IndexFunc(o.properties, func(q member) bool { return q.name == p.name })
	if i < 0 {
		o.properties = append(o.properties, p)
		return
	}
	have := o.properties[i].raw
	if bytes.Equal(have, p.raw) {
		return
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.Key(word)
	w.List()
	w.Raw(have)
	w.Raw(p.raw)
	w.EndList()
	w.EndObject()
	o.properties[i].raw = w.Bytes()
}

func (o *merged) require(names []string) {
	for _, n := range names {
		if !slices.Contains(o.required, n) {
			o.required = append(o.required, n)
		}
	}
}
