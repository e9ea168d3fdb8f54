package conformance

import "testing"

const (
	twoCalls = `{"role":"assistant","content":null,"tool_calls":[
		{"id":"call_a","type":"function","function":{"name":"read","arguments":"{\"p\":1}"}},
		{"id":"call_b","type":"function","function":{"name":"list","arguments":"{}"}}]}`
	chatTools = `"tools":[{"type":"function","function":{"name":"read","parameters":{"type":"object","properties":{}}}},
		{"type":"function","function":{"name":"list","parameters":{"type":"object","properties":{}}}}]`
	claudeTools = `"tools":[{"name":"read","input_schema":{"type":"object","properties":{}}},{"name":"list","input_schema":{"type":"object","properties":{}}}]`
)

func TestTurns(t *testing.T) {
	asks(t, []ask{
		{
			"MSG-01 results of one turn in one user turn", chatAPI, claudeUps, "",
			`{"messages":[{"role":"user","content":"q"},` + twoCalls + `,{"role":"tool","tool_call_id":"call_a","content":"A"},{"role":"tool","tool_call_id":"call_b","content":"B"}],` + chatTools + `}`,
			is{
				"messages.#": "3", "messages.1.content": `[{"type":"tool_use","id":"call_a","name":"read","input":{"p":1}},{"type":"tool_use","id":"call_b","name":"list","input":{}}]`,
				"messages.2": `{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_a","content":[{"type":"text","text":"A"}]},{"type":"tool_result","tool_use_id":"call_b","content":[{"type":"text","text":"B"}]}]}`,
			},
			"",
		},
		{
			"MSG-01 results of one turn in one user turn", chatAPI, converseUp, "",
			`{"messages":[{"role":"user","content":"q"},` + twoCalls + `,{"role":"tool","tool_call_id":"call_a","content":"A"},{"role":"tool","tool_call_id":"call_b","content":"B"}],` + chatTools + `}`,
			is{
				"messages.#": "3", "messages.1.content": `[{"toolUse":{"toolUseId":"call_a","name":"read","input":{"p":1}}},{"toolUse":{"toolUseId":"call_b","name":"list","input":{}}}]`,
				"messages.2": `{"role":"user","content":[{"toolResult":{"toolUseId":"call_a","content":[{"text":"A"}]}},{"toolResult":{"toolUseId":"call_b","content":[{"text":"B"}]}}]}`,
			},
			"",
		},
		{
			"MSG-02 two user messages in a row are merged in order", chatAPI, converseUp, "",
			`{"messages":[{"role":"user","content":"one"},{"role":"user","content":[{"type":"text","text":"two"},{"type":"text","text":"three"}]}]}`,
			is{"messages": `[{"role":"user","content":[{"text":"one"},{"text":"two"},{"text":"three"}]}]`},
			"",
		},
		{
			"MSG-03 a tool message is a result the model sees", chatAPI, converseUp, nova,
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"found it"}],` + chatTools + `}`,
			is{"messages.2.content.0.toolResult": `{"toolUseId":"c1","content":[{"text":"found it"}]}`},
			"",
		},
		{
			"MSG-04 tool messages before the user's text", messagesAPI, chatUps, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"read","input":{}}]},
			{"role":"user","content":[{"type":"text","text":"and hurry"},{"type":"tool_result","tool_use_id":"c1","content":"A"}]}],` + claudeTools + `}`,
			is{"messages.1.tool_calls.0.id": `"c1"`, "messages.2": `{"role":"tool","tool_call_id":"c1","content":"A"}`, "messages.3": `{"role":"user","content":"and hurry"}`, "messages.#": "4"},
			"",
		},
		{
			"MSG-10 no empty text beside calls", chatAPI, claudeUps, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"","tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"A"}],` + chatTools + `}`,
			is{"messages.1.content": `[{"type":"tool_use","id":"c1","name":"read","input":{}}]`},
			"",
		},
		{
			"MSG-10 no empty text beside calls", chatAPI, converseUp, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"A"}],` + chatTools + `}`,
			is{"messages.1.content": `[{"toolUse":{"toolUseId":"c1","name":"read","input":{}}}]`},
			"",
		},
		{
			"MSG-10 no empty text beside calls", answersAPI, claudeUps, "",
			`{"input":[{"role":"user","content":"q"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"","annotations":[]}]},{"type":"function_call","call_id":"c1","name":"read","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"A"}],"tools":[{"type":"function","name":"read","parameters":{"type":"object","properties":{}}}]}`,
			is{"messages.1.content": `[{"type":"tool_use","id":"c1","name":"read","input":{}}]`},
			"",
		},
		{
			"MSG-10 no empty text beside calls", chatAPI, geminiUp, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"","tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"A"}],` + chatTools + `}`,
			is{"contents.1.parts.#": "1", "contents.1.parts.0.functionCall.name": `"read"`},
			"",
		},
		{
			"MSG-10 no empty text beside calls", messagesAPI, converseUp, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"text","text":""},{"type":"tool_use","id":"c1","name":"read","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"A"}]}],` + claudeTools + `}`,
			is{"messages.1.content": `[{"toolUse":{"toolUseId":"c1","name":"read","input":{}}}]`},
			"",
		},
		{
			"MSG-11 an empty result is no empty text", chatAPI, claudeUps, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":""}],` + chatTools + `}`,
			is{"messages.2.content.0.tool_use_id": `"c1"`, "messages.2": `!"text":""`},
			"",
		},
		{
			"MSG-11 an empty result is no empty text", chatAPI, converseUp, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":""}],` + chatTools + `}`,
			is{"messages.2.content.0.toolResult.toolUseId": `"c1"`, "messages.2": `!"text":""`},
			"",
		},
		{
			"MSG-11 an empty result is no empty text", messagesAPI, converseUp, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"read","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":""}]}],` + claudeTools + `}`,
			is{"messages.2.content.0.toolResult.toolUseId": `"c1"`, "messages.2": `!"text":""`},
			"",
		},
		{
			"MSG-13 a call at the end is closed with an error", chatAPI, claudeUps, "",
			`{"messages":[{"role":"user","content":"q"},` + twoCalls + `],` + chatTools + `}`,
			is{"messages.1.content.#": "2", "messages.2.content.0.tool_use_id": `"call_a"`, "messages.2.content.0.is_error": "true", "messages.2.content.1.tool_use_id": `"call_b"`, "messages.2.content.1.is_error": "true"},
			"no result",
		},
		{
			"MSG-13 a call at the end is closed with an error", chatAPI, converseUp, "",
			`{"messages":[{"role":"user","content":"q"},` + twoCalls + `],` + chatTools + `}`,
			is{"messages.1.content.#": "2", "messages.2.content.0.toolResult.status": `"error"`, "messages.2.content.1.toolResult.toolUseId": `"call_b"`},
			"nobody answered",
		},
		{
			"MSG-13 a call at the end is closed with an error", messagesAPI, chatUps, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"read","input":{}}]}],` + claudeTools + `}`,
			is{"messages.1.tool_calls.0.id": `"c1"`, "messages.2.role": `"tool"`, "messages.2.tool_call_id": `"c1"`, "messages.2.content": "~error"},
			"without a result",
		},
		{
			"MSG-15 an assistant's blocks are not reordered", messagesAPI, claudeUps, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"read","input":{}},{"type":"tool_use","id":"c2","name":"list","input":{}},{"type":"text","text":"both"}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"A"},{"type":"tool_result","tool_use_id":"c2","content":"B"}]}],` + claudeTools + `}`,
			is{"messages.1.content.0.id": `"c1"`, "messages.1.content.1.id": `"c2"`, "messages.1.content.2.text": `"both"`},
			"",
		},
		{
			"MSG-15 an assistant's blocks are not reordered", messagesAPI, converseUp, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"read","input":{}},{"type":"tool_use","id":"c2","name":"list","input":{}},{"type":"text","text":"both"}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"A"},{"type":"tool_result","tool_use_id":"c2","content":"B"}]}],` + claudeTools + `}`,
			is{"messages.1.content.0.toolUse.toolUseId": `"c1"`, "messages.1.content.1.toolUse.toolUseId": `"c2"`, "messages.1.content.2.text": `"both"`},
			"",
		},
		{
			"MSG-16 text and pictures keep their order", messagesAPI, chatUps, "",
			`{"messages":[{"role":"user","content":[{"type":"text","text":"before"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0K"}},{"type":"text","text":"after"}]}]}`,
			is{"messages.0.content": `[{"type":"text","text":"before"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0K"}},{"type":"text","text":"after"}]`},
			"",
		},
		{
			"MSG-17 an unknown block passes to its own API", messagesAPI, claudeUps, "",
			`{"messages":[{"role":"user","content":[{"type":"hologram","beam":[1,2]},{"type":"text","text":"q"}]}]}`,
			is{"messages.0.content.0": `{"type":"hologram","beam":[1,2]}`},
			"",
		},
		{
			"MSG-17 an unknown block is named as a loss", messagesAPI, chatUps, "",
			`{"messages":[{"role":"user","content":[{"type":"hologram","beam":[1,2]},{"type":"text","text":"q"}]}]}`,
			is{"messages.0.content": `"q"`},
			"hologram",
		},
		{
			"MSG-17 an unknown block is named as a loss", messagesAPI, converseUp, "",
			`{"messages":[{"role":"user","content":[{"type":"hologram","beam":[1,2]},{"type":"text","text":"q"}]}]}`,
			is{"messages.0.content": `[{"text":"q"}]`},
			"hologram",
		},
		{
			"MSG-17 an unknown part passes to its own API", chatAPI, chatUps, "",
			`{"messages":[{"role":"user","content":[{"type":"hologram","beam":[1,2]},{"type":"text","text":"q"}]}]}`,
			is{"messages.0.content.0": `{"type":"hologram","beam":[1,2]}`},
			"",
		},
		{
			"MSG-17 an unknown part is named as a loss", chatAPI, claudeUps + " " + converseUp, "",
			`{"messages":[{"role":"user","content":[{"type":"hologram","beam":[1,2]},{"type":"text","text":"q"}]}]}`,
			is{"messages.0.content.#": "1", "messages.0.content.0.text": `"q"`},
			"hologram",
		},
	})
}

