// Package turns is what APIs have in common whose conversations alternate between the user
// and the model, begin with the user and answer every tool call: Converse, CodeWhisperer
// and, of its smaller parts, Gemini.
package turns

import (
	"fmt"
	"strings"

	"turnpike/internal/llm"
)

// Note takes what an encoder changes of a request.
type Note func(kind llm.LossKind, path, reason string)

// Place is where a part stands: the index of its turn, or InResult.
type Place int

// InResult is the place of parts in a tool result.
const InResult Place = -1

// Path names what stands there. It is built only for a loss.
func (p Place) Path(what string) string {
	if p == InResult {
		return "messages: tool result: " + what
	}
	return fmt.Sprintf("messages[%d].content: %s", int(p), what)
}

// attribution begins the entry Claude Code puts first into its system prompt. Claude's
// own endpoints read it; to other models it is noise that changes the prompt (Claude
// Code gateway contract).
const attribution = "x-anthropic-billing-header:"

// Attributes tells whether a text of the system prompt is that entry.
func Attributes(t *llm.Text) bool { return strings.HasPrefix(t.Text, attribution) }

// Begin is a turn like another, without parts yet, for an API that knows users and
// models only.
func Begin(src *llm.Turn, i int, api string, note Note) llm.Turn {
	out := llm.Turn{Role: src.Role, Parts: make([]llm.Part, 0, len(src.Parts))}
	if src.Role == llm.System {
		out.Role = llm.User
		note(llm.LossChanged, fmt.Sprintf("messages[%d].role", i), api+" takes no system message inside a conversation: sent in place as the user's")
	}
	if src.Name != "" {
		note(llm.LossDropped, fmt.Sprintf("messages[%d].name", i), api+" has no names of participants")
	}
	return out
}

// SystemText is a text of a system turn that is sent as the user's.
func SystemText(t *llm.Text) *llm.Text {
	return &llm.Text{Text: "<system>\n" + t.Text + "\n</system>", Cache: t.Cache}
}

// Gather makes the turns that are sent of those of a request behind its prompt; empty ones
// are left out. led is what of the prompt the model takes from the user only.
func Gather(req *llm.Request, first int, led []*llm.Text, turn func(i int) llm.Turn) []llm.Turn {
	out := make([]llm.Turn, 0, len(req.Turns)+1)
	if len(led) > 0 {
		lead := llm.Turn{Role: llm.User}
		for _, t := range led {
			lead.Parts = append(lead.Parts, t)
		}
		out = append(out, lead)
	}
	for i := first; i < len(req.Turns); i++ {
		if t := turn(i); len(t.Parts) > 0 {
			out = append(out, t)
		}
	}
	return llm.Merged(out)
}

// Paired makes every tool call be answered in the turn behind it, the answers first, and
// of answers to nothing what text makes of them. Ids become ones that APIs take.
func Paired(list []llm.Turn, text func(*llm.ToolResult) []llm.Part, note Note) []llm.Turn {
	var pairing llm.Pairing
	answers := func(parts []llm.Part) []llm.Part {
		out, added := pairing.Answers(parts, func(r *llm.ToolResult) []llm.Part {
			note(llm.LossChanged, "messages: tool result", "it answers no tool call of the message before, and is sent as text")
			return text(r)
		})
		for range added {
			note(llm.LossAdded, "messages: tool call", "nobody answered it: closed with an error result")
		}
		return out
	}
	out := make([]llm.Turn, 0, len(list)+1)
	for i := range list {
		t := list[i]
		if t.Role == llm.Assistant {
			t.Parts = pairing.Calls(t.Parts)
		} else {
			t.Parts = answers(t.Parts)
		}
		out = append(out, t)
	}
	if pairing.Waiting() {
		out = append(out, llm.Turn{Role: llm.User, Parts: answers(nil)})
	}
	return out
}

// Opened sees to it that the user speaks first.
func Opened(list []llm.Turn, note Note) []llm.Turn {
	if len(list) == 0 || list[0].Role != llm.Assistant {
		return list
	}
	note(llm.LossAdded, "messages", "a conversation must begin with the user: a short message was put first")
	first := llm.Turn{Role: llm.User, Parts: []llm.Part{&llm.Text{Text: "(continued)"}}}
	return append([]llm.Turn{first}, list...)
}

// GoOn is what the user says where the model is to go on with an answer it has begun.
func GoOn() llm.Turn {
	return llm.Turn{Role: llm.User, Parts: []llm.Part{&llm.Text{Text: "Continue."}}}
}

// CacheOf is the marker on a part; a tool result also counts the first marker inside.
func CacheOf(p llm.Part) *llm.Cache {
	switch p := p.(type) {
	case *llm.Text:
		return p.Cache
	case *llm.Media:
		return p.Cache
	case *llm.ToolCall:
		return p.Cache
	case *llm.Native:
		return p.Cache
	case *llm.ToolResult:
		c := p.Cache
		for _, q := range p.Parts {
			if c == nil {
				c = CacheOf(q)
			}
		}
		return c
	}
	return nil
}
