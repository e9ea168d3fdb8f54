package conformance

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

const question = `"messages":[{"role":"user","content":"q"}]`

// longName and oddName are tool names that most APIs refuse.
var (
	longName = "mcp__plugin_" + strings.Repeat("very_", 24) + "long"
	oddName  = "files.read all"
)

func TestToolChoice(t *testing.T) {
	chatBody := func(rest string) string { return `{` + question + `,` + chatTools + `,` + rest + `}` }
	claudeBody := func(rest string) string { return `{` + question + `,` + claudeTools + `,` + rest + `}` }
	asks(t, []ask{
		{"TOOL-01 any as an object", messagesAPI, chatUps, "", claudeBody(`"tool_choice":{"type":"any"}`), is{"tool_choice": `"required"`}, ""},
		{"TOOL-01 any as an object", messagesAPI, converseUp, "", claudeBody(`"tool_choice":{"type":"any"}`), is{"toolConfig.toolChoice": `{"any":{}}`}, ""},
		{
			"TOOL-01 one by name", messagesAPI, chatUps, "", claudeBody(`"tool_choice":{"type":"tool","name":"read"}`),
			is{"tool_choice": `{"type":"function","function":{"name":"read"}}`},
			"",
		},
		{"TOOL-01 one by name", messagesAPI, converseUp, "", claudeBody(`"tool_choice":{"type":"tool","name":"read"}`), is{"toolConfig.toolChoice": `{"tool":{"name":"read"}}`}, ""},
		{"TOOL-02 none", chatAPI, claudeUps, "", chatBody(`"tool_choice":"none"`), is{"tool_choice": `{"type":"none"}`, "tools.#": "2"}, ""},
		{"TOOL-02 none withholds the tools", chatAPI, converseUp, "", chatBody(`"tool_choice":"none"`), is{"toolConfig": absent}, ""},
		{
			"TOOL-02 none beside calls in the history is named", chatAPI, converseUp, "",
			`{"messages":[{"role":"user","content":"q"},` + twoCalls + `,{"role":"tool","tool_call_id":"call_a","content":"A"},{"role":"tool","tool_call_id":"call_b","content":"B"}],` + chatTools + `,"tool_choice":"none"}`,
			is{"toolConfig.tools.#": "2", "toolConfig.toolChoice": absent},
			"tool_choice",
		},
		{
			"TOOL-03 one call at a time forces none", chatAPI, claudeUps, "", chatBody(`"parallel_tool_calls":false`),
			is{"tool_choice": `{"type":"auto","disable_parallel_tool_use":true}`},
			"",
		},
		{"TOOL-04 none has no word about parallel calls", chatAPI, claudeUps, "", chatBody(`"tool_choice":"none","parallel_tool_calls":false`), is{"tool_choice": `{"type":"none"}`}, ""},
		{
			"TOOL-06 one call at a time", messagesAPI, chatUps, "", claudeBody(`"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`),
			is{"parallel_tool_calls": "false", "tool_choice": `"auto"`},
			"",
		},
		{"TOOL-06 nothing said, nothing sent", messagesAPI, chatUps, "", claudeBody(`"tool_choice":{"type":"auto"}`), is{"parallel_tool_calls": absent}, ""},
	})
}

