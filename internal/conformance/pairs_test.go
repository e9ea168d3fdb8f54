package conformance

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// feature is a wish that clients of every API can utter, and the form in which
// every upstream must get it.
type feature struct {
	name string
	says map[string]string // client API -> members of the body; an API without it cannot say it
	gets map[string]is     // account -> where it stands; without: the loss report must name it
	loss string            // how
}

// asking is a question in every API; %s stands for more blocks of it.
var asking = map[string]string{
	chatAPI:     `"messages":[{"role":"user","content":[%s{"type":"text","text":"q"}]}]`,
	answersAPI:  `"store":false,"input":[{"role":"user","content":[%s{"type":"input_text","text":"q"}]}]`,
	messagesAPI: `"max_tokens":4000,"messages":[{"role":"user","content":[%s{"type":"text","text":"q"}]}]`,
	invokeAPI:   `"anthropic_version":"bedrock-2023-05-31","max_tokens":4000,"messages":[{"role":"user","content":[%s{"type":"text","text":"q"}]}]`,
	converseAPI: `"messages":[{"role":"user","content":[%s{"text":"q"}]}]`,
	geminiAPI:   `"contents":[{"role":"user","parts":[%s{"text":"q"}]}]`,
}

// with puts blocks before a question, and members beside it.
func with(api, blocks, members string) string {
	if members != "" {
		members = "," + members
	}
	return "{" + strings.Replace(asking[api], "%s", blocks, 1) + members + "}"
}

// offering is the tools of every API.
var offering = map[string]string{
	chatAPI: chatTools, messagesAPI: claudeTools, invokeAPI: claudeTools, geminiAPI: geminiTools,
	answersAPI: `"tools":[{"type":"function","name":"read","parameters":{"type":"object","properties":{}}},{"type":"function","name":"list","parameters":{"type":"object","properties":{}}}]`,
}

const (
	pdf64     = "JVBERi0xLjQK"
	claudePDF = `{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"` + pdf64 + `"}},`
	shape     = `{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}`
	claudeOut = `"output_config":{"format":{"type":"json_schema","schema":` + shape + `}}`
	claudeOne = claudeTools + `,"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`
	claudeHmm = `"thinking":{"type":"enabled","budget_tokens":2000}`
	marked    = `{"type":"text","text":"long","cache_control":{"type":"ephemeral"}},`
)

