package messages

import "strconv"

// place names a part of a request, for errors and losses: messages[3].content[0].
// The path is worked out only where one is needed. A negative index is none.
type place struct {
	list  string // system, messages, tools, or a member's path
	turn  int
	part  int
	inner int // of a tool result's content
}

func (p place) String() string {
	s := p.list
	if p.turn >= 0 {
		s += "[" + strconv.Itoa(p.turn) + "]"
	}
	if p.part >= 0 {
		if p.list == "messages" {
			s += ".content"
		}
		s += "[" + strconv.Itoa(p.part) + "]"
	}
	if p.inner >= 0 {
		s += ".content[" + strconv.Itoa(p.inner) + "]"
	}
	return s
}

func (p place) member(name string) string { return p.String() + "." + name }
