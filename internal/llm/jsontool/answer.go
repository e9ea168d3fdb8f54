package jsontool

import (
	"bytes"
	"slices"
	"strings"

	"turnpike/internal/llm"
)

// settle is the reason to stop once the answer's call is text.
func settle(stop llm.Stop, native string, answered, called bool) (llm.Stop, string) {
	if stop == llm.StopTool && answered && !called {
		return llm.StopEnd, ""
	}
	return stop, native
}

// Response makes text of the call that is the answer. What was written beside it
// goes: it would not be JSON any more.
func (p *Plan) Response(res *llm.Response) {
	if p.tool == "" {
		return
	}
	at := slices.IndexFunc(res.Parts, p.isAnswer)
	if at < 0 {
		return
	}
	call, _ := res.Parts[at].(*llm.ToolCall)
	parts, called := make([]llm.Part, 0, len(res.Parts)), false
	for i, part := range res.Parts {
		switch part := part.(type) {
		case *llm.Text:
			if strings.TrimSpace(part.Text) != "" {
				res.Losses = llm.AddLoss(res.Losses, "answer: text", "written beside the JSON that was asked for")
			}
			continue
		case *llm.ToolCall:
			if i == at {
				parts = append(parts, &llm.Text{Text: p.text(string(call.Input) + call.Broken)})
				continue
			}
			if part.Name == p.tool {
				res.Losses = llm.AddLoss(res.Losses, "answer", "given more than once: the first is passed on")
				continue
			}
			called = true
		}
		parts = append(parts, part)
	}
	res.Parts = parts
	res.Stop, res.NativeStop = settle(res.Stop, res.NativeStop, true, called)
}

func (p *Plan) isAnswer(part llm.Part) bool {
	c, ok := part.(*llm.ToolCall)
	return ok && c.Name == p.tool
}

// Stream does the same for a stream: yield gets the client's events.
func (p *Plan) Stream(yield llm.Yield) llm.Yield {
	if p.tool == "" {
		return yield
	}
	s := &stream{p: p, yield: yield}
	return s.event
}

// doing is what becomes of the part that is open.
type doing uint8

const (
	passing   doing = iota // it goes to the client
	holding                // text that is passed on only if no answer comes
	answering              // it is the answer
	gathering              // it is the answer, and must be whole to be unwrapped
	dropping               // a second answer
)

// maxHeld bounds the text that is held back; a longer one is no preface.
const maxHeld = 1 << 20

type stream struct {
	p        *Plan
	yield    llm.Yield
	doing    doing
	next     int      // index of the client's next part
	held     [][]byte // texts in their order
	size     int
	input    []byte
	answered bool
	called   bool
	empty    bool // nothing of the answer came yet
}

func (s *stream) event(e *llm.Event) error {
	switch e.Kind {
	case llm.EventPartStart:
		return s.open(e)
	case llm.EventDelta:
		return s.delta(e)
	case llm.EventPartEnd:
		return s.close(e)
	case llm.EventFinish:
		if err := s.flush(); err != nil {
			return err
		}
		c := *e
		c.Stop, c.NativeStop = settle(e.Stop, e.NativeStop, s.answered, s.called)
		return s.yield(&c)
	case llm.EventStart, llm.EventFault:
	}
	return s.yield(e)
}

func (s *stream) open(e *llm.Event) error {
	switch part := e.Part.(type) {
	case *llm.Text:
		s.doing = holding
		s.held = append(s.held, []byte(part.Text))
		s.size += len(part.Text)
		return nil
	case *llm.ToolCall:
		if part.Name == s.p.tool {
			return s.answer(part)
		}
		s.called = true
	}
	if err := s.flush(); err != nil {
		return err
	}
	s.doing = passing
	return s.start(e.Part)
}

// start opens the client's next part.
func (s *stream) start(p llm.Part) error {
	err := s.yield(&llm.Event{Kind: llm.EventPartStart, Index: s.next, Part: p})
	s.next++
	return err
}

func (s *stream) answer(c *llm.ToolCall) error {
	if s.answered {
		s.doing = dropping
		return nil
	}
	s.answered, s.held = true, nil
	s.doing, s.empty = answering, true
	if s.p.wrapped {
		s.doing = gathering
	}
	if err := s.start(&llm.Text{}); err != nil {
		return err
	}
	if early := string(c.Input) + c.Broken; early != "" {
		return s.more([]byte(early))
	}
	return nil
}

func (s *stream) delta(e *llm.Event) error {
	switch s.doing {
	case passing:
		c := *e
		c.Index = s.next - 1
		return s.yield(&c)
	case holding:
		if e.Delta != llm.DeltaText {
			return nil
		}
		last := len(s.held) - 1
		s.held[last] = append(s.held[last], e.Text...)
		if s.size += len(e.Text); s.size > maxHeld && !s.answered {
			return s.release()
		}
	case answering, gathering:
		if e.Delta == llm.DeltaInput {
			return s.more(e.Text)
		}
	case dropping:
	}
	return nil
}

// more goes on with the answer.
func (s *stream) more(text []byte) error {
	if s.doing == gathering {
		s.input = append(s.input, text...)
		return nil
	}
	s.empty = s.empty && len(bytes.TrimSpace(text)) == 0
	return s.say(text)
}

func (s *stream) say(text []byte) error {
	return s.yield(&llm.Event{Kind: llm.EventDelta, Index: s.next - 1, Delta: llm.DeltaText, Text: text})
}

func (s *stream) close(e *llm.Event) error {
	switch s.doing {
	case holding, dropping:
		return nil
	case gathering:
		if err := s.say([]byte(s.p.text(string(s.input)))); err != nil {
			return err
		}
	case answering:
		if s.empty {
			if err := s.say([]byte("{}")); err != nil {
				return err
			}
		}
	case passing:
	}
	c := *e
	c.Index = s.next - 1
	return s.yield(&c)
}

// flush passes on the text that was held back, unless the answer has come.
func (s *stream) flush() error {
	if s.answered {
		s.held = nil
		return nil
	}
	for _, text := range s.held {
		if err := s.start(&llm.Text{}); err != nil {
			return err
		}
		if err := s.say(text); err != nil {
			return err
		}
		if err := s.yield(&llm.Event{Kind: llm.EventPartEnd, Index: s.next - 1}); err != nil {
			return err
		}
	}
	s.held, s.size = nil, 0
	return nil
}

// release lets go of what is held back, the open text last, which then goes on.
func (s *stream) release() error {
	last := s.held[len(s.held)-1]
	s.held = s.held[:len(s.held)-1]
	if err := s.flush(); err != nil {
		return err
	}
	s.doing = passing
	if err := s.start(&llm.Text{}); err != nil {
		return err
	}
	return s.say(last)
}
