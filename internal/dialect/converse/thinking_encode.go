package converse

import (
	"fmt"
	"slices"

	"turnpike/internal/dialect/turns"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// thinkingPlan is what was decided about reasoning and bears on other settings.
type thinkingPlan struct {
	strictSampling bool // Claude: no temperature, no top_k beside it
	noForce        bool // Claude: no forced tool choice beside it
	bare           bool // Amazon Nova at its highest: no sampling settings and no limit beside it
}

// minBudget is the least number of thinking tokens Claude takes.
const minBudget = 1024

// planThinking says to the model what the client wishes about reasoning, in the
// way of its family. Converse has no member for it, only the model's own fields.
func (e *encoder) planThinking(turns []llm.Turn) {
	t := e.req.Thinking
	if t.Mode == "" && t.Effort == "" {
		return
	}
	if e.caps.Thinking == llm.ThinkNone {
		if t.Wanted() {
			e.lose("thinking", "the model does not reason")
		}
		return
	}
	if t.Mode == "" && !e.claudeLike() {
		e.lose("effort", "Converse has no such setting for this model")
		return
	}
	switch e.caps.Family {
	case familyClaude, "":
		e.claudeThinking(t, turns)
	case familyNova:
		e.novaThinking(t)
	case familyGPT:
		e.effortThinking(t)
	default:
		if t.Wanted() {
			e.lose("thinking", "Converse cannot set the reasoning of this model")
		}
	}
}

// claudeThinking uses Claude's own members, as its Messages API has them.
func (e *encoder) claudeThinking(t llm.Thought, turns []llm.Turn) {
	kind := e.caps.Thinking
	if !t.Wanted() {
		switch {
		case t.Mode == "":
			e.outputEffort(t.Effort)
		case kind == llm.ThinkAdaptive: // some of these refuse to be told not to think
			e.lose("thinking", "the model itself decides whether to think")
		case kind != llm.ThinkUnknown:
			e.add("thinking", []byte(`{"type":"disabled"}`))
		}
		return
	}
	if kind == llm.ThinkUnknown && t.Mode == llm.ThinkingEffort {
		e.lose("reasoning_effort", "nothing is known of how this model reasons")
		return
	}
	adaptive := kind == llm.ThinkAdaptive ||
		t.Mode == llm.ThinkingAdaptive && kind != llm.ThinkBudget ||
		t.Mode == llm.ThinkingEffort && kind == llm.ThinkBoth
	if adaptive {
		e.adaptive(t)
		return
	}
	if loopWithoutThinking(turns) {
		e.lose("thinking", "the tool calls being answered came without their reasoning, which Claude wants to see again")
		return
	}
	e.budget(t)
}

func (e *encoder) adaptive(t llm.Thought) {
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("type", "adaptive")
	if t.Display != "" {
		w.StrField("display", t.Display)
	}
	w.EndObject()
	e.add("thinking", w.Bytes())
	effort := t.Effort
	if effort == "" && t.Budget > 0 {
		effort = turns.EffortOf(t.Budget)
		e.change("thinking.budget_tokens", "the model takes an effort, not a budget: "+effort)
	}
	if effort != "" {
		e.outputEffort(effort)
	}
	e.thinking = thinkingPlan{strictSampling: true, noForce: true}
}

func (e *encoder) outputEffort(effort string) {
	if e.caps.Thinking != llm.ThinkAdaptive && e.caps.Thinking != llm.ThinkBoth {
		e.lose("effort", "the model takes no effort")
		return
	}
	effort = e.nearest(effort)
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("effort", effort)
	w.EndObject()
	e.add("output_config", w.Bytes())
}

func (e *encoder) budget(t llm.Thought) {
	budget, derived := t.Budget, false
	if budget == 0 {
		budget, derived = turns.BudgetOf(t.Effort), true
	} else if t.Effort != "" {
		e.outputEffortBeside(t.Effort)
	}
	budget, ok := e.fitBudget(max(budget, minBudget), derived)
	if !ok {
		return
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("type", "enabled")
	w.IntField("budget_tokens", budget)
	if t.Display != "" {
		w.StrField("display", t.Display)
	}
	w.EndObject()
	e.add("thinking", w.Bytes())
	e.thinking = thinkingPlan{strictSampling: true, noForce: true}
}

// outputEffortBeside passes an effort that stands beside a budget.
func (e *encoder) outputEffortBeside(effort string) {
	if e.caps.Thinking == llm.ThinkBoth {
		e.outputEffort(effort)
		return
	}
	e.lose("effort", "the model takes a budget, not an effort")
}

// fitBudget brings budget and max_tokens together: the limit must be above the
// budget, since thinking counts as output. A budget made of an effort is made to
// fit the client's limit; a budget the client named raises the limit.
func (e *encoder) fitBudget(budget int64, derived bool) (int64, bool) {
	if e.maxTokens == nil {
		return budget, true
	}
	limit := *e.maxTokens
	if derived && limit/2 >= minBudget {
		budget = min(budget, limit/2)
	}
	if limit > budget {
		return budget, true
	}
	raised := budget + limit
	if top := e.caps.MaxOutput; top > 0 && raised > top {
		raised = top
		if raised <= budget {
			e.change("thinking.budget_tokens", fmt.Sprintf("the model writes at most %d tokens", top))
			budget = raised - 1
		}
	}
	if budget < minBudget {
		e.lose("thinking", "too few tokens to think in")
		return 0, false
	}
	e.lose("max_tokens", "raised above the thinking budget, which counts as output")
	e.maxTokens = &raised
	return budget, true
}

// novaThinking follows the Amazon Nova 2 user guide: reasoningConfig with a
// level, and neither sampling settings nor a limit beside the highest.
func (e *encoder) novaThinking(t llm.Thought) {
	if e.caps.Thinking != llm.ThinkEffort {
		if t.Wanted() {
			e.lose("thinking", "nothing is known of how this model reasons")
		}
		return
	}
	if !t.Wanted() {
		e.add("reasoningConfig", []byte(`{"type":"disabled"}`))
		return
	}
	effort := e.effort(t)
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("type", "enabled")
	w.StrField("maxReasoningEffort", effort)
	w.EndObject()
	e.add("reasoningConfig", w.Bytes())
	e.thinking.bare = effort == "high"
}

// effortThinking is for models with OpenAI's reasoning_effort.
func (e *encoder) effortThinking(t llm.Thought) {
	if e.caps.Thinking != llm.ThinkEffort {
		if t.Wanted() {
			e.lose("thinking", "nothing is known of how this model reasons")
		}
		return
	}
	if t.Mode == llm.ThinkingAdaptive && t.Effort == "" {
		return // the model's own default
	}
	if !t.Wanted() {
		t.Effort = "none"
	}
	w := wire.NewWriter(nil)
	w.Str(e.effort(t))
	e.add("reasoning_effort", w.Bytes())
}

func (e *encoder) effort(t llm.Thought) string {
	effort := t.Effort
	if effort == "" {
		effort = "medium"
		if t.Budget > 0 {
			effort = turns.EffortOf(t.Budget)
			e.change("thinking.budget_tokens", "the model takes an effort, not a budget: "+effort)
		}
	}
	return e.nearest(effort)
}

// efforts from least to most.
var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// nearest finds the effort the model takes that is closest to the one asked for;
// of two equally close the greater.
func (e *encoder) nearest(effort string) string {
	if len(e.caps.Efforts) == 0 || slices.Contains(e.caps.Efforts, effort) {
		return effort
	}
	want := slices.Index(efforts, effort)
	if want < 0 {
		want = slices.Index(efforts, "medium")
	}
	best, distance := "", len(efforts)
	for _, have := range e.caps.Efforts {
		at := slices.Index(efforts, have)
		if at < 0 {
			continue
		}
		d := max(at-want, want-at)
		if d < distance || d == distance && at > want {
			best, distance = have, d
		}
	}
	if best == "" {
		return effort
	}
	e.change("effort", fmt.Sprintf("the model knows no %q: %s", effort, best))
	return best
}

// loopWithoutThinking tells whether the tool calls that the last turns answer
// were made in a turn that does not begin with reasoning. Claude refuses such a
// conversation while thinking is on with a budget.
func loopWithoutThinking(turns []llm.Turn) bool {
	for _, t := range slices.Backward(turns) {
		if t.Role == llm.User {
			if !slices.ContainsFunc(t.Parts, isResult) {
				return false
			}
			continue
		}
		if _, ok := t.Parts[0].(*llm.Thinking); !ok && slices.ContainsFunc(t.Parts, isCall) {
			return true
		}
	}
	return false
}

func isResult(p llm.Part) bool { _, ok := p.(*llm.ToolResult); return ok }

func isCall(p llm.Part) bool { _, ok := p.(*llm.ToolCall); return ok }
