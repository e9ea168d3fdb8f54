package stitch_test

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/stitch"
)

// cut hands deltas on in pieces that end anywhere, in a buffer that is used again.
func cut(rnd *rand.Rand, next llm.Yield) llm.Yield {
	return func(e *llm.Event) error {
		if e.Kind != llm.EventDelta {
			return next(e)
		}
		for left := e.Text; len(left) > 0; {
			n := 1 + rnd.IntN(min(len(left), 5))
			piece := *e
			piece.Text = bytes.Clone(left[:n])
			left = left[n:]
			if err := next(&piece); err != nil {
				return err
			}
			for i := range piece.Text {
				piece.Text[i] = '!'
			}
		}
		return nil
	}
}

// round is what an upstream answers once.
func round(stop llm.Stop, output int64, parts ...llm.Part) *llm.Response {
	return &llm.Response{Stop: stop, Parts: parts, Usage: llm.Usage{Known: true, Input: 10, CacheRead: 1, CacheWrite5m: 2, Output: output}}
}

func text(s string) llm.Part { return &llm.Text{Text: s} }

// play answers with rounds until no more are wanted.
func play(t *testing.T, s *stitch.Stitcher, rnd *rand.Rand, list []*llm.Response) (answer *llm.Response, requests []*llm.Request) {
	t.Helper()
	g := llmtest.NewGrammar()
	for i, r := range list {
		if i > 0 {
			if !s.Wants() {
				break
			}
			requests = append(requests, s.Next())
		}
		if err := r.Replay(cut(rnd, func(e *llm.Event) error { return s.Event(e, g.Yield) })); err != nil {
			t.Fatal(err)
		}
	}
	if s.Wants() {
		if err := s.Settle(g.Yield); err != nil {
			t.Fatal(err)
		}
	}
	answer, fault := g.Collector.Response()
	if fault != nil || !g.Over() {
		t.Fatal("the answer has no end: ", fault)
	}
	return answer, requests
}

// said is the text of an answer, its parts set apart unless they follow.
func said(r *llm.Response) string {
	var b strings.Builder
	for _, p := range r.Parts {
		switch p := p.(type) {
		case *llm.Text:
			if b.Len() > 0 && !p.Follows {
				b.WriteString("|")
			}
			b.WriteString(p.Text)
		case *llm.Thinking:
			b.WriteString("(" + p.Text + "/" + p.Signature + ")")
		case *llm.ToolCall:
			b.WriteString("{" + p.Name + string(p.Input) + p.Broken + "}")
		}
	}
	return b.String()
}

