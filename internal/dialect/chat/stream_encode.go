package chat

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// NewStreamEncoder starts writing a stream of chunks.
func (Dialect) NewStreamEncoder(req *llm.Request) llm.StreamEncoder {
	return &streamEncoder{req: req}
}

// streamEncoder writes events as chunks. The envelope is the same for every chunk
// of a stream and is made once, so that a delta costs what its text costs.
type streamEncoder struct {
	llm.LossList
	odd llm.OddStream

	req      *llm.Request
	envelope []byte // data: {"id":…,"model":…,
	over     bool

	call     int  // index of the open call
	calls    int  // calls so far
	custom   bool // the open call takes text
	gotInput bool
	input    []byte // arguments that were known at the start of the open call

	open     openPart
	thinking llm.Thinking // the open one, without its text
	thought  []byte       // its text, for the seal
	tooLong  bool
	sealed   int

	cites     llm.CitationList // of the open text
	chars     int64            // of content so far
	partChars int64            // of the open text

	written int  // bytes of content so far
	apart   bool // a part that is no text stands behind the last text
	refused bool
}

// maxThought bounds the reasoning kept for a seal; what is longer goes unsealed.
const maxThought = 1 << 20

const (
	deltaOpen  = `"choices":[{"index":0,"delta":`
	deltaClose = `,"logprobs":null,"finish_reason":null}]}` + "\n\n"
)

// Append writes what e means.
func (s *streamEncoder) Append(dst []byte, e *llm.Event) []byte {
	if s.odd.Quiet(e) {
		return s.append(dst, e)
	}
	return s.odd.Append(dst, e, Name, &s.LossList, s.append)
}

func (s *streamEncoder) append(dst []byte, e *llm.Event) []byte {
	if s.over {
		return dst
	}
	if s.envelope == nil && e.Kind != llm.EventFault {
		s.begin(e)
	}
	switch e.Kind {
	case llm.EventStart:
		dst = s.openDelta(dst)
		return append(append(dst, `{"role":"assistant","content":"","refusal":null}`...), deltaClose...)
	case llm.EventPartStart:
		return s.partStart(dst, e.Part)
	case llm.EventDelta:
		return s.delta(dst, e)
	case llm.EventPartEnd:
		return s.partEnd(dst)
	case llm.EventFinish:
		s.over = true
		return s.finish(dst, e)
	case llm.EventFault:
		s.over = true
		dst = append(dst, "data: "...)
		return append(openai.AppendError(dst, e.Err), '\n', '\n')
	}
	return dst
}

// Heartbeat writes a comment, which every reader of events passes over.
func (s *streamEncoder) Heartbeat(dst []byte) []byte {
	return append(dst, ": keep-alive\n\n"...)
}

// Comment writes a comment.
func (s *streamEncoder) Comment(dst []byte, text string) []byte { return wire.AppendComment(dst, text) }

func (s *streamEncoder) begin(e *llm.Event) {
	b := append(s.envelope[:0], `data: {"id":`...)
	b = wire.AppendString(b, answerID(e.ID))
	b = append(b, `,"object":"chat.completion.chunk","created":`...)
	b = strconv.AppendInt(b, e.Created, 10)
	b = append(b, `,"model":`...)
	b = wire.AppendString(b, s.req.Model)
	s.envelope = append(b, ',')
}

func (s *streamEncoder) openDelta(dst []byte) []byte {
	return append(append(dst, s.envelope...), deltaOpen...)
}

// textDelta writes a chunk whose delta has one text member. member comes quoted,
// with its brace and colon.
func (s *streamEncoder) textDelta(dst []byte, member string, text []byte) []byte {
	dst = append(s.openDelta(dst), member...)
	dst = wire.AppendString(dst, text)
	return append(append(dst, '}'), deltaClose...)
}

func (s *streamEncoder) delta(dst []byte, e *llm.Event) []byte {
	switch e.Delta {
	case llm.DeltaText:
		switch s.open {
		case openText:
			return s.content(dst, e.Text)
		case openThinking:
			s.keep(e.Text)
			return s.textDelta(dst, `{"reasoning_content":`, e.Text)
		case openRefusal:
			s.refused = true
			return s.textDelta(dst, `{"refusal":`, e.Text)
		case openCall, openNone:
		}
	case llm.DeltaInput:
		if s.open == openCall && len(e.Text) > 0 {
			s.gotInput = true
			return s.arguments(dst, e.Text)
		}
	case llm.DeltaSignature:
		s.thinking.Signature += string(e.Text)
	case llm.DeltaCitation:
		s.cites.Add(e.Cite, &s.LossList)
	case llm.DeltaNative:
		if n, ok := e.Part.(*llm.Native); ok {
			s.Lose("content", "chat has no delta of type "+openai.Cut(n.Type, 40))
		}
	}
	return dst
}

// content writes text of the answer; texts that were apart stay apart.
func (s *streamEncoder) content(dst, text []byte) []byte {
	if len(text) == 0 {
		return dst
	}
	if s.apart && s.written > 0 && !bytes.HasPrefix(text, []byte(paragraph)) {
		dst = s.textDelta(dst, `{"content":`, []byte(paragraph))
		s.written += len(paragraph)
		s.chars += int64(len(paragraph))
	}
	s.apart = false
	s.written += len(text)
	n := int64(utf8.RuneCount(text))
	s.chars += n
	s.partChars += n
	return s.textDelta(dst, `{"content":`, text)
}

