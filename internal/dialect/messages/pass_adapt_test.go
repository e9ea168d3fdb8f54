package messages

import (
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func TestPassAdaptsWhatIsKnownToBeRefused(t *testing.T) {
	budget := llm.Caps{Family: "claude", MaxOutput: 64000, Thinking: llm.ThinkBudget, Sampling: llm.SamplingOne, Structured: true}
	both := llm.Caps{Family: "claude", MaxOutput: 128000, Thinking: llm.ThinkBoth, Efforts: []string{"low", "medium", "high", "max"}, Sampling: llm.SamplingOne, Structured: true, NoPrefill: true}
	adaptive := both
	adaptive.Thinking, adaptive.Sampling, adaptive.Efforts = llm.ThinkAdaptive, llm.SamplingNone, []string{"low", "medium", "high", "xhigh", "max"}
	unforced := adaptive
	unforced.NoToolChoice = true
	old := llm.Caps{Family: "claude", MaxOutput: 8192, Thinking: llm.ThinkNone}
	for _, c := range []struct {
		name   string
		caps   llm.Caps
		body   string
		beta   string
		want   string // "" where nothing may change
		losses string
	}{
		{"THK-09 a budget becomes an effort", adaptive, `{"thinking":{"type":"enabled","budget_tokens":10000},"max_tokens":20000}`, "", `{"thinking":{"type":"adaptive"},"max_tokens":20000,"output_config":{"effort":"medium"}}`, "thinking.budget_tokens"},
		{"THK-09 the client's effort stays", adaptive, `{"thinking":{"budget_tokens":10000,"type":"enabled","display":"omitted"},"output_config":{"effort":"max"},"max_tokens":20000}`, "", `{"thinking":{"type":"adaptive","display":"omitted"},"output_config":{"effort":"max"},"max_tokens":20000}`, "thinking.budget_tokens"},
		{"THK-09 on a model that takes both it passes", both, `{"thinking":{"type":"enabled","budget_tokens":10000},"max_tokens":20000}`, "", "", ""},
		{"THK-10 adaptive takes no budget", both, `{"thinking":{"type":"adaptive","budget_tokens":10000},"max_tokens":20000}`, "", `{"thinking":{"type":"adaptive"},"max_tokens":20000}`, "thinking.budget_tokens"},
		{"THK-11 adaptive passes", both, `{"thinking":{"type":"adaptive"},"max_tokens":20000}`, "", "", ""},
		{"adaptive on a model of budgets", budget, `{"thinking":{"type":"adaptive"},"output_config":{"effort":"low"},"max_tokens":20000}`, "", `{"thinking":{"type":"enabled","budget_tokens":4096},"max_tokens":20000}`, "thinking.type; output_config.effort"},
		{"THK-12 raised", budget, `{"thinking":{"type":"enabled","budget_tokens":5000},"max_tokens":4000}`, "", `{"thinking":{"type":"enabled","budget_tokens":5000},"max_tokens":9000}`, "max_tokens"},
		{"THK-12 not above what the model writes", budget, `{"thinking":{"type":"enabled","budget_tokens":64000},"max_tokens":64000}`, "", `{"thinking":{"type":"enabled","budget_tokens":32000},"max_tokens":64000}`, "thinking.budget_tokens; max_tokens"},
		{"THK-12 interleaved it may be above", budget, `{"thinking":{"type":"enabled","budget_tokens":32000},"max_tokens":32000}`, "claude-code-20250219,interleaved-thinking-2025-05-14", "", ""},
		{"the least budget", budget, `{"thinking":{"type":"enabled","budget_tokens":100},"max_tokens":4000}`, "", `{"thinking":{"type":"enabled","budget_tokens":1024},"max_tokens":4000}`, "thinking.budget_tokens"},
		{"THK-13 thinking excludes sampling", budget, `{"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000,"temperature":0.2,"top_k":5}`, "", `{"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000}`, "temperature; top_k"},
		{"THK-13 a temperature of 1 passes", budget, `{"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000,"temperature":1.0,"top_p":0.95}`, "", `{"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000,"temperature":1.0}`, "top_p"},
		{"THK-14 off stays off", adaptive, `{"thinking":{"type":"disabled"},"max_tokens":5}`, "", "", ""},
		{"THK-14 a budget of nothing is off", both, `{"thinking":{"type":"enabled","budget_tokens":0},"temperature":0.5,"max_tokens":5}`, "", `{"thinking":{"type":"disabled"},"temperature":0.5,"max_tokens":5}`, "thinking.budget_tokens"},
		{"THK-14 also where a budget would become an effort", adaptive, `{"thinking":{"type":"enabled","budget_tokens":0},"max_tokens":5}`, "", `{"thinking":{"type":"disabled"},"max_tokens":5}`, "thinking.budget_tokens"},
		{"a budget that is not there is the upstream's to miss", budget, `{"thinking":{"type":"enabled"},"max_tokens":5}`, "", "", ""},
		{"a model that cannot think", old, `{"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000}`, "", `{"max_tokens":4000}`, "thinking"},
		{"THK-19 a forced call", budget, `{"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000,"tool_choice":{"type":"tool","name":"a","disable_parallel_tool_use":true}}`, "", `{"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000,"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}`, "tool_choice"},
		{"THK-19 without thinking it passes", budget, `{"max_tokens":4000,"tool_choice":{"type":"any"}}`, "", "", ""},
		{"THK-19 adaptive thinking goes with it", both, `{"thinking":{"type":"adaptive"},"max_tokens":4000,"tool_choice":{"type":"any"}}`, "", "", ""},
		{"THK-19 a model that is never forced", unforced, `{"max_tokens":4000,"tool_choice":{"type":"any"}}`, "", `{"max_tokens":4000,"tool_choice":{"type":"auto"}}`, "tool_choice"},
		{"PAR-01 temperature wins", budget, `{"max_tokens":5,"top_p":0.9,"temperature":0.5}`, "", `{"max_tokens":5,"temperature":0.5}`, "top_p"},
		{"PAR-02 one alone passes", budget, `{"max_tokens":5,"top_p":0.9}`, "", "", ""},
		{"no sampling at all", adaptive, `{"max_tokens":5,"top_p":0.9,"temperature":0.5,"top_k":3}`, "", `{"max_tokens":5}`, "temperature; top_p; top_k"},
		{"but the default", adaptive, `{"max_tokens":5,"temperature":1}`, "", "", ""},
		{"PAR-04 more than the model writes", budget, `{"max_tokens":200000}`, "", `{"max_tokens":64000}`, "max_tokens"},
		{"PAR-04 unless a flag allows it", budget, `{"max_tokens":128000}`, "output-128k-2025-02-19", "", ""},
		{"PAR-09 no structured output", old, `{"max_tokens":5,"output_config":{"format":{"type":"json_schema"}}}`, "", `{"max_tokens":5}`, "output_config.format"},
		{"THK-15 the nearest effort", both, `{"max_tokens":5,"output_config":{"effort":"xhigh"}}`, "", `{"max_tokens":5,"output_config":{"effort":"max"}}`, "output_config.effort"},
		{"THK-15 an effort nobody knows here", both, `{"max_tokens":5,"output_config":{"effort":"utmost"}}`, "", "", ""},
		{"MSG-12 a prefill is the upstream's to refuse", adaptive, `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`, "", "", ""},
		{"nothing is known of the model", llm.Caps{}, `{"thinking":{"type":"adaptive","budget_tokens":1},"temperature":0.1,"top_p":0.2,"max_tokens":1}`, "", "", ""},
		{"a new Claude of which only the name is known", llm.Caps{Family: "claude"}, `{"thinking":{"type":"adaptive"},"output_config":{"effort":"high","format":{}},"temperature":1,"max_tokens":999999}`, "", "", ""},
		{"odd types are the upstream's to refuse", adaptive, `{"thinking":"yes","max_tokens":"many","temperature":null,"tool_choice":[],"output_config":3,"messages":{}}`, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, losses, ok := pass(t, c.body, c.beta, &llm.Target{Caps: c.caps})
			got = strings.Replace(got, `"model":"",`, "", 1)
			got = strings.Replace(got, `,"model":""`, "", 1)
			var paths []string
			for _, l := range losses {
				paths = append(paths, l.Path)
			}
			want := c.want
			if want == "" {
				want = c.body
			}
			if !ok || got != want || strings.Join(paths, "; ") != c.losses {
				t.Errorf("got  %s\nwant %s\nlosses %q, want %q", got, want, paths, c.losses)
			}
			again, losses, _ := pass(t, got, c.beta, &llm.Target{Caps: c.caps})
			if again = strings.Replace(again, `,"model":""`, "", 1); again != got || len(losses) > 0 {
				t.Errorf("not settled: %s, losses %v", again, losses)
			}
		})
	}
}

