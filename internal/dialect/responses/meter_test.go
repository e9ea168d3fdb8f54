package responses

import (
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// classes runs a meter over a stream.
func classes(t *testing.T, body string) ([]llm.FrameClass, llm.MeterResult) {
	t.Helper()
	return llmtest.Classes(t, Dialect{}.NewMeter(), wire.NewSSE(strings.NewReader(body), 0))
}

func sameResult(a, b llm.MeterResult) bool {
	f, g := a.Fault, b.Fault
	a.Fault, b.Fault = nil, nil
	return a == b && (f == g || f != nil && g != nil && f.Kind == g.Kind && f.Message == g.Message && f.Code == g.Code && f.Upstream == g.Upstream)
}

func TestMeterFrames(t *testing.T) {
	const (
		other   = llm.FrameOther
		content = llm.FrameContent
		failure = llm.FrameError
		end     = llm.FrameEnd
	)
	used := `"usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":4},"output_tokens":3}`
	known := llm.Usage{Known: true, Input: 6, CacheRead: 4, Output: 3}
	plain := events(created, `in_progress "response":{"model":"gpt"}`, msgAdded, partAdded, word(0, `a"b`), msgDone, callAdded, argument(1, "{}"), callDone, `completed "response":{"status":"completed",`+used+`}`)
	for _, c := range []struct {
		name, body string
		want       []llm.FrameClass
		result     llm.MeterResult
	}{
		{
			"as OpenAI streams", plain,
			[]llm.FrameClass{other, other, other, other, content, content, other, content, content, end},
			llm.MeterResult{Usage: known, Stop: llm.StopTool, Model: "gpt", Complete: true, OutputBytes: 6},
		},
		{
			"without event names", strings.ReplaceAll(plain, "event: ", ": "),
			[]llm.FrameClass{other, other, other, other, content, content, other, content, content, end},
			llm.MeterResult{Usage: known, Stop: llm.StopTool, Model: "gpt", Complete: true, OutputBytes: 6},
		},
		{
			"incomplete", events(created, `incomplete "response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},`+used+`}`),
			[]llm.FrameClass{other, end},
			llm.MeterResult{Usage: known, Stop: llm.StopLength, Model: "gpt", Complete: true},
		},
		{
			"STR-04 failed before content, usage is kept", events(created, msgAdded, `failed "response":{"status":"failed","error":{"code":"server_error","message":"m"},`+used+`}`),
			[]llm.FrameClass{other, other, failure},
			llm.MeterResult{Usage: known, Model: "gpt", Fault: &llm.Error{Kind: llm.ErrUpstream, Message: "m", Code: "server_error", Upstream: true}},
		},
		{
			"an error event", events(created, `error "code":"rate_limit_exceeded","message":"slow"`),
			[]llm.FrameClass{other, failure},
			llm.MeterResult{Model: "gpt", Fault: &llm.Error{Kind: llm.ErrRate, Message: "slow", Code: "rate_limit_exceeded", Upstream: true}},
		},
		{"an error without a name or type", "data: {\"error\":{\"message\":\"m\"}}\n\n", []llm.FrameClass{failure}, llm.MeterResult{Fault: &llm.Error{Kind: llm.ErrUpstream, Message: "m", Upstream: true}}},
		{"completed that says it failed", events(`completed "response":{"status":"failed","error":{"message":"m"}}`), []llm.FrameClass{failure}, llm.MeterResult{Fault: &llm.Error{Kind: llm.ErrUpstream, Message: "m", Upstream: true}}},
		{"broken off", events(created, msgAdded, word(0, "a")), []llm.FrameClass{other, other, content}, llm.MeterResult{Model: "gpt", OutputBytes: 1}},
		{"nonsense", "event: response.completed\ndata: {\n\ndata: [DONE]\n\ndata: 5\n\nevent: response.output_text.delta\ndata: {\"delta\":5}\n\n", []llm.FrameClass{other, other, other, content}, llm.MeterResult{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, res := classes(t, c.body)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("classes %v, want %v", got, c.want)
			}
			if !sameResult(res, c.result) {
				t.Errorf("result %+v\nwant   %+v", res, c.result)
			}
		})
	}
}

func TestMeterBody(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       llm.MeterResult
	}{
		{
			"an answer", `{"model":"gpt","status":"completed","output":[{"type":"function_call"}],"usage":{"input_tokens":3,"output_tokens":2}}`,
			llm.MeterResult{Usage: llm.Usage{Known: true, Input: 3, Output: 2}, Stop: llm.StopTool, Model: "gpt", Complete: true},
		},
		{"put off, as asked", `{"model":"gpt","status":"queued","output":[]}`, llm.MeterResult{Stop: llm.StopEnd, Model: "gpt", Complete: true}},
		{"failed", `{"status":"failed","error":{"code":"server_error","message":"m"}}`, llm.MeterResult{Fault: &llm.Error{Kind: llm.ErrUpstream, Message: "m", Code: "server_error", Upstream: true}}},
		{"a page", `<html>`, llm.MeterResult{Fault: upstream("the upstream answered with something that is not JSON")}},
		{"nothing", ``, llm.MeterResult{Fault: upstream("the upstream's answer is empty")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Dialect{}.NewMeter()
			m.Body([]byte(c.body))
			if got := m.Result(); !sameResult(got, c.want) {
				t.Errorf("%+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestPass(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`{"model":"alias","input":"hi","x":1.0}`, `{"model":"gpt","input":"hi","x":1.0}`},
		{`{"model":"gpt", "input":"hi"}`, `{"model":"gpt", "input":"hi"}`},
		{`{"input":"hi","store":true,"previous_response_id":"resp_1"}`, `{"input":"hi","store":true,"previous_response_id":"resp_1","model":"gpt"}`},
	} {
		o, err := wire.ParseObject([]byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		edits, losses, ok := Dialect{}.Pass(o, nil, &llm.Target{Model: "gpt", Stream: true})
		if got := string(o.Apply(edits...)); got != c.want || !ok || losses != nil {
			t.Errorf("%s became %s, want %s", c.body, got, c.want)
		}
		if !(Dialect{}).AsksUsage(o) {
			t.Error("usage comes in every stream")
		}
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		name, usage string
		want        llm.Usage
	}{
		{"USE-02 cached tokens are taken out of the input", `{"input_tokens":100,"input_tokens_details":{"cached_tokens":60,"cache_write_tokens":30},"output_tokens":5}`, llm.Usage{Known: true, Input: 10, CacheRead: 60, CacheWrite5m: 30, Output: 5}},
		{"USE-10 zero is a figure", `{"input_tokens":0,"output_tokens":0}`, llm.Usage{Known: true}},
		{"USE-10 absent is none", `{}`, llm.Usage{}},
		{"null", `null`, llm.Usage{}},
		{"cache outside the input", `{"input_tokens":10,"input_tokens_details":{"cached_tokens":60}}`, llm.Usage{Known: true, Input: 10, CacheRead: 60}},
		{"nonsense", `{"input_tokens":"many","input_tokens_details":5,"output_tokens":-4,"output_tokens_details":{"reasoning_tokens":9}}`, llm.Usage{Known: true}},
		{"more reasoning than output", `{"output_tokens":4,"output_tokens_details":{"reasoning_tokens":9}}`, llm.Usage{Known: true, Output: 4, Reasoning: 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var u tokens
			u.take(wire.NewReader([]byte(c.usage)))
			if got := u.usage(); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}
