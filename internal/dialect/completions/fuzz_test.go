package completions

import (
	"bytes"
	"encoding/json"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(`{"model":"m","prompt":"hi","echo":true,"n":2,"logit_bias":{"1":2},"stop":["a"]}`))
	f.Add([]byte(`{"prompt":["a","b"],"stream_options":{"include_usage":true},"suffix":"s"}`))
	f.Add([]byte(`{"prompt":[1,2]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := Dialect{}.DecodeRequest(nil, body)
		if err != nil {
			if e, ok := err.(*llm.Error); !ok || e.Kind != llm.ErrInvalid || e.Message == "" { //nolint:errorlint // as the gateway gets it
				t.Fatalf("error %v", err)
			}
			return
		}
		out, _, err := Dialect{}.EncodeRequest(req, &llm.Target{Model: "m", Stream: true})
		if err != nil || !json.Valid(out) || bytes.ContainsAny(out, "\n\r") {
			t.Fatalf("%s\nmade\n%s, %v", body, out, err)
		}
	})
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add([]byte(`{"id":"x","choices":[{"text":"a","index":0,"finish_reason":"stop"},{"text":"b","index":1}],"usage":{"prompt_tokens":3,"completion_tokens":1}}`))
	f.Add([]byte(`{"error":{"message":"m","code":"c"}}`))
	f.Fuzz(func(t *testing.T, body []byte) { llmtest.Answer(t, Dialect{}, body) })
}

func FuzzDecodeStream(f *testing.F) {
	f.Add([]byte("data: {\"id\":\"x\",\"choices\":[{\"text\":\"a\",\"index\":0}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":3}}\n\ndata: [DONE]\n\n"), uint64(1))
	f.Add([]byte("data: {\"error\":\"x\"}\n\n"), uint64(2))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		llmtest.Stream(t, Dialect{}, wire.NewSSE(llmtest.Chopped(data, seed, 40), 1<<16), &llm.Request{StreamUsage: true})
	})
}