func TestToolHistory(t *testing.T) {
	asks(t, []ask{
		{
			"TOOL-05 tools of the history are declared again", chatAPI, converseUp, "",
			`{"messages":[{"role":"user","content":"q"},` + twoCalls + `,{"role":"tool","tool_call_id":"call_a","content":"A"},{"role":"tool","tool_call_id":"call_b","content":"B"}]}`,
			is{"toolConfig.tools.#": "2", "toolConfig.tools.0.toolSpec.name": `"read"`, "toolConfig.tools.1.toolSpec": `{"name":"list","inputSchema":{"json":{"type":"object","properties":{}}}}`},
			"",
		},
		{
			"TOOL-05 tools of the history are declared again", messagesAPI, converseUp, nova,
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"read","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"A"}]}]}`,
			is{"toolConfig.tools.#": "1", "toolConfig.tools.0.toolSpec.name": `"read"`},
			"",
		},
		{
			"TOOL-05 a model without tools gets them as text", chatAPI, converseUp, "deepseek.r1-v1:0",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{\"p\":1}"}}]},{"role":"tool","tool_call_id":"c1","content":"found"}]}`,
			is{"toolConfig": absent, "messages": "!toolUse", "messages.1.content.0.text": "~read", "messages.2.content.0.text": "~found"},
			"no tools",
		},
		{
			"TOOL-10 a bad name in the history", chatAPI, claudeUps, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"files.read all","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"A"}],` + chatTools + `}`,
			is{"messages.1.content.0.name": "~files_read_all_"},
			"",
		},
		{
			"TOOL-10 a bad name in the history", chatAPI, converseUp, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"files.read all","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"A"}],` + chatTools + `}`,
			is{"messages.1.content.0.toolUse.name": "~files_read_all_"},
			"",
		},
		{
			"TOOL-10 a bad name in the history", messagesAPI, chatUps, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"files.read all","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"A"}]}],` + claudeTools + `}`,
			is{"messages.1.tool_calls.0.function.name": "~files_read_all_"},
			"",
		},
		{
			"TOOL-18 arguments that are no JSON stay what they are", chatAPI, claudeUps, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{\"path\":\"/tm"}}]},{"role":"tool","tool_call_id":"c1","content":"A"}],` + chatTools + `}`,
			is{"messages.1.content.0.input": `{"_raw_arguments":"{\"path\":\"/tm"}`},
			"arguments",
		},
		{
			"TOOL-18 arguments that are no JSON stay what they are", chatAPI, converseUp, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{\"path\":\"/tm"}}]},{"role":"tool","tool_call_id":"c1","content":"A"}],` + chatTools + `}`,
			is{"messages.1.content.0.toolUse.input": `{"_raw_arguments":"{\"path\":\"/tm"}`},
			"arguments",
		},
		{
			"TOOL-22 what Anthropic's own tools did is replayed word for word", messagesAPI, claudeUps, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}},
			{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result","url":"https://example.com","title":"t","encrypted_content":"AbC+/=","page_age":null}]},
			{"type":"text","text":"said","citations":[{"type":"web_search_result_location","url":"https://example.com","title":"t","encrypted_index":"Zz=","cited_text":"c"}]}]},{"role":"user","content":"and?"}]}`,
			is{
				"messages.1.content.0":                             `{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}}`,
				"messages.1.content.1.content.0.encrypted_content": `"AbC+/="`, "messages.1.content.2.citations.0.encrypted_index": `"Zz="`,
			},
			"",
		},
		{
			"TOOL-22 elsewhere it is named as a loss, the rest goes on", messagesAPI, chatUps, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}},
			{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]},{"type":"text","text":"said"}]},{"role":"user","content":"and?"}]}`,
			is{"messages.1": `{"role":"assistant","content":"said"}`, "messages.2.content": `"and?"`},
			"web_search_tool_result",
		},
		{
			"TOOL-22 elsewhere it is named as a loss, the rest goes on", messagesAPI, converseUp, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}},
			{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]},{"type":"text","text":"said"}]},{"role":"user","content":"and?"}]}`,
			is{"messages.1.content": `[{"text":"said"}]`},
			"web_search_tool_result",
		},
	})
}

func TestToolDefinitions(t *testing.T) {
	tool := func(parameters string) string {
		return `{` + question + `,"tools":[{"type":"function","function":{"name":"read","description":"d"` + parameters + `}}]}`
	}
	const (
		variants = `,"parameters":{"oneOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a","k"]},{"type":"object","properties":{"b":{"anyOf":[{"type":"string"},{"type":"null"}]},"k":{"type":"integer"}},"required":["k"]}]}`
		cyclic   = `,"parameters":{"type":"object","$defs":{"node":{"type":"object","properties":{"next":{"$ref":"#/$defs/node"},"v":{"$ref":"#/$defs/value"}}},"value":{"type":"string"}},"properties":{"root":{"$ref":"#/$defs/node"}}}`
	)
	asks(t, []ask{
		{
			"TOOL-11 variants at the root are merged, inner ones stay", chatAPI, claudeUps, "", tool(variants),
			is{"tools.0.input_schema": `{"type":"object","properties":{"a":{"type":"string"},"b":{"anyOf":[{"type":"string"},{"type":"null"}]},"k":{"type":"integer"}},"required":["k"]}`},
			"read",
		},
		{
			"TOOL-11 variants at the root are merged, inner ones stay", chatAPI, converseUp, "", tool(variants),
			is{"toolConfig.tools.0.toolSpec.inputSchema.json": `{"type":"object","properties":{"a":{"type":"string"},"b":{"anyOf":[{"type":"string"},{"type":"null"}]},"k":{"type":"integer"}},"required":["k"]}`},
			"read",
		},
		{
			"TOOL-12 a schema without a type is an object", chatAPI, converseUp, "", tool(`,"parameters":{"properties":{"a":{"type":"string"}}}`),
			is{"toolConfig.tools.0.toolSpec.inputSchema.json": `{"type":"object","properties":{"a":{"type":"string"}}}`},
			"",
		},
		{
			"TOOL-12 an empty one takes an object", chatAPI, converseUp, "", tool(`,"parameters":{}`),
			is{"toolConfig.tools.0.toolSpec.inputSchema.json": `{"type":"object","properties":{}}`},
			"",
		},
		{
			"TOOL-12 none at all takes an object", chatAPI, converseUp, nova, tool(``),
			is{"toolConfig.tools.0.toolSpec.inputSchema.json": `{"type":"object","properties":{}}`},
			"",
		},
		{
			"TOOL-13 references are replaced, cycles cut", chatAPI, converseUp, nova, tool(cyclic),
			is{"toolConfig.tools.0.toolSpec.inputSchema.json": "!$ref", "toolConfig.tools.0.toolSpec.inputSchema.json.properties.root.properties.v": `{"type":"string"}`},
			"refers to itself",
		},
		{
			"TOOL-13 Claude follows them itself", chatAPI, claudeUps, "", tool(cyclic),
			is{"tools.0.input_schema.properties.root": `{"$ref":"#/$defs/node"}`, "tools.0.input_schema.$defs.value": `{"type":"string"}`},
			"",
		},
		{
			"TOOL-15 no parameters", chatAPI, claudeUps, "", tool(`,"parameters":null`),
			is{"tools.0": `{"name":"read","description":"d","input_schema":{"type":"object","properties":{}}}`},
			"",
		},
		{
			"TOOL-15 only what the API knows", chatAPI, claudeUps, claude37, tool(`,"parameters":{"type":"object","properties":{}},"strict":true,"returns":{"x":1}`),
			is{"tools.0": `{"name":"read","description":"d","input_schema":{"type":"object","properties":{}}}`},
			"strict",
		},
		{
			"TOOL-15 strict where the model has it", chatAPI, anthropicUp, claude45, tool(`,"parameters":{"type":"object","properties":{}},"strict":true`),
			is{"tools.0": `{"name":"read","description":"d","input_schema":{"type":"object","properties":{}},"strict":true}`},
			"",
		},
		{
			"TOOL-21 Anthropic's own tools are not at Bedrock", messagesAPI, invokeUp, "",
			`{` + question + `,"tools":[{"type":"web_search_20250305","name":"web_search"},{"name":"read","input_schema":{"type":"object","properties":{}}}]}`,
			is{"tools.#": "1", "tools.0.name": `"read"`},
			"web_search_20250305",
		},
		{
			"TOOL-21 Anthropic's own tools are not at Bedrock", messagesAPI, converseUp, "",
			`{` + question + `,"tools":[{"type":"web_search_20250305","name":"web_search"},{"name":"read","input_schema":{"type":"object","properties":{}}}]}`,
			is{"toolConfig.tools.#": "1", "toolConfig.tools.0.toolSpec.name": `"read"`},
			"web_search_20250305",
		},
		{
			"TOOL-21 the only tool", messagesAPI, invokeUp + " " + converseUp, "",
			`{` + question + `,"tools":[{"type":"web_search_20250305","name":"web_search"}]}`,
			is{"tools": absent, "toolConfig": absent},
			"web_search_20250305",
		},
		{
			"TOOL-21 at Anthropic it goes through", messagesAPI, anthropicUp, "",
			`{` + question + `,"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":5}]}`,
			is{"tools.0": `{"type":"web_search_20250305","name":"web_search","max_uses":5}`},
			"",
		},
	})
}

func TestToolResults(t *testing.T) {
	const (
		png       = `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0K"}}`
		pdf       = `{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="},"title":"plan"}`
		pictures  = `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"read","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":[{"type":"text","text":"seen"},` + png + `,` + pdf + `]}]}],` + claudeTools + `}`
		failed    = `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"read","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","is_error":true,"content":"no such file"}]}],` + claudeTools + `}`
		chatImage = `{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"seen"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0K"}}]}],` + chatTools + `}`
	)
	asks(t, []ask{
		{
			"TOOL-16 pictures and documents stay in the result", messagesAPI, converseUp, "", pictures,
			is{
				"messages.2.content.0.toolResult.content.0": `{"text":"seen"}`, "messages.2.content.0.toolResult.content.1": `{"image":{"format":"png","source":{"bytes":"iVBORw0K"}}}`,
				"messages.2.content.0.toolResult.content.2.document.format": `"pdf"`, "messages.2.content.0.toolResult.content.2.document.source.bytes": `"JVBERi0="`,
			},
			"",
		},
		{
			"TOOL-16 pictures and documents follow as the user's", messagesAPI, chatUps, "", pictures,
			is{
				"messages.2": `{"role":"tool","tool_call_id":"c1","content":"seen"}`, "messages.3.role": `"user"`, "messages.3.content.0.image_url.url": `"data:image/png;base64,iVBORw0K"`,
				"messages.3.content.1.file.file_data": `"data:application/pdf;base64,JVBERi0="`,
			},
			"tool result",
		},
		{
			"TOOL-16 a picture in a tool message", chatAPI, claudeUps, "", chatImage,
			is{"messages.2.content.0.content.1": png},
			"",
		},
		{
			"TOOL-16 a picture in a tool message", chatAPI, converseUp, "", chatImage,
			is{"messages.2.content.0.toolResult.content.1": `{"image":{"format":"png","source":{"bytes":"iVBORw0K"}}}`},
			"",
		},
		{
			"TOOL-17 a failed call", messagesAPI, converseUp, "", failed,
			is{"messages.2.content.0.toolResult": `{"toolUseId":"c1","content":[{"text":"no such file"}],"status":"error"}`},
			"",
		},
		{
			"TOOL-17 a failed call is told in words", messagesAPI, chatUps, "", failed,
			is{"messages.2.content": `"[tool error] no such file"`},
			"failed",
		},
	})
}

