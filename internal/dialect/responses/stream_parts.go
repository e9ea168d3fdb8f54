package responses

import (
	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// partStart begins a part. Texts and reasoning open their item with their first
// words, so that a part that says nothing leaves no trace.
func (s *streamEncoder) partStart(dst []byte, p llm.Part) []byte {
	dst = s.partEnd(dst)
	s.said, s.notes, s.noted = s.said[:0], s.notes[:0], 0
	switch p := p.(type) {
	case *llm.Text:
		s.part = textPart
		if p.Text != "" {
			dst = s.words(dst, []byte(p.Text))
		}
	case *llm.Refusal:
		s.part = refusalPart
		if p.Text != "" {
			dst = s.words(dst, []byte(p.Text))
		}
	case *llm.Thinking:
		dst = s.closeItem(dst)
		s.part = thinkingPart
		s.thinking = llm.Thinking{Signature: p.Signature, Redacted: p.Redacted}
		if p.Text != "" {
			dst = s.think(dst, []byte(p.Text))
		}
	case *llm.ToolCall:
		dst = s.closeItem(dst)
		s.part = callPart
		dst = s.callStart(dst, p)
	case *llm.Native:
		if p.Dialect == Name {
			dst = s.native(s.closeItem(dst), p)
		}
		s.loseForeign(p)
	case *llm.Media:
		s.loseForeign(p)
	case *llm.ToolResult: // no answer holds one
	}
	return dst
}

func (s *streamEncoder) delta(dst []byte, e *llm.Event) []byte {
	switch e.Delta {
	case llm.DeltaText:
		if len(e.Text) == 0 {
			return dst
		}
		switch s.part {
		case textPart, refusalPart:
			return s.words(dst, e.Text)
		case thinkingPart:
			return s.think(dst, e.Text)
		case noPart, callPart:
		}
	case llm.DeltaInput:
		if s.part == callPart && len(e.Text) > 0 {
			return s.input(dst, e.Text)
		}
	case llm.DeltaSignature:
		s.thinking.Signature += string(e.Text)
	case llm.DeltaCitation:
		s.cites.Add(e.Cite, &s.LossList)
	case llm.DeltaNative:
		if n, ok := e.Part.(*llm.Native); ok {
			s.Lose("content", "responses has no delta of type "+openai.Cut(n.Type, 40))
		}
	}
	return dst
}

func (s *streamEncoder) partEnd(dst []byte) []byte {
	part := s.part
	if part == textPart {
		dst = s.annotations(dst)
	}
	s.part = noPart
	switch part {
	case textPart, refusalPart:
		if s.inPart {
			return s.closeWords(dst, part == refusalPart)
		}
	case thinkingPart:
		return s.closeThinking(dst)
	case callPart:
		return s.closeCall(dst)
	case noPart:
	}
	return dst
}

// words writes text of a message, which is opened where none is.
func (s *streamEncoder) words(dst, piece []byte) []byte {
	if !s.inPart {
		dst = s.openWords(dst)
	}
	return s.say(dst, piece)
}

func (s *streamEncoder) openWords(dst []byte) []byte {
	if s.open != messageItem {
		dst = s.closeItem(dst)
		s.newItem("msg_")
		s.open, s.content, s.parts = messageItem, s.content[:0], 0
		dst = s.added(dst, func(b []byte) []byte { return appendMessage(b, s.itemID, "in_progress", nil) })
	}
	s.inPart = true
	refusal := s.part == refusalPart
	dst = s.place(s.begin(dst, "response.content_part.added"), "content_index", s.parts)
	dst = s.end(appendContent(append(dst, `,"part":`...), refusal, nil, nil))
	if refusal {
		s.refused = true
		s.prepare("response.refusal.delta", "content_index", s.parts, "")
	} else {
		s.prepare("response.output_text.delta", "content_index", s.parts, `,"logprobs":[]`)
	}
	return dst
}

func (s *streamEncoder) closeWords(dst []byte, refusal bool) []byte {
	s.inPart = false
	kind, member, logprobs := "response.output_text.done", `,"text":`, `,"logprobs":[]`
	if refusal {
		kind, member, logprobs = "response.refusal.done", `,"refusal":`, ""
	}
	dst = s.place(s.begin(dst, kind), "content_index", s.parts)
	dst = wire.AppendString(append(dst, member...), s.said)
	dst = s.end(append(dst, logprobs...))
	if s.parts > 0 {
		s.content = append(s.content, ',')
	}
	at := len(s.content)
	s.content = appendContent(s.content, refusal, s.said, s.notes)
	dst = s.place(s.begin(dst, "response.content_part.done"), "content_index", s.parts)
	dst = s.end(append(append(dst, `,"part":`...), s.content[at:]...))
	s.parts++
	return dst
}

func (s *streamEncoder) annotation(dst, raw []byte) []byte {
	if len(raw) == 0 {
		return dst
	}
	w := wire.NewWriter(s.notes) // puts the comma between them
	w.Raw(raw)
	s.notes = w.Bytes()
	dst = s.place(s.begin(dst, "response.output_text.annotation.added"), "content_index", s.parts)
	w = wire.NewWriter(dst)
	w.IntField("annotation_index", s.noted)
	w.RawField("annotation", raw)
	s.noted++
	return s.end(w.Bytes())
}

// closeItem closes a message: further texts would have gone into it.
func (s *streamEncoder) closeItem(dst []byte) []byte {
	if s.open == messageItem {
		dst = s.done(dst, func(b []byte) []byte { return appendMessage(b, s.itemID, "completed", s.content) })
	}
	s.open = noItem
	return dst
}

// think writes a summary of reasoning.
func (s *streamEncoder) think(dst, piece []byte) []byte {
	if s.open != reasoningItem {
		dst = s.openThinking(dst)
		dst = s.place(s.begin(dst, "response.reasoning_summary_part.added"), "summary_index", 0)
		dst = s.end(append(dst, `,"part":{"type":"summary_text","text":""}`...))
		s.prepare("response.reasoning_summary_text.delta", "summary_index", 0, "")
	}
	return s.say(dst, piece)
}

func (s *streamEncoder) openThinking(dst []byte) []byte {
	s.newItem("rs_")
	s.open = reasoningItem
	return s.added(dst, func(b []byte) []byte { return appendReasoning(b, s.itemID, "", "") })
}

func (s *streamEncoder) closeThinking(dst []byte) []byte {
	s.thinking.Text = string(s.said)
	sign := proof(&s.thinking)
	if s.open != reasoningItem {
		if sign == "" {
			return dst
		}
		dst = s.openThinking(dst)
	}
	if len(s.said) > 0 {
		dst = s.place(s.begin(dst, "response.reasoning_summary_text.done"), "summary_index", 0)
		dst = s.end(wire.AppendString(append(dst, `,"text":`...), s.said))
		dst = s.place(s.begin(dst, "response.reasoning_summary_part.done"), "summary_index", 0)
		dst = wire.AppendString(append(dst, `,"part":{"type":"summary_text","text":`...), s.said)
		dst = s.end(append(dst, '}'))
	}
	s.open = noItem
	return s.done(dst, func(b []byte) []byte { return appendReasoning(b, s.itemID, s.thinking.Text, sign) })
}

// callStart opens a call under the name that the client knows.
func (s *streamEncoder) callStart(dst []byte, c *llm.ToolCall) []byte {
	if c.Seal != "" {
		dst = s.openThinking(dst)
		seal := llm.SealCall(c) // a function_call has no place for it
		dst = s.done(dst, func(b []byte) []byte { return appendReasoning(b, s.itemID, "", seal) })
	}
	name := llm.RestoreName(s.req, c.Name)
	s.call = calling{callID: c.ID, name: name, custom: c.Custom}
	s.wrapped = false
	if h := homeOf(s.req, name); h != nil {
		s.call.name, s.call.group = h.Name, h.Group
		s.wrapped = h.Custom && !c.Custom
		s.call.custom = h.Custom || c.Custom
	}
	if s.call.custom {
		s.newItem("ctc_")
	} else {
		s.newItem("fc_")
	}
	s.call.id, s.open = s.itemID, callItem
	dst = s.added(dst, func(b []byte) []byte { return s.call.append(b, "in_progress", nil) })
	s.prepare(s.call.event()+".delta", "", 0, "")
	if known := string(c.Input) + c.Broken; known != "" {
		dst = s.input(dst, []byte(known))
	}
	return dst
}

// input writes a piece of a call's arguments. Free text wrapped in arguments has
// to be whole before it can be taken out.
func (s *streamEncoder) input(dst, piece []byte) []byte {
	if s.wrapped {
		s.said = append(s.said, piece...)
		return dst
	}
	return s.say(dst, piece)
}

func (s *streamEncoder) closeCall(dst []byte) []byte {
	switch {
	case s.wrapped:
		free := freeText(s.said)
		s.said = s.said[:0]
		if free != "" {
			dst = s.say(dst, []byte(free))
		}
	case len(s.said) == 0 && !s.call.custom:
		dst = s.say(dst, []byte("{}"))
	}
	dst = s.place(s.begin(dst, s.call.event()+".done"), "", 0)
	w := wire.NewWriter(dst)
	w.Key(s.call.member())
	w.Text(s.said)
	dst = s.end(w.Bytes())
	s.open = noItem
	return s.done(dst, func(b []byte) []byte { return s.call.append(b, "completed", s.said) })
}

// native passes on an item that only this API knows.
func (s *streamEncoder) native(dst []byte, n *llm.Native) []byte {
	s.newItem("")
	write := func(b []byte) []byte {
		w := wire.NewWriter(nil)
		w.Raw(n.Raw)
		return append(b, w.Bytes()...)
	}
	return s.done(s.added(dst, write), write)
}
