package llm_test

import (
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

func TestUniqueIDs(t *testing.T) {
	var ids llm.UniqueIDs
	long := strings.Repeat("x", 100)
	want := []string{
		"a", llm.ShortID("a#2", 64), llm.ShortID("a#3", 64), "b", llm.ShortID("a.b", 64), llm.ShortID("a.b#2", 64),
		llm.ShortID(long, 64), llm.ShortID("a#2#2", 64),
	}
	for i, id := range []string{"a", "a", "a", "b", "a.b", "a.b", long, "a#2"} {
		if got := ids.Take(id); got != want[i] {
			t.Errorf("%d: %q became %q, want %q", i, id, got, want[i])
		}
	}
}

func TestRandomID(t *testing.T) {
	a, b := llm.RandomID(22), llm.RandomID(22)
	if len(a) != 22 || a == b || llm.ShortID(a, 64) != a {
		t.Errorf("%q, %q", a, b)
	}
}

func TestPairing(t *testing.T) {
	text := func(s string) llm.Part { return &llm.Text{Text: s} }
	call := func(id string) llm.Part { return &llm.ToolCall{ID: id, Name: "f"} }
	result := func(id, s string) llm.Part { return &llm.ToolResult{CallID: id, Parts: []llm.Part{text(s)}} }
	missing := func(id string) llm.Part {
		return &llm.ToolResult{CallID: id, Error: true, Parts: []llm.Part{text("No result: the call was not carried out.")}}
	}
	two := llm.ShortID("a#2", 64)
	cases := []struct {
		name        string
		calls       []llm.Part
		parts       []llm.Part
		wantCalls   []llm.Part
		wantAnswers []llm.Part
		added       int
	}{
		{
			"results first, as the client had them",
			[]llm.Part{call("a"), call("b")},
			[]llm.Part{text("x"), result("b", "1"), text("y"), result("a", "2")},
			[]llm.Part{call("a"), call("b")},
			[]llm.Part{result("b", "1"), result("a", "2"), text("x"), text("y")},
			0,
		},
		{
			"one is missing",
			[]llm.Part{text("t"), call("a"), call("b")},
			[]llm.Part{result("b", "1")},
			[]llm.Part{text("t"), call("a"), call("b")},
			[]llm.Part{result("b", "1"), missing("a")},
			1,
		},
		{"all are missing", []llm.Part{call("a")}, nil, []llm.Part{call("a")}, []llm.Part{missing("a")}, 1},
		{
			"the same id twice in a turn",
			[]llm.Part{call("a"), call("a")},
			[]llm.Part{result("a", "1"), result("a", "2"), result("a", "3")},
			[]llm.Part{call("a"), call(two)},
			[]llm.Part{result("a", "1"), result(two, "2"), text("orphan"), text("3")},
			0,
		},
		{"a result of nothing", nil, []llm.Part{result("z", "1"), text("x")}, nil, []llm.Part{text("orphan"), text("1"), text("x")}, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var p llm.Pairing
			before := append([]llm.Part(nil), c.calls...)
			calls := p.Calls(c.calls)
			if !reflect.DeepEqual(calls, c.wantCalls) || !reflect.DeepEqual(c.calls, before) {
				t.Errorf("calls %v, given %v", calls, c.calls)
			}
			if p.Waiting() != (len(c.calls) > 0) {
				t.Error("waiting")
			}
			got, added := p.Answers(c.parts, func(r *llm.ToolResult) []llm.Part { return append([]llm.Part{text("orphan")}, r.Parts...) })
			if !reflect.DeepEqual(got, c.wantAnswers) || added != c.added || p.Waiting() {
				t.Errorf("%d added: %v", added, got)
			}
		})
	}
	t.Run("an id of an earlier turn comes again", func(t *testing.T) {
		var p llm.Pairing
		orphan := func(*llm.ToolResult) []llm.Part { t.Error("an orphan"); return nil }
		for _, id := range []string{"a", two} {
			if got := p.Calls([]llm.Part{call("a")}); !reflect.DeepEqual(got, []llm.Part{call(id)}) {
				t.Errorf("calls %v, want the id %s", got, id)
			}
			if got, _ := p.Answers([]llm.Part{result("a", "1")}, orphan); !reflect.DeepEqual(got, []llm.Part{result(id, "1")}) {
				t.Errorf("answers %v, want the id %s", got, id)
			}
		}
	})
	t.Run("many calls in a turn are forgotten, too", func(t *testing.T) {
		var p llm.Pairing
		var calls []llm.Part
		for range 100 {
			calls = append(calls, call("a"))
		}
		p.Calls(calls)
		if _, added := p.Answers(nil, nil); added != 100 || p.Waiting() {
			t.Errorf("%d added", added)
		}
	})
}
