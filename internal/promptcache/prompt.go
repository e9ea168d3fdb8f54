package promptcache

import (
	"hash/maphash"
	"slices"

	"turnpike/internal/wire"
)

// Prompt is what a body holds, in the order the model reads it: tools, system
// prompt, turns.
type Prompt struct {
	body     []byte
	form     *form
	tools    segment
	system   segment
	settings uint64
	turns    []segment
	whole    *mark // Anthropic: a top-level cache_control, which marks the newest block
}

// segment is a piece of the prompt that is looked at as one.
type segment struct {
	role  role
	hash  uint64 // of its bytes without cache points
	size  int
	marks []mark
	spot  spot // where a point may stand: at the end of its last block that takes one
	plain spot // the same without calls and results, for models other than Claude
}

// mark is a cache point that is there.
type mark struct {
	at   int // of its value
	hour bool
}

// spot is where a point can be put in.
type spot struct {
	ok   bool
	from int  // of the block or tool
	at   int  // where the point is inserted
	wrap bool // the block is a plain string from which a list with one text must be made
	null bool // a cache_control of null stands at the place, and gives way
}

type role uint8

const (
	roleOther role = iota // tools, results of tools in Responses, what is not known
	roleUser
	roleAssistant
	roleSystem
)

var roles = map[string]role{
	"user": roleUser, "tool": roleUser, "function": roleUser, "assistant": roleAssistant, "model": roleAssistant,
	"system": roleSystem, "developer": roleSystem,
}

// seed makes hashes; they are compared within one process only.
var seed = maphash.MakeSeed()

// maxTurns bounds what is remembered one by one; all turns behind count as one.
const maxTurns = 4096

// Read walks a body of a dialect. It is nil for a dialect that is not known and a
// body that is not whole.
func Read(body []byte, dialect string) *Prompt {
	f := forms[dialect]
	if f == nil {
		return nil
	}
	s := &scanner{r: wire.NewReader(body), p: &Prompt{body: body, form: f}}
	s.h.SetSeed(seed)
	if s.r.Kind() != '{' {
		return nil
	}
	for name := range s.r.Fields() {
		s.member(string(name))
	}
	if s.r.End() != nil {
		return nil
	}
	if f.system == nil {
		s.p.liftSystem()
	}
	return s.p
}

// liftSystem makes the leading system turns the system prompt.
func (p *Prompt) liftSystem() {
	n := 0
	for n < len(p.turns) && p.turns[n].role == roleSystem {
		t := &p.turns[n]
		p.system.hash = p.system.hash*31 + t.hash
		p.system.size += t.size
		p.system.marks = append(p.system.marks, t.marks...)
		p.system.spot, p.system.plain = t.spot, t.plain
		n++
	}
	p.turns = p.turns[n:]
}

// Marked tells whether there is a cache point anywhere.
func (p *Prompt) Marked() bool { return p.marks() > 0 }

func (p *Prompt) marks() int {
	n := len(p.tools.marks) + len(p.system.marks)
	for i := range p.turns {
		n += len(p.turns[i].marks)
	}
	if p.whole != nil {
		n++
	}
	return n
}

// talks tells whether a conversation goes on, or may: tools are offered, or the
// assistant has spoken.
func (p *Prompt) talks() bool {
	return p.tools.size > len("[]") || slices.ContainsFunc(p.turns, func(t segment) bool { return t.role == roleAssistant })
}
