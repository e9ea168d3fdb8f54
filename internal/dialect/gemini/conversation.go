package gemini

import (
	"fmt"

	"turnpike/internal/dialect/turns"
	"turnpike/internal/llm"
)

// content is one entry of contents: the answers to calls first, in the order of
// the calls, then everything else.
type content struct {
	model   bool
	answers []answer
	parts   []llm.Part
}

// answer is a function response and the call it belongs to.
type answer struct {
	call   *llm.ToolCall
	result *llm.ToolResult
}

// conversation makes of the request what the API takes: system texts, and
// contents that alternate, begin with the user and answer every call. What is
// left in them can all be written.
func (e *encoder) conversation() ([]*llm.Text, []content) {
	prompt, first := e.req.Prompt()
	system := e.systemTexts(prompt)
	var led []*llm.Text
	if e.caps.NoSystem && len(system) > 0 {
		e.change("system", "the model takes no system prompt: it stands before the first message")
		led, system = system, nil
	}
	list := turns.Gather(e.req, first, led, e.turn)
	contents := e.ends(e.paired(list))
	if len(contents) == 0 && len(system) > 0 && len(e.req.Turns) > first {
		contents = []content{{parts: []llm.Part{&llm.Text{}}}} // instructions alone: the API takes an empty text
	}
	return system, contents
}

func (e *encoder) systemTexts(parts []llm.Part) []*llm.Text {
	var out []*llm.Text
	for i, p := range parts {
		t, ok := p.(*llm.Text)
		switch {
		case !ok:
			e.lose(fmt.Sprintf("system[%d]", i), "only text can stand in the system prompt")
		case blank(t.Text), turns.Attributes(t):
		default:
			out = append(out, t)
		}
	}
	return out
}

// turn copies a turn with the parts that can be written.
func (e *encoder) turn(i int) llm.Turn {
	src := &e.req.Turns[i]
	out := turns.Begin(src, i, "Gemini", e.note)
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
	switch p := p.(type) {
	case *llm.Text:
		if len(p.Citations) > 0 && role == llm.Assistant {
			e.lose(at.Path("citations"), "Gemini takes none back")
		}
		switch {
		case blank(p.Text):
			return nil
		case role == llm.System:
			return turns.SystemText(p)
		}
		return p
	case *llm.Refusal:
		if blank(p.Text) {
			return nil
		}
		return &llm.Text{Text: p.Text}
	case *llm.Thinking:
		return e.thinkingPart(p, role, at)
	case *llm.Media:
		if m := e.media(p, at); m != nil {
			return m
		}
		return nil
	case *llm.Native:
		if p.Dialect == name && p.Type == typeSignature && role != llm.Assistant {
			e.lose(at.Path(typeSignature), "only an assistant's message can hold it")
			return nil
		}
		return e.native(p, at)
	case *llm.ToolCall:
		switch {
		case role != llm.Assistant:
			e.lose(at.Path("tool call"), "only an assistant's message can hold it")
			return nil
		case e.caps.NoTools:
			e.change(at.Path("tool call"), "the model has no tools: sent as text")
			return &llm.Text{Text: "Call of the tool " + p.Name + ": " + string(p.Arguments()) + p.Broken}
		}
		return p
	case *llm.ToolResult:
		switch {
		case role == llm.Assistant:
			e.lose(at.Path("tool result"), "an assistant's message cannot hold it")
			return nil
		case e.caps.NoTools:
			e.change(at.Path("tool result"), "the model has no tools: sent as text")
			return &llm.Text{Text: "Result of a tool:\n" + e.resultText(p)}
		}
		return p
	}
	return nil
}

// thinkingPart keeps reasoning that Gemini signed. What nobody signed is not
// taken back, and another model's signature would be refused.
func (e *encoder) thinkingPart(t *llm.Thinking, role llm.Role, at turns.Place) llm.Part {
	if role != llm.Assistant {
		e.lose(at.Path("thinking"), "only an assistant's message can hold it")
		return nil
	}
	if _, ok := ownSignature(t); ok {
		return t
	}
	if t.Signature != "" || t.Redacted != "" {
		e.lose(at.Path("thinking"), "another model's reasoning: Gemini takes back only what it signed itself")
		return nil
	}
	e.lose(at.Path("thinking"), "it is not signed: Gemini takes back only what it signed itself")
	return nil
}

// native keeps what is Gemini's own.
func (e *encoder) native(n *llm.Native, at turns.Place) llm.Part {
	if n.Dialect == name {
		return n
	}
	if n.Dialect == "messages" && n.Type == "tool_reference" {
		if tool := memberText(n.Raw, "tool_name"); tool != "" {
			return &llm.Text{Text: "Tool available: " + wireName(tool)}
		}
	}
	e.lose(at.Path(clip(n.Type)), "Gemini has no such part")
	return nil
}

// paired makes every call be answered in the content behind it, as many answers
// as calls and in their order, which the API insists on.
func (e *encoder) paired(turns []llm.Turn) []content {
	out := make([]content, 0, len(turns)+1)
	var open []answer
	for i := range turns {
		t := &turns[i]
		if t.Role == llm.Assistant {
			c := content{model: true, parts: t.Parts}
			for _, p := range t.Parts {
				if call, ok := p.(*llm.ToolCall); ok {
					open = append(open, answer{call: call})
				}
			}
			out = append(out, c)
			continue
		}
		out = append(out, e.answered(open, t.Parts))
		open = nil
	}
	if len(open) > 0 {
		out = append(out, e.answered(open, nil))
	}
	return out
}

// answered brings results to their calls. A result of no call becomes text, a
// call without a result is closed.
func (e *encoder) answered(open []answer, parts []llm.Part) content {
	waiting := make(map[string][]int, len(open))
	for i := range open {
		waiting[open[i].call.ID] = append(waiting[open[i].call.ID], i)
	}
	c := content{answers: open, parts: make([]llm.Part, 0, len(parts))}
	for _, p := range parts {
		r, ok := p.(*llm.ToolResult)
		if !ok {
			c.parts = append(c.parts, p)
			continue
		}
		if at := waiting[r.CallID]; len(at) > 0 {
			open[at[0]].result, waiting[r.CallID] = r, at[1:]
			continue
		}
		e.change("messages: tool result", "it answers no tool call of the message before, and is sent as text")
		c.parts = append(c.parts, &llm.Text{Text: "Result of a tool:\n" + e.resultText(r)})
		for _, q := range r.Parts {
			if m, ok := q.(*llm.Media); ok {
				if m = e.media(m, turns.InResult); m != nil {
					c.parts = append(c.parts, m)
				}
			}
		}
	}
	for i := range open {
		if open[i].result == nil {
			e.added("messages: tool call", "nobody answered it: closed with an error result")
			open[i].result = &llm.ToolResult{Error: true, Parts: []llm.Part{&llm.Text{Text: "No result: the call was not carried out."}}}
		}
	}
	return c
}

// ends sees to it that the user speaks first, and last where the model wants that.
func (e *encoder) ends(list []content) []content {
	if len(list) == 0 {
		return nil
	}
	if list[0].model {
		e.added("messages", "a conversation must begin with the user: a short message was put first")
		list = append([]content{{parts: []llm.Part{&llm.Text{Text: "(continued)"}}}}, list...)
	}
	if list[len(list)-1].model && e.caps.NoPrefill {
		e.added("messages", "the model does not go on with a begun answer: it is asked to continue")
		list = append(list, content{parts: []llm.Part{&llm.Text{Text: "Continue."}}})
	}
	return list
}
