package codewhisperer

import (
	"fmt"
	"strings"

	"turnpike/internal/dialect/turns"
	"turnpike/internal/llm"
)

// conversation makes of the request what the service takes: turns that alternate,
// begin and end with the user, and answer every tool call. Parts it leaves in the
// turns can all be written.
func (e *encoder) conversation() []llm.Turn {
	prompt, first := e.req.Prompt()
	e.system(prompt)
	e.askByTags()
	list := turns.Paired(turns.Gather(e.req, first, nil, e.turn), func(r *llm.ToolResult) []llm.Part { return e.asText("Result of a tool:", r) }, e.note)
	e.tools = e.toolList(list)
	if len(e.tools) == 0 {
		list = llm.Merged(e.withoutTools(list))
	}
	return e.led(e.ends(list))
}

// system takes the system prompt's texts: the service has no place for them but
// before the first message.
func (e *encoder) system(parts []llm.Part) {
	for i, p := range parts {
		t, ok := p.(*llm.Text)
		switch {
		case !ok:
			e.lose(fmt.Sprintf("system[%d]", i), "only text can stand in the system prompt")
		case blank(t.Text):
		case e.caps.Family != "" && e.caps.Family != familyClaude && turns.Attributes(t):
		default:
			e.lead = append(e.lead, t.Text)
		}
		if ok && t.Cache != nil {
			e.lose("system: cache_control", "Kiro has no cache points behind a system prompt")
		}
		if ok && t.Guard != nil {
			e.lose("system: guardContent", "Kiro has no guardrails")
		}
	}
	if len(e.lead) > 0 {
		e.change("system", "Kiro takes no system prompt: it stands before the first message")
	}
}

const familyClaude = "claude"

// led puts what has no place of its own before the first message.
func (e *encoder) led(list []llm.Turn) []llm.Turn {
	if len(e.lead) == 0 || len(list) == 0 {
		return list
	}
	first := &list[0]
	parts := make([]llm.Part, 0, len(first.Parts)+len(e.lead))
	for _, s := range e.lead {
		parts = append(parts, &llm.Text{Text: s})
	}
	first.Parts = append(parts, first.Parts...)
	return list
}

// turn copies a turn with the parts that can be written.
func (e *encoder) turn(i int) llm.Turn {
	src := &e.req.Turns[i]
	out := turns.Begin(src, i, "Kiro", e.note)
	for _, p := range src.Parts {
		if p = e.part(p, src.Role, turns.Place(i)); p != nil {
			out.Parts = append(out.Parts, p)
		}
	}
	return out
}

// part returns what is to be written for a part: itself, another, or nil where
// there is nothing.
func (e *encoder) part(p llm.Part, role llm.Role, at turns.Place) llm.Part {
	only := func(want llm.Role, what string) llm.Part {
		if (role == llm.Assistant) == (want == llm.Assistant) {
			return p
		}
		e.lose(at.Path(what), "only a message of the "+string(want)+" can hold it")
		return nil
	}
	switch p := p.(type) {
	case *llm.Text:
		return e.textPart(p, role, at)
	case *llm.Refusal:
		return e.textPart(&llm.Text{Text: p.Text}, role, at)
	case *llm.Thinking:
		if only(llm.Assistant, "thinking") == nil {
			return nil
		}
		return e.thought(p, at)
	case *llm.Media:
		if only(llm.User, string(p.Kind)) == nil {
			return nil
		}
		return e.media(p, at)
	case *llm.Native:
		e.lose(at.Path(p.Type), "Kiro has no such content")
	case *llm.ToolCall:
		return only(llm.Assistant, "tool call")
	case *llm.ToolResult:
		return only(llm.User, "tool result")
	}
	return nil
}

func (e *encoder) textPart(t *llm.Text, role llm.Role, at turns.Place) llm.Part {
	if len(t.Citations) > 0 {
		e.lose(at.Path("citations"), "Kiro takes none")
	}
	if t.Guard != nil {
		e.lose(at.Path("guardContent"), "Kiro has no guardrails")
	}
	switch {
	case blank(t.Text):
		if t.Cache != nil {
			e.lose(at.Path("cache_control"), "a cache point cannot stand on empty text")
		}
		return nil
	case role == llm.System:
		return turns.SystemText(t)
	}
	return t
}

// thought keeps reasoning that its issuer will know again.
func (e *encoder) thought(t *llm.Thinking, at turns.Place) llm.Part {
	t, ok := turns.Claudes(t)
	switch {
	case !ok:
		e.lose(at.Path("thinking"), "another model's reasoning")
	case e.caps.Family != "" && e.caps.Family != familyClaude:
		e.lose(at.Path("thinking"), "the model does not take reasoning back")
	case t.Signature == "" && t.Redacted == "":
		e.lose(at.Path("thinking"), "reasoning without a signature is not taken back")
	default:
		return t
	}
	return nil
}

// asText makes a text part of a tool result's texts and keeps its pictures.
func (e *encoder) asText(head string, r *llm.ToolResult) []llm.Part {
	var b strings.Builder
	b.WriteString(head)
	var rest []llm.Part
	for _, p := range r.Parts {
		switch p := p.(type) {
		case *llm.Text:
			b.WriteString("\n" + p.Text)
		case *llm.Media:
			if m := e.media(p, turns.InResult); m != nil {
				rest = append(rest, m)
			}
		case *llm.Native:
			e.lose(turns.InResult.Path(p.Type), "Kiro has no such content")
		}
	}
	return append([]llm.Part{&llm.Text{Text: b.String(), Cache: r.Cache}}, rest...)
}

// withoutTools makes text of tool calls and results: the service refuses them in a
// request without tools.
func (e *encoder) withoutTools(list []llm.Turn) []llm.Turn {
	for i := range list {
		var parts []llm.Part
		for _, p := range list[i].Parts {
			switch p := p.(type) {
			case *llm.ToolCall:
				e.change("messages: tool call", "the request has no tools: sent as text")
				parts = append(parts, &llm.Text{Text: "Call of the tool " + p.Name + ": " + string(p.Arguments()) + p.Broken, Cache: p.Cache})
			case *llm.ToolResult:
				e.change("messages: tool result", "the request has no tools: sent as text")
				head := "Result of a tool:"
				if p.Error {
					head = "A tool failed:"
				}
				parts = append(parts, e.asText(head, p)...)
			default:
				parts = append(parts, p)
			}
		}
		list[i].Parts = parts
	}
	return list
}

// ends sees to it that the user speaks first and last.
func (e *encoder) ends(list []llm.Turn) []llm.Turn {
	if len(list) == 0 {
		return nil
	}
	list = turns.Opened(list, e.note)
	if list[len(list)-1].Role == llm.Assistant {
		e.added("messages", "Kiro does not go on with a begun answer: it is asked to continue")
		list = append(list, turns.GoOn())
	}
	return list
}
