package heal

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name, message string
		want          string // fixes, by "; "
	}{
		{"CACHE-10 the attribution block", "x-anthropic-billing-header is a reserved keyword and may not be used in the system prompt.", "billing"},
		{"HDR-01 a flag without its name", "invalid beta flag", "unflag"},
		{"HDR-01 a flag with its name", "invalid beta flag: advanced-tool-use-2025-11-20", "beta advanced-tool-use-2025-11-20"},
		{
			"HDR-01 Anthropic's own words", "Unexpected value(s) `context-1m-2025-08-07`, `foo-2026-01-01` for the `anthropic-beta` header. Please consult our documentation at docs.anthropic.com or try again without the header.",
			"beta context-1m-2025-08-07; beta foo-2026-01-01",
		},
		{
			"THK-09", `"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.`,
			"think adaptive",
		},
		{"THK-11 the other way", "thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: 'disabled', 'enabled'", "think enabled"},
		{"adaptive, in words", "adaptive thinking is not supported on this model", "think enabled"},
		{"THK-07", "messages.1.content.0: Invalid `signature` in `thinking` block", "unsign"},
		{"THK-07 sealed", "The encrypted content gAAA...0= could not be verified. Reason: Encrypted content organization_id did not match the target organization.", "unseal"},
		{"THK-07 sealed, an item", "The encrypted content for item rs_0a18 could not be verified. Reason: Encrypted content could not be decrypted or parsed.", "unseal"},
		{"THK-07 redacted", "messages.1.content.0: Invalid `data` in `redacted_thinking` block", "unsign"},
		{"MSG-12", "This model does not support assistant message prefill. The conversation must end with a user message.", "prefill"},
		{"PAR-01", "The model returned the following errors: `temperature` and `top_p` cannot both be specified for this model. Please use only one.", "one temperature,top_p"},
		{"THK-13", "`temperature` may only be set to 1 when thinking is enabled. Please consult our documentation", "unthink temperature"},
		{"THK-19", "Thinking may not be enabled when tool_choice forces tool use.", "free"},
		{"THK-12", "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation", "room"},
		{"PAR-04", "max_tokens: 200000 > 64000, which is the maximum allowed number of output tokens for claude-sonnet-4-5", "limit max_tokens=64000"},
		{"sampling of newer models", "`temperature` is deprecated for this model.", "drop temperature"},
		{"an effort", "This model does not support effort level 'max'. Supported levels: high, low, medium.", "values output_config.effort high,low,medium"},
		{"no effort", "This model does not support the effort parameter.", "drop output_config.effort"},
		{"a tool's member", "tools.0.custom.eager_input_streaming: Extra inputs are not permitted", "drop tools.*.custom.eager_input_streaming"},
		{"several", "tools.0.custom.defer_loading: Extra inputs are not permitted, tools.3.custom.defer_loading: Extra inputs are not permitted", "drop tools.*.custom.defer_loading"},
		{"a member of the top", `{"message":"context_management: Extra inputs are not permitted"}`, "drop context_management"},
		{"Bedrock around it", "ValidationException: The model returned the following errors: output_config.format: Extra inputs are not permitted", "drop output_config.format"},
		{"max_tokens", "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "rename max_tokens>max_completion_tokens"},
		{"and back", "Unrecognized request argument supplied: max_completion_tokens", "rename max_completion_tokens>max_tokens"},
		{"sampling of reasoning models", "Unsupported parameter: 'temperature' is not supported with this model.", "drop temperature"},
		{"its value", "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.", "drop temperature"},
		{
			"THK-15", "Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are: 'minimal', 'low', 'medium', and 'high'.",
			"values reasoning_effort minimal,low,medium,high",
		},
		{"THK-15 in Responses", "Unsupported value: 'reasoning.effort' does not support 'xhigh' with this model. Supported values are: 'low' and 'high'.", "values reasoning.effort low,high"},
		{"arguments", "Unrecognized request arguments supplied: foo, bar", "drop foo; drop bar"},
		{"an argument", "Unrecognized request argument supplied: store", "drop store"},
		{"a parameter", "Unknown parameter: 'tools[0].strict'.", "drop tools.*.strict"},
		{"too large", "max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided 100000.", "limit max_tokens=16384; limit max_completion_tokens=16384"},
		{
			"Gemini", "Invalid JSON payload received. Unknown name \"foo\": Cannot find field.\nInvalid JSON payload received. Unknown name \"bar\": Cannot find field.",
			"drop foo; drop bar",
		},
		{
			"Gemini deeper", "Invalid JSON payload received. Unknown name \"const\" at 'tools[0].function_declarations[0].parameters': Cannot find field.",
			"drop tools.*.function_declarations.*.parameters.const",
		},
		{
			"CACHE-04", "The model returned the following errors: Malformed input request: #/messages/2/content/0: extraneous key [cachePoint] is not permitted, please reformat your input and try again.",
			"drop messages.*.content.*.cachePoint",
		},
		{"CACHE-04 nowhere", "extraneous key [cachePoint] is not permitted", "drop messages.*.content.*.cachePoint; drop toolConfig.tools.*.cachePoint; drop system.*.cachePoint"},
		{"Groq", "'messages.2' : for 'role:assistant' the following must be satisfied[('messages.2' : property 'reasoning_content' is unsupported)]", "drop messages.*.reasoning_content"},
		{"Mistral", `[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'msg': 'Extra inputs are not permitted'}]`, "drop seed"},
		{"a client's fault", "messages.0.content.0.text: Field required", ""},
		{"another", "max_tokens: Input should be greater than or equal to 1", ""},
		{"a model", "The model `gpt-9` does not exist or you do not have access to it.", ""},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			list, words := Find(c.message, &Request{Body: []byte(`{}`)})
			for _, f := range list {
				got = append(got, f.String())
			}
			if (words == "") != (c.want == "") {
				t.Errorf("words %q", words)
			}
			if s := strings.Join(got, "; "); s != c.want {
				t.Errorf("%q\n got %q\nwant %q", c.message, s, c.want)
			}
		})
	}
}

