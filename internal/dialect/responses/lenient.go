package responses

import (
	"math"
	"strconv"
	"unicode/utf8"

	"turnpike/internal/wire"
)

// Servers that copy the API are loose with types. What an upstream says is read
// with these: a value of another type counts as not given, it does not spoil the
// rest of the answer.

// text reads a string as a view.
func text(r *wire.Reader) []byte {
	if r.Kind() != '"' {
		r.Skip()
		return nil
	}
	return r.Bytes()
}

// count reads a number of tokens, a time or an index.
func count(r *wire.Reader) (n int64, ok bool) {
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

// object tells whether an object comes next; anything else is skipped.
func object(r *wire.Reader) bool {
	if r.Kind() == '{' {
		return true
	}
	r.Skip()
	return false
}

// list tells whether a list comes next; anything else is skipped.
func list(r *wire.Reader) bool {
	if r.Kind() == '[' {
		return true
	}
	r.Skip()
	return false
}

// str reads a string, or a number as it is written.
func str(r *wire.Reader) string {
	if r.Kind() == '0' {
		return string(r.Raw())
	}
	return string(text(r))
}

// peek returns a string member of an object without consuming it.
func peek(r wire.Reader, member string) []byte {
	if r.Kind() != '{' {
		return nil
	}
	for m := range r.Fields() {
		if string(m) == member && r.Kind() == '"' {
			return r.Bytes()
		}
	}
	return nil
}

// cut shortens what others wrote before it becomes part of a message.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}
