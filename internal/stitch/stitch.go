// Package stitch makes one answer of several rounds: an answer that ran into a
// limit the client did not set is asked for again, each time from the client's own
// messages and what was said so far, and goes on where it stopped.
//
// Only text goes on. Calls of tools, whole or cut, and blocks that only a dialect
// knows end an answer for good, since nobody could tell what belongs together.
package stitch

import (
	"bytes"
	"slices"

	"turnpike/internal/llm"
)

// Ask is what the user is made to say where a model does not go on with an answer
// that was begun.
const Ask = "Your answer was cut off because it reached the limit of output tokens. Go on exactly where it stopped, with the very next " +
	"character: repeat nothing, leave nothing out, and say nothing about the interruption."

// maxSaid bounds what is said again in a request.
const maxSaid = 1 << 20

// Fits tells whether an answer to a request may be continued at all. The parts of
// structured output cannot be put together, and several answers are not one.
func Fits(req *llm.Request) bool {
	return req.Answers <= 1 && req.Format == nil && req.Choice.Mode != llm.ChoiceAny && req.Choice.Mode != llm.ChoiceTool
}

// Stitcher makes the events of one answer of those of all rounds.
type Stitcher struct {
	req     *llm.Request
	left    int  // rounds that may follow
	prefill bool // the model goes on with a begun answer

	round int
	parts int  // that the client has seen begin
	shift int  // from a round's indexes to the client's
	open  bool // the last part is a text that is not closed: the next round may go on in it
	text  bool // the round's open part is a text
	first bool // the round has had no part yet
	seam  bool // nor anything but thinking
	joint *joint

	said  []byte // all text
	fresh bool   // the round added to it
	begun bool   // the round has shown the client something
	fixed bool   // there is a part that cannot go on
	usage llm.Usage
	last  llm.Event // the finish that is held back
	wants bool
	ev    llm.Event
}

// New makes a stitcher for at most so many rounds behind the first.
func New(req *llm.Request, rounds int, prefill bool) *Stitcher {
	return &Stitcher{req: req, left: rounds, prefill: prefill, usage: llm.Usage{Known: true}}
}

// Wants tells that the round is over and another one is to follow: Next is its
// request. Settle ends the answer instead.
func (s *Stitcher) Wants() bool { return s.wants }

// Begun tells whether the round has shown the client something.
func (s *Stitcher) Begun() bool { return s.begun }

// Round is how many rounds there were behind the first.
func (s *Stitcher) Round() int { return s.round }

// Prefills tells whether rounds begin with what was said, instead of asking for more.
func (s *Stitcher) Prefills() bool { return s.prefill }

// Next begins a round and gives its request: the client's own messages and what
// was said so far.
func (s *Stitcher) Next() *llm.Request {
	s.round++
	s.left--
	s.wants, s.first, s.seam, s.fresh, s.begun = false, true, true, false, false
	r := *s.req
	r.Losses = nil
	if r.MaxTokens != nil {
		left := max(1, *r.MaxTokens-s.usage.Output)
		r.MaxTokens = &left
	}
	r.Turns = append(slices.Clip(r.Turns), llm.Turn{Role: llm.Assistant, Parts: []llm.Part{&llm.Text{Text: string(s.said)}}})
	if !s.prefill {
		r.Turns = append(r.Turns, llm.Turn{Role: llm.User, Parts: []llm.Part{&llm.Text{Text: Ask}}})
	}
	return &r
}

// Event takes the next event of a round and hands on what it is in the answer.
func (s *Stitcher) Event(e *llm.Event, next llm.Yield) error {
	switch e.Kind {
	case llm.EventStart:
		if s.round > 0 {
			return nil
		}
	case llm.EventPartStart:
		return s.begin(e, next)
	case llm.EventDelta:
		return s.delta(e, next)
	case llm.EventPartEnd:
		return s.end(e, next)
	case llm.EventFinish:
		return s.finish(e, next)
	case llm.EventFault:
	}
	return next(e)
}