// TestToolNames follows odd names there and back, and in the history.
func TestToolNames(t *testing.T) {
	plain := regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	w := newWorld(t)
	chatBody := func(name string) string {
		return fmt.Sprintf(`{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"%s","arguments":"{}"}}]},
			{"role":"tool","tool_call_id":"c1","content":"A"}],"tools":[{"type":"function","function":{"name":"%s","parameters":{"type":"object","properties":{}}}}]}`, name, name)
	}
	claudeBody := func(name string) string {
		return fmt.Sprintf(`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"%s","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"A"}]}],"tools":[{"name":"%s","input_schema":{"type":"object","properties":{}}}]}`, name, name)
	}
	// Where the names stand: of the declared tool, of the call in the history, and
	// of the call in the client's answer.
	pairs := []struct {
		from, to, declared, history, answered, answer string
		limit                                         int
		body                                          func(string) string
	}{
		{chatAPI, claudeUps, "tools.0.name", "messages.1.content.0.name", "choices.0.message.tool_calls.0.function.name", claudeCall, 128, chatBody},
		{chatAPI, converseUp, "toolConfig.tools.0.toolSpec.name", "messages.1.content.0.toolUse.name", "choices.0.message.tool_calls.0.function.name", converseCall, 64, chatBody},
		{messagesAPI, converseUp, "toolConfig.tools.0.toolSpec.name", "messages.1.content.0.toolUse.name", "content.0.name", converseCall, 64, claudeBody},
		{messagesAPI, chatUps, "tools.0.function.name", "messages.1.tool_calls.0.function.name", "content.0.name", chatCall, 64, claudeBody},
	}
	names := []struct{ id, name string }{{"TOOL-08 a long name", longName}, {"TOOL-09 dots and spaces", oddName}}
	for _, p := range pairs {
		for to := range strings.FieldsSeq(p.to) {
			for _, n := range names {
				for how, body := range map[string]string{"": p.body(n.name), ", streamed": streamed(p.body(n.name))} {
					t.Run(title(n.id+" there and back", p.from, to)+how, func(t *testing.T) {
						short := ""
						w.up.answers(func(rw http.ResponseWriter, s *sent) {
							v, _ := at(decoded(string(s.body)), p.declared)
							short, _ = v.(string)
							playAnswer(strings.ReplaceAll(p.answer, "NAME", short))(rw, s)
						})
						r := w.ask(p.from, to, "", body)
						if !plain.MatchString(short) || len(short) > p.limit {
							t.Errorf("the tool is declared as %q", short)
						}
						check(t, "the upstream got", w.up.only(t).body, is{p.history: `"` + short + `"`})
						got := r.body
						if how != "" {
							got = []byte(encoded(hear(t, p.from, r)))
						}
						check(t, "the client got", got, is{p.answered: `"` + n.name + `"`})
					})
				}
			}
		}
	}
}

