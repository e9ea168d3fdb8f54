package counting

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// API is one of the APIs that count tokens.
type API string

// APIs that count tokens, with the member of the answer that tells the number.
const (
	Anthropic    API = "input_tokens" // POST /v1/messages/count_tokens
	Responses    API = "responses"    // POST /v1/responses/input_tokens
	Bedrock      API = "inputTokens"  // POST /model/{id}/count-tokens
	GoogleGemini API = "totalTokens"  // POST …/models/{model}:countTokens, Vertex AI's too
)

func (a API) member() string {
	if a == Responses {
		return string(Anthropic)
	}
	return string(a)
}

// Answer makes the body of an answer.
func (a API) Answer(n int64) []byte {
	w := wire.NewWriter(make([]byte, 0, 64))
	w.Object()
	w.IntField(a.member(), n)
	if a == Responses {
		w.StrField("object", "response.input_tokens")
	}
	w.EndObject()
	return w.Bytes()
}

// Read finds the number in an upstream's answer.
func (a API) Read(body []byte) (int64, error) {
	r := wire.NewReader(body)
	n, seen := int64(0), false
	for name := range r.Fields() {
		if string(name) == a.member() {
			n, seen = llm.Clamp(r.Int()), true
		}
	}
	if err := r.End(); err != nil || !seen {
		return 0, &llm.Error{Kind: llm.ErrUpstream, Upstream: true, Message: "the upstream's count of tokens could not be read", Cause: err}
	}
	return n, nil
}
