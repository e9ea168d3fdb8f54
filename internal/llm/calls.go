package llm

import (
	"math/rand/v2"
	"slices"
	"strconv"
)

// UniqueIDs gives tool calls ids that APIs take, each once in a conversation or
// an answer. Some servers begin to count anew in every answer; an id that comes
// again gets a number, always the same one. The zero value is ready.
type UniqueIDs struct {
	used map[string]int // how often an id was wanted
}

// Take is the id itself where it is valid and new.
func (u *UniqueIDs) Take(id string) string {
	if u.used == nil {
		u.used = map[string]int{}
	}
	first := ShortID(id, IDLimit64)
	short := first
	for u.used[short] > 0 {
		u.used[first]++
		short = ShortID(id+"#"+strconv.Itoa(u.used[first]), IDLimit64)
	}
	u.used[short] = 1
	return short
}

// RandomID makes n letters and digits. They tell answers and calls apart; nobody
// relies on them being hard to guess.
func RandomID(n int) string {
	const letters = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[rand.IntN(len(letters))] //nolint:gosec // an id, no secret
	}
	return string(b)
}

// noResult is told to the model of a call that nobody answered.
const noResult = "No result: the call was not carried out."

// Pairing makes every tool call of a conversation be answered in the turn behind
// it, as APIs insist on, and gives calls and results ids they take. Turns go
// through it in their order. The zero value is ready.
type Pairing struct {
	ids    UniqueIDs
	open   []openCall       // calls of the last assistant's turn
	where  map[string][]int // client's id -> unanswered ones in open
	closed int              // how many of them have been answered
}

type openCall struct {
	id       string
	answered bool
}

// Calls gives the calls of an assistant's turn their ids. The parts it is given
// stay as they are.
func (p *Pairing) Calls(parts []Part) []Part {
	if p.where == nil {
		p.where = map[string][]int{}
	}
	copied := false
	for i := range parts {
		c, ok := parts[i].(*ToolCall)
		if !ok {
			continue
		}
		id := p.ids.Take(c.ID)
		p.where[c.ID] = append(p.where[c.ID], len(p.open))
		p.open = append(p.open, openCall{id: id})
		if id == c.ID {
			continue
		}
		if !copied {
			parts, copied = slices.Clone(parts), true
		}
		call := *c
		call.ID = id
		parts[i] = &call
	}
	return parts
}

// Answers orders a turn that stands behind calls: their results first, then all
// else. Of a result that answers no call there is left what orphan makes of it. A
// call without a result gets one that says so; added counts them.
func (p *Pairing) Answers(parts []Part, orphan func(*ToolResult) []Part) (out []Part, added int) {
	out = make([]Part, 0, len(parts)+len(p.open)-p.closed)
	var rest []Part
	for _, part := range parts {
		r, ok := part.(*ToolResult)
		if !ok {
			rest = append(rest, part)
			continue
		}
		if id, ok := p.answer(r.CallID); ok {
			result := *r
			result.CallID = id
			out = append(out, &result)
			continue
		}
		rest = append(rest, orphan(r)...)
	}
	for _, c := range p.open {
		if !c.answered {
			added++
			out = append(out, &ToolResult{CallID: c.id, Error: true, Parts: []Part{&Text{Text: noResult}}})
		}
	}
	p.forget()
	return append(out, rest...), added
}

// Waiting tells whether a call waits for its result.
func (p *Pairing) Waiting() bool { return p.closed < len(p.open) }

// answer finds the first open call that has the client's id.
func (p *Pairing) answer(client string) (string, bool) {
	at := p.where[client]
	if len(at) == 0 {
		return "", false
	}
	p.where[client] = at[1:]
	p.open[at[0]].answered = true
	p.closed++
	return p.open[at[0]].id, true
}

// forget ends a turn. A map that has grown large is slow to clear.
func (p *Pairing) forget() {
	if len(p.open) > 64 {
		p.where = map[string][]int{}
	} else {
		clear(p.where)
	}
	p.open, p.closed = p.open[:0], 0
}
