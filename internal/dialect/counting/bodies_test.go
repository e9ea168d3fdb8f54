package counting_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/dialect/counting"
	"turnpike/internal/dialect/messages"
	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

func parse(t *testing.T, body string) wire.Object {
	t.Helper()
	o, err := wire.ParseObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func same(t *testing.T, got []byte, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEdits(t *testing.T) {
	tests := []struct {
		name  string
		edits func(wire.Object) []wire.Edit
		body  string
		want  string
	}{
		{
			"CNT-01 Anthropic's count_tokens", counting.EditsForAnthropicCount,
			`{"model":"m","max_tokens":9,"system":"s","stream":true,"messages":[],"tools":[1],"thinking":{"type":"enabled"},"temperature":1,"top_p":1,
			"top_k":1,"stop_sequences":[],"metadata":{},"service_tier":"auto","new_member":2}`,
			`{"model":"m","system":"s","messages":[],"tools":[1],"thinking":{"type":"enabled"},"new_member":2}`,
		},
		{"nothing to leave out", counting.EditsForAnthropicCount, `{"model":"m","messages":[]}`, `{"model":"m","messages":[]}`},
		{
			"a Messages body of a count body", counting.EditsForMessages,
			`{"model":"m","messages":[],"thinking":{"type":"enabled","budget_tokens":2048}}`,
			`{"model":"m","messages":[],"thinking":{"type":"enabled","budget_tokens":2048},"max_tokens":2049}`,
		},
		{"no thinking", counting.EditsForMessages, `{"messages":[]}`, `{"messages":[],"max_tokens":1}`},
		{"thinking that is nonsense", counting.EditsForMessages, `{"thinking":{"budget_tokens":"x"}}`, `{"thinking":{"budget_tokens":"x"},"max_tokens":1}`},
		{"max_tokens is there", counting.EditsForMessages, `{"messages":[],"max_tokens":7}`, `{"messages":[],"max_tokens":7}`},
		{
			"Responses' input_tokens", counting.EditsForResponsesCount,
			`{"model":"m","input":[1],"instructions":"i","stream":true,"store":false,"max_output_tokens":5,"tools":[2],"metadata":{}}`,
			`{"model":"m","input":[1],"instructions":"i","tools":[2]}`,
		},
		{
			"Vertex AI's countTokens", counting.EditsForVertexCount,
			`{"contents":[1],"systemInstruction":{},"tools":[2],"safetySettings":[3],"toolConfig":{},"generationConfig":{}}`,
			`{"contents":[1],"systemInstruction":{},"tools":[2],"generationConfig":{}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := parse(t, tt.body)
			same(t, o.Apply(tt.edits(o)...), tt.want)
		})
	}
}

func TestBedrockBodies(t *testing.T) {
	t.Run("CNT-03 Claude's body goes as it is, in the InvokeModel form", func(t *testing.T) {
		for _, body := range []string{``, `{"a":"größe"}`, strings.Repeat("x", 1000)} {
			var got struct {
				Input struct {
					InvokeModel struct{ Body []byte }
				}
			}
			if err := json.Unmarshal(counting.BedrockInvoke([]byte(body)), &got); err != nil || string(got.Input.InvokeModel.Body) != body {
				t.Errorf("%q %v", got.Input.InvokeModel.Body, err)
			}
		}
	})
	t.Run("CNT-02 Converse with system and tools", func(t *testing.T) {
		same(t, counting.BedrockConverse(parse(t,
			`{"messages":[1],"inferenceConfig":{"maxTokens":5},"system":[2],"toolConfig":{"tools":[3]},"additionalModelRequestFields":{"a":1},"performanceConfig":{}}`)),
			`{"input":{"converse":{"messages":[1],"system":[2],"toolConfig":{"tools":[3]},"additionalModelRequestFields":{"a":1}}}}`)
	})
}

func TestGeminiBody(t *testing.T) {
	t.Run("CNT-02 the whole request is counted", func(t *testing.T) {
		same(t, counting.Gemini("gemini-x", parse(t, `{"model":"ours","contents":[1],"systemInstruction":{"parts":[]},"tools":[2]}`)),
			`{"generateContentRequest":{"model":"models/gemini-x","contents":[1],"systemInstruction":{"parts":[]},"tools":[2]}}`)
	})
	same(t, counting.Gemini("tunedModels/x", parse(t, `{}`)), `{"generateContentRequest":{"model":"tunedModels/x"}}`)
}

func TestAnswers(t *testing.T) {
	tests := []struct {
		api  counting.API
		name string
		want string
	}{
		{counting.Anthropic, "CNT-01 Anthropic", `{"input_tokens":14}`},
		{counting.Responses, "Responses", `{"input_tokens":14,"object":"response.input_tokens"}`},
		{counting.Bedrock, "Bedrock", `{"inputTokens":14}`},
		{counting.GoogleGemini, "Gemini", `{"totalTokens":14}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := tt.api.Answer(14)
			same(t, body, tt.want)
			if n, err := tt.api.Read(body); n != 14 || err != nil {
				t.Errorf("%d %v", n, err)
			}
			for _, bad := range []string{``, `{}`, `[]`, `<html>`, `{"input_tokens":"many","inputTokens":{},"totalTokens":null}`} {
				var e *llm.Error
				if n, err := tt.api.Read([]byte(bad)); n != 0 || !errors.As(err, &e) || e.Kind != llm.ErrUpstream || strings.Contains(e.Message, "html") {
					t.Errorf("%q: %d %v", bad, n, err)
				}
			}
		})
	}
}

// counts of the recorded exchanges, with what they say.
func TestCountCorpus(t *testing.T) {
	apis := map[string]counting.API{
		"anthropic-count-tokens": counting.Anthropic, "gemini-count-tokens": counting.GoogleGemini,
		"openai-responses-input-tokens": counting.Responses, "bedrock-count-tokens": counting.Bedrock,
	}
	read := 0
	for kind, api := range apis {
		for _, x := range llmtest.Corpus(t, kind) {
			n, err := api.Read([]byte(x.Response.Text))
			if x.Response.Status == 200 {
				if read++; err != nil || n < 1 {
					t.Errorf("%s: %d %v", x.Name, n, err)
				}
			} else if err == nil {
				t.Errorf("%s: an error answer is read as %d", x.Name, n)
			}
			if kind == "anthropic-count-tokens" {
				o := parse(t, string(x.Request.Body))
				if edits := counting.EditsForAnthropicCount(o); len(edits) > 0 {
					t.Errorf("%s: %v would be left out of what a client sent", x.Name, edits)
				}
				req, err := messages.Dialect{}.DecodeRequest(nil, o.Apply(counting.EditsForMessages(o)...))
				if err != nil {
					t.Fatal(err)
				}
				if e := counting.Estimate(req); x.Response.Status == 200 && (e < n || e > 2*n) {
					t.Errorf("%s: estimated %d, truth %d", x.Name, e, n)
				}
			}
		}
	}
	if read < 3 {
		t.Errorf("only %d answers", read)
	}
	for _, x := range llmtest.Corpus(t, "bedrock-count-tokens") {
		var in struct {
			Input struct {
				InvokeModel struct{ Body string }
				Converse    json.RawMessage
			}
		}
		if err := json.Unmarshal(x.Request.Body, &in); err != nil {
			t.Fatal(err)
		}
		if body, err := base64.StdEncoding.DecodeString(in.Input.InvokeModel.Body); err == nil && len(body) > 0 {
			same(t, counting.BedrockInvoke(body), string(x.Request.Body))
		} else {
			same(t, counting.BedrockConverse(parse(t, string(in.Input.Converse))), string(x.Request.Body))
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"input_tokens":14}`))
	f.Add([]byte(`{"totalTokens":7,"promptTokensDetails":[{"modality":"TEXT"}]}`))
	f.Add([]byte(`{"inputTokens":-1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, api := range []counting.API{counting.Anthropic, counting.Responses, counting.Bedrock, counting.GoogleGemini} {
			if n, err := api.Read(body); n < 0 || err != nil && n != 0 {
				t.Fatalf("%d %v", n, err)
			}
		}
		if o, err := wire.ParseObject(body); err == nil {
			for _, edits := range [][]wire.Edit{
				counting.EditsForAnthropicCount(o), counting.EditsForMessages(o), counting.EditsForResponsesCount(o), counting.EditsForVertexCount(o),
			} {
				if _, err := wire.ParseObject(o.Apply(edits...)); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
