package responses

import (
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func TestPassAdaptsWhatIsKnownToBeRefused(t *testing.T) {
	gpt5 := llm.Caps{Family: "gpt", MaxOutput: 128000, Thinking: llm.ThinkEffort, Efforts: []string{"minimal", "low", "medium", "high"}, Sampling: llm.SamplingNone}
	for _, c := range []struct {
		name   string
		caps   llm.Caps
		compat bool
		body   string
		want   string // "" where nothing may change
		losses int
	}{
		{"THK-15 the nearest effort", gpt5, false, `{"model":"m","reasoning":{"summary":"auto","effort":"xhigh"}}`, `{"model":"m","reasoning":{"summary":"auto","effort":"high"}}`, 1},
		{"an effort it takes", gpt5, false, `{"model":"m","reasoning":{"effort":"low"}}`, "", 0},
		{"no sampling", gpt5, false, `{"model":"m","temperature":0.2,"top_p":1}`, `{"model":"m","top_p":1}`, 1},
		{"a server that copies the API", gpt5, true, `{"model":"m","temperature":0.2}`, "", 0},
		{"nothing is known", llm.Caps{}, false, `{"model":"m","temperature":0.2,"reasoning":{"effort":"xhigh"}}`, "", 0},
		{"odd types", gpt5, false, `{"model":"m","reasoning":"high","temperature":null}`, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := wire.ParseObject([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			edits, losses, ok := Dialect{}.Pass(o, nil, &llm.Target{Model: "m", Caps: c.caps, Compat: c.compat})
			want := c.want
			if want == "" {
				want = c.body
			}
			if got := string(o.Apply(edits...)); !ok || got != want || len(losses) != c.losses {
				t.Errorf("got  %s\nwant %s\nlosses %v", got, want, losses)
			}
		})
	}
}
