package messages

import (
	"bytes"
	"encoding/base64"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// inBlock is the kind of block a stream is in.
type inBlock uint8

const (
	inNothing inBlock = iota
	inText
	inThinking
	inCall
	inNative
)

// streamDecoder makes events of a Messages stream. Blocks come one after the
// other, so their numbers are counted here and the upstream's are not needed.
type streamDecoder struct {
	llm.LossList
	odd    llm.OddHold
	r      wire.Reader
	ev     llm.Event  // reused for every event but deltas
	delta  llm.Event  // reused for every delta
	native llm.Native // names the dialect of native deltas
	frame  streamFrame
	usage  usage
	buf    []byte // of an unwrapped chunk

	started, over, called bool
	intervened            bool // a guardrail has
	open                  inBlock
	index                 int // of the open part, else of the next one
	stop                  string
	stopSequence          string
	stopDetails           []byte
	extra                 []llm.Extra
}

// streamFrame holds what one frame says, as views.
type streamFrame struct {
	kind, deltaKind     []byte
	text                []byte // of a delta of any kind
	stop, stopSequence  []byte
	stopDetails         []byte
	citation            []byte
	block, message, err []byte
}

// NewStreamDecoder decodes one stream.
func (Dialect) NewStreamDecoder() llm.StreamDecoder {
	d := &streamDecoder{native: llm.Native{Dialect: name}}
	d.delta = llm.Event{Kind: llm.EventDelta}
	return d
}

// Frame takes a server-sent event, or a payload of InvokeModel's event stream,
// still in its wrapping or out of it.
func (d *streamDecoder) Frame(f wire.Frame, yield llm.Yield) error {
	if d.over {
		return nil
	}
	if f.Exception {
		return d.fault(exception(f), yield)
	}
	data, err := unwrap(f, &d.buf)
	if err != nil {
		return err
	}
	if len(data) == 0 || string(data) == "[DONE]" {
		return nil
	}
	if err := d.read(data); err != nil {
		return notJSON(err)
	}
	kind := d.frame.kind
	if kind == nil {
		kind = f.Event
	}
	d.odd.Of(kind)
	yield = d.odd.Over(yield)
	switch string(kind) {
	case "content_block_delta":
		return d.onDelta(data, yield)
	case "content_block_start":
		return d.onBlock(yield)
	case "content_block_stop":
		return d.closePart(yield)
	case "message_start":
		return d.onStart(yield)
	case "message_delta":
		d.onStop()
		return nil
	case "message_stop":
		return d.finish(yield)
	case "error":
		return d.fault(faultOf(data), yield)
	}
	if d.frame.err != nil {
		return d.fault(faultOf(data), yield)
	}
	if k := string(kind); k != "ping" && k != "" {
		d.Lose(clip(k), lossUnknown)
	}
	return nil
}

// unwrap takes the payload out of a chunk of InvokeModel's stream.
func unwrap(f wire.Frame, buf *[]byte) ([]byte, error) {
	if string(f.Event) != "chunk" {
		return f.Data, nil
	}
	r := wire.NewReader(f.Data)
	for m := range r.Fields() {
		if string(m) != "bytes" {
			continue
		}
		out, err := base64.StdEncoding.AppendDecode((*buf)[:0], r.Bytes())
		if err != nil {
			return nil, &llm.Error{Kind: llm.ErrUpstream, Upstream: true, Message: "the upstream sent a chunk that is not base64", Cause: err}
		}
		*buf = out
		return out, nil
	}
	return f.Data, nil // already out of its wrapping
}

func (d *streamDecoder) read(data []byte) error {
	f, r := &d.frame, &d.r
	*f = streamFrame{}
	d.odd.Of(nil)
	r.Reset(data)
	for m := range r.Fields() {
		switch string(m) {
		case "type":
			f.kind = bytesOf(r)
		case "delta":
			d.readDelta(r)
		case "content_block":
			f.block = r.Raw()
		case "message":
			f.message = r.Raw()
		case "usage":
			d.usage.read(r)
		case "error":
			f.err = r.Raw()
		case guardrailMember:
			d.intervened = d.intervened || text(r) == "INTERVENED"
		case "index", metricsMember:
		default:
			d.odd.Keep(name, r, m)
		}
	}
	return r.End()
}

func (d *streamDecoder) readDelta(r *wire.Reader) {
	f := &d.frame
	if r.Kind() != '{' {
		return
	}
	for m := range r.Fields() {
		switch string(m) {
		case "type":
			f.deltaKind = bytesOf(r)
		case "text", "thinking", "partial_json", "signature":
			f.text = bytesOf(r)
		case "citation":
			f.citation = r.Raw()
		case "stop_reason":
			f.stop = bytesOf(r)
		case "stop_sequence":
			f.stopSequence = bytesOf(r)
		case "stop_details":
			f.stopDetails = r.Raw()
		case "container":
			d.extra = append(d.extra, llm.Extra{Dialect: name, Name: "container", Raw: bytes.Clone(r.Raw())})
		default:
			d.odd.Keep(name, r, m)
		}
	}
}

// bytesOf reads a string as a view, and passes over anything else.
func bytesOf(r *wire.Reader) []byte {
	if r.Kind() != '"' {
		return nil
	}
	return r.Bytes()
}

func (d *streamDecoder) onStart(yield llm.Yield) error {
	if d.started {
		return nil
	}
	d.ev = llm.Event{Kind: llm.EventStart}
	if d.frame.message != nil {
		r := wire.NewReader(d.frame.message)
		for m := range r.Fields() {
			switch string(m) {
			case "id":
				d.ev.ID = text(r)
			case "model":
				d.ev.Model = text(r)
			case "usage":
				d.usage.read(r)
			default:
				d.inMessage(r, m)
			}
		}
		yield = d.odd.Over(yield)
	}
	d.started = true
	d.ev.Usage = d.usage.canonical()
	d.ev.Usage.Output, d.ev.Usage.Reasoning = 0, 0
	return yield(&d.ev)
}

// inMessage keeps a member of the message that the stream begins with, unless it is
// known and said again at the end.
func (d *streamDecoder) inMessage(r *wire.Reader, member []byte) {
	switch string(member) {
	case "type", "role", "content", "stop_reason", "stop_sequence", "stop_details":
		return
	}
	before := len(d.odd.List)
	d.odd.Keep(name, r, member)
	d.odd.Inside(before, "message")
}

// begin makes up for a start that the upstream left out.
func (d *streamDecoder) begin(yield llm.Yield) error {
	if d.started {
		return nil
	}
	d.started = true
	d.ev = llm.Event{Kind: llm.EventStart}
	return yield(&d.ev)
}

func (d *streamDecoder) onBlock(yield llm.Yield) error {
	if d.frame.block == nil {
		return &llm.Error{Kind: llm.ErrUpstream, Upstream: true, Message: "the upstream began a block without saying of what kind"}
	}
	before := len(d.odd.List)
	part := answerPart(wire.NewReader(d.frame.block), &d.odd)
	d.odd.Inside(before, "content_block")
	yield = d.odd.Over(yield)
	kind := inNative
	switch p := part.(type) {
	case *llm.Text:
		kind = inText
	case *llm.Thinking:
		kind = inThinking
	case *llm.ToolCall:
		kind = inCall
		d.called = true
		settleStart(p)
	}
	t, _ := part.(*llm.Text)
	if t == nil || t.Citations == nil {
		return d.openPart(kind, part, yield)
	}
	list := t.Citations
	t.Citations = nil
	if err := d.openPart(kind, part, yield); err != nil {
		return err
	}
	for i := range list {
		if err := d.cite(list[i], yield); err != nil {
			return err
		}
	}
	return nil
}

func (d *streamDecoder) cite(c llm.Citation, yield llm.Yield) error {
	d.ev = llm.Event{Kind: llm.EventDelta, Index: d.index, Delta: llm.DeltaCitation, Cite: &c}
	return yield(&d.ev)
}

// settleStart takes the empty input away that every tool call starts with, {} or
// with some servers "": fragments follow, and without them none is the same as empty.
func settleStart(c *llm.ToolCall) {
	if len(bytes.Trim(c.Input, "{} \t\r\n")) == 0 {
		c.Input = nil
	}
	if c.Broken == `""` {
		c.Broken = ""
	}
}

func (d *streamDecoder) openPart(kind inBlock, p llm.Part, yield llm.Yield) error {
	if err := d.begin(yield); err != nil {
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
	if d.open == inNothing {
		return nil
	}
	d.open = inNothing
	d.ev = llm.Event{Kind: llm.EventPartEnd, Index: d.index}
	d.index++
	return yield(&d.ev)
}

// onDelta passes a delta on. Some servers put reasoning into a block they opened
// as text: then a block of the right kind is opened.
func (d *streamDecoder) onDelta(data []byte, yield llm.Yield) error {
	switch string(d.frame.deltaKind) {
	case "text_delta":
		return d.prose(inText, llm.DeltaText, data, yield)
	case "thinking_delta":
		return d.prose(inThinking, llm.DeltaText, data, yield)
	case "signature_delta":
		return d.prose(inThinking, llm.DeltaSignature, data, yield)
	case "citations_delta":
		if d.open == inText && len(d.frame.citation) > 0 {
			return d.cite(citation(d.frame.citation), yield)
		}
	case "input_json_delta":
		switch d.open {
		case inCall:
			return d.send(llm.DeltaInput, d.frame.text, yield)
		case inNative:
		default:
			return &llm.Error{Kind: llm.ErrUpstream, Upstream: true, Message: "the upstream sent a tool's input outside of a tool call"}
		}
	}
	return d.sendNative(data, yield)
}

func (d *streamDecoder) prose(kind inBlock, delta llm.DeltaKind, data []byte, yield llm.Yield) error {
	switch {
	case d.open == kind:
	case d.open == inNative:
		return d.sendNative(data, yield)
	case len(d.frame.text) == 0:
		return nil
	default:
		var p llm.Part = &llm.Text{}
		if kind == inThinking {
			p = &llm.Thinking{}
		}
		if err := d.openPart(kind, p, yield); err != nil {
			return err
		}
	}
	return d.send(delta, d.frame.text, yield)
}

func (d *streamDecoder) send(kind llm.DeltaKind, text []byte, yield llm.Yield) error {
	if len(text) == 0 {
		return nil
	}
	d.delta.Index, d.delta.Delta, d.delta.Text, d.delta.Part = d.index, kind, text, nil
	return yield(&d.delta)
}

// sendNative passes on a delta that only this API has, as it came.
func (d *streamDecoder) sendNative(data []byte, yield llm.Yield) error {
	if d.open == inNothing {
		if len(d.frame.deltaKind) > 0 {
			d.Lose("content: "+clip(string(d.frame.deltaKind)), "it belongs to no block")
		}
		return nil
	}
	r := wire.NewReader(data)
	var raw []byte
	for m := range r.Fields() {
		if string(m) == "delta" {
			raw = r.Raw()
		}
	}
	if err := r.End(); err != nil {
		return notJSON(err)
	}
	if raw == nil {
		return nil
	}
	d.native.Type = string(d.frame.deltaKind)
	d.delta.Index, d.delta.Delta, d.delta.Text, d.delta.Part = d.index, llm.DeltaNative, raw, &d.native
	return yield(&d.delta)
}

func notJSON(err error) *llm.Error {
	return &llm.Error{Kind: llm.ErrUpstream, Upstream: true, Message: "the upstream sent a stream event that is not JSON", Cause: err}
}

// onStop remembers the reason; usage was read with the frame.
func (d *streamDecoder) onStop() {
	f := &d.frame
	if len(f.stop) > 0 {
		d.stop = string(f.stop)
	}
	if len(f.stopSequence) > 0 {
		d.stopSequence = string(f.stopSequence)
	}
	if len(f.stopDetails) > 0 {
		d.stopDetails = bytes.Clone(f.stopDetails)
	}
}

func (d *streamDecoder) finish(yield llm.Yield) error {
	if err := d.begin(yield); err != nil {
		return err
	}
	if err := d.closePart(yield); err != nil {
		return err
	}
	d.over = true
	if d.intervened {
		d.stop = stopGuardrail
	}
	d.ev = llm.Event{
		Kind: llm.EventFinish, Stop: llm.SettledStop(stopOf(d.stop), d.called), NativeStop: d.stop,
		StopSequence: d.stopSequence, StopDetails: d.stopDetails, Usage: d.usage.canonical(),
		Tier: d.usage.tier, Extra: d.extra,
	}
	return yield(&d.ev)
}

func (d *streamDecoder) fault(e *llm.Error, yield llm.Yield) error {
	d.over = true
	d.ev = llm.Event{Kind: llm.EventFault, Err: e}
	return yield(&d.ev)
}

// End finishes an answer whose reason to stop has come; any other broke off.
func (d *streamDecoder) End(yield llm.Yield) error {
	switch {
	case d.over:
		return nil
	case d.stop != "":
		return d.finish(yield)
	case !d.started:
		return d.fault(brokeOff("the upstream's stream ended before it began"), yield)
	}
	return d.fault(brokeOff("the upstream's stream broke off before the answer was complete"), yield)
}

func brokeOff(message string) *llm.Error {
	return &llm.Error{Kind: llm.ErrUpstream, Upstream: true, Message: message}
}
