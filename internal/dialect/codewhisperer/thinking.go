package codewhisperer

import (
	"fmt"
	"slices"

	"turnpike/internal/dialect/turns"
	"turnpike/internal/llm"
)

// way is how reasoning is asked for.
type way string

const (
	off    way = "off"
	native way = "native" // by the model's own fields
	tags   way = "tags"   // in words; it comes in the text, between tags
)

// thinkingWay decides it. Native fields are what current clients send; models that
// take no effort are asked by tags, as clients did before there were fields.
func thinkingWay(req *llm.Request, t *llm.Target) way {
	if !req.Thinking.Wanted() || t.Caps.Thinking == llm.ThinkNone {
		return off
	}
	if k := t.Kiro; k != nil {
		switch w := way(k.Thinking); w {
		case off, native, tags:
			return w
		}
	}
	switch t.Caps.Thinking {
	case llm.ThinkAdaptive, llm.ThinkBoth, llm.ThinkEffort:
		return native
	case llm.ThinkBudget:
		return tags
	case llm.ThinkNone, llm.ThinkUnknown:
	}
	if t.Caps.Family == familyClaude {
		return tags
	}
	return off
}

// askByTags puts the wish for reasoning before everything else.
func (e *encoder) askByTags() {
	if thinkingWay(e.req, e.target) != tags {
		return
	}
	t := e.req.Thinking
	var s string
	if t.Mode == llm.ThinkingAdaptive {
		effort := t.Effort
		if effort == "" {
			effort = "medium"
		}
		s = "<thinking_mode>adaptive</thinking_mode><thinking_effort>" + effort + "</thinking_effort>"
	} else {
		budget := t.Budget
		if budget == 0 {
			budget = turns.BudgetOf(t.Effort)
		}
		s = fmt.Sprintf("<thinking_mode>enabled</thinking_mode><max_thinking_length>%d</max_thinking_length>", budget)
	}
	e.change("thinking", "it is asked for in words and read from the text: there is no signature")
	e.lead = append([]string{s}, e.lead...)
	if t.Display != "" {
		e.lose("thinking.display", "it cannot be said in words")
	}
}

// thinking writes the model's own fields, or names what cannot be asked for.
func (e *encoder) thinking() {
	t := e.req.Thinking
	switch {
	case thinkingWay(e.req, e.target) == native && e.caps.Family == "gpt":
		e.additional(func() {
			e.w.Key("reasoning")
			e.w.Object()
			e.w.StrField("effort", e.effort(t))
			e.w.EndObject()
		})
	case thinkingWay(e.req, e.target) == native:
		e.additional(func() { e.adaptive(t) })
	case t.Wanted() && thinkingWay(e.req, e.target) == off:
		e.lose("thinking", "nothing is known of how this model reasons, or it is switched off")
	case t.Mode == "" && t.Effort != "":
		if e.caps.Thinking != llm.ThinkAdaptive && e.caps.Thinking != llm.ThinkBoth {
			e.lose("effort", "the model takes no effort")
			return
		}
		e.additional(func() { e.outputEffort(t.Effort) })
	}
}

func (e *encoder) additional(write func()) {
	e.w.Key("additionalModelRequestFields")
	e.w.Object()
	write()
	e.w.EndObject()
}

func (e *encoder) adaptive(t llm.Thought) {
	e.w.Key("thinking")
	e.w.Object()
	e.w.StrField("type", "adaptive")
	switch t.Display {
	case "":
	case "summarized":
		e.w.StrField("display", t.Display)
	default:
		e.lose("thinking.display", "Kiro knows summarized only")
	}
	e.w.EndObject()
	if t.Effort != "" || t.Budget > 0 {
		e.outputEffort(e.effort(t))
	}
}

func (e *encoder) outputEffort(effort string) {
	e.w.Key("output_config")
	e.w.Object()
	e.w.StrField("effort", e.nearest(effort))
	e.w.EndObject()
}

// effort is the one asked for, or the one that stands for a budget.
func (e *encoder) effort(t llm.Thought) string {
	effort := t.Effort
	switch {
	case effort != "":
	case t.Budget > 0:
		effort = turns.EffortOf(t.Budget)
		e.change("thinking.budget_tokens", "the model takes an effort, not a budget: "+effort)
	default:
		effort = "medium"
	}
	return e.nearest(effort)
}

// efforts from least to most.
var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// kiroEfforts are what the service takes where nothing is known of the model.
var kiroEfforts = []string{"low", "medium", "high", "xhigh", "max"}

// nearest finds the effort that is closest to the one asked for.
func (e *encoder) nearest(effort string) string {
	have := e.caps.Efforts
	if len(have) == 0 {
		have = kiroEfforts
	}
	if slices.Contains(have, effort) {
		return effort
	}
	want := max(0, slices.Index(efforts, effort))
	best, distance := have[0], len(efforts)
	for _, h := range have {
		at := slices.Index(efforts, h)
		if d := max(at-want, want-at); at >= 0 && d < distance {
			best, distance = h, d
		}
	}
	e.change("effort", fmt.Sprintf("the model knows no %q: %s", effort, best))
	return best
}
