package messages

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(`{"model":"m","max_tokens":9,"system":"s","messages":[{"role":"user","content":"hi"},{"role":"system","content":[{"type":"text","text":"x"}]}]}`))
	f.Add([]byte(`{"model":"m","max_tokens":9,"tools":[{"name":"f","input_schema":{"oneOf":[{"properties":{"a":{}}}]}},{"type":"bash_1","name":"bash"}],"tool_choice":{"type":"any"},"thinking":{"type":"enabled","budget_tokens":3},
	"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"u"}},{"type":"document","source":{"type":"content","content":[]}}]},
	{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"tpk1.chat.YQBiAGM"},{"type":"tool_use","id":"a b","name":"f.g","input":{}}]},
	{"role":"user","content":[{"type":"tool_result","tool_use_id":"a b","content":[{"type":"text","text":"","cache_control":{"type":"ephemeral"}}]}]}]}`))
	f.Add([]byte(`{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[null,{}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := Dialect{}.DecodeRequest(http.Header{"Anthropic-Beta": {"a,b"}}, body)
		if err != nil {
			var e *llm.Error
			if !errors.As(err, &e) || e.Kind != llm.ErrInvalid || e.Message == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, target := range []*llm.Target{opus(), {Bedrock: true, Caps: llm.Caps{Family: "claude", Thinking: llm.ThinkBudget, NoPrefill: true}}} {
			out, _, err := Dialect{}.EncodeRequest(req, target)
			if err == nil && !wire.Valid(out, '{') {
				t.Fatalf("not JSON: %s", out)
			}
		}
	})
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add([]byte(`{"id":"m","type":"message","content":[{"type":"text","text":"a","citations":[{}]},{"type":"tool_use","id":"t","name":"f","input":{}},{"type":"x"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"iterations":[{"type":"compaction","input_tokens":2}]}}`))
	f.Add([]byte(`{"type":"error","error":{"type":"api_error","message":"x"}}`))
	f.Add([]byte(`{"content":[1,"x",null,{"type":"thinking","thinking":5}]}`))
	f.Fuzz(func(t *testing.T, body []byte) { llmtest.Answer(t, Dialect{}, body) })
}

func FuzzDecodeStream(f *testing.F) {
	f.Add(sse(startFrame, opened(0, `{"type":"text","text":""}`), more(0, `{"type":"text_delta","text":"a"}`), closed(0), ended("end_turn", 1), stopFrame), uint64(1))
	f.Add(sse(startFrame, opened(0, `{"type":"tool_use","id":"a","name":"f","input":{}}`), more(0, `{"type":"input_json_delta","partial_json":"{"}`), more(0, `{"type":"thinking_delta","thinking":"x"}`)), uint64(2))
	f.Add(sse(opened(3, `{"type":"server_tool_use"}`), more(3, `{"type":"citations_delta"}`), `{"error":{"message":"x"}}`), uint64(3))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		out, _ := llmtest.Stream(t, Dialect{}, wire.NewSSE(llmtest.Chopped(data, seed, 1+int(seed%64)), 1<<20), &llm.Request{})
		again := wire.NewSSE(bytes.NewReader(out), 0)
		for {
			fr, err := again.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || !wire.Valid(fr.Data, '{') {
				t.Fatalf("encoded: %v: %s", err, fr.Data)
			}
		}
	})
}
