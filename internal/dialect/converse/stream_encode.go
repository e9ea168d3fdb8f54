package converse

import (
	"strconv"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// streamEncoder writes events as the messages of ConverseStream.
type streamEncoder struct {
	llm.LossList
	odd llm.OddStream
	reply
	started, over bool
	part          partKind  // of the open block, noPart if there is none or it cannot be said
	index         int       // of the open block, else of the next one
	sent          bool      // something of the open block was sent
	signed        bool      // the open reasoning has its proof
	custom        bool      // the open call's input is free text
	head          []byte    // how every delta of the open block begins
	buf           []byte    // the payload being made
	args          wire.Tail // of the open call
}

// NewStreamEncoder encodes one stream for the client that sent req.
func (Dialect) NewStreamEncoder(req *llm.Request) llm.StreamEncoder {
	return &streamEncoder{reply: reply{req: req}}
}

// Append writes one event.
func (s *streamEncoder) Append(dst []byte, e *llm.Event) []byte {
	if s.odd.Quiet(e) {
		return s.append(dst, e)
	}
	s.odd.Take(e, dialectName, &s.LossList)
	dst = s.append(dst, e)
	if e.Kind == llm.EventFinish || e.Kind == llm.EventFault {
		s.odd.End(&s.LossList)
	}
	return dst
}

func (s *streamEncoder) append(dst []byte, e *llm.Event) []byte {
	if s.over {
		return dst
	}
	switch e.Kind {
	case llm.EventStart:
		return s.start(dst)
	case llm.EventPartStart:
		return s.partStart(s.start(dst), e.Part)
	case llm.EventDelta:
		return s.delta(dst, e)
	case llm.EventPartEnd:
		return s.partEnd(dst)
	case llm.EventFinish:
		return s.finish(dst, e)
	case llm.EventFault:
		s.over = true
		return wire.AppendEventStream(dst, llm.BedrockErrorBody(e.Err),
			":exception-type", streamException(e.Err), ":content-type", "application/json", ":message-type", "exception")
	}
	return dst
}

// Heartbeat writes nothing: the event stream has neither comments nor pings, and
// clients take an event they do not know for an error.
func (s *streamEncoder) Heartbeat(dst []byte) []byte { return dst }

// Names of the events.
const (
	evMessageStart = "messageStart"
	evBlockStart   = "contentBlockStart"
	evBlockDelta   = "contentBlockDelta"
	evBlockStop    = "contentBlockStop"
	evMessageStop  = "messageStop"
	evMetadata     = "metadata"
)

func (s *streamEncoder) event(dst []byte, event string, payload []byte) []byte {
	payload = s.odd.Payload(payload, event)
	return wire.AppendEventStream(dst, payload, ":event-type", event, ":content-type", "application/json", ":message-type", "event")
}

func (s *streamEncoder) start(dst []byte) []byte {
	if s.started {
		return dst
	}
	s.started = true
	return s.event(dst, evMessageStart, []byte(`{"role":"assistant"}`))
}

// partStart opens a block. Only tools and pictures have an event for that.
func (s *streamEncoder) partStart(dst []byte, p llm.Part) []byte {
	dst = s.partEnd(dst)
	if c, ok := p.(*llm.ToolCall); ok && !c.Proves(s.proof) {
		dst = s.partStart(dst, &llm.Thinking{Signature: llm.SealCall(c)}) // toolUse has no place for it
		dst = s.partEnd(dst)
	}
	s.proof = ""
	s.sent, s.signed, s.custom, s.args = false, false, false, wire.Tail{}
	s.head = strconv.AppendInt(append(s.head[:0], `{"contentBlockIndex":`...), int64(s.index), 10)
	s.head = append(s.head, `,"delta":{`...)
	switch p := p.(type) {
	case *llm.Text:
		s.part = textPart
		return s.words(dst, `"text":`, []byte(p.Text), "")
	case *llm.Refusal:
		s.part, s.refused = textPart, true
		return s.words(dst, `"text":`, []byte(p.Text), "")
	case *llm.Thinking:
		return s.thinkingStart(dst, p)
	case *llm.ToolCall:
		return s.toolStart(dst, p)
	case *llm.Media:
		if f := format(p); p.Kind == llm.Image && p.Data != "" && f != "" {
			s.part = nativePart
			dst = s.opened(dst, []byte(`{"image":{"format":"`+f+`"}}`))
			return s.words(dst, `"image":{"source":{"bytes":`, []byte(p.Data), "}}")
		}
		s.Lose("content", noSuch(p))
	case *llm.Native:
		if p.Dialect == dialectName {
			s.part = nativePart
			return s.nativeStart(dst, p)
		}
		s.Lose("content", "converse has no block of type "+p.Type)
	}
	return dst
}

// opened sends the event that opens a block.
func (s *streamEncoder) opened(dst, start []byte) []byte {
	s.sent = true
	w := wire.NewWriter(s.buf[:0])
	w.Object()
	w.IntField("contentBlockIndex", int64(s.index))
	w.RawField("start", start)
	w.EndObject()
	s.buf = w.Bytes()
	return s.event(dst, evBlockStart, s.buf)
}

// words sends a delta whose value is a string, if there is anything to say.
func (s *streamEncoder) words(dst []byte, opening string, text []byte, closing string) []byte {
	if len(text) == 0 {
		return dst
	}
	s.sent = true
	s.buf = append(append(s.buf[:0], s.head...), opening...)
	s.buf = wire.AppendString(s.buf, text)
	s.buf = append(append(s.buf, closing...), "}}"...)
	return s.event(dst, evBlockDelta, s.buf)
}

// raw sends a delta with one member.
func (s *streamEncoder) raw(dst []byte, name string, value []byte) []byte {
	s.sent = true
	s.buf = append(wire.AppendString(append(s.buf[:0], s.head...), name), ':')
	s.buf = append(append(s.buf, value...), "}}"...)
	return s.event(dst, evBlockDelta, s.buf)
}

func (s *streamEncoder) citations(dst, list []byte) []byte {
	if len(list) == 0 {
		return dst
	}
	r := wire.NewReader(list)
	for range r.Elements() {
		if one := r.Raw(); one != nil {
			dst = s.raw(dst, "citation", one)
		}
	}
	return dst
}

const (
	toReasoning = `"reasoningContent":{"text":`
	toSignature = `"reasoningContent":{"signature":`
	toRedacted  = `"reasoningContent":{"redactedContent":`
	toInput     = `"toolUse":{"input":`
)

func (s *streamEncoder) thinkingStart(dst []byte, t *llm.Thinking) []byte {
	s.part = thinkingPart
	if t.Redacted != "" && !llm.IsSeal(t.Redacted) {
		s.signed = true
		return s.words(dst, toRedacted, []byte(redactedBlob(t.Redacted)), "}")
	}
	dst = s.words(dst, toReasoning, []byte(t.Text), "}")
	if t.Redacted == "" && t.Signature == "" {
		return dst
	}
	s.signed, s.proof = true, t.Signature
	return s.words(dst, toSignature, []byte(proofOf(t)), "}")
}

func (s *streamEncoder) toolStart(dst []byte, c *llm.ToolCall) []byte {
	s.part = toolPart
	w := wire.NewWriter(nil)
	w.Object()
	w.Key("toolUse")
	w.Object()
	w.StrField("toolUseId", s.id(c.ID))
	w.StrField("name", llm.RestoreName(s.req, c.Name))
	w.EndObject()
	w.EndObject()
	dst = s.opened(dst, w.Bytes())
	s.sent = false // of the input: an empty one must be sent, too
	if c.Custom {
		dst = s.words(dst, toInput, []byte(`{"`+freeText+`":"`), "}")
	}
	s.custom = c.Custom
	return s.input(dst, []byte(string(c.Input)+c.Broken))
}

// input sends a fragment of a call's arguments as it came. Free text becomes the
// inside of a JSON string.
func (s *streamEncoder) input(dst, fragment []byte) []byte {
	if s.custom {
		quoted := wire.AppendString(nil, fragment)
		fragment = quoted[1 : len(quoted)-1]
	} else {
		s.args.Feed(fragment)
	}
	return s.words(dst, toInput, fragment, "}")
}

// nativeStart sends what only Converse knows, which came as one block: the call
// or the result of a tool that Bedrock ran, citations without a text.
func (s *streamEncoder) nativeStart(dst []byte, n *llm.Native) []byte {
	if len(n.Raw) == 0 {
		return dst // its deltas follow
	}
	body := memberOf(n.Raw, n.Type)
	switch n.Type {
	case "toolUse":
		dst = s.opened(dst, without(n.Raw, n.Type, "input"))
		input := memberOf(body, "input")
		if len(input) == 0 {
			input = []byte("{}")
		}
		return s.words(dst, toInput, input, "}")
	case "toolResult":
		dst = s.opened(dst, without(n.Raw, n.Type, "content"))
		if content := memberOf(body, "content"); len(content) > 0 {
			dst = s.raw(dst, n.Type, content)
		}
		return dst
	case "citationsContent":
		return s.citations(dst, memberOf(body, "citations"))
	}
	return s.opened(dst, n.Raw)
}

// memberOf is the value of a member of an object, nil if there is none.
func memberOf(object []byte, want string) (value []byte) {
	r := wire.NewReader(object)
	for name := range r.Fields() {
		if string(name) == want {
			value = r.Raw()
		}
	}
	return value
}

// without is a block {kind: {…}} less one member inside.
func without(block []byte, kind, drop string) []byte {
	w := wire.NewWriter(nil)
	w.Object()
	w.Key(kind)
	w.Object()
	r := wire.NewReader(memberOf(block, kind))
	for name := range r.Fields() {
		if string(name) != drop {
			w.Key(string(name))
			w.Raw(r.Raw())
		}
	}
	w.EndObject()
	w.EndObject()
	return w.Bytes()
}

func (s *streamEncoder) delta(dst []byte, e *llm.Event) []byte {
	if s.part == noPart {
		return dst
	}
	switch e.Delta {
	case llm.DeltaText:
		if s.part == thinkingPart {
			return s.words(dst, toReasoning, e.Text, "}")
		}
		return s.words(dst, `"text":`, e.Text, "")
	case llm.DeltaSignature:
		s.signed = true
		s.proof += string(e.Text)
		return s.words(dst, toSignature, e.Text, "}")
	case llm.DeltaInput:
		return s.input(dst, e.Text)
	case llm.DeltaCitation:
		if citable(&s.LossList, e.Cite) {
			w := wire.NewWriter(nil)
			writeCitation(w, e.Cite)
			return s.raw(dst, "citation", w.Bytes())
		}
	case llm.DeltaNative:
		if n, ok := e.Part.(*llm.Native); ok && n.Dialect == dialectName && len(e.Text) > 0 {
			return s.raw(dst, n.Type, e.Text)
		} else if ok {
			s.Lose("content", "converse has no delta of type "+n.Type)
		}
	}
	return dst
}

// partEnd closes the open block. A call without input gets an empty one, since
// clients parse what they gathered; reasoning without a proof gets ours. A block
// of which nothing was said never was.
func (s *streamEncoder) partEnd(dst []byte) []byte {
	switch {
	case s.part == toolPart && s.custom:
		dst = s.words(dst, toInput, []byte(`"}`), "}")
	case s.part == toolPart && !s.sent:
		dst = s.words(dst, toInput, []byte("{}"), "}")
	case s.part == toolPart:
		dst = s.words(dst, toInput, s.args.Close(nil, cutArguments), "}")
	case s.part == thinkingPart && s.sent && !s.signed:
		dst = s.words(dst, toSignature, []byte(unsignedSeal()), "}")
	}
	open := s.part != noPart && s.sent
	s.part, s.sent = noPart, false
	if !open {
		return dst
	}
	s.buf = strconv.AppendInt(append(s.buf[:0], `{"contentBlockIndex":`...), int64(s.index), 10)
	s.buf = append(s.buf, '}')
	s.index++
	return s.event(dst, evBlockStop, s.buf)
}

func (s *streamEncoder) finish(dst []byte, e *llm.Event) []byte {
	dst = s.partEnd(s.start(dst))
	s.over = true
	w := wire.NewWriter(s.buf[:0])
	w.Object()
	w.StrField("stopReason", stopReason(e.Stop, e.NativeStop, s.refused))
	writeModelFields(w, e.StopSequence, e.StopDetails, e.Extra)
	w.EndObject()
	dst = s.event(dst, evMessageStop, w.Bytes())
	w = wire.NewWriter(w.Bytes()[:0])
	w.Object()
	w.Key("usage")
	writeUsage(w, &e.Usage)
	writeTier(w, e.Tier)
	writeExtra(w, e.Extra)
	for _, x := range llm.ForeignExtra(nil, e.Extra, dialectName) {
		s.Lose(x.Path, x.Reason)
	}
	w.EndObject()
	s.buf = w.Bytes()
	return s.event(dst, evMetadata, s.buf)
}
