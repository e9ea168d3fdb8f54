package responses

import (
	"bytes"
	"strconv"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// NewStreamDecoder starts reading a stream of events.
func (Dialect) NewStreamDecoder() llm.StreamDecoder { return &streamDecoder{} }

// streamDecoder makes sequential parts of the items of an answer. Items whose
// events come interleaved wait until those before them are whole.
type streamDecoder struct {
	llm.LossList

	odd     llm.OddHold
	seen    int // members kept before the event at hand
	r       wire.Reader
	ev      event
	event   llm.Event // used again for every delta
	started bool
	over    bool // the last event was yielded
	calls   bool // a tool was called

	next int      // index of the next part
	open openPart // what part is open
	said int      // bytes of it so far, since its last text began
	item current

	done     []bool // items that are over, by index
	held     map[int64][][]byte
	waiting  []int64 // indexes of the items that are held, as they came
	heldSize int
}

// current is the item whose events are being passed on.
type current struct {
	live     bool
	index    int64
	part     int64  // content or summary index of the open text
	spoken   bool   // it has said something
	cited    bool   // one of its annotations was told
	source   source // of its reasoning
	thoughts []byte // the reasoning, for its seal
}

// source tells which of its two texts an item of reasoning is read from.
type source uint8

const (
	noSource source = iota
	fromSummary
	fromContent
)

// Bounds of what is kept of a stream.
const (
	maxHeld  = 16 << 20
	maxItems = 1024
)

// event is one event of a stream as it is read. Its fields are views.
type event struct {
	kind     []byte
	index    int64
	indexed  bool
	part     int64 // content_index or summary_index
	delta    []byte
	whole    []byte // text, refusal, arguments or input of a done event
	raw      []byte // item or annotation
	response []byte
}

// Frame takes the next event.
func (d *streamDecoder) Frame(f wire.Frame, yield llm.Yield) error {
	data := bytes.TrimSpace(f.Data)
	if d.over || len(data) == 0 || string(data) == "[DONE]" {
		return nil
	}
	if !d.read(data) {
		return d.fault(yield, upstream("the upstream's stream holds something that is no JSON object"))
	}
	if len(d.ev.kind) == 0 {
		d.ev.kind = f.Event
	}
	return d.take(data, yield)
}

// read reads an event; false means that it is none.
func (d *streamDecoder) read(data []byte) bool {
	r, ev := &d.r, &d.ev
	*ev = event{}
	d.seen = len(d.odd.List)
	d.odd.Of(nil)
	r.Reset(data)
	if r.Kind() != '{' {
		return false
	}
	for name := range r.Fields() {
		switch string(name) {
		case "type":
			ev.kind = openai.Text(r)
		case "output_index":
			ev.index, ev.indexed = openai.Count(r)
		case "content_index", "summary_index":
			ev.part, _ = openai.Count(r)
		case "delta":
			ev.delta = openai.Text(r)
		case "text", "refusal", "arguments", "input":
			ev.whole = openai.Text(r)
		case "item", "annotation":
			ev.raw = r.Raw()
		case "response":
			ev.response = r.Raw()
		case "part":
			d.readPart(r)
		case "sequence_number", "item_id", "obfuscation", "annotation_index", "code", "message", "param", "name", "logprobs":
		case "error":
			if r.Kind() == '{' && len(ev.kind) == 0 {
				ev.kind = []byte("error")
			}
		default:
			d.odd.Keep(Name, r, name)
		}
	}
	return r.End() == nil
}

// readPart looks through a part, which tells again what its deltas do.
func (d *streamDecoder) readPart(r *wire.Reader) {
	if !openai.Object(r) {
		return
	}
	for name := range r.Fields() {
		switch string(name) {
		case "type", "text", "refusal", "annotations", "logprobs":
		default:
			d.odd.Keep(Name, r, name)
		}
	}
}

// take deals with an event that was read from data.
func (d *streamDecoder) take(data []byte, yield llm.Yield) error {
	d.odd.Of(d.ev.kind)
	yield = d.odd.Over(yield)
	switch string(d.ev.kind) {
	case "response.created", "response.in_progress", "response.queued":
		return d.start(d.ev.response, yield)
	case "response.completed", "response.incomplete", "response.done":
		return d.complete(d.ev.response, yield)
	case "response.failed", "error", "response.error", "response.cancelled":
		return d.failed(data, yield)
	}
	if !bytes.HasPrefix(d.ev.kind, []byte("response.")) {
		return nil // keep-alives of servers
	}
	if !d.started {
		if err := d.start(nil, yield); err != nil {
			return err
		}
	}
	if !d.ev.indexed {
		d.ev.index = d.item.index
		if !d.item.live {
			d.ev.index = int64(len(d.done))
		}
	}
	switch index := d.ev.index; {
	case index < 0 || index >= maxItems:
		return d.fault(yield, tooMixed())
	case d.isDone(index): // behind the end of its item
		return nil
	case !d.item.live:
		if d.begins() {
			return d.enter(index, yield)
		}
		return nil
	case index != d.item.index:
		return d.hold(data, yield)
	}
	return d.inItem(yield)
}

// enter makes an item the current one and takes the event that was read.
func (d *streamDecoder) enter(index int64, yield llm.Yield) error {
	d.item = current{live: true, index: index, thoughts: d.item.thoughts[:0]}
	return d.inItem(yield)
}

// leave ends the current item.
func (d *streamDecoder) leave() {
	d.item.live = false
	for int64(len(d.done)) <= d.item.index {
		d.done = append(d.done, false)
	}
	d.done[d.item.index] = true
}

func (d *streamDecoder) isDone(index int64) bool {
	return index < int64(len(d.done)) && d.done[index]
}

// begins tells whether an event can be the first of an item: some servers send
// no event for its start.
func (d *streamDecoder) begins() bool {
	kind := string(d.ev.kind)
	return kind == "response.output_item.added" || kind == "response.output_item.done" ||
		strings.HasSuffix(kind, ".delta") || strings.HasSuffix(kind, "_part.added")
}

// inItem takes an event of the current item.
func (d *streamDecoder) inItem(yield llm.Yield) error {
	ev := &d.ev
	switch string(ev.kind) {
	case "response.output_text.delta":
		return d.words(textPart, ev.delta, yield)
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		return d.input(ev.delta, yield)
	case "response.reasoning_summary_text.delta":
		return d.think(fromSummary, ev.delta, yield)
	case "response.reasoning_text.delta":
		return d.think(fromContent, ev.delta, yield)
	case "response.refusal.delta":
		return d.words(refusalPart, ev.delta, yield)
	case "response.output_item.added":
		it := readItem(ev.raw)
		d.keep(it, "item")
		return d.added(it, d.odd.Over(yield))
	case "response.output_text.done":
		return d.missed(textPart, yield)
	case "response.refusal.done":
		return d.missed(refusalPart, yield)
	case "response.function_call_arguments.done", "response.custom_tool_call_input.done":
		if d.open == callPart && d.said == 0 {
			return d.input(ev.whole, yield)
		}
	case "response.reasoning_summary_text.done":
		return d.missedThought(fromSummary, yield)
	case "response.reasoning_text.done":
		return d.missedThought(fromContent, yield)
	case "response.output_text.annotation.added":
		return d.annotation(yield)
	case "response.output_item.done":
		it := readItem(ev.raw)
		it.lose(&d.LossList)
		d.keep(it, "item")
		return d.itemDone(it, d.odd.Over(yield))
	default:
		d.unknownEvent()
	}
	return nil
}

// keep keeps the members of an item of the event at hand that have no place.
func (d *streamDecoder) keep(it *item, path string) {
	d.odd.List = append(d.odd.List, it.oddIn(path)...)
	d.odd.Of(d.ev.kind)
}

// hold keeps an event of an item that has to wait.
func (d *streamDecoder) hold(data []byte, yield llm.Yield) error {
	d.odd.List = llm.CutOdd(d.odd.List, min(d.seen, len(d.odd.List))) // it will be read again
	index := d.ev.index
	if d.heldSize += len(data) + 64; d.heldSize > maxHeld {
		return d.fault(yield, tooMixed())
	}
	if d.held == nil {
		d.held = map[int64][][]byte{}
	}
	if _, ok := d.held[index]; !ok {
		d.waiting = append(d.waiting, index)
	}
	d.held[index] = append(d.held[index], bytes.Clone(data))
	return nil
}

// release takes the events of the items that waited, as far as they are whole.
func (d *streamDecoder) release(yield llm.Yield) error {
	for !d.item.live && !d.over && len(d.waiting) > 0 {
		index := d.waiting[0]
		events := d.held[index]
		d.waiting = d.waiting[1:]
		delete(d.held, index)
		for _, data := range events {
			d.heldSize -= len(data) + 64
			if d.isDone(index) || !d.read(data) || !d.item.live && !d.begins() {
				continue
			}
			take := d.inItem
			if !d.item.live {
				take = func(yield llm.Yield) error { return d.enter(index, yield) }
			}
			d.odd.Of(d.ev.kind)
			if err := take(d.odd.Over(yield)); err != nil || d.over {
				return err
			}
		}
	}
	return nil
}

func tooMixed() *llm.Error {
	return upstream("the upstream's stream mixes more items than can be held")
}

// start yields the start of the answer, once.
func (d *streamDecoder) start(response []byte, yield llm.Yield) error {
	if d.started {
		return nil
	}
	d.started = true
	a := &answer{}
	if len(response) > 0 && response[0] == '{' {
		a.read(wire.NewReader(response))
	}
	for _, x := range a.extra { // the event's own; the last one tells all of it again
		d.odd.List = append(d.odd.List, llm.Odd{Dialect: Name, At: "response", Name: x.Name, Raw: x.Raw, Bookkeeping: true})
	}
	d.odd.Of(d.ev.kind)
	yield = d.odd.Over(yield)
	d.event = llm.Event{Kind: llm.EventStart, ID: a.id, Model: a.model, Created: a.created}
	return yield(&d.event)
}

// complete ends the answer. Items that were never streamed are taken from the
// whole answer, which holds them all.
func (d *streamDecoder) complete(response []byte, yield llm.Yield) error {
	a := &answer{}
	if len(response) > 0 && response[0] == '{' {
		a.read(wire.NewReader(response))
	}
	if a.failed || a.status == "failed" {
		return d.failed(response, yield)
	}
	if err := d.start(response, yield); err != nil {
		return err
	}
	if err := d.closeAll(yield); err != nil || d.over {
		return err
	}
	for i, raw := range a.items() {
		it := readItem(raw)
		d.keep(it, "response.output["+strconv.Itoa(i)+"]")
		if d.isDone(int64(i)) {
			continue
		}
		it.lose(&d.LossList)
		if err := d.wholeItem(it, d.odd.Over(yield)); err != nil {
			return err
		}
	}
	d.over, yield = true, d.odd.Over(yield)
	d.event = llm.Event{
		Kind: llm.EventFinish, Stop: llm.SettledStop(a.stop(), d.calls), NativeStop: a.native(), Usage: a.usage.usage(),
		Tier: a.tier, Extra: a.extra,
	}
	return yield(&d.event)
}

// closeAll closes the item that is open, and those that waited for it. One that
// has said nothing yet counts as never streamed.
func (d *streamDecoder) closeAll(yield llm.Yield) error {
	for d.item.live || len(d.waiting) > 0 {
		if err := d.close(yield); err != nil {
			return err
		}
		if d.item.live = false; d.item.spoken {
			d.leave()
		}
		if err := d.release(yield); err != nil || d.over {
			return err
		}
	}
	return nil
}

// failed ends the stream with the error an event tells of.
func (d *streamDecoder) failed(data []byte, yield llm.Yield) error {
	f, _ := readError(data)
	return d.fault(yield, f.toError(0))
}

// End yields what is owed when the frames have ended: an answer without its last
// event broke off.
func (d *streamDecoder) End(yield llm.Yield) error {
	switch {
	case d.over:
		return nil
	case !d.started:
		return d.fault(yield, upstream("the upstream's stream held no answer"))
	}
	return d.fault(yield, upstream("the upstream's answer broke off"))
}

func (d *streamDecoder) fault(yield llm.Yield, e *llm.Error) error {
	d.over = true
	d.event = llm.Event{Kind: llm.EventFault, Err: e}
	return yield(&d.event)
}
