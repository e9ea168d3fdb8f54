package conformance

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

// redactedBlob is redacted reasoning in the form Converse has it.
var redactedBlob = base64.StdEncoding.EncodeToString([]byte("EqcBCkgIBBABGAI="))

func TestReasoningInAnswers(t *testing.T) {
	const (
		usage  = `"stopReason":"end_turn","usage":{"inputTokens":10,"outputTokens":9,"totalTokens":19}}`
		signed = `{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"let me see","signature":"SIG=="}}},{"text":"done"}]}},` + usage
		bare   = `{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"","signature":"SIG=="}}},{"text":"done"}]}},` + usage
		claude = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"","signature":"SIG=="},{"type":"redacted_thinking","data":"BLOB=="},{"type":"text","text":"done"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":9}}`
		openly = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"done","reasoning_content":"let me see"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":9,"total_tokens":19}}`
	)
	redacted := `{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"redactedContent":"` + redactedBlob + `"}},{"text":"done"}]}},` + usage
	tells(t, []told{
		{
			"THK-01 text and signature of reasoning arrive", converseUp, messagesAPI, "", signed,
			is{"content": `[{"type":"thinking","thinking":"let me see","signature":"SIG=="},{"type":"text","text":"done"}]`},
			"",
		},
		{
			"THK-01 redacted reasoning arrives", converseUp, messagesAPI, "", redacted,
			is{"content.0": `{"type":"redacted_thinking","data":"` + redactedBlob + `"}`, "content.1.text": `"done"`},
			"",
		},
		{
			"THK-02 reasoning stands in reasoningText", converseUp, chatAPI, "", signed,
			is{"choices.0.message.reasoning_content": `"let me see"`, "choices.0.message.content": `"done"`},
			"",
		},
		{
			"THK-03 a signature without text is kept", converseUp, messagesAPI, "", bare,
			is{"content.#": "2", "content.0": `{"type":"thinking","thinking":"","signature":"SIG=="}`},
			"",
		},
		{"THK-03 a signature without text is kept", claudeUps, messagesAPI, "", claude, is{"content.0": `{"type":"thinking","thinking":"","signature":"SIG=="}`}, ""},
		{"THK-03 a signature without text is kept", converseUp, chatAPI, "", bare, is{"choices.0.message.reasoning_details.#": "1", "choices.0.message.content": `"done"`}, ""},
		{"THK-06 redacted reasoning travels sealed", claudeUps, chatAPI, "", claude, is{"choices.0.message.reasoning_details.#": "2", "choices.0.message.content": `"done"`}, ""},
		{"THK-06 redacted reasoning travels sealed", converseUp, chatAPI, "", redacted, is{"choices.0.message.reasoning_details.#": "1", "choices.0.message.content": `"done"`}, ""},
		{"THK-06 redacted reasoning stays what it is", claudeUps, messagesAPI, "", claude, is{"content.1": `{"type":"redacted_thinking","data":"BLOB=="}`}, ""},
		{
			"THK-16 open reasoning is a block of its own", chatUps, messagesAPI, "", openly,
			is{"content.#": "2", "content.0.type": `"thinking"`, "content.0.thinking": `"let me see"`, "content.0.signature": "~.", "content.1": `{"type":"text","text":"done"}`},
			"",
		},
		{"THK-21 a signature alone is not called redacted", converseUp, messagesAPI, "", bare, is{"content.0.type": `"thinking"`, "content.0.data": absent}, ""},
	})
}

