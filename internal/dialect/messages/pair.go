package messages

import (
	"strconv"

	"turnpike/internal/llm"
)

// pair gives every tool call an id the API takes and makes the turn behind it
// answer it: results first, in the client's order, and a result that says so for
// a call that has none. A result whose call is not in the turn before is told as
// plain content.
func (e *encoder) pair(turns []turn) []turn {
	out := make([]turn, 0, len(turns)+1)
	used := ids{}
	var open []*openCall
	for _, t := range turns {
		switch t.role {
		case llm.Assistant:
			open = used.rename(t.parts)
		case llm.User:
			t.parts = e.answer(open, t.parts, t.at)
			open = nil
		case llm.System:
		}
		out = join(out, t)
	}
	if len(open) > 0 {
		at := out[len(out)-1].at
		out = append(out, turn{llm.User, e.answer(open, nil, at), at})
	}
	return out
}

// openCall is a call that waits for its result.
type openCall struct {
	clientID string
	id       string
	answered bool
}

// ids are those already given in this conversation.
type ids map[string]bool

// rename gives the calls among parts their ids.
func (s ids) rename(parts []llm.Part) []*openCall {
	var open []*openCall
	for _, p := range parts {
		if c, ok := p.(*llm.ToolCall); ok {
			o := &openCall{clientID: c.ID, id: s.fresh(c.ID)}
			c.ID = o.id
			open = append(open, o)
		}
	}
	return open
}

// fresh is the id itself where the API takes it. Some servers begin to count
// anew in every answer; the same id again gets a number, always the same one.
func (s ids) fresh(id string) string {
	short := llm.ShortID(id, llm.IDLimit64)
	for n := 2; s[short]; n++ {
		short = llm.ShortID(id+"#"+strconv.Itoa(n), llm.IDLimit64)
	}
	s[short] = true
	return short
}

// answer orders a user's turn that stands behind calls.
func (e *encoder) answer(open []*openCall, parts []llm.Part, at int) []llm.Part {
	var results, rest []llm.Part
	for _, p := range parts {
		r, ok := p.(*llm.ToolResult)
		if !ok {
			rest = append(rest, p)
			continue
		}
		if o := take(open, r.CallID); o != nil {
			r.CallID = o.id
			results = append(results, r)
			continue
		}
		e.loseIn(at, "tool result", "it answers no call of the message before: sent as plain content")
		rest = append(rest, r.Parts...)
	}
	for _, o := range open {
		if o.answered {
			continue
		}
		e.loseIn(at, "tool result", "a call had no result: one that says so was added")
		results = append(results, &llm.ToolResult{
			CallID: o.id, Error: true,
			Parts: []llm.Part{&llm.Text{Text: "No result: the call was not completed."}},
		})
	}
	return append(results, rest...)
}

// take finds the first call with the client's id that is not answered yet.
func take(open []*openCall, clientID string) *openCall {
	for _, o := range open {
		if o.clientID == clientID && !o.answered {
			o.answered = true
			return o
		}
	}
	return nil
}
