package messages

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

// opus stands for a current Claude at Anthropic, everything known.
func opus() *llm.Target {
	return &llm.Target{Provider: "anthropic", Model: "claude-x", Caps: llm.Caps{
		Family: "claude", MaxOutput: 64000, Thinking: llm.ThinkBoth, MidSystem: true, Structured: true, Strict: true, Cache1h: true,
	}}
}

// mustDecode reads a client's body.
func mustDecode(t testing.TB, body string) *llm.Request {
	t.Helper()
	req, err := Dialect{}.DecodeRequest(http.Header{}, []byte(body))
	if err != nil {
		t.Fatalf("decoding: %v", err)
	}
	return req
}

// mustEncode writes a body for an upstream, checks what the API insists on, and
// returns it parsed.
func mustEncode(t testing.TB, req *llm.Request, target *llm.Target) (map[string]any, []llm.Loss) {
	t.Helper()
	body, losses, err := Dialect{}.EncodeRequest(req, target)
	if err != nil {
		t.Fatalf("encoding: %v", err)
	}
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, body)
	}
	for _, problem := range apiRules(m) {
		t.Errorf("the API would refuse it: %s\n%s", problem, body)
	}
	return m, losses
}

// same compares a value with JSON.
func same(t testing.TB, what string, got any, want string) {
	t.Helper()
	var w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%s: bad test: %v", what, err)
	}
	if b, ok := got.([]byte); ok {
		got = nil
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: not JSON: %v: %s", what, err, b)
		}
	}
	if !reflect.DeepEqual(got, w) {
		g, _ := json.Marshal(got)
		t.Errorf("%s:\n got %s\nwant %s", what, g, want)
	}
}

func lost(losses []llm.Loss, words string) bool {
	for _, l := range losses {
		if strings.Contains(l.Path+": "+l.Reason, words) {
			return true
		}
	}
	return false
}

// losses checks that each of the words is declared, and nothing else.
func wantLosses(t testing.TB, losses []llm.Loss, words ...string) {
	t.Helper()
	for _, w := range words {
		if !lost(losses, w) {
			t.Errorf("no loss about %q in %v", w, losses)
		}
	}
	if len(losses) != len(words) {
		t.Errorf("%d losses, want %d: %v", len(losses), len(words), losses)
	}
}

func user(parts ...llm.Part) llm.Turn      { return llm.Turn{Role: llm.User, Parts: parts} }
func assistant(parts ...llm.Part) llm.Turn { return llm.Turn{Role: llm.Assistant, Parts: parts} }
func system(parts ...llm.Part) llm.Turn    { return llm.Turn{Role: llm.System, Parts: parts} }
func say(s string) *llm.Text               { return &llm.Text{Text: s} }
func point(s string) *llm.Text             { return &llm.Text{Text: s, Cache: &llm.Cache{}} }
func call(id, name, input string) *llm.ToolCall {
	return &llm.ToolCall{ID: id, Name: name, Input: []byte(input)}
}

func result(id string, parts ...llm.Part) *llm.ToolResult {
	return &llm.ToolResult{CallID: id, Parts: parts}
}
func ask(turns ...llm.Turn) *llm.Request { return &llm.Request{Model: "m", Turns: turns} }
func tool(name string) llm.Tool {
	return llm.Tool{Name: name, Schema: []byte(`{"type":"object","properties":{}}`)}
}
