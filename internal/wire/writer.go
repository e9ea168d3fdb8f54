package wire

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"
)

// Writer builds a JSON text by appending. Commas are its own affair; nesting is
// the caller's: each Object or List wants its End.
type Writer struct{ buf []byte }

// NewWriter appends to buf, which may be nil.
func NewWriter(buf []byte) *Writer { return &Writer{buf: buf} }

// Bytes is what has been written.
func (w *Writer) Bytes() []byte { return w.buf }

// Len is how much has been written.
func (w *Writer) Len() int { return len(w.buf) }

// comma separates from the value before, which the last byte tells: no value
// ends in one of those that begin or introduce one.
func (w *Writer) comma() {
	if n := len(w.buf); n > 0 {
		switch w.buf[n-1] {
		case '{', '[', ':', ',', '\n', ' ':
		default:
			w.buf = append(w.buf, ',')
		}
	}
}

// Object opens an object.
func (w *Writer) Object() { w.comma(); w.buf = append(w.buf, '{') }

// EndObject closes an object.
func (w *Writer) EndObject() { w.buf = append(w.buf, '}') }

// List opens a list.
func (w *Writer) List() { w.comma(); w.buf = append(w.buf, '[') }

// EndList closes a list.
func (w *Writer) EndList() { w.buf = append(w.buf, ']') }

// Key writes the name of the member whose value comes next.
func (w *Writer) Key(name string) {
	w.comma()
	w.buf = append(AppendString(w.buf, name), ':')
}

// Str writes a string.
func (w *Writer) Str(s string) { w.comma(); w.buf = AppendString(w.buf, s) }

// Text writes bytes as a string.
func (w *Writer) Text(s []byte) { w.comma(); w.buf = AppendString(w.buf, s) }

// Int writes a whole number.
func (w *Writer) Int(n int64) { w.comma(); w.buf = strconv.AppendInt(w.buf, n, 10) }

// Float writes a number in its shortest form, and null for one that JSON does not have.
func (w *Writer) Float(f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		w.Null()
		return
	}
	w.comma()
	w.buf = strconv.AppendFloat(w.buf, f, 'g', -1, 64)
}

// Bool writes true or false.
func (w *Writer) Bool(b bool) { w.comma(); w.buf = strconv.AppendBool(w.buf, b) }

// Null writes null.
func (w *Writer) Null() { w.comma(); w.buf = append(w.buf, "null"...) }

// Raw writes JSON as it is, save that white space around it goes and line breaks
// in it become blanks, so that nothing written here ever breaks a line: a
// server-sent event must not. Empty means null.
func (w *Writer) Raw(v []byte) {
	v = bytes.Trim(v, " \t\r\n")
	if len(v) == 0 {
		w.Null()
		return
	}
	w.comma()
	start := len(w.buf)
	w.buf = append(w.buf, v...)
	if bytes.IndexByte(v, '\n') < 0 && bytes.IndexByte(v, '\r') < 0 {
		return
	}
	for i, c := range w.buf[start:] {
		if c == '\n' || c == '\r' {
			w.buf[start+i] = ' '
		}
	}
}

// StrField writes a member with a string.
func (w *Writer) StrField(name, value string) { w.Key(name); w.Str(value) }

// IntField writes a member with a whole number.
func (w *Writer) IntField(name string, n int64) { w.Key(name); w.Int(n) }

// BoolField writes a member with a boolean.
func (w *Writer) BoolField(name string, b bool) { w.Key(name); w.Bool(b) }

// RawField writes a member with JSON as it is.
func (w *Writer) RawField(name string, v []byte) { w.Key(name); w.Raw(v) }

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func AppendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	run := 0
	for i := plainEnd(s, 0); i < len(s); i = plainEnd(s, i) {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := decodeRune(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[run:i]...), "\uFFFD"...)
				run = i + 1
			}
			i += n
			continue
		}
		dst = append(dst, s[run:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		run = i
	}
	return append(append(dst, s[run:]...), '"')
}

func decodeRune[T ~string | ~[]byte](s T) (rune, int) {
	var b [utf8.UTFMax]byte
	n := copy(b[:], s)
	return utf8.DecodeRune(b[:n])
}