var features = []feature{
	{
		"MED-04 a PDF",
		map[string]string{
			chatAPI:     with(chatAPI, `{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,`+pdf64+`"}},`, ""),
			answersAPI:  with(answersAPI, `{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,`+pdf64+`"},`, ""),
			messagesAPI: with(messagesAPI, claudePDF, ""), invokeAPI: with(invokeAPI, claudePDF, ""),
			converseAPI: with(converseAPI, `{"document":{"format":"pdf","name":"a","source":{"bytes":"`+pdf64+`"}}},`, ""),
			geminiAPI:   with(geminiAPI, `{"inlineData":{"mimeType":"application/pdf","data":"`+pdf64+`"}},`, ""),
		},
		map[string]is{
			openaiUp: {"messages.0.content.0.file.file_data": `"data:application/pdf;base64,` + pdf64 + `"`}, compatUp: {"messages.0.content.0.file.file_data": `"data:application/pdf;base64,` + pdf64 + `"`},
			answersUp: {"input.0.content.0.file_data": `"data:application/pdf;base64,` + pdf64 + `"`}, anthropicUp: claudeReads, invokeUp: claudeReads,
			converseUp: {"messages.0.content.0.document.format": `"pdf"`, "messages.0.content.0.document.source.bytes": `"` + pdf64 + `"`},
			geminiUp:   {"contents.0.parts.0.inlineData": `{"mimeType":"application/pdf","data":"` + pdf64 + `"}`},
		},
		"",
	},
	{
		"PAR-08 structured output",
		map[string]string{
			chatAPI:     with(chatAPI, "", `"response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":`+shape+`}}`),
			answersAPI:  with(answersAPI, "", `"text":{"format":{"type":"json_schema","name":"n","strict":true,"schema":`+shape+`}}`),
			messagesAPI: with(messagesAPI, "", claudeOut), invokeAPI: with(invokeAPI, "", claudeOut),
			geminiAPI: with(geminiAPI, "", `"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":`+shape+`}`),
		},
		map[string]is{
			openaiUp: {"response_format.json_schema.schema": shape}, compatUp: {"response_format.json_schema.schema": shape}, answersUp: {"text.format.schema": shape},
			anthropicUp: {"output_config.format.schema": shape}, invokeUp: {"output_config.format.schema": shape}, converseUp: {"outputConfig.textFormat.structure.jsonSchema.schema": `~n\":{\"type`},
			geminiUp: {"generationConfig.responseMimeType": `"application/json"`, "generationConfig": `~{"n":{"type":`},
		},
		"",
	},
	{
		"TOOL-03 TOOL-06 one call at a time",
		map[string]string{
			chatAPI: with(chatAPI, "", offering[chatAPI]+`,"parallel_tool_calls":false`), answersAPI: with(answersAPI, "", offering[answersAPI]+`,"parallel_tool_calls":false`),
			messagesAPI: with(messagesAPI, "", claudeOne), invokeAPI: with(invokeAPI, "", claudeOne),
		},
		map[string]is{
			openaiUp: {"parallel_tool_calls": "false"}, compatUp: {"parallel_tool_calls": "false"}, answersUp: {"parallel_tool_calls": "false"},
			anthropicUp: {"tool_choice": `{"type":"auto","disable_parallel_tool_use":true}`}, invokeUp: {"tool_choice": `{"type":"auto","disable_parallel_tool_use":true}`},
		},
		"parallel",
	},
	{
		"THK-15 reasoning",
		map[string]string{
			chatAPI: with(chatAPI, "", `"reasoning_effort":"high"`), answersAPI: with(answersAPI, "", `"reasoning":{"effort":"high"}`),
			messagesAPI: with(messagesAPI, "", claudeHmm), invokeAPI: with(invokeAPI, "", claudeHmm),
			converseAPI: with(converseAPI, "", `"inferenceConfig":{"maxTokens":4000},"additionalModelRequestFields":{`+claudeHmm+`}`),
			geminiAPI:   with(geminiAPI, "", `"generationConfig":{"thinkingConfig":{"thinkingBudget":8000,"includeThoughts":true}}`),
		},
		map[string]is{
			answersUp: {"reasoning.effort": "~"}, anthropicUp: {"thinking.type": `"enabled"`, "thinking.budget_tokens": "~"}, invokeUp: {"thinking.type": `"enabled"`, "thinking.budget_tokens": "~"},
			converseUp: {"additionalModelRequestFields.thinking.type": `"enabled"`}, geminiUp: {"generationConfig.thinkingConfig": "~thinking"},
		},
		"think reasoning",
	},
	{
		"CACHE-01 CACHE-02 CACHE-12 a cache point",
		map[string]string{
			chatAPI: with(chatAPI, marked, ""), messagesAPI: with(messagesAPI, marked, ""), invokeAPI: with(invokeAPI, marked, ""),
			converseAPI: with(converseAPI, `{"text":"long"},{"cachePoint":{"type":"default"}},`, ""),
		},
		map[string]is{
			anthropicUp: {"messages.0.content.0.cache_control.type": `"ephemeral"`}, invokeUp: {"messages.0.content.0.cache_control.type": `"ephemeral"`},
			converseUp: {"messages.0.content.1": `{"cachePoint":{"type":"default"}}`},
		},
		"cache",
	},
}

var claudeReads = is{"messages.0.content.0.type": `"document"`, "messages.0.content.0.source": `{"type":"base64","media_type":"application/pdf","data":"` + pdf64 + `"}`}

