package gemini

import (
	"slices"
	"strings"

	"turnpike/internal/llm/schema"
	"turnpike/internal/wire"
)

// resolve replaces a reference by what it names and merges what must hold
// together, since the API's Schema has neither.
func (c *cleaner) resolve(members memberList) memberList {
	for range maxDepth {
		ref, isRef := readString(members.get("$ref"))
		switch {
		case isRef:
			members = c.follow(ref, members)
		case members.get("allOf") != nil:
			members = c.merge(members, "allOf", readList(members.get("allOf")))
		default:
			one, null := c.onlyVariant(members)
			if one == nil {
				return members
			}
			members = c.merge(without(members, "anyOf", "oneOf"), "", [][]byte{one})
			if null {
				members = append(members, member{"nullable", []byte("true")})
			}
		}
	}
	c.drop("deep nesting")
	return memberList{{"type", []byte(`"object"`)}}
}

// follow is what a reference names, with the members that stand beside it.
func (c *cleaner) follow(ref string, beside memberList) memberList {
	beside = without(beside, "$ref")
	var target memberList
	ok := false
	if len(c.stack) < maxDepth && !slices.Contains(c.stack, ref) && c.w.Len() < maxSchema {
		target, ok = readMembers(c.find(ref))
	}
	if !ok {
		c.drop("$ref " + clip(ref))
		target = memberList{{"type", []byte(`"object"`)}}
	}
	c.stack = append(c.stack, ref)
	for _, m := range target {
		if beside.get(m.name) == nil {
			beside = append(beside, m)
		}
	}
	return beside
}

// find returns the schema that ref names, nil if there is none.
func (c *cleaner) find(ref string) []byte {
	if *c.work += len(c.root); *c.work > maxRefWork {
		return nil
	}
	return schema.Pointer(c.root, ref)
}

// onlyVariant returns the variant that is left when "or null" is taken away, or
// when there is but one.
func (c *cleaner) onlyVariant(members memberList) (one []byte, null bool) {
	if members.get("anyOf") != nil && members.get("oneOf") != nil {
		return nil, false
	}
	list := readList(members.get("anyOf"))
	if list == nil {
		list = readList(members.get("oneOf"))
	}
	n := 0
	for _, raw := range list {
		inner, _ := readMembers(raw)
		if typ, _ := readString(inner.get("type")); strings.EqualFold(typ, "null") {
			null = true
			continue
		}
		one = raw
		n++
	}
	if n != 1 {
		return nil, false
	}
	return one, null
}

// merge makes one schema of several: the properties and demands of all, and of
// other keywords the first.
func (c *cleaner) merge(members memberList, word string, list [][]byte) memberList {
	out := without(members, word)
	for _, raw := range list {
		c.variants++
		if *c.work += len(raw); c.variants > maxVariants || *c.work > maxRefWork {
			c.drop(word)
			break
		}
		inner, ok := readMembers(raw)
		if !ok {
			continue
		}
		if ref, isRef := readString(inner.get("$ref")); isRef {
			inner = c.follow(ref, inner)
		}
		for _, m := range inner {
			i := slices.IndexFunc(out, func(o member) bool { return o.name == m.name })
			switch {
			case i < 0:
				out = append(out, m)
			case m.name == "properties":
				*c.work += len(out[i].raw)
				out[i].raw = joinObjects(out[i].raw, m.raw)
			case m.name == "required":
				*c.work += len(out[i].raw)
				out[i].raw = joinLists(out[i].raw, m.raw)
			}
		}
	}
	return out
}

// without copies a list and leaves members out.
func without(members memberList, names ...string) memberList {
	out := make(memberList, 0, len(members)+4)
	for _, m := range members {
		if !slices.Contains(names, m.name) {
			out = append(out, m)
		}
	}
	return out
}

func joinObjects(a, b []byte) []byte {
	first, _ := readMembers(a)
	second, _ := readMembers(b)
	have := make(map[string]bool, len(first))
	w := wire.NewWriter(make([]byte, 0, len(a)+len(b)))
	w.Object()
	for _, list := range []memberList{first, second} {
		for _, m := range list {
			if !have[m.name] {
				have[m.name] = true
				w.RawField(m.name, m.raw)
			}
		}
	}
	w.EndObject()
	return w.Bytes()
}

func joinLists(a, b []byte) []byte {
	w := wire.NewWriter(make([]byte, 0, len(a)+len(b)))
	w.List()
	for _, raw := range append(readList(a), readList(b)...) {
		w.Raw(raw)
	}
	w.EndList()
	return w.Bytes()
}
