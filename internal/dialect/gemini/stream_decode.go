package gemini

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// streamDecoder makes events of a stream's chunks. They have no marks where a
// part begins or ends: a part is open until another kind of piece comes. The
// stream ends without a terminator, so the Finish waits for its end.
type streamDecoder struct {
	llm.LossList
	r    wire.Reader
	ev   llm.Event
	c    chunk
	take func(*piece) error

	next, yield   llm.Yield // the caller's; with what is kept for the next event
	started, over bool
	ended         bool // a reason to stop was told

	said   []byte // the open text, of which citations tell the pieces
	before int64  // bytes of the texts before it
	cited  int    // pieces whose citations were told

	part  partKind
	index int // of the open part, or of the next one
	calls int
}

// partKind is the kind of the part that is open.
type partKind uint8

const (
	noPart partKind = iota
	textPart
	thinkingPart
	wholePart
)

// NewStreamDecoder makes a decoder of one stream.
func (Dialect) NewStreamDecoder() llm.StreamDecoder {
	d := &streamDecoder{}
	d.take = d.piece
	d.yield = func(e *llm.Event) error { return d.c.odd.Give(e, d.next) }
	return d
}

// Frame takes the next chunk, or a list of them.
func (d *streamDecoder) Frame(f wire.Frame, yield llm.Yield) error {
	if d.over {
		return nil
	}
	d.next = yield
	d.r.Reset(f.Data)
	if d.r.Kind() != '[' {
		return d.chunk(f.Data)
	}
	list := wire.NewReader(f.Data)
	for range list.Elements() {
		raw := list.Raw()
		if list.Err() != nil || d.over {
			break
		}
		d.r.Reset(raw)
		if err := d.chunk(raw); err != nil {
			return err
		}
	}
	if err := list.End(); err != nil && !d.over {
		return notAnAnswer("has an event that cannot be read", err)
	}
	return nil
}

func (d *streamDecoder) chunk(data []byte) error {
	if d.r.Kind() != '{' {
		return notAnAnswer("has an event that is not a JSON object", d.r.Err())
	}
	if !d.started {
		if err := d.c.scan(data); err != nil {
			return notAnAnswer("has an event that cannot be read", err)
		}
	}
	if mayCite(data) {
		d.c.peekCandidate(data)
	}
	if err := d.c.read(&d.r, true, d.take); err != nil {
		if _, ours := errors.AsType[*wire.Error](err); ours { // else it is the reader of events that failed
			return notAnAnswer("has an event that cannot be read", err)
		}
		return err
	}
	if err := d.r.End(); err != nil {
		return notAnAnswer("has an event that cannot be read", err)
	}
	if d.c.err != nil {
		return d.fault(d.c.err)
	}
	d.ended = d.ended || d.c.ended()
	if d.c.answer {
		return d.start()
	}
	return nil
}

// End is called when the frames have ended.
func (d *streamDecoder) End(yield llm.Yield) error {
	if d.over {
		return nil
	}
	d.next = yield
	if !d.ended {
		return d.fault(&llm.Error{Kind: llm.ErrUpstream, Message: "the upstream's answer broke off", Upstream: true})
	}
	if err := d.closePart(); err != nil {
		return err
	}
	_, _, all := readGrounding(d.c.extra, "", -1)
	d.c.uncited = all - d.cited
	d.over = true
	d.c.lose(&d.LossList)
	stop, native := d.c.stop()
	d.ev = llm.Event{
		Kind: llm.EventFinish, Stop: llm.SettledStop(stop, d.calls > 0), NativeStop: native,
		StopDetails: d.c.details(), Usage: d.c.usage.read(), Tier: d.c.usage.tier(), Extra: d.c.extra,
	}
	return d.yield(&d.ev)
}

func (d *streamDecoder) fault(e *llm.Error) error {
	d.over = true
	d.ev = llm.Event{Kind: llm.EventFault, Err: e}
	return d.yield(&d.ev)
}

// start tells that the answer begins, once.
func (d *streamDecoder) start() error {
	if d.started {
		return nil
	}
	d.started = true
	usage := d.c.usage.read()
	usage.Output, usage.Reasoning = 0, 0
	d.ev = llm.Event{Kind: llm.EventStart, ID: d.c.id, Model: d.c.model, Created: d.c.created, Usage: usage}
	return d.yield(&d.ev)
}