func TestSystemMessages(t *testing.T) {
	const reminder = `{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"user","content":"more"},
		{"role":"system","content":[{"type":"text","text":"remember","cache_control":{"type":"ephemeral"}}]}`
	asks(t, []ask{
		{
			"MSG-05 every system message survives, in order", chatAPI, claudeUps, "",
			`{"messages":[{"role":"system","content":"one"},{"role":"system","content":"two"},{"role":"user","content":"q"}]}`,
			is{"system": `[{"type":"text","text":"one"},{"type":"text","text":"two"}]`, "messages.#": "1"},
			"",
		},
		{
			"MSG-05 every system message survives, in order", chatAPI, converseUp, "",
			`{"messages":[{"role":"system","content":"one"},{"role":"system","content":"two"},{"role":"user","content":"q"}]}`,
			is{"system": `[{"text":"one"},{"text":"two"}]`, "messages.#": "1"},
			"",
		},
		{
			"MSG-06 a model that takes it gets the system message where it stands", messagesAPI, claudeUps, claude48,
			`{"system":"base","messages":[` + reminder + `]}`,
			is{"system": `"base"`, "messages.3.role": `"system"`, "messages.3.content": "~remember"},
			"",
		},
		{
			"MSG-06 any other gets it in place as the user's", messagesAPI, invokeUp, "",
			`{"system":"base","messages":[` + reminder + `]}`,
			is{"system": "!remember", "messages.#": "3", "messages.2.role": `"user"`, "messages.2.content.0.text": `"more"`, "messages.2.content.1.text": "~remember"},
			"messages[3].role",
		},
		{
			"MSG-06 any other gets it in place as the user's", messagesAPI, converseUp, "",
			`{"system":"base","messages":[` + reminder + `]}`,
			is{"system": `[{"text":"base"}]`, "messages.#": "3", "messages.2.role": `"user"`, "messages.2.content.1.text": "~remember"},
			"messages[3].role",
		},
		{
			"MSG-06 it stays in its place", messagesAPI, chatUps, "",
			`{"system":"base","messages":[` + reminder + `]}`,
			is{"messages.#": "5", "messages.0": `{"role":"system","content":"base"}`, "messages.4": `{"role":"system","content":"remember"}`},
			"cache_control",
		},
		{
			"MSG-06 it stays in its place", chatAPI, claudeUps, "",
			`{"messages":[{"role":"system","content":"base"},{"role":"user","content":"q"},{"role":"system","content":"remember"}]}`,
			is{"system": `[{"type":"text","text":"base"}]`, "messages.#": "1", "messages.0.content.0.text": `"q"`, "messages.0.content.1.text": "~remember"},
			"].role",
		},
		{
			"MSG-07 its cache point stays with it", messagesAPI, invokeUp, "",
			`{"system":"base","messages":[` + reminder + `]}`,
			is{"system": "!cache_control", "messages.2.content.1.cache_control": `{"type":"ephemeral"}`},
			"messages[3].role",
		},
		{
			"MSG-07 its cache point stays with it", messagesAPI, converseUp, "",
			`{"system":"base","messages":[` + reminder + `]}`,
			is{"system.#": "1", "messages.2.content.2": `{"cachePoint":{"type":"default"}}`},
			"messages[3].role",
		},
		{
			"MSG-08 two in a row become one", chatAPI, claudeUps, claude48,
			`{"messages":[{"role":"user","content":"q"},{"role":"system","content":"one"},{"role":"system","content":"two"}]}`,
			is{"system": absent, "messages.#": "2", "messages.1": `{"role":"system","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]}`},
			"",
		},
		{
			"MSG-08 placed first it belongs to the system prompt", messagesAPI, converseUp, "",
			`{"system":"base","messages":[{"role":"system","content":"first"},{"role":"user","content":"q"}]}`,
			is{"messages": `[{"role":"user","content":[{"text":"q"}]}]`, "system": `[{"text":"base"},{"text":"first"}]`},
			"",
		},
		{
			"MSG-08 placed first it belongs to the system prompt", messagesAPI, invokeUp, "",
			`{"system":"base","messages":[{"role":"system","content":"first"},{"role":"user","content":"q"}]}`,
			is{"messages.#": "1", "messages.0.role": `"user"`, "system": `[{"type":"text","text":"base"},{"type":"text","text":"first"}]`},
			"",
		},
		{
			"MSG-08 between two users it becomes the user's", chatAPI, claudeUps, claude48,
			`{"messages":[{"role":"user","content":"q"},{"role":"system","content":"rule"},{"role":"user","content":"again"}]}`,
			is{"messages.#": "1", "messages.0.content.1.text": "~rule", "messages.0.content.2.text": `"again"`},
			"messages[1].role",
		},
		{
			"MSG-09 developer is system", chatAPI, claudeUps, claude48,
			`{"messages":[{"role":"developer","content":"base"},{"role":"user","content":"q"},{"role":"developer","content":"later"}]}`,
			is{"system": `[{"type":"text","text":"base"}]`, "messages.1.role": `"system"`, "messages.1.content.0.text": `"later"`},
			"",
		},
		{
			"MSG-09 developer is system", chatAPI, converseUp, "",
			`{"messages":[{"role":"developer","content":"base"},{"role":"user","content":"q"},{"role":"developer","content":"later"}]}`,
			is{"system": `[{"text":"base"}]`, "messages.#": "1", "messages.0.content.1.text": "~later"},
			"].role",
		},
	})
}

func TestBegunAnswers(t *testing.T) {
	const begun = `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"The answer is"}]}`
	asks(t, []ask{
		{
			"MSG-12 a model that goes on with an answer gets it last", chatAPI, claudeUps + " " + converseUp, claude45, begun,
			is{"messages.#": "2", "messages.1.role": `"assistant"`, "messages.1.content.0.text": `"The answer is"`},
			"",
		},
		{
			"MSG-12 one that does not is asked to by the user", chatAPI, claudeUps + " " + converseUp, claude46, begun,
			is{"messages.#": "3", "messages.1.content.0.text": `"The answer is"`, "messages.2.role": `"user"`},
			"messages",
		},
		{
			"MSG-12 one that does not is asked to by the user", messagesAPI, converseUp, claude46, begun,
			is{"messages.#": "3", "messages.1.content.0.text": `"The answer is"`, "messages.2.role": `"user"`},
			"messages",
		},
	})
}
