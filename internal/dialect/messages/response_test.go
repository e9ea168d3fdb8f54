package messages

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

func TestDecodeResponse(t *testing.T) {
	const body = `{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[
	{"type":"thinking","thinking":"hm","signature":"S"},{"type":"redacted_thinking","data":"R"},
	{"type":"text","text":"hi","citations":[{"type":"char_location"}]},{"type":"text","text":"plain","citations":null},
	{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}},
	{"type":"tool_use","id":"t","name":"f","input":{"a":1},"caller":{"type":"direct"}}],
	"stop_reason":"tool_use","stop_sequence":null,"container":{"id":"c"},
	"usage":{"input_tokens":3,"cache_creation_input_tokens":30,"cache_read_input_tokens":100,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},
	"output_tokens":50,"output_tokens_details":{"thinking_tokens":40},"service_tier":"standard"}}`
	res, err := Dialect{}.DecodeResponse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want := []llm.Part{
		&llm.Thinking{Text: "hm", Signature: "S"}, &llm.Thinking{Redacted: "R"},
		&llm.Text{Text: "hi", Citations: []llm.Citation{citation([]byte(`{"type":"char_location"}`))}}, say("plain"),
		&llm.Native{Dialect: name, Type: "server_tool_use", Raw: []byte(`{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}}`)}, call("t", "f", `{"a":1}`),
	}
	if !reflect.DeepEqual(res.Parts, want) {
		t.Errorf("parts %+v", res.Parts)
	}
	if res.ID != "msg_1" || res.Model != "claude-x" || res.Stop != llm.StopTool || res.Tier != "standard" || len(res.Extra) != 1 || res.Extra[0].Name != "container" {
		t.Errorf("got %+v", res)
	}
	t.Run("USE-02 USE-06 disjoint classes", func(t *testing.T) {
		if want := (llm.Usage{Known: true, Input: 3, Output: 50, CacheRead: 100, CacheWrite5m: 10, CacheWrite1h: 20, Reasoning: 40}); res.Usage != want {
			t.Errorf("usage %+v", res.Usage)
		}
	})
	t.Run("back in its own words", func(t *testing.T) {
		var want, got map[string]any
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Fatal(err)
		}
		blocks := want["content"].([]any)
		delete(blocks[3].(map[string]any), "citations")
		want["model"] = "alias"
		if err := json.Unmarshal(Dialect{}.EncodeResponse(&llm.Request{Model: "alias"}, res), &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
	})
}

func TestDecodeUsage(t *testing.T) {
	cases := []struct {
		id, usage string
		want      llm.Usage
	}{
		{"USE-10 absent", `{}`, llm.Usage{}},
		{"USE-10 a measured zero", `{"input_tokens":0,"output_tokens":0}`, llm.Usage{Known: true}},
		{"USE-06 lifetimes not told", `{"input_tokens":1,"cache_creation_input_tokens":7}`, llm.Usage{Known: true, Input: 1, CacheWrite5m: 7, LifeUntold: true}},
		{"USE-06 only the split", `{"input_tokens":1,"cache_creation":{"ephemeral_1h_input_tokens":7}}`, llm.Usage{Known: true, Input: 1, CacheWrite1h: 7}},
		{"nulls and nonsense", `{"input_tokens":4,"output_tokens":"x","cache_read_input_tokens":null,"cache_creation":5,"output_tokens_details":[],"iterations":{}}`, llm.Usage{Known: true, Input: 4}},
		{"negative", `{"input_tokens":-4,"output_tokens":2}`, llm.Usage{Known: true, Output: 2}},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			res, err := Dialect{}.DecodeResponse([]byte(`{"content":[],"usage":` + c.usage + `}`))
			if err != nil {
				t.Fatal(err)
			}
			if res.Usage != c.want {
				t.Errorf("got %+v, want %+v", res.Usage, c.want)
			}
		})
	}
}

func TestStopReasons(t *testing.T) {
	cases := []struct {
		id, native string
		stop       llm.Stop
		back       string
	}{
		{"end", "end_turn", llm.StopEnd, "end_turn"},
		{"length", "max_tokens", llm.StopLength, "max_tokens"},
		{"STOP-03", "model_context_window_exceeded", llm.StopContext, "model_context_window_exceeded"},
		{"tool", "tool_use", llm.StopTool, "tool_use"},
		{"STOP-10", "stop_sequence", llm.StopSequence, "stop_sequence"},
		{"STOP-01", "refusal", llm.StopFilter, "refusal"},
		{"STOP-04", "pause_turn", llm.StopPause, "pause_turn"},
		{"compaction", "compaction", llm.StopPause, "compaction"},
		{"STOP-06 unknown", "something_new", llm.StopOther, "end_turn"},
		{"STOP-06 none", "", llm.StopEnd, "end_turn"},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			res, err := Dialect{}.DecodeResponse([]byte(`{"content":[],"stop_reason":"` + c.native + `"}`))
			if err != nil || res.Stop != c.stop || res.NativeStop != c.native {
				t.Errorf("got %+v, %v", res, err)
			}
			same(t, "stop_reason", member(t, Dialect{}.EncodeResponse(&llm.Request{}, res), "stop_reason"), `"`+c.back+`"`)
		})
	}
	t.Run("STOP-07 STOP-08 a call settles it", func(t *testing.T) {
		for _, native := range []string{"end_turn", "odd", ""} {
			res, err := Dialect{}.DecodeResponse([]byte(`{"content":[{"type":"tool_use","id":"a","name":"f","input":{}}],"stop_reason":"` + native + `"}`))
			if err != nil || res.Stop != llm.StopTool {
				t.Errorf("%s: %+v, %v", native, res, err)
			}
		}
	})
}

