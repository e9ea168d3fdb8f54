package conformance

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// claudeNext is a Claude of which nothing but the family is known.
const claudeNext = "claude-next-9"

// refusal says words as an account says them.
func refusal(account, words string) string {
	switch dialectOf(account) {
	case "chat":
		return `{"error":{"message":` + encoded(words) + `,"type":"invalid_request_error","param":null,"code":"unsupported_parameter"}}`
	case "messages":
		if account == anthropicUp {
			return `{"type":"error","error":{"type":"invalid_request_error","message":` + encoded(words) + `},"request_id":"req_1"}`
		}
	}
	return `{"message":` + encoded(words) + `}`
}

// picky refuses what fits in the given words and answers the rest.
func picky(words string, fits func(*sent) bool) play {
	return func(w http.ResponseWriter, s *sent) {
		if fits(s) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("X-Amzn-Errortype", "ValidationException")
			w.WriteHeader(400)
			_, _ = w.Write([]byte(refusal(s.account, words)))
			return
		}
		playDefault(w, s)
	}
}

func has(part string) func(*sent) bool {
	return func(s *sent) bool { return strings.Contains(string(s.body), part) }
}

// healed is a request that an upstream refuses at first.
type healed struct {
	name   string
	from   string
	to     string
	model  string
	header string // Anthropic-Beta
	body   string
	words  string
	fits   func(*sent) bool // what is refused
	want   is               // of the body that was taken
	loss   string
	always bool // the fault is the request's own: it is healed each time and never remembered
}

