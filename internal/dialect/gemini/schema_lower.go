package gemini

import (
	"math"
	"strings"

	"turnpike/internal/wire"
)

// lowered makes JSON Schema of the API's Schema: types in small letters, nullable
// as a type, counts as numbers. A schema that is JSON Schema already stays one.
func lowered(raw []byte) []byte {
	if raw == nil {
		return nil
	}
	w := wire.NewWriter(make([]byte, 0, len(raw)))
	lower(w, raw, 0)
	return w.Bytes()
}

func lower(w *wire.Writer, raw []byte, depth int) {
	members, ok := readMembers(raw)
	if !ok || depth > maxDepth {
		w.Raw(raw)
		return
	}
	nullable := string(members.get("nullable")) == "true"
	typ, one := readString(members.get("type"))
	w.Object()
	for _, m := range members {
		switch key := camel([]byte(m.name)); key {
		case "type":
			lowerType(w, m.raw, typ, one, nullable)
		case "nullable":
			if !nullable || !one {
				w.RawField(m.name, m.raw)
			}
		case "properties", "$defs", "definitions":
			named, ok := readMembers(m.raw)
			if !ok {
				w.RawField(m.name, m.raw)
				continue
			}
			w.Key(m.name)
			w.Object()
			for _, p := range named {
				w.Key(p.name)
				lower(w, p.raw, depth+1)
			}
			w.EndObject()
		case "items", "additionalProperties":
			w.Key(m.name)
			lower(w, m.raw, depth+1)
		case "anyOf", "oneOf", "allOf", "prefixItems":
			w.Key(key)
			w.List()
			for _, v := range readList(m.raw) {
				lower(w, v, depth+1)
			}
			w.EndList()
		case "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties":
			w.Key(key)
			if n, ok := number(m.raw); ok && n == math.Trunc(n) && math.Abs(n) < 1<<53 {
				w.Int(int64(n))
			} else {
				w.Raw(m.raw)
			}
		case "propertyOrdering": // an order of writing, which JSON Schema does not have
		default:
			w.RawField(m.name, m.raw)
		}
	}
	w.EndObject()
}

func lowerType(w *wire.Writer, raw []byte, typ string, one, nullable bool) {
	w.Key("type")
	switch {
	case !one:
		w.Raw(raw)
	case nullable:
		w.List()
		w.Str(strings.ToLower(typ))
		w.Str("null")
		w.EndList()
	default:
		w.Str(strings.ToLower(typ))
	}
}
