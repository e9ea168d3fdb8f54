package gemini

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"

	"turnpike/internal/wire"
)

// The API's Schema is a part of OpenAPI's: a type is one word, and a keyword it
// does not know refuses the whole request (API reference, Schema). toolSchema
// therefore writes what is allowed and nothing else; names of properties are no
// keywords and stay whatever they are.

// Bounds of following references: a schema of a few lines can grow without end.
const (
	maxSchema   = 512 << 10 // bytes of one schema
	maxDepth    = 32
	maxRefWork  = 8 << 20 // bytes looked through for one request
	maxVariants = 1000
)

// cleaner writes one schema in the API's words.
type cleaner struct {
	w        *wire.Writer
	root     []byte
	work     *int
	stack    []string // references being followed
	variants int
	dropped  []string // keywords that meant something
}

// toolSchema makes an input schema the API takes. dropped names the keywords
// that could not be said. work counts what references cost in a request.
func toolSchema(raw []byte, work *int) (out []byte, dropped []string) {
	c := &cleaner{w: wire.NewWriter(make([]byte, 0, len(raw)+32)), root: bytes.TrimSpace(raw), work: work}
	members, ok := readMembers(c.root)
	if !ok {
		members = nil
		if len(c.root) > 0 {
			c.drop("all of it: it is no JSON object, or nested too deep")
		}
	}
	if members.get("type") == nil && members.get("anyOf") == nil && members.get("$ref") == nil {
		members = append(slices.Clip(members), member{"type", []byte(`"object"`)})
	}
	c.schema(members, 0)
	return c.w.Bytes(), c.dropped
}

// member is one member of an object.
type member struct {
	name string
	raw  []byte
}

type memberList []member

func (l memberList) get(name string) []byte {
	for _, m := range l {
		if m.name == name {
			return m.raw
		}
	}
	return nil
}

func readMembers(raw []byte) (out memberList, ok bool) {
	r := wire.NewReader(raw)
	if r.Kind() != '{' {
		return nil, false
	}
	for name := range r.Fields() {
		key := string(name)
		out = append(out, member{key, r.Raw()})
	}
	return out, r.End() == nil
}

// readList returns the values of a list, nil for anything else.
func readList(raw []byte) (out [][]byte) {
	r := wire.NewReader(raw)
	if r.Kind() != '[' {
		return nil
	}
	for range r.Elements() {
		out = append(out, r.Raw())
	}
	return out
}

func readString(raw []byte) (string, bool) {
	r := wire.NewReader(raw)
	if r.Kind() != '"' {
		return "", false
	}
	s := r.Str()
	return s, r.Err() == nil
}

func (c *cleaner) drop(keyword string) {
	if !slices.Contains(c.dropped, keyword) && len(c.dropped) < 20 {
		c.dropped = append(c.dropped, keyword)
	}
}

// nested writes a schema that stands inside another.
func (c *cleaner) nested(raw []byte, depth int) {
	members, ok := readMembers(raw)
	if !ok || depth > maxDepth || c.w.Len() > maxSchema {
		if ok {
			c.drop("deep nesting")
		}
		members = nil
	}
	c.schema(members, depth)
}

// schema writes one schema of its members.
func (c *cleaner) schema(members memberList, depth int) {
	followed := len(c.stack)
	defer func() { c.stack = c.stack[:followed] }()
	members = c.resolve(members)
	s := c.study(members)
	c.w.Object()
	defer c.w.EndObject()
	if len(s.variants) > 1 {
		c.anyOf(&s, members, depth)
		return
	}
	if s.typ == "" {
		s.typ = "string" // a type must be told
		c.drop("no type")
	}
	c.w.StrField("type", strings.ToUpper(s.typ))
	for _, name := range []string{"title", "description"} {
		if text, ok := readString(members.get(name)); ok && text != "" {
			c.w.StrField(name, text)
		}
	}
	if s.nullable {
		c.w.BoolField("nullable", true)
	}
	c.format(&s, members)
	switch s.typ {
	case "array":
		c.items(members, depth)
	case "object":
		c.properties(members, depth)
	}
	c.bounds(&s, members)
}

// studied is what the type, the variants and the values of a schema say.
type studied struct {
	typ      string
	nullable bool
	variants []variant
	enum     []string
}

// variant is one of several schemas, or one of several types.
type variant struct {
	raw []byte
	typ string
}