func TestHealing(t *testing.T) {
	const (
		signed  = `{"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2lnbmVk"},{"type":"text","text":"a"}]},{"role":"user","content":"and?"}]}`
		billing = `{"system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.37; cch=0;"},{"type":"text","text":"You are a coder."}],` + question + `}`
		enabled = `"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.`
		oneOnly = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
	)
	both := func(s *sent) bool {
		body := string(s.body)
		return strings.Contains(body, `"temperature"`) && (strings.Contains(body, `"top_p"`) || strings.Contains(body, `"topP"`))
	}
	for _, c := range []healed{
		{
			"HDR-01 a flag that is refused by its name", messagesAPI, anthropicUp, "", "interleaved-thinking-2025-05-14,mcp-servers-2099-01-01", `{` + question + `}`,
			"Unexpected value(s) `mcp-servers-2099-01-01` for the `anthropic-beta` header. Please consult our documentation at docs.claude.com or try again without the header.",
			func(s *sent) bool { return strings.Contains(s.header.Get("Anthropic-Beta"), "mcp-servers") },
			is{"messages.0.content": `"q"`},
			"anthropic-beta: mcp-servers-2099-01-01", false,
		},
		{
			"HDR-01 a flag that is refused without its name", messagesAPI, invokeUp, "", "context-1m-2025-08-07", `{` + question + `}`,
			"invalid beta flag", has("context-1m"),
			is{"anthropic_beta": absent},
			"anthropic-beta: context-1m-2025-08-07", false,
		},
		{
			"HDR-03 HDR-01 the feature goes with its flag", messagesAPI, invokeUp, "", "context-management-2025-06-27", `{` + question + `,"context_management":{"edits":[]}}`,
			"invalid beta flag", has("context-management-"),
			is{"anthropic_beta": absent, "context_management": absent},
			"context_management", false,
		},
		{
			"HDR-01 a member that is refused", messagesAPI, anthropicUp, "", "", `{` + question + `,"tools":[{"name":"read","input_schema":{"type":"object"},"eager_input_streaming":true},{"name":"write","input_schema":{"type":"object"},"eager_input_streaming":true}]}`,
			"tools.0.custom.eager_input_streaming: Extra inputs are not permitted", has("eager_input_streaming"),
			is{"tools": `[{"name":"read","input_schema":{"type":"object"}},{"name":"write","input_schema":{"type":"object"}}]`},
			"eager_input_streaming", false,
		},
		{
			"THK-07 thinking that another account signed", messagesAPI, anthropicUp, "", "", signed,
			"messages.1.content.0: Invalid `signature` in `thinking` block", has("signature"),
			is{"messages.1.content": `[{"type":"text","text":"a"}]`, "thinking.type": `"enabled"`},
			"thinking", true,
		},
		{
			"THK-07 thinking that another account signed", messagesAPI, invokeUp, "", "", signed,
			"messages.1.content.0: Invalid `signature` in `thinking` block", has("signature"),
			is{"messages.1.content": `[{"type":"text","text":"a"}]`},
			"thinking", true,
		},
		{
			"THK-07 thinking that another account signed", messagesAPI, converseUp, "", "", signed,
			"The model returned the following errors: messages.1.content.0: Invalid `signature` in `thinking` block", has("signature"),
			is{"messages.1.content": `[{"text":"a"}]`},
			"thinking", true,
		},
		{
			"CACHE-10 the entry that Bedrock refuses", messagesAPI, invokeUp, "", "", billing,
			"x-anthropic-billing-header is a reserved keyword and may not be used in the system prompt.", has("billing-header"),
			is{"system": `[{"type":"text","text":"You are a coder."}]`},
			"x-anthropic-billing-header", false,
		},
		{
			"CACHE-10 the entry that Bedrock refuses", messagesAPI, converseUp, "", "", billing,
			"x-anthropic-billing-header is a reserved keyword and may not be used in the system prompt.", has("billing-header"),
			is{"system": `[{"text":"You are a coder."}]`},
			"x-anthropic-billing-header", false,
		},
		{
			"THK-09 a model that turns out to be adaptive only", messagesAPI, anthropicUp, claudeNext, "", `{` + question + `,"thinking":{"type":"enabled","budget_tokens":10000},"max_tokens":20000}`,
			enabled, has(`"enabled"`),
			is{"thinking": `{"type":"adaptive"}`, "output_config": `{"effort":"medium"}`},
			"budget_tokens", false,
		},
		{
			"THK-09 a model that turns out to be adaptive only", chatAPI, invokeUp, claudeNext, "", `{` + question + `,"thinking":{"type":"enabled","budget_tokens":10000},"max_tokens":20000}`,
			enabled, has(`"enabled"`),
			is{"thinking": `{"type":"adaptive"}`, "output_config": `{"effort":"medium"}`},
			"budget_tokens", false,
		},
		{
			"PAR-01 a model that turns out to take one of them", messagesAPI, anthropicUp, claudeNext, "", `{` + question + `,"temperature":0.2,"top_p":0.9}`,
			oneOnly, both,
			is{"temperature": "0.2", "top_p": absent},
			"top_p", false,
		},
		{
			"PAR-01 a model that turns out to take one of them", chatAPI, converseUp, claudeNext, "", `{` + question + `,"temperature":0.2,"top_p":0.9}`,
			"The model returned the following errors: " + oneOnly, both,
			is{"inferenceConfig.temperature": "0.2", "inferenceConfig.topP": absent},
			"top_p", false,
		},
		{
			"THK-15 a model that turns out to have other efforts", chatAPI, openaiUp, "gpt-next", "", `{` + question + `,"reasoning_effort":"none"}`,
			"Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are: 'minimal', 'low', 'medium', and 'high'.", has(`"none"`),
			is{"reasoning_effort": `"minimal"`},
			"reasoning_effort", false,
		},
		{
			"PAR-03 a model that turns out to want the newer name", chatAPI, openaiUp, "gpt-next", "", `{` + question + `,"max_tokens":50}`,
			"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", has(`"max_tokens"`),
			is{"max_tokens": absent, "max_completion_tokens": "50"},
			"max_tokens", false,
		},
	} {
		t.Run(title(c.name, c.from, c.to), func(t *testing.T) {
			w := newWorld(t)
			w.up.answers(picky(c.words, c.fits))
			ask := func(strict string) *reply {
				return w.ask(c.from, c.to, c.model, c.body, "Anthropic-Beta", c.header, "X-Turnpike-Strict", strict)
			}
			calls := 2
			for round := range 2 {
				before := len(w.up.all())
				r := ask("")
				if r.status != 200 {
					t.Fatalf("round %d answered %d: %s", round, r.status, r.body)
				}
				all := w.up.all()
				if len(all)-before != calls {
					t.Fatalf("round %d: %d calls, not %d", round, len(all)-before, calls)
				}
				check(t, "the upstream took", all[len(all)-1].body, c.want)
				checkLoss(t, r.losses(), c.loss)
				if !c.always {
					calls = 1 // what was learned is done before sending
				}
			}
			before := len(w.up.all())
			if r := ask("true"); r.status != 400 || len(w.up.all()) > before+1 {
				t.Errorf("strict: answered %d after %d calls", r.status, len(w.up.all())-before)
			}
			rows := w.attempts()
			if rows[0].Status != 400 || rows[0].Number != 1 || rows[1].Status != 200 || rows[1].Number != 2 || rows[0].RequestID != rows[1].RequestID {
				t.Errorf("the two attempts of the first request: %+v", rows[:2])
			}
		})
	}
}

