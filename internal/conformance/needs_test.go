package conformance

import (
	"strings"
	"testing"
)

// TestClientsNeeds are the shapes that agents were seen to send and to rely on, on
// the way to upstreams of another kind.
func TestClientsNeeds(t *testing.T) {
	const (
		png  = "iVBORw0KGgo="
		free = `{"input":"q","store":false,"tools":[{"type":"custom","name":"apply_patch","description":"d","format":{"type":"grammar","syntax":"lark","definition":"start: /.+/"}}]}`
		// Cline: developer text as a plain string, reasoning and calls without ids, two calls before their outputs.
		cline = `{"input":[{"role":"system","content":"be brief"},{"role":"user","content":[{"type":"input_text","text":"q"}]},{"type":"reasoning","summary":[],"encrypted_content":"gAAAAAother"},
			{"type":"function_call","call_id":"c1","name":"read","arguments":"{\"p\":1}"},{"type":"function_call","call_id":"c2","name":"list","arguments":"{}"},
			{"type":"function_call_output","call_id":"c1","output":"A"},{"type":"function_call_output","call_id":"c2","output":"B"}],"store":false,"include":["web_search_call.action.sources"],"truncation":"auto",
			"tools":[{"type":"function","name":"read","parameters":{"type":"object","properties":{}}},{"type":"web_search"},{"type":"image_generation"}]}`
		seen = `{"input":[{"role":"user","content":"q"},{"type":"function_call","call_id":"c1","name":"view_image","arguments":"{}"},
			{"type":"function_call_output","call_id":"c1","output":[{"type":"input_image","image_url":"data:image/png;base64,` + png + `","detail":"original"}]}],"store":false}`
		// Claude Code's search among tools: a reference in a result, text behind it, deferred tools.
		found = `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"ToolSearch","input":{"query":"x"}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":[{"type":"tool_reference","tool_name":"mcp__a__b"}]},{"type":"text","text":"go on"}]}],
			"tools":[{"name":"ToolSearch","input_schema":{"type":"object","properties":{}}},{"name":"mcp__a__b","defer_loading":true,"eager_input_streaming":true,"input_schema":{"type":"object","properties":{}}}]}`
		// Claude Code's title: no tools, thinking off, structured output.
		named = `{"messages":[{"role":"user","content":"q"}],"thinking":{"type":"disabled"},"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"title":{"type":"string"}},"required":["title"],"additionalProperties":false}}}}`
		// Copilot CLI: both sampling settings, penalties, a refusal that is null.
		copilot = `{"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"a","refusal":null},{"role":"user","content":"b"}],"temperature":0,"top_p":0.95,"frequency_penalty":0,"presence_penalty":0}`
		// Qwen: results as lists of parts, calls without content.
		qwen = `{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"A"}]}],` + chatTools + `}`
		// pi: store on chat, a developer's words, tools that are not strict.
		pi = `{"messages":[{"role":"developer","content":"s"},{"role":"user","content":"q"}],"store":false,"max_completion_tokens":100,"tools":[{"type":"function","function":{"name":"read","strict":false,"parameters":{"type":"object","properties":{}}}}]}`
	)
	asks(t, []ask{
		{"RSP-05 Cline's request", answersAPI, claudeUps, "", cline, is{
			"system": "~be brief", "messages.1.content.0.id": `"c1"`, "messages.1.content.1.id": `"c2"`, "messages.2.content.0.tool_use_id": `"c1"`, "messages.2.content.1.tool_use_id": `"c2"`, "tools.#": "1",
		}, "image_generation"},
		{"RSP-05 Cline's request", answersAPI, compatUp, "", cline, is{"messages.2.tool_calls.#": "2", "messages.3.tool_call_id": `"c1"`, "messages.4.tool_call_id": `"c2"`, "tools.#": "1"}, "web_search"},
		{"RSP-05 a free-text tool becomes a function", answersAPI, claudeUps, "", free, is{"tools.0.name": `"apply_patch"`, "tools.0.input_schema": `~"input"`, "tools.0.description": "~lark"}, anyLoss},
		{"TOOL-16 a picture that Codex looked at", answersAPI, claudeUps, "", seen, is{"messages.2.content.0.content.0.source": `{"type":"base64","media_type":"image/png","data":"` + png + `"}`}, anyLoss},
		{"TOOL-16 a picture that Codex looked at", answersAPI, compatUp, "", seen, is{"messages.2.role": `"tool"`, "messages.3.role": `"user"`, "messages.3": "~" + png}, anyLoss},
		{"TOOL-16 a picture that Codex looked at", answersAPI, converseUp, "", seen, is{"messages.2.content.0.toolResult.content.0.image.source.bytes": `"` + png + `"`}, anyLoss},
		{"TOOL-16 a picture that Codex looked at", answersAPI, geminiUp, "", seen, is{"contents.2": "~" + png}, anyLoss},
		{"TOOL-22 tools that were searched for", messagesAPI, chatUps, "", found, is{"tools.#": "2", "tools.1": "!defer", "messages.2.content": "~mcp__a__b", "messages.3.content": `"go on"`}, anyLoss},
		{"TOOL-22 tools that were searched for", messagesAPI, answersUp, "", found, is{"tools.#": "2", "tools.1": "!defer", "input.2.output": "~mcp__a__b"}, anyLoss},
		{"TOOL-22 tools that were searched for", messagesAPI, converseUp, "", found, is{"toolConfig.tools.#": "2", "messages.2.content.0.toolResult.content": "~mcp__a__b"}, anyLoss},
		{"TOOL-22 tools that were searched for", messagesAPI, geminiUp, "", found, is{"tools.0.functionDeclarations.#": "2", "contents.2": "~mcp__a__b"}, anyLoss},
		{"PAR-08 THK-14 a title", messagesAPI, chatUps, "", named, is{"response_format.json_schema.schema.required": `["title"]`, "reasoning_effort": absent}, anyLoss},
		{"PAR-08 THK-14 a title", messagesAPI, geminiUp, "", named, is{"generationConfig.responseMimeType": `"application/json"`}, anyLoss},
		{"PAR-01 Copilot's sampling", chatAPI, claudeUps, "", copilot, is{"temperature": "0", "top_p": absent, "messages.#": "3"}, "top_p"},
		{"TOOL-16 MSG-10 Qwen's results", chatAPI, claudeUps, "", qwen, is{"messages.1.content.#": "1", "messages.2.content.0.tool_use_id": `"c1"`, "messages.2.content.0": "~A"}, ""},
		{"MSG-09 pi's request", chatAPI, claudeUps, "", pi, is{"system": "~s", "max_tokens": "100", "store": absent}, ""},
	})
	tells(t, []told{
		{"RSP-05 a call of a free-text tool is one", claudeUps, answersAPI, free, claudeEnd(`{"type":"tool_use","id":"toolu_1","name":"apply_patch","input":{"input":"*** Begin Patch\n"}}`, `"tool_use"`, ""), is{
			"output.0.type": `"custom_tool_call"`, "output.0.name": `"apply_patch"`, "output.0.input": `"*** Begin Patch\n"`, "output.0.call_id": `"toolu_1"`,
		}, anyLoss},
		{"RSP-05 a call of a free-text tool is one", converseUp, answersAPI, free, converseEnd(`{"toolUse":{"toolUseId":"t1","name":"apply_patch","input":{"input":"*** Begin Patch\n"}}}`, `"tool_use"`, ""), is{
			"output.0.type": `"custom_tool_call"`, "output.0.input": `"*** Begin Patch\n"`,
		}, anyLoss},
	})
}

