// Package llmtest holds what every dialect's tests share: the grammar of event
// streams, and readers that cut bytes at random places.
package llmtest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Grammar checks that events come in the order llm.EventKind documents, and
// collects the answer.
type Grammar struct {
	Collector llm.Collector
	Events    int
	started   bool
	open      int // index of the open part, -1 if none
	next      int
	over      bool
	kind      llm.Part
}

// NewGrammar starts a check.
func NewGrammar() *Grammar { return &Grammar{open: -1} }

// Yield takes one event and returns an error that says what breaks the grammar.
func (g *Grammar) Yield(e *llm.Event) error {
	g.Events++
	if err := g.check(e); err != nil {
		return err
	}
	return g.Collector.Add(e)
}

func (g *Grammar) check(e *llm.Event) error {
	if g.over {
		return fmt.Errorf("event %d of kind %d after the end", g.Events, e.Kind)
	}
	if !g.started && e.Kind != llm.EventStart && e.Kind != llm.EventFault {
		return fmt.Errorf("kind %d before the start", e.Kind)
	}
	switch e.Kind {
	case llm.EventStart:
		if g.started {
			return errors.New("started twice")
		}
		g.started = true
	case llm.EventPartStart:
		if g.open >= 0 || e.Index != g.next || e.Part == nil {
			return fmt.Errorf("part %d (%T) opens, %d is open, %d is next", e.Index, e.Part, g.open, g.next)
		}
		if t, ok := e.Part.(*llm.Text); ok && t.Citations != nil {
			return errors.New("citations at the start of a text: they are deltas")
		}
		g.open, g.kind = e.Index, e.Part
		g.next++
	case llm.EventDelta:
		if g.open < 0 || e.Index != g.open {
			return fmt.Errorf("delta for part %d, %d is open", e.Index, g.open)
		}
		return deltaFits(g.kind, e.Delta)
	case llm.EventPartEnd:
		if g.open < 0 || e.Index != g.open {
			return fmt.Errorf("end of part %d, %d is open", e.Index, g.open)
		}
		g.open = -1
	case llm.EventFinish:
		if g.open >= 0 || e.Stop == "" {
			return fmt.Errorf("finish %q while part %d is open", e.Stop, g.open)
		}
		g.over = true
	case llm.EventFault:
		if e.Err == nil {
			return errors.New("fault without an error")
		}
		g.over = true
	default:
		return fmt.Errorf("unknown event kind %d", e.Kind)
	}
	return nil
}

func deltaFits(p llm.Part, d llm.DeltaKind) error {
	ok := d == llm.DeltaNative
	switch p.(type) {
	case *llm.Text:
		ok = ok || d == llm.DeltaText || d == llm.DeltaCitation
	case *llm.Refusal:
		ok = ok || d == llm.DeltaText
	case *llm.Thinking:
		ok = ok || d == llm.DeltaText || d == llm.DeltaSignature
	case *llm.ToolCall:
		ok = ok || d == llm.DeltaInput
	}
	if !ok {
		return fmt.Errorf("delta of kind %d in a %T", d, p)
	}
	return nil
}

// Over tells whether a finish or a fault was seen.
func (g *Grammar) Over() bool { return g.over }

// Decode runs a stream decoder over all frames, checks the grammar and returns
// the answer or the fault.
func Decode(t testing.TB, dec llm.StreamDecoder, frames wire.FrameReader) (*llm.Response, *llm.Error) {
	t.Helper()
	g := NewGrammar()
	for !g.Over() {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			if err := dec.End(g.Yield); err != nil {
				t.Fatalf("end of the stream: %v", err)
			}
			break
		}
		if err != nil {
			t.Fatalf("reading frames: %v", err)
		}
		if err := dec.Frame(f, g.Yield); err != nil {
			t.Fatalf("frame %q: %v", f.Data, err)
		}
	}
	if !g.Over() {
		t.Fatal("the decoder never finished")
	}
	return g.Collector.Response()
}

// Chopped reads data in pieces of 1 to maxPiece bytes, the same for the same seed.
func Chopped(data []byte, seed uint64, maxPiece int) io.Reader {
	return &chopped{data: data, rnd: rand.New(rand.NewPCG(seed, 7)), max: maxPiece} //nolint:gosec // repeatable on purpose
}

type chopped struct {
	data []byte
	rnd  *rand.Rand
	max  int
}

func (c *chopped) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := min(1+c.rnd.IntN(c.max), len(p), len(c.data))
	copy(p, c.data[:n])
	c.data = c.data[n:]
	return n, nil
}
