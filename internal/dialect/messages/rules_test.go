package messages

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	callID   = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
)

// apiRules lists what the Messages API would refuse in a body, after its
// reference: the rules that translations usually break.
func apiRules(body map[string]any) (bad []string) {
	say := func(format string, a ...any) { bad = append(bad, fmt.Sprintf(format, a...)) }
	limit, _ := body["max_tokens"].(float64)
	if limit < 1 {
		say("max_tokens %v", body["max_tokens"])
	}
	thinkingRules(body, limit, say)
	for _, b := range list(body["system"]) {
		if s, _ := b["text"].(string); strings.TrimSpace(s) == "" {
			say("empty system text")
		}
	}
	toolRules(body, say)
	raw, _ := json.Marshal([]any{body["system"], body["messages"], body["tools"]})
	if n := strings.Count(string(raw), `"cache_control":{`); n > 4 {
		say("%d cache points", n)
	}
	turns := list(body["messages"])
	if len(turns) == 0 {
		say("no messages")
		return bad
	}
	if turns[0]["role"] != "user" {
		say("the first message is %v's", turns[0]["role"])
	}
	seen := map[string]bool{}
	for i, t := range turns {
		turnRules(turns, i, t, seen, say)
	}
	if calls := ids2(turns[len(turns)-1], "tool_use", "id"); len(calls) > 0 {
		say("unanswered calls at the end: %v", calls)
	}
	return bad
}

func thinkingRules(body map[string]any, limit float64, say func(string, ...any)) {
	th, _ := body["thinking"].(map[string]any)
	if th == nil || th["type"] == "disabled" {
		return
	}
	budget, has := th["budget_tokens"].(float64)
	switch th["type"] {
	case "enabled":
		if budget < 1024 || budget >= limit {
			say("budget %v of %v", budget, limit)
		}
	case "adaptive":
		if has {
			say("adaptive with a budget")
		}
	}
	if v, ok := body["temperature"]; ok && v != 1.0 {
		say("temperature %v with thinking", v)
	}
	if _, ok := body["top_k"]; ok {
		say("top_k with thinking")
	}
	if c, _ := body["tool_choice"].(map[string]any); th["type"] == "enabled" && c != nil && (c["type"] == "any" || c["type"] == "tool") {
		say("forced call with thinking")
	}
}

func toolRules(body map[string]any, say func(string, ...any)) {
	tools := list(body["tools"])
	names := map[string]bool{}
	for _, t := range tools {
		n, _ := t["name"].(string)
		if !toolName.MatchString(n) || names[n] {
			say("tool name %q", n)
		}
		names[n] = true
		if k, _ := t["type"].(string); k != "" && k != "custom" {
			continue
		}
		schema, _ := t["input_schema"].(map[string]any)
		if schema["type"] != "object" {
			say("schema of %s: %v", n, t["input_schema"])
		}
		for _, c := range []string{"oneOf", "anyOf", "allOf"} {
			if schema[c] != nil {
				say("%s at the top of the schema of %s", c, n)
			}
		}
	}
	c, _ := body["tool_choice"].(map[string]any)
	if c == nil {
		return
	}
	if len(tools) == 0 {
		say("tool_choice without tools")
	}
	if c["type"] == "none" && c["disable_parallel_tool_use"] != nil {
		say("none with the parallel flag")
	}
}

func turnRules(turns []map[string]any, i int, t map[string]any, seen map[string]bool, say func(string, ...any)) {
	role := t["role"]
	blocks := list(t["content"])
	if len(blocks) == 0 {
		say("message %d is empty", i)
		return
	}
	if i > 0 && turns[i-1]["role"] == role {
		say("message %d: %v twice", i, role)
	}
	if role == "system" {
		if turns[max(i-1, 0)]["role"] != "user" || i+1 < len(turns) && turns[i+1]["role"] != "assistant" {
			say("message %d: a system message stands here", i)
		}
	}
	for _, b := range blocks {
		blockRules(i, role, b, say)
	}
	var asked []string
	if i > 0 {
		asked = ids2(turns[i-1], "tool_use", "id")
	}
	got := ids2(t, "tool_result", "tool_use_id")
	if !sameSet(asked, got) {
		say("message %d answers %v, asked were %v", i, got, asked)
	}
	for k, b := range blocks {
		if b["type"] == "tool_result" && k > 0 && blocks[k-1]["type"] != "tool_result" {
			say("message %d: a result behind other content", i)
		}
	}
	for _, id := range ids2(t, "tool_use", "id") {
		if seen[id] {
			say("call id %s twice", id)
		}
		seen[id] = true
	}
	last := blocks[len(blocks)-1]
	if role == "assistant" && strings.HasSuffix(last["type"].(string), "thinking") {
		say("message %d ends on thinking", i)
	}
	if s, _ := last["text"].(string); role == "assistant" && i == len(turns)-1 && strings.TrimRight(s, " \n\t") != s {
		say("the end ends with white space")
	}
}

func blockRules(i int, role any, b map[string]any, say func(string, ...any)) {
	switch b["type"] {
	case "text":
		if s, _ := b["text"].(string); strings.TrimSpace(s) == "" {
			say("message %d: empty text", i)
		}
	case "image", "document":
		if role != "user" {
			say("message %d: %v of %v", i, b["type"], role)
		}
	case "tool_use":
		if id, _ := b["id"].(string); role != "assistant" || !callID.MatchString(id) {
			say("message %d: call %q of %v", i, id, role)
		}
		if n, _ := b["name"].(string); !toolName.MatchString(n) {
			say("message %d: tool name %q", i, n)
		}
		if _, ok := b["input"].(map[string]any); !ok {
			say("message %d: input %v", i, b["input"])
		}
	case "tool_result":
		if role != "user" {
			say("message %d: result of %v", i, role)
		}
		if c, ok := b["content"]; ok && len(list(c)) == 0 {
			say("message %d: empty content of a result", i)
		}
		for _, inner := range list(b["content"]) {
			blockRules(i, role, inner, say)
		}
	case "thinking":
		if s, _ := b["signature"].(string); s == "" || strings.HasPrefix(s, "~tpk1.") {
			say("message %d: signature %q", i, s)
		}
	}
}

// list is a JSON list of objects.
func list(v any) []map[string]any {
	l, _ := v.([]any)
	var out []map[string]any
	for _, x := range l {
		m, _ := x.(map[string]any)
		out = append(out, m)
	}
	return out
}

func ids2(turn map[string]any, kind, member string) []string {
	var out []string
	for _, b := range list(turn["content"]) {
		if b["type"] == kind {
			out = append(out, b[member].(string))
		}
	}
	return out
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