func TestApply(t *testing.T) {
	for _, c := range []struct {
		name, do, to string
		body, want   string // want "" where nothing may change
		losses       string
	}{
		{"a tool's member, in all tools", "drop", "tools.*.custom.strict", `{"tools":[ {"name":"a", "strict":true},{"name":"b"} , {"strict":true,"name":"c"}], "x": 1e3}`, `{"tools":[ {"name":"a"},{"name":"b"} , {"name":"c"}], "x": 1e3}`, "tools.*.custom.strict"},
		{"nothing to drop", "drop", "tools.*.custom.strict", `{"tools":[{"name":"a"}]}`, ``, ""},
		{"only as deep as it says", "drop", "tools.*.custom.strict", `{"strict":true,"tools":[{"input_schema":{"strict":1}}]}`, ``, ""},
		{"what a request lives by stays", "drop", "messages", `{"messages":[]}`, ``, ""},
		{"also inside", "drop", "messages.*.content", `{"messages":[{"content":"x"}]}`, ``, ""},
		{"in Converse's place", "drop", "top_k", `{"additionalModelRequestFields":{"top_k":5,"a":1}}`, `{"additionalModelRequestFields":{"a":1}}`, "top_k"},
		{"in Gemini's spelling", "drop", "tools.*.function_declarations.*.parameters.const", `{"tools":[{"functionDeclarations":[{"parameters":{"const":1,"a":2}}]}]}`, `{"tools":[{"functionDeclarations":[{"parameters":{"a":2}}]}]}`, "tools.*.function_declarations.*.parameters.const"},
		{"CACHE-04 the block goes with its point", "drop", "messages.*.content.*.cachePoint", `{"messages":[{"content":[{"text":"a"},{"cachePoint":{"type":"default"}}]}]}`, `{"messages":[{"content":[{"text":"a"}]}]}`, "messages.*.content.*.cachePoint"},
		{"renamed", "rename", "max_tokens>max_completion_tokens", `{"max_tokens": 5,"n":1}`, `{"n":1,"max_completion_tokens":5}`, "max_tokens"},
		{"renamed where both are", "rename", "max_tokens>max_completion_tokens", `{"max_tokens":5,"max_completion_tokens":6}`, `{"max_completion_tokens":6}`, "max_tokens"},
		{"the nearest effort, the higher of two", "values", "reasoning_effort low,high", `{"reasoning_effort":"medium"}`, `{"reasoning_effort":"high"}`, "reasoning_effort"},
		{"an effort that is taken", "values", "reasoning_effort low,high", `{"reasoning_effort":"low"}`, ``, ""},
		{"a value off the scale", "values", "verbosity low,high", `{"verbosity":"odd","a":1}`, `{"a":1}`, "verbosity"},
		{"deeper", "values", "reasoning.effort low,high", `{"reasoning":{"effort":"max","summary":"auto"}}`, `{"reasoning":{"effort":"high","summary":"auto"}}`, "reasoning.effort"},
		{"a limit", "limit", "max_tokens=10", `{"max_tokens":11}`, `{"max_tokens":10}`, "max_tokens"},
		{"below it", "limit", "max_tokens=10", `{"max_tokens":9}`, ``, ""},
		{"PAR-01", "one", "temperature,top_p", `{"temperature":0.5,"top_p":0.9,"x":1}`, `{"temperature":0.5,"x":1}`, "top_p"},
		{"PAR-01 in Converse", "one", "temperature,top_p", `{"inferenceConfig":{"temperature":0.5,"topP":0.9}}`, `{"inferenceConfig":{"temperature":0.5}}`, "top_p"},
		{"PAR-02 one alone stays", "one", "temperature,top_p", `{"top_p":0.9}`, ``, ""},
		{"MSG-12", "prefill", "", `{"max_tokens":1,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`, `{"max_tokens":1,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"Continue."}]}`, "messages[1]"},
		{"MSG-12 in Converse", "prefill", "", `{"messages":[{"role":"assistant","content":[{"text":"b"}]}]}`, `{"messages":[{"role":"assistant","content":[{"text":"b"}]},{"role":"user","content":[{"text":"Continue."}]}]}`, "messages[0]"},
		{"the user spoke last", "prefill", "", `{"messages":[{"role":"user","content":"a"}]}`, ``, ""},
		{"CACHE-10", "billing", "", `{"system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=1;"}, {"type":"text","text":"Be good."}]}`, `{"system":[{"type":"text","text":"Be good."}]}`, "system: x-anthropic-billing-header"},
		{"CACHE-10 alone", "billing", "", `{"system":[{"text":"x-anthropic-billing-header: 1"}],"a":1}`, `{"a":1}`, "system: x-anthropic-billing-header"},
		{"CACHE-10 in a text it stays", "billing", "", `{"system":[{"text":"the x-anthropic-billing-header is"}],"a":1}`, ``, ""},
		{"THK-09", "think", "adaptive", `{"thinking":{"type":"enabled","budget_tokens":8000,"display":"omitted"},"max_tokens":9}`, `{"thinking":{"type":"adaptive","display":"omitted"},"max_tokens":9,"output_config":{"effort":"medium"}}`, "thinking.budget_tokens"},
		{"THK-09 the client's effort stays", "think", "adaptive", `{"thinking":{"type":"enabled","budget_tokens":8000},"output_config":{"effort":"max"}}`, `{"thinking":{"type":"adaptive"},"output_config":{"effort":"max"}}`, "thinking.budget_tokens"},
		{"THK-09 beside a format", "think", "adaptive", `{"thinking":{"type":"enabled","budget_tokens":80000},"output_config":{"format":{}}}`, `{"thinking":{"type":"adaptive"},"output_config":{"format":{},"effort":"high"}}`, "thinking.budget_tokens"},
		{"THK-09 in Converse", "think", "adaptive", `{"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000}}}`, `{"additionalModelRequestFields":{"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}}}`, "thinking.budget_tokens"},
		{"THK-14 off stays off", "think", "adaptive", `{"thinking":{"type":"disabled"}}`, ``, ""},
		{"back to a budget", "think", "enabled", `{"thinking":{"type":"adaptive"},"max_tokens":8000}`, `{"thinking":{"type":"enabled","budget_tokens":4000},"max_tokens":8000}`, "thinking.type"},
		{"no room for one", "think", "enabled", `{"thinking":{"type":"adaptive"},"max_tokens":1000}`, `{"max_tokens":1000}`, "thinking"},
		{"THK-12", "room", "", `{"thinking":{"type":"enabled","budget_tokens":5000},"max_tokens":4000}`, `{"thinking":{"type":"enabled","budget_tokens":5000},"max_tokens":9000}`, "max_tokens"},
		{"THK-19", "free", "", `{"tool_choice":{"type":"tool","name":"a","disable_parallel_tool_use":true}}`, `{"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}`, "tool_choice"},
		{
			"THK-07", "unsign", "", `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"s"},{"type":"text","text":"b"}]},{"role":"user","content":"c"}]}`,
			`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"b"}]},{"role":"user","content":"c"}]}`, "messages[*].content: thinking",
		},
		{
			"THK-07 in a tool loop thinking pauses", "unsign", "",
			`{"thinking":{"type":"enabled","budget_tokens":2000},"messages":[{"role":"assistant","content":[{"type":"redacted_thinking","data":"x"},{"type":"tool_use","id":"1","name":"a","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"1"}]}]}`,
			`{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"a","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"1"}]}]}`, "messages[*].content: thinking; thinking",
		},
		{"THK-07 no message becomes empty", "unsign", "", `{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"s"}]}]}`, ``, ""},
		{
			"THK-07 sealed reasoning", "unseal", "",
			`{"input":[{"role":"user","content":"a"},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"},{"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"x"},{"type":"reasoning","id":"rs_2","summary":[]}],"x":1}`,
			`{"input":[{"role":"user","content":"a"},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"x"},{"type":"reasoning","id":"rs_2","summary":[]}],"x":1}`, "input[*]: reasoning",
		},
		{"THK-07 nothing is sealed", "unseal", "", `{"input":[{"type":"message","id":"msg_1","role":"user","content":"a"}]}`, ``, ""},
		{"THK-07 nothing else is there", "unseal", "", `{"input":[{"type":"reasoning","encrypted_content":"gAAA"}]}`, ``, ""},
		{"THK-07 an input that is text", "unseal", "", `{"input":"encrypted_content"}`, ``, ""},
		{"a flag and its feature", "beta", "context-management-2025-06-27", `{"anthropic_beta":["a-2025-01-01","context-management-2025-06-27"],"context_management":{},"x":1}`, `{"anthropic_beta":["a-2025-01-01"],"x":1}`, "anthropic-beta: context-management-2025-06-27; context_management"},
		{"all flags", "unflag", "", `{"anthropic_beta":["a-2025-01-01"],"x":1}`, `{"x":1}`, "anthropic-beta: a-2025-01-01"},
		{"not JSON", "drop", "a", `{"a":`, ``, ""},
		{"no such action", "explode", "", `{"a":1}`, ``, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &Request{Body: []byte(c.body)}
			var paths []string
			for _, l := range (Fix{c.do, c.to}).Apply(r) {
				paths = append(paths, l.Path)
				if l.Reason == "" || l.Count < 1 {
					t.Errorf("loss %+v", l)
				}
			}
			want := c.want
			if want == "" {
				want = c.body
			}
			if got := strings.Join(paths, "; "); string(r.Body) != want || got != c.losses {
				t.Errorf("got %s\nwant %s\nlosses %q, want %q", r.Body, want, got, c.losses)
			}
		})
	}
}

