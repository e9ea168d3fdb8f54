package llm_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

var words = []string{"", "a", "größe", "日本 🐦", "line\nbreak", "\x00", "\"quoted\\\"", " blank ", strings.Repeat("long ", 200)}

func randomResponse(rnd *rand.Rand) *llm.Response {
	word := func() string { return words[rnd.IntN(len(words))] }
	count := func() int64 { return rnd.Int64N(1000) }
	stops := []llm.Stop{llm.StopEnd, llm.StopLength, llm.StopTool, llm.StopSequence, llm.StopFilter, llm.StopPause, llm.StopOther}
	r := &llm.Response{
		ID: word(), Model: word(), Created: count(), Stop: stops[rnd.IntN(len(stops))], StopSequence: word(), NativeStop: word(),
		Usage: llm.Usage{
			Known: rnd.IntN(2) == 0, Estimated: rnd.IntN(2) == 0, Input: count(), Output: count(), CacheRead: count(),
			CacheWrite5m: count(), CacheWrite1h: count(), Reasoning: count(),
		},
	}
	if rnd.IntN(2) == 0 {
		r.StopDetails = []byte(`{"type":"refusal"}`)
	}
	for range rnd.IntN(6) {
		r.Parts = append(r.Parts, randomPart(rnd, word))
	}
	return r
}

func randomPart(rnd *rand.Rand, word func() string) llm.Part {
	switch rnd.IntN(9) {
	case 0:
		return &llm.Text{Text: word(), Citations: llmtest.Cites("messages", `[{"url":"x"}]`)}
	case 1:
		return &llm.Thinking{Text: word(), Signature: word()}
	case 2:
		return &llm.Thinking{Redacted: word()}
	case 3:
		return &llm.Refusal{Text: word()}
	case 4:
		return &llm.ToolCall{ID: word(), Name: word(), Input: []byte(`{"größe": [1, "\ud83d\udc26"]}`), Seal: word()}
	case 5:
		return &llm.ToolCall{ID: word(), Name: word(), Broken: `{"path":"/tm`}
	case 6:
		return &llm.ToolCall{ID: word(), Name: word()}
	case 7:
		return &llm.ToolCall{ID: word(), Name: word(), Custom: true, Broken: "{} *** " + word()}
	default:
		return &llm.Native{Dialect: "messages", Type: "server_tool_use", Raw: []byte(`{"type":"server_tool_use"}`)}
	}
}

// chop yields a delta in pieces cut anywhere, in a buffer that is overwritten
// after each call, as events are allowed to be.
func chop(rnd *rand.Rand, yield llm.Yield) llm.Yield {
	return func(e *llm.Event) error {
		if e.Kind != llm.EventDelta || e.Delta == llm.DeltaCitation {
			return yield(e)
		}
		for text := e.Text; len(text) > 0; {
			n := 1 + rnd.IntN(len(text))
			buf := bytes.Clone(text[:n])
			text = text[n:]
			if err := yield(&llm.Event{Kind: e.Kind, Index: e.Index, Delta: e.Delta, Text: buf}); err != nil {
				return err
			}
			for i := range buf {
				buf[i] = '!'
			}
		}
		return nil
	}
}

func TestReplayAndCollect(t *testing.T) {
	for seed := range uint64(2000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		want := randomResponse(rnd)
		for how, wrap := range map[string]func(llm.Yield) llm.Yield{
			"whole":   func(y llm.Yield) llm.Yield { return y },
			"chopped": func(y llm.Yield) llm.Yield { return chop(rnd, y) },
		} {
			g := llmtest.NewGrammar()
			if err := want.Replay(wrap(g.Yield)); err != nil {
				t.Fatalf("seed %d, %s: %v", seed, how, err)
			}
			got, fault := g.Collector.Response()
			if fault != nil || !g.Over() || !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, %s:\ngot  %+v %v\nwant %+v", seed, how, got, fault, want)
			}
		}
	}
}

func TestReplayTellsOutputAtTheEndOnly(t *testing.T) {
	r := &llm.Response{Stop: llm.StopEnd, Usage: llm.Usage{Known: true, Input: 3, CacheRead: 2, Output: 5, Reasoning: 1}}
	var usages []llm.Usage
	err := r.Replay(func(e *llm.Event) error { usages = append(usages, e.Usage); return nil })
	want := []llm.Usage{{Known: true, Input: 3, CacheRead: 2}, r.Usage}
	if err != nil || !reflect.DeepEqual(usages, want) {
		t.Errorf("got %+v, want %+v, %v", usages, want, err)
	}
}

func TestReplayStopsWhenItIsTold(t *testing.T) {
	r := &llm.Response{Stop: llm.StopEnd, Parts: []llm.Part{&llm.Text{Text: "a"}, &llm.Thinking{Text: "b", Signature: "c"}, &llm.ToolCall{Input: []byte("{}")}}}
	total := 0
	if err := r.Replay(func(*llm.Event) error { total++; return nil }); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("the client is gone")
	for at := 1; at <= total; at++ {
		seen := 0
		err := r.Replay(func(*llm.Event) error {
			if seen++; seen == at {
				return stop
			}
			return nil
		})
		if !errors.Is(err, stop) || seen != at {
			t.Errorf("stopped at event %d of %d: %d seen, %v", at, total, seen, err)
		}
	}
}