func (s *Stitcher) begin(e *llm.Event, next llm.Yield) error {
	part := e.Part
	text, isText := part.(*llm.Text)
	_, thinks := part.(*llm.Thinking)
	s.text, s.fixed = isText, s.fixed || !isText && !thinks
	joins := isText && s.seam
	if joins {
		s.joint = newJoint(s.said, s.prefill)
	}
	first := s.first
	s.first, s.seam = false, s.seam && thinks
	if joins && first && s.open && len(text.Citations) == 0 {
		s.shift = s.parts - 1 - e.Index
		return s.write(e, []byte(text.Text), next)
	}
	if err := s.shut(next); err != nil {
		return err
	}
	if first || s.round == 0 {
		s.shift = s.parts - e.Index
	}
	s.parts++
	s.open = isText
	said := ""
	if isText {
		t := *text
		t.Text, t.Follows, said = "", text.Follows || joins, text.Text
		part = &t
	}
	s.ev = *e
	s.ev.Part = part
	if err := s.show(next); err != nil {
		return err
	}
	return s.write(e, []byte(said), next)
}

// show hands on s.ev under the client's index.
func (s *Stitcher) show(next llm.Yield) error {
	s.ev.Index += s.shift
	s.begun = true
	return next(&s.ev)
}

// shut closes the text that was kept open.
func (s *Stitcher) shut(next llm.Yield) error {
	if !s.open {
		return nil
	}
	s.open = false
	s.ev = llm.Event{Kind: llm.EventPartEnd, Index: s.parts - 1}
	return next(&s.ev)
}

func (s *Stitcher) delta(e *llm.Event, next llm.Yield) error {
	if s.text && e.Delta == llm.DeltaText {
		text := e.Text
		if s.joint != nil {
			var sure bool
			if text, sure = s.joint.push(text); !sure {
				return nil
			}
			s.joint = nil
		}
		return s.write(e, text, next)
	}
	s.ev = *e
	return s.show(next)
}

// write hands on text of the answer.
func (s *Stitcher) write(e *llm.Event, text []byte, next llm.Yield) error {
	if len(text) == 0 {
		return nil
	}
	if len(s.said) <= maxSaid {
		s.said = append(s.said, text...)
	}
	s.fresh = true
	s.ev = llm.Event{Kind: llm.EventDelta, Index: e.Index, Delta: llm.DeltaText, Text: text}
	return s.show(next)
}

// end keeps a text open: it is closed when something else comes.
func (s *Stitcher) end(e *llm.Event, next llm.Yield) error {
	if !s.text {
		s.ev = *e
		return s.show(next)
	}
	if s.joint == nil {
		return nil
	}
	rest := s.joint.flush()
	s.joint = nil
	return s.write(e, rest, next)
}

func (s *Stitcher) finish(e *llm.Event, next llm.Yield) error {
	s.usage = s.usage.Plus(e.Usage)
	s.last = *e
	s.last.StopDetails, s.last.Usage = bytes.Clone(e.StopDetails), s.usage
	if s.wants = s.goesOn(e); s.wants {
		return nil
	}
	return s.Settle(next)
}

// goesOn tells whether another round is to follow: only where a text was cut by a
// limit that is not the client's, and the last round has brought it further.
func (s *Stitcher) goesOn(e *llm.Event) bool {
	return e.Stop == llm.StopLength && s.left > 0 && s.open && !s.fixed && s.fresh && len(s.said) <= maxSaid &&
		len(bytes.TrimSpace(s.said)) > 0 && !s.reached()
}

// reached tells whether the client's own limit is: then it has what it asked for.
// Counts differ a little between what limits and what is told. Where the upstream
// counts nothing, the limit that was reached is taken to be the client's.
func (s *Stitcher) reached() bool {
	if s.req.MaxTokens == nil {
		return false
	}
	most := *s.req.MaxTokens
	return !s.usage.Known || s.usage.Output >= most-most/64
}

// Settle ends the answer with what the last round that came to its end said of it.
func (s *Stitcher) Settle(next llm.Yield) error {
	s.wants, s.joint = false, nil
	if err := s.shut(next); err != nil {
		return err
	}
	return next(&s.last)
}
