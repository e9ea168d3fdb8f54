package chat

import (
	"bytes"
	"unicode/utf8"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// NewStreamDecoder starts reading a stream of chunks.
func (Dialect) NewStreamDecoder() llm.StreamDecoder { return &streamDecoder{} }

// streamDecoder makes sequential parts of chunks, in which text, reasoning and
// the arguments of several calls may alternate.
type streamDecoder struct {
	llm.LossList

	odd     llm.OddHold
	final   []llm.Odd // of the chunks that end the answer
	r, sub  wire.Reader
	event   llm.Event // used again for every delta
	usage   tokens
	stop    llm.Stop
	native  string
	id      string
	started bool
	begun   *llm.Event // the start, still to be told
	ended   bool       // [DONE] was seen
	over    bool       // the last event was yielded

	open     openPart
	next     int // index of the next part
	calls    callQueue
	held     []heldText // said while a call was still being written
	heldSize int
	notes    []llm.Citation // that wait for a text

	shape shape    // of the last chunk that was a piece of text and nothing else
	kind  openPart // of that text
	told  bool     // the chunk tells more than that

	pieces  bool          // all choices are one answer
	more    []choicePiece // what the chunk says in other choices than the first
	choice  int64         // the one that is read
	thought []byte        // reasoning whose proof is to come
	proven  []byte        // the proof that was told last
}

// openPart is what part is open.
type openPart uint8

const (
	openNone openPart = iota
	openText
	openThinking
	openRefusal
	openCall
)

type heldText struct {
	kind openPart
	text []byte
}

// maxHeld bounds what is kept of a stream that mixes its parts.
const maxHeld = 16 << 20

// Frame takes the next chunk.
func (d *streamDecoder) Frame(f wire.Frame, yield llm.Yield) error {
	data := bytes.TrimSpace(f.Data)
	switch {
	case d.over || len(data) == 0:
		return nil
	case string(data) == "[DONE]":
		d.ended = true
		return d.finish(yield)
	}
	if len(f.Event) == 0 {
		if said, ok := d.shape.match(data); ok && utf8.Valid(said) {
			return d.say(d.kind, said, yield)
		}
	}
	if !d.started {
		if err := d.begin(data, yield); err != nil || d.over {
			return err
		}
	}
	return d.chunk(f.Event, data, yield)
}

// begin looks through the first chunks for what the start of the answer tells; it is
// told when the chunk was read. A
// chunk without choices is none yet: Azure sends one about its filters first.
func (d *streamDecoder) begin(data []byte, yield llm.Yield) error {
	d.r.Reset(data)
	var model string
	var created int64
	choices := false
	if d.r.Kind() == '{' {
		for name := range d.r.Fields() {
			switch string(name) {
			case "id":
				d.id = string(openai.Text(&d.r))
			case "model":
				model = string(openai.Text(&d.r))
			case "created":
				created, _ = openai.Count(&d.r)
			case "choices":
				if openai.List(&d.r) {
					for range d.r.Elements() {
						choices = true
					}
				}
			}
		}
	}
	if d.r.Err() != nil {
		return d.fault(yield, notAChunk())
	}
	if d.started = choices; !d.started {
		return nil
	}
	d.begun = &llm.Event{Kind: llm.EventStart, ID: d.id, Model: model, Created: created}
	return nil
}

// chunk reads one chunk and yields what it means.
func (d *streamDecoder) chunk(event, data []byte, yield llm.Yield) error {
	r := &d.r
	r.Reset(data)
	if r.Kind() != '{' {
		return d.fault(yield, &llm.Error{Kind: llm.ErrUpstream, Message: "the upstream's stream holds something that is no JSON object"})
	}
	var add delta
	var reason []byte
	failed := string(event) == "error"
	d.told = failed
	for name := range r.Fields() {
		switch string(name) {
		case "choices":
			reason = d.choices(r, &add, &failed)
		case "usage":
			d.told = true
			d.usage.take(r)
		case "x_groq":
			d.told = true
			d.usage.groq(r)
		case "error":
			failed = failed || r.Kind() == '{' || r.Kind() == '"'
		case "id", "created", "model", "service_tier":
		default:
			unplaced(&d.odd, r, name)
		}
	}
	if r.End() != nil {
		return d.fault(yield, notAChunk())
	}
	if len(d.odd.List) > 0 {
		d.told, yield = true, d.odd.Over(yield)
	}
	if begun := d.begun; begun != nil {
		d.begun = nil
		if err := yield(begun); err != nil {
			return err
		}
	}
	if err := d.apply(&add, yield); err != nil || d.over {
		return err
	}
	if len(d.more) > 0 {
		if err := d.join(yield); err != nil || d.over {
			return err
		}
	}
	if failed {
		return d.failed(data, yield)
	}
	if kind, said := add.only(); !d.told && len(reason) == 0 {
		d.shape.keep(data, said)
		d.kind = kind
	}
	d.stopped(reason)
	if d.native != "" { // what is still kept belongs to the end
		d.final, d.odd.List = append(d.final, d.odd.List...), nil
	}
	return nil
}

// stopped takes a choice's reason for its end.
func (d *streamDecoder) stopped(reason []byte) {
	if len(reason) == 0 {
		return
	}
	stop := openai.StopOf(reason)
	if d.pieces && d.native != "" && gravity[stop] <= gravity[d.stop] {
		return
	}
	d.native, d.stop = string(reason), stop
}

func notAChunk() *llm.Error {
	return &llm.Error{Kind: llm.ErrUpstream, Message: "the upstream's stream holds a chunk that is not JSON"}
}

// failed ends the stream with the error a chunk tells of.
func (d *streamDecoder) failed(data []byte, yield llm.Yield) error {
	s, _ := readError(data)
	if s.message == "" {
		s.choiceError(data)
	}
	return d.fault(yield, s.toError(0))
}

// apply yields what a chunk adds.
func (d *streamDecoder) apply(a *delta, yield llm.Yield) error {
	switch {
	case len(a.reasoning) > 0:
	case len(a.plain) > 0:
		a.reasoning = a.plain
	default:
		a.reasoning = a.details
	}
	if len(a.notes) > 0 {
		if err := d.note(a.notes, yield); err != nil {
			return err
		}
	}
	if err := d.say(openThinking, a.reasoning, yield); err != nil {
		return err
	}
	if len(a.proof) > 0 {
		if err := d.prove(a.proof, yield); err != nil || d.over {
			return err
		}
	}
	if err := d.say(openText, a.content, yield); err != nil {
		return err
	}
	if a.parts != nil {
		if err := d.listed(a.parts, yield); err != nil {
			return err
		}
	}
	if err := d.say(openRefusal, a.refusal, yield); err != nil {
		return err
	}
	if a.calls != nil {
		return d.fragments(a.calls, yield)
	}
	if a.legacy != nil {
		return d.legacy(a.legacy, yield)
	}
	return nil
}

// listed takes content that is a list of parts, as Mistral sends it.
func (d *streamDecoder) listed(raw []byte, yield llm.Yield) error {
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
		p := readPiece(r, &d.odd)
		d.odd.Inside(before, "choices[0].delta.content")
		yield = d.odd.Over(yield)
		p.lose(&d.LossList)
		if err := d.say(openThinking, p.thinking, yield); err != nil {
			return err
		}
		if err := d.say(openText, p.text, yield); err != nil {
			return err
		}
		if err := d.say(openRefusal, p.refusal, yield); err != nil {
			return err
		}
	}
	return nil
}

