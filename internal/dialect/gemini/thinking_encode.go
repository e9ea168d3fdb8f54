package gemini

import (
	"fmt"
	"slices"

	"turnpike/internal/llm"
)

// Bounds of a thinking budget that every model with budgets takes (Gemini API,
// thinking guide: 128 to 32768 for the largest, 512 to 24576 for the smallest).
const (
	minBudget = 512
	maxBudget = 24576
)

// thinking says the client's wish about reasoning in the form the model takes.
func (e *encoder) thinking() {
	t := e.req.Thinking
	if t.Mode == "" && t.Effort == "" {
		return
	}
	switch {
	case e.caps.Thinking == llm.ThinkNone:
		if t.Wanted() {
			e.lose("thinking", "the model does not reason")
		}
	case t.Mode != "" && !t.Wanted():
		e.noThinking()
	case e.levels() || e.caps.Thinking == llm.ThinkUnknown && t.Effort != "" && t.Budget == 0:
		e.level(t)
	default:
		e.budget(t)
	}
}

// noThinking turns reasoning off, or as low as it goes for models that cannot
// do without.
func (e *encoder) noThinking() {
	able := e.caps.Efforts == nil || slices.Contains(e.caps.Efforts, "none")
	switch {
	case e.levels():
		e.level(llm.Thought{Mode: llm.ThinkingEffort, Effort: "none"})
	case able:
		e.openThinking(false)
		e.w.IntField("thinkingBudget", 0)
		e.w.EndObject()
	default:
		e.change("thinking", "the model always reasons: as little as it can")
		e.openThinking(false)
		e.w.IntField("thinkingBudget", minBudget)
		e.w.EndObject()
	}
}

func (e *encoder) openThinking(show bool) {
	e.inConfig("thinkingConfig")
	e.w.Object()
	if show {
		e.w.BoolField("includeThoughts", true)
	}
}

// level asks for a level, which models of the newer kind take.
func (e *encoder) level(t llm.Thought) {
	effort := t.Effort
	if effort == "" && t.Mode == llm.ThinkingBudget {
		effort = effortOf(t.Budget)
		e.change("thinking.budget_tokens", "the model takes an effort instead of a budget: "+effort)
	}
	e.openThinking(t.Wanted() && t.Display != displayOmitted)
	if effort != "" {
		e.w.StrField("thinkingLevel", e.nearest(effort))
	}
	e.w.EndObject()
}

// budget asks for a budget of tokens; -1 leaves it to the model.
func (e *encoder) budget(t llm.Thought) {
	budget := t.Budget
	switch {
	case budget > 0 && t.Effort != "":
		e.lose("effort", "the model takes a budget, not an effort")
	case budget == 0 && t.Effort == "":
		budget = -1
	case budget == 0:
		budget = budgetOf(t.Effort)
		if limit := e.req.MaxTokens; limit != nil { // thoughts count as output
			budget = max(minBudget, min(budget, *limit/2))
		}
	}
	if fit := min(max(budget, minBudget), maxBudget); budget > 0 && fit != budget {
		e.change("thinking.budget_tokens", fmt.Sprintf("the model takes %d to %d", minBudget, maxBudget))
		budget = fit
	}
	e.openThinking(t.Display != displayOmitted)
	e.w.IntField("thinkingBudget", budget)
	e.w.EndObject()
}

// efforts in their order.
var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// nearest is the effort the model takes that is closest, the higher of two.
func (e *encoder) nearest(effort string) string {
	takes := e.caps.Efforts
	if takes == nil {
		takes = []string{"low", "high"} // every model with levels has these
	}
	rank := slices.Index(efforts, effort)
	if slices.Contains(takes, effort) || rank < 0 && e.caps.Efforts == nil {
		return effort
	}
	best, distance := "high", len(efforts)
	for i, s := range efforts {
		if d := max(i-rank, rank-i); slices.Contains(takes, s) && d <= distance {
			best, distance = s, d
		}
	}
	e.change("effort", "the model takes "+best+" instead of "+clip(effort))
	return best
}

func budgetOf(effort string) int64 {
	switch effort {
	case "minimal":
		return minBudget
	case "low":
		return 2048
	case "medium":
		return 8192
	case "high":
		return 16384
	}
	return maxBudget
}

func effortOf(budget int64) string {
	switch {
	case budget <= 4096:
		return "low"
	case budget <= 12288:
		return "medium"
	}
	return "high"
}