func (d *streamDecoder) open(kind partKind, p llm.Part) error {
	if err := d.start(); err != nil {
		return err
	}
	if err := d.closePart(); err != nil {
		return err
	}
	d.part = kind
	d.ev = llm.Event{Kind: llm.EventPartStart, Index: d.index, Part: p}
	return d.yield(&d.ev)
}

func (d *streamDecoder) closePart() error {
	if d.part == noPart {
		return nil
	}
	if d.part == textPart {
		if err := d.cite(); err != nil {
			return err
		}
	}
	d.part = noPart
	d.ev = llm.Event{Kind: llm.EventPartEnd, Index: d.index}
	d.index++
	return d.yield(&d.ev)
}

// cite tells the citations of the open text, which is about to end.
func (d *streamDecoder) cite() error {
	list, found, _ := readGrounding(d.c.extra, string(d.said), d.before)
	d.before += int64(len(d.said))
	d.said = d.said[:0]
	d.cited += found
	for i := range list {
		d.ev = llm.Event{Kind: llm.EventDelta, Index: d.index, Delta: llm.DeltaCitation, Cite: &list[i]}
		if err := d.yield(&d.ev); err != nil {
			return err
		}
	}
	return nil
}

// tell yields a delta of the open part.
func (d *streamDecoder) tell(kind llm.DeltaKind, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	d.ev = llm.Event{Kind: llm.EventDelta, Index: d.index, Delta: kind, Text: text}
	return d.yield(&d.ev)
}

// whole yields a part that is complete at once.
func (d *streamDecoder) whole(p llm.Part) error {
	if err := d.open(wholePart, p); err != nil {
		return err
	}
	return d.closePart()
}

// piece makes events of one part of a chunk.
func (d *streamDecoder) piece(p *piece) error {
	for i := range d.c.odd.List { // each part gets a chunk of its own
		o := &d.c.odd.List[i]
		if inner, ok := strings.CutPrefix(o.At, partsPath+strconv.Itoa(p.at)+"]"); ok {
			o.At = partsPath + "0]" + inner
		}
	}
	p.at = 0
	switch {
	case p.call != nil:
		return d.call(p)
	case p.inline != nil:
		m, err := p.media(&d.c.odd)
		if err != nil {
			return notAnAnswer("has a part that cannot be read", err)
		}
		return d.whole(m)
	case p.kind != "":
		return d.whole(p.native())
	case p.thought:
		return d.thought(p)
	}
	if err := d.prose(textPart, p.text); err != nil || len(p.signature) == 0 {
		return err
	}
	return d.whole(signaturePart(string(p.signature)))
}

func (d *streamDecoder) thought(p *piece) error {
	if err := d.prose(thinkingPart, p.text); err != nil || len(p.signature) == 0 {
		return err
	}
	if d.part != thinkingPart {
		if err := d.open(thinkingPart, &llm.Thinking{}); err != nil {
			return err
		}
	}
	if err := d.tell(llm.DeltaSignature, []byte(ownSeal(string(p.signature)))); err != nil {
		return err
	}
	return d.closePart()
}

// prose goes on with a text or reasoning, opening it where none is open.
func (d *streamDecoder) prose(kind partKind, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if d.part != kind {
		var p llm.Part = &llm.Text{}
		if kind == thinkingPart {
			p = &llm.Thinking{}
		}
		if err := d.open(kind, p); err != nil {
			return err
		}
	}
	if kind == textPart && len(d.said) < maxCitedText {
		d.said = append(d.said, text...)
	}
	return d.tell(llm.DeltaText, text)
}

// maxCitedText bounds the text that is kept for its citations.
const maxCitedText = 4 << 20

func (d *streamDecoder) call(p *piece) error {
	c, err := p.toolCall(d.c.id, d.calls, &d.c.odd)
	if err != nil {
		return notAnAnswer("has a tool call that cannot be read", err)
	}
	d.calls++
	args := bytes.Clone(c.Input)
	if c.Broken != "" {
		args = []byte(c.Broken)
	}
	// Clients that have no place for the signature of a call have one for that of
	// the reasoning before it.
	if d.part == thinkingPart && c.Seal != "" {
		if err := d.tell(llm.DeltaSignature, []byte(ownSeal(c.Seal))); err != nil {
			return err
		}
	}
	if err := d.open(wholePart, &llm.ToolCall{ID: c.ID, Name: c.Name, Seal: c.Seal}); err != nil {
		return err
	}
	if err := d.tell(llm.DeltaInput, args); err != nil {
		return err
	}
	return d.closePart()
}
