package messages

import (
	"fmt"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

func caps(change func(*llm.Caps)) *llm.Target {
	t := opus()
	change(&t.Caps)
	return t
}

// TestThinking shows in which form the wish to reason reaches each kind of model.
func TestThinking(t *testing.T) {
	const none = "null"
	kind := func(k llm.ThinkingKind) *llm.Target { return caps(func(c *llm.Caps) { c.Thinking = k }) }
	unknown := &llm.Target{Model: "m"}
	cases := []struct {
		id       string
		target   *llm.Target
		thought  llm.Thought
		max      int64 // 0: not given
		thinking string
		output   string
		wantMax  float64 // 0: max
		losses   []string
	}{
		{"nothing said", kind(llm.ThinkAdaptive), llm.Thought{}, 1000, none, none, 0, nil},
		{"budget as given", kind(llm.ThinkBudget), llm.Thought{Mode: llm.ThinkingBudget, Budget: 2000, Display: "omitted"}, 9000, `{"type":"enabled","budget_tokens":2000,"display":"omitted"}`, none, 0, nil},
		{"THK-12 max_tokens raised", kind(llm.ThinkBudget), llm.Thought{Mode: llm.ThinkingBudget, Budget: 8000}, 4000, `{"type":"enabled","budget_tokens":8000}`, none, 12000, []string{"max_tokens"}},
		{
			"THK-12 budget lowered", caps(func(c *llm.Caps) { c.Thinking, c.MaxOutput = llm.ThinkBudget, 8192 }),
			llm.Thought{Mode: llm.ThinkingBudget, Budget: 31999},
			4000,
			`{"type":"enabled","budget_tokens":4192}`, none, 8192,
			[]string{"max_tokens: raised", "thinking.budget_tokens: lowered"},
		},
		{"THK-12 no room to think", caps(func(c *llm.Caps) { c.Thinking, c.MaxOutput = llm.ThinkBudget, 1000 }), llm.Thought{Mode: llm.ThinkingBudget, Budget: 2000}, 900, none, none, 0, []string{"too short to think"}},
		{"THK-12 budget lowered, max_tokens already the most", caps(func(c *llm.Caps) { c.Thinking, c.MaxOutput = llm.ThinkBudget, 4096 }), llm.Thought{Mode: llm.ThinkingBudget, Budget: 5000}, 4096, `{"type":"enabled","budget_tokens":2048}`, none, 0, []string{"thinking.budget_tokens: lowered"}},
		{"the least budget", kind(llm.ThinkBudget), llm.Thought{Mode: llm.ThinkingBudget, Budget: 10}, 5000, `{"type":"enabled","budget_tokens":1024}`, none, 0, []string{"the least is 1024"}},
		{"THK-09 THK-10 budget to an adaptive model", kind(llm.ThinkAdaptive), llm.Thought{Mode: llm.ThinkingBudget, Budget: 31999, Display: "summarized"}, 32000, `{"type":"adaptive","display":"summarized"}`, `{"effort":"high"}`, 0, []string{"thinking.budget_tokens"}},
		{"THK-09 a small budget", kind(llm.ThinkAdaptive), llm.Thought{Mode: llm.ThinkingBudget, Budget: 2048}, 32000, `{"type":"adaptive"}`, `{"effort":"low"}`, 0, []string{"thinking.budget_tokens"}},
		{"THK-11 adaptive stays", kind(llm.ThinkBoth), llm.Thought{Mode: llm.ThinkingAdaptive, Effort: "max", Display: "omitted"}, 32000, `{"type":"adaptive","display":"omitted"}`, `{"effort":"max"}`, 0, nil},
		{"THK-11 adaptive to an unknown model", unknown, llm.Thought{Mode: llm.ThinkingAdaptive}, 32000, `{"type":"adaptive"}`, none, 0, nil},
		{"adaptive to a model with budgets", kind(llm.ThinkBudget), llm.Thought{Mode: llm.ThinkingAdaptive, Effort: "low"}, 32000, `{"type":"enabled","budget_tokens":4096}`, none, 0, []string{"thinking.type"}},
		{"budget where both are taken", kind(llm.ThinkBoth), llm.Thought{Mode: llm.ThinkingBudget, Budget: 3000, Effort: "low"}, 32000, `{"type":"enabled","budget_tokens":3000}`, `{"effort":"low"}`, 0, nil},
		{"effort where both are taken", kind(llm.ThinkBoth), llm.Thought{Mode: llm.ThinkingEffort, Effort: "high"}, 100, `{"type":"adaptive"}`, `{"effort":"high"}`, 0, nil},
		{"effort to an unknown model", unknown, llm.Thought{Mode: llm.ThinkingEffort, Effort: "medium"}, 32000, `{"type":"enabled","budget_tokens":8192}`, none, 0, nil},
		{"effort leaves room for the answer", kind(llm.ThinkBudget), llm.Thought{Mode: llm.ThinkingEffort, Effort: "high"}, 4096, `{"type":"enabled","budget_tokens":2048}`, none, 0, nil},
		{"effort beside a small limit", kind(llm.ThinkBudget), llm.Thought{Mode: llm.ThinkingEffort, Effort: "high"}, 500, `{"type":"enabled","budget_tokens":1024}`, none, 1524, []string{"max_tokens: raised"}},
		{"effort without a limit", unknown, llm.Thought{Mode: llm.ThinkingEffort, Effort: "high"}, 0, `{"type":"enabled","budget_tokens":16384}`, none, 16384 + 8192, nil},
		{"THK-14 off stays off", kind(llm.ThinkAdaptive), llm.Thought{Mode: llm.ThinkingOff}, 10, `{"type":"disabled"}`, none, 0, nil},
		{"THK-14 effort none", kind(llm.ThinkAdaptive), llm.Thought{Mode: llm.ThinkingEffort, Effort: "none"}, 10, `{"type":"disabled"}`, none, 0, nil},
		{"THK-14 effort none to a model that thinks when told", kind(llm.ThinkBudget), llm.Thought{Mode: llm.ThinkingEffort, Effort: "none"}, 10, none, none, 0, nil},
		{"off where it cannot be on", kind(llm.ThinkNone), llm.Thought{Mode: llm.ThinkingOff}, 10, none, none, 0, nil},
		{"it cannot", kind(llm.ThinkNone), llm.Thought{Mode: llm.ThinkingBudget, Budget: 2000}, 9000, none, none, 0, []string{"thinking: the model cannot"}},
		{"THK-15 minimal", kind(llm.ThinkAdaptive), llm.Thought{Mode: llm.ThinkingEffort, Effort: "minimal"}, 10, `{"type":"adaptive"}`, `{"effort":"low"}`, 0, []string{"low instead of minimal"}},
		{
			"THK-15 xhigh", caps(func(c *llm.Caps) { c.Thinking, c.Efforts = llm.ThinkAdaptive, []string{"low", "medium", "high", "max"} }),
			llm.Thought{Mode: llm.ThinkingEffort, Effort: "xhigh"},
			10, `{"type":"adaptive"}`, `{"effort":"max"}`, 0,
			[]string{"max instead of xhigh"},
		},
		{
			"THK-15 max", caps(func(c *llm.Caps) { c.Thinking, c.Efforts = llm.ThinkAdaptive, []string{"low", "medium", "high"} }),
			llm.Thought{Mode: llm.ThinkingAdaptive, Effort: "max"},
			10, `{"type":"adaptive"}`, `{"effort":"high"}`, 0,
			[]string{"high instead of max"},
		},
		{"effort alone", kind(llm.ThinkBoth), llm.Thought{Effort: "low"}, 10, none, `{"effort":"low"}`, 0, nil},
		{"PAR-09 effort to a model without", kind(llm.ThinkBudget), llm.Thought{Effort: "low"}, 10, none, none, 0, []string{"effort: the model has no such setting"}},
		{"PAR-09 none accepted", caps(func(c *llm.Caps) { c.Efforts = []string{} }), llm.Thought{Effort: "low"}, 10, none, none, 0, []string{"effort"}},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			req := ask(user(say("q")))
			req.Thinking = c.thought
			if c.max > 0 {
				req.MaxTokens = &c.max
			}
			body, losses := mustEncode(t, req, c.target)
			same(t, "thinking", body["thinking"], c.thinking)
			same(t, "output_config", body["output_config"], c.output)
			want := c.wantMax
			if want == 0 {
				want = float64(c.max)
			}
			if body["max_tokens"] != want {
				t.Errorf("max_tokens %v, want %v", body["max_tokens"], want)
			}
			wantLosses(t, losses, c.losses...)
		})
	}
}

