package responses

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// items writes the conversation. Behind what the model said and called come the
// results of its calls, and then what else the user says.
func (e *encoder) items() {
	turns := e.req.Turns
	openai.Order(turns, e.assistant, e.answers, e.said)
	if n := len(turns); n > 0 && turns[n-1].Role == llm.Assistant && !openai.HasCall(turns[n-1]) && !e.t.Compat {
		e.added("messages", "the API does not go on with an answer that was begun: it is asked to")
		e.message("user", openai.Continue)
	}
}

func (e *encoder) loseIn(at int, what, reason string) { e.lose(placeIn(at, what), reason) }

func (e *encoder) changeIn(at int, what, reason string) { e.change(placeIn(at, what), reason) }

func placeIn(at int, what string) string { return fmt.Sprintf("messages[%d].content: %s", at, what) }

// assistant writes what the model said and called in a run of turns, in its
// order, and returns the calls.
func (e *encoder) assistant(at int, turns []llm.Turn) (open []openCall) {
	for k, t := range turns {
		var words []llm.Part
		flush := func() {
			if len(words) > 0 {
				e.recall()
				e.words(at+k, words)
				words = nil
			}
		}
		for _, p := range t.Parts {
			switch p := p.(type) {
			case *llm.Text:
				if p.Text != "" {
					words = append(words, p)
				}
				e.cache(p.Cache)
			case *llm.Refusal:
				words = append(words, p)
			case *llm.Thinking:
				flush()
				e.thinking(at+k, p)
			case *llm.ToolCall:
				flush()
				e.recall()
				open = append(open, e.call(at+k, p))
			case *llm.Native:
				if p.Dialect == Name && !isContent(p.Type) {
					flush()
					e.recall()
					e.w.Raw(p.Raw)
				} else {
					e.loseIn(at+k, "part", "responses has no "+openai.Cut(p.Type, 40)+" in an answer")
				}
			case *llm.Media:
				e.loseIn(at+k, string(p.Kind), "responses takes none in an answer")
			case *llm.ToolResult:
				e.loseIn(at+k, "tool result", "an answer holds none")
			}
		}
		flush()
	}
	if len(e.pending) > 0 {
		e.loseIn(at+len(turns)-1, "thinking", "reasoning must be followed by what it led to")
		e.pending = nil
	}
	return open
}

// isContent tells whether a native part is a part of a message, and not an item:
// OpenAI names the two kinds apart.
func isContent(kind string) bool {
	return strings.HasPrefix(kind, "input_") || strings.HasPrefix(kind, "output_") || kind == "computer_screenshot"
}

func (e *encoder) words(at int, words []llm.Part) {
	e.openMessage("assistant")
	for _, p := range words {
		switch p := p.(type) {
		case *llm.Text:
			if len(p.Citations) > 0 {
				e.given(at, p)
				continue
			}
			textPiece(e.w, "output_text", p.Text)
		case *llm.Refusal:
			e.w.Object()
			e.w.StrField("type", "refusal")
			e.w.StrField("refusal", p.Text)
			e.w.EndObject()
		}
	}
	e.closeMessage()
}

// thinking keeps reasoning that this API takes back until what it led to: its own,
// encrypted, or shown openly by a server that wants it again.
func (e *encoder) thinking(at int, t *llm.Thinking) {
	issuer, inner, ok := llm.Unseal(t.Signature)
	open := t.Signature == "" && t.Redacted == "" || ok && issuer == unsigned
	w := &wire.Writer{}
	w.Object()
	w.StrField("type", "reasoning")
	switch {
	case ok && issuer == Issuer:
		writeTexts(w, "summary", "summary_text", inner.Text)
		w.StrField("encrypted_content", inner.Signature)
		e.recalled = true
	case open && e.t.Compat:
		said := t.Text
		if said == "" && ok {
			said = inner.Text
		}
		writeTexts(w, "summary", "", "")
		writeTexts(w, "content", "reasoning_text", said)
	case open:
		e.loseIn(at, "thinking", "OpenAI takes back only reasoning that it encrypted")
		return
	default:
		e.loseIn(at, "thinking", "signed reasoning, which only its issuer takes back")
		return
	}
	w.EndObject()
	e.pending = append(e.pending, w.Bytes())
}

