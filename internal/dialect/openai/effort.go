package openai

import (
	"slices"

	"turnpike/internal/llm"
)

// Wanted is the effort that a wish comes to, empty for the model's own default.
func Wanted(t llm.Thought) string {
	switch {
	case t.Mode == llm.ThinkingOff:
		return "none"
	case t.Effort != "":
		return t.Effort
	case t.Mode == llm.ThinkingBudget && t.Budget < 4<<10:
		return "low"
	case t.Mode == llm.ThinkingBudget && t.Budget < 16<<10:
		return "medium"
	case t.Mode == llm.ThinkingBudget:
		return "high"
	}
	return ""
}

// NearestEffort finds the value a model takes that is nearest to what was asked,
// the stronger of two. Nothing known of the values: all but "none" may pass.
func NearestEffort(effort string, taken []string) (string, bool) {
	if len(taken) == 0 || slices.Contains(taken, effort) {
		return effort, len(taken) > 0 || effort != "none"
	}
	scale := []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}
	at := slices.Index(scale, effort)
	if at < 0 {
		return effort, true // unknown to us: the upstream may know it
	}
	for far := 1; far < len(scale); far++ {
		for _, i := range [2]int{at + far, at - far} {
			if i >= 0 && i < len(scale) && slices.Contains(taken, scale[i]) {
				return scale[i], true
			}
		}
	}
	return effort, true
}
