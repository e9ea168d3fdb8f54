package responses

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
		`{"model":"m","input":"hi","instructions":"i"}`,
		`{"model":"m","input":[{"role":"developer","content":"d"},{"type":"reasoning","summary":[{"text":"s"}],"encrypted_content":"gAAA"},{"role":"assistant","content":[{"type":"output_text","text":"a","annotations":[1]},{"type":"refusal","refusal":"r"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":[{"type":"input_image","image_url":"data:image/png;base64,QUI="}]}]}`,
		`{"input":[{"type":"additional_tools","tools":[{"type":"namespace","name":"n","tools":[{"type":"custom","name":"c","format":{"syntax":"lark","definition":"x"}}]}]},{"type":"custom_tool_call","call_id":"c","namespace":"n","name":"c","input":"x"},{"type":"web_search_call"}],"tools":[{"type":"function","name":"f","parameters":{"a":1}},{"type":"web_search"}],"tool_choice":{"type":"custom","name":"c"}}`,
		`{"input":"x","text":{"format":{"type":"json_schema","name":"n","schema":{}},"verbosity":"low"},"reasoning":{"effort":"low","summary":"detailed"},"include":["a"],"previous_response_id":""}`,
		`{"input":[{"type":"reasoning","encrypted_content":"` + llm.SealCall(&llm.ToolCall{Seal: "s"}) + `"},{"type":"reasoning","encrypted_content":"` + llm.Seal("claude", &llm.Thinking{Text: "t", Signature: "s"}) + `"},{"type":"item_reference"}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		req, err := Dialect{}.DecodeRequest(nil, body)
		if !bytes.Equal(before, body) {
			t.Fatal("the body was changed")
		}
		if err != nil {
			if e, ok := errors.AsType[*llm.Error](err); !ok || e.Kind != llm.ErrInvalid || e.Message == "" {
				t.Fatalf("error %v", err)
			}
			return
		}
		for _, target := range []*llm.Target{{Model: "m", Stream: true}, {Model: "m", Compat: true, Caps: llm.Caps{NoSystem: true, Thinking: llm.ThinkEffort, NoImages: true}}} {
			out, _, err := Dialect{}.EncodeRequest(req, target)
			if err != nil {
				continue
			}
			if !json.Valid(out) || bytes.ContainsAny(out, "\n\r") {
				t.Fatalf("%s\nmade\n%s", body, out)
			}
			if _, err := (Dialect{}).DecodeRequest(nil, out); err != nil && len(req.Extra) == 0 && plain(req) {
				t.Fatalf("%v in\n%s\nmade of\n%s", err, out, body)
			}
		}
	})
}

// plain tells whether a request holds nothing that is passed on as it came.
func plain(req *llm.Request) bool {
	for _, x := range req.Tools {
		if x.Native != nil || x.Home != nil || len(x.Extra) > 0 {
			return false
		}
	}
	for _, t := range req.Turns {
		for _, p := range t.Parts {
			switch p := p.(type) {
			case *llm.Native:
				return false
			case *llm.ToolResult:
				if len(p.Parts) > 0 {
					return false
				}
			}
		}
	}
	return true
}

func FuzzDecodeResponse(f *testing.F) {
	for _, s := range []string{
		answered + `[{"type":"message","content":[{"type":"output_text","text":"a","annotations":[{}]}]},{"type":"reasoning","summary":[{"text":"x"}],"encrypted_content":"g"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"web_search_call"}]}`,
		`{"status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[{"type":"custom_tool_call","input":"x"}]}`,
		`{"status":"failed","error":{"code":"server_error","message":"m"}}`,
		`{"error":"x","detail":"y"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) { llmtest.Answer(t, Dialect{}, body) })
}

// FuzzState: what is told of an answer is in it, and nothing is told of what is none.
func FuzzState(f *testing.F) {
	for _, s := range []string{
		`{"object":"response","id":"resp_1","status":"queued","output":[]}`,
		`{"type":"response.failed","response":{"object":"response","id":"resp_1","status":"failed","error":{}}}`,
		`{"response":null,"object":"response"}`, `{"object":"response","id":5,"status":["completed"]}`, `{"response":{`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := Dialect{}.State(body)
		if s.Over && s.Status == "" || s.Answer == nil && (s.ID != "" || s.Over || s.Output != 0) || s.Output > int64(len(s.Answer)) || !bytes.Contains(body, s.Answer) {
			t.Fatalf("%+v", s)
		}
	})
}

func FuzzDecodeStream(f *testing.F) {
	for _, c := range decodeStreamCases {
		f.Add([]byte(c.body), uint64(1))
	}
	f.Add([]byte("data: {\"error\":1}\n\nevent: error\ndata: {}\n\n"), uint64(2))
	f.Fuzz(func(t *testing.T, body []byte, seed uint64) {
		out, refused := llmtest.Stream(t, Dialect{}, wire.NewSSE(llmtest.Chopped(body, seed, 16), 1<<16), &llm.Request{Tools: []llm.Tool{{Name: "f", Home: &llm.Home{Dialect: Name, Name: "f", Custom: true}}}})
		if refused != nil {
			t.Fatal(refused)
		}
		sent := wire.NewSSE(bytes.NewReader(out), 0)
		for {
			frame, err := sent.Next()
			if err != nil {
				break
			}
			if !json.Valid(frame.Data) {
				t.Fatalf("sent %q", frame.Data)
			}
		}
	})
}
