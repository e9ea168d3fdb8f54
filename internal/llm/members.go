package llm

import "turnpike/internal/wire"

// ObjectOf takes an object as it is; anything else fails the reader.
func ObjectOf(r *wire.Reader) []byte {
	if k := r.Kind(); k != '{' {
		r.Fail("must be an object, not %s", k)
		return nil
	}
	return r.Raw()
}

// StringsOf reads a list of texts.
func StringsOf(r *wire.Reader) []string {
	var out []string
	for range r.Elements() {
		out = append(out, r.Str())
	}
	return out
}
