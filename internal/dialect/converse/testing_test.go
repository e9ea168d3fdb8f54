package converse

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// claudeCaps are those of a current Claude with budgets.
func claudeCaps() llm.Caps {
	return llm.Caps{
		Family: familyClaude, Thinking: llm.ThinkBudget, MaxOutput: 64000, Structured: true, Strict: true, Cache1h: true,
		Betas: []string{"interleaved-thinking-2025-05-14"},
	}
}

func novaCaps() llm.Caps {
	return llm.Caps{Family: familyNova, Thinking: llm.ThinkNone, MaxOutput: 10000}
}

// encode encodes and parses what was written.
func encode(t testing.TB, req *llm.Request, caps llm.Caps) (map[string]any, []llm.Loss) {
	t.Helper()
	body, losses, err := Dialect{}.EncodeRequest(req, &llm.Target{Model: "m", Caps: caps})
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, body)
	}
	if problems := check(v); len(problems) > 0 {
		t.Fatalf("Converse would refuse it: %s\n%s", strings.Join(problems, "; "), body)
	}
	return v, losses
}

var (
	user, assistant = llmtest.User, llmtest.Assistant
	call, result    = llmtest.Call, llmtest.Result
)

func text(s string) *llm.Text { return &llm.Text{Text: s} }

// frames makes an event stream of event names and payloads, by turns.
func frames(pairs ...string) []byte {
	var b []byte
	for i := 0; i+1 < len(pairs); i += 2 {
		kind, name := "event", ":event-type"
		if strings.HasSuffix(pairs[i], "Exception") {
			kind, name = "exception", ":exception-type"
		}
		b = wire.AppendEventStream(b, []byte(pairs[i+1]), ":message-type", kind, name, pairs[i], ":content-type", "application/json")
	}
	return b
}

// check lists what Converse would refuse in a request, after its API reference.
func check(b map[string]any) (bad []string) {
	say := func(s string) { bad = append(bad, s) }
	turns, _ := b["messages"].([]any)
	if len(turns) == 0 {
		say("no messages")
	}
	usesTools := false
	role := ""
	var open map[string]bool
	ids := map[string]bool{}
	for i, turn := range turns {
		r, _ := llmtest.At(turn, "role").(string)
		if r == role || i == 0 && r != "user" {
			say("roles do not alternate from user on")
		}
		role = r
		content, _ := llmtest.At(turn, "content").([]any)
		if len(content) == 0 {
			say("empty content")
		}
		c := checkContent(content, r, ids)
		usesTools = usesTools || len(c.uses)+len(c.results) > 0
		bad = append(bad, c.bad...)
		if r == "user" {
			if !reflect.DeepEqual(c.results, open) && len(c.results)+len(open) > 0 {
				say("results and calls do not match")
			}
			open = nil
		} else {
			open = c.uses
		}
	}
	if len(open) > 0 {
		say("calls without results at the end")
	}
	bad = append(bad, checkTools(b, usesTools)...)
	for _, s := range asList(b["system"]) {
		if t, ok := llmtest.At(s, "text").(string); ok && blank(t) {
			say("blank system text")
		}
	}
	if n := strings.Count(mustJSON(b), `"cachePoint"`); n > 4 {
		say("more than 4 cache points")
	}
	if temperature, ok := llmtest.At(b, "inferenceConfig.temperature").(float64); ok && temperature > 1 {
		say("temperature above 1")
	}
	return bad
}

type checked struct {
	uses, results map[string]bool
	bad           []string
}

func checkContent(content []any, role string, ids map[string]bool) checked {
	c := checked{uses: map[string]bool{}, results: map[string]bool{}}
	document, words, other := false, false, false
	for i, p := range content {
		m, _ := p.(map[string]any)
		if len(m) != 1 {
			c.bad = append(c.bad, "a block with not exactly one member")
		}
		if s, ok := m["text"].(string); ok {
			words = true
			if blank(s) {
				c.bad = append(c.bad, "blank text")
			}
		}
		if id, ok := llmtest.At(m, "toolUse.toolUseId").(string); ok {
			if ids[id] || role != "assistant" || !plainID(id) {
				c.bad = append(c.bad, "tool use "+id)
			}
			if _, ok := llmtest.At(m, "toolUse.input").(map[string]any); !ok {
				c.bad = append(c.bad, "input is no object")
			}
			c.uses[id], ids[id] = true, true
		}
		if id, ok := llmtest.At(m, "toolResult.toolUseId").(string); ok {
			if c.results[id] || role != "user" || other {
				c.bad = append(c.bad, "tool result "+id)
			}
			c.results[id] = true
		} else if m["cachePoint"] == nil {
			other = true
		}
		if m["cachePoint"] != nil && i == 0 {
			c.bad = append(c.bad, "cache point first")
		}
		document = document || m["document"] != nil
	}
	if document && !words {
		c.bad = append(c.bad, "document without text")
	}
	return c
}

func checkTools(b map[string]any, used bool) (bad []string) {
	if used && b["toolConfig"] == nil {
		bad = append(bad, "no toolConfig")
	}
	if b["toolConfig"] == nil {
		return bad
	}
	tools := asList(llmtest.At(b, "toolConfig.tools"))
	if len(tools) == 0 {
		bad = append(bad, "empty tools")
	}
	names := map[string]bool{}
	for _, t := range tools {
		spec, ok := llmtest.At(t, "toolSpec").(map[string]any)
		if !ok {
			continue
		}
		name, _ := spec["name"].(string)
		if names[name] || !plainID(name) {
			bad = append(bad, "tool name "+name)
		}
		names[name] = true
		schema, _ := llmtest.At(spec, "inputSchema.json").(map[string]any)
		if schema["type"] != "object" || schema["oneOf"] != nil || schema["anyOf"] != nil || schema["allOf"] != nil {
			bad = append(bad, "schema of "+name)
		}
		if d, ok := spec["description"].(string); ok && d == "" {
			bad = append(bad, "empty description")
		}
	}
	return bad
}

func asList(v any) []any { l, _ := v.([]any); return l }

func mustJSON(v any) string { b, _ := json.Marshal(v); return string(b) }

func plainID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, r := range s {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", r) {
			return false
		}
	}
	return true
}