func writeTexts(w *wire.Writer, member, kind, said string) {
	w.Key(member)
	w.List()
	if said != "" {
		textPiece(w, kind, said)
	}
	w.EndList()
}

// recall writes the reasoning that led to what comes next.
func (e *encoder) recall() {
	for _, r := range e.pending {
		e.w.Raw(r)
	}
	e.pending = nil
}

// openCall is a call that waits for its result.
type openCall struct {
	clientID, id string
	custom       bool
}

// fresh is the id of a call as OpenAI takes it: of any form, but not too long.
// Some servers begin to count anew in every answer; the same id again gets a
// number, always the same one.
func (e *encoder) fresh(id string) string {
	short := id
	if id == "" || len(id) > idLimit {
		short = llm.ShortID(id, idLimit)
	}
	for n := 2; e.used[short]; n++ {
		short = llm.ShortID(id+"#"+strconv.Itoa(n), idLimit)
	}
	e.used[short] = true
	return short
}

// call writes a call, of a custom tool in that tool's own form.
func (e *encoder) call(at int, c *llm.ToolCall) openCall {
	w := e.w
	h := homeOf(e.req, c.Name)
	custom := c.Custom || h != nil && h.Custom
	open := openCall{clientID: c.ID, id: e.fresh(c.ID), custom: custom}
	name, kind := llm.ShortName(c.Name, nameLimit), "function_call"
	if h != nil {
		name = h.Name
	}
	if custom {
		kind = "custom_tool_call"
	}
	w.Object()
	w.StrField("type", kind)
	w.StrField("call_id", open.id)
	w.StrField("name", name)
	if h != nil && h.Group != "" {
		w.StrField("namespace", h.Group)
	}
	switch {
	case custom && c.Broken != "":
		w.StrField("input", c.Broken)
	case custom && c.Custom:
		w.StrField("input", "")
	case custom:
		w.StrField("input", freeText(c.Arguments()))
	case c.Broken != "":
		w.StrField("arguments", c.Broken)
	default:
		w.Key("arguments")
		w.Text(c.Arguments())
	}
	w.EndObject()
	e.cache(c.Cache)
	if c.Seal != "" {
		e.loseIn(at, "thought signature", "only its issuer takes it back")
	}
	return open
}

// answers writes the results of the open calls that stand in a run of turns, and
// closes the calls that have none.
func (e *encoder) answers(at int, turns []llm.Turn, open []openCall) {
	for k, t := range turns {
		for _, p := range t.Parts {
			r, ok := p.(*llm.ToolResult)
			if !ok || t.Role == llm.System {
				continue
			}
			i := slices.IndexFunc(open, func(o openCall) bool { return o.clientID == r.CallID })
			if i >= 0 {
				e.matched[r] = true
				e.result(at+k, r, open[i])
				open = slices.Delete(open, i, i+1)
			}
		}
	}
	for _, o := range open {
		e.added(fmt.Sprintf("messages[%d].tool_calls", max(at-1, 0)), "a call without a result: closed with an error")
		e.openResult(o)
		e.w.Str(openai.NoResult)
		e.w.EndObject()
	}
}

// openResult writes the item of a result up to its output.
func (e *encoder) openResult(o openCall) {
	kind := "function_call_output"
	if o.custom {
		kind = "custom_tool_call_output"
	}
	e.w.Object()
	e.w.StrField("type", kind)
	e.w.StrField("call_id", o.id)
	e.w.Key("output")
}

// result writes a result: as a text where it is one, since not every server takes
// lists.
func (e *encoder) result(at int, r *llm.ToolResult, o openCall) {
	pieces := e.pieces(at, r.Parts)
	e.cache(r.Cache)
	if r.Error {
		e.changeIn(at, "tool result", "that the call failed is told in words")
		if len(pieces) > 0 && pieces[0].json == nil {
			pieces[0].text = openai.ToolError + " " + pieces[0].text
		} else {
			pieces = slices.Insert(pieces, 0, piece{text: openai.ToolError})
		}
	}
	e.openResult(o)
	switch {
	case len(pieces) == 0:
		e.w.Str("")
	case len(pieces) == 1 && pieces[0].json == nil:
		e.w.Str(pieces[0].text)
	default:
		e.w.List()
		e.writePieces(pieces)
		e.w.EndList()
	}
	e.w.EndObject()
}
