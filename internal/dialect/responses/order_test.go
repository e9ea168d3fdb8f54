package responses

import (
	"encoding/json"
	"testing"
)

// obeysOrder checks the rules by which OpenAI's API refuses a request: every call
// is answered and every answer was called for, reasoning stands before what it led
// to and is encrypted, ids are short, tools go with what is said about them.
func obeysOrder(t *testing.T, body []byte) {
	t.Helper()
	type item struct {
		Type, Role, Name string
		CallID           string `json:"call_id"`
		Encrypted        string `json:"encrypted_content"`
		Arguments, Input any
		Output, Content  any
	}
	var b struct {
		Input      []item
		Tools      []any
		Store      *bool
		ToolChoice any   `json:"tool_choice"`
		Parallel   *bool `json:"parallel_tool_calls"`
		Max        *int  `json:"max_output_tokens"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if len(b.Input) == 0 || b.Store == nil || b.Max != nil && *b.Max < 16 {
		t.Errorf("settings of %s", body)
	}
	open := map[string]string{}
	for i, it := range b.Input {
		switch it.Type {
		case "message":
			if l, ok := it.Content.([]any); !ok || len(l) == 0 {
				t.Errorf("input[%d] says nothing: %s", i, body)
			}
		case "function_call", "custom_tool_call":
			if it.CallID == "" || len(it.CallID) > 64 || it.Name == "" || it.Type == "custom_tool_call" && !isText(it.Input) || it.Type == "function_call" && !isText(it.Arguments) {
				t.Errorf("input[%d] %+v", i, it)
			}
			open[it.CallID] = it.Type
		case "function_call_output", "custom_tool_call_output":
			if open[it.CallID]+"_output" != it.Type || it.Output == nil {
				t.Errorf("input[%d] answers %q, which was %q: %s", i, it.CallID, open[it.CallID], body)
			}
			open[it.CallID] = "answered"
		case "reasoning":
			if i+1 == len(b.Input) || b.Input[i+1].Type == "message" && b.Input[i+1].Role != "assistant" {
				t.Errorf("input[%d] leads to nothing: %s", i, body)
			}
			if it.Encrypted == "" && it.Content == nil {
				t.Errorf("input[%d] holds nothing: %s", i, body)
			}
		}
	}
	for id, kind := range open {
		if kind != "answered" {
			t.Errorf("call %q has no answer: %s", id, body)
		}
	}
	if len(b.Tools) == 0 && (b.ToolChoice != nil || b.Parallel != nil) {
		t.Errorf("tool settings without tools: %s", body)
	}
}

func isText(v any) bool { _, ok := v.(string); return ok }
