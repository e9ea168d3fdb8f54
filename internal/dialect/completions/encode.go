package completions

import (
	"crypto/rand"
	"strconv"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func answerID(id string) string {
	if id == "" {
		return "cmpl-" + rand.Text()
	}
	return id
}

// EncodeResponse makes the body of a whole answer: its text, and nothing else it
// may hold.
func (Dialect) EncodeResponse(req *llm.Request, res *llm.Response) []byte {
	var text strings.Builder
	var lost llm.LossList
	text.WriteString(req.Echo)
	for _, p := range res.Parts {
		switch p := p.(type) {
		case *llm.Text:
			text.WriteString(p.Text)
			for i := range p.Citations {
				lost.LoseCitation(&p.Citations[i], Name)
			}
		case *llm.Refusal:
			text.WriteString(p.Text)
		default:
			loseForeign(&lost, p)
		}
	}
	res.Losses = llm.ForeignExtra(llm.AddLosses(res.Losses, lost.Losses()), res.Extra, Name)
	w := &wire.Writer{}
	w.Object()
	w.StrField("id", answerID(res.ID))
	w.StrField("object", "text_completion")
	w.IntField("created", res.Created)
	w.StrField("model", req.Model)
	w.Key("choices")
	w.List()
	w.Object()
	w.StrField("text", text.String())
	w.IntField("index", 0)
	w.Key("logprobs")
	w.Null()
	w.StrField("finish_reason", finishReason(res.Stop))
	w.EndObject()
	w.EndList()
	if res.Usage.Known || res.Usage.Estimated {
		w.Key("usage")
		writeUsage(w, res.Usage)
	}
	w.EndObject()
	return res.Regrown(w.Bytes(), Name)
}

// loseForeign names a part that is no text.
func loseForeign(l *llm.LossList, p llm.Part) {
	switch p := p.(type) {
	case *llm.Thinking:
		l.Lose("content: thinking", "completions has no place for it")
	case *llm.Native:
		l.Lose("content", "completions has text only, no "+openai.Cut(p.Type, 40))
	default:
		l.Lose("content", "completions has text only")
	}
}

func writeUsage(w *wire.Writer, u llm.Usage) {
	w.Object()
	w.IntField("prompt_tokens", u.Prompt())
	w.IntField("completion_tokens", u.Output)
	w.IntField("total_tokens", u.Prompt()+u.Output)
	if u.CacheRead > 0 {
		w.Key("prompt_tokens_details")
		w.Object()
		w.IntField("cached_tokens", u.CacheRead)
		w.EndObject()
	}
	w.EndObject()
}

// NewStreamEncoder starts writing a stream of chunks.
func (Dialect) NewStreamEncoder(req *llm.Request) llm.StreamEncoder { return &streamEncoder{req: req} }

// streamEncoder writes events as chunks, whose envelope is made once.
type streamEncoder struct {
	llm.LossList
	odd      llm.OddStream
	req      *llm.Request
	envelope []byte // data: {"id":…,"model":…,
	silent   bool   // what is open is no text
	over     bool
}

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
		if s.req.Echo != "" {
			return s.text(dst, []byte(s.req.Echo), "")
		}
	case llm.EventPartStart:
		said := ""
		switch p := e.Part.(type) {
		case *llm.Text:
			s.silent, said = false, p.Text
		case *llm.Refusal:
			s.silent, said = false, p.Text
		default:
			s.silent = true
			loseForeign(&s.LossList, p)
		}
		if said != "" {
			return s.text(dst, []byte(said), "")
		}
	case llm.EventDelta:
		if e.Delta == llm.DeltaText && !s.silent && len(e.Text) > 0 {
			return s.text(dst, e.Text, "")
		}
		if e.Delta == llm.DeltaCitation {
			s.LoseCitation(e.Cite, Name)
		}
	case llm.EventPartEnd:
	case llm.EventFinish:
		s.over = true
		for _, x := range llm.ForeignExtra(nil, e.Extra, Name) {
			s.Lose(x.Path, x.Reason)
		}
		return s.finish(dst, e)
	case llm.EventFault:
		s.over = true
		return append(openai.AppendError(append(dst, "data: "...), e.Err), '\n', '\n')
	}
	return dst
}

// Comment writes a comment.
func (s *streamEncoder) Comment(dst []byte, text string) []byte { return wire.AppendComment(dst, text) }

func (s *streamEncoder) begin(e *llm.Event) {
	b := wire.AppendString([]byte(`data: {"id":`), answerID(e.ID))
	b = strconv.AppendInt(append(b, `,"object":"text_completion","created":`...), e.Created, 10)
	b = wire.AppendString(append(b, `,"model":`...), s.req.Model)
	s.envelope = append(b, ',')
}

// text writes a chunk with a piece of text, the last one with the reason.
func (s *streamEncoder) text(dst, piece []byte, reason string) []byte {
	dst = append(append(dst, s.envelope...), `"choices":[{"text":`...)
	dst = append(wire.AppendString(dst, piece), `,"index":0,"logprobs":null,"finish_reason":`...)
	if reason == "" {
		dst = append(dst, "null"...)
	} else {
		dst = wire.AppendString(dst, reason)
	}
	return append(dst, "}]}\n\n"...)
}

func (s *streamEncoder) finish(dst []byte, e *llm.Event) []byte {
	dst = s.text(dst, nil, finishReason(e.Stop))
	if s.req.StreamUsage && (e.Usage.Known || e.Usage.Estimated) {
		w := wire.NewWriter(append(append(dst, s.envelope...), `"choices":[],"usage":`...))
		writeUsage(w, e.Usage)
		dst = append(w.Bytes(), "}\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}

// Heartbeat writes a comment, which every reader of events passes over.
func (s *streamEncoder) Heartbeat(dst []byte) []byte { return append(dst, ": keep-alive\n\n"...) }