func (s *streamEncoder) keep(text []byte) {
	if len(s.thought)+len(text) > maxThought {
		s.tooLong = true
		return
	}
	s.thought = append(s.thought, text...)
}

func (s *streamEncoder) partStart(dst []byte, p llm.Part) []byte {
	switch p := p.(type) {
	case *llm.Text:
		s.open, s.apart, s.partChars = openText, s.apart && !p.Follows, 0
		return s.content(dst, []byte(p.Text))
	case *llm.Thinking:
		s.open, s.apart = openThinking, true
		s.thinking = llm.Thinking{Signature: p.Signature, Redacted: p.Redacted}
		s.thought, s.tooLong = s.thought[:0], false
		if p.Text != "" {
			s.keep([]byte(p.Text))
			return s.textDelta(dst, `{"reasoning_content":`, []byte(p.Text))
		}
	case *llm.Refusal:
		s.open, s.apart = openRefusal, true
		if p.Text != "" {
			s.refused = true
			return s.textDelta(dst, `{"refusal":`, []byte(p.Text))
		}
	case *llm.ToolCall:
		s.open, s.apart = openCall, true
		return s.callStart(dst, p)
	case *llm.Media, *llm.ToolResult, *llm.Native:
		s.open, s.apart = openNone, true
		if n, ok := p.(*llm.Native); ok && n.Dialect == Name && n.Type == typeAudio {
			w := wire.NewWriter(append(s.openDelta(dst), `{"audio":`...))
			w.Raw(n.Raw)
			return append(append(w.Bytes(), '}'), deltaClose...)
		}
		loseForeign(&s.LossList, p)
	}
	return dst
}

func (s *streamEncoder) callStart(dst []byte, c *llm.ToolCall) []byte {
	s.call, s.custom, s.gotInput, s.input = s.calls, c.Custom, false, c.Input
	s.calls++
	if c.Broken != "" {
		s.input = []byte(c.Broken)
	}
	if len(s.input) == 0 && !c.Custom {
		s.input = []byte("{}")
	}
	kind, input := callKind(c.Custom)
	w := wire.NewWriter(s.openDelta(dst))
	w.Object()
	w.Key("tool_calls")
	w.List()
	w.Object()
	w.IntField("index", int64(s.call))
	w.StrField("id", c.ID)
	w.StrField("type", kind)
	w.Key(kind)
	w.Object()
	w.StrField("name", llm.RestoreName(s.req, c.Name))
	w.StrField(input, "")
	w.EndObject()
	if c.Seal != "" {
		appendExtraContent(w, c.Seal)
	}
	w.EndObject()
	w.EndList()
	w.EndObject()
	return append(w.Bytes(), deltaClose...)
}

func (s *streamEncoder) arguments(dst, piece []byte) []byte {
	dst = append(s.openDelta(dst), `{"tool_calls":[{"index":`...)
	dst = strconv.AppendInt(dst, int64(s.call), 10)
	if s.custom {
		dst = append(dst, `,"custom":{"input":`...)
	} else {
		dst = append(dst, `,"function":{"arguments":`...)
	}
	dst = wire.AppendString(dst, piece)
	return append(append(dst, "}}]}"...), deltaClose...)
}

// partEnd writes what is only known at the end of a part: the proof of reasoning,
// and arguments that never came in pieces.
func (s *streamEncoder) partEnd(dst []byte) []byte {
	open := s.open
	s.open = openNone
	switch open {
	case openThinking:
		return s.seal(dst)
	case openCall:
		if !s.gotInput && len(s.input) > 0 {
			return s.arguments(dst, s.input)
		}
	case openText:
		return s.notes(dst)
	case openRefusal, openNone:
	}
	return dst
}

func (s *streamEncoder) seal(dst []byte) []byte {
	if s.tooLong && !llm.IsSeal(s.thinking.Signature) {
		s.Lose("content: reasoning", "it is too long for its proof to be passed on")
		return dst
	}
	s.thinking.Text = string(s.thought)
	seal := proof(&s.thinking)
	if seal == "" {
		return dst
	}
	dst = append(s.openDelta(dst), `{"reasoning_details":[`...)
	dst = appendDetail(dst, seal, s.sealed, s.written, s.calls)
	s.sealed++
	return append(append(dst, "]}"...), deltaClose...)
}

func (s *streamEncoder) finish(dst []byte, e *llm.Event) []byte {
	loseEnd(&s.LossList, e.Stop, e.NativeStop, e.Extra)
	if e.Stop == llm.StopFilter && !s.refused {
		if said := explanation(e.StopDetails); said != "" {
			dst = s.textDelta(dst, `{"refusal":`, []byte(said))
		}
	}
	w := wire.NewWriter(append(s.openDelta(dst), "{}"...))
	w.Key("logprobs")
	w.Null()
	writeStop(w, e.Stop, e.NativeStop, e.StopDetails)
	dst = append(w.Bytes(), "}]}\n\n"...)
	if s.req.StreamUsage && (e.Usage.Known || e.Usage.Estimated) {
		dst = append(append(dst, s.envelope...), `"choices":[],"usage":`...)
		dst = append(appendUsage(dst, e.Usage), "}\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}
