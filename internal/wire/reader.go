package wire

import (
	"fmt"
	"iter"
	"strings"
)

// maxDepth bounds nesting, so that a hostile body cannot exhaust the stack.
const maxDepth = 256

// Error says what is wrong with a JSON text and where.
type Error struct {
	Offset int    // byte offset in the text
	Path   string // such as messages[3].content[0].text; empty at the top
	Msg    string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Msg
	}
	return e.Path + ": " + e.Msg
}

// Kind is the first byte of a JSON value, which tells its type: '{', '[', '"',
// '0' for any number, 't', 'f', 'n', or 0 at the end or where no value is.
type Kind byte

func (k Kind) String() string {
	switch k {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "nothing"
}

// Reader reads one JSON text forward, value by value, copying only what must be
// unescaped. The first error sticks: later calls return zero values, so a
// decoder may read a whole object and check Err once.
type Reader struct {
	data []byte
	base []byte // the text that paths are told of: data, or what Sub was cut from
	off  int    // where data begins in base
	pos  int
	deep int
	name int  // offset of the quote before the name read last
	raw  bool // strings that are passed over are checked: their text goes elsewhere
	err  error
}

// NewReader reads data, which must stay unchanged while views into it are used.
func NewReader(data []byte) *Reader { return &Reader{data: data, base: data} }

// Reset makes r read another text.
func (r *Reader) Reset(data []byte) { *r = Reader{data: data, base: data} }

// Err is the first error met.
func (r *Reader) Err() error { return r.err }

// End reports the first error, also when something other than white space
// follows the value that was read.
func (r *Reader) End() error {
	if r.err == nil {
		r.space()
		if r.pos < len(r.data) {
			r.Fail("more text after the end of the JSON value")
		}
	}
	return r.err
}

// Fail records an error at the current place, unless there is one already.
func (r *Reader) Fail(format string, args ...any) {
	if r.err != nil {
		return
	}
	at := r.off + r.pos
	r.err = &Error{Offset: at, Path: clip(PathAt(r.base, at)), Msg: clip(fmt.Sprintf(format, args...))}
}

// maxMessage bounds what an error quotes of a text: a name or a number may be megabytes long.
const maxMessage = 300

func clip(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage], "") + "..."
}

// Path names the value that is about to be read, such as messages[3].content.
// It is worked out by scanning again: for errors and loss reports, not for the
// usual case.
func (r *Reader) Path() string { return PathAt(r.base, r.off+r.pos) }

// Offset is where the value that is about to be read begins; behind a value that
// was read it is where that one ended.
func (r *Reader) Offset() int { return r.off + r.pos }

func (r *Reader) space() {
	if r.pos < len(r.data) && r.data[r.pos] <= ' ' {
		r.spaces()
	}
}

func (r *Reader) spaces() {
	for r.pos < len(r.data) {
		switch r.data[r.pos] {
		case ' ', '\n', '\t', '\r':
			r.pos++
		default:
			return
		}
	}
}

// Kind tells the type of the next value without consuming it.
func (r *Reader) Kind() Kind {
	if r.err != nil {
		return 0
	}
	r.space()
	if r.pos >= len(r.data) {
		return 0
	}
	switch c := r.data[r.pos]; c {
	case '{', '[', '"', 't', 'f', 'n':
		return Kind(c)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return '0'
	}
	return 0
}

func (r *Reader) want(k Kind) bool {
	got := r.Kind()
	if got == k {
		return true
	}
	if got == 0 && r.pos < len(r.data) {
		r.Fail("not JSON: unexpected %q", r.data[r.pos])
	} else if got == 0 {
		r.Fail("the JSON text ends too early")
	} else {
		r.Fail("must be %s, not %s", k, got)
	}
	return false
}

// Fields goes through the members of an object whose value is not null: in the
// APIs spoken here null and absent mean the same. A value that the body of the
// loop leaves unread is skipped. The name is valid until the next one.
func (r *Reader) Fields() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) { r.members(true, yield) }
}

// Members goes through all members of an object, null or not.
func (r *Reader) Members() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) { r.members(false, yield) }
}

