package conformance

import (
	"net/http"
	"strings"
	"testing"
)

func TestSampling(t *testing.T) {
	both := `{` + question + `,"temperature":0.2,"top_p":0.9}`
	onlyTopP := `{` + question + `,"top_p":0.9}`
	nothing := `{` + question + `}`
	asks(t, []ask{
		{"PAR-01 of both the temperature stays", chatAPI, claudeUps, claude45, both, is{"temperature": "0.2", "top_p": absent}, "top_p"},
		{"PAR-01 of both the temperature stays", chatAPI, converseUp, claude45, both, is{"inferenceConfig": `{"temperature":0.2}`}, "top_p"},
		{"PAR-01 of both the temperature stays", messagesAPI, converseUp, claude45, both, is{"inferenceConfig.temperature": "0.2", "inferenceConfig.topP": absent}, "top_p"},
		{"PAR-01 the one the client set stays", chatAPI, claudeUps, claude45, onlyTopP, is{"top_p": "0.9", "temperature": absent}, ""},
		{"PAR-01 a model that takes both gets both", chatAPI, converseUp, nova, both, is{"inferenceConfig": `{"temperature":0.2,"topP":0.9}`}, ""},
		{"PAR-01 a model that takes neither", chatAPI, claudeUps, claude47, both, is{"temperature": absent, "top_p": absent}, "temperature"},
		{"PAR-01 a model that takes neither", chatAPI, converseUp, claude47, both, is{"inferenceConfig": absent}, "temperature"},
		{"PAR-02 nothing is added beside top_p", chatAPI, converseUp, claude45, onlyTopP, is{"inferenceConfig": `{"topP":0.9}`}, ""},
		{"PAR-02 nothing is added beside top_p", messagesAPI, chatUps, "", onlyTopP, is{"top_p": "0.9", "temperature": absent}, ""},
		{"PAR-02 nothing is added", chatAPI, claudeUps, claude45, nothing, is{"top_p": absent, "temperature": absent, "top_k": absent}, ""},
		{"PAR-02 nothing is added", chatAPI, converseUp, nova, nothing, is{"inferenceConfig": absent}, ""},
		{"PAR-02 nothing is added", messagesAPI, chatUps, "", nothing, is{"top_p": absent, "temperature": absent, "presence_penalty": absent}, ""},
	})
}

func TestLimits(t *testing.T) {
	asks(t, []ask{
		{"PAR-03 max_completion_tokens is the limit", chatAPI, claudeUps, "", `{` + question + `,"max_completion_tokens":777}`, is{"max_tokens": "777"}, ""},
		{"PAR-03 max_completion_tokens is the limit", chatAPI, converseUp, "", `{` + question + `,"max_completion_tokens":777}`, is{"inferenceConfig.maxTokens": "777"}, ""},
		{"PAR-03 the limit as each server knows it", messagesAPI, openaiUp, "", `{` + question + `,"max_tokens":777}`, is{"max_completion_tokens": "777", "max_tokens": absent}, ""},
		{"PAR-03 the limit as each server knows it", messagesAPI, compatUp, "", `{` + question + `,"max_tokens":777}`, is{"max_tokens": "777", "max_completion_tokens": absent}, ""},
		{"PAR-03 no limit said is the model's own", chatAPI, anthropicUp, claude45, streamed(`{` + question + `}`), is{"max_tokens": "64000"}, ""},
		{"PAR-03 no limit said is the model's own", chatAPI, invokeUp, claude37, streamed(`{` + question + `}`), is{"max_tokens": "64000"}, ""},
		{"PAR-03 no limit said is the model's own", chatAPI, converseUp, claude45, `{` + question + `}`, is{"inferenceConfig": absent}, ""},
		{"PAR-03 no small limit is made up for a whole answer", chatAPI, claudeUps, claude45, `{` + question + `}`, is{"max_tokens": "32000"}, ""},
		{"PAR-04 above what the model writes", chatAPI, claudeUps, claude45, `{` + question + `,"max_tokens":999999}`, is{"max_tokens": "64000"}, "max_tokens"},
		{"PAR-04 above what the model writes", chatAPI, converseUp, nova, `{` + question + `,"max_tokens":999999}`, is{"inferenceConfig.maxTokens": "10000"}, "max_tokens"},
		{"PAR-04 above what the model writes", messagesAPI, converseUp, claude45, `{` + question + `,"max_tokens":999999}`, is{"inferenceConfig.maxTokens": "64000"}, "max_tokens"},
		{"PAR-04 above what the model writes", messagesAPI, openaiUp, "", `{` + question + `,"max_tokens":999999}`, is{"max_completion_tokens": "16384"}, "max_tokens"},
	})
}

