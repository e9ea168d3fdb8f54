package llm

import (
	"strconv"
	"strings"
)

// Placer is a Front that says where something stands in its clients' requests.
// Back-ends name losses in the vocabulary's terms: messages[i] is turn i.
type Placer interface {
	Front
	// Places gives the client's path for such a path in a body.
	Places(body []byte) func(path string) string
}

// Terms are a client API's own names.
type Terms struct {
	Turns string            // the list of messages
	Parts string            // what a message holds
	Names map[string]string // settings whose name is another one
	// Turn is where the client's list has a turn; nil for the same place.
	Turn func(turn int) int
}

// Path puts a path into these terms.
func (t *Terms) Path(path string) string {
	end := strings.IndexAny(path, ".[: ")
	if end < 0 {
		end = len(path)
	}
	first, rest := path[:end], path[end:]
	if first != "messages" {
		return t.setting(path, first, rest)
	}
	inner, bracketed := strings.CutPrefix(rest, "[")
	number, behind, ok := strings.Cut(inner, "]")
	turn, err := strconv.Atoi(number)
	if !bracketed || !ok || err != nil {
		return t.Turns + rest
	}
	if t.Turn != nil {
		turn = t.Turn(turn)
	}
	if what, ok := strings.CutPrefix(behind, ".content"); ok {
		behind = "." + t.Parts + what
	}
	return t.Turns + "[" + strconv.Itoa(turn) + "]" + behind
}

// setting renames a setting: the whole path where it is known, else its beginning.
func (t *Terms) setting(path, first, rest string) string {
	if name, ok := t.Names[path]; ok {
		return name
	}
	if name, ok := t.Names[first]; ok {
		return name + rest
	}
	return path
}
