package admin

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"time"
)

// field is a member of a struct as JSON or a query has it.
type field struct {
	name     string
	index    []int
	kind     reflect.Type
	required bool
	nullable bool
	enum     []string
	say      string
	tag      reflect.StructTag
}

// fieldsOf are the members of a struct under the names of a tag ("json" or "query"):
// those of embedded structs too, unless the outer one has the name as well.
func fieldsOf(t reflect.Type, tag string) []field {
	key := shapeKey{t, tag}
	if f, ok := shapes.Load(key); ok {
		if list, ok := f.([]field); ok {
			return list
		}
	}
	list := collect(t, tag, nil, map[string]bool{})
	shapes.Store(key, list)
	return list
}

type shapeKey struct {
	t   reflect.Type
	tag string
}

// shapes remembers the fields of types, of which there are as many as the program has.
var shapes sync.Map

func collect(t reflect.Type, tag string, at []int, seen map[string]bool) (list []field) {
	var inner []reflect.StructField
	for f := range t.Fields() {
		name, opts, _ := strings.Cut(f.Tag.Get(tag), ",")
		if f.Anonymous && name == "" {
			inner = append(inner, f)
			continue
		}
		if name == "" || name == "-" || !f.IsExported() || seen[name] {
			continue
		}
		seen[name] = true
		list = append(list, newField(f, name, opts, at))
	}
	for _, f := range inner {
		list = append(list, collect(f.Type, tag, append(append([]int(nil), at...), f.Index...), seen)...)
	}
	return list
}

func newField(f reflect.StructField, name, opts string, at []int) field {
	out := field{name: name, index: append(append([]int(nil), at...), f.Index...), kind: f.Type, say: f.Tag.Get("say"), tag: f.Tag}
	out.required = !strings.Contains(opts, "omit") && f.Tag.Get("query") == ""
	if enum := f.Tag.Get("enum"); enum != "" {
		out.enum = strings.Split(enum, ",")
	}
	if inner, ok := optionalOf(f.Type); ok {
		out.kind, out.required, out.nullable = inner, false, true
	}
	if out.kind.Kind() == reflect.Pointer {
		out.kind, out.nullable = out.kind.Elem(), true
	}
	return out
}

var (
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[json.RawMessage]()
)

// leaf tells whether a type is read as a whole.
func leaf(t reflect.Type) bool {
	return t == timeType || t == rawType || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
}
