package schema

import (
	"bytes"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"turnpike/internal/wire"
)

// Bounds of following references: a schema of a few lines can grow without end.
const (
	maxInlined  = 512 << 10 // bytes of one schema
	maxRefDepth = 64
	maxRefWork  = 8 << 20 // bytes looked through for one request
)

// Budget bounds what following references costs. It is shared by the tools of a
// request: when it is used up nothing is found any more.
type Budget struct{ used int }

// Spend counts bytes looked through and tells whether they were still allowed.
func (b *Budget) Spend(n int) bool {
	b.used += n
	return b.used <= maxRefWork
}

// references finds what a schema's references name.
type references struct {
	root   []byte
	budget *Budget
	known  map[string][]byte
}

// find returns the schema that ref names, nil if there is none.
func (r *references) find(ref string) []byte {
	target, known := r.known[ref]
	if !known {
		if !r.budget.Spend(len(r.root)) {
			return nil
		}
		target = Pointer(r.root, ref)
		if r.known == nil {
			r.known = map[string][]byte{}
		}
		r.known[ref] = target
	}
	if !r.budget.Spend(len(target)) {
		return nil
	}
	return target
}

// IsReference tells whether a schema is nothing but a reference to another.
func IsReference(raw []byte) bool {
	members, _ := readMembers(raw)
	return refOf(members) != ""
}

// Inlined replaces a schema's local references by what they name. cut tells that
// parts were left open, because the schema names itself, or what is not there, or
// grows too large. What is no JSON object stays as it is.
func Inlined(raw []byte, b *Budget) (out []byte, cut bool) {
	if _, ok := readMembers(raw); !ok || !bytes.Contains(raw, []byte(`"$ref"`)) {
		return raw, false
	}
	in := inliner{refs: &references{root: raw, budget: b}, w: wire.NewWriter(make([]byte, 0, 2*len(raw)))}
	in.schema(raw, true, "#")
	if !wire.Valid(in.w.Bytes(), '{') {
		return raw, false
	}
	return in.w.Bytes(), in.cut
}

// inliner writes a schema with its local references replaced.
type inliner struct {
	refs  *references
	w     *wire.Writer
	stack []string // references being replaced
	cut   bool     // something was left open
}

// cutSchema stands where a reference cannot be followed further.
const cutSchema = `{"type":"object"}`

// schema writes one schema. top drops the definitions, which nothing names any more.
func (n *inliner) schema(raw []byte, top bool, self string) {
	r := wire.NewReader(raw)
	switch r.Kind() {
	case '[':
		n.w.List()
		for range r.Elements() {
			n.schema(r.Raw(), false, "")
		}
		n.w.EndList()
		return
	case '{':
	default:
		n.w.Raw(raw)
		return
	}
	if self != "" {
		n.stack = append(n.stack, self)
		defer func() { n.stack = n.stack[:len(n.stack)-1] }()
	}
	members, ok := readMembers(raw)
	if !ok {
		n.w.Raw([]byte(cutSchema))
		return
	}
	if ref := refOf(members); ref != "" {
		n.ref(ref, members)
		return
	}
	n.w.Object()
	for _, m := range members {
		if top && (m.name == "$defs" || m.name == "definitions") {
			continue
		}
		n.w.Key(m.name)
		n.keyword(m)
	}
	n.w.EndObject()
}

// keyword writes a member's value: a schema, a map of schemas, or plain data.
func (n *inliner) keyword(m member) {
	switch m.name {
	case "enum", "const", "default", "examples", "required":
		n.w.Raw(m.raw)
	case "properties", "patternProperties", "dependentSchemas", "$defs", "definitions":
		named, ok := readMembers(m.raw)
		if !ok {
			n.w.Raw([]byte("{}"))
			return
		}
		n.w.Object()
		for _, p := range named {
			n.w.Key(p.name)
			n.schema(p.raw, false, "")
		}
		n.w.EndObject()
	default:
		n.schema(m.raw, false, "")
	}
}

// ref writes what a reference names, with the members that stand beside it.
func (n *inliner) ref(ref string, beside []member) {
	var target []byte
	if n.w.Len() <= maxInlined && len(n.stack) < maxRefDepth && !slices.Contains(n.stack, ref) {
		target = n.refs.find(ref)
	}
	if target == nil {
		n.cut = true
		n.w.Raw([]byte(cutSchema))
		return
	}
	members, ok := readMembers(target)
	if !ok {
		n.schema(target, false, ref)
		return
	}
	w := wire.NewWriter(nil)
	w.Object()
	for _, m := range members {
		if get(beside, m.name) == nil && m.name != "$defs" && m.name != "definitions" {
			w.RawField(m.name, m.raw)
		}
	}
	for _, m := range beside {
		if m.name != "$ref" && m.name != "$defs" && m.name != "definitions" {
			w.RawField(m.name, m.raw)
		}
	}
	if next := get(members, "$ref"); next != nil {
		w.RawField("$ref", next)
	}
	w.EndObject()
	n.schema(w.Bytes(), false, ref)
}

// Pointer finds what a local JSON pointer (RFC 6901) names; nil for nothing.
func Pointer(root []byte, ref string) []byte {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok || path != "" && path[0] != '/' {
		return nil
	}
	at := bytes.TrimSpace(root)
	if path == "" {
		return at
	}
	for step := range strings.SplitSeq(path[1:], "/") {
		if plain, err := url.PathUnescape(step); err == nil {
			step = plain
		}
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		at = child(at, step)
		if at == nil {
			return nil
		}
	}
	return at
}

func child(raw []byte, step string) (out []byte) {
	r := wire.NewReader(raw)
	switch r.Kind() {
	case '{':
		for name := range r.Members() {
			if string(name) == step {
				out = r.Raw()
			}
		}
	case '[':
		want, err := strconv.Atoi(step)
		for i := range r.Elements() {
			if err == nil && i == want {
				out = r.Raw()
			}
		}
	}
	return out
}
