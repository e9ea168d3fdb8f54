package messages

import (
	"slices"

	"turnpike/internal/llm"
)

// minBudget is the least the API takes.
const minBudget = 1024

// defaultMaxTokens is asked for where neither the client says how long an answer
// may be nor the model's limit is known: every Claude since 3.5 writes as much.
const defaultMaxTokens = 8192

// maxUnstreamed bounds our own choice where the answer comes in one piece:
// Anthropic's clients are told to stream what may take longer than ten minutes.
const maxUnstreamed = 32000

// thinkingPlan is what the body will say about reasoning.
type thinkingPlan struct {
	mode   llm.ThinkingMode // empty: nothing is said
	budget int64
	effort string
}

func (p thinkingPlan) on() bool {
	return p.mode == llm.ThinkingBudget || p.mode == llm.ThinkingAdaptive
}

// limitTokens settles max_tokens, which the API wants in every request.
func (e *encoder) limitTokens() {
	limit := e.t.Caps.MaxOutput
	if m := e.req.MaxTokens; m != nil {
		e.maxTokens = max(*m, 1)
		if limit > 0 && *m > limit {
			e.change("max_tokens", "above what the model writes: lowered")
			e.maxTokens = limit
		}
		return
	}
	switch {
	case limit <= 0:
		e.maxTokens = defaultMaxTokens
	case e.t.Stream:
		e.maxTokens = limit
	default:
		e.maxTokens = min(limit, maxUnstreamed)
	}
}

// planThinking says the client's wish in the form the model takes.
func (e *encoder) planThinking() {
	q, kind := e.req.Thinking, e.t.Caps.Thinking
	switch {
	case q.Mode == "":
		e.think.effort = q.Effort
	case !q.Wanted():
		e.planOff()
	case kind == llm.ThinkNone:
		e.lose("thinking", "the model cannot")
		return
	case e.adaptive():
		e.planAdaptive()
	default:
		e.planBudget()
	}
	e.settleEffort()
	if e.think.effort != "" && e.t.Bedrock && slices.Contains(e.t.Caps.Betas, effortBeta) {
		e.addBeta(effortBeta)
	}
}

// planOff keeps thinking off. To models that only think when told to, an
// effort of none needs no word.
func (e *encoder) planOff() {
	q, kind := e.req.Thinking, e.t.Caps.Thinking
	said := q.Mode == llm.ThinkingOff
	if said {
		e.think.effort = q.Effort
	}
	if kind == llm.ThinkAdaptive || kind == llm.ThinkBoth || said && kind != llm.ThinkNone {
		e.think.mode = llm.ThinkingOff
	}
}

// adaptive chooses between the two forms thinking has.
func (e *encoder) adaptive() bool {
	switch e.t.Caps.Thinking {
	case llm.ThinkAdaptive:
		return true
	case llm.ThinkBudget:
		return false
	case llm.ThinkBoth:
		return e.req.Thinking.Mode != llm.ThinkingBudget
	default:
		return e.req.Thinking.Mode == llm.ThinkingAdaptive
	}
}

func (e *encoder) planAdaptive() {
	q := e.req.Thinking
	e.think = thinkingPlan{mode: llm.ThinkingAdaptive, effort: q.Effort}
	if q.Mode != llm.ThinkingBudget {
		return
	}
	if q.Effort == "" {
		e.think.effort = effortOf(q.Budget)
	}
	e.change("thinking.budget_tokens", "the model takes an effort instead of a budget: "+e.think.effort)
}

func (e *encoder) planBudget() {
	q := e.req.Thinking
	if e.unsignedLoop() {
		e.lose("thinking", "off for this answer: the message whose tools were called carries no thinking signed by Claude")
		return
	}
	e.think = thinkingPlan{mode: llm.ThinkingBudget, budget: q.Budget}
	switch q.Mode {
	case llm.ThinkingBudget:
		e.think.effort = q.Effort
		if q.Budget < minBudget {
			e.lose("thinking.budget_tokens", "the least is 1024")
		}
	case llm.ThinkingAdaptive:
		e.lose("thinking.type", "the model does not think adaptively: sent with a budget")
		e.ownBudget()
	default:
		e.ownBudget()
	}
	e.fitBudget()
}

