package messages

import "turnpike/internal/llm/schema"

// toolSchema brings a tool's schema into the form the API takes: an object at
// the top, and no combination there. reason tells what had to be changed in
// meaning, empty if nothing.
func toolSchema(raw []byte, b *schema.Budget) (out []byte, reason string) {
	if len(raw) == 0 {
		return []byte(schema.Open), ""
	}
	out, reason, _ = schema.Rooted(raw, b) // of what is no object the upstream says what is wrong with it
	return out, reason
}
