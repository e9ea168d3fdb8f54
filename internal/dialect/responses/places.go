package responses

import (
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

var names = map[string]string{
	"max_tokens": "max_output_tokens", "response_format": "text.format", "system": "instructions",
	"thinking": "reasoning", "effort": "reasoning.effort", "reasoning_effort": "reasoning.effort",
}

// Places finds the item a turn begins with: a turn is made of the items that
// stand side by side.
func (Dialect) Places(body []byte) func(string) string {
	var begins []int
	r := wire.NewReader(body)
	if r.Kind() == '{' {
		for name := range r.Fields() {
			if string(name) == "input" && r.Kind() == '[' {
				begins = turnsBegin(r)
			}
		}
	}
	terms := &llm.Terms{Turns: "input", Parts: "content", Names: names, Turn: func(turn int) int {
		if turn < 0 || turn >= len(begins) {
			return turn
		}
		return begins[turn]
	}}
	return terms.Path
}

// turnsBegin goes through the items as request_items.go makes turns of them.
func turnsBegin(r *wire.Reader) (begins []int) {
	open := "" // the kind of turn that goes on
	leading := true
	for i := range r.Elements() {
		kind, role := "", ""
		if r.Kind() == '{' {
			for name := range r.Fields() {
				switch string(name) {
				case "type":
					kind = itemText(r)
				case "role":
					role = itemText(r)
				}
			}
		}
		next := "model"
		switch {
		case kind == "additional_tools":
			continue
		case kind == "message" || kind == "" && role != "":
			if next = role; role == "assistant" {
				next = "model"
			}
		case strings.HasSuffix(kind, "_output") || kind == "mcp_approval_response":
			next = "result"
		}
		system := next == "system" || next == "developer"
		if leading = leading && system; leading {
			continue // part of the system prompt
		}
		if next != open || next != "model" && next != "result" {
			begins = append(begins, i)
		}
		open = next
	}
	return begins
}

func itemText(r *wire.Reader) string {
	if r.Kind() != '"' {
		return ""
	}
	return r.Str()
}
