package messages

import (
	"bytes"
	"slices"
	"strings"

	"turnpike/internal/wire"
)

// emptySchema is the schema of a tool without input.
const emptySchema = `{"type":"object","properties":{}}`

// Bounds of how far combined schemas are followed: a few references to
// themselves would make millions of variants.
const (
	maxSchemaDepth    = 8
	maxSchemaVariants = 500
)

// combiners are refused by the API at the top of a tool's schema.
var combiners = [...]string{"allOf", "anyOf", "oneOf"}

// toolSchema brings a tool's schema into the form the API takes: an object at
// the top, and no combination there. Everything deeper stays as it is, and a
// schema that is right stays the same bytes. reason tells what had to be changed
// in meaning, empty if nothing.
func toolSchema(schema []byte) (out []byte, reason string) {
	if len(schema) == 0 {
		return []byte(emptySchema), ""
	}
	o, err := wire.ParseObject(schema)
	if err != nil {
		return schema, "" // the upstream says what is wrong with it
	}
	for _, c := range combiners {
		if o.Get(c) != nil {
			return flatten(o), "a choice of schemas at the top is refused: their properties were joined"
		}
	}
	var edits []wire.Edit
	switch kind := o.Get("type"); {
	case string(kind) == `"object"`:
		return schema, ""
	case kind != nil:
		reason = "the type at the top must be object"
	}
	edits = append(edits, wire.Edit{Name: "type", Value: []byte(`"object"`)})
	if o.Get("properties") == nil {
		edits = append(edits, wire.Edit{Name: "properties", Value: []byte("{}")})
	}
	return o.Apply(edits...), reason
}

// property is one property of the joined schema, with the different schemas it has.
type property struct {
	name    string
	schemas [][]byte
}

// shapeOf is what a schema says about an object's members.
type shapeOf struct {
	properties []property
	required   []string
	object     bool
}

// flatten joins the objects that allOf, anyOf and oneOf combine at the top. A
// property that differs between variants may be any of its forms; required is
// what all variants require, or any part of allOf.
func flatten(o wire.Object) []byte {
	j := joiner{root: o, left: maxSchemaVariants}
	s := j.join(o, 0)
	w := wire.NewWriter(nil)
	w.Object()
	for _, p := range s.properties {
		w.Key(p.name)
		if len(p.schemas) == 1 {
			w.Raw(p.schemas[0])
			continue
		}
		w.Object()
		w.Key("anyOf")
		w.List()
		for _, alt := range p.schemas {
			w.Raw(alt)
		}
		w.EndList()
		w.EndObject()
	}
	w.EndObject()
	edits := []wire.Edit{{Name: "type", Value: []byte(`"object"`)}, {Name: "properties", Value: w.Bytes()}, {Name: "required"}}
	if len(s.required) > 0 {
		r := wire.NewWriter(nil)
		writeStrings(r, s.required)
		edits[2].Value = r.Bytes()
	}
	for _, c := range combiners {
		edits = append(edits, wire.Edit{Name: c})
	}
	return o.Apply(edits...)
}

// joiner joins the schemas that a schema combines.
type joiner struct {
	root wire.Object // holds the definitions that references point to
	left int         // variants that may still be looked at
}

// join reads what o and the schemas it combines say.
func (j *joiner) join(o wire.Object, depth int) shapeOf {
	s := shapeOf{object: string(o.Get("type")) == `"object"`}
	if raw := o.Get("properties"); raw != nil {
		s.object = true
		s.properties = propertiesOf(raw)
	}
	if raw := o.Get("required"); raw != nil && raw[0] == '[' {
		s.required = requiredOf(raw)
	}
	if depth >= maxSchemaDepth {
		return s
	}
	for _, c := range combiners {
		raw := o.Get(c)
		if raw == nil || raw[0] != '[' {
			continue
		}
		var common []string
		first := true
		for _, v := range j.variants(raw) {
			t := j.join(v, depth+1)
			if !t.object {
				continue
			}
			s.object = true
			s.add(t.properties)
			switch {
			case c == "allOf":
				s.require(t.required)
			case first:
				common = t.required
			default:
				common = slices.DeleteFunc(slices.Clone(common), func(n string) bool { return !slices.Contains(t.required, n) })
			}
			first = false
		}
		s.require(common)
	}
	return s
}

func (s *shapeOf) add(list []property) {
	for _, p := range list {
		i := slices.IndexFunc(s.properties, func(q property) bool { return q.name == p.name })
		if i < 0 {
			s.properties = append(s.properties, p)
			continue
		}
		for _, schema := range p.schemas {
			same := func(b []byte) bool { return bytes.Equal(b, schema) }
			if !slices.ContainsFunc(s.properties[i].schemas, same) {
				s.properties[i].schemas = append(s.properties[i].schemas, schema)
			}
		}
	}
}

func (s *shapeOf) require(names []string) {
	for _, n := range names {
		if !slices.Contains(s.required, n) {
			s.required = append(s.required, n)
		}
	}
}

// variants are the schemas of a combination, local references followed.
func (j *joiner) variants(list []byte) []wire.Object {
	var out []wire.Object
	r := wire.NewReader(list)
	for range r.Elements() {
		if j.left--; j.left < 0 {
			break
		}
		v, err := wire.ParseObject(r.Raw())
		if err != nil {
			continue
		}
		if ref, ok, _ := v.Str("$ref"); ok {
			v, ok = resolve(j.root, ref)
			if !ok {
				continue
			}
		}
		out = append(out, v)
	}
	return out
}

// resolve follows a reference to a definition of the same schema.
func resolve(root wire.Object, ref string) (wire.Object, bool) {
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return wire.Object{}, false
	}
	o := root
	for step := range strings.SplitSeq(path, "/") {
		next, err := wire.ParseObject(o.Get(step))
		if err != nil {
			return wire.Object{}, false
		}
		o = next
	}
	return o, true
}

func propertiesOf(raw []byte) []property {
	var out []property
	r := wire.NewReader(raw)
	for n := range r.Members() {
		out = append(out, property{name: string(n), schemas: [][]byte{r.Raw()}})
	}
	return out
}

// requiredOf lists the names in a required list; anything else in it is passed over.
func requiredOf(raw []byte) []string {
	var out []string
	r := wire.NewReader(raw)
	for range r.Elements() {
		if r.Kind() == '"' {
			out = append(out, r.Str())
		}
	}
	return out
}
