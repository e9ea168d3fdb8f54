package sandbox

import (
	"encoding/base64"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"
)

// created is when every answer says it was made: the same request gets the same
// answer at any time. It is the first second of 2026.
const created = 1767225600

// faultText is what an error on request says.
const faultText = "The sandbox breaks off here, as it was asked to."

// quoteLimit is how many characters of a text an answer repeats.
const quoteLimit = 200

// answer is what will be said, before it takes a dialect's shape.
type answer struct {
	id    string // of which the dialects make theirs
	model string
	parts []part
	stop  string
	usage bool // chat: a usage chunk at the end of a stream

	input, output, reasoning int64 // tokens

	n            int
	delay, first time.Duration
	status       int
	fault, cut   int
}

// kind of a part.
type kind int

const (
	kindThinking kind = iota
	kindText
	kindCall
)

// part is a piece of an answer.
type part struct {
	kind  kind
	index int    // among all parts
	call  int    // among the calls
	name  string // of the tool that is called
	text  string // what is thought or said, or the arguments of the call
}

// plan makes the answer to a question.
func plan(q *question, id string) (*answer, *failure) {
	m, err := ofModel(q.model)
	if err != nil {
		return nil, invalid("model", "%v", err)
	}
	if q.results { // the model's manner calls once
		m.tools = false
	}
	text, fresh := q.last()
	if cut, ok := q.cutShort(); ok && (!fresh || !hasDirective(text)) {
		text, fresh = cut, true
	} else {
		q.begun = ""
	}
	text, err = m.parse(text)
	if err != nil {
		return nil, invalid("messages", "sandbox: %v", err)
	}
	if !fresh {
		m.answered()
	}
	a := &answer{
		id: id, model: q.model, usage: q.usage, stop: m.stop,
		n: m.n, delay: m.delay, first: m.first, status: m.status, fault: m.fault, cut: m.cut,
	}
	a.think(m.think)
	calls := q.calls(&m)
	a.say(q, &m, text, len(calls) > 0)
	for i, c := range calls {
		c.call = i
		a.add(c)
	}
	if a.stop == "" {
		a.stop = stopEnd
		if len(calls) > 0 {
			a.stop = stopTool
		}
	}
	a.count(q)
	return a, nil
}

func (a *answer) add(p part) {
	p.index = len(a.parts)
	a.parts = append(a.parts, p)
}

func (a *answer) think(text string) {
	if text != "" {
		a.add(part{kind: kindThinking, text: text})
	}
}

// say adds the text of the answer: the one that was asked for, else none beside
// a call, else a reply to what the user or the tools said.
func (a *answer) say(q *question, m *manner, heard string, calls bool) {
	text := m.text
	switch {
	case m.hasText:
	case calls:
		return
	case m.stop == stopRefusal:
		text = "The sandbox refuses to answer, as it was asked to."
	default:
		text = reply(q, heard)
	}
	if m.n > 0 {
		text = stretch(text, m.n)
	}
	if m.most > 0 {
		var cut bool
		if text, cut = limited(goneOn(text, q.begun), m.most); cut {
			a.stop = stopLength
		}
	}
	if text != "" {
		a.add(part{kind: kindText, text: text})
	}
}

// goneOn is what is still to be said of a text. What was said may have lost the
// space at its end.
func goneOn(text, begun string) string {
	if rest, ok := strings.CutPrefix(text, begun); ok {
		return rest
	}
	if rest, ok := strings.CutPrefix(text, strings.TrimRight(begun, " \t\r\n")); ok {
		return rest
	}
	return text
}

// limited is the first words of a text.
func limited(s string, most int) (short string, cut bool) {
	n, at := 0, 0
	for w := range words(s) {
		if n == most {
			return s[:at], true
		}
		n++
		at += len(w)
	}
	return s, false
}

func reply(q *question, heard string) string {
	var said []string
	switch {
	case len(q.now.results) > 0:
		said = append(said, "The tool answered: "+short(strings.Join(q.now.results, "\n"), quoteLimit))
	case heard != "":
		said = append(said, fmt.Sprintf("Sandbox answer from %s: you said \"%s\"", short(q.model, quoteLimit), short(heard, quoteLimit)))
	default:
		said = append(said, "Sandbox answer from "+short(q.model, quoteLimit))
	}
	said = seen(said, q.now.images, "image")
	said = seen(said, q.now.documents, "document")
	return strings.Join(said, ". ")
}

func seen(said []string, n int, what string) []string {
	switch n {
	case 0:
		return said
	case 1:
		return append(said, "I see 1 "+what)
	}
	return append(said, fmt.Sprintf("I see %d %ss", n, what))
}

// calls are the tool calls that the manner asks for.
func (q *question) calls(m *manner) []part {
	name := m.tool
	if name == "" && m.tools && len(q.tools) > 0 {
		name = q.tools[0].name
	}
	if name == "" {
		return nil
	}
	args := m.args
	if args == nil {
		args = example(q.schema(name))
	}
	out := make([]part, m.parallel)
	for i := range out {
		out[i] = part{kind: kindCall, name: name, text: string(args)}
	}
	return out
}

func (q *question) schema(name string) []byte {
	for _, t := range q.tools {
		if t.name == name {
			return t.schema
		}
	}
	return nil
}

// count counts tokens: four bytes are one, and there is always one.
func (a *answer) count(q *question) {
	total := 0
	for _, p := range a.parts {
		total += len(p.text)
		if p.kind == kindThinking {
			a.reasoning = tokens(len(p.text))
		}
	}
	a.input, a.output = tokens(q.bytes), tokens(total)
}

func tokens(bytes int) int64 { return max(1, int64(bytes+3)/4) }

// chunks is how many chunks the answer is streamed in.
func (a *answer) chunks() int {
	n := 0
	for i := range a.parts {
		for range a.parts[i].pieces(a.n) {
			n++
		}
	}
	return n
}

// pieces cuts a part into chunks.
func (p *part) pieces(n int) iter.Seq[string] {
	switch p.kind {
	case kindCall:
		return cutBytes(p.text, argumentPiece)
	case kindThinking:
		return cutWords(p.text, 0)
	default:
		return cutWords(p.text, n)
	}
}

// callID is the id of a call: the dialect's prefix, and what tells it apart.
func (a *answer) callID(prefix string, p *part) string {
	return fmt.Sprintf("%s%s%02d", prefix, a.id, p.call)
}

// signature stands where Claude proves its thinking.
func (a *answer) signature() string {
	return base64.StdEncoding.EncodeToString([]byte("sandbox " + a.id))
}

// failure is the error that was asked for.
func (a *answer) failure() *failure {
	text := http.StatusText(a.status)
	if a.status == statusOverloaded {
		text = "Overloaded"
	}
	return &failure{status: a.status, msg: strings.TrimSpace(fmt.Sprintf("The sandbox answers %d, as it was asked to. %s", a.status, text))}
}

// statusOverloaded is Anthropic's own status.
const statusOverloaded = 529
