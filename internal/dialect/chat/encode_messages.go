package chat

import (
	"fmt"
	"slices"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// turns writes the conversation by OpenAI's rule of order: a message with calls
// is followed by the answers to all of them, and only then by anything else.
func (e *encoder) turns() {
	turns := e.req.Turns
	openai.Order(turns, e.assistant, e.answers, e.said)
	if e.preface != "" {
		e.message("user", e.preface)
	}
	if n := len(turns); n > 0 && turns[n-1].Role == llm.Assistant && e.t.Caps.NoPrefill && !openai.HasCall(turns[n-1]) {
		e.added("messages", "the model does not go on with an answer that was begun: it is asked to")
		e.message("user", openai.Continue)
	}
}

// assistant writes what the model said and called in a run of turns as one
// message and returns the ids of the calls.
func (e *encoder) assistant(at int, turns []llm.Turn) (open []string) {
	var content, reasoning, refusal strings.Builder
	e.opaque = ""
	var calls []*llm.ToolCall
	var mark *llm.Cache
	var notes []byte
	for k, t := range turns {
		joined := false // the part before was text of this turn
		for _, p := range t.Parts {
			wasText := joined
			joined = false
			switch p := p.(type) {
			case *llm.Text:
				if p.Text == "" {
					continue
				}
				if content.Len() > 0 && !wasText {
					content.WriteString(paragraph)
				}
				content.WriteString(p.Text)
				notes = e.notes(notes, at+k, p)
				joined = true
				e.cache(p.Cache)
				mark = lastMark(mark, p.Cache)
			case *llm.Thinking:
				e.recall(at+k, p, &reasoning)
			case *llm.Refusal:
				refusal.WriteString(p.Text)
			case *llm.ToolCall:
				calls = append(calls, p)
				e.cache(p.Cache)
				mark = lastMark(mark, p.Cache)
			case *llm.Native:
				e.lose(fmt.Sprintf("messages[%d].content", at+k), "chat has no part of type "+openai.Cut(p.Type, 40))
			case *llm.Media:
				e.lose(fmt.Sprintf("messages[%d].content", at+k), "chat takes no "+string(p.Kind)+" in an answer")
			case *llm.ToolResult:
			}
		}
	}
	e.assistantMessage(content.String(), reasoning.String(), refusal.String(), calls, mark, notes)
	for _, c := range calls {
		open = append(open, c.ID)
	}
	return open
}

// notes sends annotations back to the API they came from; others are not known to
// take any.
func (e *encoder) notes(dst []byte, at int, t *llm.Text) []byte {
	w := wire.NewWriter(dst)
	for i := range t.Citations {
		if c := &t.Citations[i]; c.Dialect == Name {
			w.Raw(c.Raw)
		} else {
			e.lose(fmt.Sprintf("messages[%d].content: citations", at), "chat takes none back")
		}
	}
	return w.Bytes()
}

func lastMark(before, c *llm.Cache) *llm.Cache {
	if c != nil {
		return c
	}
	return before
}

func (e *encoder) assistantMessage(content, reasoning, refusal string, calls []*llm.ToolCall, mark *llm.Cache, notes []byte) {
	w := e.w
	if e.t.Compat && content == "" && refusal != "" {
		content, refusal = refusal, ""
	}
	if content == "" && refusal == "" && len(calls) == 0 {
		return // only reasoning, which cannot stand alone
	}
	w.Object()
	w.StrField("role", "assistant")
	if content != "" {
		e.marked(content, mark)
	} else {
		w.Key("content")
		w.Null()
		if mark != nil && e.keepCache {
			e.lose("cache_control", "there is no text to mark")
		}
	}
	if refusal != "" {
		w.StrField("refusal", refusal)
	}
	if len(notes) > 0 {
		w.Key("annotations")
		w.List()
		w.Raw(notes)
		w.EndList()
	}
	e.reasoning(reasoning)
	if len(calls) > 0 {
		w.Key("tool_calls")
		w.List()
		for _, c := range calls {
			e.call(c)
		}
		w.EndList()
	}
	w.EndObject()
}

// reasoning writes what is sent back of it.
func (e *encoder) reasoning(said string) {
	switch {
	case e.pieces && e.opaque != "":
		if said != "" {
			e.w.StrField("reasoning_text", said)
		}
		e.w.StrField("reasoning_opaque", e.opaque)
	case said != "":
		e.w.StrField("reasoning_content", said)
	}
}

// recall sends earlier reasoning back to servers that show it openly and want it
// again (DeepSeek, Z.ai and Moonshot document reasoning_content for that).
func (e *encoder) recall(at int, t *llm.Thinking, reasoning *strings.Builder) {
	if e.pieces {
		e.recallOpaque(at, t, reasoning)
		return
	}
	said, open := t.Text, t.Signature == "" && t.Redacted == ""
	if issuer, sealed, ok := llm.Unseal(t.Signature); ok && (issuer == Name || issuer == "unsigned") {
		open = true
		if said == "" {
			said = sealed.Text
		}
	}
	switch {
	case open && e.t.Compat:
		reasoning.WriteString(said)
	case open:
		e.lose(fmt.Sprintf("messages[%d].content: thinking", at), "OpenAI takes no earlier reasoning in chat")
	default:
		e.lose(fmt.Sprintf("messages[%d].content: thinking", at), "signed reasoning, which only its issuer takes back")
	}
}

func (e *encoder) call(c *llm.ToolCall) {
	w := e.w
	w.Object()
	w.StrField("id", e.id(c.ID))
	kind, input := "function", "arguments"
	if c.Custom {
		kind, input = "custom", "input"
	}
	w.StrField("type", kind)
	w.Key(kind)
	w.Object()
	w.StrField("name", llm.ShortName(c.Name, nameLimit))
	w.Key(input)
	if c.Broken != "" || c.Custom {
		w.Str(c.Broken)
	} else {
		w.Text(c.Arguments())
	}
	w.EndObject()
	if c.Seal != "" {
		if e.t.Compat && !e.pieces {
			appendExtraContent(w, c.Seal)
		} else {
			e.lose("messages.tool_calls: thought signature", "only its issuer takes it back")
		}
	}
	w.EndObject()
}

// id is the id of a call: what a compatible server issued, in whatever form it
// did; OpenAI's own are short and plain.
func (e *encoder) id(id string) string {
	if e.t.Compat {
		return llm.IssuedID(id)
	}
	return llm.ShortID(id, idLimit)
}

// answers writes the results of the open calls that stand in a run of turns, and
// closes the calls that have none.
func (e *encoder) answers(at int, turns []llm.Turn, open []string) {
	for k, t := range turns {
		for _, p := range t.Parts {
			if r, ok := p.(*llm.ToolResult); ok {
				open = slices.DeleteFunc(open, func(id string) bool { return id == r.CallID })
				e.result(at+k, r)
			}
		}
	}
	for _, id := range open {
		e.added(fmt.Sprintf("messages[%d].tool_calls", max(at-1, 0)), "a call without a result: closed with an error")
		e.toolMessage(id, openai.NoResult, nil)
	}
}

func (e *encoder) toolMessage(id, content string, mark *llm.Cache) {
	w := e.w
	w.Object()
	w.StrField("role", "tool")
	w.StrField("tool_call_id", e.id(id))
	e.marked(content, mark)
	w.EndObject()
}

// result writes the text of a result; what else it holds follows with the rest of
// the turn, since tool messages take text only.
func (e *encoder) result(at int, r *llm.ToolResult) {
	var texts []string
	media := 0
	mark := r.Cache
	for _, p := range r.Parts {
		switch p := p.(type) {
		case *llm.Text:
			if p.Text != "" {
				texts = append(texts, p.Text)
			}
			mark = lastMark(mark, p.Cache)
		case *llm.Media:
			if p.Text != "" {
				texts = append(texts, p.Text)
			} else {
				media++
			}
		case *llm.Native:
			if name := openai.ToolReference(p); name != "" {
				texts = append(texts, openai.ToolReady(name))
			} else {
				e.lose(fmt.Sprintf("messages[%d].content: tool result", at), "chat has no part of type "+openai.Cut(p.Type, 40))
			}
		case *llm.Thinking, *llm.ToolCall, *llm.ToolResult, *llm.Refusal:
		}
	}
	content := strings.Join(texts, "\n")
	if r.Error {
		e.change(fmt.Sprintf("messages[%d].content: tool result", at), "that the call failed is told in words")
		content = openai.ToolError + " " + content
	}
	if media > 0 {
		e.change(fmt.Sprintf("messages[%d].content: tool result", at), "tool messages take text only: the rest follows in a user message")
		if content == "" {
			content = "The result follows in the next user message."
		}
	}
	e.cache(mark)
	e.toolMessage(r.CallID, content, mark)
}