func TestThinkingExcludes(t *testing.T) {
	think := func(req *llm.Request) *llm.Request {
		req.Thinking = llm.Thought{Mode: llm.ThinkingBudget, Budget: 2000}
		req.MaxTokens = new(int64(9000))
		return req
	}
	t.Run("THK-13 sampling", func(t *testing.T) {
		req := think(ask(user(say("q"))))
		req.Temperature, req.TopP, req.TopK = new(0.2), new(0.5), new(int64(3))
		body, losses := mustEncode(t, req, opus())
		for _, k := range []string{"temperature", "top_p", "top_k"} {
			if body[k] != nil {
				t.Errorf("%s %v", k, body[k])
			}
		}
		wantLosses(t, losses, "temperature", "top_p", "top_k")
	})
	t.Run("THK-13 temperature of 1 stays", func(t *testing.T) {
		req := think(ask(user(say("q"))))
		req.Temperature, req.TopP = new(1.0), new(0.97)
		body, losses := mustEncode(t, req, opus())
		if body["temperature"] != 1.0 || body["top_p"] != 0.97 {
			t.Errorf("got %v", body)
		}
		wantLosses(t, losses)
	})
	t.Run("THK-19 PAR-08 forced call", func(t *testing.T) {
		for _, c := range []llm.Choice{{Mode: llm.ChoiceAny}, {Mode: llm.ChoiceTool, Name: "f"}} {
			req := think(ask(user(say("q"))))
			req.Tools, req.Choice = []llm.Tool{tool("f")}, c
			body, losses := mustEncode(t, req, opus())
			same(t, "tool_choice", body["tool_choice"], `{"type":"auto"}`)
			wantLosses(t, losses, "tool_choice: thinking excludes")
		}
	})
	t.Run("adaptive thinking goes with a forced call", func(t *testing.T) {
		req := ask(user(say("q")))
		req.Thinking.Mode = llm.ThinkingAdaptive
		req.Tools, req.Choice = []llm.Tool{tool("f")}, llm.Choice{Mode: llm.ChoiceAny}
		body, losses := mustEncode(t, req, opus())
		same(t, "tool_choice", body["tool_choice"], `{"type":"any"}`)
		wantLosses(t, losses)
	})
	t.Run("prefill", func(t *testing.T) {
		_, losses := mustEncode(t, think(ask(user(say("q")), assistant(say("Well")))), opus())
		wantLosses(t, losses, "the user to speak last")
	})
	t.Run("THK-20 the loop's thinking is missing", func(t *testing.T) {
		turns := []llm.Turn{user(say("q")), assistant(&llm.Thinking{Text: "another's"}, call("a", "f", "{}")), user(result("a", say("1")))}
		body, losses := mustEncode(t, think(ask(turns...)), opus())
		if body["thinking"] != nil || body["max_tokens"] != 9000.0 {
			t.Errorf("thinking %v, max_tokens %v", body["thinking"], body["max_tokens"])
		}
		wantLosses(t, losses, "not signed", "thinking: off for this answer")
		turns[1].Parts[0] = &llm.Thinking{Signature: "S"}
		body, losses = mustEncode(t, think(ask(turns...)), opus())
		same(t, "thinking", body["thinking"], `{"type":"enabled","budget_tokens":2000}`)
		wantLosses(t, losses)
	})
	t.Run("THK-12 interleaved thinking may go beyond max_tokens", func(t *testing.T) {
		req := think(ask(user(say("q"))))
		req.Betas, req.Thinking.Budget = []string{"interleaved-thinking-2025-05-14"}, 32000
		body, losses, err := Dialect{}.EncodeRequest(req, opus())
		if err != nil || !strings.Contains(string(body), `"max_tokens":9000,`) || !strings.Contains(string(body), `"budget_tokens":32000`) {
			t.Errorf("got %s", body)
		}
		wantLosses(t, losses)
	})
}