func TestRounds(t *testing.T) {
	const cutOff = llm.StopLength
	limit := func(n int64) *llm.Request { return &llm.Request{MaxTokens: &n} }
	call := &llm.ToolCall{ID: "c", Name: "read", Input: []byte(`{"p":1}`)}
	for _, c := range []struct {
		name   string
		req    *llm.Request
		rounds []*llm.Response
		want   string
		asked  int
		stop   llm.Stop
		output int64
	}{
		{"goes on in the same part", nil, []*llm.Response{round(cutOff, 5, text("Once upon")), round(llm.StopEnd, 7, text(" a time"))}, "Once upon a time", 1, llm.StopEnd, 12},
		{"several rounds", nil, []*llm.Response{round(cutOff, 1, text("a ")), round(cutOff, 1, text("b ")), round(llm.StopSequence, 1, text("c"))}, "a b c", 2, llm.StopSequence, 3},
		{"still cut behind the last", nil, []*llm.Response{round(cutOff, 1, text("a ")), round(cutOff, 1, text("b ")), round(cutOff, 1, text("c ")), round(cutOff, 1, text("d "))}, "a b c ", 2, cutOff, 3},
		{"what is repeated is taken off", nil, []*llm.Response{round(cutOff, 1, text("The quick brown")), round(llm.StopEnd, 1, text("quick brown fox"))}, "The quick brown fox", 1, llm.StopEnd, 2},
		{"a word that is begun anew", nil, []*llm.Response{round(cutOff, 1, text("Hello wor")), round(llm.StopEnd, 1, text("world!"))}, "Hello world!", 1, llm.StopEnd, 2},
		{"figures that go on", nil, []*llm.Response{round(cutOff, 1, text("0, 0, 0, 0, ")), round(llm.StopEnd, 1, text("0, 0, 0, 1"))}, "0, 0, 0, 0, 0, 0, 0, 1", 1, llm.StopEnd, 2},
		{"digits that go on", nil, []*llm.Response{round(cutOff, 1, text("10000")), round(llm.StopEnd, 1, text("0000"))}, "100000000", 1, llm.StopEnd, 2},
		{"lines that go on", nil, []*llm.Response{round(cutOff, 1, text("|-----")), round(llm.StopEnd, 1, text("-----|"))}, "|----------|", 1, llm.StopEnd, 2},
		{"nothing but a repetition", nil, []*llm.Response{round(cutOff, 1, text("The quick brown")), round(cutOff, 1, text("quick brown")), round(llm.StopEnd, 1, text("!"))}, "The quick brown", 1, cutOff, 2},
		{"nothing at all", nil, []*llm.Response{round(cutOff, 1, text("a")), round(llm.StopEnd, 1)}, "a", 1, llm.StopEnd, 2},
		{"a call in a later round", nil, []*llm.Response{round(cutOff, 1, text("I read")), round(llm.StopTool, 1, text(" it."), call)}, `I read it.{read{"p":1}}`, 1, llm.StopTool, 2},
		{"a call at once", nil, []*llm.Response{round(cutOff, 1, text("I read.")), round(llm.StopTool, 1, call)}, `I read.{read{"p":1}}`, 1, llm.StopTool, 2},
		{"a call is not gone on with", nil, []*llm.Response{round(cutOff, 1, text("a"), &llm.ToolCall{Name: "read", Broken: `{"p`}), round(llm.StopEnd, 1)}, `a{read{"p}`, 0, cutOff, 1},
		{"nor text behind a call", nil, []*llm.Response{round(cutOff, 1, call, text("a")), round(llm.StopEnd, 1)}, `{read{"p":1}}|a`, 0, cutOff, 1},
		{"nor a call of a later round", nil, []*llm.Response{round(cutOff, 1, text("a")), round(cutOff, 1, &llm.ToolCall{Name: "read", Broken: `{"p`}), round(llm.StopEnd, 1)}, `a{read{"p}`, 1, cutOff, 2},
		{"nor thinking", nil, []*llm.Response{round(cutOff, 1, &llm.Thinking{Text: "hm"}), round(llm.StopEnd, 1)}, `(hm/)`, 0, cutOff, 1},
		{"nor a block only its dialect knows", nil, []*llm.Response{round(cutOff, 1, &llm.Native{Dialect: "messages"}, text("a")), round(llm.StopEnd, 1)}, `a`, 0, cutOff, 1},
		{"nor blanks", nil, []*llm.Response{round(cutOff, 1, text(" \n")), round(llm.StopEnd, 1)}, " \n", 0, cutOff, 1},
		{"nor another reason", nil, []*llm.Response{round(llm.StopContext, 1, text("a")), round(llm.StopEnd, 1)}, "a", 0, llm.StopContext, 1},
		{
			"thinking stays whole, in its order", nil,
			[]*llm.Response{
				round(cutOff, 1, &llm.Thinking{Text: "t1", Signature: "s1"}, text("The quick brown")),
				round(llm.StopEnd, 1, &llm.Thinking{Text: "t2", Signature: "s2"}, text("quick brown fox")),
			},
			"(t1/s1)|The quick brown(t2/s2) fox", 1, llm.StopEnd, 2,
		},
		{"two texts in a round", nil, []*llm.Response{round(cutOff, 1, text("a"), text("b")), round(llm.StopEnd, 1, text("c"), text("d"))}, "a|bc|d", 1, llm.StopEnd, 2},
		{"the client's own limit", limit(5), []*llm.Response{round(cutOff, 5, text("a")), round(llm.StopEnd, 1, text("b"))}, "a", 0, cutOff, 5},
		{"below the client's own limit", limit(100), []*llm.Response{round(cutOff, 40, text("a ")), round(cutOff, 40, text("b ")), round(cutOff, 20, text("c ")), round(llm.StopEnd, 1, text("d"))}, "a b c ", 2, cutOff, 100},
		{"the limit in the middle of the rounds", limit(100), []*llm.Response{round(cutOff, 40, text("a ")), round(cutOff, 60, text("b ")), round(llm.StopEnd, 1, text("c"))}, "a b ", 1, cutOff, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := c.req
			if req == nil {
				req = &llm.Request{}
			}
			for seed := range uint64(20) {
				s := stitch.New(req, 2, false)
				got, asked := play(t, s, rand.New(rand.NewPCG(seed, 1)), c.rounds)
				if said(got) != c.want || len(asked) != c.asked || got.Stop != c.stop {
					t.Fatalf("seed %d: %q by %d rounds, %s\nwant %q by %d, %s", seed, said(got), len(asked), got.Stop, c.want, c.asked, c.stop)
				}
				n := int64(len(asked) + 1)
				if want := (llm.Usage{Known: true, Input: 10 * n, CacheRead: n, CacheWrite5m: 2 * n, Output: c.output}); got.Usage != want {
					t.Errorf("usage %+v, want %+v", got.Usage, want)
				}
			}
		})
	}
}