func (r *Reader) members(dropNull bool, yield func([]byte) bool) {
	if !r.enter('{') {
		return
	}
	for first := true; r.next(first, '}'); first = false {
		r.name = r.pos
		name := r.Bytes()
		if !r.colon() {
			return
		}
		start := r.pos
		if dropNull && r.Kind() == 'n' {
			r.Skip()
		} else if !yield(name) {
			return
		}
		if r.pos == start {
			r.Skip()
		}
	}
}

// Elements goes through the values of a list. The body reads each one, or
// leaves it to be skipped.
func (r *Reader) Elements() iter.Seq[int] {
	return func(yield func(int) bool) { r.elements(yield) }
}

func (r *Reader) elements(yield func(int) bool) {
	if !r.enter('[') {
		return
	}
	for i := 0; r.next(i == 0, ']'); i++ {
		start := r.pos
		if !yield(i) {
			return
		}
		if r.pos == start {
			r.Skip()
		}
	}
}

// enter goes into an object or a list.
func (r *Reader) enter(k Kind) bool {
	if !r.want(k) {
		return false
	}
	if r.deep++; r.deep > maxDepth {
		r.Fail("nested more than %d levels deep", maxDepth)
		return false
	}
	r.pos++
	return true
}

// next goes to the next member or element, or out of the object or list.
func (r *Reader) next(first bool, end byte) bool {
	if r.err != nil {
		return false
	}
	r.space()
	switch {
	case r.pos >= len(r.data):
		r.Fail("the JSON text ends too early")
	case r.data[r.pos] == end:
		r.pos++
		r.deep--
	case first:
		return true
	case r.data[r.pos] == ',':
		r.pos++
		r.space()
		return true
	default:
		r.Fail("not JSON: unexpected %q", r.data[r.pos])
	}
	return false
}

// colon goes from behind a member's name to its value.
func (r *Reader) colon() bool {
	r.space()
	if r.err != nil {
		return false
	}
	if r.pos >= len(r.data) || r.data[r.pos] != ':' {
		r.Fail("not JSON: a colon must follow the name %q", r.data[r.name+1:stringEnd(r.data, r.name)-1])
		return false
	}
	r.pos++
	r.space()
	return true
}

// Skip consumes any value. Of strings it looks for the end only.
func (r *Reader) Skip() {
	switch r.Kind() {
	case '{':
		r.skipObject()
	case '[':
		r.skipList()
	case '"':
		r.quoted()
	case '0':
		r.number()
	case 't':
		r.word("true")
	case 'f':
		r.word("false")
	case 'n':
		r.word("null")
	default:
		r.want('{')
	}
}

func (r *Reader) skipObject() {
	if !r.enter('{') {
		return
	}
	for first := true; r.next(first, '}'); first = false {
		r.name = r.pos
		r.quoted()
		if r.colon() {
			r.Skip()
		}
	}
}

func (r *Reader) skipList() {
	if !r.enter('[') {
		return
	}
	for first := true; r.next(first, ']'); first = false {
		r.Skip()
	}
}

// Raw consumes any value and returns its text as a view. It is checked to be
// JSON through and through, so that it may become part of another text.
func (r *Reader) Raw() []byte {
	r.raw = true
	raw := r.skipped()
	r.raw = false
	return raw
}

func (r *Reader) skipped() []byte {
	r.space()
	start := r.pos
	r.Skip()
	if r.err != nil {
		return nil
	}
	return r.data[start:r.pos]
}

// Sub reads any value into a Reader of its own, whose errors still name the
// path in the whole text. It is for values that must be looked at twice.
func (r *Reader) Sub() *Reader {
	r.space()
	start := r.pos
	text := r.skipped()
	return &Reader{data: text, base: r.base, off: r.off + start, err: r.err}
}

// Valid tells whether data is one JSON value of the given kind.
func Valid(data []byte, k Kind) bool {
	r := Reader{data: data, base: data, raw: true}
	if r.Kind() != k {
		return false
	}
	r.Skip()
	return r.End() == nil
}