// say adds to a part of the kind, which is opened where another one is open.
func (d *streamDecoder) say(kind openPart, said []byte, yield llm.Yield) error {
	if len(said) == 0 || d.over {
		return nil
	}
	if d.open == openCall && !d.calls.settled() {
		return d.hold(kind, said, yield)
	}
	if d.open != kind {
		if err := d.closeAll(yield); err != nil || d.over {
			return err
		}
		if err := d.openNew(kind, yield); err != nil {
			return err
		}
	}
	if d.pieces && kind == openThinking && len(d.thought)+len(said) <= maxHeld {
		d.thought = append(d.thought, said...)
	}
	if kind == openText && d.notes != nil {
		notes := d.notes
		d.notes = nil
		if err := d.cite(notes, yield); err != nil {
			return err
		}
	}
	d.event = llm.Event{Kind: llm.EventDelta, Index: d.next - 1, Delta: llm.DeltaText, Text: said}
	return yield(&d.event)
}

func (d *streamDecoder) openNew(kind openPart, yield llm.Yield) error {
	var p llm.Part
	switch kind {
	case openThinking:
		p = &llm.Thinking{}
	case openRefusal:
		p = &llm.Refusal{}
	case openText, openNone, openCall:
		p = &llm.Text{}
	}
	return d.start(kind, p, yield)
}

