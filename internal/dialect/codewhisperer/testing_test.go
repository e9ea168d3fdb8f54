package codewhisperer

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

func claude() llm.Caps {
	return llm.Caps{Family: familyClaude, Thinking: llm.ThinkBudget, Context: 200_000, NoPrefill: true}
}

func adaptiveClaude() llm.Caps {
	c := claude()
	c.Thinking, c.Efforts = llm.ThinkBoth, []string{"low", "medium", "high", "max"}
	return c
}

// encode encodes, and has the rules of the service judge it.
func encode(t testing.TB, req *llm.Request, caps llm.Caps) (map[string]any, []llm.Loss) {
	t.Helper()
	body, losses, err := Dialect{}.EncodeRequest(req, &llm.Target{Model: "claude-sonnet-4.5", Caps: caps})
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, body)
	}
	if bad := check(v); len(bad) > 0 {
		t.Fatalf("Kiro would refuse it: %s\n%s", strings.Join(bad, "; "), body)
	}
	return v, losses
}

var (
	user, assistant = llmtest.User, llmtest.Assistant
	call, result    = llmtest.Call, llmtest.Result
)

func text(s string) *llm.Text { return &llm.Text{Text: s} }

func lost(losses []llm.Loss, path string) bool {
	for _, l := range losses {
		if strings.HasPrefix(l.Path, path) {
			return true
		}
	}
	return false
}

// frames makes an event stream of event names and payloads, by turns, with the AWS
// SDK's own encoder.
func frames(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := eventstream.NewEncoder()
	for i := 0; i+1 < len(pairs); i += 2 {
		kind, name := "event", ":event-type"
		if strings.HasSuffix(pairs[i], "Exception") {
			kind, name = "exception", ":exception-type"
		}
		m := eventstream.Message{Payload: []byte(pairs[i+1])}
		m.Headers.Set(":message-type", eventstream.StringValue(kind))
		m.Headers.Set(name, eventstream.StringValue(pairs[i]))
		m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
		if err := enc.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// check lists what the service answers with "Improperly formed request", as open
// clients have found out.
func check(b map[string]any) (bad []string) {
	say := func(s string) { bad = append(bad, s) }
	state, _ := b["conversationState"].(map[string]any)
	for name := range b {
		if name != "conversationState" && name != "additionalModelRequestFields" {
			say("unknown member " + name)
		}
	}
	if id, _ := state["conversationId"].(string); len(id) != 36 {
		say("conversationId")
	}
	if state["chatTriggerType"] != "MANUAL" {
		say("chatTriggerType")
	}
	current, _ := state["currentMessage"].(map[string]any)
	history, _ := state["history"].([]any)
	names := toolNames(current, say)
	var open map[string]bool
	for i, m := range append(append([]any{}, history...), current) {
		m, _ := m.(map[string]any)
		if i%2 == 1 {
			open = checkAnswer(m, names, say)
			continue
		}
		checkQuestion(m, open, say)
		open = nil
	}
	if len(history)%2 != 0 {
		say("the current message does not follow an answer")
	}
	return bad
}

func toolNames(current map[string]any, say func(string)) map[string]bool {
	names := map[string]bool{}
	message, _ := current["userInputMessage"].(map[string]any)
	context, _ := message["userInputMessageContext"].(map[string]any)
	tools, _ := context["tools"].([]any)
	for _, entry := range tools {
		entry, _ := entry.(map[string]any)
		spec, ok := entry["toolSpecification"].(map[string]any)
		if !ok {
			continue
		}
		name, _ := spec["name"].(string)
		description, _ := spec["description"].(string)
		if name == "" || len(name) > 63 || names[strings.ToLower(name)] {
			say("tool name " + name)
		}
		if strings.TrimSpace(description) == "" || len([]rune(description)) > maxDescription {
			say("description of " + name)
		}
		names[strings.ToLower(name)] = true
		input, _ := spec["inputSchema"].(map[string]any)
		schema, _ := input["json"].(map[string]any)
		if schema["type"] != "object" || schema["properties"] == nil || schema["anyOf"] != nil || schema["oneOf"] != nil || schema["allOf"] != nil {
			say("schema of " + name)
		}
		if raw, _ := json.Marshal(schema); bytes.Contains(raw, []byte(`"additionalProperties":`)) || bytes.Contains(raw, []byte(`"required":[]`)) || bytes.Contains(raw, []byte(`"required":null`)) {
			say("schema of " + name + " is not tidy")
		}
	}
	return names
}

func checkAnswer(m map[string]any, names map[string]bool, say func(string)) map[string]bool {
	a, ok := m["assistantResponseMessage"].(map[string]any)
	if !ok || len(m) != 1 {
		say("no answer where one belongs")
	}
	open := map[string]bool{}
	uses, _ := a["toolUses"].([]any)
	for _, u := range uses {
		u, _ := u.(map[string]any)
		id, _ := u["toolUseId"].(string)
		name, _ := u["name"].(string)
		if _, object := u["input"].(map[string]any); id == "" || open[id] || !object || !names[strings.ToLower(name)] {
			say("tool use " + id + " of " + name)
		}
		open[id] = true
	}
	if s, _ := a["content"].(string); s == "" {
		say("an answer without content")
	}
	return open
}

func checkQuestion(m map[string]any, open map[string]bool, say func(string)) {
	q, ok := m["userInputMessage"].(map[string]any)
	if !ok || len(m) != 1 {
		say("no question where one belongs")
	}
	context, _ := q["userInputMessageContext"].(map[string]any)
	results, _ := context["toolResults"].([]any)
	seen := map[string]bool{}
	for _, r := range results {
		r, _ := r.(map[string]any)
		id, _ := r["toolUseId"].(string)
		if !open[id] || seen[id] {
			say("tool result " + id)
		}
		seen[id] = true
		if content, _ := r["content"].([]any); len(content) == 0 {
			say("an empty tool result")
		}
		if r["status"] != "success" && r["status"] != "error" {
			say("status of a tool result")
		}
	}
	if len(seen) != len(open) {
		say("a tool use without its result")
	}
	if s, _ := q["content"].(string); strings.TrimSpace(s) == "" && len(results) == 0 {
		say("a question without content")
	}
	if q["modelId"] == "" || q["origin"] == "" {
		say("a question without model or origin")
	}
	images, _ := q["images"].([]any)
	for _, i := range images {
		i, _ := i.(map[string]any)
		switch i["format"] {
		case "png", "jpeg", "gif", "webp":
		default:
			say("an image of no known format")
		}
	}
}