func TestSettings(t *testing.T) {
	every := `{` + question + `,"top_k":5,"top_p":0.95,"stop_sequences":["X","Y"],"metadata":{"user_id":"u1"},"service_tier":"auto"}`
	asks(t, []ask{
		{
			"PAR-05 every setting", messagesAPI, anthropicUp, claude37, every,
			is{"top_k": "5", "top_p": "0.95", "stop_sequences": `["X","Y"]`, "metadata": `{"user_id":"u1"}`, "service_tier": `"auto"`},
			"",
		},
		{
			"PAR-05 every setting that InvokeModel takes", messagesAPI, invokeUp, claude37, every,
			is{"top_k": "5", "top_p": "0.95", "stop_sequences": `["X","Y"]`, "metadata": `{"user_id":"u1"}`},
			"service_tier",
		},
		{
			"PAR-05 every setting that Converse takes", messagesAPI, converseUp, claude37, every,
			is{"additionalModelRequestFields.top_k": "5", "inferenceConfig.topP": "0.95", "inferenceConfig.stopSequences": `["X","Y"]`},
			"",
		},
		{
			"PAR-05 every setting that chat has", messagesAPI, chatUps, "", every,
			is{"top_p": "0.95", "stop": `["X","Y"]`, "user": `"u1"`, "service_tier": `"auto"`, "top_k": absent},
			"top_k",
		},
		{"PAR-05 unknown members go through", messagesAPI, anthropicUp, "", `{` + question + `,"brand_new":{"a":[1,null]}}`, is{"brand_new": `{"a":[1,null]}`}, ""},
		{"PAR-05 unknown members are named", messagesAPI, converseUp + " " + chatUps, "", `{` + question + `,"brand_new":{"a":[1,null]}}`, is{"brand_new": absent}, "brand_new"},
		{"PAR-06 a stop sequence as a text", chatAPI, claudeUps, "", `{` + question + `,"stop":"END"}`, is{"stop_sequences": `["END"]`}, ""},
		{"PAR-06 a stop sequence as a text", chatAPI, converseUp, "", `{` + question + `,"stop":"END"}`, is{"inferenceConfig.stopSequences": `["END"]`}, ""},
		{"PAR-06 blank ones are left out", chatAPI, claudeUps, "", `{` + question + `,"stop":["END"," ","\n"]}`, is{"stop_sequences": `["END"]`}, "stop"},
		{"PAR-06 blank ones are left out", chatAPI, converseUp, "", `{` + question + `,"stop":["END"," ","\n"]}`, is{"inferenceConfig.stopSequences": `["END"]`}, "stop"},
		{"PAR-06 only blank ones", chatAPI, claudeUps, "", `{` + question + `,"stop":["","\t"]}`, is{"stop_sequences": absent}, "stop"},
		{"PAR-06 five where four are taken", messagesAPI, openaiUp, "", `{` + question + `,"stop_sequences":["1","2","3","4","5"]}`, is{"stop": `["1","2","3","4"]`}, "stop"},
		{"PAR-06 five where four are taken", chatAPI, converseUp, nova, `{` + question + `,"stop":["1","2","3","4","5"]}`, is{"inferenceConfig.stopSequences.#": "4"}, "stop"},
		{"PAR-07 several answers", chatAPI, claudeUps + " " + converseUp, "", `{` + question + `,"n":3}`, is{"n": absent}, "n ("},
		{"PAR-07 one answer is no loss", chatAPI, claudeUps + " " + converseUp, "", `{` + question + `,"n":1}`, is{"n": absent}, ""},
		{"PAR-07 several answers", chatAPI, chatUps, "", `{` + question + `,"n":3}`, is{"n": "3"}, ""},
	})
}