func TestPassAdaptsOnBedrockToo(t *testing.T) {
	caps := llm.Caps{Family: "claude", MaxOutput: 128000, Thinking: llm.ThinkAdaptive, Sampling: llm.SamplingNone, Efforts: []string{"low", "high"}}
	got, losses, ok := pass(t, `{"max_tokens":5,"thinking":{"type":"enabled","budget_tokens":20000},"temperature":0.3}`, "", &llm.Target{Bedrock: true, Caps: caps})
	want := `{"max_tokens":5,"thinking":{"type":"adaptive"},"anthropic_version":"bedrock-2023-05-31","output_config":{"effort":"high"}}`
	if !ok || got != want || len(losses) != 2 {
		t.Errorf("got %s, losses %v", got, losses)
	}
}

// What was adapted is settled: sent again, nothing more is found in it. An edit is
// made only with a loss named or where the value was the default.
func FuzzPass(f *testing.F) {
	for _, seed := range []string{
		`{"thinking":{"type":"enabled","budget_tokens":10000},"max_tokens":200,"temperature":0.2,"top_p":0.5,"top_k":3,"output_config":{"effort":"max","format":{}},"tool_choice":{"type":"any"}}`,
		`{"thinking":{"type":"adaptive","budget_tokens":0},"output_config":{"effort":"minimal"},"max_tokens":1}`,
		`{"thinking":{"budget_tokens":-5,"type":"enabled"},"max_tokens":-1,"temperature":1e400}`,
	} {
		f.Add([]byte(seed))
	}
	caps := []llm.Caps{
		{Family: "claude", MaxOutput: 8192, Thinking: llm.ThinkNone},
		{Family: "claude", MaxOutput: 64000, Thinking: llm.ThinkBudget, Sampling: llm.SamplingOne, Structured: true},
		{Family: "claude", MaxOutput: 128000, Thinking: llm.ThinkAdaptive, Efforts: []string{"low", "high"}, Sampling: llm.SamplingNone, NoToolChoice: true},
		{Family: "claude"},
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for i := range caps {
			o, err := wire.ParseObject(body)
			if err != nil || !wire.Valid(body, '{') {
				return
			}
			edits, _ := adapt(o, &caps[i], nil, nil, nil)
			out := o.Apply(edits...)
			if !wire.Valid(out, '{') {
				t.Fatalf("%s became %s", body, out)
			}
			again, err := wire.ParseObject(out)
			if err != nil {
				t.Fatalf("%s became %s: %v", body, out, err)
			}
			if more, losses := adapt(again, &caps[i], nil, nil, nil); string(again.Apply(more...)) != string(out) || len(losses) > 0 {
				t.Fatalf("caps %d: %s became %s, then %s (%v)", i, body, out, again.Apply(more...), losses)
			}
		}
	})
}