// What is not recognised goes to the client of the upstream's own API as it came.
func TestRefusalsThatStand(t *testing.T) {
	for _, c := range []struct{ name, from, to, words string }{
		{"ERR-12 a client's own fault", messagesAPI, anthropicUp, "messages.0.content.0.text: Field required"},
		{"MSG-12 a prefill is the client's own to mend", messagesAPI, anthropicUp, "This model does not support assistant message prefill. The conversation must end with a user message."},
		{"ERR-12 a client's own fault", chatAPI, openaiUp, "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."},
	} {
		t.Run(title(c.name, c.from, c.to), func(t *testing.T) {
			w := newWorld(t)
			w.up.answers(picky(c.words, func(*sent) bool { return true }))
			r := w.ask(c.from, c.to, "", `{`+question+`}`)
			if r.status != 400 || string(r.body) != refusal(c.to, c.words) {
				t.Errorf("answered %d %s", r.status, r.body)
			}
			w.up.only(t)
		})
	}
}

// A client of the model's own API gets its body through unless the table is sure
// that it would be refused.
func TestOwnDialectIsAdapted(t *testing.T) {
	const budget = `"thinking":{"type":"enabled","budget_tokens":10000},"max_tokens":20000`
	asks(t, []ask{
		{"THK-09 a budget for an adaptive model becomes an effort", messagesAPI, claudeUps, claude47, `{` + question + `,` + budget + `}`, is{"thinking": `{"type":"adaptive"}`, "output_config": `{"effort":"medium"}`}, "budget_tokens"},
		{"THK-09 a model that takes both gets its budget", messagesAPI, claudeUps, claude46, `{` + question + `,` + budget + `}`, is{"thinking": `{"type":"enabled","budget_tokens":10000}`, "output_config": absent}, ""},
		{"THK-10 adaptive takes no budget", messagesAPI, claudeUps, claude46, `{` + question + `,"thinking":{"type":"adaptive","budget_tokens":10000}}`, is{"thinking": `{"type":"adaptive"}`}, "budget_tokens"},
		{"THK-12 the limit is raised above the budget", messagesAPI, claudeUps, claude45, `{` + question + `,"thinking":{"type":"enabled","budget_tokens":8000},"max_tokens":2000}`, is{"max_tokens": "10000", "thinking.budget_tokens": "8000"}, "max_tokens"},
		{"THK-13 no sampling beside thinking", messagesAPI, claudeUps, claude45, `{` + question + `,` + budget + `,"temperature":0.2,"top_k":5}`, is{"temperature": absent, "top_k": absent, "thinking.type": `"enabled"`}, "temperature"},
		{"THK-14 off stays off", messagesAPI, claudeUps, claude47, `{` + question + `,"thinking":{"type":"disabled"}}`, is{"thinking": `{"type":"disabled"}`}, ""},
		{"THK-14 a budget of nothing is off", messagesAPI, claudeUps, claude47, `{` + question + `,"thinking":{"type":"enabled","budget_tokens":0}}`, is{"thinking": `{"type":"disabled"}`, "output_config": absent}, "budget_tokens"},
		{"THK-19 no forced call beside thinking", messagesAPI, claudeUps, claude45, `{` + question + `,` + claudeTools + `,"tool_choice":{"type":"tool","name":"read"},` + budget + `}`, is{"tool_choice": `{"type":"auto"}`}, "tool_choice"},
		{"PAR-01 of both the temperature stays", messagesAPI, claudeUps, claude45, `{` + question + `,"temperature":0.2,"top_p":0.9}`, is{"temperature": "0.2", "top_p": absent}, "top_p"},
		{"PAR-01 a model that takes neither", messagesAPI, claudeUps, claude47, `{` + question + `,"temperature":0.2,"top_p":0.9}`, is{"temperature": absent, "top_p": absent}, "temperature"},
		{"PAR-02 the one the client set stays", messagesAPI, claudeUps, claude45, `{` + question + `,"top_p":0.9}`, is{"top_p": "0.9", "temperature": absent}, ""},
		{"PAR-04 more than the model writes", messagesAPI, claudeUps, claude45, `{` + question + `,"max_tokens":200000}`, is{"max_tokens": "64000"}, "max_tokens"},
		{"PAR-03 the newer name for models that reason", chatAPI, openaiUp, gptThinks, `{` + question + `,"max_tokens":50}`, is{"max_tokens": absent, "max_completion_tokens": "50"}, "max_tokens"},
		{"THK-15 the nearest effort", chatAPI, openaiUp, gptThinks, `{` + question + `,"reasoning_effort":"xhigh"}`, is{"reasoning_effort": `"high"`}, "reasoning_effort"},
		{"THK-15 servers that copy the API take what they take", chatAPI, compatUp, gptThinks, `{` + question + `,"reasoning_effort":"xhigh","max_tokens":50,"temperature":0.1}`, is{"reasoning_effort": `"xhigh"`, "max_tokens": "50", "temperature": "0.1"}, ""},
	})
}