func TestCollectorKeepsCopies(t *testing.T) {
	raw, cite, input, details := []byte(`{"a":1}`), []byte(`{"u":1}`), []byte(`{"b":2}`), []byte(`{"c":3}`)
	call := &llm.ToolCall{ID: "1", Input: input, Broken: ""}
	text := &llm.Text{Text: "before "}
	var c llm.Collector
	add := func(e llm.Event) {
		if err := c.Add(&e); err != nil {
			t.Fatal(err)
		}
	}
	add(llm.Event{Kind: llm.EventStart})
	for i, p := range []llm.Part{&llm.Native{Raw: raw}, text, call, &llm.ToolCall{Broken: "cut"}} {
		add(llm.Event{Kind: llm.EventPartStart, Index: i, Part: p})
		if p == llm.Part(text) {
			add(llm.Event{Kind: llm.EventDelta, Index: i, Delta: llm.DeltaText, Text: []byte("and after")})
			add(llm.Event{Kind: llm.EventDelta, Index: i, Delta: llm.DeltaCitation, Cite: &llm.Citation{Dialect: "chat", Raw: cite}})
		}
		add(llm.Event{Kind: llm.EventPartEnd, Index: i})
	}
	add(llm.Event{Kind: llm.EventFinish, Stop: llm.StopEnd, StopDetails: details})
	for _, b := range [][]byte{raw, cite, input, details} {
		clear(b)
	}
	got, fault := c.Response()
	want := &llm.Response{Stop: llm.StopEnd, StopDetails: []byte(`{"c":3}`), Parts: []llm.Part{
		&llm.Native{Raw: []byte(`{"a":1}`)}, &llm.Text{Text: "before and after", Citations: llmtest.Cites("chat", `[{"u":1}]`)},
		&llm.ToolCall{ID: "1", Input: []byte(`{"b":2}`)}, &llm.ToolCall{Broken: "cut"},
	}}
	if fault != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v %v", got, fault)
	}
	if text.Text != "before " || call.Broken != "" {
		t.Error("the event's own part was changed")
	}
}

func TestCollectorFaults(t *testing.T) {
	boom := &llm.Error{Kind: llm.ErrOverloaded, Message: "try later"}
	part := []llm.Event{
		{Kind: llm.EventStart, ID: "x"},
		{Kind: llm.EventPartStart, Part: &llm.Text{}},
		{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte("half")},
	}
	tests := []struct {
		name   string
		events []llm.Event
		want   llm.ErrorKind
	}{
		{"nothing came", nil, llm.ErrUpstream},
		{"STR-05 it broke off", part, llm.ErrUpstream},
		{"STR-05 a fault in the middle", append(part[:3:3], llm.Event{Kind: llm.EventFault, Err: boom}), llm.ErrOverloaded},
		{"STR-03 a fault at once", []llm.Event{{Kind: llm.EventFault, Err: boom}}, llm.ErrOverloaded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c llm.Collector
			for i := range tt.events {
				if err := c.Add(&tt.events[i]); err != nil {
					t.Fatal(err)
				}
			}
			if r, fault := c.Response(); r != nil || fault == nil || fault.Kind != tt.want {
				t.Errorf("got %+v, %v", r, fault)
			}
		})
	}
}

func TestSetArguments(t *testing.T) {
	tests := []struct {
		name, text    string
		custom        bool
		input, broken string
	}{
		{"an object", `{"a":1}`, false, `{"a":1}`, ""},
		{"an empty object", `{}`, false, `{}`, ""},
		{"white space around it", " {\"a\": 1}\n", false, `{"a": 1}`, ""},
		{"nothing", "", false, "", ""},
		{"white space", " \r\n\t", false, "", ""},
		{"TOOL-18 cut by the token limit", `{"path":"/tmp/a`, false, "", `{"path":"/tmp/a`},
		{"TOOL-18 a backslash that escapes nothing", `{"path":"C:\Users"}`, false, "", `{"path":"C:\Users"}`},
		{"TOOL-18 a line break inside a string", "{\"code\":\"a\nb\"}", false, "", "{\"code\":\"a\nb\"}"},
		{"TOOL-18 a list", `[1]`, false, "", `[1]`},
		{"TOOL-18 a string", `"{}"`, false, "", `"{}"`},
		{"TOOL-18 null", `null`, false, "", `null`},
		{"TOOL-18 two objects", `{}{}`, false, "", `{}{}`},
		{"TOOL-18 prose", ` call it `, false, "", ` call it `},
		{"free text that looks like an object", `{"a":1}`, true, "", `{"a":1}`},
		{"free text of white space", " \n", true, "", " \n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := llm.ToolCall{Custom: tt.custom, Input: []byte("old"), Broken: "old"}
			c.SetArguments(tt.text)
			if string(c.Input) != tt.input || c.Broken != tt.broken || (tt.input == "") != (c.Input == nil) {
				t.Errorf("input %q, broken %q", c.Input, c.Broken)
			}
			want := tt.input
			if want == "" {
				want = "{}"
			}
			if got := string(c.Arguments()); got != want {
				t.Errorf("Arguments %q", got)
			}
		})
	}
}