// TestCallIDs holds that results stay with their calls under ids that were changed.
func TestCallIDs(t *testing.T) {
	plain := regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	w := newWorld(t)
	for to, p := range map[string]struct{ call, result string }{
		anthropicUp: {"messages.1.content.%d.id", "messages.2.content.%d.tool_use_id"},
		invokeUp:    {"messages.1.content.%d.id", "messages.2.content.%d.tool_use_id"},
		converseUp:  {"messages.1.content.%d.toolUse.toolUseId", "messages.2.content.%d.toolResult.toolUseId"},
	} {
		t.Run(title("TOOL-20 ids that Claude refuses are mapped one to one", chatAPI, to), func(t *testing.T) {
			w.up.answers(playDefault)
			w.ask(chatAPI, to, "", `{"messages":[{"role":"user","content":"q"},
				{"role":"assistant","tool_calls":[{"id":"functions.read:0","type":"function","function":{"name":"read","arguments":"{}"}},{"id":"functions.read:1","type":"function","function":{"name":"read","arguments":"{}"}}]},
				{"role":"tool","tool_call_id":"functions.read:1","content":"B"},{"role":"tool","tool_call_id":"functions.read:0","content":"A"}],`+chatTools+`}`)
			body := decoded(string(w.up.only(t).body))
			find := func(path string, i int) string {
				v, _ := at(body, fmt.Sprintf(path, i))
				s, _ := v.(string)
				return s
			}
			a, b := find(p.call, 0), find(p.call, 1)
			if !plain.MatchString(a) || !plain.MatchString(b) || a == b {
				t.Errorf("the calls have the ids %q and %q", a, b)
			}
			if find(p.result, 0) != b || find(p.result, 1) != a {
				t.Errorf("the results of %q and %q answer %q and %q", b, a, find(p.result, 0), find(p.result, 1))
			}
		})
	}
}

