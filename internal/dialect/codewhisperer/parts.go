package codewhisperer

import (
	"bytes"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// piece is something of an answer that waits for its turn.
type piece struct {
	kind                partKind
	text                []byte
	signature, redacted string
	tool                *toolUse
}

// toolUse is a call that is being written.
type toolUse struct {
	id, name string
	input    []byte // all of it
	told     int    // bytes of it that were passed on
	whole    bool
}

// Bounds of what a stream can make us keep.
const (
	maxHeld   = 16 << 20 // what waits for an open call, and the input of one call
	maxCalls  = 4096
	pieceSize = 64 // of a piece beside its text
)

// call is a piece of a call, or in an older form all of it.
func (d *streamDecoder) call(whole bool, yield llm.Yield) error {
	var id, name string
	var input []byte
	for member := range d.r.Fields() {
		switch string(member) {
		case "toolUseId":
			id = d.r.Str()
		case "name":
			name = d.r.Str()
		case "input":
			input = d.input()
		case "stop":
			whole = d.r.Bool() || whole
		default:
			d.odd("tool use")
		}
	}
	if d.r.Err() != nil {
		return d.unreadable()
	}
	if d.done[id] {
		if len(input) > 0 {
			d.Lose("tool use: input", "the call was complete before")
		}
		return nil
	}
	t := d.find(id)
	if t == nil {
		t = &toolUse{id: id, name: name}
		d.called = true
		if len(d.done)+len(d.held) > maxCalls {
			return d.fault(notAnAnswer("holds more tool calls than are taken", nil), yield)
		}
		if err := d.add(&piece{kind: toolPart, tool: t}, yield); err != nil || d.over {
			return err
		}
	}
	t.input = append(t.input, input...)
	t.whole = t.whole || whole
	d.inHeld += len(input)
	if d.inHeld > maxHeld || len(t.input) > maxHeld {
		return d.fault(notAnAnswer("holds more tool input than is held back", nil), yield)
	}
	if t != d.tool {
		return nil
	}
	if err := d.advance(yield); err != nil {
		return err
	}
	return d.drain(yield)
}

// input is a fragment of the text of the arguments, or all of them as an object,
// where an empty one says nothing: the fragments follow.
func (d *streamDecoder) input() []byte {
	if d.r.Kind() == '"' {
		return d.r.Bytes()
	}
	raw := d.r.Raw()
	if llm.SaysNothing(raw) {
		return nil
	}
	return raw
}

// find is the call of an id that is not whole yet.
func (d *streamDecoder) find(id string) *toolUse {
	if d.tool != nil && d.tool.id == id {
		return d.tool
	}
	for _, p := range d.held {
		if p.tool != nil && p.tool.id == id {
			return p.tool
		}
	}
	return nil
}

// say adds a piece of text or reasoning.
func (d *streamDecoder) say(kind partKind, text []byte, yield llm.Yield) error {
	if d.tool != nil {
		text = bytes.Clone(text) // a view until the next frame
	}
	return d.add(&piece{kind: kind, text: text}, yield)
}

// add passes a piece on, or keeps it where a call is open.
func (d *streamDecoder) add(p *piece, yield llm.Yield) error {
	if d.tool == nil {
		return d.pass(p, yield)
	}
	d.held = append(d.held, p)
	d.inHeld += len(p.text) + len(p.signature) + len(p.redacted) + pieceSize
	if d.inHeld > maxHeld {
		return d.fault(notAnAnswer("holds more beside a tool call than is held back", nil), yield)
	}
	return nil
}

// pass makes events of a piece while no call is open.
func (d *streamDecoder) pass(p *piece, yield llm.Yield) error {
	switch {
	case p.tool != nil:
		d.tool = p.tool
		if err := d.begin(toolPart, &llm.ToolCall{ID: p.tool.id, Name: p.tool.name}, yield); err != nil {
			return err
		}
		return d.advance(yield)
	case p.redacted != "":
		if err := d.begin(thinkingPart, &llm.Thinking{Redacted: p.redacted}, yield); err != nil {
			return err
		}
		return d.closePart(yield)
	case p.kind != d.open:
		part := llm.Part(&llm.Text{})
		if p.kind == thinkingPart {
			part = &llm.Thinking{}
		}
		if err := d.begin(p.kind, part, yield); err != nil {
			return err
		}
	}
	d.meter.said += int64(len(p.text))
	if err := d.delta(llm.DeltaText, p.text, yield); err != nil || p.signature == "" {
		return err
	}
	if err := d.delta(llm.DeltaSignature, []byte(p.signature), yield); err != nil {
		return err
	}
	return d.closePart(yield) // a signature is of all that came before
}

// advance tells what is new of the open call.
func (d *streamDecoder) advance(yield llm.Yield) error {
	t := d.tool
	fresh := t.input[t.told:]
	t.told = len(t.input)
	d.meter.said += int64(len(fresh))
	return d.delta(llm.DeltaInput, fresh, yield)
}

// drain ends the open call if it is whole, and passes on what has waited for it, up
// to the next call that is not.
func (d *streamDecoder) drain(yield llm.Yield) error {
	for {
		if t := d.tool; t != nil {
			if !t.whole {
				return nil
			}
			if err := d.closeTool(yield); err != nil {
				return err
			}
		}
		if len(d.held) == 0 {
			d.held, d.inHeld = nil, 0
			return nil
		}
		p := d.held[0]
		d.held = d.held[1:]
		if err := d.pass(p, yield); err != nil {
			return err
		}
	}
}

// closeTool ends the open call. Input that is no JSON object was cut on its way: the
// service does not say so.
func (d *streamDecoder) closeTool(yield llm.Yield) error {
	if s := bytes.TrimSpace(d.tool.input); len(s) > 0 && !wire.Valid(s, '{') {
		d.cut = true
	}
	d.done[d.tool.id] = true
	d.tool = nil
	return d.closePart(yield)
}

// start tells that the answer begins, once.
func (d *streamDecoder) start(yield llm.Yield) error {
	if d.started {
		return nil
	}
	d.started = true
	d.ev = llm.Event{Kind: llm.EventStart, ID: d.id, Model: d.model}
	return yield(&d.ev)
}

func (d *streamDecoder) begin(kind partKind, p llm.Part, yield llm.Yield) error {
	if err := d.start(yield); err != nil {
		return err
	}
	if err := d.closePart(yield); err != nil {
		return err
	}
	d.open = kind
	d.ev = llm.Event{Kind: llm.EventPartStart, Index: d.index, Part: p}
	return yield(&d.ev)
}

func (d *streamDecoder) closePart(yield llm.Yield) error {
	if d.open == noPart {
		return nil
	}
	d.open = noPart
	d.ev = llm.Event{Kind: llm.EventPartEnd, Index: d.index}
	d.index++
	return yield(&d.ev)
}

func (d *streamDecoder) delta(kind llm.DeltaKind, text []byte, yield llm.Yield) error {
	if len(text) == 0 {
		return nil
	}
	d.ev = llm.Event{Kind: llm.EventDelta, Index: d.index, Delta: kind, Text: text}
	return yield(&d.ev)
}
