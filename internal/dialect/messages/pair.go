package messages

import "turnpike/internal/llm"

// pair gives every tool call an id the API takes and makes the turn behind it
// answer it. A result whose call is not in the turn before is told as plain
// content.
func (e *encoder) pair(turns []turn) []turn {
	out := make([]turn, 0, len(turns)+1)
	var pairing llm.Pairing
	for _, t := range turns {
		switch t.role {
		case llm.Assistant:
			t.parts = pairing.Calls(t.parts)
		case llm.User:
			t.parts = e.answers(&pairing, t.parts, t.at)
		case llm.System:
		}
		out = join(out, t)
	}
	if pairing.Waiting() {
		at := out[len(out)-1].at
		out = append(out, turn{llm.User, e.answers(&pairing, nil, at), at})
	}
	return out
}

// answers orders a user's turn that stands behind calls.
func (e *encoder) answers(pairing *llm.Pairing, parts []llm.Part, at int) []llm.Part {
	out, added := pairing.Answers(parts, func(r *llm.ToolResult) []llm.Part {
		e.changeIn(at, "tool result", "it answers no call of the message before: sent as plain content")
		return r.Parts
	})
	for range added {
		e.addedIn(at, "tool result", "a call had no result: one that says so was added")
	}
	return out
}