func (c *cleaner) study(members memberList) (s studied) {
	s.nullable = string(members.get("nullable")) == "true"
	if typ, ok := readString(members.get("type")); ok {
		s.typ = c.typeWord(typ)
	}
	for _, raw := range readList(members.get("type")) {
		typ, _ := readString(raw)
		switch typ = c.typeWord(typ); typ {
		case "null":
			s.nullable = true
		case "":
		default:
			s.variants = append(s.variants, variant{typ: typ})
		}
	}
	if len(s.variants) == 1 {
		s.typ, s.variants = s.variants[0].typ, nil
	}
	for _, word := range []string{"anyOf", "oneOf"} {
		for _, raw := range readList(members.get(word)) {
			if c.variants++; c.variants > maxVariants {
				c.drop(word)
				break
			}
			s.variants = append(s.variants, variant{raw: raw})
		}
	}
	s.enum = enumOf(members, &s.nullable)
	switch {
	case s.typ == "null":
		s.typ, s.nullable = "string", true
	case s.typ != "":
	case members.get("properties") != nil:
		s.typ = "object"
	case members.get("items") != nil || members.get("prefixItems") != nil:
		s.typ = "array"
	case s.enum != nil:
		s.typ = "string"
	}
	return s
}

// typeWord is the name of a type in JSON Schema, empty for what is none.
func (c *cleaner) typeWord(s string) string {
	s = strings.ToLower(s)
	if s != "" && !isOneOf(s, "string", "number", "integer", "boolean", "array", "object", "null") {
		c.drop("type " + clip(s))
		return ""
	}
	return s
}

// enumOf lists the values allowed, as texts, which the API wants of every type.
func enumOf(members memberList, nullable *bool) (out []string) {
	values := readList(members.get("enum"))
	if v := members.get("const"); v != nil && values == nil {
		values = [][]byte{v}
	}
	for _, v := range values {
		if string(v) == "null" {
			*nullable = true
			continue
		}
		s, ok := readString(v)
		if !ok {
			s = string(v)
		}
		if s != "" { // the API refuses an empty one
			out = append(out, s)
		}
	}
	return out
}

// anyOf writes variants. Nothing may stand beside them on Vertex AI, so what the
// schema says of itself is said of each.
func (c *cleaner) anyOf(s *studied, members memberList, depth int) {
	c.w.Key("anyOf")
	c.w.List()
	for _, v := range s.variants {
		var inner memberList
		if v.typ != "" {
			inner = append(inner, member{"type", wire.AppendString(nil, v.typ)})
		} else {
			inner, _ = readMembers(v.raw)
		}
		if s.nullable && inner.get("nullable") == nil {
			inner = append(inner, member{"nullable", []byte("true")})
		}
		for _, m := range members {
			switch m.name {
			case "type", "anyOf", "oneOf", "allOf", "nullable", "$ref", "$defs", "definitions", "title":
			default:
				if inner.get(m.name) == nil && (v.typ == "" || fits(m.name, v.typ)) {
					inner = append(inner, m)
				}
			}
		}
		if depth > maxDepth || c.w.Len() > maxSchema {
			c.drop("deep nesting")
			inner = memberList{{"type", []byte(`"string"`)}}
		}
		c.schema(inner, depth+1)
	}
	c.w.EndList()
}

// fits tells whether a keyword says something of a type.
func fits(keyword, typ string) bool {
	switch keyword {
	case "properties", "required", "minProperties", "maxProperties", "additionalProperties":
		return typ == "object"
	case "items", "prefixItems", "minItems", "maxItems":
		return typ == "array"
	case "minLength", "maxLength", "pattern", "format":
		return typ == "string"
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
		return typ == "number" || typ == "integer"
	case "enum", "const":
		return typ == "string"
	}
	return true
}

// formats are the ones the API knows of each type.
var formats = map[string][]string{
	"string": {"date-time", "enum"}, "number": {"float", "double"}, "integer": {"int32", "int64"},
}

func (c *cleaner) format(s *studied, members memberList) {
	format, _ := readString(members.get("format"))
	switch {
	case len(s.enum) > 0 && s.typ != "string":
		format = "enum"
	case format != "" && !slices.Contains(formats[s.typ], format):
		c.drop("format " + clip(format))
		format = ""
	}
	if format != "" {
		c.w.StrField("format", format)
	}
	if len(s.enum) == 0 || s.typ == "object" || s.typ == "array" {
		return
	}
	c.w.Key("enum")
	c.w.List()
	for _, v := range s.enum {
		c.w.Str(v)
	}
	c.w.EndList()
}