// ownBudget makes a budget of the effort. It leaves room for the answer inside
// what the client allows; where the client says nothing the room comes on top.
func (e *encoder) ownBudget() {
	b := budgetOf(e.req.Thinking.Effort)
	if e.req.MaxTokens != nil {
		b = min(b, e.maxTokens/2)
	} else if limit := e.t.Caps.MaxOutput; limit <= 0 {
		e.maxTokens += b
	}
	e.think.budget = b
}

// fitBudget keeps max_tokens above the budget, which the API demands unless
// thinking is interleaved with tools.
func (e *encoder) fitBudget() {
	b := max(e.think.budget, minBudget)
	if most := e.t.Caps.MaxThinking; most > 0 && b > most {
		if b = most; e.req.Thinking.Mode == llm.ThinkingBudget {
			e.lose("thinking.budget_tokens", "above what the model may think: lowered")
		}
	}
	e.think.budget = b
	if e.maxTokens > b || e.req.Thinking.Mode == llm.ThinkingBudget && e.hasBeta("interleaved-thinking-") {
		return
	}
	room := e.maxTokens
	total := b + room
	if limit := e.t.Caps.MaxOutput; limit > 0 {
		total = min(total, limit)
	}
	switch {
	case total <= minBudget:
		e.lose("thinking", "the model's answers are too short to think in")
		e.think = thinkingPlan{}
		return
	case total <= b:
		e.think.budget = max(minBudget, total-min(room, total/2))
		e.lose("thinking.budget_tokens", "lowered below what the model can write")
	}
	e.maxTokens = total
	if e.req.MaxTokens != nil && total > room {
		e.lose("max_tokens", "raised above the budget for thinking")
	}
}

// unsignedLoop tells whether the conversation ends with results of tools that a
// message without signed thinking called. The API refuses to think on from there
// with a budget.
func (e *encoder) unsignedLoop() bool {
	for _, t := range slices.Backward(e.turns) {
		switch t.role {
		case llm.System:
		case llm.Assistant:
			return hasCall(t.parts) && !isThinking(t.parts[0])
		case llm.User:
			if _, ok := t.parts[0].(*llm.ToolResult); !ok {
				return false
			}
		}
	}
	return false
}

func hasCall(parts []llm.Part) bool {
	return slices.ContainsFunc(parts, func(p llm.Part) bool {
		_, ok := p.(*llm.ToolCall)
		return ok
	})
}

// efforts in their order.
var efforts = []string{"minimal", "low", "medium", "high", "xhigh", "max"}

// settleEffort finds the nearest effort the model takes, the higher of two.
func (e *encoder) settleEffort() {
	want := e.think.effort
	if want == "" {
		return
	}
	takes := e.t.Caps.Efforts
	switch kind := e.t.Caps.Thinking; {
	case takes == nil && (kind == llm.ThinkNone || kind == llm.ThinkBudget), takes != nil && len(takes) == 0:
		e.lose("effort", "the model has no such setting")
		e.think.effort = ""
		return
	case takes == nil:
		takes = efforts[1:] // no Claude has minimal
	}
	best := nearestEffort(want, takes)
	if best == "" || best == want {
		return
	}
	e.change("effort", "the model takes "+best+" instead of "+want)
	e.think.effort = best
}

func budgetOf(effort string) int64 {
	switch effort {
	case "minimal":
		return 2048
	case "low":
		return 4096
	case "medium":
		return 8192
	case "xhigh", "max":
		return 32000
	}
	return 16384 // high, which is also what an effort unsaid means
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
