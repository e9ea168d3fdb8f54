package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

func FuzzDecodeRequest(f *testing.F) {
	for _, s := range []string{
		`{"model":"m","messages":[{"role":"user","content":"hi"}]}`,
		`{"model":"m","messages":[{"role":"system","content":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}]},{"role":"assistant","content":"ab","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}],"reasoning_details":[{"type":"reasoning.encrypted","format":"turnpike","data":"` + llm.Seal("claude", &llm.Thinking{Text: "h"}) + `","after_text":1}]},{"role":"tool","tool_call_id":"a","content":"r"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"a":1}}}],"tool_choice":"required","stop":["a"],"reasoning_effort":"low"}`,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QUI="}},{"type":"file","file":{"file_data":"data:text/plain;base64,aGk="}},{"type":"x"}]}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}}}`,
		`{"messages":[{"role":"assistant","function_call":{"name":"f","arguments":"{"}},{"role":"function","name":"f","content":""}],"functions":[{"name":"f"}],"function_call":"auto"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := Dialect{}.DecodeRequest(nil, body)
		if err != nil {
			if e, ok := errors.AsType[*llm.Error](err); !ok || e.Kind != llm.ErrInvalid || e.Message == "" {
				t.Fatalf("error %v", err)
			}
			return
		}
		for _, target := range []*llm.Target{{Model: "m", Stream: true}, {Model: "m", Compat: true, Caps: llm.Caps{Family: "claude", NoSystem: true, NoPrefill: true, Thinking: llm.ThinkEffort}}} {
			out, _, err := Dialect{}.EncodeRequest(req, target)
			if err != nil {
				continue
			}
			if !json.Valid(out) || bytes.ContainsAny(out, "\n\r") {
				t.Fatalf("%s\nmade\n%s", body, out)
			}
			if _, err := (Dialect{}).DecodeRequest(nil, out); err != nil && req.Model != "" && len(req.Extra) == 0 {
				t.Fatalf("%v in\n%s\nmade of\n%s", err, out, body)
			}
		}
	})
}

func FuzzDecodeResponse(f *testing.F) {
	for _, s := range []string{
		`{"id":"x","model":"m","choices":[{"message":{"content":"hi","reasoning":"hm","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"prompt_tokens_details":{"cached_tokens":1}}}`,
		`{"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"text":"a"}]}],"audio":{"data":"x"},"annotations":[1],"function_call":{"name":"f"}}}]}`,
		`{"choices":[{"message":{"function_call":{"x":""}}}]}`,
		`{"error":{"message":"m","code":429,"metadata":{"raw":"{\"error\":\"x\"}"}}}`,
		`[{"error":{"message":"m"}}]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) { llmtest.Answer(t, Dialect{}, body) })
}

func FuzzDecodeStream(f *testing.F) {
	for _, c := range decodeStreamCases {
		f.Add([]byte(c.body), uint64(1))
	}
	f.Add([]byte("data: {\"error\":1}\n\nevent: error\ndata: {}\n\n"), uint64(2))
	f.Fuzz(func(t *testing.T, body []byte, seed uint64) {
		out, refused := llmtest.Stream(t, Dialect{}, wire.NewSSE(llmtest.Chopped(body, seed, 16), 1<<16), &llm.Request{StreamUsage: true})
		if refused != nil {
			t.Fatal(refused)
		}
		sent := wire.NewSSE(bytes.NewReader(out), 0)
		for {
			frame, err := sent.Next()
			if err != nil {
				break
			}
			if string(frame.Data) != "[DONE]" && !json.Valid(frame.Data) {
				t.Fatalf("sent %q", frame.Data)
			}
		}
	})
}
