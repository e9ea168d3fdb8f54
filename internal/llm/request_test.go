package llm_test

import (
	"reflect"
	"testing"

	"turnpike/internal/llm"
)

func TestMerged(t *testing.T) {
	a, b, c, d := &llm.Text{Text: "a"}, &llm.Text{Text: "b"}, &llm.Text{Text: "c"}, &llm.Text{Text: "d"}
	turn := func(role llm.Role, parts ...llm.Part) llm.Turn { return llm.Turn{Role: role, Parts: parts} }
	tests := []struct {
		name     string
		in, want []llm.Turn
	}{
		{"nothing", nil, []llm.Turn{}},
		{"alternating turns stay", []llm.Turn{turn(llm.User, a), turn(llm.Assistant, b), turn(llm.User, c)}, []llm.Turn{turn(llm.User, a), turn(llm.Assistant, b), turn(llm.User, c)}},
		{"MSG-02 neighbours of one role are joined in order", []llm.Turn{turn(llm.User, a), turn(llm.User, b, c), turn(llm.User, d), turn(llm.Assistant, a), turn(llm.Assistant, b)}, []llm.Turn{turn(llm.User, a, b, c, d), turn(llm.Assistant, a, b)}},
		{"MSG-08 system turns, too", []llm.Turn{turn(llm.User, a), turn(llm.System, b), turn(llm.System, c)}, []llm.Turn{turn(llm.User, a), turn(llm.System, b, c)}},
		{"empty turns are left out, and their neighbours joined", []llm.Turn{turn(llm.User, a), turn(llm.Assistant), turn(llm.User, b)}, []llm.Turn{turn(llm.User, a, b)}},
		{"only empty turns", []llm.Turn{turn(llm.User), turn(llm.Assistant)}, []llm.Turn{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := llm.Merged(tt.in); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestMergedLeavesItsInputAlone: the turns it is given serve the next attempt, too.
func TestMergedLeavesItsInputAlone(t *testing.T) {
	room := make([]llm.Part, 1, 8) // room that a careless append would use
	room[0] = &llm.Text{Text: "a"}
	in := []llm.Turn{{Role: llm.User, Parts: room}, {Role: llm.User, Parts: []llm.Part{&llm.Text{Text: "b"}}}}
	first := llm.Merged(in)
	first[0].Parts[1] = &llm.Text{Text: "changed"}
	if len(in[0].Parts) != 1 || room[:2][1] != nil {
		t.Error("the input was changed")
	}
	if second := llm.Merged(in); !reflect.DeepEqual(second[0].Parts[1], &llm.Text{Text: "b"}) {
		t.Error("the second answer shares the first one's parts")
	}
}

func TestThoughtWanted(t *testing.T) {
	tests := []struct {
		thought llm.Thought
		want    bool
	}{
		{llm.Thought{}, false},
		{llm.Thought{Effort: "high"}, false},
		{llm.Thought{Mode: llm.ThinkingOff}, false},
		{llm.Thought{Mode: llm.ThinkingBudget, Budget: 1024}, true},
		{llm.Thought{Mode: llm.ThinkingAdaptive}, true},
		{llm.Thought{Mode: llm.ThinkingEffort, Effort: "low"}, true},
		{llm.Thought{Mode: llm.ThinkingEffort, Effort: "none"}, false},
	}
	for _, tt := range tests {
		if got := tt.thought.Wanted(); got != tt.want {
			t.Errorf("%+v: %v", tt.thought, got)
		}
	}
}
