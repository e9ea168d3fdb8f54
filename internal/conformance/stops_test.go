package conformance

import (
	"fmt"
	"testing"
)

// Answers that end for a reason; the text or the call stands before it.
func claudeEnd(content, reason, rest string) string {
	return fmt.Sprintf(`{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[%s],"stop_reason":%s%s,"usage":{"input_tokens":10,"output_tokens":2}}`, content, reason, rest)
}

func converseEnd(content, reason, rest string) string {
	return fmt.Sprintf(`{"output":{"message":{"role":"assistant","content":[%s]}},"stopReason":%s%s,"usage":{"inputTokens":10,"outputTokens":2,"totalTokens":12}}`, content, reason, rest)
}

func chatEnd(message, reason string) string {
	return fmt.Sprintf(`{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant",%s},"finish_reason":%s}],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`, message, reason)
}

func TestStopReasons(t *testing.T) {
	const (
		said       = `{"type":"text","text":"hm"}`
		called     = `{"type":"tool_use","id":"toolu_1","name":"read","input":{"p":1}}`
		saidBC     = `{"text":"hm"}`
		calledBC   = `{"toolUse":{"toolUseId":"tooluse_1","name":"read","input":{"p":1}}}`
		saidChat   = `"content":"hm"`
		calledChat = `"content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"read","arguments":"{\"p\":1}"}}]`
		details    = `,"stop_details":{"type":"refusal","category":"cyber","explanation":"I cannot help with that"}`
		finish     = "choices.0.finish_reason"
		native     = "choices.0.native_finish_reason"
	)
	tells(t, []told{
		{
			"STOP-01 a refusal is filtered content, with its words", claudeUps, chatAPI, "", claudeEnd("", `"refusal"`, details),
			is{finish: `"content_filter"`, "choices.0.message.refusal": `"I cannot help with that"`, "choices.0.stop_details": `{"type":"refusal","category":"cyber","explanation":"I cannot help with that"}`},
			"",
		},
		{"STOP-01 a refusal stays one", claudeUps, messagesAPI, "", claudeEnd("", `"refusal"`, details), is{"stop_reason": `"refusal"`, "stop_details.category": `"cyber"`}, ""},
		{
			"STOP-02 filtered content is a refusal, with details", chatUps, messagesAPI, "", chatEnd(saidChat, `"content_filter"`),
			is{"stop_reason": `"refusal"`, "stop_details.type": `"refusal"`, "content.0.text": `"hm"`},
			"",
		},
		{
			"STOP-02 a refusal in words is one", chatUps, messagesAPI, "", chatEnd(`"content":null,"refusal":"I will not"`, `"stop"`),
			is{"stop_reason": `"refusal"`, "content.0.text": `"I will not"`},
			"",
		},
		{"STOP-03 a full context window", claudeUps, chatAPI, "", claudeEnd(said, `"model_context_window_exceeded"`, ""), is{finish: `"length"`, native: `"model_context_window_exceeded"`}, ""},
		{"STOP-03 a full context window", converseUp, chatAPI, "", converseEnd(saidBC, `"model_context_window_exceeded"`, ""), is{finish: `"length"`, native: `"model_context_window_exceeded"`}, ""},
		{"STOP-03 a full context window", converseUp, messagesAPI, "", converseEnd(saidBC, `"model_context_window_exceeded"`, ""), is{"stop_reason": `"model_context_window_exceeded"`}, ""},
		{"STOP-04 a pause is passed on", claudeUps, messagesAPI, "", claudeEnd(said, `"pause_turn"`, ""), is{"stop_reason": `"pause_turn"`}, ""},
		{"STOP-04 a pause is named", claudeUps, chatAPI, "", claudeEnd(said, `"pause_turn"`, ""), is{finish: `"stop"`, native: `"pause_turn"`}, "pause_turn"},
		{"STOP-05 a guardrail", converseUp, chatAPI, "", converseEnd(saidBC, `"guardrail_intervened"`, ""), is{finish: `"content_filter"`}, ""},
		{"STOP-05 filtered", converseUp, chatAPI, "", converseEnd(saidBC, `"content_filtered"`, ""), is{finish: `"content_filter"`}, ""},
		{"STOP-05 a guardrail", converseUp, messagesAPI, "", converseEnd(saidBC, `"guardrail_intervened"`, ""), is{"stop_reason": `"refusal"`}, ""},
		{"STOP-06 a reason nobody knows", claudeUps, chatAPI, "", claudeEnd(said, `"brand_new"`, ""), is{finish: `"stop"`, native: `"brand_new"`}, ""},
		{"STOP-06 a reason nobody knows", converseUp, chatAPI, "", converseEnd(saidBC, `"brand_new"`, ""), is{finish: `"stop"`}, ""},
		{"STOP-06 a reason nobody knows", converseUp, messagesAPI, "", converseEnd(saidBC, `"brand_new"`, ""), is{"stop_reason": `"end_turn"`}, ""},
		{"STOP-06 a reason nobody knows", chatUps, messagesAPI, "", chatEnd(saidChat, `"brand_new"`), is{"stop_reason": `"end_turn"`}, ""},
		{"STOP-06 no reason at all", claudeUps, chatAPI, "", claudeEnd(said, `null`, ""), is{finish: `"stop"`}, ""},
		{"STOP-06 no reason at all", chatUps, messagesAPI, "", chatEnd(saidChat, `null`), is{"stop_reason": `"end_turn"`}, ""},
		{"STOP-07 stop though a tool is called", chatUps, messagesAPI, "", chatEnd(calledChat, `"stop"`), is{"stop_reason": `"tool_use"`, "content.0.input": `{"p":1}`}, ""},
		{"STOP-07 the end of the turn though a tool is called", converseUp, chatAPI, "", converseEnd(calledBC, `"end_turn"`, ""), is{finish: `"tool_calls"`, "choices.0.message.tool_calls.#": "1"}, ""},
		{"STOP-07 the end of the turn though a tool is called", claudeUps, chatAPI, "", claudeEnd(called, `"end_turn"`, ""), is{finish: `"tool_calls"`, "choices.0.message.tool_calls.#": "1"}, ""},
		{"STOP-08 a call and a reason nobody knows", chatUps, messagesAPI, "", chatEnd(calledChat, `"brand_new"`), is{"stop_reason": `"tool_use"`, "content.0.name": `"read"`}, ""},
		{"STOP-08 a call and a reason nobody knows", claudeUps, chatAPI, "", claudeEnd(called, `"brand_new"`, ""), is{finish: `"tool_calls"`, "choices.0.message.tool_calls.0.function.name": `"read"`}, ""},
		{"STOP-08 a call and a reason nobody knows", converseUp, chatAPI, "", converseEnd(calledBC, `"brand_new"`, ""), is{finish: `"tool_calls"`, "choices.0.message.tool_calls.0.function.name": `"read"`}, ""},
		{"STOP-08 a call and a reason nobody knows", converseUp, messagesAPI, "", converseEnd(calledBC, `"brand_new"`, ""), is{"stop_reason": `"tool_use"`, "content.0.name": `"read"`}, ""},
		{"STOP-10 the sequence that matched", claudeUps, messagesAPI, "", claudeEnd(said, `"stop_sequence"`, `,"stop_sequence":"END"`), is{"stop_reason": `"stop_sequence"`, "stop_sequence": `"END"`}, ""},
		{
			"STOP-10 the sequence that matched", converseUp, messagesAPI, `{"messages":[{"role":"user","content":"q"}],"stop_sequences":["END"]}`,
			converseEnd(saidBC, `"stop_sequence"`, `,"additionalModelResponseFields":{"stop_sequence":"END"}`),
			is{"stop_reason": `"stop_sequence"`, "stop_sequence": `"END"`},
			"",
		},
		{"STOP-10 a stop sequence is a stop", claudeUps, chatAPI, "", claudeEnd(said, `"stop_sequence"`, `,"stop_sequence":"END"`), is{finish: `"stop"`}, ""},
	})
	asks(t, []ask{{
		"STOP-10 Claude is asked which sequence matched", messagesAPI, converseUp, "", `{` + question + `,"stop_sequences":["END"]}`,
		is{"additionalModelResponseFieldPaths": `["/stop_sequence"]`},
		"",
	}})
}
