package openai

import (
	"math"
	"strconv"
	"unicode/utf8"

	"turnpike/internal/wire"
)

// Servers that copy the APIs are loose with types. What an upstream says is read
// with these: a value of another type counts as not given, it does not spoil the
// rest of the answer.

// Text reads a string as a view.
func Text(r *wire.Reader) []byte {
	if r.Kind() != '"' {
		r.Skip()
		return nil
	}
	return r.Bytes()
}

// Count reads a number of tokens, a time or an index.
func Count(r *wire.Reader) (n int64, ok bool) {
	if r.Kind() != '0' {
		r.Skip()
		return 0, false
	}
	raw := r.Raw()
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// Object tells whether an object comes next; anything else is skipped.
func Object(r *wire.Reader) bool {
	if r.Kind() == '{' {
		return true
	}
	r.Skip()
	return false
}

// List tells whether a list comes next; anything else is skipped.
func List(r *wire.Reader) bool {
	if r.Kind() == '[' {
		return true
	}
	r.Skip()
	return false
}

// Str reads a string, or a number as it is written.
func Str(r *wire.Reader) string {
	if r.Kind() == '0' {
		return string(r.Raw())
	}
	return string(Text(r))
}

// Cut shortens what others wrote before it becomes part of a message.
func Cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}
