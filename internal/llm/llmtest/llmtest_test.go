package llmtest

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func start() llm.Event { return llm.Event{Kind: llm.EventStart} }

func part(i int, p llm.Part) llm.Event {
	return llm.Event{Kind: llm.EventPartStart, Index: i, Part: p}
}

func delta(i int, kind llm.DeltaKind) llm.Event {
	return llm.Event{Kind: llm.EventDelta, Index: i, Delta: kind, Text: []byte("x")}
}

func end(i int) llm.Event { return llm.Event{Kind: llm.EventPartEnd, Index: i} }

func finish() llm.Event { return llm.Event{Kind: llm.EventFinish, Stop: llm.StopEnd} }

func fault() llm.Event {
	return llm.Event{Kind: llm.EventFault, Err: &llm.Error{Kind: llm.ErrUpstream}}
}

// TestGrammar: in each row all events but the last keep to the grammar; the
// last breaks it as the row says, or is right where the row says nothing.
func TestGrammar(t *testing.T) {
	text, call := &llm.Text{}, &llm.ToolCall{}
	tests := []struct {
		name   string
		events []llm.Event
		breaks string
	}{
		{"an empty answer", []llm.Event{start(), finish()}, ""},
		{"one part", []llm.Event{start(), part(0, text), delta(0, llm.DeltaText), delta(0, llm.DeltaText), end(0), finish()}, ""},
		{"a part without deltas", []llm.Event{start(), part(0, call), end(0), finish()}, ""},
		{"two parts", []llm.Event{start(), part(0, &llm.Thinking{}), delta(0, llm.DeltaText), delta(0, llm.DeltaSignature), end(0), part(1, call), delta(1, llm.DeltaInput), end(1), finish()}, ""},
		{"a fault at once", []llm.Event{fault()}, ""},
		{"a fault in a part", []llm.Event{start(), part(0, text), fault()}, ""},

		{"STR-02 two starts", []llm.Event{start(), start()}, "started twice"},
		{"STR-02 a start in a part", []llm.Event{start(), part(0, text), start()}, "started twice"},
		{"a part before the start", []llm.Event{part(0, text)}, "before the start"},
		{"a delta before the start", []llm.Event{delta(0, llm.DeltaText)}, "before the start"},
		{"an end before the start", []llm.Event{end(0)}, "before the start"},
		{"a finish before the start", []llm.Event{finish()}, "before the start"},
		{"STR-15 the first index is not zero", []llm.Event{start(), part(1, text)}, "0 is next"},
		{"STR-15 an index below zero", []llm.Event{start(), part(-1, text)}, "0 is next"},
		{"STR-15 an index is left out", []llm.Event{start(), part(0, text), end(0), part(2, text)}, "1 is next"},
		{"STR-15 an index is used again", []llm.Event{start(), part(0, text), end(0), part(0, text)}, "1 is next"},
		{"STR-15 a part opens while another is open", []llm.Event{start(), part(0, text), part(1, text)}, "0 is open"},
		{"a part that is nothing", []llm.Event{start(), part(0, nil)}, "opens"},
		{"a delta without a part", []llm.Event{start(), delta(0, llm.DeltaText)}, "delta for part 0, -1 is open"},
		{"a delta after the part", []llm.Event{start(), part(0, text), end(0), delta(0, llm.DeltaText)}, "delta for part 0, -1 is open"},
		{"STR-17 a delta for another part", []llm.Event{start(), part(0, text), delta(1, llm.DeltaText)}, "delta for part 1, 0 is open"},
		{"an end without a part", []llm.Event{start(), end(0)}, "end of part 0, -1 is open"},
		{"the end of another part", []llm.Event{start(), part(0, text), end(1)}, "end of part 1, 0 is open"},
		{"two ends", []llm.Event{start(), part(0, text), end(0), end(0)}, "end of part 0, -1 is open"},
		{"STR-15 a finish in a part", []llm.Event{start(), part(0, text), finish()}, "while part 0 is open"},
		{"STOP-06 a finish without a reason", []llm.Event{start(), {Kind: llm.EventFinish}}, `finish ""`},
		{"something after the finish", []llm.Event{start(), finish(), part(0, text)}, "after the end"},
		{"two finishes", []llm.Event{start(), finish(), finish()}, "after the end"},
		{"a fault after the finish", []llm.Event{start(), finish(), fault()}, "after the end"},
		{"STR-05 a finish after a fault", []llm.Event{start(), fault(), finish()}, "after the end"},
		{"a fault without an error", []llm.Event{start(), {Kind: llm.EventFault}}, "without an error"},
		{"no event at all", []llm.Event{start(), {}}, "unknown event kind 0"},
		{"an unknown event", []llm.Event{start(), {Kind: 99}}, "unknown event kind 99"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewGrammar()
			last := len(tt.events) - 1
			for i := range tt.events {
				err := g.Yield(&tt.events[i])
				switch {
				case err == nil && (i < last || tt.breaks == ""):
				case err == nil:
					t.Errorf("nothing was said of: %s", tt.breaks)
				case i < last || tt.breaks == "" || !strings.Contains(err.Error(), tt.breaks):
					t.Errorf("event %d: %v", i, err)
				}
			}
			if tt.breaks == "" && (!g.Over() || g.Events != len(tt.events)) {
				t.Errorf("over: %v after %d events", g.Over(), g.Events)
			}
		})
	}
}

