package conformance

import (
	"testing"

	"turnpike/internal/llm/llmtest"
)

// TestRecordingsNobodyElsePlays: recorded answers of a kind that a client of another
// API cannot have asked for in its own words: OpenAI's older calls of functions, free
// text for a tool, an answer that is still to be made. An upstream may give one all the
// same, and then every client gets what it says.
func TestRecordingsNobodyElsePlays(t *testing.T) {
	const (
		weather = "openai-chat/unary-dd-trace-js-openai-chat-completions-post-655a8ef2-69be09fba9.json"
		shaped  = "openai-compatible-chat/unary-pydantic-ai-test-snowflake-native-output-4ea82b0f80.json"
		sunny   = "openai-compatible-chat/unary-pydantic-ai-test-snowflake-thinking-1dd77d95d1.json"
		sum     = "openai-responses/unary-dd-trace-py-response-custom-tool-call-6b06613f3a.json"
		later   = "openai-responses/unary-pydantic-ai-test-background-mode-reasoning-vcr-b55be9b7b9.json"
		city    = `{"city":"New York City"}`
		mexico  = `"{\"city\": \"Mexico City\", \"country\": \"Mexico\"}"`
	)
	recorded := map[string]string{}
	for _, x := range llmtest.Corpus(t, "openai-chat", "openai-compatible-chat", "openai-responses") {
		recorded[x.Name] = x.Response.Text
	}
	for _, c := range []struct {
		file, to, from string
		status         int
		want           is
	}{
		{weather, openaiUp, messagesAPI, 200, is{
			"content.0.type": `"tool_use"`, "content.0.name": `"get_weather"`, "content.0.input": city, "stop_reason": `"tool_use"`, "usage.input_tokens": "65", "usage.output_tokens": "16",
		}},
		{weather, compatUp, answersAPI, 200, is{"output.0.type": `"function_call"`, "output.0.name": `"get_weather"`, "output.0.arguments": "~New York City", "status": `"completed"`, "usage.input_tokens": "65"}},
		{shaped, compatUp, messagesAPI, 200, is{"content.0.text": mexico, "content.#": "1", "stop_reason": `"end_turn"`, "usage.input_tokens": "668", "usage.output_tokens": "51"}},
		{shaped, compatUp, answersAPI, 200, is{"output.0.content.0.text": mexico, "output.#": "1", "status": `"completed"`, "usage.input_tokens": "668", "usage.output_tokens": "51"}},
		{sunny, compatUp, messagesAPI, 200, is{"content.0.text": "~sunny and 25°C", "content.#": "1", "stop_reason": `"end_turn"`, "usage.input_tokens": "651"}},
		{sunny, compatUp, answersAPI, 200, is{"output.0.content.0.text": "~sunny and 25°C", "output.#": "1", "status": `"completed"`, "usage.output_tokens": "20"}},
		{sum, answersUp, messagesAPI, 200, is{"content.0.type": `"tool_use"`, "content.0.name": `"math_exp"`, "content.0.input": "~4 + 4", "stop_reason": `"tool_use"`}},
		{sum, answersUp, chatAPI, 200, is{"choices.0.message.tool_calls.0": "~4 + 4", "choices.0.finish_reason": `"tool_calls"`}},
		{later, answersUp, messagesAPI, 502, is{"type": `"error"`, "error.message": "~"}},
		{later, answersUp, chatAPI, 502, is{"error.message": "~"}},
	} {
		t.Run(title("played here only: "+c.file, c.from, c.to), func(t *testing.T) {
			if recorded[c.file] == "" {
				t.Fatal("there is no such recording")
			}
			w := newWorld(t)
			w.up.answers(playJSON(200, recorded[c.file]))
			r := w.ask(c.from, c.to, "", plainOf(c.from))
			if r.status != c.status {
				t.Fatalf("answered %d: %s", r.status, r.body)
			}
			check(t, "the client got", r.body, c.want)
		})
	}
}

// plainOf is a question without anything to it.
func plainOf(from string) string {
	if from == answersAPI {
		return `{"input":"q","store":false}`
	}
	return `{"messages":[{"role":"user","content":"q"}]}`
}