func TestSettings(t *testing.T) {
	cases := []struct {
		id     string
		target *llm.Target
		set    func(*llm.Request)
		want   map[string]string // members as JSON; "null" for absent
		losses []string
	}{
		{"PAR-02 nothing is added", opus(), func(*llm.Request) {}, map[string]string{"temperature": "null", "top_p": "null", "top_k": "null", "stream": "null", "tool_choice": "null"}, nil},
		{
			"PAR-01 both to a model that takes one", caps(func(c *llm.Caps) { c.Sampling = llm.SamplingOne }), func(q *llm.Request) { q.Temperature, q.TopP = new(0.3), new(0.9) },
			map[string]string{"temperature": "0.3", "top_p": "null"},
			[]string{"top_p"},
		},
		{"PAR-01 top_p alone stays", caps(func(c *llm.Caps) { c.Sampling = llm.SamplingOne }), func(q *llm.Request) { q.TopP = new(0.9) }, map[string]string{"temperature": "null", "top_p": "0.9"}, nil},
		{
			"PAR-01 neither", caps(func(c *llm.Caps) { c.Sampling = llm.SamplingNone }), func(q *llm.Request) { q.Temperature, q.TopP, q.TopK = new(0.0), new(0.9), new(int64(2)) },
			map[string]string{"temperature": "null", "top_p": "null", "top_k": "null"},
			[]string{"temperature", "top_p", "top_k"},
		},
		{"defaults are no loss", caps(func(c *llm.Caps) { c.Sampling = llm.SamplingNone }), func(q *llm.Request) { q.Temperature, q.TopP = new(1.0), new(1.0) }, map[string]string{"temperature": "null"}, nil},
		{"PAR-01 OpenAI's range", opus(), func(q *llm.Request) { q.Temperature = new(1.6) }, map[string]string{"temperature": "1"}, []string{"temperature: the most is 1"}},
		{"PAR-03 no limit given", caps(func(c *llm.Caps) { c.MaxOutput = 64000 }), func(*llm.Request) {}, map[string]string{"max_tokens": "32000"}, nil},
		{"PAR-03 no limit given, short model", caps(func(c *llm.Caps) { c.MaxOutput = 4096 }), func(*llm.Request) {}, map[string]string{"max_tokens": "4096"}, nil},
		{"PAR-03 nothing known", &llm.Target{Model: "m"}, func(*llm.Request) {}, map[string]string{"max_tokens": "8192"}, nil},
		{"PAR-04 above the model's limit", caps(func(c *llm.Caps) { c.MaxOutput = 4096 }), func(q *llm.Request) { q.MaxTokens = new(int64(100000)) }, map[string]string{"max_tokens": "4096"}, []string{"max_tokens"}},
		{"PAR-05 every setting", opus(), func(q *llm.Request) {
			q.Temperature, q.TopP, q.TopK, q.Stop, q.User, q.Tier = new(0.5), new(0.8), new(int64(7)), []string{"END"}, "u1", "standard_only"
		}, map[string]string{"temperature": "0.5", "top_p": "0.8", "top_k": "7", "stop_sequences": `["END"]`, "metadata": `{"user_id":"u1"}`, "service_tier": `"standard_only"`}, nil},
		{"PAR-06 blank stop sequences", opus(), func(q *llm.Request) { q.Stop = []string{"\n", "a", "a", ""} }, map[string]string{"stop_sequences": `["a"]`}, []string{"stop_sequences[0]", "stop_sequences[3]"}},
		{"OpenAI's tier", opus(), func(q *llm.Request) { q.Tier = "flex" }, map[string]string{"service_tier": "null"}, []string{"service_tier"}},
		{
			"PAR-08 structured output", opus(), func(q *llm.Request) { q.Format = &llm.Format{Name: "n", Schema: []byte(`{"type":"object"}`)} },
			map[string]string{"output_config": `{"format":{"type":"json_schema","schema":{"type":"object"}}}`},
			nil,
		},
		{
			"PAR-09 structured output to a model without", caps(func(c *llm.Caps) { c.Structured = false }), func(q *llm.Request) { q.Format = &llm.Format{Schema: []byte(`{"type":"object"}`)} },
			map[string]string{"output_config": "null"},
			[]string{"response_format"},
		},
		{
			"structured output to an unknown model", &llm.Target{}, func(q *llm.Request) { q.Format = &llm.Format{Schema: []byte(`{"type":"object"}`)} },
			map[string]string{"output_config": `{"format":{"type":"json_schema","schema":{"type":"object"}}}`},
			nil,
		},
		{"JSON mode", opus(), func(q *llm.Request) { q.Format = &llm.Format{} }, map[string]string{"output_config": "null"}, []string{"response_format"}},
		{"its own extras as they are", opus(), func(q *llm.Request) {
			q.Extra = []llm.Extra{{Dialect: name, Name: "container", Raw: []byte(`{"id": 1}`)}, {Dialect: name, Name: "output_config.task_budget", Raw: []byte(`{"total":1}`)}}
		}, map[string]string{"container": `{"id":1}`, "output_config": `{"task_budget":{"total":1}}`}, nil},
		{"extras of another API", opus(), func(q *llm.Request) {
			q.Extra = []llm.Extra{
				{Dialect: "chat", Name: "logit_bias", Raw: []byte(`{"1":2}`)},
				{Dialect: "chat", Name: "store", Raw: []byte("false")},
				{Dialect: "chat", Name: "n", Raw: []byte("1")},
				{Dialect: "chat", Name: "seed", Raw: []byte("7")},
				{Dialect: "chat", Name: "n", Raw: []byte("2")},
			}
		}, map[string]string{"logit_bias": "null", "store": "null"}, []string{"logit_bias: no such setting in messages", "seed: no such setting", "n: no such setting"}},
		{"stream", &llm.Target{Model: "x", Stream: true}, func(*llm.Request) {}, map[string]string{"stream": "true", "model": `"x"`, "anthropic_version": "null"}, nil},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			req := ask(user(say("q")))
			c.set(req)
			body, losses := mustEncode(t, req, c.target)
			for k, v := range c.want {
				same(t, k, body[k], v)
			}
			wantLosses(t, losses, c.losses...)
		})
	}
}