func TestStructuredOutput(t *testing.T) {
	const (
		schema = `{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}`
		format = `"response_format":{"type":"json_schema","json_schema":{"name":"out","strict":true,"schema":` + schema + `}}`
	)
	think := `{` + question + `,` + format + `,"reasoning_effort":"high"}`
	plain := `{` + question + `,` + format + `}`
	asks(t, []ask{
		{
			"PAR-08 native structured output beside thinking", chatAPI, claudeUps, claude45, think,
			is{"output_config.format": `{"type":"json_schema","schema":` + schema + `}`, "thinking.type": `"enabled"`, "tools": absent, "tool_choice": absent},
			"",
		},
		{
			"PAR-08 native structured output beside thinking", chatAPI, converseUp, claude45, think,
			is{"outputConfig.textFormat.type": `"json_schema"`, "outputConfig.textFormat.structure.jsonSchema.name": `"out"`, "toolConfig": absent},
			"",
		},
		{
			"PAR-08 native structured output", messagesAPI, chatUps, "", `{` + question + `,"output_config":{"format":{"type":"json_schema","schema":` + schema + `}}}`,
			is{"response_format.type": `"json_schema"`, "response_format.json_schema.schema": schema},
			"",
		},
		{
			"PAR-09 PAR-10 a tool for a model without it", chatAPI, claudeUps, claude37, plain,
			is{"output_config": absent, "tools.#": "1", "tools.0.name": jsonTool, "tools.0.input_schema": schema, "tool_choice": `{"type":"tool","name":"json_answer"}`, "system": absent},
			"response_format (changed:",
		},
		{
			"PAR-09 PAR-10 a tool for a model without it", chatAPI, converseUp, claude37, plain,
			is{"outputConfig": absent, "toolConfig.tools.0.toolSpec.name": jsonTool, "toolConfig.tools.0.toolSpec.inputSchema.json": schema, "toolConfig.toolChoice": `{"tool":{"name":"json_answer"}}`},
			"response_format (changed:",
		},
		{
			"PAR-08 no forced call beside thinking", chatAPI, claudeUps, claude37, think,
			is{"thinking.type": `"enabled"`, "tools.0.name": jsonTool, "tool_choice": `{"type":"auto"}`, "system": "~json_answer"},
			"response_format (changed:",
		},
		{
			"PAR-08 no forced call beside thinking", chatAPI, converseUp, claude37, think,
			is{"additionalModelRequestFields.thinking.type": `"enabled"`, "toolConfig.tools.0.toolSpec.name": jsonTool, "toolConfig.toolChoice": absent, "system": "~json_answer"},
			"response_format (changed:",
		},
		{
			"PAR-10 beside the client's own tools", chatAPI, claudeUps, claude37, `{` + question + `,` + format + `,"tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object"}}}]}`,
			is{"tools.0.name": `"look"`, "tools.1.name": jsonTool, "tool_choice": `{"type":"any"}`},
			"response_format (changed:",
		},
		{
			"PAR-10 the client's own tools are forbidden", chatAPI, converseUp, nova, `{` + question + `,` + format + `,"tool_choice":"none","tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object"}}}]}`,
			is{"toolConfig.toolChoice": `{"tool":{"name":"json_answer"}}`},
			"response_format (changed:",
		},
		{
			"PAR-10 JSON mode without a schema", chatAPI, claudeUps, claude45, `{` + question + `,"response_format":{"type":"json_object"}}`,
			is{"tools": absent, "system": "~one JSON object", "output_config": absent},
			"response_format (changed:",
		},
		{
			"PAR-10 JSON mode without a schema", chatAPI, converseUp, nova, `{` + question + `,"response_format":{"type":"json_object"}}`,
			is{"toolConfig": absent, "system.0.text": "~one JSON object"},
			"response_format (changed:",
		},
	})
}

const jsonTool = `"json_answer"`

