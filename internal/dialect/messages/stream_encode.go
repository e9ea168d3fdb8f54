package messages

import (
	"bytes"
	"strconv"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// streamEncoder writes events as the server-sent events of the Messages API.
type streamEncoder struct {
	llm.LossList
	odd llm.OddStream
	answer
	started, over bool
	open          bool
	index         int    // of the open block, else of the next one
	head          []byte // how every delta of the open block begins
	// thinking is set in a thinking block that may still need a signature, skip
	// in a part that only another API has, custom in a call whose input is no JSON.
	thinking, signed, skip, custom bool
	args                           wire.Tail // of the open call
}

// NewStreamEncoder encodes one stream for the client that sent req.
func (Dialect) NewStreamEncoder(req *llm.Request) llm.StreamEncoder {
	return &streamEncoder{answer: answer{req: req}}
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
		return s.start(dst, e)
	case llm.EventPartStart:
		if !s.started {
			dst = s.start(dst, &llm.Event{})
		}
		return s.partStart(dst, e.Part)
	case llm.EventDelta:
		return s.delta(dst, e)
	case llm.EventPartEnd:
		return s.partEnd(dst)
	case llm.EventFinish:
		return s.finish(dst, e)
	case llm.EventFault:
		s.over = true
		return appendEvent(dst, "error", errorBody(e.Err, ""))
	}
	return dst
}

// Heartbeat writes a ping, as Anthropic does.
func (s *streamEncoder) Heartbeat(dst []byte) []byte {
	if s.over {
		return dst
	}
	return append(dst, "event: ping\ndata: {\"type\":\"ping\"}\n\n"...)
}

// Comment writes a comment.
func (s *streamEncoder) Comment(dst []byte, text string) []byte { return wire.AppendComment(dst, text) }

func appendEvent(dst []byte, event string, data []byte) []byte {
	return wire.AppendSSE(dst, event, oneLine(data))
}

// oneLine takes line breaks out of JSON that came from elsewhere: there they
// can only be white space, and they would end the line of a server-sent event.
func oneLine(data []byte) []byte {
	if bytes.IndexByte(data, '\n') < 0 && bytes.IndexByte(data, '\r') < 0 {
		return data
	}
	out := bytes.Clone(data)
	for i, c := range out {
		if c == '\n' || c == '\r' {
			out[i] = ' '
		}
	}
	return out
}

func (s *streamEncoder) start(dst []byte, e *llm.Event) []byte {
	if s.started {
		return dst
	}
	s.started = true
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("type", "message_start")
	w.Key("message")
	w.Object()
	w.StrField("id", messageID(e.ID))
	w.StrField("type", "message")
	w.StrField("role", "assistant")
	w.StrField("model", s.req.Model)
	w.Key("content")
	w.List()
	w.EndList()
	w.Key("stop_reason")
	w.Null()
	w.Key("stop_sequence")
	w.Null()
	w.Key("usage")
	writeUsage(w, e.Usage, "")
	w.EndObject()
	w.EndObject()
	return appendEvent(dst, "message_start", w.Bytes())
}

// partStart opens a block, empty as the API opens it, and sends on what the part
// already holds.
func (s *streamEncoder) partStart(dst []byte, p llm.Part) []byte {
	dst = s.partEnd(dst)
	if c, ok := p.(*llm.ToolCall); ok && !c.Proves(s.proof) {
		dst = s.partStart(dst, &llm.Thinking{Signature: llm.SealCall(c)}) // tool_use has no place for it
		dst = s.partEnd(dst)
	}
	s.proof = ""
	s.thinking, s.signed, s.skip, s.custom = false, false, false, false
	s.args = wire.Tail{}
	loseForeign(&s.LossList, p)
	if n, ok := p.(*llm.Native); ok && n.Dialect != name {
		s.skip = true
		return dst
	}
	s.open = true
	s.head = strconv.AppendInt(append(s.head[:0], `event: content_block_delta
data: {"type":"content_block_delta","index":`...), int64(s.index), 10)
	s.head = append(s.head, `,"delta":{"type":"`...)
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("type", "content_block_start")
	w.IntField("index", int64(s.index))
	w.Key("content_block")
	s.emptyBlock(w, p)
	w.EndObject()
	return s.initial(appendEvent(dst, "content_block_start", w.Bytes()), p)
}

// emptyBlock writes a block as it is opened.
func (s *streamEncoder) emptyBlock(w *wire.Writer, p llm.Part) {
	switch p := p.(type) {
	case *llm.Thinking:
		s.thinking = p.Redacted == ""
		w.Object()
		if p.Redacted != "" {
			writeThinkingBlock(w, p)
		} else {
			writeThinkingBlock(w, &llm.Thinking{})
		}
		w.EndObject()
	case *llm.ToolCall:
		s.custom = p.Custom
		s.block(w, &llm.ToolCall{ID: p.ID, Name: p.Name})
	case *llm.Text:
		s.block(w, &llm.Text{})
	case *llm.Refusal:
		s.block(w, &llm.Refusal{})
	default:
		s.block(w, p)
	}
}

