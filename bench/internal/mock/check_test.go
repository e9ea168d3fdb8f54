package mock

import (
	"encoding/json"
	"maps"
	"testing"

	"turnpike/bench/internal/answer"
	"turnpike/bench/internal/prompt"
)

// A checked request in each upstream's shape, and what is objected to when it is changed.
func TestChecks(t *testing.T) {
	c := prompt.Small()
	name := answer.Orders{Chunks: 2, Checked: true, Checksum: uint32(c.Checksum())}.Model()
	signed := []string{"Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/bedrock/aws4_request, …"}
	bearer := []string{"Authorization", "Bearer " + UpstreamKey}
	versioned := []string{"x-api-key", UpstreamKey, "anthropic-version", "2023-06-01"}

	var chatBody, messagesBody map[string]any
	unmarshal(t, c.Body(prompt.Chat, name, false), &chatBody)
	unmarshal(t, c.Body(prompt.Messages, name, false), &messagesBody)
	invokeBody := with(messagesBody, "model", nil, "anthropic_version", "bedrock-2023-05-31")
	texts := chatBody["messages"].([]any)
	text := func(i int) []any { return []any{map[string]any{"text": texts[i].(map[string]any)["content"]}} }
	converseBody := map[string]any{"system": text(0), "messages": []any{map[string]any{"role": "user", "content": text(1)}}}

	base := serve(t)
	for _, tc := range []struct {
		name, path string
		body       map[string]any
		headers    []string
		status     int
	}{
		{"chat", "/v1/chat/completions", chatBody, bearer, 200},
		{"chat without its key", "/v1/chat/completions", chatBody, nil, 400},
		{"chat without the system prompt", "/v1/chat/completions", with(chatBody, "messages", texts[1:]), bearer, 400},
		{"chat without messages", "/v1/chat/completions", with(chatBody, "messages", []any{}), bearer, 400},
		{"messages", "/v1/messages", messagesBody, versioned, 200},
		{"messages without version", "/v1/messages", messagesBody, versioned[:2], 400},
		{"messages without max_tokens", "/v1/messages", with(messagesBody, "max_tokens", nil), versioned, 400},
		{"messages with a system role", "/v1/messages", with(messagesBody, "messages", texts), versioned, 400},
		{"invoke", "/model/" + name + "/invoke", invokeBody, signed, 200},
		{"invoke unsigned", "/model/" + name + "/invoke", invokeBody, bearer, 400},
		{"invoke with a model", "/model/" + name + "/invoke", with(invokeBody, "model", "x"), signed, 400},
		{"converse", "/model/" + name + "/converse", converseBody, signed, 200},
		{"converse with max_tokens", "/model/" + name + "/converse", with(converseBody, "max_tokens", 5), signed, 400},
		{"converse without the system prompt", "/model/" + name + "/converse", with(converseBody, "system", nil), signed, 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := json.Marshal(tc.body)
			if err != nil {
				t.Fatal(err)
			}
			if resp, answer := post(t, base+tc.path, string(b), tc.headers...); resp.StatusCode != tc.status {
				t.Errorf("status %d: %s", resp.StatusCode, answer)
			}
		})
	}
}

func unmarshal(t *testing.T, b []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// with copies an object with some members changed; nil takes one out.
func with(m map[string]any, pairs ...any) map[string]any {
	out := maps.Clone(m)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(out, pairs[i].(string))
		} else {
			out[pairs[i].(string)] = pairs[i+1]
		}
	}
	return out
}