func TestRequests(t *testing.T) {
	most := int64(100)
	req := &llm.Request{
		Model: "m", MaxTokens: &most, System: []llm.Part{text("be brief")}, Losses: []llm.Loss{{Path: "x"}},
		Turns: append(make([]llm.Turn, 0, 8), llm.Turn{Role: llm.User, Parts: []llm.Part{text("q")}}),
	}
	rounds := []*llm.Response{round(llm.StopLength, 30, text("a ")), round(llm.StopLength, 20, text("b ")), round(llm.StopEnd, 1, text("c"))}
	for _, prefill := range []bool{true, false} {
		_, asked := play(t, stitch.New(req, 5, prefill), rand.New(rand.NewPCG(1, 1)), rounds)
		for i, said := range []string{"a ", "a b "} {
			want := *req
			want.Losses = nil
			left := []int64{70, 50}[i]
			want.MaxTokens = &left
			want.Turns = []llm.Turn{req.Turns[0], {Role: llm.Assistant, Parts: []llm.Part{text(said)}}}
			if !prefill {
				want.Turns = append(want.Turns, llm.Turn{Role: llm.User, Parts: []llm.Part{text(stitch.Ask)}})
			}
			if !reflect.DeepEqual(asked[i], &want) {
				t.Errorf("round %d, prefill %v: %s, %d tokens", i+1, prefill, llmtest.Dump(asked[i]), *asked[i].MaxTokens)
			}
		}
		if len(req.Turns) != 1 || *req.MaxTokens != 100 || len(req.Losses) != 1 {
			t.Error("the client's request was changed")
		}
	}
}

// TestWhiteSpace: begun answers are sent without the white space at their end, so
// the model says it once more.
func TestWhiteSpace(t *testing.T) {
	for _, c := range []struct{ old, again, want string }{
		{"a\n\n", "\n\nb", "a\n\nb"},
		{"a\n\n", "\n\n\nb", "a\n\n\nb"},
		{"a ", "b", "a b"},
		{"a ", " b", "a b"},
		{"a", " b", "a b"},
		{"the cat", "cat", "the catcat"}, // who goes on does not repeat
		{"It was a dark and stormy night", "a dark and stormy night; the rain", "It was a dark and stormy night; the rain"},
	} {
		got, _ := play(t, stitch.New(&llm.Request{}, 1, true), rand.New(rand.NewPCG(1, 1)),
			[]*llm.Response{round(llm.StopLength, 1, text(c.old)), round(llm.StopEnd, 1, text(c.again))})
		if said(got) != c.want {
			t.Errorf("%q and %q make %q, want %q", c.old, c.again, said(got), c.want)
		}
	}
}