func TestWordsAreNotTheClients(t *testing.T) {
	_, words := Find(`[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'msg': 'Extra inputs are not permitted', 'input': 'my secret'}]`, &Request{Body: []byte(`{}`)})
	if words == "" || strings.Contains(words, "secret") {
		t.Errorf("words %q", words)
	}
}

func TestHeaderFlags(t *testing.T) {
	h := http.Header{"Anthropic-Beta": {"a-2025-01-01, b-2025-01-01", "c-2025-01-01"}}
	r := &Request{Body: []byte(`{}`), Header: h}
	if got := (Fix{"beta", "b-2025-01-01"}).Apply(r); len(got) != 1 || got[0].Path != "anthropic-beta: b-2025-01-01" {
		t.Errorf("losses %v", got)
	}
	if got := r.Header.Get("Anthropic-Beta"); got != "a-2025-01-01,c-2025-01-01" {
		t.Errorf("left %q", got)
	}
	if h.Get("Anthropic-Beta") != "a-2025-01-01, b-2025-01-01" {
		t.Error("the client's own header was changed")
	}
	if got, _ := Find("invalid beta flag", &Request{Body: []byte(`{"anthropic_beta":["x-2026-01-01"]}`)}); len(got) != 1 || got[0] != (Fix{"beta", "x-2026-01-01"}) {
		t.Errorf("the only flag is not named: %v", got)
	}
}