// TestEventsThatAgentsWaitFor: Codex goes on only when every item is done and the
// response is completed, openai-node only when every item was added.
func TestEventsThatAgentsWaitFor(t *testing.T) {
	for to := range strings.FieldsSeq(compatUp + " " + claudeUps + " " + converseUp + " " + geminiUp) {
		t.Run(title("RSP-06 STR-15 every item is added and done", answersAPI, to), func(t *testing.T) {
			w := newWorld(t)
			w.up.answers(playAnswer(twoTurns[to].answer))
			r := w.asks(answersAPI, to, decoded(speakers[answersAPI].first), true)
			list, err := events(r.body)
			if err != nil {
				t.Fatal(err)
			}
			added, done := map[string]bool{}, map[string]bool{}
			for i, e := range list {
				body := decoded(e.data)
				if n, ok := body["sequence_number"].(float64); !ok || int(n) != i || body["type"] != e.name {
					t.Errorf("event %d is %s: %s", i, e.name, e.data)
				}
				item, _ := body["item"].(object)
				switch e.name {
				case "response.output_item.added":
					added[text(item, "id")] = true
				case "response.output_item.done":
					done[text(item, "id")] = true
				}
			}
			last := decoded(list[len(list)-1].data)
			output, _ := at(last, "response.output")
			if last["type"] != "response.completed" || len(items(output)) < 3 {
				t.Fatalf("the end is %v", last)
			}
			for _, item := range items(output) {
				if id := text(item, "id"); !added[id] || !done[id] {
					t.Errorf("%s was added %v and done %v", id, added[id], done[id])
				}
			}
		})
	}
}