// TestJSONTool holds that the tool by which structured output was asked for never
// shows.
func TestJSONTool(t *testing.T) {
	format := `"response_format":{"type":"json_schema","json_schema":{"name":"out","schema":{"type":"object","properties":{"a":{"type":"string"}}}}}`
	own := `,"tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object"}}}]`
	messagesAnswer := func(blocks string) string {
		return `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[` + blocks + `],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":2}}`
	}
	const call, look, prose = `{"type":"tool_use","id":"t1","name":"json_answer","input":{"a":"x"}}`, `{"type":"tool_use","id":"t2","name":"look","input":{}}`, `{"type":"text","text":"Here it is:"}`
	w := newWorld(t)
	for _, c := range []struct {
		name, to, ask, answer string
		want                  is
	}{
		{
			"PAR-10 the call is the text", claudeUps, format, messagesAnswer(call),
			is{"choices.0.message.content": `"{\"a\":\"x\"}"`, "choices.0.message.tool_calls": absent, "choices.0.finish_reason": `"stop"`},
		},
		{
			"PAR-10 words before it go", claudeUps, format, messagesAnswer(prose + "," + call),
			is{"choices.0.message.content": `"{\"a\":\"x\"}"`, "choices.0.message.tool_calls": absent, "choices.0.finish_reason": `"stop"`},
		},
		{
			"PAR-10 a call of the client's own tool stays one", claudeUps, format + own, messagesAnswer(prose + "," + look),
			is{"choices.0.message.content": `"Here it is:"`, "choices.0.message.tool_calls.0.function.name": `"look"`, "choices.0.message.tool_calls.#": "1", "choices.0.finish_reason": `"tool_calls"`},
		},
		{
			"PAR-10 the call is the text", converseUp, format,
			`{"output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"json_answer","input":{"a":"x"}}}]}},"stopReason":"tool_use","usage":{"inputTokens":10,"outputTokens":2,"totalTokens":12}}`,
			is{"choices.0.message.content": `"{\"a\":\"x\"}"`, "choices.0.message.tool_calls": absent, "choices.0.finish_reason": `"stop"`},
		},
	} {
		for to := range strings.FieldsSeq(c.to) {
			t.Run(title(c.name, chatAPI, to), func(t *testing.T) {
				body := `{` + question + `,` + c.ask + `}`
				w.up.answers(playAnswer(c.answer))
				r := w.ask(chatAPI, to, claude37, body)
				check(t, "the client got", r.body, c.want)
				r = w.ask(chatAPI, to, claude37, streamed(body))
				check(t, "the client heard", []byte(encoded(hear(t, chatAPI, r))), c.want)
				if strings.Contains(string(r.body), "json_answer") {
					t.Errorf("the tool shows: %s", r.body)
				}
			})
		}
	}
}

func TestModelNames(t *testing.T) {
	asks(t, []ask{
		{"PAR-11 a dotted version", chatAPI, anthropicUp, "claude-haiku-4.5", `{` + question + `}`, is{"model": `"claude-haiku-4-5"`, "max_tokens": "32000"}, ""},
		{"PAR-11 a dotted version", messagesAPI, anthropicUp, "claude-haiku-4.5", `{` + question + `}`, is{"model": `"claude-haiku-4-5"`}, ""},
		{"PAR-11 dots that belong to the name", chatAPI, chatUps, "acme/claude-haiku-4.5", `{` + question + `}`, is{"model": `"acme/claude-haiku-4.5"`}, ""},
		{"PAR-11 dots that belong to the name", messagesAPI, chatUps, "gpt-4.1", `{` + question + `}`, is{"model": `"gpt-4.1"`}, ""},
	})
}

// TestStrict asks for a refusal instead of a loss.
func TestStrict(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ name, from, to, body, names string }{
		{"PAR-07 several answers are refused in strict mode", chatAPI, claudeUps + " " + converseUp, `{` + question + `,"n":3}`, "n ("},
		{"MSG-17 an unknown block is refused in strict mode", messagesAPI, chatUps + " " + converseUp, `{"messages":[{"role":"user","content":[{"type":"hologram"},{"type":"text","text":"q"}]}]}`, "hologram"},
	} {
		for to := range strings.FieldsSeq(c.to) {
			t.Run(title(c.name, c.from, to), func(t *testing.T) {
				w.up.answers(playDefault)
				r := w.ask(c.from, to, "", c.body, "X-Turnpike-Strict", "true")
				if r.status != http.StatusBadRequest || len(w.up.all()) != 0 {
					t.Errorf("answered %d after %d requests: %s", r.status, len(w.up.all()), r.body)
				}
				check(t, "the client got", r.body, is{"error.message": "~" + c.names})
				if c.from == chatAPI {
					check(t, "the client got", r.body, is{"error.code": `"unsupported_parameter"`})
				}
			})
		}
	}
}
