package llm

import (
	"slices"
	"strconv"
	"strings"

	"turnpike/internal/wire"
)

// grower finds the objects of a text where odd members belong, and writes them in.
type grower struct {
	text    []byte
	wanted  map[string]bool     // kinds of path that are looked for
	objects map[string][]object // by kind of path
	path    []byte
	kind    []byte // path without indexes
	growth  []growth
}

// object is one of a text.
type object struct {
	path  string
	raw   []byte
	close int // of its closing brace
}

// growth is a member on its way into the text.
type growth struct {
	at   int
	odd  *Odd
	bare bool // the object holds nothing else
	null bool // a null that stands there makes room for its value
}

func newGrower(text []byte, odd []*Odd) *grower {
	g := &grower{text: text, wanted: map[string]bool{}, objects: map[string][]object{}}
	for _, o := range odd {
		g.wanted[kindOf(o.At)] = true
	}
	g.walk(wire.NewReader(text))
	return g
}

// kindOf is a path without its indexes: messages[].content[].
func kindOf(path string) string {
	var b strings.Builder
	skip := false
	for i := range len(path) {
		switch c := path[i]; {
		case c == ']':
			skip = false
			b.WriteString("[]")
		case c == '[':
			skip = true
		case !skip:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func (g *grower) walk(r *wire.Reader) {
	path, kind := len(g.path), len(g.kind)
	switch r.Kind() {
	case '{':
		start := r.Offset()
		for name := range r.Members() {
			if path > 0 {
				g.path, g.kind = append(g.path, '.'), append(g.kind, '.')
			}
			g.path, g.kind = append(g.path, name...), append(g.kind, name...)
			g.walk(r)
			g.path, g.kind = g.path[:path], g.kind[:kind]
		}
		if r.Err() == nil && g.wanted[string(g.kind)] {
			g.objects[string(g.kind)] = append(g.objects[string(g.kind)], object{string(g.path), g.text[start:r.Offset()], r.Offset() - 1})
		}
	case '[':
		for i := range r.Elements() {
			g.path = append(strconv.AppendInt(append(g.path, '['), int64(i), 10), ']')
			g.kind = append(g.kind, "[]"...)
			g.walk(r)
			g.path, g.kind = g.path[:path], g.kind[:kind]
		}
	default:
		r.Skip()
	}
}

// place finds the object a member stood in: the one at its path that says the
// same, else another one that does, since turns and parts may have moved.
func (g *grower) place(o *Odd) bool {
	list := g.objects[kindOf(o.At)]
	exact := slices.IndexFunc(list, func(x object) bool { return x.path == o.At })
	if exact >= 0 && (o.At == "" || o.fits(list[exact].raw)) {
		return g.grow(o, &list[exact])
	}
	for i := range list {
		if i != exact && o.fits(list[i].raw) {
			return g.grow(o, &list[i])
		}
	}
	return false
}

// placeFrame is place for a frame of the right kind, which has the object.
func (g *grower) placeFrame(o *Odd, how fit, late bool) bool {
	for _, x := range g.objects[kindOf(o.At)] {
		if x.path != o.At {
			continue
		}
		switch {
		case how == anywhere, how == exactly && o.fits(x.raw):
			return g.grow(o, &x)
		case o.Frame == "" && late, o.Frame != "" && how == byKind && alike(memberOf(o.Within, "type"), memberOf(x.raw, "type")):
			return g.grow(o, &x)
		}
	}
	return false
}

// grow notes a member, unless one of that name is there that says something.
func (g *grower) grow(o *Odd, x *object) bool {
	if o.Raw == nil {
		return false
	}
	bare, there := true, false
	r := wire.NewReader(x.raw)
	for name := range r.Members() {
		bare = false
		if string(name) != o.Name {
			continue
		}
		there = true
		if r.Kind() == 'n' {
			g.growth = append(g.growth, growth{at: x.close + 1 - len(x.raw) + r.Offset(), odd: o, null: true})
		}
	}
	if !there {
		bare = bare && !slices.ContainsFunc(g.growth, func(w growth) bool { return w.at == x.close })
		g.growth = append(g.growth, growth{at: x.close, odd: o, bare: bare})
	}
	return true
}

// grown is the text with the members in it.
func (g *grower) grown() []byte {
	if len(g.growth) == 0 {
		return g.text
	}
	slices.SortStableFunc(g.growth, func(a, b growth) int { return a.at - b.at })
	size := len(g.text)
	for _, w := range g.growth {
		size += len(w.odd.Name) + len(w.odd.Raw) + 8
	}
	out := make([]byte, 0, size)
	from := 0
	for _, w := range g.growth {
		out = append(out, g.text[from:w.at]...)
		from = w.at
		if w.null {
			value := wire.NewWriter(out)
			value.Raw(w.odd.Raw)
			out, from = value.Bytes(), from+len("null")
			continue
		}
		if !w.bare {
			out = append(out, ',')
		}
		member := wire.NewWriter(append(wire.AppendString(out, w.odd.Name), ':'))
		member.Raw(w.odd.Raw)
		out = member.Bytes()
	}
	return append(out, g.text[from:]...)
}

// memberOf is a member of an object, nil if it has none of the name.
func memberOf(object []byte, want string) (value []byte) {
	r := wire.NewReader(object)
	if r.Kind() != '{' {
		return nil
	}
	for name := range r.Fields() {
		if string(name) == want {
			value = r.Raw()
		}
	}
	return value
}

// remade are members that encoders write anew.
var remade = map[string]bool{"id": true, "model": true, "modelVersion": true, "created": true, "item_id": true, "sequence_number": true}

// alike tells whether what was written says nothing else than what came, where both
// speak: members that one of them lacks make no difference while they share some, nor
// does another form of a value, such as a list of one text for a text.
func alike(came, written []byte) bool {
	a, b := wire.NewReader(came), wire.NewReader(written)
	kind, other := a.Kind(), b.Kind()
	if kind == 't' || kind == 'f' {
		return other != 't' && other != 'f' || kind == other
	}
	if kind != other {
		return kind != 'n' && other != 'n'
	}
	switch kind {
	case '"':
		return string(a.Bytes()) == string(b.Bytes())
	case '0':
		return a.Float() == b.Float()
	case '{':
		return alikeObjects(a, b, "")
	case '[':
		return alikeLists(a, b)
	}
	return true
}

// fits tells whether an object says what the one said that a member stood in.
func (o *Odd) fits(object []byte) bool {
	a, b := wire.NewReader(o.Within), wire.NewReader(object)
	return a.Kind() == '{' && b.Kind() == '{' && alikeObjects(a, b, o.Name)
}

// alikeObjects is alike for objects, but for a member.
func alikeObjects(a, b *wire.Reader, but string) bool {
	members := map[string][]byte{}
	for name := range a.Members() {
		key := string(name)
		members[key] = a.Raw()
	}
	shared, all := 0, 0
	for name := range b.Members() {
		if string(name) == but {
			continue
		}
		all++
		came, ok := members[string(name)]
		if !ok {
			continue
		}
		shared++
		if !remade[string(name)] && !alike(came, b.Raw()) {
			return false
		}
	}
	return shared > 0 || all == 0
}

func alikeLists(a, b *wire.Reader) bool {
	var came [][]byte
	for range a.Elements() {
		came = append(came, a.Raw())
	}
	n := 0
	for i := range b.Elements() {
		if n++; i >= len(came) || !alike(came[i], b.Raw()) {
			return false
		}
	}
	return n == len(came)
}
