package chat

import (
	"slices"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
)

// callQueue puts calls in sequence whose arguments arrive interleaved: the first
// one that is not whole streams, those behind it wait until it is.
type callQueue struct {
	list []*openedCall
	at   int // the one that streams, if any
	held int
}

type openedCall struct {
	id, name, signature string
	index               int64
	custom              bool
	input               []byte // what waits
	shape               argumentShape
	closed              bool
}

// maxCalls bounds the calls of one answer.
const maxCalls = 1024

func (q *callQueue) any() bool { return len(q.list) > 0 }

// settled tells whether the call that streams may be closed: its arguments are whole.
func (q *callQueue) settled() bool {
	return q.at >= len(q.list) || q.list[q.at].whole()
}

func (c *openedCall) whole() bool { return c.custom || c.shape.whole() }

// find returns the call that a fragment belongs to, nil for a new one. Servers
// number calls, or only give them ids, or number them all zero.
func (q *callQueue) find(f *fragment) *openedCall {
	n := len(q.list)
	if !f.indexed {
		for _, c := range q.list {
			if len(f.id) > 0 && c.id == string(f.id) {
				return c
			}
		}
		if n > 0 && len(f.id) == 0 && len(f.name) == 0 {
			return q.list[n-1]
		}
		return nil
	}
	for i := n - 1; i >= 0; i-- {
		c := q.list[i]
		if c.index != f.index {
			continue
		}
		if len(f.id) > 0 && len(f.name) > 0 && c.id != "" && c.id != string(f.id) {
			return nil
		}
		return c
	}
	return nil
}

// fragments takes a chunk's list of tool_calls.
func (d *streamDecoder) fragments(raw []byte, yield llm.Yield) error {
	r := &d.sub
	r.Reset(raw)
	if !openai.List(r) {
		return nil
	}
	for range r.Elements() {
		if !openai.Object(r) {
			continue
		}
		before := len(d.odd.List)
		f := readFragment(r, &d.odd)
		d.odd.Inside(before, "choices[0].delta.tool_calls")
		f.index += d.choice * callsOfChoice
		if err := d.fragment(&f, d.odd.Over(yield)); err != nil || d.over {
			return err
		}
	}
	return nil
}

// legacy takes the older form of a call, of which there is one.
func (d *streamDecoder) legacy(raw []byte, yield llm.Yield) error {
	f := fragment{indexed: true}
	d.sub.Reset(raw)
	before := len(d.odd.List)
	f.body(&d.sub, &d.odd)
	d.odd.Inside(before, "choices[0].delta.function_call")
	if len(f.name) == 0 && len(f.input) == 0 {
		return nil
	}
	return d.fragment(&f, yield)
}

func (d *streamDecoder) fragment(f *fragment, yield llm.Yield) error {
	q := &d.calls
	c := q.find(f)
	if c == nil {
		if len(f.id) == 0 && len(f.name) == 0 && len(f.input) == 0 {
			return nil
		}
		if len(q.list) >= maxCalls {
			return d.fault(yield, tooMixed())
		}
		c = &openedCall{index: f.index, custom: f.custom}
		q.list = append(q.list, c)
	}
	if c.id == "" {
		c.id = string(f.id)
	}
	if c.name == "" {
		c.name = string(f.name)
	}
	if f.signature != "" {
		c.signature = f.signature
	}
	if c.closed {
		return nil // white space behind whole arguments
	}
	if d.open == openCall && q.list[q.at] == c {
		return d.input(c, f.input, yield)
	}
	if q.held += len(f.input); q.held > maxHeld {
		return d.fault(yield, tooMixed())
	}
	c.input = append(c.input, f.input...)
	return d.advance(false, yield)
}

// input streams a piece of arguments.
func (d *streamDecoder) input(c *openedCall, piece []byte, yield llm.Yield) error {
	if len(piece) > 0 {
		c.shape.scan(piece)
		d.event = llm.Event{Kind: llm.EventDelta, Index: d.next - 1, Delta: llm.DeltaInput, Text: piece}
		if err := yield(&d.event); err != nil {
			return err
		}
	}
	if d.calls.at+1 < len(d.calls.list) || len(d.held) > 0 {
		return d.advance(false, yield)
	}
	return nil
}

// advance opens the next calls as far as those before them are whole; all of
// them when the answer goes on with something else or ends.
func (d *streamDecoder) advance(all bool, yield llm.Yield) error {
	q := &d.calls
	for q.at < len(q.list) {
		c := q.list[q.at]
		if d.open == openCall {
			if last := q.at+1 == len(q.list); !all && (last && len(d.held) == 0 || !c.whole()) {
				return nil
			}
			c.closed = true
			q.at++
			if err := d.close(yield); err != nil {
				return err
			}
			continue
		}
		if c.name == "" && !all {
			return nil // the name is still to come
		}
		if err := d.startCall(c, yield); err != nil {
			return err
		}
	}
	return d.release(yield)
}

// startCall opens a call and streams what was kept of it.
func (d *streamDecoder) startCall(c *openedCall, yield llm.Yield) error {
	if err := d.close(yield); err != nil {
		return err
	}
	id, before := c.id, d.calls.list[:d.calls.at]
	if id == "" || slices.ContainsFunc(before, func(o *openedCall) bool { return o.id == id }) {
		id = madeID(d.id, d.calls.at)
	}
	if err := d.start(openCall, &llm.ToolCall{ID: id, Name: c.name, Custom: c.custom, Seal: c.signature}, yield); err != nil {
		return err
	}
	if len(c.input) == 0 {
		return nil
	}
	c.shape.scan(c.input)
	d.event = llm.Event{Kind: llm.EventDelta, Index: d.next - 1, Delta: llm.DeltaInput, Text: c.input}
	d.calls.held -= len(c.input)
	err := yield(&d.event)
	c.input = nil
	return err
}

// release yields what was said while calls were being written.
func (d *streamDecoder) release(yield llm.Yield) error {
	held := d.held
	d.held, d.heldSize = nil, 0
	for _, h := range held {
		if err := d.say(h.kind, h.text, yield); err != nil {
			return err
		}
	}
	return nil
}

// closeAll closes what is open, and opens and closes the calls that still wait.
func (d *streamDecoder) closeAll(yield llm.Yield) error {
	if d.calls.at < len(d.calls.list) {
		if err := d.advance(true, yield); err != nil {
			return err
		}
	}
	return d.close(yield)
}

func (d *streamDecoder) close(yield llm.Yield) error {
	if d.open == openNone {
		return nil
	}
	d.open = openNone
	d.event = llm.Event{Kind: llm.EventPartEnd, Index: d.next - 1}
	return yield(&d.event)
}

// argumentShape follows a JSON object through its pieces to see where it ends.
type argumentShape struct {
	depth           int
	begun           bool
	quoted, escaped bool
}

// whole tells whether an object was seen from its first brace to its last.
func (s *argumentShape) whole() bool { return s.begun && s.depth == 0 }

func (s *argumentShape) scan(piece []byte) {
	for _, c := range piece {
		switch {
		case s.escaped:
			s.escaped = false
		case s.quoted:
			s.escaped, s.quoted = c == '\\', c != '"'
		case c == '"':
			s.quoted = true
		case c == '{' || c == '[':
			s.begun = true
			s.depth++
		case c == '}' || c == ']':
			s.depth--
		}
	}
}
