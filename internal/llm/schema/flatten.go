package schema

import (
	"bytes"
	"slices"

	"turnpike/internal/wire"
)

// Bounds of variants inside variants, which may name each other.
const (
	maxVariantDepth = 8
	maxVariants     = 1000
)

// flatten joins the schemas that the root combines: the properties of all of
// them; what is required is what every variant of a choice requires, and what any
// part of an allOf does.
func flatten(refs *references, members []member) []byte {
	var out joined
	out.object(members, "anyOf")
	for _, m := range members {
		if combines(m.name) {
			out.variants(refs, m, 0)
		}
	}
	w := wire.NewWriter(make([]byte, 0, len(refs.root)))
	w.Object()
	w.StrField("type", "object")
	w.Key("properties")
	w.Object()
	for _, p := range out.properties {
		w.RawField(p.name, p.schema())
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

// joined is an object's schema put together from several.
type joined struct {
	properties []property
	required   []string
	looked     int // variants looked at
}

// property has several forms where schemas differ about it. They stay under the
// word that combined them, which is allowed below the root.
type property struct {
	name  string
	word  string
	forms [][]byte
}

// schema writes the property's forms as one schema.
func (p *property) schema() []byte {
	if len(p.forms) == 1 {
		return p.forms[0]
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.Key(p.word)
	w.List()
	for _, f := range p.forms {
		w.Raw(f)
	}
	w.EndList()
	w.EndObject()
	return w.Bytes()
}

func (o *joined) variants(refs *references, m member, depth int) {
	r := wire.NewReader(m.raw)
	if r.Kind() != '[' || depth > maxVariantDepth {
		return
	}
	var common []string
	first := true
	for range r.Elements() {
		if o.looked++; o.looked > maxVariants {
			break
		}
		variant, ok := readMembers(r.Raw())
		if ref := refOf(variant); ref != "" {
			variant, ok = readMembers(refs.find(ref))
		}
		if typ := get(variant, "type"); !ok || typ != nil && !bytes.Contains(typ, []byte(`"object"`)) {
			continue
		}
		inner := joined{looked: o.looked}
		inner.object(variant, m.name)
		for _, v := range variant {
			if combines(v.name) {
				inner.variants(refs, v, depth+1)
			}
		}
		o.looked = inner.looked
		for _, p := range inner.properties {
			o.add(p.name, m.name, p.schema())
		}
		switch {
		case m.name == "allOf":
			o.require(inner.required)
		case first:
			common = inner.required
		default:
			common = slices.DeleteFunc(slices.Clone(common), func(s string) bool { return !slices.Contains(inner.required, s) })
		}
		first = false
	}
	o.require(common)
}

// object takes what a schema itself says of its members.
func (o *joined) object(members []member, word string) {
	if props, ok := readMembers(get(members, "properties")); ok {
		for _, p := range props {
			o.add(p.name, word, p.raw)
		}
	}
	o.require(readStrings(get(members, "required")))
}

// add gives a property another form, if it is another.
func (o *joined) add(name, word string, form []byte) {
	i := slices.IndexFunc(o.properties, func(q property) bool { return q.name == name })
	if i < 0 {
		o.properties = append(o.properties, property{name, word, [][]byte{form}})
		return
	}
	p := &o.properties[i]
	if slices.ContainsFunc(p.forms, func(b []byte) bool { return bytes.Equal(b, form) }) {
		return
	}
	if p.word != word {
		p.forms, p.word = [][]byte{p.schema()}, word
	}
	p.forms = append(p.forms, form)
}

func (o *joined) require(names []string) {
	for _, n := range names {
		if !slices.Contains(o.required, n) {
			o.required = append(o.required, n)
		}
	}
}
