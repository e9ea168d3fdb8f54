package heal

import (
	"bytes"
	"strings"

	"turnpike/internal/wire"
)

// every stands in a path for each element of a list.
const every = "*"

// roots are where an API keeps settings that another has at its top: Converse
// has Claude's in one of the first two, Gemini all in the last.
var roots = []string{"", "additionalModelRequestFields", "inferenceConfig", "generationConfig"}

// splitPath reads a path as upstreams write it (tools.0.custom.strict,
// tools[0].strict, #/messages/1/content): an index stands for every element, since
// what one tool may not have none may.
func splitPath(text string) []string {
	text = strings.NewReplacer("[", ".", "]", "", "/", ".", "#", "").Replace(text)
	var out []string
	for part := range strings.SplitSeq(text, ".") {
		switch {
		case part == "":
		case strings.Trim(part, "0123456789") == "":
			out = append(out, every)
		default:
			out = append(out, part)
		}
	}
	return out
}

func joinPath(path []string) string { return strings.Join(path, ".") }

// change is what becomes of a value: itself, another one, or nil to leave it out.
type change func(value []byte) []byte

// edit puts what path leads to through change and counts what it changed. Every
// other byte of v stays. Of a path's words those that v does not have are passed
// over, save the last: Claude's API names the kind of a block in its paths
// (tools.0.custom.strict), which is no member.
func edit(v []byte, path []string, do change) ([]byte, int) {
	if len(path) == 0 || len(v) == 0 {
		return v, 0
	}
	switch v[0] {
	case '{':
		return editObject(v, path, do)
	case '[':
		if path[0] != every {
			return v, 0
		}
		return editList(v, path[1:], do)
	}
	return v, 0
}

func editObject(v []byte, path []string, do change) ([]byte, int) {
	o, err := wire.ParseObject(v)
	if err != nil {
		return v, 0
	}
	m := member(o, path[0])
	if m == nil {
		if path[0] == every {
			return v, 0
		}
		return edit(v, path[1:], do)
	}
	to, n := reach(m.Value, path[1:], do)
	if n == 0 {
		return v, 0
	}
	return o.Apply(wire.Edit{Name: string(m.Name), Value: to}), n
}

// reach is edit for a value that the path may end at.
func reach(v []byte, rest []string, do change) ([]byte, int) {
	if len(rest) > 0 {
		return edit(v, rest, do)
	}
	to := do(v)
	if to != nil && bytes.Equal(to, v) {
		return v, 0
	}
	return to, 1
}

// editList goes into the elements of a list; one of which nothing is left goes too.
func editList(v []byte, path []string, do change) ([]byte, int) {
	l, err := wire.ParseList(v)
	if err != nil {
		return v, 0
	}
	total := 0
	out := l.Map(func(_ int, element []byte) []byte {
		to, n := reach(element, path, do)
		total += n
		if n > 0 && len(path) > 0 && string(bytes.TrimSpace(to)) == "{}" {
			return nil
		}
		return to
	})
	if total == 0 {
		return v, 0
	}
	return out, total
}

// member finds a member by its name, also in the other of the two ways names are
// written: top_p, topP.
func member(o wire.Object, name string) *wire.Member {
	list := o.Members()
	for i := range list {
		if string(list[i].Name) == name {
			return &list[i]
		}
	}
	plain := fold(name)
	for i := range list {
		if fold(string(list[i].Name)) == plain {
			return &list[i]
		}
	}
	return nil
}

// mentions tells cheaply that a body has no member of a name: most requests have
// nothing of what was learned, and none is read for it.
func mentions(body []byte, name string) bool {
	return name == every || bytes.Contains(body, []byte(`"`+name+`"`)) || bytes.Contains(body, []byte(`"`+camel(name)+`"`)) || bytes.Contains(body, []byte(`"`+snake(name)+`"`))
}

func camel(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		if w != "" {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}

func snake(name string) string {
	var b strings.Builder
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}

func fold(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// editIn is edit at the first of the places where the path leads to something.
func editIn(body []byte, path []string, do change) ([]byte, int) {
	if len(path) == 0 || !mentions(body, path[len(path)-1]) {
		return body, 0
	}
	o, err := wire.ParseObject(body)
	if err != nil {
		return body, 0
	}
	for _, root := range roots {
		p, holder := path, o
		if root != "" {
			p = append([]string{root}, path...)
			if holder, err = wire.ParseObject(o.Get(root)); err != nil {
				continue
			}
		}
		if member(holder, path[0]) == nil { // only inside are words passed over
			continue
		}
		if out, n := edit(body, p, do); n > 0 {
			return out, n
		}
	}
	return body, 0
}

// value is a setting's text at the first of the places where it is; nil where it
// is nowhere.
func value(body []byte, path ...string) (found []byte) {
	editIn(body, path, func(v []byte) []byte {
		if v[0] != 'n' {
			found = v
		}
		return nil
	})
	return found
}

// text is a setting that is a string.
func text(body []byte, path ...string) string {
	v := value(body, path...)
	if len(v) == 0 || v[0] != '"' {
		return ""
	}
	r := wire.NewReader(v)
	return r.Str()
}
