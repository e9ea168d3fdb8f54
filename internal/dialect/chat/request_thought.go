package chat

import "turnpike/internal/llm"

// Reasoning is asked for in three ways: OpenAI's reasoning_effort, OpenRouter's
// reasoning object, and the thinking object of Anthropic, Z.ai, DeepSeek and Moonshot.

type reasoningWish struct {
	given, exclude bool
	enabled        *bool
	effort         string
	budget         int64
}

func (w *reasoningWish) read(d *decoder) {
	w.given = true
	for name := range d.r.Fields() {
		switch string(name) {
		case "effort":
			w.effort = d.r.Str()
		case "max_tokens":
			w.budget = d.r.Int()
		case "enabled":
			w.enabled = new(d.r.Bool())
		case "exclude":
			w.exclude = d.r.Bool()
		case "summary": // how much of it is shown: the upstream's affair
		default:
			d.strange(d.r, name)
		}
	}
}

type thinkingWish struct {
	kind, display string
	budget        int64
	nothing       bool // a budget of 0
}

func (w *thinkingWish) read(d *decoder) {
	for name := range d.r.Fields() {
		switch string(name) {
		case "type":
			w.kind = d.r.Str()
		case "budget_tokens":
			w.budget = d.r.Int()
			w.nothing = w.budget == 0
		case "display":
			w.display = d.r.Str()
		case "clear_thinking": // Z.ai: whether it keeps earlier reasoning
		default:
			d.strange(d.r, name)
		}
	}
	switch w.kind {
	case "", "enabled", "disabled", "adaptive", "auto":
	default:
		d.fail("thinking.type", "must be enabled, adaptive or disabled")
	}
}

// thought is what the three say together.
func (d *decoder) thought() llm.Thought {
	t := llm.Thought{Effort: d.effort, Display: d.thinking.display}
	if t.Effort == "" {
		t.Effort = d.reasoning.effort
	}
	if d.reasoning.exclude && t.Display == "" {
		t.Display = "omitted"
	}
	budget := max(d.thinking.budget, d.reasoning.budget)
	off := d.thinking.kind == "disabled" || d.thinking.kind != "adaptive" && d.thinking.nothing || d.reasoning.enabled != nil && !*d.reasoning.enabled
	switch {
	case off:
		t = llm.Thought{Mode: llm.ThinkingOff}
	case d.thinking.kind == "adaptive":
		t.Mode = llm.ThinkingAdaptive
		if budget > 0 {
			d.lose("thinking.budget_tokens", "adaptive thinking has no budget")
		}
	case budget > 0:
		t.Mode, t.Budget = llm.ThinkingBudget, budget
	case d.thinking.kind != "":
		t.Mode = llm.ThinkingAdaptive
	case t.Effort != "":
		t.Mode = llm.ThinkingEffort
	case d.reasoning.given && d.reasoning.enabled != nil:
		t.Mode, t.Effort = llm.ThinkingEffort, "medium" // OpenRouter's documented default
	}
	return t
}