// items writes what a list holds, which must be told.
func (c *cleaner) items(members memberList, depth int) {
	c.w.Key("items")
	one := members.get("items")
	if kind := wire.NewReader(one).Kind(); kind != '{' {
		tuple := readList(members.get("prefixItems"))
		if kind == '[' {
			tuple = readList(one)
		}
		one = nil
		if len(tuple) > 0 {
			c.drop("prefixItems")
			one = anyOfAll(tuple)
		}
	}
	c.nested(one, depth+1)
}

// anyOfAll is a schema for any of several.
func anyOfAll(list [][]byte) []byte {
	if len(list) == 1 {
		return list[0]
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.Key("anyOf")
	w.List()
	for _, raw := range list {
		w.Raw(raw)
	}
	w.EndList()
	w.EndObject()
	return w.Bytes()
}

func (c *cleaner) properties(members memberList, depth int) {
	named, _ := readMembers(members.get("properties"))
	if members.get("properties") != nil || depth == 0 {
		c.w.Key("properties")
		c.w.Object()
		for _, p := range named {
			c.w.Key(p.name)
			c.nested(p.raw, depth+1)
		}
		c.w.EndObject()
	}
	var required []string
	for _, raw := range readList(members.get("required")) {
		if s, ok := readString(raw); ok && named.get(s) != nil && !slices.Contains(required, s) {
			required = append(required, s)
		}
	}
	if len(required) == 0 {
		return
	}
	c.w.Key("required")
	c.w.List()
	for _, s := range required {
		c.w.Str(s)
	}
	c.w.EndList()
}

// counted are keywords that hold a count, by type.
var counted = map[string][]string{
	"string": {"minLength", "maxLength"}, "array": {"minItems", "maxItems"}, "object": {"minProperties", "maxProperties"},
}

// silent keywords say nothing about what is allowed, or are handled elsewhere.
var silent = []string{
	"type", "title", "description", "nullable", "format", "enum", "const", "items", "prefixItems", "properties", "required", "anyOf", "oneOf", "allOf",
	"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "pattern", "minimum", "maximum", "exclusiveMinimum",
	"exclusiveMaximum", "$schema", "$id", "id", "$comment", "$defs", "definitions", "$anchor", "$ref", "default", "examples", "example", "deprecated",
	"readOnly", "writeOnly", "propertyOrdering", "strict",
}

// bounds writes limits, and notes the keywords that have no place.
func (c *cleaner) bounds(s *studied, members memberList) {
	for _, name := range counted[s.typ] {
		if n, ok := number(members.get(name)); ok && n >= 0 && n == math.Trunc(n) && n < 1<<53 {
			c.w.IntField(name, int64(n))
		}
	}
	switch s.typ {
	case "string":
		if p, ok := readString(members.get("pattern")); ok && p != "" {
			c.w.StrField("pattern", p)
		}
	case "number", "integer":
		c.limit("minimum", "exclusiveMinimum", s.typ, 1, members)
		c.limit("maximum", "exclusiveMaximum", s.typ, -1, members)
	}
	for _, m := range members {
		loose := m.name == "additionalProperties" && wire.NewReader(m.raw).Kind() != '{'
		if !loose && !slices.Contains(silent, m.name) && !strings.HasPrefix(m.name, "x-") {
			c.drop(clip(m.name))
		}
	}
}

// limit writes an inclusive limit. An exclusive one of whole numbers is the next
// number; of others it can only be said inclusively.
func (c *cleaner) limit(inclusive, exclusive, typ string, step float64, members memberList) {
	raw := members.get(inclusive)
	bound, ok := number(raw)
	beyond, strict := number(members.get(exclusive))
	if !strict && ok && string(members.get(exclusive)) == "true" { // the form of older drafts
		beyond, strict, ok = bound, true, false
	}
	if !strict {
		if ok {
			c.w.RawField(inclusive, raw)
		}
		return
	}
	if typ == "integer" {
		beyond = math.Trunc(beyond) + step
	} else {
		c.drop(exclusive)
	}
	if ok && (bound-beyond)*step > 0 {
		beyond = bound
	}
	c.w.Key(inclusive)
	c.w.Float(beyond)
}

// number reads a number, also one that is written as a string, as the API writes
// whole numbers itself.
func number(raw []byte) (float64, bool) {
	s, ok := readString(raw)
	if !ok {
		s = string(raw)
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && !math.IsInf(n, 0) && !math.IsNaN(n)
}
