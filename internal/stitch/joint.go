package stitch

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// joint is where the text of a round meets what was said before. Models that are
// asked to go on often say the end once more: what they repeat is taken off.
//
// A repetition must be told from text that only looks like one ("0, 0, 0" goes on
// with "0, 0"): it holds a letter or a digit, begins where a word does unless it is
// long, and is not itself made of repetitions.
type joint struct {
	tail    []byte // the end of what was said
	head    []byte // the beginning of the new text, held back
	prefill bool
}

// Bounds of a repetition, in bytes. A model that goes on with a begun answer does
// not repeat it, so there only a long one counts.
const (
	window   = 1 << 10
	least    = 3
	leastFar = 16 // where the answer was begun
	longOne  = 12 // may begin inside of a word
)

func newJoint(said []byte, prefill bool) *joint {
	return &joint{tail: bytes.Clone(said[max(0, len(said)-window):]), prefill: prefill}
}

// push takes a piece of the new text. As soon as no further piece can change how
// much is repeated it gives what is new, and sure is true.
func (j *joint) push(piece []byte) (text []byte, sure bool) {
	j.head = append(j.head, piece...)
	if len(j.head) == 0 || len(j.tail) > 0 && bytes.Contains(j.tail[:len(j.tail)-1], j.head) {
		return nil, false
	}
	return j.flush(), true
}

// flush gives what is new when no more will come.
func (j *joint) flush() []byte {
	n := overlap(j.tail, j.head)
	if !j.repeats(n) {
		n = 0
		if j.prefill { // begun answers are sent without the white space at their end
			n = overlap(j.tail[len(bytes.TrimRight(j.tail, " \t\r\n")):], j.head)
		}
	}
	return j.head[n:]
}

// overlap is the length of the longest end of a that b begins with.
func overlap(a, b []byte) int {
	for n := min(len(a), len(b)); n > 0; n-- {
		if bytes.HasSuffix(a, b[:n]) {
			return n
		}
	}
	return 0
}

// repeats tells whether the first n bytes of the new text are said once more.
func (j *joint) repeats(n int) bool {
	again := j.head[:n]
	if n < least || j.prefill && n < leastFar || bytes.IndexFunc(again, isWord) < 0 || periodic(again) {
		return false
	}
	before, size := utf8.DecodeLastRune(j.tail[:len(j.tail)-n])
	first, _ := utf8.DecodeRune(again)
	return n >= longOne || size == 0 || !isWord(before) || !isWord(first)
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// periodic tells whether b is a shorter text twice or more often.
func periodic(b []byte) bool {
	for p := 1; p <= len(b)/2; p++ {
		if bytes.Equal(b[p:], b[:len(b)-p]) {
			return true
		}
	}
	return false
}
