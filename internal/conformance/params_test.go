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
			"user",
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
		{"PAR-09 not to a model without it", chatAPI, claudeUps, claude37, plain, is{"output_config": absent, "tools": absent}, "response_format"},
		{"PAR-09 not to a model without it", chatAPI, converseUp, claude37, plain, is{"outputConfig": absent, "toolConfig": absent}, "response_format"},
	})
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
