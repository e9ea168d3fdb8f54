package rules

import "bytes"

// block is an open tag block at the start of what a text holds back. It is looked
// through once, however many pieces it comes in.
type block struct {
	tag   int // which of the plan's
	depth int // tags of that name that are open; 0: there is no block
	scan  int // what was looked through
}

// Bounds of what is held back for a block: one that is longer is none.
const (
	maxTag   = 1 << 10
	maxBlock = 256 << 10
)

// stripped looks for a tag block at the start of b, which is a '<'. A block ends
// where the tags of its name balance; one that never does is no block and stays,
// since what follows it may be anything.
func (t *text) stripped(b []byte, final bool) (n int, wait bool) {
	o := &t.block
	if o.depth == 0 {
		tag, size, alone, wait := t.plan.opens(b, t.off, final)
		switch {
		case wait || size == 0:
			return 0, wait
		case alone:
			t.hits[t.plan.tags[tag].rule]++
			return size, false
		}
		*o = block{tag: tag, depth: 1, scan: size}
	}
	w, over := b[:min(len(b), maxBlock)], final || len(b) >= maxBlock
	if !t.balance(w, over) {
		if !over {
			return 0, true
		}
		t.off[o.tag] = true
		*o = block{}
		return t.stripped(b, final)
	}
	t.hits[t.plan.tags[o.tag].rule]++
	return o.scan, false
}

// balance looks on through an open block and tells whether it ends. over tells
// that no more of it will come.
func (t *text) balance(b []byte, over bool) bool {
	o, name := &t.block, t.plan.tags[t.block.tag].name
	for o.depth > 0 {
		at := bytes.IndexByte(b[o.scan:], '<')
		if at < 0 {
			o.scan = len(b)
			return false
		}
		o.scan += at
		size, change := inside(b[o.scan:], name)
		if size == 0 && !over && len(b)-o.scan < maxTag && undecided(b[o.scan:], name) {
			return false
		}
		o.scan += max(size, 1)
		o.depth += change
	}
	return true
}

// opens looks for an opening tag at the start of b. alone tells that it closes
// itself.
func (p *plan) opens(b []byte, off []bool, final bool) (which, size int, alone, wait bool) {
	for i := range p.tags {
		if off[i] {
			continue
		}
		size, alone = tagAt(b, p.tags[i].name, "<")
		if size > 0 {
			return i, size, alone, false
		}
		wait = wait || !final && len(b) < maxTag && unfinished(b, p.tags[i].name, "<")
	}
	return 0, 0, false, wait
}

// inside reads a tag of the given name within its block: its length, and what it
// does to the depth.
func inside(b []byte, name string) (size, change int) {
	if size, _ = tagAt(b, name, "</"); size > 0 {
		return size, -1
	}
	if size, alone := tagAt(b, name, "<"); size > 0 && !alone {
		return size, 1
	}
	return 0, 0
}

func undecided(b []byte, name string) bool {
	return unfinished(b, name, "</") || unfinished(b, name, "<")
}

// tagAt reads a tag: the opening, the name, blanks and attributes up to '>'.
func tagAt(b []byte, name, opening string) (size int, alone bool) {
	head := len(opening) + len(name)
	if len(b) <= head || !named(b[:head], name, opening) || !delimits(b[head]) {
		return 0, false
	}
	end := bytes.IndexAny(b[head:min(len(b), maxTag)], "<>")
	if end < 0 || b[head+end] == '<' {
		return 0, false
	}
	return head + end + 1, end > 0 && b[head+end-1] == '/'
}

// unfinished tells whether b may be the beginning of such a tag.
func unfinished(b []byte, name, opening string) bool {
	head := len(opening) + len(name)
	if len(b) <= head {
		return named(b, name, opening)
	}
	return named(b[:head], name, opening) && delimits(b[head]) && !bytes.ContainsAny(b[head:], "<>")
}

// named tells whether the opening and the name begin with b.
func named(b []byte, name, opening string) bool {
	for i, c := range b {
		if i < len(opening) && c != opening[i] || i >= len(opening) && lowerByte(c) != name[i-len(opening)] {
			return false
		}
	}
	return true
}

func delimits(c byte) bool {
	return c == '>' || c == '/' || c == ' ' || c == '\t' || c == '\r' || c == '\n'
}