func TestBedrock(t *testing.T) {
	target := &llm.Target{Model: "us.anthropic.claude-x", Bedrock: true, Stream: true, Caps: llm.Caps{
		Family: "claude",
		Betas:  []string{"interleaved-thinking-2025-05-14", "tool-search-tool-2025-10-19", "effort-2025-11-24"},
	}}
	req := ask(user(say("q")))
	req.Betas = []string{"claude-code-20250219", "interleaved-thinking-2025-05-14", "advanced-tool-use-2025-11-20", "context-management-2025-06-27"}
	req.Tier = "auto"
	req.Thinking.Effort = "low"
	req.Extra = []llm.Extra{{Dialect: name, Name: "context_management", Raw: []byte("{}")}, {Dialect: name, Name: "container", Raw: []byte(`"c"`)}}
	search := tool("f")
	search.Extra = []llm.Extra{{Dialect: name, Name: "defer_loading", Raw: []byte("true")}, {Dialect: name, Name: "eager_input_streaming", Raw: []byte("true")}}
	req.Tools = []llm.Tool{
		search,
		{Name: "web_search", Native: &llm.Native{Dialect: name, Type: "web_search_20250305", Raw: []byte(`{"type":"web_search_20250305","name":"web_search"}`)}},
		{Name: "bash", Native: &llm.Native{Dialect: name, Type: "bash_20250124", Raw: []byte(`{"type":"bash_20250124","name":"bash"}`)}},
	}
	body, losses := mustEncode(t, req, target)
	t.Run("no model, no stream", func(t *testing.T) {
		if body["model"] != nil || body["stream"] != nil || body["service_tier"] != nil || body["anthropic_version"] != "bedrock-2023-05-31" {
			t.Errorf("got %v", body)
		}
	})
	t.Run("HDR-01 HDR-02 betas in the body", func(t *testing.T) {
		same(t, "anthropic_beta", body["anthropic_beta"], `["interleaved-thinking-2025-05-14","tool-search-tool-2025-10-19","effort-2025-11-24"]`)
	})
	t.Run("TOOL-21 TOOL-08 HDR-03", func(t *testing.T) {
		same(t, "tools", body["tools"], `[{"name":"f","input_schema":{"type":"object","properties":{}},"defer_loading":true},{"type":"bash_20250124","name":"bash"}]`)
		if body["context_management"] != nil || body["container"] != nil {
			t.Errorf("got %v", body)
		}
		wantLosses(t, losses, "anthropic-beta: claude-code", "anthropic-beta: context-management", "tools[1]: Bedrock has no web_search", "eager_input_streaming", "context_management", "container")
	})
	t.Run("unknown betas pass where nothing is known", func(t *testing.T) {
		req := ask(user(say("q")))
		req.Betas = []string{"new-1", "context-management-2025-06-27"}
		req.Extra = []llm.Extra{{Dialect: name, Name: "context_management", Raw: []byte(`{"edits":[]}`)}}
		body, losses := mustEncode(t, req, &llm.Target{Bedrock: true})
		same(t, "anthropic_beta", body["anthropic_beta"], `["new-1","context-management-2025-06-27"]`)
		same(t, "context_management", body["context_management"], `{"edits":[]}`)
		wantLosses(t, losses)
	})
	t.Run("to Anthropic betas go by header", func(t *testing.T) {
		req := ask(user(say("q")))
		req.Betas = []string{"new-1"}
		body, losses := mustEncode(t, req, opus())
		same(t, "anthropic_beta", body["anthropic_beta"], "null")
		wantLosses(t, losses)
	})
}