// Answers that call a tool and say nothing.
const (
	claudeCall = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"tool_use","id":"toolu_1","name":"NAME","input":{"p":"/tmp"}}],
		"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":2}}`
	converseCall = `{"output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"tooluse_1","name":"NAME","input":{"p":"/tmp"}}}]}},"stopReason":"tool_use",
		"usage":{"inputTokens":10,"outputTokens":2,"totalTokens":12}}`
	chatCall = `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m",
		"choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"NAME","arguments":"{\"p\":\"/tmp\"}"}}]},"finish_reason":"tool_calls"}],
		"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`
	chatCut = `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m",
		"choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"read","arguments":"{\"p\":\"/tm"}}]},"finish_reason":"length"}],
		"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`
)

func TestCallsInAnswers(t *testing.T) {
	gotChat := is{"choices.0.message.content": "null", "choices.0.message.tool_calls.#": "1", "choices.0.message.tool_calls.0.function": `{"name":"NAME","arguments":"{\"p\":\"/tmp\"}"}`, "choices.0.finish_reason": `"tool_calls"`}
	gotClaude := is{"content.#": "1", "content.0.name": `"NAME"`, "content.0.input": `{"p":"/tmp"}`, "stop_reason": `"tool_use"`}
	tells(t, []told{
		{"TOOL-19 a call without a word is an answer", claudeUps, chatAPI, "", claudeCall, gotChat, ""},
		{"TOOL-19 a call without a word is an answer", claudeUps, messagesAPI, "", claudeCall, gotClaude, ""},
		{"TOOL-19 a call without a word is an answer", converseUp, chatAPI, "", converseCall, gotChat, ""},
		{"TOOL-19 a call without a word is an answer", converseUp, messagesAPI, "", converseCall, gotClaude, ""},
		{"TOOL-19 a call without a word is an answer", chatUps, chatAPI, "", chatCall, gotChat, ""},
		{"TOOL-19 a call without a word is an answer", chatUps, messagesAPI, "", chatCall, gotClaude, ""},
		{
			"TOOL-18 arguments cut by the limit are not made up", chatUps, messagesAPI, "", chatCut,
			is{"content.0.name": `"read"`, "content.0.input": `~_arguments`, "stop_reason": `"max_tokens"`},
			"",
		},
		{
			"TOOL-18 arguments cut by the limit are not made up", chatUps, chatAPI, "", chatCut,
			is{"choices.0.message.tool_calls.0.function.arguments": `"{\"p\":\"/tm"`},
			"",
		},
	})
}