// TestFeatures: what the client of every API asks for reaches every upstream in
// its own form, or the report names it.
func TestFeatures(t *testing.T) {
	w := newWorld(t)
	for _, f := range features {
		for _, from := range slices.Sorted(maps.Keys(f.says)) {
			for _, to := range slices.Sorted(maps.Keys(twoTurns)) {
				if from == answersAPI && to == openaiUp {
					continue // as answersUp
				}
				t.Run(title(f.name, from, to), func(t *testing.T) {
					w.up.answers(playDefault)
					r := w.asks(from, to, decoded(f.says[from]), false)
					if r.status != 200 {
						t.Fatalf("answered %d: %s", r.status, r.body)
					}
					sent := w.up.only(t).body
					if want, ok := f.gets[to]; ok {
						check(t, "the upstream got", sent, want)
						return
					}
					told := false
					for word := range strings.FieldsSeq(f.loss) {
						told = told || strings.Contains(r.losses(), word)
					}
					passes := dialectOf(to) == "chat" && (from == chatAPI || strings.Contains(string(sent), `"reasoning_effort":"high"`))
					if !told && !passes {
						t.Errorf("the report is %q; sent %s", r.losses(), sent)
					}
				})
			}
		}
	}
}

// TestRetryAfter: how long to wait is told on every pair as the upstream told it,
// and where it did not, something is told: Codex gives up without.
func TestRetryAfter(t *testing.T) {
	w := newWorld(t)
	for _, from := range slices.Sorted(maps.Keys(speakers)) {
		for _, to := range slices.Sorted(maps.Keys(twoTurns)) {
			for _, stream := range []bool{false, true} {
				t.Run(title("ERR-01 how long to wait is told", from, to), func(t *testing.T) {
					header, body := []string{"Retry-After", "7"}, openAISays("rate_limit_error", "rate_limit_exceeded", "slow down")
					switch dialectOf(to) {
					case "messages":
						body = claudeSays("rate_limit_error", "slow down")
					case "gemini":
						header, body = nil, `{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"7s"}]}}`
					}
					if to == invokeUp || to == converseUp {
						header, body = awsError("ThrottlingException", "Retry-After", "7"), awsSays("slow down")
					}
					w.up.answers(playJSON(429, body, header...))
					r := w.asks(from, to, decoded(speakers[from].first), stream)
					if r.status != 429 || r.header.Get("Retry-After") != "7" || !strings.Contains(string(r.body), "slow down") {
						t.Errorf("%d %v %s", r.status, r.header, r.body)
					}
					w.up.answers(playJSON(429, strings.Replace(body, `"7s"`, `""`, 1)))
					if r := w.asks(from, to, decoded(speakers[from].first), stream); r.status != 429 || r.header.Get("Retry-After") == "" {
						t.Errorf("%d %v %s", r.status, r.header, r.body)
					}
				})
			}
		}
	}
}

// TestConverseIsAdapted: a client of Converse itself is spared what the model would
// surely refuse; all else passes to the byte.
func TestConverseIsAdapted(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ name, config, model, want, loss string }{
		{"PAR-01 of both the temperature stays", `{"temperature":0.2,"topP":0.9}`, claude45, `{"temperature":0.2}`, "inferenceConfig.topP"},
		{"PAR-01 one alone passes", `{ "topP" : 0.9 }`, claude45, `{ "topP" : 0.9 }`, ""},
		{"PAR-01 neither", `{"temperature":0.2,"maxTokens":50}`, claude47, `{"maxTokens":50}`, "inferenceConfig.temperature"},
		{"PAR-04 more than the model writes", `{"maxTokens":9000000}`, claude45, `{"maxTokens":64000}`, "inferenceConfig.maxTokens"},
		{"PAR-01 another model's are its own", `{"temperature":0.2,"topP":0.9}`, nova, `{"temperature":0.2,"topP":0.9}`, ""},
	} {
		t.Run(title(c.name, converseAPI, converseUp), func(t *testing.T) {
			w.up.answers(playDefault)
			body := func(config string) string {
				return `{"messages":[{"role":"user","content":[{"text":"q"}]}],"inferenceConfig":` + config + `}`
			}
			r := w.do("POST", "/model/"+converseUp+"%2F"+upstreamModel(converseUp, c.model)+"/converse", body(c.config))
			if sent := string(w.up.only(t).body); r.status != 200 || sent != body(c.want) {
				t.Errorf("%d %s; sent %s", r.status, r.body, sent)
			}
			checkLoss(t, r.losses(), c.loss)
		})
	}
}
