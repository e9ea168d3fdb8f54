package gemini

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// streamEncoder writes events as the chunks of streamGenerateContent.
type streamEncoder struct {
	llm.LossList
	odd llm.OddStream
	req *llm.Request
	// list frames the chunks as one JSON list, which clients get that do not ask
	// for server-sent events.
	list bool

	started, over bool
	tail          []byte // how every chunk ends: model and id
	call          *llm.ToolCall
	args          []byte
	thinking      *llm.Thinking
	thought       []byte
	signature     []byte
	prose         bool
	said          []byte // the open text
	cites         llm.CitationList
	grounded      grounded
	pending       string // the thought signature that waits for a part
	last          bool   // pending is a text's, which may stand in the last chunk
	own           bool   // pending is Gemini's own, of the reasoning itself
}

// NewStreamEncoder encodes one stream as server-sent events, which clients ask
// for with alt=sse.
func (Dialect) NewStreamEncoder(req *llm.Request) llm.StreamEncoder { return &streamEncoder{req: req} }

// NewArrayEncoder encodes one stream as a JSON list that grows, the API's framing
// without alt=sse.
func (Dialect) NewArrayEncoder(req *llm.Request) llm.StreamEncoder {
	return &streamEncoder{req: req, list: true}
}

// Append writes one event.
func (s *streamEncoder) Append(dst []byte, e *llm.Event) []byte {
	if s.odd.Quiet(e) {
		return s.append(dst, e)
	}
	return s.odd.Append(dst, e, name, &s.LossList, s.append)
}

func (s *streamEncoder) append(dst []byte, e *llm.Event) []byte {
	if s.over {
		return dst
	}
	switch e.Kind {
	case llm.EventStart:
		s.start(e)
	case llm.EventPartStart:
		return s.partStart(dst, e.Part)
	case llm.EventDelta:
		return s.delta(dst, e)
	case llm.EventPartEnd:
		return s.partEnd(dst)
	case llm.EventFinish:
		return s.finish(dst, e)
	case llm.EventFault:
		s.over = true
		return s.fault(dst, e.Err)
	}
	return dst
}

// fault ends the stream. Among server-sent events the error stands bare, as the
// API itself sends it: Google's libraries look for it there, older ones nowhere
// else, and one that gets it together with an event stumbles over a last event
// without an end instead of taking the answer for complete.
func (s *streamEncoder) fault(dst []byte, err *llm.Error) []byte {
	_, body := Dialect{}.EncodeError(err, "")
	if s.list {
		return append(append(s.begin(dst), body...), "\n]"...)
	}
	return append(dst, body...)
}

// Heartbeat writes an empty line, which means nothing in either framing: the
// libraries for this API take comments of server-sent events for errors.
func (s *streamEncoder) Heartbeat(dst []byte) []byte {
	switch {
	case s.over:
		return dst
	case s.list && !s.started:
		return dst // the list is not open yet
	case s.list:
		return append(dst, '\n')
	}
	return append(dst, "\n\n"...)
}

func (s *streamEncoder) start(e *llm.Event) {
	if s.tail != nil {
		return
	}
	w := wire.NewWriter(nil)
	w.StrField("modelVersion", s.req.Model)
	w.StrField("responseId", responseID(e.ID))
	s.tail = append([]byte{','}, w.Bytes()...)
	s.tail = append(s.tail, '}')
}

// begin writes what stands before a chunk.
func (s *streamEncoder) begin(dst []byte) []byte {
	switch {
	case !s.list:
		dst = append(dst, "data: "...)
	case s.started:
		dst = append(dst, ",\r\n"...)
	default:
		dst = append(dst, '[')
	}
	s.started = true
	return dst
}

const partsHead = `{"candidates":[{"content":{"parts":[`

// openChunk begins a chunk up to its parts.
func (s *streamEncoder) openChunk(dst []byte) []byte {
	if s.tail == nil {
		s.start(&llm.Event{})
	}
	return append(s.begin(dst), partsHead...)
}

// closeChunk ends a chunk behind its parts.
func (s *streamEncoder) closeChunk(dst []byte) []byte {
	dst = append(dst, `],"role":"model"},"index":0}]`...)
	return s.closeLine(append(dst, s.tail...))
}

func (s *streamEncoder) closeLine(dst []byte) []byte {
	if s.list {
		return dst
	}
	return append(dst, "\n\n"...)
}

// sign puts the waiting signature behind the members of a part.
func (s *streamEncoder) sign(dst []byte) []byte {
	if s.pending == "" {
		return dst
	}
	dst = append(dst, `,"`+signatureMember+`":`...)
	dst = wire.AppendString(dst, s.pending)
	s.pending = ""
	return dst
}

// flush gives a waiting signature a chunk of its own.
func (s *streamEncoder) flush(dst []byte) []byte {
	if s.pending == "" {
		return dst
	}
	dst = append(s.openChunk(dst), `{"text":""`...)
	if s.own {
		dst = append(dst, `,"thought":true`...)
	}
	return s.closeChunk(append(s.sign(dst), '}'))
}

// settle sees to it that a signature of the reasoning itself is written before
// the next part, unless that is a call with the same one.
func (s *streamEncoder) settle(dst []byte, next llm.Part) []byte {
	if s.last && next != nil {
		dst = s.flush(dst)
	}
	s.last = false
	if !s.own {
		return dst
	}
	if signs(s.pending, next) {
		s.pending = ""
	}
	dst = s.flush(dst)
	s.own = false
	return dst
}

