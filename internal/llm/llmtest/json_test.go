package llmtest_test

import (
	"encoding/json"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

func TestAt(t *testing.T) {
	var v any
	if err := json.Unmarshal([]byte(`{"a":[{"b":"x"},2],"c":null}`), &v); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{"a.0.b": "x", "a.1": 2.0, "a.2": nil, "a.-1": nil, "a.b": nil, "c": nil, "a.0.b.c": nil, "z": nil} {
		if got := llmtest.At(v, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
}

func TestDump(t *testing.T) {
	req := &llm.Request{
		System: []llm.Part{&llm.Text{Text: "s", Cache: &llm.Cache{TTL: "1h"}}},
		Turns: []llm.Turn{
			{Role: llm.User, Name: "ann", Parts: []llm.Part{&llm.Text{Text: "hi"}, &llm.Media{Kind: llm.Image, URL: "u"}}},
			{Role: llm.Assistant, Parts: []llm.Part{&llm.Thinking{Text: "t", Signature: "g"}, &llm.ToolCall{ID: "a", Name: "f", Input: []byte("{}")}}},
			{Role: llm.User, Parts: []llm.Part{&llm.ToolResult{CallID: "a", Error: true, Parts: []llm.Part{&llm.Text{Text: "r"}}, Cache: &llm.Cache{}}}},
		},
	}
	want := "system: s [cache 1h]\nuser ann: hi | image(u)\nassistant: thinking(t sig:g) | call(a f {})\nuser: result!(a: r) [cache]"
	if got := llmtest.Dump(req); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := llmtest.DumpLosses([]llm.Loss{{Path: "a"}, {Path: "b"}}); got != "a, b" {
		t.Errorf("losses %q", got)
	}
}

func TestCorpusHeaders(t *testing.T) {
	x := &llmtest.Exchange{Features: []string{"tools"}}
	x.Request.Headers = map[string]string{"anthropic-beta": "a"}
	if got := x.RequestHeader().Get("Anthropic-Beta"); got != "a" {
		t.Errorf("header %q", got)
	}
	if !x.Has("tools") || x.Has("images") || len(x.ResponseHeader()) > 0 {
		t.Errorf("%+v", x)
	}
}
