package wire

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"
)

// Null consumes a null and tells whether there was one.
func (r *Reader) Null() bool {
	if r.Kind() != 'n' {
		return false
	}
	r.word("null")
	return r.err == nil
}

// Bool reads true or false.
func (r *Reader) Bool() bool {
	switch r.Kind() {
	case 't':
		r.word("true")
		return r.err == nil
	case 'f':
		r.word("false")
		return false
	}
	r.want('t')
	return false
}

func (r *Reader) word(w string) {
	if !bytes.HasPrefix(r.data[r.pos:], []byte(w)) {
		r.Fail("not JSON: %q expected", w)
		return
	}
	r.pos += len(w)
}

// Str reads a string.
func (r *Reader) Str() string { return string(r.Bytes()) }

// Bytes reads a string as a view into the text where it has no escapes, as a
// fresh copy where it has. Bytes that are not UTF-8 become U+FFFD. Control
// characters that should have been escaped are taken as they are: some servers
// write them, and what they mean is plain.
func (r *Reader) Bytes() []byte {
	start := r.pos
	body := r.quoted()
	if bytes.IndexByte(body, '\\') < 0 && utf8.Valid(body) {
		return body
	}
	out, err := unquote(body)
	if err != nil {
		r.pos = start
		r.Fail("not JSON: %v", err)
		return nil
	}
	return out
}

// quoted consumes a string and returns what stands between its quotes.
func (r *Reader) quoted() []byte {
	if !r.want('"') {
		return nil
	}
	end := stringEnd(r.data, r.pos)
	if end < 0 {
		r.Fail("the JSON text ends inside a string")
		return nil
	}
	body := r.data[r.pos+1 : end-1]
	if r.raw && !strictString(body) {
		r.Fail("not JSON: a bad escape or a control character in a string")
		return nil
	}
	r.pos = end
	return body
}

var errEscape = errors.New("bad escape in a string")

func unquote(s []byte) ([]byte, error) {
	out := make([]byte, 0, len(s))
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			return appendUTF8(out, s), nil
		}
		out = appendUTF8(out, s[:i])
		s = s[i:]
		r, n := unescape(s)
		if n == 0 {
			return nil, errEscape
		}
		out = utf8.AppendRune(out, r) // a lone half of a surrogate pair becomes U+FFFD
		s = s[n:]
	}
}

func appendUTF8(dst, s []byte) []byte {
	if utf8.Valid(s) {
		return append(dst, s...)
	}
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		dst = utf8.AppendRune(dst, r)
		s = s[n:]
	}
	return dst
}

// unescape returns what the escape at the start of s stands for and its length,
// 0 for a bad one.
func unescape(s []byte) (rune, int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case '"', '\\', '/':
		return rune(s[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}
	r, ok := hex4(s)
	if !ok {
		return 0, 0
	}
	if r >= 0xD800 && r < 0xDC00 {
		if low, ok := hex4(s[6:]); ok && low >= 0xDC00 && low < 0xE000 {
			return (r-0xD800)<<10 | (low - 0xDC00) + 0x10000, 12
		}
	}
	return r, 6
}

func hex4(s []byte) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range s[2:6] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// number consumes a number and returns its text.
func (r *Reader) number() []byte {
	if !r.want('0') {
		return nil
	}
	n := numberEnd(r.data[r.pos:])
	if n == 0 {
		r.Fail("not JSON: bad number")
		return nil
	}
	text := r.data[r.pos : r.pos+n]
	r.pos += n
	return text
}

// numberEnd returns the length of the number at the start of d, 0 for a bad one.
func numberEnd(d []byte) int {
	i := 0
	digits := func() bool {
		start := i
		for i < len(d) && d[i] >= '0' && d[i] <= '9' {
			i++
		}
		return i > start
	}
	at := func(c byte) bool { return i < len(d) && d[i] == c }
	if at('-') {
		i++
	}
	if at('0') {
		i++
	} else if !digits() {
		return 0
	}
	if at('.') {
		i++
		if !digits() {
			return 0
		}
	}
	if at('e') || at('E') {
		i++
		if at('+') || at('-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	return i
}

// Float reads a number.
func (r *Reader) Float() float64 {
	at := r.pos
	text := r.number()
	if r.err != nil {
		return 0
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		r.pos = at
		r.Fail("the number %s is out of range", text)
		return 0
	}
	return f
}

// Int reads a whole number; 5.0 and 5e0 are whole.
func (r *Reader) Int() int64 {
	at := r.pos
	text := r.number()
	if r.err != nil {
		return 0
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f > 1<<53 || f < -1<<53 || f != float64(int64(f)) {
		r.pos = at
		r.Fail("must be a whole number, not %s", text)
		return 0
	}
	return int64(f)
}
