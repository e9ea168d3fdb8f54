package converse

import (
	"fmt"
	"strings"

	"turnpike/internal/dialect/turns"
	"turnpike/internal/llm"
)

// conversation makes of the request what Converse takes: system texts, and turns
// that alternate, begin with the user and answer every tool call. Parts it
// leaves in the turns can all be written.
func (e *encoder) conversation() ([]*llm.Text, []llm.Turn) {
	prompt, first := e.req.Prompt()
	system := e.systemTexts(prompt)
	var led []*llm.Text
	if e.caps.NoSystem && len(system) > 0 {
		e.change("system", "the model takes no system prompt: it stands before the first message")
		led, system = system, nil
	}
	list := turns.Gather(e.req, first, led, e.turn)
	list = e.ends(turns.Paired(list, func(r *llm.ToolResult) []llm.Part { return e.asText(r.Parts) }, e.note))
	for i := range list {
		e.besideDocuments(&list[i])
	}
	return system, list
}

// besideDocuments puts a text beside documents that stand alone: Converse refuses
// a message with a document and no text (API reference, DocumentBlock).
func (e *encoder) besideDocuments(t *llm.Turn) {
	documents := false
	for _, p := range t.Parts {
		switch p := p.(type) {
		case *llm.Text:
			return
		case *llm.Media:
			documents = documents || p.Kind == llm.Document
		case *llm.Native:
			documents = documents || p.Type == documentBlock
		}
	}
	if documents {
		e.added("messages: document", "Converse wants a text beside a document: a short one was added")
		t.Parts = append(t.Parts, &llm.Text{Text: "(see the document)"})
	}
}

func (e *encoder) systemTexts(parts []llm.Part) []*llm.Text {
	var out []*llm.Text
	for i, p := range parts {
		t, ok := p.(*llm.Text)
		switch {
		case !ok:
			e.lose(fmt.Sprintf("system[%d]", i), "only text can stand in the system prompt")
		case blank(t.Text):
			if t.Cache != nil && len(out) > 0 && out[len(out)-1].Cache == nil {
				last := *out[len(out)-1]
				last.Cache = t.Cache
				out[len(out)-1] = &last
			}
		case e.caps.Family != "" && !e.claude() && turns.Attributes(t):
		default:
			out = append(out, t)
		}
	}
	return out
}

// turn copies a turn with the parts that can be written.
func (e *encoder) turn(i int) llm.Turn {
	src := &e.req.Turns[i]
	out := turns.Begin(src, i, "Converse", e.note)
	for _, p := range src.Parts {
		if t, ok := p.(*llm.Text); ok && t.Cache != nil && blank(t.Text) && !markLast(out.Parts, t.Cache) {
			e.lose(turns.Place(i).Path("cache_control"), "a cache point cannot stand on empty text")
		}
		if p = e.part(p, src.Role, turns.Place(i)); p != nil {
			out.Parts = append(out.Parts, p)
		}
	}
	// Reasoning cannot be the last thing an assistant said (Anthropic API reference).
	for n := len(out.Parts); e.claude() && out.Role == llm.Assistant && n > 0; n = len(out.Parts) {
		if _, ok := out.Parts[n-1].(*llm.Thinking); !ok {
			break
		}
		out.Parts = out.Parts[:n-1]
		e.lose(turns.Place(i).Path("thinking"), "reasoning cannot end an assistant's message")
	}
	return out
}

// part returns what is to be written for a part: itself, another, or nil where
// there is nothing.
func (e *encoder) part(p llm.Part, role llm.Role, at turns.Place) llm.Part {
	switch p := p.(type) {
	case *llm.Text:
		if blank(p.Text) {
			return nil
		}
		if role == llm.System {
			return turns.SystemText(p)
		}
		return p
	case *llm.Thinking:
		return e.thinkingPart(p, role, at)
	case *llm.Refusal:
		if blank(p.Text) {
			return nil
		}
		return &llm.Text{Text: p.Text}
	case *llm.Media:
		if role == llm.Assistant {
			e.lose(at.Path(string(p.Kind)), "an assistant's message cannot hold it")
			return nil
		}
		return e.media(p, at)
	case *llm.Native:
		return e.native(p, at)
	case *llm.ToolCall:
		if role != llm.Assistant {
			e.lose(at.Path("tool call"), "only an assistant's message can hold it")
			return nil
		}
		return p
	case *llm.ToolResult:
		if role == llm.Assistant {
			e.lose(at.Path("tool result"), "an assistant's message cannot hold it")
			return nil
		}
		return p
	}
	return nil
}

// thinkingPart keeps reasoning that its issuer will know again, as it was:
// signature and text, also an empty text.
func (e *encoder) thinkingPart(t *llm.Thinking, role llm.Role, at turns.Place) llm.Part {
	if role != llm.Assistant {
		e.lose(at.Path("thinking"), "only an assistant's message can hold it")
		return nil
	}
	t, ok := turns.Claudes(t)
	switch {
	case !ok:
		e.lose(at.Path("thinking"), "another model's reasoning")
	case !e.claudeLike():
		e.lose(at.Path("thinking"), "the model does not take reasoning back")
	case t.Redacted != "" || t.Signature != "":
		return t
	default:
		e.lose(at.Path("thinking"), "reasoning without a signature is not taken back")
	}
	return nil
}

// ends sees to it that the user speaks first, and last where the model wants that.
func (e *encoder) ends(list []llm.Turn) []llm.Turn {
	if len(list) == 0 {
		return nil
	}
	list = turns.Opened(list, e.note)
	last := &list[len(list)-1]
	if last.Role != llm.Assistant {
		return list
	}
	if e.caps.NoPrefill {
		e.added("messages", "the model does not go on with a begun answer: it is asked to continue")
		return append(list, turns.GoOn())
	}
	// A begun answer may not end in white space (Anthropic API reference).
	if t, ok := last.Parts[len(last.Parts)-1].(*llm.Text); ok {
		trimmed := *t
		trimmed.Text = strings.TrimRight(t.Text, " \t\r\n")
		last.Parts[len(last.Parts)-1] = &trimmed
	}
	return list
}

// flattenTools makes text of tool calls and results, for models without tools.
func (e *encoder) flattenTools(list []llm.Turn) []llm.Turn {
	for i := range list {
		var parts []llm.Part
		for _, p := range list[i].Parts {
			switch p := p.(type) {
			case *llm.ToolCall:
				e.change("messages: tool call", "the model has no tools: sent as text")
				parts = append(parts, &llm.Text{Text: "Call of the tool " + p.Name + ": " + string(p.Arguments()) + p.Broken})
			case *llm.ToolResult:
				e.change("messages: tool result", "the model has no tools: sent as text")
				parts = append(parts, e.asText(p.Parts)...)
			default:
				parts = append(parts, p)
			}
		}
		list[i].Parts = parts
	}
	return list
}

// asText makes a text part of a tool result's texts and keeps its pictures.
func (e *encoder) asText(parts []llm.Part) []llm.Part {
	var b strings.Builder
	b.WriteString("Result of a tool:")
	var rest []llm.Part
	for _, p := range parts {
		switch p := p.(type) {
		case *llm.Text:
			if !blank(p.Text) {
				b.WriteString("\n" + p.Text)
			}
		case *llm.Media:
			if m := e.media(p, turns.InResult); m != nil {
				rest = append(rest, m)
			}
		}
	}
	return append([]llm.Part{&llm.Text{Text: b.String()}}, rest...)
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }
