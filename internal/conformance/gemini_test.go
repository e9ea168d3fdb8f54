package conformance

import (
	"strings"
	"testing"

	"turnpike/internal/store"
)

// TestGeminiTools sends schemas to an API that knows a part of JSON Schema only.
func TestGeminiTools(t *testing.T) {
	const schema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"x","type":"object","additionalProperties":false,"patternProperties":{"^x":{"type":"string"}},"propertyNames":{"pattern":"a"},
		"properties":{"const":{"type":"string","const":"a"},"default":{"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":10,"default":3},"list":{"type":"array","uniqueItems":true,"items":{"type":"string","examples":["a"]}}},"required":["const"]}`
	// The members that this API answers with "Unknown name".
	const unknown = `"$schema" "$id" "patternProperties" "propertyNames" "uniqueItems" "examples" "exclusiveMinimum" "exclusiveMaximum"`
	bodies := map[string]string{
		chatAPI:     `{"messages":[{"role":"user","content":"q"}],"tools":[{"type":"function","function":{"name":"read","parameters":` + schema + `}}]}`,
		messagesAPI: `{"messages":[{"role":"user","content":"q"}],"tools":[{"name":"read","input_schema":` + schema + `}]}`,
		answersAPI:  `{"input":"q","tools":[{"type":"function","name":"read","parameters":` + schema + `}]}`,
	}
	w := newWorld(t)
	for from, body := range bodies {
		t.Run(title("TOOL-14 keywords go, properties of their names stay", from, geminiUp), func(t *testing.T) {
			w.up.answers(playDefault)
			if r := w.ask(from, geminiUp, "", body); r.status != 200 {
				t.Fatalf("%d %s", r.status, r.body)
			}
			sent := w.up.only(t).body
			at := "tools.0.functionDeclarations.0.parameters."
			check(t, "the upstream got", sent, is{
				at + "properties.const.type": "~", at + "properties.default.minimum": "1", at + "properties.default.maximum": "9",
				at + "properties.list.items.type": "~", at + "required": `["const"]`,
			})
			for word := range strings.FieldsSeq(unknown) {
				if strings.Contains(string(sent), word) {
					t.Errorf("%s was sent: %s", word, sent)
				}
			}
		})
	}
}

func geminiEnd(parts, rest string) string {
	return `{"candidates":[{"index":0,"content":{"role":"model","parts":[` + parts + `]},"finishReason":"STOP"}],"usageMetadata":{` + rest + `},"modelVersion":"m","responseId":"r_1"}`
}

func TestGeminiAnswers(t *testing.T) {
	const (
		usage   = `"promptTokenCount":100,"toolUsePromptTokenCount":20,"cachedContentTokenCount":40,"candidatesTokenCount":5,"thoughtsTokenCount":7,"totalTokenCount":132`
		thought = `{"text":"hm","thought":true},{"text":"done"}`
		blocked = `{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":10,"totalTokenCount":10},"modelVersion":"m","responseId":"r_1"}`
		input   = `{"input":"q","store":false}`
	)
	counted := geminiEnd(`{"text":"x"}`, usage)
	thoughts := geminiEnd(thought, usage)
	tells(t, []told{
		{"USE-13 USE-14 reasoning is output, the cache a part of the prompt", geminiUp, chatAPI, "", counted, is{
			"usage.prompt_tokens": "120", "usage.completion_tokens": "12", "usage.total_tokens": "132",
			"usage.prompt_tokens_details.cached_tokens": "40", "usage.completion_tokens_details.reasoning_tokens": "7",
		}, ""},
		{"USE-13 USE-14 reasoning is output, the cache a part of the prompt", geminiUp, messagesAPI, "", counted, is{
			"usage.input_tokens": "80", "usage.cache_read_input_tokens": "40", "usage.output_tokens": "12",
		}, ""},
		{"USE-13 USE-14 reasoning is output, the cache a part of the prompt", geminiUp, answersAPI, input, counted, is{
			"usage.input_tokens": "120", "usage.output_tokens": "12", "usage.input_tokens_details.cached_tokens": "40", "usage.output_tokens_details.reasoning_tokens": "7",
		}, ""},
		{"GEM-03 a blocked prompt is a filter", geminiUp, chatAPI, "", blocked, is{"choices.0.finish_reason": `"content_filter"`, "choices.0.message.refusal": "~PROHIBITED_CONTENT"}, ""},
		{"GEM-03 a blocked prompt is a refusal", geminiUp, messagesAPI, "", blocked, is{"stop_reason": `"refusal"`, "": "~PROHIBITED_CONTENT"}, ""},
		{"GEM-03 a blocked prompt is incomplete, with words", geminiUp, answersAPI, input, blocked, is{"": "~PROHIBITED_CONTENT"}, ""},
		{"GEM-04 thoughts are reasoning", geminiUp, chatAPI, "", thoughts, is{"choices.0.message.reasoning_content": `"hm"`, "choices.0.message.content": `"done"`}, ""},
		{"GEM-04 thoughts are reasoning", geminiUp, messagesAPI, "", thoughts, is{"content.0.type": `"thinking"`, "content.0.thinking": `"hm"`, "content.1.text": `"done"`}, ""},
		{"GEM-04 thoughts are reasoning", geminiUp, answersAPI, input, thoughts, is{"output.0.type": `"reasoning"`, "output.0.summary.0.text": `"hm"`, "output.1.content.0.text": `"done"`}, ""},
	})
}

// TestGeminiRecorded: what is recorded is what Gemini bills.
func TestGeminiRecorded(t *testing.T) {
	answer := geminiEnd(`{"text":"x"}`, `"promptTokenCount":100,"toolUsePromptTokenCount":20,"cachedContentTokenCount":40,"candidatesTokenCount":5,"thoughtsTokenCount":7,"totalTokenCount":132`)
	for _, stream := range []bool{false, true} {
		for _, from := range []string{chatAPI, messagesAPI, geminiAPI} {
			t.Run(title("USE-13 USE-14 recorded", from, geminiUp), func(t *testing.T) {
				w := newWorld(t)
				w.up.answers(playAnswer(answer))
				w.turn(t, speakers[from], from, geminiUp, decoded(speakers[from].first), stream)
				if got, want := w.attempt().Usage, (store.Usage{Input: 80, CacheRead: 40, Output: 12, Reasoning: 7}); got != want {
					t.Errorf("recorded %+v, want %+v", got, want)
				}
			})
		}
	}
}

// TestGeminiComments: Google's libraries take comments among server-sent events for
// errors. None reaches them, whoever sends it and however its lines end.
func TestGeminiComments(t *testing.T) {
	event := "data: " + strings.TrimSpace(geminiEnd(`{"text":"x"}`, `"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3`)) + "\n\n"
	for _, end := range []string{"\n", "\r\n", "\r"} {
		w := newWorld(t)
		w.up.answers(playStream([]byte(strings.ReplaceAll(": waiting\n\n: still waiting\n"+event+": over\n\n", "\n", end))))
		r := w.asks(geminiAPI, geminiUp, decoded(speakers[geminiAPI].first), true)
		if r.status != 200 || string(r.body) != event {
			t.Errorf("%q: %d %q, want %q", end, r.status, r.body, event)
		}
	}
}
