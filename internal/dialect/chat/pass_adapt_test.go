package chat

import (
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func TestPassAdaptsWhatIsKnownToBeRefused(t *testing.T) {
	gpt5 := llm.Caps{Family: "gpt", MaxOutput: 128000, Thinking: llm.ThinkEffort, Efforts: []string{"minimal", "low", "medium", "high"}, Sampling: llm.SamplingNone}
	gpt51 := gpt5
	gpt51.Efforts = []string{"none", "low", "medium", "high"}
	newer := gpt5
	newer.Efforts = nil
	o3 := gpt5
	o3.Efforts, o3.NoStop = []string{"low", "medium", "high"}, true
	one := llm.Caps{Family: "gpt", NoParallel: true}
	gpt4 := llm.Caps{Family: "gpt", MaxOutput: 16384, Thinking: llm.ThinkNone}
	for _, c := range []struct {
		name   string
		caps   llm.Caps
		compat bool
		body   string
		want   string // "" where nothing may change
		losses string
	}{
		{"PAR-03 the newer name", gpt5, false, `{"model":"m","max_tokens": 50,"x":1}`, `{"model":"m","x":1,"max_completion_tokens":50}`, "max_tokens"},
		{"both names are the client's own fault", gpt5, false, `{"model":"m","max_tokens":50,"max_completion_tokens":60}`, "", ""},
		{"the older name on older models", gpt4, false, `{"model":"m","max_tokens":50}`, "", ""},
		{"PAR-04 too many", gpt4, false, `{"model":"m","max_tokens":50000}`, `{"model":"m","max_tokens":16384}`, "max_tokens"},
		{"PAR-04 by the newer name", gpt5, false, `{"model":"m","max_completion_tokens":500000}`, `{"model":"m","max_completion_tokens":128000}`, "max_completion_tokens"},
		{"no sampling", gpt5, false, `{"model":"m","temperature":0.2,"top_p":0.9}`, `{"model":"m"}`, "temperature; top_p"},
		{"but its default", gpt5, false, `{"model":"m","temperature":1,"top_p":1.0}`, "", ""},
		{"sampling where reasoning is off", gpt51, false, `{"model":"m","temperature":0.2}`, "", ""},
		{"and where it is not", gpt51, false, `{"model":"m","temperature":0.2,"reasoning_effort":"low"}`, `{"model":"m","reasoning_effort":"low"}`, "temperature"},
		{"a model of which less is known", newer, false, `{"model":"m","temperature":0.2,"reasoning_effort":"xhigh"}`, "", ""},
		{"THK-15 the nearest effort", gpt5, false, `{"model":"m","reasoning_effort":"none"}`, `{"model":"m","reasoning_effort":"minimal"}`, "reasoning_effort"},
		{"THK-15 on a model without", gpt4, false, `{"model":"m","reasoning_effort":"low"}`, `{"model":"m"}`, "reasoning_effort"},
		{"stop sequences", o3, false, `{"model":"m","stop":["a"]}`, `{"model":"m"}`, "stop"},
		{"no word about parallel calls", one, false, `{"model":"m","parallel_tool_calls":false}`, `{"model":"m"}`, "parallel_tool_calls"},
		{"a server that copies the API", gpt5, true, `{"model":"m","max_tokens":50,"temperature":0.2,"reasoning_effort":"none"}`, "", ""},
		{"nothing is known", llm.Caps{}, false, `{"model":"m","max_tokens":50,"temperature":0.2,"reasoning_effort":"none"}`, "", ""},
		{"odd types are the upstream's to refuse", gpt5, false, `{"model":"m","max_completion_tokens":"x","temperature":null,"reasoning_effort":3,"stop":null}`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := wire.ParseObject([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			edits, losses, ok := Dialect{}.Pass(o, nil, &llm.Target{Model: "m", Caps: c.caps, Compat: c.compat})
			var paths []string
			for _, l := range losses {
				paths = append(paths, l.Path)
			}
			want := c.want
			if want == "" {
				want = c.body
			}
			if got := string(o.Apply(edits...)); !ok || got != want || strings.Join(paths, "; ") != c.losses {
				t.Errorf("got  %s\nwant %s\nlosses %q, want %q", got, want, paths, c.losses)
			}
		})
	}
}