// TestRepetitions takes random prose apart: whatever the model repeats of the end,
// in whatever pieces it comes, the text is whole again.
func TestRepetitions(t *testing.T) {
	words := strings.Fields("the of größe 日本語 answer gateway 🐦 token limit, where (it) stopped. Once more: stream event part")
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		var all []string
		for i := range 12 + rnd.IntN(40) {
			all = append(all, words[rnd.IntN(len(words))]+string(rune('a'+i%26))+string(rune('a'+rnd.IntN(26)))+string(rune('a'+rnd.IntN(26))))
		}
		whole := strings.Join(all, " ")
		at := 2 + rnd.IntN(len(all)-4)
		back := rnd.IntN(at)
		old := strings.Join(all[:at], " ")
		again := " " + strings.Join(all[at:], " ")
		if back > 0 {
			again = strings.Join(all[at-back:], " ")
		}
		got, _ := play(t, stitch.New(&llm.Request{}, 1, false), rnd, []*llm.Response{round(llm.StopLength, 1, text(old)), round(llm.StopEnd, 1, text(again))})
		if said(got) != whole {
			t.Fatalf("seed %d:\n%q and\n%q make\n%q", seed, old, again, said(got))
		}
	}
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		req  llm.Request
		want bool
	}{
		{llm.Request{}, true},
		{llm.Request{Answers: 1, Choice: llm.Choice{Mode: llm.ChoiceAuto}}, true},
		{llm.Request{Answers: 2}, false},
		{llm.Request{Format: &llm.Format{}}, false},
		{llm.Request{Choice: llm.Choice{Mode: llm.ChoiceAny}}, false},
		{llm.Request{Choice: llm.Choice{Mode: llm.ChoiceTool}}, false},
	} {
		if stitch.Fits(&c.req) != c.want {
			t.Errorf("%+v: %v", c.req, !c.want)
		}
	}
}

// TestARoundThatFails leaves the answer as the round before left it.
func TestARoundThatFails(t *testing.T) {
	s := stitch.New(&llm.Request{}, 3, false)
	g := llmtest.NewGrammar()
	take := func(e *llm.Event) error { return s.Event(e, g.Yield) }
	if err := round(llm.StopLength, 5, text("The quick brown")).Replay(take); err != nil || !s.Wants() {
		t.Fatal("no further round is wanted: ", err)
	}
	s.Next()
	// The round begins and repeats what was said, then it breaks off.
	_ = take(&llm.Event{Kind: llm.EventStart})
	_ = take(&llm.Event{Kind: llm.EventPartStart, Part: &llm.Text{}})
	_ = take(&llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte("quick")})
	if s.Begun() {
		t.Error("the client has seen something of a repetition")
	}
	if err := s.Settle(g.Yield); err != nil {
		t.Fatal(err)
	}
	got, fault := g.Collector.Response()
	if fault != nil || said(got) != "The quick brown" || got.Stop != llm.StopLength || got.Usage.Output != 5 {
		t.Errorf("%v %+v", fault, got)
	}
}

func FuzzStitch(f *testing.F) {
	f.Add("The quick brown", "brown fox", true, uint64(1))
	f.Add("0, 0, 0, ", "0, 0", false, uint64(2))
	f.Add("a \n", "\n b", true, uint64(3))
	f.Fuzz(func(t *testing.T, old, again string, prefill bool, seed uint64) {
		rounds := []*llm.Response{round(llm.StopLength, 1, text(old)), round(llm.StopEnd, 1, text(again))}
		a, asked := play(t, stitch.New(&llm.Request{}, 1, prefill), rand.New(rand.NewPCG(seed, 1)), rounds)
		b, _ := play(t, stitch.New(&llm.Request{}, 1, prefill), rand.New(rand.NewPCG(seed+1, 2)), rounds)
		if said(a) != said(b) {
			t.Fatalf("%q and %q make %q and %q", old, again, said(a), said(b))
		}
		if len(asked) == 1 && !strings.HasPrefix(said(a), old) || len(asked) == 1 && !strings.HasSuffix(again, said(a)[len(old):]) {
			t.Fatalf("%q and %q make %q", old, again, said(a))
		}
	})
}
