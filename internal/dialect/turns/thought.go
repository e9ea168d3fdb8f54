package turns

import "turnpike/internal/llm"

// Claudes opens reasoning that stands in a seal, and leaves any other as it is; false
// where it is another model's than Claude.
func Claudes(t *llm.Thinking) (*llm.Thinking, bool) {
	seal := t.Signature
	if !llm.IsSeal(seal) {
		seal = t.Redacted
	}
	if !llm.IsSeal(seal) {
		return t, true
	}
	issuer, inner, ok := llm.Unseal(seal)
	return inner, ok && issuer == llm.IssuerClaude
}

// BudgetOf is the budget of tokens that stands for an effort.
func BudgetOf(effort string) int64 {
	switch effort {
	case "minimal":
		return 1024
	case "low":
		return 4096
	case "high":
		return 16384
	case "xhigh", "max":
		return 32000
	}
	return 8192
}

// EffortOf is the effort that stands for a budget.
func EffortOf(budget int64) string {
	switch {
	case budget <= 4096:
		return "low"
	case budget < 16384:
		return "medium"
	}
	return "high"
}