// The refusals above are JSON in their upstream's form.
func TestRefusalsAreJSON(t *testing.T) {
	for to := range strings.FieldsSeq(allUps) {
		if !json.Valid([]byte(refusal(to, "a \"quoted\" `word`"))) {
			t.Errorf("%s: %s", to, refusal(to, "x"))
		}
	}
}

// TestPointsOfOursAreNotHealed: where an account has refused cache points, none of
// ours is put, so nothing is lost.
func TestPointsOfOursAreNotHealed(t *testing.T) {
	t.Run("CACHE-04 CACHE-12 no point of ours where they were refused", func(t *testing.T) {
		w := newWorld(t)
		w.up.answers(picky("Malformed input request: #/messages/0/content/1: extraneous key [cachePoint] is not permitted, please reformat your input and try again.", func(s *sent) bool {
			_, inMessages := at(any(decoded(string(s.body))), "messages.0.content.1.cachePoint")
			return inMessages
		}))
		body := `{` + wish + `"system":"` + long + `",` + question + `}`
		for i := range 2 {
			r := w.ask(messagesAPI, converseUp, "", body)
			if r.status != 200 || (r.losses() != "") != (i == 0) {
				t.Fatalf("%d: %d %s, losses %q", i, r.status, r.body, r.losses())
			}
		}
		all := w.up.all()
		if len(all) != 3 {
			t.Fatalf("%d requests were sent", len(all))
		}
		check(t, "the upstream got", all[2].body, is{"system.1": point, "messages": "!cachePoint"})
	})
}