func (d *streamDecoder) start(kind openPart, p llm.Part, yield llm.Yield) error {
	d.event = llm.Event{Kind: llm.EventPartStart, Index: d.next, Part: p}
	d.open = kind
	d.next++
	return yield(&d.event)
}

// note takes a list of annotations. They belong to the text that is open, else to
// the next one.
func (d *streamDecoder) note(raw []byte, yield llm.Yield) error {
	list := openai.Citations(Name, raw)
	if d.open != openText {
		if len(d.notes)+len(list) > llm.MaxCitations {
			d.Lose(llm.CitationPath, "there are more than are kept of one text")
			return nil
		}
		d.notes = append(d.notes, list...)
		return nil
	}
	return d.cite(list, yield)
}

// cite passes citations on beside the text they belong to.
func (d *streamDecoder) cite(list []llm.Citation, yield llm.Yield) error {
	for i := range list {
		d.event = llm.Event{Kind: llm.EventDelta, Index: d.next - 1, Delta: llm.DeltaCitation, Cite: &list[i]}
		if err := yield(&d.event); err != nil {
			return err
		}
	}
	return nil
}

// hold keeps what is said in the middle of a call until the call is whole.
func (d *streamDecoder) hold(kind openPart, said []byte, yield llm.Yield) error {
	if d.heldSize += len(said); d.heldSize > maxHeld {
		return d.fault(yield, tooMixed())
	}
	if n := len(d.held); n > 0 && d.held[n-1].kind == kind {
		d.held[n-1].text = append(d.held[n-1].text, said...)
	} else {
		d.held = append(d.held, heldText{kind, bytes.Clone(said)})
	}
	return nil
}

func tooMixed() *llm.Error {
	return &llm.Error{Kind: llm.ErrUpstream, Message: "the upstream's stream mixes more parts than can be held"}
}

// End yields what is owed when the frames have ended.
func (d *streamDecoder) End(yield llm.Yield) error {
	if d.over {
		return nil
	}
	return d.finish(yield)
}

// finish closes the answer. One that has neither a reason nor the closing word
// broke off.
func (d *streamDecoder) finish(yield llm.Yield) error {
	switch {
	case d.native == "error":
		return d.fault(yield, failedAnswer())
	case !d.started:
		return d.fault(yield, &llm.Error{Kind: llm.ErrUpstream, Message: "the upstream's stream held no answer"})
	case d.native == "" && !d.ended:
		return d.fault(yield, &llm.Error{Kind: llm.ErrUpstream, Message: "the upstream's answer broke off"})
	case d.native == "":
		d.stop = llm.StopOther
	}
	yield = d.odd.Over(yield)
	if err := d.closeAll(yield); err != nil || d.over {
		return err
	}
	if len(d.notes) > 0 {
		d.Lose(llm.CitationPath, "there is no text they belong to")
	}
	d.over = true
	d.odd.List = append(d.odd.List, d.final...)
	yield = d.odd.Over(yield)
	d.event = llm.Event{Kind: llm.EventFinish, Stop: llm.SettledStop(d.stop, d.calls.any()), NativeStop: d.native, Usage: d.usage.usage()}
	return yield(&d.event)
}

func (d *streamDecoder) fault(yield llm.Yield, e *llm.Error) error {
	d.over = true
	d.event = llm.Event{Kind: llm.EventFault, Err: e}
	return yield(&d.event)
}
