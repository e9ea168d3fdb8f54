package codewhisperer

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// streamDecoder makes events of the service's event stream. It has no event for the
// end: what was said is complete when the connection ends cleanly. Several calls may
// be written at once, where the vocabulary has one part open at a time: what comes
// beside an open call waits until it is whole.
type streamDecoder struct {
	llm.LossList
	bound bound
	r     wire.Reader
	ev    llm.Event
	tags  tagReader

	started, over, called, cut bool

	open   partKind
	index  int // of the open part, or of the next one
	tool   *toolUse
	done   map[string]bool // ids of calls that are whole
	held   []*piece
	inHeld int // bytes

	id, model string
	native    string
	meter     figures
	extra     []llm.Extra
}

type partKind uint8

const (
	noPart partKind = iota
	textPart
	thinkingPart
	toolPart
)

// NewStreamDecoder makes a decoder of one stream.
func (d Dialect) NewStreamDecoder() llm.StreamDecoder { return newDecoder(d.bound) }

func newDecoder(b bound) *streamDecoder {
	return &streamDecoder{bound: b, done: map[string]bool{}}
}

// Frame takes the next frame.
func (d *streamDecoder) Frame(f wire.Frame, yield llm.Yield) error {
	if d.over {
		return nil
	}
	if f.Exception {
		return d.exception(f, yield)
	}
	event := string(f.Event)
	d.r.Reset(f.Data)
	var err error
	switch event {
	case "assistantResponseEvent", "codeEvent":
		err = d.content(yield)
	case "reasoningContentEvent":
		err = d.reasoning(yield)
	case "toolUseEvent", "toolUse":
		err = d.call(event == "toolUse", yield)
	case "contextUsageEvent", "metadataEvent", "meteringEvent":
		d.figures(event, f.Data)
	case "messageMetadataEvent":
		d.names()
	case "invalidStateEvent":
		e := readFailure(f.Data)
		if e.message == "" {
			e.message = "the upstream says that the conversation is in an invalid state"
		}
		return d.fault(e.error(0), yield)
	case "", "initial-response", "dryRunSucceedEvent", "metricsEvent", "intentsEvent":
	default:
		if d.r.Kind() == '{' && !llm.SaysNothing(f.Data) {
			d.Lose(event, "nothing else has such an event")
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

// exception ends the answer. One about its length is the limit on output where
// something was said.
func (d *streamDecoder) exception(f wire.Frame, yield llm.Yield) error {
	e := readFailure(f.Data)
	if c := shortType(string(f.Event)); c != "" {
		e.class = c
	}
	if e.class == "ContentLengthExceededException" && d.started {
		d.native, d.cut = e.class, true
		return d.End(yield)
	}
	if e.message == "" {
		e.message = "the upstream ended the answer with an error: " + e.class
	}
	return d.fault(e.error(0), yield)
}

// End is called when the frames have ended.
func (d *streamDecoder) End(yield llm.Yield) error {
	if d.over {
		return nil
	}
	if err := d.tags.end(d.toldTo(yield)); err != nil {
		return err
	}
	for d.tool != nil { // nothing more comes of it
		d.tool.whole = true
		if err := d.drain(yield); err != nil {
			return err
		}
	}
	if !d.started {
		return d.fault(notAnAnswer("broke off before anything was said", nil), yield)
	}
	if err := d.closePart(yield); err != nil {
		return err
	}
	d.over = true
	d.ev = llm.Event{Kind: llm.EventFinish, Stop: d.stop(), NativeStop: d.native, Usage: d.meter.usage(d.bound), Extra: d.extra}
	return yield(&d.ev)
}

// stops are the reasons metadataEvent tells.
var stops = map[string]llm.Stop{
	"END_TURN": llm.StopEnd, "TOOL_USE": llm.StopTool, "MAX_TOKENS": llm.StopLength, "MODEL_CONTEXT_WINDOW_EXCEEDED": llm.StopContext,
	"CONTENT_FILTERED": llm.StopFilter, "PAUSE_TURN": llm.StopPause, "STOP_SEQUENCE": llm.StopSequence,
}

func (d *streamDecoder) stop() llm.Stop {
	s, known := stops[d.native]
	switch {
	case d.cut:
		return llm.StopLength
	case known:
		return llm.SettledStop(s, d.called)
	case d.native != "":
		return llm.SettledStop(llm.StopOther, d.called)
	case d.meter.share >= 100:
		return llm.StopContext
	}
	return llm.SettledStop("", d.called)
}

func (d *streamDecoder) fault(e *llm.Error, yield llm.Yield) error {
	d.over = true
	d.ev = llm.Event{Kind: llm.EventFault, Err: e}
	return yield(&d.ev)
}

// content is a piece of text.
func (d *streamDecoder) content(yield llm.Yield) error {
	var text []byte
	for name := range d.r.Fields() {
		switch string(name) {
		case "content":
			text = d.r.Bytes()
		case "modelId":
			d.model = d.r.Str()
		default:
			d.odd("content")
		}
	}
	if d.r.Err() != nil {
		return d.unreadable()
	}
	if len(text) == 0 {
		return nil
	}
	if d.bound.tagged {
		return d.tags.write(text, d.toldTo(yield))
	}
	return d.say(textPart, text, yield)
}

// toldTo is where the reader of tags tells.
func (d *streamDecoder) toldTo(yield llm.Yield) tell {
	return func(thinking bool, text []byte) error {
		if thinking {
			return d.say(thinkingPart, text, yield)
		}
		return d.say(textPart, text, yield)
	}
}

func (d *streamDecoder) reasoning(yield llm.Yield) error {
	var text, signature, redacted []byte
	for name := range d.r.Fields() {
		switch string(name) {
		case "text":
			text = d.r.Bytes()
		case "signature":
			signature = d.r.Bytes()
		case "redactedContent":
			redacted = d.r.Bytes()
		default:
			d.odd("reasoning")
		}
	}
	if d.r.Err() != nil {
		return d.unreadable()
	}
	if len(redacted) > 0 {
		return d.add(&piece{kind: thinkingPart, redacted: string(redacted)}, yield)
	}
	if len(text) > 0 {
		if err := d.say(thinkingPart, text, yield); err != nil {
			return err
		}
	}
	if len(signature) > 0 {
		return d.add(&piece{kind: thinkingPart, signature: string(signature)}, yield)
	}
	return nil
}

// names reads what the answer is called.
func (d *streamDecoder) names() {
	for name := range d.r.Fields() {
		if string(name) == "utteranceId" && d.r.Kind() == '"' {
			d.id = d.r.Str()
		}
	}
}

// odd names the member about to be read, if it says something.
func (d *streamDecoder) odd(where string) {
	path := d.r.Path()
	if raw := d.r.Raw(); !llm.SaysNothing(raw) {
		d.Lose(where+": "+path, "nothing else has such a member")
	}
}