// TestReplay lets a client hand back an answer as it got it: the upstream must
// see its own blocks again, in their order.
func TestReplay(t *testing.T) {
	const (
		claudeBlocks = `[{"type":"thinking","thinking":"one","signature":"S1=="},{"type":"tool_use","id":"toolu_a","name":"read","input":{"p":1}},
			{"type":"thinking","thinking":"","signature":"S2=="},{"type":"redacted_thinking","data":"BLOB=="},{"type":"text","text":"two"},{"type":"tool_use","id":"toolu_b","name":"list","input":{}}]`
		claudeAnswer = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":` + claudeBlocks + `,"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}`
	)
	converseBlocks := `[{"reasoningContent":{"reasoningText":{"text":"one","signature":"S1=="}}},{"toolUse":{"toolUseId":"tooluse_a","name":"read","input":{"p":1}}},
		{"reasoningContent":{"reasoningText":{"text":"","signature":"S2=="}}},{"reasoningContent":{"redactedContent":"` + redactedBlob + `"}},{"text":"two"},{"toolUse":{"toolUseId":"tooluse_b","name":"list","input":{}}}]`
	converseAnswer := `{"output":{"message":{"role":"assistant","content":` + converseBlocks + `}},"stopReason":"tool_use","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`
	w := newWorld(t)
	for _, to := range []string{anthropicUp, invokeUp, converseUp} {
		answer, blocks := claudeAnswer, claudeBlocks
		if to == converseUp {
			answer, blocks = converseAnswer, converseBlocks
		}
		for _, from := range []string{chatAPI, messagesAPI} {
			for _, how := range []string{"", ", streamed"} {
				t.Run(title("THK-04 THK-06 THK-03 reasoning among calls is replayed as it was", from, to)+how, func(t *testing.T) {
					w.up.answers(playAnswer(answer))
					got := w.answered(t, from, to, how != "")
					body := `{"messages":[{"role":"user","content":"q"},` + replayed(from, got) + `],` + thinkingOn[from] + `}`
					w.up.answers(playDefault)
					r := w.ask(from, to, "", body)
					check(t, "the upstream got", w.up.only(t).body, is{"messages.1.content": blocks, "messages.#": "3"})
					checkLoss(t, r.losses(), "")
				})
			}
		}
	}
}

// thinkingOn asks for reasoning and offers tools.
var thinkingOn = map[string]string{
	chatAPI:     chatTools + `,"reasoning_effort":"high"`,
	messagesAPI: claudeTools + `,"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":4000`,
}

// answered asks a question and returns the answer, whole or put together.
func (w *world) answered(t *testing.T, from, to string, stream bool) object {
	t.Helper()
	body := `{"messages":[{"role":"user","content":"q"}],` + thinkingOn[from] + `}`
	if stream {
		return hear(t, from, w.ask(from, to, "", streamed(body)))
	}
	return decoded(string(w.ask(from, to, "", body).body))
}

// replayed is an answer as a client hands it back, with results for its calls.
func replayed(from string, answer object) string {
	if from == chatAPI {
		m, _ := at(answer, "choices.0.message")
		out := encoded(m)
		for _, c := range items(m.(object)["tool_calls"]) {
			out += `,{"role":"tool","tool_call_id":` + encoded(c["id"]) + `,"content":"r"}`
		}
		return out
	}
	var results list
	for _, b := range items(answer["content"]) {
		if b["type"] == "tool_use" {
			results = append(results, object{"type": "tool_result", "tool_use_id": b["id"], "content": "r"})
		}
	}
	return encoded(object{"role": "assistant", "content": answer["content"]}) + "," + encoded(object{"role": "user", "content": results})
}

func TestReasoningHandedBack(t *testing.T) {
	seal := llm.Seal(llm.IssuerClaude, &llm.Thinking{Text: "let me see", Signature: "SIG=="})
	foreign := llm.Seal("acme", &llm.Thinking{Text: "let me see", Signature: "acme-proof"})
	chatBack := func(members string) string {
		return `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"done",` + members + `},{"role":"user","content":"more"}]}`
	}
	claudeBack := func(block string) string {
		return `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[` + block + `,{"type":"text","text":"done"}]},{"role":"user","content":"more"}]}`
	}
	thrice := `"reasoning_content":"let me see","thinking_blocks":[{"type":"thinking","thinking":"let me see","signature":"SIG=="}],"reasoning_details":[{"type":"reasoning.encrypted","format":"turnpike","data":"` + seal + `","index":0}]`
	const (
		claudeThought   = `[{"type":"thinking","thinking":"let me see","signature":"SIG=="},{"type":"text","text":"done"}]`
		converseThought = `[{"reasoningContent":{"reasoningText":{"text":"let me see","signature":"SIG=="}}},{"text":"done"}]`
		unproved        = `"reasoning_content":"let me see"`
		lastThought     = `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"text","text":"done"},{"type":"thinking","thinking":"and","signature":"SIG=="}]},{"role":"user","content":"more"}]}`
	)
	asks(t, []ask{
		{"THK-05 reasoning told three times is sent once", chatAPI, claudeUps, "", chatBack(thrice), is{"messages.1.content": claudeThought}, ""},
		{"THK-05 reasoning told three times is sent once", chatAPI, converseUp, "", chatBack(thrice), is{"messages.1.content": converseThought}, ""},
		{
			"THK-03 an empty text is a text", messagesAPI, converseUp, "", claudeBack(`{"type":"thinking","thinking":"","signature":"SIG=="}`),
			is{"messages.1.content.0": `{"reasoningContent":{"reasoningText":{"text":"","signature":"SIG=="}}}`},
			"",
		},
		{
			"THK-06 redacted reasoning", messagesAPI, converseUp, "", claudeBack(`{"type":"redacted_thinking","data":"` + redactedBlob + `"}`),
			is{"messages.1.content.0": `{"reasoningContent":{"redactedContent":"` + redactedBlob + `"}}`},
			"",
		},
		{
			"THK-06 redacted reasoning is named where it cannot go", messagesAPI, chatUps, "", claudeBack(`{"type":"redacted_thinking","data":"BLOB=="}`),
			is{"messages.1": `{"role":"assistant","content":"done"}`},
			"thinking",
		},
		{
			"THK-07 another issuer's proof does not reach Claude", chatAPI, claudeUps + " " + converseUp, "",
			chatBack(`"reasoning_details":[{"type":"reasoning.encrypted","format":"turnpike","data":"` + foreign + `","index":0}]`),
			is{"messages.1.content.#": "1", "messages.1.content.0.text": `"done"`},
			"thinking",
		},
		{
			"THK-07 another issuer's proof does not reach Claude", messagesAPI, claudeUps + " " + converseUp, "",
			claudeBack(`{"type":"thinking","thinking":"let me see","signature":"` + foreign + `"}`),
			is{"messages.1.content.#": "1", "messages.1.content.0.text": `"done"`},
			"thinking",
		},
		{
			"THK-07 Claude's proof does not reach others", chatAPI, chatUps, "",
			chatBack(`"reasoning_details":[{"type":"reasoning.encrypted","format":"turnpike","data":"` + seal + `","index":0}]`),
			is{"messages.1": `{"role":"assistant","content":"done"}`},
			"thinking",
		},
		{
			"THK-07 Claude's proof does not reach others", messagesAPI, chatUps, "",
			claudeBack(`{"type":"thinking","thinking":"let me see","signature":"SIG=="}`),
			is{"messages.1": `{"role":"assistant","content":"done"}`},
			"thinking",
		},
		{"THK-17 a message does not end on reasoning", messagesAPI, converseUp, "", lastThought, is{"messages.1.content": `[{"text":"done"}]`}, "thinking"},
		{
			"THK-17 a message does not end on reasoning", chatAPI, claudeUps, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"done"},{"role":"assistant","content":null,"reasoning_details":[{"type":"reasoning.encrypted","format":"turnpike","data":"` + seal + `","index":0}]},{"role":"user","content":"more"}]}`,
			is{"messages.1.content": `[{"type":"text","text":"done"}]`},
			"thinking",
		},
		{
			"THK-18 reasoning without proof is named, not sent", chatAPI, claudeUps + " " + converseUp, "", chatBack(unproved),
			is{"messages.1.content.#": "1", "messages.1.content.0.text": `"done"`},
			"thinking",
		},
		{"THK-18 servers that want it back get it", chatAPI, compatUp, "", chatBack(unproved), is{"messages.1.reasoning_content": `"let me see"`}, ""},
		{
			"THK-18 servers that want it back get it", messagesAPI, compatUp, "", claudeBack(`{"type":"thinking","thinking":"let me see","signature":"` + llm.Seal("unsigned", &llm.Thinking{}) + `"}`),
			is{"messages.1.reasoning_content": `"let me see"`},
			"",
		},
	})
}

// TestReasoningRoundTrip takes an answer of one upstream to another.
func TestReasoningRoundTrip(t *testing.T) {
	const openly = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"done","reasoning_content":"let me see"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":9,"total_tokens":19}}`
	w := newWorld(t)
	for _, to := range []string{anthropicUp, invokeUp, converseUp} {
		t.Run(title("THK-18 THK-07 open reasoning of another model is dropped and named", messagesAPI, to), func(t *testing.T) {
			w.up.answers(playAnswer(openly))
			got := decoded(string(w.ask(messagesAPI, compatUp, "", plainAsk).body))
			w.up.answers(playDefault)
			r := w.ask(messagesAPI, to, "", `{"messages":[{"role":"user","content":"q"},`+encoded(object{"role": "assistant", "content": got["content"]})+`,{"role":"user","content":"more"}]}`)
			if r.status != http.StatusOK {
				t.Fatalf("answered %d %s", r.status, r.body)
			}
			check(t, "the upstream got", w.up.only(t).body, is{"messages.1.content.#": "1", "messages.1.content.0.text": `"done"`})
			checkLoss(t, r.losses(), "thinking")
		})
	}
}

func TestThinkingSettings(t *testing.T) {
	ask1 := func(members string) string { return `{` + question + `,` + members + `}` }
	const (
		budget     = `"thinking":{"type":"enabled","budget_tokens":8000},"max_tokens":20000`
		adaptive   = `"thinking":{"type":"adaptive"},"max_tokens":20000`
		both       = `"thinking":{"type":"adaptive","budget_tokens":8000},"max_tokens":20000`
		extra      = "additionalModelRequestFields."
		adaptiveOn = `{"type":"adaptive"}`
	)
	loop := `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"read","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"A"}]}],` + claudeTools + `,` + budget + `}`
	chatLoop := `{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"A"}],` + chatTools + `,"reasoning_effort":"high"}`
	asks(t, []ask{
		{"THK-09 a budget for an adaptive model becomes an effort", chatAPI, claudeUps, claude47, ask1(budget), is{"thinking": adaptiveOn, "output_config.effort": `"medium"`}, "budget"},
		{"THK-09 a budget for an adaptive model becomes an effort", chatAPI, converseUp, claude47, ask1(budget), is{extra + "thinking": adaptiveOn, extra + "output_config": `{"effort":"medium"}`}, "budget"},
		{"THK-09 a budget for an adaptive model becomes an effort", messagesAPI, converseUp, claude47, ask1(budget), is{extra + "thinking": adaptiveOn, extra + "output_config": `{"effort":"medium"}`}, "budget"},
		{"THK-10 adaptive has no budget", chatAPI, claudeUps, claude47, ask1(both), is{"thinking": adaptiveOn}, "budget"},
		{"THK-10 adaptive has no budget", chatAPI, claudeUps, claude46, ask1(both), is{"thinking": adaptiveOn}, "budget"},
		{"THK-10 adaptive has no budget", chatAPI, converseUp, claude46, ask1(both), is{extra + "thinking": adaptiveOn}, "budget"},
		{"THK-10 adaptive has no budget", messagesAPI, converseUp, claude46, ask1(both), is{extra + "thinking": adaptiveOn}, "budget"},
		{"THK-11 adaptive stays adaptive", chatAPI, claudeUps, claude46, ask1(adaptive), is{"thinking": adaptiveOn}, ""},
		{"THK-11 adaptive stays adaptive", chatAPI, claudeUps, claude47, ask1(adaptive), is{"thinking": adaptiveOn}, ""},
		{"THK-11 adaptive stays adaptive", messagesAPI, claudeUps, claude47, ask1(adaptive), is{"thinking": adaptiveOn}, ""},
		{"THK-11 adaptive stays adaptive", messagesAPI, converseUp, claude46, ask1(adaptive), is{extra + "thinking": adaptiveOn}, ""},
		{"THK-11 adaptive stays adaptive", messagesAPI, converseUp, claude47, ask1(adaptive), is{extra + "thinking": adaptiveOn}, ""},
		{
			"THK-12 the limit is raised above the budget", chatAPI, claudeUps, claude45, ask1(`"thinking":{"type":"enabled","budget_tokens":8000},"max_tokens":2000`),
			is{"thinking": `{"type":"enabled","budget_tokens":8000}`, "max_tokens": "10000"},
			"max_tokens",
		},
		{
			"THK-12 the limit is raised above the budget", chatAPI, converseUp, claude45, ask1(`"thinking":{"type":"enabled","budget_tokens":8000},"max_tokens":2000`),
			is{extra + "thinking": `{"type":"enabled","budget_tokens":8000}`, "inferenceConfig.maxTokens": "10000"},
			"max_tokens",
		},
		{
			"THK-12 the limit is raised above the budget", messagesAPI, converseUp, claude45, ask1(`"thinking":{"type":"enabled","budget_tokens":8000},"max_tokens":2000`),
			is{extra + "thinking": `{"type":"enabled","budget_tokens":8000}`, "inferenceConfig.maxTokens": "10000"},
			"max_tokens",
		},
		{"THK-13 no sampling beside thinking", chatAPI, claudeUps, claude45, ask1(budget + `,"temperature":0.2,"top_k":5`), is{"thinking.type": `"enabled"`, "temperature": absent, "top_k": absent}, "temperature"},
		{
			"THK-13 no sampling beside thinking", messagesAPI, converseUp, claude45, ask1(budget + `,"temperature":0.2,"top_k":5`),
			is{extra + "thinking.type": `"enabled"`, "inferenceConfig.temperature": absent, extra + "top_k": absent},
			"temperature",
		},
		{"THK-14 off stays off", chatAPI, claudeUps, claude46, ask1(`"reasoning_effort":"none"`), is{"thinking": "!adaptive", "output_config": absent}, ""},
		{"THK-14 off stays off", chatAPI, claudeUps, claude47, ask1(`"reasoning_effort":"none"`), is{"thinking": "!adaptive", "output_config": absent}, anyLoss},
		{"THK-14 off stays off", chatAPI, converseUp, claude46, ask1(`"reasoning_effort":"none"`), is{extra + "thinking": "!adaptive"}, ""},
		{"THK-14 a budget of nothing is off", chatAPI, claudeUps, claude46, ask1(`"thinking":{"type":"enabled","budget_tokens":0}`), is{"thinking": "!adaptive"}, ""},
		{"THK-14 off stays off", messagesAPI, claudeUps, claude46, ask1(`"thinking":{"type":"disabled"}`), is{"thinking": `{"type":"disabled"}`}, ""},
		{"THK-14 off stays off", messagesAPI, converseUp, claude46, ask1(`"thinking":{"type":"disabled"}`), is{extra + "thinking": `{"type":"disabled"}`}, ""},
		{"THK-14 off stays off", messagesAPI, converseUp, claude47, ask1(`"thinking":{"type":"disabled"}`), is{extra + "thinking": "!adaptive"}, anyLoss},
		{"THK-15 xhigh where the model has max", chatAPI, claudeUps, claude46, ask1(`"reasoning_effort":"xhigh"`), is{"thinking": adaptiveOn, "output_config.effort": `"max"`}, "effort"},
		{"THK-15 xhigh where the model has max", chatAPI, converseUp, claude46, ask1(`"reasoning_effort":"xhigh"`), is{extra + "thinking": adaptiveOn, extra + "output_config.effort": `"max"`}, "effort"},
		{"THK-15 minimal where the model has low", chatAPI, claudeUps, claude46, ask1(`"reasoning_effort":"minimal"`), is{"output_config.effort": `"low"`}, "effort"},
		{"THK-15 minimal where the model has low", chatAPI, converseUp, claude46, ask1(`"reasoning_effort":"minimal"`), is{extra + "output_config.effort": `"low"`}, "effort"},
		{"THK-15 max where the model has high", messagesAPI, chatUps, gptThinks, ask1(`"thinking":{"type":"adaptive"},"output_config":{"effort":"max"}`), is{"reasoning_effort": `"high"`}, "effort"},
		{"THK-15 an effort for a model that takes a budget", chatAPI, claudeUps, claude45, ask1(`"reasoning_effort":"low","max_tokens":20000`), is{"thinking.type": `"enabled"`, "output_config": absent}, ""},
		{"THK-19 no forced call beside thinking", chatAPI, claudeUps, claude45, `{` + question + `,` + chatTools + `,"tool_choice":"required",` + budget + `}`, is{"thinking.type": `"enabled"`, "tool_choice": `{"type":"auto"}`}, "tool_choice"},
		{
			"THK-19 no forced call beside thinking", messagesAPI, converseUp, claude45, `{` + question + `,` + claudeTools + `,"tool_choice":{"type":"tool","name":"read"},` + budget + `}`,
			is{extra + "thinking.type": `"enabled"`, "toolConfig.toolChoice": absent},
			"tool_choice",
		},
		{"THK-20 a tool loop without its reasoning goes on without", messagesAPI, converseUp, claude45, loop, is{extra + "thinking": absent, "messages.1.content.0.toolUse.name": `"read"`}, "thinking"},
		{"THK-20 a tool loop without its reasoning goes on without", chatAPI, claudeUps, claude45, chatLoop, is{"thinking": absent, "messages.1.content.0.name": `"read"`}, "thinking"},
		{"THK-20 a tool loop without its reasoning goes on without", chatAPI, converseUp, claude45, chatLoop, is{extra + "thinking": absent, "messages.1.content.0.toolUse.name": `"read"`}, "thinking"},
	})
}

// TestInferenceProfile reaches Claude by an ARN that does not tell its model.
func TestInferenceProfile(t *testing.T) {
	const arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab12cd34ef56"
	w := newWorld(t)
	w.up.answers(func(rw http.ResponseWriter, s *sent) {
		if strings.HasPrefix(s.uri, "/inference-profiles/") {
			playJSON(200, `{"models":[{"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-4-7-v1:0"}]}`)(rw, s)
			return
		}
		playDefault(rw, s)
	})
	back := `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"done","thinking_blocks":[{"type":"thinking","thinking":"x","signature":"SIG=="}]},{"role":"user","content":"more"}],"reasoning_effort":"high"}`
	t.Run(title("THK-08 HDR-05 a profile's ARN is Claude, adaptive and signed", chatAPI, bedrockUp), func(t *testing.T) {
		r := w.ask(chatAPI, bedrockUp, arn, back)
		if r.status != http.StatusOK {
			t.Fatalf("answered %d: %s", r.status, r.body)
		}
		all := w.up.all()
		last := all[len(all)-1]
		if want := "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fab12cd34ef56/invoke"; last.uri != want {
			t.Errorf("called %s, want %s", last.uri, want)
		}
		check(t, "the upstream got", last.body, is{
			"thinking": `{"type":"adaptive"}`, "output_config.effort": `"high"`,
			"messages.1.content.0": `{"type":"thinking","thinking":"x","signature":"SIG=="}`,
		})
	})
}
