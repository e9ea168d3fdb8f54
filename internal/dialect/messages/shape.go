package messages

import (
	"fmt"
	"slices"

	"turnpike/internal/llm"
)

// shape brings the conversation into the form the API insists on: turns of user
// and assistant in alternation, the first the user's, every tool call answered
// in the turn behind it. Nothing an assistant said is moved.
func (e *encoder) shape() {
	e.system = e.prepare(e.req.System, -1)
	var turns []turn
	for i := range e.req.Turns {
		t := &e.req.Turns[i]
		if t.Name != "" {
			e.lose(fmt.Sprintf("messages[%d].name", i), "messages has no names of participants")
		}
		parts := e.prepare(t.Parts, i)
		if t.Role == llm.System && len(turns) == 0 {
			e.system = append(e.system, e.systemParts(parts, i)...)
			continue
		}
		turns = join(turns, turn{t.Role, parts, i})
	}
	turns = e.dropLastThinking(turns)
	turns = e.placeSystem(turns)
	turns = e.placeSystem(e.pair(turns)) // once more: pairing may have emptied the turn before
	e.turns = e.head(turns)
}

// join appends a turn: to the last one where the role is the same, and not at
// all where it has no parts.
func join(turns []turn, t turn) []turn {
	if len(t.parts) == 0 {
		return turns
	}
	if n := len(turns); n > 0 && turns[n-1].role == t.role {
		turns[n-1].parts = append(slices.Clip(turns[n-1].parts), t.parts...)
		return turns
	}
	return append(turns, t)
}

// systemParts keeps what the system prompt may hold: text.
func (e *encoder) systemParts(parts []llm.Part, at int) []llm.Part {
	return slices.DeleteFunc(parts, func(p llm.Part) bool {
		if _, ok := p.(*llm.Text); ok {
			return false
		}
		e.loseIn(at, partName(p), "the system prompt holds text only")
		return true
	})
}

// dropLastThinking takes thinking off the end of assistant turns: the API wants
// every message to end on something that was said or done.
func (e *encoder) dropLastThinking(turns []turn) []turn {
	out := make([]turn, 0, len(turns))
	for _, t := range turns {
		if t.role == llm.Assistant {
			n := len(t.parts)
			for n > 0 && isThinking(t.parts[n-1]) {
				n--
			}
			if n < len(t.parts) {
				e.loseIn(t.at, "thinking", "a message cannot end on thinking")
				t.parts = t.parts[:n]
			}
		}
		out = join(out, t)
	}
	return out
}

func isThinking(p llm.Part) bool {
	_, ok := p.(*llm.Thinking)
	return ok
}

// placeSystem deals with system turns inside the conversation. A model that
// takes them gets them where they stand, if the place is one the API allows:
// behind a user turn, and last or before an assistant turn. Otherwise the text
// stays where it is and the user says it, so that the prefix in the prompt cache
// stays the same.
func (e *encoder) placeSystem(turns []turn) []turn {
	out := make([]turn, 0, len(turns))
	for i, t := range turns {
		if t.role != llm.System {
			out = join(out, t)
			continue
		}
		prev := len(out) > 0 && out[len(out)-1].role == llm.User
		next := i+1 == len(turns) || turns[i+1].role == llm.Assistant
		if e.t.Caps.MidSystem && prev && next {
			out = join(out, t)
			continue
		}
		reason := "the model takes no system message inside a conversation: sent in place as the user's"
		if e.t.Caps.MidSystem {
			reason = "a system message must stand between a user's and an assistant's: sent in place as the user's"
		}
		e.lose(fmt.Sprintf("messages[%d].role", t.at), reason)
		for _, p := range e.systemParts(t.parts, t.at) {
			s := p.(*llm.Text)
			s.Text = "<system>\n" + s.Text + "\n</system>"
			out = join(out, turn{llm.User, []llm.Part{s}, t.at})
		}
	}
	return out
}

// head makes the conversation begin with the user.
func (e *encoder) head(turns []turn) []turn {
	switch {
	case len(turns) == 0 && len(e.system) == 0:
		return nil
	case len(turns) == 0:
		e.added("messages", "the API wants a user's message: \"(continue)\" was added")
	case turns[0].role != llm.User:
		e.lose("messages[0]", "the API wants the first message to be the user's: \"(continue)\" was put before it")
	default:
		return turns
	}
	return append([]turn{{llm.User, []llm.Part{&llm.Text{Text: "(continue)"}}, 0}}, turns...)
}

// tail looks at a conversation that ends with the assistant: the beginning of
// the answer, put in its mouth. Models that refuse that, and thinking, which
// excludes it, get a user's turn behind it.
func (e *encoder) tail(turns []turn) []turn {
	n := len(turns)
	if n == 0 || turns[n-1].role != llm.Assistant {
		return turns
	}
	last := &turns[n-1]
	text, ok := last.parts[len(last.parts)-1].(*llm.Text)
	if !ok {
		return turns // a server tool's turn that is to be continued
	}
	if e.t.Caps.NoPrefill || e.think.on() && !isThinking(last.parts[0]) {
		e.added(fmt.Sprintf("messages[%d]", last.at), "the model wants the user to speak last: \"Continue.\" was added")
		return append(turns, turn{llm.User, []llm.Part{&llm.Text{Text: "Continue."}}, last.at})
	}
	text.Text = trimRight(text.Text)
	return turns
}
