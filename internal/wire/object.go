package wire

import (
	"bytes"
	"fmt"
)

// maxMembers bounds the index of a body; no API has a tenth of it.
const maxMembers = 512

// Member is one member of an indexed object. All are views into the text.
type Member struct {
	Name  []byte
	Value []byte
	start int // of the name's quote
	end   int // behind the value
	value int // of the value
}

// Object is the index of a JSON object's top-level members, over the text itself.
//
// Parsers disagree about repeated names and about names in another case or with
// escapes: one that peeks would see a model that another, upstream, does not.
// Such bodies are refused, so that what was checked is what is served.
type Object struct {
	text    []byte
	members []Member
	close   int // of the closing brace
}

// ParseObject indexes text, which must be one JSON object.
func ParseObject(text []byte) (Object, error) {
	o := Object{text: text, members: make([]Member, 0, 16)}
	r := Reader{data: text, base: text}
	if k := r.Kind(); k != '{' {
		if k == 0 {
			r.want('{')
		} else {
			r.Fail("the body must be a JSON object, not %s", k)
		}
		return Object{}, r.err
	}
	err := o.index(&r)
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return Object{}, err
	}
	return o, nil
}

func (o *Object) index(r *Reader) error {
	for name := range r.Members() {
		start, value := r.name, r.pos
		plain := r.data[start+1 : stringEnd(r.data, start)-1]
		if !bytes.Equal(plain, name) {
			return failAt(r, start, "the name %q is written with escapes: write it plainly", name)
		}
		if twin := o.twin(name); twin != nil {
			if bytes.Equal(twin, name) {
				return failAt(r, start, "%q is given twice", name)
			}
			return failAt(r, start, "%q and %q differ only in case", twin, name)
		}
		if len(o.members) == maxMembers {
			return failAt(r, start, "more than %d members", maxMembers)
		}
		v := r.skipped()
		if r.err != nil {
			break
		}
		o.members = append(o.members, Member{Name: plain, Value: v, start: start, value: value, end: r.pos})
	}
	o.close = r.pos - 1
	return r.err
}

func failAt(r *Reader, pos int, format string, args ...any) error {
	r.pos = pos
	r.Fail(format, args...)
	return r.err
}

// twin returns the name, if there is one already, that is this one but for case.
// Unicode counts too: Go's own parser takes U+017F for an s.
func (o *Object) twin(name []byte) []byte {
	for i := range o.members {
		if bytes.EqualFold(o.members[i].Name, name) {
			return o.members[i].Name
		}
	}
	return nil
}

// Bytes is the text that was indexed.
func (o Object) Bytes() []byte { return o.text }

// Members lists the members in their order.
func (o Object) Members() []Member { return o.members }

// Get returns the raw value of a member, nil if there is none or it is null.
func (o Object) Get(name string) []byte {
	for i := range o.members {
		if string(o.members[i].Name) == name {
			if v := o.members[i].Value; len(v) > 0 && v[0] != 'n' {
				return v
			}
			return nil
		}
	}
	return nil
}

// Str returns a string member; ok is false when it is absent or null, and err
// is set when it is there and not a string.
func (o Object) Str(name string) (s string, ok bool, err error) {
	v := o.Get(name)
	if v == nil {
		return "", false, nil
	}
	if v[0] != '"' {
		return "", false, &Error{Path: name, Msg: fmt.Sprintf("must be a string, not %s", kindOf(v))}
	}
	r := Reader{data: v, base: v}
	if s = r.Str(); r.err != nil {
		return "", false, &Error{Path: name, Msg: r.err.Error()}
	}
	return s, true, nil
}

// Bool returns a boolean member, false when absent.
func (o Object) Bool(name string) (bool, error) {
	switch v := o.Get(name); {
	case v == nil:
		return false, nil
	case v[0] == 't' || v[0] == 'f':
		return v[0] == 't', nil
	default:
		return false, &Error{Path: name, Msg: fmt.Sprintf("must be true or false, not %s", kindOf(v))}
	}
}

func kindOf(v []byte) Kind {
	r := Reader{data: v, base: v}
	return r.Kind()
}

// Edit sets a top-level member to a JSON value, or removes it where Value is
// empty. Of several edits of one name the last counts.
type Edit struct {
	Name  string
	Value []byte
}

// Apply returns the text with the edits made and every other byte as it was:
// changed members stay where they stand, new ones come last.
func (o Object) Apply(edits ...Edit) []byte {
	return o.AppendTo(make([]byte, 0, o.Size(edits...)), edits...)
}

// Size is an upper bound of the length of the edited text.
func (o Object) Size(edits ...Edit) int {
	size := len(o.text)
	for _, e := range edits {
		size += 2*len(e.Name) + len(e.Value) + 8
	}
	return size
}

// AppendTo appends the edited text to out.
func (o Object) AppendTo(out []byte, edits ...Edit) []byte {
	from := 0
	kept := 0
	for i := range o.members {
		m := &o.members[i]
		e := find(edits, m.Name)
		switch {
		case e == nil:
			kept++
		case len(e.Value) > 0:
			out = append(append(out, o.text[from:m.value]...), e.Value...)
			from = m.end
			kept++
		default:
			out, from = o.cut(out, from, i, kept)
		}
	}
	out = append(out, o.text[from:o.close]...)
	for i := range edits {
		if e := &edits[i]; len(e.Value) == 0 || o.has(e.Name) || find(edits[i+1:], []byte(e.Name)) != nil {
			continue
		}
		if kept > 0 {
			out = append(out, ',')
		}
		kept++
		out = append(append(AppendString(out, edits[i].Name), ':'), edits[i].Value...)
	}
	return append(out, o.text[o.close:]...)
}

// cut leaves out member i and the comma that goes with it: the one behind it
// while nothing has been kept before it, else the one before.
func (o Object) cut(out []byte, from, i, kept int) ([]byte, int) {
	m := &o.members[i]
	if kept > 0 {
		before := o.members[i-1].end
		if from < before {
			out = append(out, o.text[from:before]...)
		}
		return out, m.end
	}
	out = append(out, o.text[from:max(from, m.start)]...)
	if i+1 < len(o.members) {
		return out, o.members[i+1].start
	}
	return out, m.end
}

func (o Object) has(name string) bool {
	for i := range o.members {
		if string(o.members[i].Name) == name {
			return true
		}
	}
	return false
}

func find(edits []Edit, name []byte) *Edit {
	for i := len(edits) - 1; i >= 0; i-- {
		if edits[i].Name == string(name) {
			return &edits[i]
		}
	}
	return nil
}
