package llm

import "turnpike/internal/wire"

// ReadThought reads the setting of reasoning in Claude's words (Anthropic API
// reference, thinking), in which other APIs take it, too. It leaves t as it is, and
// reports false, where the setting is in a form that is not known.
func ReadThought(r *wire.Reader, t *Thought) bool {
	got := Thought{Effort: t.Effort}
	for name := range r.Fields() {
		switch string(name) {
		case "type":
			got.Mode = ThinkingMode(r.Str())
		case "budget_tokens":
			got.Budget = r.Int()
		case "display":
			got.Display = r.Str()
		default:
			return false
		}
	}
	switch got.Mode {
	case ThinkingOff, ThinkingAdaptive, ThinkingBudget:
	default:
		return false
	}
	if r.End() != nil || got.Mode == ThinkingBudget && got.Budget <= 0 {
		return false
	}
	*t = got
	return true
}
