package responses

import (
	"bytes"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
)

// Parts open with their first words: what says nothing leaves no trace, and an
// error that comes before any is still one that can be retried.

func (d *streamDecoder) begin(kind openPart, p llm.Part, yield llm.Yield) error {
	if err := d.close(yield); err != nil {
		return err
	}
	d.event = llm.Event{Kind: llm.EventPartStart, Index: d.next, Part: p}
	d.open, d.said, d.item.spoken = kind, 0, true
	d.next++
	return yield(&d.event)
}

func (d *streamDecoder) close(yield llm.Yield) error {
	if d.open == noPart {
		return nil
	}
	d.open = noPart
	d.event = llm.Event{Kind: llm.EventPartEnd, Index: d.next - 1}
	return yield(&d.event)
}

func (d *streamDecoder) delta(kind llm.DeltaKind, piece []byte, yield llm.Yield) error {
	if len(piece) == 0 {
		return nil
	}
	d.said += len(piece)
	d.event = llm.Event{Kind: llm.EventDelta, Index: d.next - 1, Delta: kind, Text: piece}
	return yield(&d.event)
}

// words adds to the text or refusal of a message.
func (d *streamDecoder) words(kind openPart, piece []byte, yield llm.Yield) error {
	if len(piece) == 0 {
		return nil
	}
	if d.open != kind || d.item.part != d.ev.part {
		d.item.part = d.ev.part
		var p llm.Part = &llm.Text{}
		if kind == refusalPart {
			p = &llm.Refusal{}
		}
		if err := d.begin(kind, p, yield); err != nil {
			return err
		}
	}
	return d.delta(llm.DeltaText, piece, yield)
}

// missed takes a text whose deltas never came from the event that ends it.
func (d *streamDecoder) missed(kind openPart, yield llm.Yield) error {
	if d.open == kind && d.item.part == d.ev.part && d.said > 0 {
		return nil
	}
	return d.words(kind, d.ev.whole, yield)
}

// annotation passes on an annotation of the open text.
func (d *streamDecoder) annotation(yield llm.Yield) error {
	if d.open != textPart || len(d.ev.raw) == 0 {
		return nil
	}
	c := openai.Citation(Name, d.ev.raw)
	return d.cite(&c, yield)
}

func (d *streamDecoder) citeAll(t *llm.Text, yield llm.Yield) error {
	for i := range t.Citations {
		if err := d.cite(&t.Citations[i], yield); err != nil {
			return err
		}
	}
	return nil
}

func (d *streamDecoder) cite(c *llm.Citation, yield llm.Yield) error {
	d.item.cited = true
	d.event = llm.Event{Kind: llm.EventDelta, Index: d.next - 1, Delta: llm.DeltaCitation, Cite: c}
	return yield(&d.event)
}

// think adds to the reasoning of an item, from the one of its two texts that
// spoke first. The parts of a summary are paragraphs.
func (d *streamDecoder) think(from source, piece []byte, yield llm.Yield) error {
	it := &d.item
	if len(piece) == 0 || it.source != noSource && it.source != from {
		return nil
	}
	if it.source == noSource {
		it.source, it.part = from, d.ev.part
		if err := d.begin(thinkingPart, &llm.Thinking{}, yield); err != nil {
			return err
		}
	}
	if d.open != thinkingPart {
		return nil
	}
	if it.part != d.ev.part {
		it.part = d.ev.part
		if err := d.thought([]byte(paragraph), yield); err != nil {
			return err
		}
		d.said = 0
	}
	return d.thought(piece, yield)
}

func (d *streamDecoder) thought(piece []byte, yield llm.Yield) error {
	if len(d.item.thoughts)+len(piece) > maxHeld {
		return d.fault(yield, tooMixed())
	}
	d.item.thoughts = append(d.item.thoughts, piece...)
	return d.delta(llm.DeltaText, piece, yield)
}