func (s *streamEncoder) hidden() bool { return s.req.Thinking.Display == displayOmitted }

func (s *streamEncoder) partStart(dst []byte, p llm.Part) []byte {
	dst = s.settle(s.partEnd(dst), p)
	loseForeign(&s.LossList, p)
	switch p := p.(type) {
	case *llm.Text:
		s.prose = true
		return s.text(dst, []byte(p.Text))
	case *llm.Refusal:
		s.prose = true
		return s.text(dst, []byte(p.Text))
	case *llm.Thinking:
		s.thinking = &llm.Thinking{Redacted: p.Redacted}
		s.thought, s.signature = s.thought[:0], append(s.signature[:0], p.Signature...)
		return s.thoughtText(dst, []byte(p.Text))
	case *llm.ToolCall:
		c := *p
		s.call = &c
		s.args = append(append(s.args[:0], p.Input...), p.Broken...)
	case *llm.Native:
		if signature := textSignature(p); signature != "" {
			dst = s.flush(dst)
			s.pending, s.last = signature, true
			return dst
		}
		return s.whole(dst, p)
	default:
		return s.whole(dst, p)
	}
	return dst
}

// whole writes a part that is complete at once.
func (s *streamEncoder) whole(dst []byte, p llm.Part) []byte {
	w := wire.NewWriter(nil)
	pw := partWriter{req: s.req, w: w, pending: s.pending}
	pw.part(p)
	s.pending = pw.pending
	if w.Len() == 0 {
		return dst
	}
	return s.closeChunk(append(s.openChunk(dst), w.Bytes()...))
}

func (s *streamEncoder) text(dst, text []byte) []byte {
	if len(text) == 0 {
		return dst
	}
	if len(s.said) < maxCitedText {
		s.said = append(s.said, text...)
	}
	dst = append(s.openChunk(dst), `{"text":`...)
	dst = s.sign(wire.AppendString(dst, text))
	return s.closeChunk(append(dst, '}'))
}

func (s *streamEncoder) thoughtText(dst, text []byte) []byte {
	s.thought = append(s.thought, text...)
	if len(text) == 0 || s.hidden() {
		return dst
	}
	dst = append(s.openChunk(dst), `{"thought":true,"text":`...)
	return s.closeChunk(append(wire.AppendString(dst, text), '}'))
}

func (s *streamEncoder) delta(dst []byte, e *llm.Event) []byte {
	switch e.Delta {
	case llm.DeltaText:
		switch {
		case s.thinking != nil:
			return s.thoughtText(dst, e.Text)
		case s.prose:
			return s.text(dst, e.Text)
		}
	case llm.DeltaSignature:
		if s.thinking != nil {
			s.signature = append(s.signature, e.Text...)
		}
	case llm.DeltaInput:
		if s.call != nil {
			s.args = append(s.args, e.Text...)
		}
	case llm.DeltaCitation:
		s.cites.Add(e.Cite, &s.LossList)
	case llm.DeltaNative:
		if n, ok := e.Part.(*llm.Native); ok {
			s.Lose("content", "gemini has no delta of type "+clip(n.Type))
		}
	}
	return dst
}

// partEnd writes what could only be said whole: a call, the proof of reasoning.
func (s *streamEncoder) partEnd(dst []byte) []byte {
	switch {
	case s.call != nil:
		c := s.call
		s.call = nil
		c.SetArguments(string(s.args))
		dst = s.whole(dst, c)
	case s.thinking != nil:
		t := s.thinking
		s.thinking = nil
		t.Text, t.Signature = string(s.thought), string(s.signature)
		if signature := sealed(t); signature != "" {
			dst = s.flush(dst)
			_, s.own = ownSignature(t)
			s.pending = signature
		}
	}
	if s.prose {
		s.grounded.add(&s.LossList, string(s.said), s.cites.Take())
		s.said = s.said[:0]
	}
	s.prose = false
	return dst
}

func (s *streamEncoder) finish(dst []byte, e *llm.Event) []byte {
	dst = s.settle(s.partEnd(dst), nil)
	s.over = true
	dst = append(s.openChunk(dst), `{"text":""`...)
	dst = append(s.sign(dst), `}],"role":"model"},"finishReason":`...)
	dst = wire.AppendString(dst, finishReason(e.Stop, e.NativeStop))
	dst = append(dst, `,"index":0`...)
	w := wire.NewWriter(dst)
	extras(w, e.Extra, true)
	s.grounded.writeMember(w)
	dst = append(w.Bytes(), "}]"...)
	for _, x := range llm.ForeignExtra(nil, e.Extra, name) {
		s.Lose(x.Path, x.Reason)
	}
	if e.Usage.Known || e.Usage.Estimated {
		w := wire.NewWriter(nil)
		writeUsage(w, e.Usage)
		dst = append(append(dst, `,"usageMetadata":`...), w.Bytes()...)
	}
	w = wire.NewWriter(dst)
	extras(w, e.Extra, false)
	dst = w.Bytes()
	dst = append(dst, s.tail...)
	if s.list {
		return append(dst, "\n]"...)
	}
	return append(dst, "\n\n"...)
}