func TestGrammarOfDeltas(t *testing.T) {
	fits := map[llm.DeltaKind][]llm.Part{
		llm.DeltaText:      {&llm.Text{}, &llm.Thinking{}, &llm.Refusal{}},
		llm.DeltaSignature: {&llm.Thinking{}},
		llm.DeltaInput:     {&llm.ToolCall{}},
		llm.DeltaNative:    {&llm.Text{}, &llm.Thinking{}, &llm.Refusal{}, &llm.ToolCall{}, &llm.Native{}, &llm.Media{}},
		0:                  {},
		99:                 {},
	}
	all := []llm.Part{&llm.Text{}, &llm.Thinking{}, &llm.Refusal{}, &llm.ToolCall{}, &llm.Native{}, &llm.Media{}}
	for kind, parts := range fits {
		for _, p := range all {
			want := false
			for _, q := range parts {
				want = want || typeOf(p) == typeOf(q)
			}
			g := NewGrammar()
			for _, e := range []llm.Event{start(), part(0, p)} {
				if err := g.Yield(&e); err != nil {
					t.Fatal(err)
				}
			}
			e := delta(0, kind)
			if err := g.Yield(&e); (err == nil) != want {
				t.Errorf("delta %d in %s: %v", kind, typeOf(p), err)
			}
		}
	}
}

func typeOf(p llm.Part) string {
	switch p.(type) {
	case *llm.Text:
		return "text"
	case *llm.Thinking:
		return "thinking"
	case *llm.Refusal:
		return "refusal"
	case *llm.ToolCall:
		return "call"
	case *llm.Native:
		return "native"
	}
	return "other"
}

func TestGrammarCollects(t *testing.T) {
	g := NewGrammar()
	for _, e := range []llm.Event{start(), part(0, &llm.Text{}), delta(0, llm.DeltaText), delta(0, llm.DeltaText), end(0), finish()} {
		if err := g.Yield(&e); err != nil {
			t.Fatal(err)
		}
	}
	r, err := g.Collector.Response()
	if err != nil || len(r.Parts) != 1 || r.Parts[0].(*llm.Text).Text != "xx" {
		t.Errorf("%+v, %v", r, err)
	}
}

// echo is a decoder that makes a delta of each frame.
type echo struct {
	llm.LossList
	frames int
}

func (d *echo) Frame(f wire.Frame, yield llm.Yield) error {
	if d.frames++; d.frames == 1 {
		if err := yield(&llm.Event{Kind: llm.EventStart}); err != nil {
			return err
		}
		if err := yield(&llm.Event{Kind: llm.EventPartStart, Part: &llm.Text{}}); err != nil {
			return err
		}
	}
	return yield(&llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: f.Data})
}

func (d *echo) End(yield llm.Yield) error {
	if err := yield(&llm.Event{Kind: llm.EventPartEnd}); err != nil {
		return err
	}
	return yield(&llm.Event{Kind: llm.EventFinish, Stop: llm.StopEnd})
}

func TestDecode(t *testing.T) {
	stream := []byte("data: a\n\ndata: b\n\ndata: c\n\n")
	r, fault := Decode(t, &echo{}, wire.NewSSE(Chopped(stream, 1, 3), 0))
	if fault != nil || r.Parts[0].(*llm.Text).Text != "abc" {
		t.Errorf("%+v, %v", r, fault)
	}
}

func TestChopped(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 20)
	sizes := func(seed uint64) (all []byte, sizes []int) {
		r, buf := Chopped(data, seed, 7), make([]byte, 64)
		for {
			n, err := r.Read(buf)
			if err == io.EOF {
				return all, sizes
			}
			if n < 1 || n > 7 || err != nil {
				t.Fatalf("%d bytes, %v", n, err)
			}
			all, sizes = append(all, buf[:n]...), append(sizes, n)
		}
	}
	all, first := sizes(1)
	_, again := sizes(1)
	_, other := sizes(2)
	if !bytes.Equal(all, data) {
		t.Errorf("read %q", all)
	}
	if !equal(first, again) || equal(first, other) {
		t.Errorf("the seed alone must decide: %v, %v, %v", first, again, other)
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
