package codewhisperer

import "bytes"

// tagReader tells reasoning from text where the model was asked to write it between
// tags at the beginning of its answer. It makes the same of an answer however it is
// cut, and holds back no more than what may become a tag. Tags that stand anywhere
// else are text: nothing the model says is taken away.
type tagReader struct {
	state tagState
	held  []byte // not told yet
}

type tagState uint8

const (
	tagStart  tagState = iota // nothing but white space so far
	tagOpened                 // behind the opening tag: one line break belongs to it
	tagInside
	tagClosed // behind the closing tag: line breaks belong to it
	tagPast   // text, to the end
)

const (
	openTag  = "<thinking>"
	closeTag = "</thinking>"
	// maxLead bounds the white space before the opening tag.
	maxLead = 64
)

// tell takes a piece of reasoning or text.
type tell func(thinking bool, text []byte) error

// write takes the next piece of the answer.
func (t *tagReader) write(text []byte, to tell) error {
	if t.state == tagPast {
		return send(to, false, text)
	}
	t.held = append(t.held, text...)
	for {
		before, left := t.state, len(t.held)
		if err := t.step(to); err != nil {
			return err
		}
		if t.state == before && len(t.held) == left {
			return nil
		}
	}
}

// end tells what is still held.
func (t *tagReader) end(to tell) error {
	held := t.held
	t.held = nil
	return send(to, t.state == tagInside || t.state == tagOpened, held)
}

func send(to tell, thinking bool, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	return to(thinking, text)
}

// step does what can be done with what is held.
func (t *tagReader) step(to tell) error {
	switch t.state {
	case tagStart:
		t.start()
	case tagOpened:
		t.skipBreaks(true, tagInside)
	case tagInside:
		if i := bytes.Index(t.held, []byte(closeTag)); i >= 0 {
			return t.pass(i, len(closeTag), true, tagClosed, to)
		}
		return t.pass(len(t.held)-unfinished(t.held, closeTag), 0, true, tagInside, to)
	case tagClosed:
		t.skipBreaks(false, tagPast)
	case tagPast:
		return t.pass(len(t.held), 0, false, tagPast, to)
	}
	return nil
}

// pass tells n bytes of what is held and drops so many behind them.
func (t *tagReader) pass(n, drop int, thinking bool, next tagState, to tell) error {
	said := t.held[:n]
	t.held = t.held[n+drop:]
	t.state = next
	return send(to, thinking, said)
}

func (t *tagReader) start() {
	rest := bytes.TrimLeft(t.held, " \t\r\n")
	switch {
	case len(t.held)-len(rest) > maxLead:
		t.state = tagPast
	case bytes.HasPrefix(rest, []byte(openTag)):
		t.held, t.state = rest[len(openTag):], tagOpened
	case !bytes.HasPrefix([]byte(openTag), rest):
		t.state = tagPast
	}
}

// skipBreaks drops line breaks, one or all there are, and goes on behind them.
func (t *tagReader) skipBreaks(one bool, next tagState) {
	n := 0
	for n < len(t.held) && (t.held[n] == '\n' || t.held[n] == '\r') && (n == 0 || !one) {
		n++
	}
	t.held = t.held[n:]
	if len(t.held) > 0 || one && n == 1 {
		t.state = next
	}
}

// unfinished is how many bytes at the end of b may be the beginning of a tag.
func unfinished(b []byte, tag string) int {
	for n := min(len(b), len(tag)-1); n > 0; n-- {
		if bytes.HasSuffix(b, []byte(tag[:n])) {
			return n
		}
	}
	return 0
}