// initial sends on what the part holds when it starts.
func (s *streamEncoder) initial(dst []byte, p llm.Part) []byte {
	switch p := p.(type) {
	case *llm.Text:
		return s.prose(dst, `text_delta","text":`, p.Text)
	case *llm.Refusal:
		return s.prose(dst, `text_delta","text":`, p.Text)
	case *llm.Thinking:
		if p.Redacted != "" {
			return dst
		}
		dst = s.prose(dst, `thinking_delta","thinking":`, p.Text)
		s.signed, s.proof = p.Signature != "", p.Signature
		return s.prose(dst, `signature_delta","signature":`, p.Signature)
	case *llm.ToolCall:
		if p.Custom {
			dst = s.prose(dst, partialJSON, `{"`+rawArguments+`":"`)
		}
		return s.input(dst, []byte(string(p.Input)+p.Broken))
	}
	return dst
}

const partialJSON = `input_json_delta","partial_json":`

func (s *streamEncoder) prose(dst []byte, kind, text string) []byte {
	if text == "" {
		return dst
	}
	dst = append(append(dst, s.head...), kind...)
	return append(wire.AppendString(dst, text), "}}\n\n"...)
}

// input sends a fragment of a call's arguments as it came. Free text becomes the
// inside of a JSON string.
func (s *streamEncoder) input(dst, fragment []byte) []byte {
	if len(fragment) == 0 {
		return dst
	}
	if s.custom {
		quoted := wire.AppendString(nil, fragment)
		fragment = quoted[1 : len(quoted)-1]
	} else {
		s.args.Feed(fragment)
	}
	dst = append(append(dst, s.head...), partialJSON...)
	return append(wire.AppendString(dst, fragment), "}}\n\n"...)
}

func (s *streamEncoder) delta(dst []byte, e *llm.Event) []byte {
	if !s.open || s.skip {
		return dst
	}
	switch e.Delta {
	case llm.DeltaText:
		dst = append(dst, s.head...)
		if s.thinking {
			dst = append(dst, `thinking_delta","thinking":`...)
		} else {
			dst = append(dst, `text_delta","text":`...)
		}
		return append(wire.AppendString(dst, e.Text), "}}\n\n"...)
	case llm.DeltaSignature:
		s.signed = true
		s.proof += string(e.Text)
		dst = append(append(dst, s.head...), `signature_delta","signature":`...)
		return append(wire.AppendString(dst, e.Text), "}}\n\n"...)
	case llm.DeltaInput:
		return s.input(dst, e.Text)
	case llm.DeltaCitation:
		if citable(&s.LossList, e.Cite) {
			dst = append(append(dst, s.head...), `citations_delta","citation":`...)
			return append(appendCitation(dst, e.Cite), "}}\n\n"...)
		}
	case llm.DeltaNative:
		if n, ok := e.Part.(*llm.Native); ok && n.Dialect == name {
			const upto = len(`{"type":"`)
			dst = append(dst, s.head[:len(s.head)-upto]...)
			return append(append(dst, oneLine(e.Text)...), "}\n\n"...)
		} else if ok {
			s.Lose("content", "messages has no delta of type "+clip(n.Type))
		}
	}
	return dst
}

// partEnd closes the open block. Clients keep a thinking block only with a
// signature, so one without gets ours.
func (s *streamEncoder) partEnd(dst []byte) []byte {
	if !s.open {
		return dst
	}
	if s.thinking && !s.signed {
		dst = s.prose(dst, `signature_delta","signature":`, unsignedSeal())
	}
	if s.custom {
		dst = s.prose(dst, partialJSON, `"}`)
	} else if rest := s.args.Close(nil, cutArguments); len(rest) > 0 {
		dst = s.prose(dst, partialJSON, string(rest))
	}
	s.open, s.thinking, s.custom = false, false, false
	dst = append(dst, `event: content_block_stop
data: {"type":"content_block_stop","index":`...)
	dst = strconv.AppendInt(dst, int64(s.index), 10)
	s.index++
	return append(dst, "}\n\n"...)
}

func (s *streamEncoder) finish(dst []byte, e *llm.Event) []byte {
	dst = s.partEnd(s.start(dst, &llm.Event{Usage: e.Usage}))
	s.over = true
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("type", "message_delta")
	w.Key("delta")
	w.Object()
	writeStop(w, stopReason(e.Stop, e.NativeStop, s.refused), e.StopSequence, e.StopDetails)
	writeExtra(w, e.Extra, true)
	for _, x := range llm.ForeignExtra(nil, e.Extra, name) {
		s.Lose(x.Path, x.Reason)
	}
	w.EndObject()
	w.Key("usage")
	writeUsage(w, e.Usage, e.Tier)
	writeExtra(w, e.Extra, false)
	w.EndObject()
	dst = appendEvent(dst, "message_delta", w.Bytes())
	return append(dst, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"...)
}

// writeExtra writes what only this API says of an answer: container stands in the
// delta of the last event, all else beside it.
func writeExtra(w *wire.Writer, extra []llm.Extra, inDelta bool) {
	for _, x := range extra {
		if x.Dialect == name && (x.Name == "container") == inDelta {
			w.RawField(x.Name, oneLine(x.Raw))
		}
	}
}
