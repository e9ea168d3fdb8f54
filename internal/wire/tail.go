package wire

// Tail follows the text of a JSON object that comes in fragments, so that one
// which is cut off can be closed: then it can be read, and a member says that it
// was cut. The zero value is ready.
type Tail struct {
	open  []byte // { and [ that are not closed
	state tailState
	word  []byte // a number, or true, false, null, that may go on
	hex   int    // digits still to come of \uXXXX
	bad   bool   // not JSON: nothing can be said of it
}

type tailState uint8

const (
	tailStart  tailState = iota // before the object
	tailFirst                   // behind { or [: a member, or the end
	tailNext                    // behind a comma
	tailKey                     // in a member's name
	tailKeyEsc                  // in it, behind a backslash
	tailColon                   // behind it
	tailValue                   // behind the colon
	tailText                    // in a string
	tailEsc                     // in it, behind a backslash
	tailWord                    // in a number or a word
	tailAfter                   // behind a value
	tailDone                    // behind the object
)

const (
	maxTailDepth = 512
	maxTailWord  = 64
)

// Feed takes the next fragment.
func (t *Tail) Feed(text []byte) {
	for i := 0; i < len(text) && !t.bad; i++ {
		if t.state == tailText && t.hex == 0 { // most of what there is
			for i < len(text) && text[i] != '"' && text[i] != '\\' {
				i++
			}
			if i == len(text) {
				return
			}
		}
		t.step(text[i])
	}
}

func (t *Tail) step(c byte) {
	switch t.state {
	case tailKey, tailText:
		t.inString(c)
		return
	case tailKeyEsc, tailEsc:
		t.state--
		if c == 'u' {
			t.hex = 4
		}
		return
	case tailWord:
		if !ends(c) {
			t.word = append(t.word, c)
			t.bad = len(t.word) > maxTailWord
			return
		}
		t.state = tailAfter
	default:
	}
	if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
		return
	}
	t.token(c)
}

func (t *Tail) inString(c byte) {
	switch {
	case t.hex > 0:
		t.hex--
	case c == '\\':
		t.state++
	case c == '"' && t.state == tailKey:
		t.state = tailColon
	case c == '"':
		t.state = tailAfter
	}
}

func ends(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\r', ',', ']', '}', ':', '"', '{', '[':
		return true
	}
	return false
}

// token takes a character that stands outside strings and words.
func (t *Tail) token(c byte) {
	inObject := len(t.open) > 0 && t.open[len(t.open)-1] == '{'
	switch t.state {
	case tailStart:
		if t.bad = c != '{'; !t.bad {
			t.push(c)
		}
	case tailFirst, tailNext:
		switch {
		case t.state == tailFirst && (c == '}' || c == ']'):
			t.pop(c)
		case inObject && c == '"':
			t.state = tailKey
		case inObject:
			t.bad = true
		default:
			t.value(c)
		}
	case tailColon:
		t.bad, t.state = c != ':', tailValue
	case tailValue:
		t.value(c)
	case tailAfter:
		switch c {
		case ',':
			t.state = tailNext
		case '}', ']':
			t.pop(c)
		default:
			t.bad = true
		}
	default: // something behind the object
		t.bad = true
	}
}

func (t *Tail) value(c byte) {
	switch c {
	case '{', '[':
		t.push(c)
	case '"':
		t.state = tailText
	case '}', ']', ',', ':':
		t.bad = true
	default:
		t.state, t.word = tailWord, append(t.word[:0], c)
	}
}

func (t *Tail) push(c byte) {
	t.open, t.state = append(t.open, c), tailFirst
	t.bad = len(t.open) > maxTailDepth
}

func (t *Tail) pop(c byte) {
	// The closing bracket is two behind the opening one in ASCII.
	if t.bad = len(t.open) == 0 || t.open[len(t.open)-1]+2 != c; t.bad {
		return
	}
	t.open = t.open[:len(t.open)-1]
	if t.state = tailAfter; len(t.open) == 0 {
		t.state = tailDone
	}
}

// Close appends what is missing at the end of the object, with a last member of
// the given name that is true. It appends nothing to an object that is whole, to
// nothing at all, and to what is no JSON object.
func (t *Tail) Close(dst []byte, member string) []byte {
	if t.bad || len(t.open) == 0 {
		return dst
	}
	dst, ok := t.finish(dst, member)
	if !ok {
		return dst
	}
	for i := len(t.open) - 1; i > 0; i-- {
		dst = append(dst, t.open[i]+2)
	}
	switch {
	case len(t.open) > 1 || t.state != tailFirst && t.state != tailNext:
		dst = appendMark(append(dst, ','), member)
	case t.state == tailFirst:
		dst = appendMark(dst, member)
	}
	return append(dst, '}')
}

func appendMark(dst []byte, member string) []byte {
	return append(AppendString(dst, member), ":true"...)
}

// finish ends what stands at the cut itself.
func (t *Tail) finish(dst []byte, member string) (_ []byte, ok bool) {
	for range t.hex {
		dst = append(dst, '0')
	}
	switch t.state {
	case tailKeyEsc:
		dst = append(dst, `\":null`...)
	case tailKey:
		dst = append(dst, `":null`...)
	case tailColon:
		dst = append(dst, ":null"...)
	case tailValue:
		dst = append(dst, "null"...)
	case tailEsc:
		dst = append(dst, `\"`...)
	case tailText:
		dst = append(dst, '"')
	case tailWord:
		rest, ok := restOfWord(t.word)
		if !ok {
			return dst, false
		}
		dst = append(dst, rest...)
	case tailNext: // a comma wants something behind it
		if t.open[len(t.open)-1] == '{' {
			dst = appendMark(dst, member)
		} else {
			dst = append(dst, "null"...)
		}
	default:
	}
	return dst, true
}

// restOfWord is what a cut number or word lacks.
func restOfWord(word []byte) (string, bool) {
	for _, whole := range []string{"true", "false", "null"} {
		if len(word) <= len(whole) && whole[:len(word)] == string(word) {
			return whole[len(word):], true
		}
	}
	for _, rest := range []string{"", "0"} {
		if Valid(append(append([]byte(nil), word...), rest...), '0') {
			return rest, true
		}
	}
	return "", false
}