func TestTools(t *testing.T) {
	long := strings.Repeat("mcp__server__", 12) + "read"
	cases := []struct {
		id     string
		target *llm.Target
		tools  []llm.Tool
		choice llm.Choice
		single *bool
		want   string // tools
		chosen string // tool_choice
		losses []string
	}{
		{
			"TOOL-15 only what the API knows", caps(func(c *llm.Caps) { c.Strict = false }),
			[]llm.Tool{{Name: "f", Description: "d", Strict: new(false), Extra: []llm.Extra{{Dialect: "chat", Name: "x", Raw: []byte("1")}}}},
			llm.Choice{},
			nil,
			`[{"name":"f","description":"d","input_schema":{"type":"object","properties":{}}}]`, "null",
			[]string{"tools[0].x"},
		},
		{"strict where it is taken", opus(), []llm.Tool{{Name: "f", Strict: new(true)}}, llm.Choice{}, nil, `[{"name":"f","strict":true,"input_schema":{"type":"object","properties":{}}}]`, "null", nil},
		{"strict where it is not", caps(func(c *llm.Caps) { c.Strict = false }), []llm.Tool{{Name: "f", Strict: new(true)}}, llm.Choice{}, nil, `[{"name":"f","input_schema":{"type":"object","properties":{}}}]`, "null", []string{"tools[0].strict"}},
		{"TOOL-01 any", opus(), []llm.Tool{tool("f")}, llm.Choice{Mode: llm.ChoiceAny}, nil, "", `{"type":"any"}`, nil},
		{"TOOL-02 none", opus(), []llm.Tool{tool("f")}, llm.Choice{Mode: llm.ChoiceNone}, nil, "", `{"type":"none"}`, nil},
		{"TOOL-03 one call at a time", opus(), []llm.Tool{tool("f")}, llm.Choice{}, new(false), "", `{"type":"auto","disable_parallel_tool_use":true}`, nil},
		{"TOOL-04 none and one at a time", opus(), []llm.Tool{tool("f")}, llm.Choice{Mode: llm.ChoiceNone}, new(false), "", `{"type":"none"}`, nil},
		{"TOOL-06 any, one at a time", opus(), []llm.Tool{tool("f")}, llm.Choice{Mode: llm.ChoiceAny}, new(false), "", `{"type":"any","disable_parallel_tool_use":true}`, nil},
		{"several calls are the default", opus(), []llm.Tool{tool("f")}, llm.Choice{}, new(true), "", "null", nil},
		{
			"TOOL-08 TOOL-09 long and odd names", opus(),
			[]llm.Tool{tool(long), tool("a.b")},
			llm.Choice{Mode: llm.ChoiceTool, Name: "a.b"},
			nil,
			fmt.Sprintf(`[{"name":%q,"input_schema":{"type":"object","properties":{}}},{"name":%q,"input_schema":{"type":"object","properties":{}}}]`, llm.ShortName(long, 128), llm.ShortName("a.b", 128)),
			fmt.Sprintf(`{"type":"tool","name":%q}`, llm.ShortName("a.b", 128)), nil,
		},
		{"a choice without tools", opus(), nil, llm.Choice{Mode: llm.ChoiceAny}, nil, "null", "null", []string{"tool_choice"}},
		{"auto without tools", opus(), nil, llm.Choice{Mode: llm.ChoiceAuto}, new(false), "null", "null", nil},
		{"a choice of a tool that went", opus(), []llm.Tool{tool("f"), {Name: "g", Native: &llm.Native{Dialect: "responses", Type: "custom"}}}, llm.Choice{Mode: llm.ChoiceTool, Name: "g"}, nil, "", `{"type":"auto"}`, []string{"tools[1]: a tool of responses: custom", "tool_choice"}},
		{"the same name twice", opus(), []llm.Tool{tool("f"), tool("f")}, llm.Choice{}, nil, `[{"name":"f","input_schema":{"type":"object","properties":{}}}]`, "null", []string{"tools[1]: a second tool"}},
		{
			"TOOL-21 server tools at Anthropic", opus(),
			[]llm.Tool{{Name: "web_search", Native: &llm.Native{Dialect: name, Type: "web_search_20250305", Raw: []byte(`{"type":"web_search_20250305","name":"web_search","max_uses":1}`)}}},
			llm.Choice{},
			nil,
			`[{"type":"web_search_20250305","name":"web_search","max_uses":1}]`, "null", nil,
		},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			req := ask(user(say("q")))
			req.Tools, req.Choice, req.Parallel = c.tools, c.choice, c.single
			body, losses := mustEncode(t, req, c.target)
			if c.want != "" {
				same(t, "tools", body["tools"], c.want)
			}
			same(t, "tool_choice", body["tool_choice"], c.chosen)
			wantLosses(t, losses, c.losses...)
		})
	}
	t.Run("TOOL-10 names of the history", func(t *testing.T) {
		body, _ := mustEncode(t, ask(user(say("q")), assistant(call("1", "a b", "{}")), user(result("1"))), opus())
		if got := list(list(body["messages"])[1]["content"])[0]["name"]; got != llm.ShortName("a b", 128) {
			t.Errorf("name %v", got)
		}
	})
	t.Run("TOOL-18 arguments that are no JSON", func(t *testing.T) {
		broken := &llm.ToolCall{ID: "1", Name: "f", Broken: `{"path":"/a`}
		body, losses := mustEncode(t, ask(user(say("q")), assistant(broken), user(result("1"))), opus())
		same(t, "input", list(list(body["messages"])[1]["content"])[0]["input"], `{"_raw_arguments":"{\"path\":\"/a"}`)
		wantLosses(t, losses, "messages[1].content: arguments of f")
	})
	t.Run("a Gemini signature", func(t *testing.T) {
		sealed := &llm.ToolCall{ID: "1", Name: "f", Seal: "s"}
		_, losses := mustEncode(t, ask(user(say("q")), assistant(sealed), user(result("1"))), opus())
		wantLosses(t, losses, "thought signature")
	})
	t.Run("TOOL-16 TOOL-17 results", func(t *testing.T) {
		r := &llm.ToolResult{CallID: "1", Error: true, Cache: &llm.Cache{TTL: "1h"}, Parts: []llm.Part{
			point("a"), &llm.Media{Kind: llm.Image, MIME: "image/jpg", Data: "AA=="},
			&llm.Media{Kind: llm.Document, Data: "JVBERi0="}, &llm.Media{Kind: llm.Audio, Data: "x"},
		}}
		body, losses := mustEncode(t, ask(user(say("q")), assistant(call("1", "f", "{}")), user(r)), opus())
		same(t, "result", list(list(body["messages"])[2]["content"])[0], `{"type":"tool_result","tool_use_id":"1","is_error":true,"cache_control":{"type":"ephemeral","ttl":"1h"},"content":[
			{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"AA=="}},
			{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}}]}`)
		wantLosses(t, losses, "messages[2].content: audio")
	})
}