func TestWhatIsKept(t *testing.T) {
	for do, want := range map[string]bool{"drop": true, "beta": true, "think": true, "unsign": false, "unseal": false, "free": false, "unthink": false, "room": false} {
		if _, got := (Fix{Do: do}).Kept(); got != want {
			t.Errorf("%s: kept %v", do, got)
		}
	}
	if !(Fix{Do: "prefill"}).Alters() || (Fix{Do: "drop"}).Alters() {
		t.Error("which fixes alter the answer")
	}
	if life, kept := (Fix{Do: "unflag"}).Kept(); !kept || life == 0 {
		t.Error("all flags are dropped for good on a word that names none")
	}
	if (Fix{"nonsense", ""}).Check() == nil || (Fix{"drop", strings.Repeat("x", 300)}).Check() == nil || (Fix{"drop", "a"}).Check() != nil {
		t.Error("Check")
	}
}

// Every action must be reached by a rule, and every rule must say where its words are from.
func TestRulesAndActions(t *testing.T) {
	used := map[string]bool{}
	for _, r := range rules {
		if _, ok := actions[r.do]; !ok {
			t.Errorf("rule %q does %q, which there is not", r.says, r.do)
		}
		if r.from == "" {
			t.Errorf("rule %q does not say who says so", r.says)
		}
		used[r.do] = true
	}
	for name := range actions {
		if !used[name] {
			t.Errorf("nothing does %q", name)
		}
	}
}

func FuzzHeal(f *testing.F) {
	f.Add("tools.0.custom.strict: Extra inputs are not permitted", `{"tools":[{"strict":true}],"messages":[{"role":"user","content":"x"}]}`)
	f.Add("invalid beta flag", `{"anthropic_beta":["a"],"messages":[]}`)
	f.Add("Invalid `signature` in `thinking` block", `{"messages":[{"role":"assistant","content":[{"type":"thinking"},{"type":"text"}]}]}`)
	f.Add("Unknown name \"a\" at 'b[0].c': Cannot find field", `{"b":[{"c":{"a":1}}]}`)
	f.Fuzz(func(t *testing.T, message, body string) {
		if !json.Valid([]byte(body)) {
			return
		}
		r := &Request{Body: []byte(body)}
		list, _ := Find(message, r)
		for _, fix := range list {
			var losses []llm.Loss
			was := string(r.Body)
			losses = fix.Apply(r)
			if !json.Valid(r.Body) {
				t.Fatalf("%s made %q of %q", fix, r.Body, was)
			}
			if (len(losses) > 0) != (string(r.Body) != was) {
				t.Fatalf("%s: losses %v, %q became %q", fix, losses, was, r.Body)
			}
		}
	})
}
