package chat

import (
	"encoding/json"
	"testing"
)

// obeysOrder checks the rules by which OpenAI's API refuses a conversation: every
// call is answered right behind the message that made it, ids are short and
// unique, tools go with what is said about them, content is there.
func obeysOrder(t *testing.T, body []byte) {
	t.Helper()
	var b struct {
		Messages []struct {
			Role      string
			Content   any
			Refusal   string
			CallID    string                `json:"tool_call_id"`
			ToolCalls []struct{ ID string } `json:"tool_calls"`
		}
		Tools      []any
		ToolChoice any   `json:"tool_choice"`
		Parallel   *bool `json:"parallel_tool_calls"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if len(b.Messages) == 0 {
		t.Fatalf("no messages: %s", body)
	}
	open := map[string]bool{}
	for i, m := range b.Messages {
		if m.Role == "tool" {
			if _, ok := open[m.CallID]; !ok {
				t.Errorf("messages[%d] answers %q, which was not called just before: %s", i, m.CallID, body)
			}
			open[m.CallID] = true
			if _, ok := m.Content.(string); !ok {
				t.Errorf("messages[%d] has content %v", i, m.Content)
			}
			continue
		}
		closed(t, open, i, body)
		open = map[string]bool{}
		for _, c := range m.ToolCalls {
			if _, twice := open[c.ID]; twice || c.ID == "" || len(c.ID) > 40 {
				t.Errorf("messages[%d] has the call id %q", i, c.ID)
			}
			open[c.ID] = false
		}
		if m.Content == nil && len(m.ToolCalls) == 0 && m.Refusal == "" {
			t.Errorf("messages[%d] says nothing", i)
		}
		if l, ok := m.Content.([]any); ok && len(l) == 0 {
			t.Errorf("messages[%d] has an empty list", i)
		}
	}
	closed(t, open, len(b.Messages), body)
	if len(b.Tools) == 0 && (b.ToolChoice != nil || b.Parallel != nil) {
		t.Errorf("tool settings without tools: %s", body)
	}
}

func closed(t *testing.T, open map[string]bool, i int, body []byte) {
	t.Helper()
	for id, answered := range open {
		if !answered {
			t.Errorf("the call %q has no answer before messages[%d]: %s", id, i, body)
		}
	}
}