func TestMedia(t *testing.T) {
	image := func(m llm.Media) *llm.Media { m.Kind = llm.Image; return &m }
	doc := func(m llm.Media) *llm.Media { m.Kind = llm.Document; return &m }
	cases := []struct {
		id   string
		part *llm.Media
		want string
		loss string
	}{
		{"MED-01 image URL", image(llm.Media{URL: "https://x", Cache: &llm.Cache{}}), `{"type":"image","source":{"type":"url","url":"https://x"},"cache_control":{"type":"ephemeral"}}`, ""},
		{"file", image(llm.Media{FileID: "f"}), `{"type":"image","source":{"type":"file","file_id":"f"}}`, ""},
		{"media type told by its bytes", image(llm.Media{Data: "/9j/AA"}), `{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"/9j/AA"}}`, ""},
		{"detail", image(llm.Media{URL: "u", Detail: "low"}), `{"type":"image","source":{"type":"url","url":"u"}}`, "image detail"},
		{"detail auto", image(llm.Media{URL: "u", Detail: "auto"}), `{"type":"image","source":{"type":"url","url":"u"}}`, ""},
		{
			"MED-04 PDF", doc(llm.Media{MIME: "application/pdf", Data: "AA==", Name: "a.pdf", Context: "c", Cite: true}),
			`{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AA=="},"title":"a.pdf","context":"c","citations":{"enabled":true}}`, "",
		},
		{"text", doc(llm.Media{Text: "abc"}), `{"type":"document","source":{"type":"text","media_type":"text/plain","data":"abc"}}`, ""},
		{"text in base64", doc(llm.Media{MIME: "text/csv", Data: "YSxi"}), `{"type":"document","source":{"type":"text","media_type":"text/plain","data":"a,b"}}`, ""},
		{"document URL", doc(llm.Media{URL: "u"}), `{"type":"document","source":{"type":"url","url":"u"}}`, ""},
		{"MED-04 another format", doc(llm.Media{MIME: "application/msword", Data: "AA=="}), "", "document: messages takes PDF"},
		{"sound", &llm.Media{Kind: llm.Audio, Data: "AA=="}, "", "audio"},
		{"film", &llm.Media{Kind: llm.Video, URL: "u"}, "", "video"},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			body, losses := mustEncode(t, ask(user(say("q"), c.part)), opus())
			blocks := list(list(body["messages"])[0]["content"])
			switch {
			case c.want == "" && len(blocks) != 1:
				t.Errorf("kept: %v", blocks)
			case c.want != "":
				same(t, "block", any(blocks[1]), c.want)
			}
			if c.loss != "" {
				wantLosses(t, losses, c.loss)
			} else {
				wantLosses(t, losses)
			}
		})
	}
	t.Run("a model that sees nothing", func(t *testing.T) {
		target := caps(func(c *llm.Caps) { c.NoImages, c.NoDocuments = true, true })
		_, losses := mustEncode(t, ask(user(say("q"), image(llm.Media{URL: "u"}), doc(llm.Media{Text: "x"}))), target)
		wantLosses(t, losses, "image: the model takes none", "document: the model takes none")
	})
}

