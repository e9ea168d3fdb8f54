package chat

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Places counts the leading system messages in: they are no turns.
func (Dialect) Places(body []byte) func(string) string {
	leading := 0
	r := wire.NewReader(body)
	if r.Kind() == '{' {
		for name := range r.Fields() {
			if string(name) == "messages" && r.Kind() == '[' {
				leading = leadingSystem(r)
			}
		}
	}
	terms := &llm.Terms{
		Turns: "messages", Parts: "content",
		Names: map[string]string{"system": "messages (system)", "effort": "reasoning_effort", "reasoning.effort": "reasoning_effort"},
		Turn:  func(turn int) int { return turn + leading },
	}
	return terms.Path
}

func leadingSystem(r *wire.Reader) (n int) {
	over := false
	for range r.Elements() {
		if r.Kind() != '{' {
			over = true
			continue
		}
		system := false
		for name := range r.Fields() {
			if string(name) == "role" && r.Kind() == '"' {
				role := r.Str()
				system = role == "system" || role == "developer"
			}
		}
		if over = over || !system; !over {
			n++
		}
	}
	return n
}
