package converse

import (
	"bytes"

	"turnpike/internal/llm/schema"
)

// toolSchema makes an input schema Converse takes. With inline, references are
// replaced by what they name, since models other than Claude do not follow them.
// The note says what was changed in meaning.
func toolSchema(raw []byte, inline bool, b *schema.Budget) (out []byte, note string) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return []byte(schema.Open), ""
	}
	if inline || schema.IsReference(raw) {
		var cut bool
		if raw, cut = schema.Inlined(raw, b); cut {
			note = "its schema refers to itself or grows too large: parts of it are left open"
		}
	}
	out, reason, ok := schema.Rooted(raw, b)
	switch {
	case !ok:
		return []byte(schema.Open), "its schema is no JSON object: any input is allowed"
	case reason != "":
		note = reason
	}
	return out, note
}