func TestCachePoints(t *testing.T) {
	at := func(t *testing.T, req *llm.Request, target *llm.Target) (string, []llm.Loss) {
		body, losses, err := Dialect{}.EncodeRequest(req, target)
		if err != nil {
			t.Fatal(err)
		}
		return string(body), losses
	}
	cached := tool("f")
	cached.Cache = &llm.Cache{}
	native := llm.Tool{Name: "bash", Native: &llm.Native{Dialect: name, Type: "bash_1", Cache: &llm.Cache{TTL: "1h"}, Raw: []byte(`{"type":"bash_1","name":"bash","cache_control":{"type":"ephemeral","ttl":"1h"},"x":1}`)}}
	t.Run("CACHE-02 CACHE-03 kept where they are", func(t *testing.T) {
		req := ask(user(point("q")), assistant(&llm.ToolCall{ID: "1", Name: "f", Cache: &llm.Cache{}}), user(&llm.ToolResult{CallID: "1", Cache: &llm.Cache{}}))
		req.Tools = []llm.Tool{cached}
		body, losses := at(t, req, opus())
		if n := strings.Count(body, `"cache_control":{"type":"ephemeral"}`); n != 4 {
			t.Errorf("%d points: %s", n, body)
		}
		wantLosses(t, losses)
	})
	t.Run("CACHE-18 the last of the messages stay", func(t *testing.T) {
		req := ask(user(point("a"), point("b"), point("c")), assistant(point("d")), user(point("e")))
		req.System, req.Tools = []llm.Part{point("s")}, []llm.Tool{cached}
		body, losses := at(t, req, opus())
		for text, want := range map[string]bool{"a": false, "b": false, "c": false, "d": true, "e": true, "s": true} {
			if got := strings.Contains(body, `"text":"`+text+`","cache_control"`); got != want {
				t.Errorf("point at %s: %v", text, got)
			}
		}
		if !strings.Contains(body, `"properties":{}},"cache_control"`) || len(losses) != 1 || losses[0].Count != 3 {
			t.Errorf("losses %v: %s", losses, body)
		}
	})
	t.Run("CACHE-18 too many before the messages", func(t *testing.T) {
		req := ask(user(point("q")))
		req.System = []llm.Part{point("s1"), point("s2"), point("s3")}
		req.Tools = []llm.Tool{cached, native}
		body, losses := at(t, req, opus())
		if n := strings.Count(body, "cache_control"); n != 4 || !strings.Contains(body, `"q","cache_control"`) || !strings.Contains(body, `"s3","cache_control"`) {
			t.Errorf("%d points: %s", n, body)
		}
		if len(losses) != 1 || losses[0].Count != 2 {
			t.Errorf("losses %v", losses)
		}
	})
	t.Run("CACHE-06 the automatic point counts", func(t *testing.T) {
		req := ask(user(point("a"), point("b"), point("c"), point("d")))
		req.Extra = []llm.Extra{{Dialect: name, Name: "cache_control", Raw: []byte(`{"type":"ephemeral"}`)}}
		body, _ := at(t, req, opus())
		if n := strings.Count(body, "cache_control"); n != 4 {
			t.Errorf("%d points: %s", n, body)
		}
	})
	t.Run("CACHE-08 not on empty text", func(t *testing.T) {
		body, losses := at(t, ask(user(say("q"), point("")), assistant(&llm.Thinking{Signature: "s"}, say("x")), user(say("y"))), opus())
		if !strings.Contains(body, `"q","cache_control"`) {
			t.Errorf("got %s", body)
		}
		wantLosses(t, losses)
		_, losses = at(t, ask(user(point("")), user(say("y"))), opus())
		wantLosses(t, losses, "cannot stand on empty text")
	})
	t.Run("CACHE-17 lifetimes", func(t *testing.T) {
		req := ask(user(&llm.Text{Text: "q", Cache: &llm.Cache{TTL: "1h"}}))
		req.Tools = []llm.Tool{native}
		body, losses := at(t, req, opus())
		if strings.Count(body, `"ttl":"1h"`) != 2 || len(losses) > 0 {
			t.Errorf("losses %v: %s", losses, body)
		}
		body, losses = at(t, req, caps(func(c *llm.Caps) { c.Cache1h = false }))
		if strings.Contains(body, "ttl") || strings.Count(body, `"cache_control":{"type":"ephemeral"}`) != 2 || !strings.Contains(body, `"x":1`) {
			t.Errorf("got %s", body)
		}
		wantLosses(t, losses, "cache_control.ttl")
		if body, _ = at(t, req, &llm.Target{}); strings.Count(body, `"ttl":"1h"`) != 2 {
			t.Errorf("an unknown model: %s", body)
		}
	})
	t.Run("a model without a cache", func(t *testing.T) {
		req := ask(user(point("q")))
		req.Tools = []llm.Tool{native}
		body, losses := at(t, req, caps(func(c *llm.Caps) { c.NoCache = true }))
		if strings.Contains(body, "cache_control") {
			t.Errorf("got %s", body)
		}
		wantLosses(t, losses, "cache_control: the model takes no cache points")
	})
}

func TestCanonicalBytes(t *testing.T) {
	const body = `{"model":"m","max_tokens":5,"tools":[{"name":"f","input_schema":{ "type":"object", "properties":{"b":{"type":"number","default":1.0},"a":{"enum":["\u00e9"]}}}}],
	"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"b":1.0, "a":"\u00e9"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"r"}]}]}`
	out, _, err := Dialect{}.EncodeRequest(mustDecode(t, body), opus())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`{ "type":"object", "properties":{"b":{"type":"number","default":1.0},"a":{"enum":["\u00e9"]}}}`, `{"b":1.0, "a":"\u00e9"}`} {
		if !strings.Contains(string(out), part) {
			t.Errorf("CACHE-11: %s is not there as it was: %s", part, out)
		}
	}
}
