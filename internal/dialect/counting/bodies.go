package counting

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// anthropicRefuses are members of a Messages body that count_tokens answers with
// "Extra inputs are not permitted": they do not change the prompt.
var anthropicRefuses = []string{
	"max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "service_tier",
	"container", "inference_geo",
}

// EditsForAnthropicCount makes a Messages body one for /v1/messages/count_tokens.
func EditsForAnthropicCount(o wire.Object) []wire.Edit { return without(o, anthropicRefuses) }

// responsesTakes are the members that /v1/responses/input_tokens knows.
var responsesTakes = []string{
	"conversation", "input", "instructions", "model", "parallel_tool_calls", "previous_response_id", "reasoning",
	"text", "tool_choice", "tools", "truncation",
}

// EditsForResponsesCount makes a Responses body one for /v1/responses/input_tokens.
func EditsForResponsesCount(o wire.Object) []wire.Edit {
	var edits []wire.Edit
	for _, m := range o.Members() {
		if !slices.Contains(responsesTakes, string(m.Name)) {
			edits = append(edits, wire.Edit{Name: string(m.Name)})
		}
	}
	return edits
}

func without(o wire.Object, names []string) []wire.Edit {
	var edits []wire.Edit
	for _, m := range o.Members() {
		if slices.Contains(names, string(m.Name)) {
			edits = append(edits, wire.Edit{Name: string(m.Name)})
		}
	}
	return edits
}

// EditsForMessages makes a body of count_tokens one of the Messages API, by
// giving it the max_tokens it lacks: more than the thinking budget, as the API
// wants it.
func EditsForMessages(o wire.Object) []wire.Edit {
	if o.Get("max_tokens") != nil {
		return nil
	}
	budget := int64(0)
	if thinking := o.Get("thinking"); len(thinking) > 0 && thinking[0] == '{' {
		r := wire.NewReader(thinking)
		for name := range r.Fields() {
			if string(name) == "budget_tokens" && r.Kind() == '0' {
				budget = llm.Clamp(r.Int())
			}
		}
	}
	return []wire.Edit{{Name: "max_tokens", Value: strconv.AppendInt(nil, budget+1, 10)}}
}

// BedrockInvoke makes the body of Bedrock's CountTokens of an InvokeModel body,
// which is Claude's own form: nothing in it needs translating.
func BedrockInvoke(body []byte) []byte {
	const open, end = `{"input":{"invokeModel":{"body":"`, `"}}}`
	out := make([]byte, 0, len(open)+base64.StdEncoding.EncodedLen(len(body))+len(end))
	return append(base64.StdEncoding.AppendEncode(append(out, open...), body), end...)
}

// converseTakes are the members of a Converse body that CountTokens knows.
var converseTakes = []string{"messages", "system", "toolConfig", "additionalModelRequestFields"}

// BedrockConverse makes the body of Bedrock's CountTokens of a Converse body.
func BedrockConverse(body wire.Object) []byte {
	w := wire.NewWriter(make([]byte, 0, len(body.Bytes())+32))
	w.Object()
	w.Key("input")
	w.Object()
	w.Key("converse")
	w.Object()
	for _, m := range body.Members() {
		if slices.Contains(converseTakes, string(m.Name)) {
			w.RawField(string(m.Name), m.Value)
		}
	}
	w.EndObject()
	w.EndObject()
	w.EndObject()
	return w.Bytes()
}

// Gemini makes the body of the Gemini API's countTokens of a generateContent
// body. Only in this form are system instruction and tools counted.
func Gemini(model string, body wire.Object) []byte {
	if !strings.Contains(model, "/") {
		model = "models/" + model
	}
	w := wire.NewWriter(make([]byte, 0, len(body.Bytes())+len(model)+64))
	w.Object()
	w.Key("generateContentRequest")
	w.Object()
	w.StrField("model", model)
	for _, m := range body.Members() {
		if string(m.Name) != "model" {
			w.RawField(string(m.Name), m.Value)
		}
	}
	w.EndObject()
	w.EndObject()
	return w.Bytes()
}

// vertexTakes are the members of a generateContent body that Vertex AI's
// countTokens knows.
var vertexTakes = []string{
	"contents", "systemInstruction", "system_instruction", "tools", "generationConfig", "generation_config",
}

// EditsForVertexCount makes a generateContent body one for Vertex AI's
// countTokens, which takes it without a wrapper.
func EditsForVertexCount(o wire.Object) []wire.Edit {
	var edits []wire.Edit
	for _, m := range o.Members() {
		if !slices.Contains(vertexTakes, string(m.Name)) {
			edits = append(edits, wire.Edit{Name: string(m.Name)})
		}
	}
	return edits
}