func (d *streamDecoder) missedThought(from source, yield llm.Yield) error {
	if d.item.source == from && d.item.part == d.ev.part && d.said > 0 {
		return nil
	}
	return d.think(from, d.ev.whole, yield)
}

// added takes the event that opens an item. A call that names its tool opens here;
// other items wait for their first words.
func (d *streamDecoder) added(it *item, yield llm.Yield) error {
	switch it.kind {
	case "function_call", "custom_tool_call":
		if it.callID == "" || it.name == "" || d.open == callPart {
			return nil
		}
		if err := d.beginCall(it, yield); err != nil {
			return err
		}
	}
	return nil
}

func (d *streamDecoder) beginCall(it *item, yield llm.Yield) error {
	d.calls = true
	return d.begin(callPart, it.call(), yield)
}

// input adds to the arguments of a call.
func (d *streamDecoder) input(piece []byte, yield llm.Yield) error {
	if d.open != callPart {
		return nil // the end of the item tells all of it
	}
	return d.delta(llm.DeltaInput, piece, yield)
}

// itemDone ends the current item and makes up for what was not streamed of it.
func (d *streamDecoder) itemDone(it *item, yield llm.Yield) error {
	if err := d.rest(it, yield); err != nil || d.over {
		return err
	}
	if err := d.close(yield); err != nil {
		return err
	}
	d.leave()
	return d.release(yield)
}

func (d *streamDecoder) rest(it *item, yield llm.Yield) error {
	switch it.kind {
	case "reasoning":
		if it.proof != "" && d.open == thinkingPart {
			return d.delta(llm.DeltaSignature, []byte(sealed(string(d.item.thoughts), it.proof)), yield)
		}
	case "function_call", "custom_tool_call":
		if d.open == callPart && d.said == 0 {
			return d.delta(llm.DeltaInput, []byte(it.input), yield)
		}
	}
	if d.item.spoken {
		return d.missedCitations(it, yield)
	}
	return d.wholeItem(it, yield)
}

// missedCitations takes annotations that never came from the end of their message.
func (d *streamDecoder) missedCitations(it *item, yield llm.Yield) error {
	n := len(it.said)
	if d.item.cited || d.open != textPart || n == 0 {
		return nil
	}
	if t, ok := it.said[n-1].(*llm.Text); ok {
		return d.citeAll(t, yield)
	}
	return nil
}

// wholeItem yields an item of which nothing was streamed.
func (d *streamDecoder) wholeItem(it *item, yield llm.Yield) error {
	for _, p := range it.parts() {
		if err := d.wholePart(p, yield); err != nil {
			return err
		}
	}
	return nil
}

func (d *streamDecoder) wholePart(p llm.Part, yield llm.Yield) error {
	var err error
	switch p := p.(type) {
	case *llm.Text:
		if err = d.begin(textPart, &llm.Text{}, yield); err == nil {
			err = d.delta(llm.DeltaText, []byte(p.Text), yield)
		}
		if err == nil {
			err = d.citeAll(p, yield)
		}
	case *llm.Refusal:
		if err = d.begin(refusalPart, &llm.Refusal{}, yield); err == nil {
			err = d.delta(llm.DeltaText, []byte(p.Text), yield)
		}
	case *llm.Thinking:
		if err = d.begin(thinkingPart, &llm.Thinking{}, yield); err == nil {
			err = d.delta(llm.DeltaText, []byte(p.Text), yield)
		}
		if err == nil {
			err = d.delta(llm.DeltaSignature, []byte(p.Signature), yield)
		}
	case *llm.ToolCall:
		d.calls = true
		if err = d.begin(callPart, &llm.ToolCall{ID: p.ID, Name: p.Name, Custom: p.Custom}, yield); err == nil {
			err = d.delta(llm.DeltaInput, bytes.Join([][]byte{p.Input, []byte(p.Broken)}, nil), yield)
		}
	default:
		err = d.begin(noPart, p, yield)
		d.open = callPart // anything: it is closed at once
	}
	if err != nil {
		return err
	}
	return d.close(yield)
}
