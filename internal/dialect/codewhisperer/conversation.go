package codewhisperer

import (
	"fmt"
	"strings"

	"turnpike/internal/llm"
)

// conversation makes of the request what the service takes: turns that alternate,
// begin and end with the user, and answer every tool call. Parts it leaves in the
// turns can all be written.
func (e *encoder) conversation() []llm.Turn {
	prompt, first := e.req.Prompt()
	e.system(prompt)
	e.askByTags()
	turns := make([]llm.Turn, 0, len(e.req.Turns)+1)
	for i := first; i < len(e.req.Turns); i++ {
		if t := e.turn(i); len(t.Parts) > 0 {
			turns = append(turns, t)
		}
	}
	turns = e.paired(llm.Merged(turns))
	e.tools = e.toolList(turns)
	if len(e.tools) == 0 {
		turns = llm.Merged(e.withoutTools(turns))
	}
	return e.led(e.ends(turns))
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
		case e.caps.Family != "" && e.caps.Family != familyClaude && strings.HasPrefix(t.Text, attributionPrefix):
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

// attributionPrefix begins the entry Claude Code puts first into its system prompt
// (Claude Code gateway contract). To other models it is noise.
const attributionPrefix = "x-anthropic-billing-header:"

// led puts what has no place of its own before the first message.
func (e *encoder) led(turns []llm.Turn) []llm.Turn {
	if len(e.lead) == 0 || len(turns) == 0 {
		return turns
	}
	first := &turns[0]
	parts := make([]llm.Part, 0, len(first.Parts)+len(e.lead))
	for _, s := range e.lead {
		parts = append(parts, &llm.Text{Text: s})
	}
	first.Parts = append(parts, first.Parts...)
	return turns
}

// place names where a part stands.
func place(turn int, what string) string {
	if turn < 0 {
		return "messages: tool result: " + what
	}
	return fmt.Sprintf("messages[%d].content: %s", turn, what)
}

// inResult is the turn of parts that stand in a tool result.
const inResult = -1

// turn copies a turn with the parts that can be written.
func (e *encoder) turn(i int) llm.Turn {
	src := &e.req.Turns[i]
	out := llm.Turn{Role: src.Role, Parts: make([]llm.Part, 0, len(src.Parts))}
	if src.Role == llm.System {
		out.Role = llm.User
		e.change(fmt.Sprintf("messages[%d].role", i), "Kiro takes no system message inside a conversation: sent in place as the user's")
	}
	if src.Name != "" {
		e.lose(fmt.Sprintf("messages[%d].name", i), "Kiro has no names of participants")
	}
	for _, p := range src.Parts {
		if p = e.part(p, src.Role, i); p != nil {
			out.Parts = append(out.Parts, p)
		}
	}
	return out
}

// part returns what is to be written for a part: itself, another, or nil where
// there is nothing.
func (e *encoder) part(p llm.Part, role llm.Role, at int) llm.Part {
	only := func(want llm.Role, what string) llm.Part {
		if (role == llm.Assistant) == (want == llm.Assistant) {
			return p
		}
		e.lose(place(at, what), "only a message of the "+string(want)+" can hold it")
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
		e.lose(place(at, p.Type), "Kiro has no such content")
	case *llm.ToolCall:
		return only(llm.Assistant, "tool call")
	case *llm.ToolResult:
		return only(llm.User, "tool result")
	}
	return nil
}

func (e *encoder) textPart(t *llm.Text, role llm.Role, at int) llm.Part {
	if len(t.Citations) > 0 {
		e.lose(place(at, "citations"), "Kiro takes none")
	}
	if t.Guard != nil {
		e.lose(place(at, "guardContent"), "Kiro has no guardrails")
	}
	switch {
	case blank(t.Text):
		if t.Cache != nil {
			e.lose(place(at, "cache_control"), "a cache point cannot stand on empty text")
		}
		return nil
	case role == llm.System:
		return &llm.Text{Text: "<system>\n" + t.Text + "\n</system>", Cache: t.Cache}
	}
	return t
}

// thought keeps reasoning that its issuer will know again.
func (e *encoder) thought(t *llm.Thinking, at int) llm.Part {
	seal := t.Signature
	if !llm.IsSeal(seal) {
		seal = t.Redacted
	}
	if llm.IsSeal(seal) {
		issuer, inner, ok := llm.Unseal(seal)
		if !ok || issuer != llm.IssuerClaude {
			e.lose(place(at, "thinking"), "another model's reasoning")
			return nil
		}
		t = inner
	}
	switch {
	case e.caps.Family != "" && e.caps.Family != familyClaude:
		e.lose(place(at, "thinking"), "the model does not take reasoning back")
	case t.Signature == "" && t.Redacted == "":
		e.lose(place(at, "thinking"), "reasoning without a signature is not taken back")
	default:
		return t
	}
	return nil
}

// paired makes every tool call be answered in the turn behind it, and turns answers
// to nothing into text.
func (e *encoder) paired(turns []llm.Turn) []llm.Turn {
	var pairing llm.Pairing
	out := make([]llm.Turn, 0, len(turns)+1)
	for i := range turns {
		t := turns[i]
		if t.Role == llm.Assistant {
			t.Parts = pairing.Calls(t.Parts)
		} else {
			t.Parts = e.answers(&pairing, t.Parts)
		}
		out = append(out, t)
	}
	if pairing.Waiting() {
		out = append(out, llm.Turn{Role: llm.User, Parts: e.answers(&pairing, nil)})
	}
	return out
}

func (e *encoder) answers(pairing *llm.Pairing, parts []llm.Part) []llm.Part {
	out, added := pairing.Answers(parts, func(r *llm.ToolResult) []llm.Part {
		e.change("messages: tool result", "it answers no tool call of the message before, and is sent as text")
		return e.asText("Result of a tool:", r)
	})
	for range added {
		e.added("messages: tool call", "nobody answered it: closed with an error result")
	}
	return out
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
			if m := e.media(p, inResult); m != nil {
				rest = append(rest, m)
			}
		case *llm.Native:
			e.lose(place(inResult, p.Type), "Kiro has no such content")
		}
	}
	return append([]llm.Part{&llm.Text{Text: b.String(), Cache: r.Cache}}, rest...)
}

// withoutTools makes text of tool calls and results: the service refuses them in a
// request without tools.
func (e *encoder) withoutTools(turns []llm.Turn) []llm.Turn {
	for i := range turns {
		var parts []llm.Part
		for _, p := range turns[i].Parts {
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
		turns[i].Parts = parts
	}
	return turns
}

// ends sees to it that the user speaks first and last.
func (e *encoder) ends(turns []llm.Turn) []llm.Turn {
	if len(turns) == 0 {
		return nil
	}
	if turns[0].Role == llm.Assistant {
		e.added("messages", "a conversation must begin with the user: a short message was put first")
		turns = append([]llm.Turn{{Role: llm.User, Parts: []llm.Part{&llm.Text{Text: "(continued)"}}}}, turns...)
	}
	if turns[len(turns)-1].Role == llm.Assistant {
		e.added("messages", "Kiro does not go on with a begun answer: it is asked to continue")
		turns = append(turns, llm.Turn{Role: llm.User, Parts: []llm.Part{&llm.Text{Text: "Continue."}}})
	}
	return turns
}
