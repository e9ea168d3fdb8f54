package converse

import (
	"bytes"
	"encoding/base64"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// streamDecoder makes events of ConverseStream's frames. Text and reasoning
// blocks come without a start, so parts open with their first delta; the usage
// comes behind messageStop, so the Finish waits for it.
type streamDecoder struct {
	llm.LossList
	held llm.OddHold
	r    wire.Reader
	ev   llm.Event

	started, stopped, over bool

	part    partKind
	index   int   // of the open part, or of the next one
	block   int64 // contentBlockIndex of the open part
	ended   bool  // the open part's block has stopped; it closes with what comes next
	called  bool
	holding held

	stop     llm.Stop
	native   string
	sequence string
	usage    llm.Usage
	tier     string
	extra    []llm.Extra
}

// partKind is the kind of the part that is open.
type partKind uint8

const (
	noPart partKind = iota
	textPart
	thinkingPart
	toolPart
	nativePart
)

// NewStreamDecoder makes a decoder of one stream.
func (Dialect) NewStreamDecoder() llm.StreamDecoder { return &streamDecoder{} }

// Frame takes the next frame.
func (d *streamDecoder) Frame(f wire.Frame, yield llm.Yield) error {
	if d.over {
		return nil
	}
	if f.Exception {
		typ, message, _ := readError(f.Data)
		e := newError(first(string(f.Event), shortType(typ)), message, 0)
		if e.Message == "" {
			e.Message = "the upstream ended the answer with an error: " + e.Type
		}
		return d.fault(e, yield)
	}
	d.r.Reset(f.Data)
	d.held.Of(f.Event)
	var err error
	switch string(f.Event) {
	case "contentBlockDelta":
		err = d.delta(yield)
	case "contentBlockStart":
		err = d.blockStart(yield)
	case "contentBlockStop":
		d.bare("contentBlockIndex")
		err = d.blockStop(d.held.Over(yield))
	case "messageStart":
		d.bare("role")
		err = d.start(d.held.Over(yield))
	case "messageStop":
		err = d.messageStop(yield)
	case "metadata":
		err = d.metadata(yield)
	default:
		if len(f.Event) > 0 {
			d.Lose(string(f.Event), lossUnknown)
		}
	}
	if err == nil && d.r.Err() != nil {
		return d.unreadable()
	}
	return err
}

// unreadable is the error for a frame whose payload is not what it should be.
func (d *streamDecoder) unreadable() error {
	return notAnAnswer("has an event that cannot be read", d.r.Err())
}

// End is called when the frames have ended.
func (d *streamDecoder) End(yield llm.Yield) error {
	switch {
	case d.over:
		return nil
	case d.stopped:
		return d.finish(d.held.Over(yield))
	}
	return d.fault(&llm.Error{Kind: llm.ErrUpstream, Message: "the upstream's answer broke off", Upstream: true}, yield)
}

func (d *streamDecoder) fault(e *llm.Error, yield llm.Yield) error {
	d.over = true
	d.ev = llm.Event{Kind: llm.EventFault, Err: e}
	return yield(&d.ev)
}

func (d *streamDecoder) finish(yield llm.Yield) error {
	d.over = true
	d.ev = llm.Event{Kind: llm.EventFinish, Stop: llm.SettledStop(d.stop, d.called), StopSequence: d.sequence, NativeStop: d.native, Usage: d.usage, Tier: d.tier, Extra: d.extra}
	return yield(&d.ev)
}

// start tells that the answer begins, once.
func (d *streamDecoder) start(yield llm.Yield) error {
	if d.started {
		return nil
	}
	d.started = true
	d.ev = llm.Event{Kind: llm.EventStart}
	return yield(&d.ev)
}

func (d *streamDecoder) open(kind partKind, p llm.Part, block int64, yield llm.Yield) error {
	if err := d.start(yield); err != nil {
		return err
	}
	if err := d.closePart(yield); err != nil {
		return err
	}
	d.part, d.block, d.ended = kind, block, false
	d.ev = llm.Event{Kind: llm.EventPartStart, Index: d.index, Part: p}
	return yield(&d.ev)
}

func (d *streamDecoder) closePart(yield llm.Yield) error {
	if d.part == noPart {
		return nil
	}
	d.part, d.ended = noPart, false
	d.ev = llm.Event{Kind: llm.EventPartEnd, Index: d.index}
	d.index++
	return yield(&d.ev)
}

// whole yields a part that is complete at once.
func (d *streamDecoder) whole(p llm.Part, yield llm.Yield) error {
	if err := d.open(nativePart, p, -1, yield); err != nil {
		return err
	}
	return d.closePart(yield)
}

// tell yields a delta of the open part.
func (d *streamDecoder) tell(kind llm.DeltaKind, text []byte, yield llm.Yield) error {
	if len(text) == 0 {
		return nil
	}
	d.ev = llm.Event{Kind: llm.EventDelta, Index: d.index, Delta: kind, Text: text}
	return yield(&d.ev)
}

// blockDelta is a contentBlockDelta as read.
type blockDelta struct {
	block                             int64
	text, input, thought, sig, opaque []byte
	citation, result, other           []byte
	otherType                         string
	reasoning                         bool
}

func (d *streamDecoder) delta(yield llm.Yield) error {
	var b blockDelta
	for name := range d.r.Fields() {
		switch string(name) {
		case "contentBlockIndex":
			b.block = d.r.Int()
		case "delta":
			b.read(&d.r, d.odd)
		case padding:
		default:
			d.odd(&d.r)
		}
	}
	if d.r.Err() != nil {
		return d.unreadable()
	}
	yield = d.held.Over(yield)
	if b.other != nil && b.known() {
		d.Lose("content: "+b.otherType, lossUnknown)
		b.other = nil
	}
	switch {
	case b.input != nil:
		return d.inputDelta(&b, yield)
	case b.reasoning:
		return d.reasoningDelta(&b, yield)
	case b.citation != nil:
		return d.citationDelta(&b, yield)
	case b.result != nil:
		return d.holdServer(b.result)
	case b.other != nil:
		return d.otherDelta(&b, yield)
	}
	return d.textDelta(&b, yield)
}

// known tells whether a delta says something that has a place.
func (b *blockDelta) known() bool {
	return b.text != nil || b.input != nil || b.reasoning || b.citation != nil || b.result != nil
}

// padding is the member that hides the length of what is said.
const padding = "p"

// bare looks through an event that tells nothing but where it belongs.
func (d *streamDecoder) bare(known string) {
	for name := range d.r.Fields() {
		if string(name) != known && string(name) != padding {
			d.odd(&d.r)
		}
	}
}

// odd keeps the member about to be read.
func (d *streamDecoder) odd(r *wire.Reader) {
	d.held.Keep(dialectName, r, r.Name())
}

func (b *blockDelta) read(r *wire.Reader, odd func(*wire.Reader)) {
	for name := range r.Fields() {
		switch string(name) {
		case "text":
			b.text = r.Bytes()
		case "toolUse":
			for name := range r.Fields() {
				if string(name) == "input" {
					b.input = r.Bytes()
				} else {
					odd(r)
				}
			}
		case "reasoningContent":
			b.reasoning = true
			for name := range r.Fields() {
				switch string(name) {
				case "text":
					b.thought = r.Bytes()
				case "signature":
					b.sig = r.Bytes()
				case "redactedContent":
					b.opaque = r.Bytes()
				default:
					odd(r)
				}
			}
		case "citation":
			b.citation = r.Raw()
		case "toolResult":
			b.result = r.Raw()
		default:
			b.otherType = string(name)
			b.other = r.Raw()
		}
	}
}

// same tells whether the open part is of this kind and block.
func (d *streamDecoder) same(kind partKind, block int64) bool {
	return d.part == kind && d.block == block && !d.ended
}

func (d *streamDecoder) textDelta(b *blockDelta, yield llm.Yield) error {
	if len(b.text) == 0 {
		return nil
	}
	if !d.same(textPart, b.block) {
		if err := d.open(textPart, &llm.Text{}, b.block, yield); err != nil {
			return err
		}
		if err := d.tellCitations(yield); err != nil {
			return err
		}
	}
	return d.tell(llm.DeltaText, b.text, yield)
}

func (d *streamDecoder) reasoningDelta(b *blockDelta, yield llm.Yield) error {
	if len(b.opaque) > 0 {
		raw, err := base64.StdEncoding.AppendDecode(d.holding.redacted, b.opaque)
		if err != nil || len(raw) > maxHeld {
			return notAnAnswer("has redacted reasoning that cannot be read", err)
		}
		d.holding.redacted = raw
		return nil
	}
	if len(b.thought) == 0 && len(b.sig) == 0 {
		return nil
	}
	if !d.same(thinkingPart, b.block) {
		if err := d.open(thinkingPart, &llm.Thinking{}, b.block, yield); err != nil {
			return err
		}
	}
	if err := d.tell(llm.DeltaText, b.thought, yield); err != nil {
		return err
	}
	return d.tell(llm.DeltaSignature, b.sig, yield)
}

func (d *streamDecoder) inputDelta(b *blockDelta, yield llm.Yield) error {
	switch {
	case d.holding.server != nil:
		return d.holdServer(b.input)
	case !d.same(toolPart, b.block):
		return d.fault(notAnAnswer("has arguments of a tool call that never began", nil), yield)
	}
	return d.tell(llm.DeltaInput, b.input, yield)
}

// otherDelta passes on what is unknown.
func (d *streamDecoder) otherDelta(b *blockDelta, yield llm.Yield) error {
	if d.part == noPart || d.ended || d.block != b.block {
		if err := d.open(nativePart, &llm.Native{Dialect: dialectName, Type: b.otherType}, b.block, yield); err != nil {
			return err
		}
	}
	d.ev = llm.Event{Kind: llm.EventDelta, Index: d.index, Delta: llm.DeltaNative, Text: b.other, Part: &llm.Native{Dialect: dialectName, Type: b.otherType}}
	return yield(&d.ev)
}

func (d *streamDecoder) blockStart(yield llm.Yield) error {
	var block int64
	var start []byte
	for name := range d.r.Fields() {
		switch string(name) {
		case "contentBlockIndex":
			block = d.r.Int()
		case "start":
			start = d.r.Raw()
		case padding:
		default:
			d.odd(&d.r)
		}
	}
	if start == nil {
		return nil
	}
	before := len(d.held.List)
	var kind string
	var raw []byte
	r := wire.NewReader(start)
	for name := range r.Fields() {
		if kind != "" {
			d.odd(r)
			continue
		}
		kind = string(name)
		raw = r.Raw()
	}
	d.held.Inside(before, "start")
	switch kind {
	case "":
		return nil
	case "toolUse":
	case "toolResult":
		return d.holdStart(raw, true, d.held.Over(yield))
	default:
		d.held.List = llm.CutOdd(d.held.List, before) // it is kept whole
		return d.open(nativePart, &llm.Native{Dialect: dialectName, Type: kind, Raw: bytes.Clone(start)}, block, d.held.Over(yield))
	}
	before = len(d.held.List)
	call, server := readToolUse(wire.NewReader(raw), d.odd)
	if server {
		d.held.List = llm.CutOdd(d.held.List, before)
		return d.holdStart(raw, false, d.held.Over(yield))
	}
	d.held.Inside(before, "start.toolUse")
	d.called = true
	return d.open(toolPart, call, block, d.held.Over(yield))
}

func (d *streamDecoder) messageStop(yield llm.Yield) error {
	for name := range d.r.Fields() {
		switch string(name) {
		case "stopReason":
			d.native = d.r.Str()
		case modelFields:
			d.extra = readModelFields(&d.r, &d.sequence, d.extra)
		case padding:
		default:
			d.odd(&d.r)
		}
	}
	if d.r.Err() != nil {
		return d.unreadable()
	}
	yield = d.held.Over(yield)
	d.stop = stopOf(d.native, d.sequence)
	d.stopped = true
	if err := d.start(yield); err != nil {
		return err
	}
	if err := d.blockStop(yield); err != nil { // of a block that never stopped
		return err
	}
	return d.closePart(yield)
}

func (d *streamDecoder) metadata(yield llm.Yield) error {
	for name := range d.r.Fields() {
		switch string(name) {
		case "usage":
			readUsage(&d.r, &d.usage)
		case "serviceTier":
			d.tier = readTier(&d.r)
			d.usage.Tier = tierOf(d.usage.Tier, d.tier)
		case padding:
		default:
			if ahead := d.r; string(name) == "performanceConfig" {
				readMetadata(&ahead, "performanceConfig", &d.usage)
			}
			d.extra = other(d.extra, string(name), &d.r)
		}
	}
	if d.r.Err() != nil {
		return d.unreadable()
	}
	if !d.stopped {
		return nil
	}
	return d.finish(d.held.Over(yield))
}
