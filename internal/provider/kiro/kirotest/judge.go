package kirotest

import (
	"fmt"
	"strings"
)

// judgement holds what a conversation does that the service refuses. The rules are
// those that open clients have found out by its refusals.
type judgement struct {
	bad   []string
	tools map[string]bool
	open  map[string]bool
}

// Judge lists what the service would refuse of a body's conversation.
func Judge(body map[string]any) []string {
	var j judgement
	state, _ := body["conversationState"].(map[string]any)
	j.conversation(state)
	return j.bad
}

func (j *judgement) say(format string, args ...any) {
	j.bad = append(j.bad, fmt.Sprintf(format, args...))
}

func (j *judgement) conversation(state map[string]any) {
	if id, _ := state["conversationId"].(string); len(id) != 36 {
		j.say("conversationId %q", id)
	}
	if state["chatTriggerType"] != "MANUAL" {
		j.say("chatTriggerType")
	}
	current, _ := state["currentMessage"].(map[string]any)
	history, _ := state["history"].([]any)
	if len(history)%2 != 0 {
		j.say("the history does not end with an answer")
	}
	j.offered(current)
	for i, m := range append(append([]any{}, history...), any(current)) {
		m, _ := m.(map[string]any)
		if len(m) != 1 {
			j.say("message %d is not of one kind", i)
		}
		if i%2 == 0 {
			j.question(i, m["userInputMessage"])
		} else {
			j.answer(i, m["assistantResponseMessage"])
		}
	}
}

func (j *judgement) offered(current map[string]any) {
	j.tools = map[string]bool{}
	q, _ := current["userInputMessage"].(map[string]any)
	context, _ := q["userInputMessageContext"].(map[string]any)
	list, _ := context["tools"].([]any)
	for _, e := range list {
		e, _ := e.(map[string]any)
		if e["cachePoint"] != nil {
			continue
		}
		spec, _ := e["toolSpecification"].(map[string]any)
		name, _ := spec["name"].(string)
		description, _ := spec["description"].(string)
		in, _ := spec["inputSchema"].(map[string]any)
		schema, _ := in["json"].(map[string]any)
		key := strings.ToLower(name)
		switch {
		case name == "" || len(name) > 64:
			j.say("tool name %q", name)
		case j.tools[key]:
			j.say("tool %q twice", name)
		case strings.TrimSpace(description) == "" || len([]rune(description)) > 10_000:
			j.say("description of %q", name)
		case schema["type"] != "object" || schema["properties"] == nil:
			j.say("schema of %q", name)
		}
		j.schema(name, schema)
		j.tools[key] = true
	}
}

func (j *judgement) schema(name string, schema map[string]any) {
	for _, word := range []string{"anyOf", "oneOf", "allOf"} {
		if schema[word] != nil {
			j.say("%s at the root of the schema of %q", word, name)
		}
	}
	if _, ok := schema["additionalProperties"]; ok {
		j.say("additionalProperties of %q", name)
	}
	if r, ok := schema["required"]; ok {
		if l, _ := r.([]any); len(l) == 0 {
			j.say("required of %q", name)
		}
	}
}

func (j *judgement) question(i int, v any) {
	q, ok := v.(map[string]any)
	if !ok {
		j.say("message %d is no question", i)
		return
	}
	for name := range q {
		switch name {
		case "content", "modelId", "origin", "userIntent", "images", "cachePoint", "clientCacheConfig", "userInputMessageContext":
		default:
			j.say("message %d has %s", i, name)
		}
	}
	context, _ := q["userInputMessageContext"].(map[string]any)
	results, _ := context["toolResults"].([]any)
	content, _ := q["content"].(string)
	if strings.TrimSpace(content) == "" && len(results) == 0 {
		j.say("message %d is empty", i)
	}
	if q["modelId"] == "" || q["modelId"] == nil || q["origin"] == nil {
		j.say("message %d has no model or origin", i)
	}
	if id, _ := q["modelId"].(string); strings.HasPrefix(id, "claude-") && strings.Count(id, "-") > 2 && !strings.Contains(id, ".") {
		j.say("INVALID_MODEL_ID %s", id)
	}
	j.results(i, results)
	images, _ := q["images"].([]any)
	for _, m := range images {
		m, _ := m.(map[string]any)
		switch m["format"] {
		case "png", "jpeg", "gif", "webp":
		default:
			j.say("message %d has a picture of format %v", i, m["format"])
		}
	}
}

func (j *judgement) results(i int, results []any) {
	seen := map[string]bool{}
	for _, r := range results {
		r, _ := r.(map[string]any)
		id, _ := r["toolUseId"].(string)
		content, _ := r["content"].([]any)
		switch {
		case !j.open[id] || seen[id]:
			j.say("message %d answers %q", i, id)
		case len(content) == 0:
			j.say("message %d has an empty result", i)
		case r["status"] != "success" && r["status"] != "error":
			j.say("message %d has a status %v", i, r["status"])
		}
		seen[id] = true
	}
	if len(seen) != len(j.open) {
		j.say("message %d does not answer all calls", i)
	}
	j.open = nil
}

func (j *judgement) answer(i int, v any) {
	a, ok := v.(map[string]any)
	if !ok {
		j.say("message %d is no answer", i)
		return
	}
	for name := range a {
		switch name {
		case "messageId", "content", "toolUses", "reasoningContent", "cachePoint", "references", "followupPrompt", "supplementaryWebLinks":
		default:
			j.say("message %d has %s", i, name)
		}
	}
	if s, _ := a["content"].(string); s == "" {
		j.say("message %d has no content", i)
	}
	j.open = map[string]bool{}
	uses, _ := a["toolUses"].([]any)
	for _, u := range uses {
		u, _ := u.(map[string]any)
		id, _ := u["toolUseId"].(string)
		name, _ := u["name"].(string)
		_, object := u["input"].(map[string]any)
		if id == "" || j.open[id] || !object || !j.tools[strings.ToLower(name)] {
			j.say("message %d has a call %q of %q", i, id, name)
		}
		j.open[id] = true
	}
}
