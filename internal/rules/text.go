package rules

import "unicode/utf8"

// text filters one text that comes in pieces. What it makes of a text does not
// depend on where the pieces are cut: it decides only what no further byte can
// change, and holds back the rest.
type text struct {
	plan *plan
	hits []int64 // by rule, shared with the Filter

	md   markdown
	held []byte // undecided: it begins where a phrase or a block may
	last [utf8.UTFMax]byte
	seen int // how many bytes of last count

	block block
	off   []bool // by tag: its blocks in this text do not end
}

// begin makes ready for a new text.
func (t *text) begin() {
	t.md, t.held, t.seen, t.block = newMarkdown(), t.held[:0], 0, block{}
	clear(t.off)
}

// push appends to dst what a piece makes certain; final tells that it is the last.
func (t *text) push(dst, piece []byte, final bool) []byte {
	buf := piece
	holding := len(t.held) > 0
	if holding {
		t.held = append(t.held, piece...)
		buf = t.held
	}
	at := 0
	for at < len(buf) {
		var n int
		if dst, n = t.step(dst, buf[at:], final); n == 0 {
			break
		}
		at += n
	}
	switch {
	case !holding:
		t.held = append(t.held[:0], buf[at:]...)
	case at > 0:
		t.held = t.held[:copy(t.held, buf[at:])]
	}
	return dst
}

// step decides about the start of b and tells how much of it; 0 is none yet.
func (t *text) step(dst, b []byte, final bool) ([]byte, int) {
	t.md.settle(b[0])
	if t.md.mode != plain {
		n := t.code(b)
		return append(dst, b[:n]...), n
	}
	if n := t.idle(b); n > 0 {
		return t.keep(dst, b[:n]), n
	}
	if b[0] == '<' && len(t.plan.tags) > 0 {
		n, wait := t.stripped(b, final)
		if wait {
			return dst, 0
		}
		if n > 0 {
			t.note(b[:n])
			return dst, n
		}
	}
	found, wait := t.plan.find(b, t.before(), final)
	if wait {
		return dst, 0
	}
	if found == nil {
		return t.keep(dst, b[:1]), 1
	}
	t.hits[found.rule]++
	n := len(found.from)
	t.md.over(b[:n])
	t.note(b[:n])
	return append(dst, found.to...), n
}

// code is how much of b is code.
func (t *text) code(b []byte) int {
	n := 0
	for n < len(b) {
		if t.md.settle(b[n]); t.md.mode == plain {
			break
		}
		t.md.next(b[n])
		n++
	}
	t.note(b[:n])
	return n
}

// idle is how much of b is text in which nothing begins.
func (t *text) idle(b []byte) int {
	n := 0
	for n < len(b) && !t.plan.stops[b[n]] {
		n++
	}
	return n
}

// keep passes on text as it is.
func (t *text) keep(dst, b []byte) []byte {
	t.md.over(b)
	t.note(b)
	return append(dst, b...)
}

// note remembers the end of what was decided.
func (t *text) note(b []byte) {
	if n := len(t.last); len(b) >= n {
		t.seen = copy(t.last[:], b[len(b)-n:])
		return
	}
	all := append(t.last[:t.seen:t.seen], b...)
	if over := len(all) - len(t.last); over > 0 {
		all = all[over:]
	}
	t.seen = copy(t.last[:], all)
}

// before is the character in front of what is not decided yet, a blank where the
// text begins.
func (t *text) before() rune {
	if t.seen == 0 {
		return ' '
	}
	r, _ := utf8.DecodeLastRune(t.last[:t.seen])
	return r
}