func member(t *testing.T, body []byte, name string) any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("not JSON: %v: %s", err, body)
	}
	return m[name]
}

func TestDecodeResponseErrors(t *testing.T) {
	cases := []struct {
		id, body string
		kind     llm.ErrorKind
	}{
		{"a page", "<html>", llm.ErrUpstream},
		{"cut", `{"content":[{"type":"text"`, llm.ErrUpstream},
		{"another API", `{"choices":[]}`, llm.ErrUpstream},
		{"content a string", `{"content":"x"}`, llm.ErrUpstream},
		{"an error", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, llm.ErrOverloaded},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			_, err := Dialect{}.DecodeResponse([]byte(c.body))
			var e *llm.Error
			if !errors.As(err, &e) || e.Kind != c.kind || !e.Upstream {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestEncodeResponse(t *testing.T) {
	long := strings.Repeat("mcp.server.", 14)
	req := &llm.Request{Model: "alias", Tools: []llm.Tool{{Name: long}}}
	cases := []struct {
		id   string
		res  *llm.Response
		want map[string]string
	}{
		{
			"whole", &llm.Response{ID: "chatcmpl-1", Parts: []llm.Part{say("hi")}, Stop: llm.StopSequence, StopSequence: "END", Usage: llm.Usage{Input: 1, Output: 2, CacheRead: 3}},
			map[string]string{
				"id": `"msg_chatcmpl-1"`, "type": `"message"`, "role": `"assistant"`, "model": `"alias"`, "content": `[{"type":"text","text":"hi"}]`,
				"stop_reason": `"stop_sequence"`, "stop_sequence": `"END"`, "usage": `{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":3,"cache_creation_input_tokens":0}`,
			},
		},
		{
			"USE-06 writes with their lifetimes", &llm.Response{Usage: llm.Usage{CacheWrite5m: 1, CacheWrite1h: 2}},
			map[string]string{"usage": `{"input_tokens":0,"output_tokens":0,"cache_read_input_tokens":0,"cache_creation_input_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":2}}`},
		},
		{
			"STOP-02 filtered", &llm.Response{Parts: []llm.Part{say("a")}, Stop: llm.StopFilter, StopDetails: []byte(`{"type":"refusal"}`)},
			map[string]string{"stop_reason": `"refusal"`, "stop_details": `{"type":"refusal"}`, "stop_sequence": "null"},
		},
		{
			"STOP-01 a refusal in words", &llm.Response{Parts: []llm.Part{&llm.Refusal{Text: "no"}}, Stop: llm.StopEnd},
			map[string]string{"stop_reason": `"refusal"`, "content": `[{"type":"text","text":"no"}]`},
		},
		{
			"TOOL-08 the client's name", &llm.Response{Parts: []llm.Part{call("c1", llm.ShortName(long, 64), "")}, Stop: llm.StopTool},
			map[string]string{"content": `[{"type":"tool_use","id":"c1","name":"` + long + `","input":{}}]`},
		},
		{
			"TOOL-18 cut arguments", &llm.Response{Parts: []llm.Part{&llm.ToolCall{ID: "c1", Name: "f", Broken: `{"a`}}, Stop: llm.StopLength},
			map[string]string{"content": `[{"type":"tool_use","id":"c1","name":"f","input":{"_raw_arguments":"{\"a"}}]`, "stop_reason": `"max_tokens"`},
		},
		{
			"TOOL-20 ids clients take, each once", &llm.Response{Parts: []llm.Part{call("f:0", "f", ""), call("a", "f", ""), call("a", "f", "")}},
			map[string]string{"content": `[{"type":"tool_use","id":"` + llm.ShortID("f:0", 64) + `","name":"f","input":{}},{"type":"tool_use","id":"a","name":"f","input":{}},{"type":"tool_use","id":"` + llm.ShortID("a#2", 64) + `","name":"f","input":{}}]`},
		},
		{
			"unsigned thinking", &llm.Response{Parts: []llm.Part{&llm.Thinking{Text: "hm"}, &llm.Thinking{Redacted: "R"}, &llm.Thinking{Signature: "S"}}},
			map[string]string{"content": `[{"type":"thinking","thinking":"hm","signature":"` + unsignedSeal() + `"},{"type":"redacted_thinking","data":"R"},{"type":"thinking","thinking":"","signature":"S"}]`},
		},
		{
			"natives", &llm.Response{Parts: []llm.Part{&llm.Native{Dialect: name, Raw: []byte(`{"type":"x"}`)}, &llm.Native{Dialect: "chat", Raw: []byte(`{"y":1}`)}}},
			map[string]string{"content": `[{"type":"x"}]`},
		},
		{"citations of another API", &llm.Response{Parts: []llm.Part{&llm.Text{Text: "a", Citations: llmtest.Cites("chat", "[1]")}}}, map[string]string{"content": `[{"type":"text","text":"a"}]`}},
		{"nothing", &llm.Response{}, map[string]string{"content": "[]", "stop_reason": `"end_turn"`}},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			body := Dialect{}.EncodeResponse(req, c.res)
			for k, v := range c.want {
				same(t, k, member(t, body, k), v)
			}
		})
	}
	t.Run("ids where the upstream has none", func(t *testing.T) {
		body := Dialect{}.EncodeResponse(req, &llm.Response{Parts: []llm.Part{call("", "f", ""), call("", "f", "")}})
		id, _ := member(t, body, "id").(string)
		calls := ids2(map[string]any{"content": member(t, body, "content")}, "tool_use", "id")
		if len(id) < 20 || calls[0] == calls[1] || !callID.MatchString(calls[0]) {
			t.Errorf("%s %v", id, calls)
		}
	})
}
