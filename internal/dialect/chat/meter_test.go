package chat

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
	sameFault := a.Fault == b.Fault || a.Fault != nil && b.Fault != nil && a.Fault.Kind == b.Fault.Kind && a.Fault.Message == b.Fault.Message
	a.Fault, b.Fault = nil, nil
	return sameFault && a == b
}

func TestMeterFrames(t *testing.T) {
	const (
		other   = llm.FrameOther
		content = llm.FrameContent
		usage   = llm.FrameUsage
		failure = llm.FrameError
		end     = llm.FrameEnd
	)
	const used = `data: {"id":"x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}` + "\n\n"
	known := llm.Usage{Known: true, Input: 3, Output: 2}
	nulls := strings.ReplaceAll(stream(delta1(`"role":"assistant","content":""`), delta1(`"content":"He"`), delta1(`"content":"llo"`), delta1(`"content":"\"usage\":{\"x\":1}"`), ended("stop")), "]}\n", `],"usage":null,"obfuscation":"abc"}`+"\n")
	for _, c := range []struct {
		name, body string
		want       []llm.FrameClass
		result     llm.MeterResult
	}{
		{
			"as OpenAI streams", nulls + used + stream(done),
			[]llm.FrameClass{other, content, content, content, other, usage, end},
			llm.MeterResult{Usage: known, Stop: llm.StopEnd, Model: "served", Complete: true, OutputBytes: 24},
		},
		{
			"usage beside the last choice", stream(delta1(`"content":"x"`)) + `data: {"id":"x","choices":[` + ended("length") + `],"usage":{"prompt_tokens":3,"completion_tokens":2}}` + "\n\n" + stream(done),
			[]llm.FrameClass{content, other, end},
			llm.MeterResult{Usage: known, Stop: llm.StopLength, Model: "served", Complete: true, OutputBytes: 1},
		},
		{
			"reasoning, a refusal, a call", stream(delta1(`"reasoning_content":"hm"`), delta1(`"refusal":"n"`), calls(`{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}`), calls(`{"index":0,"function":{"arguments":"}"}}`), calls(`{"index":0,"function":{"arguments":" "}}`), ended("stop")),
			[]llm.FrameClass{content, content, content, content, content, other},
			llm.MeterResult{Stop: llm.StopTool, Model: "served", Complete: true, OutputBytes: 100},
		},
		{"STR-05 broken off", stream(delta1(`"content":"x"`)), []llm.FrameClass{content}, llm.MeterResult{Model: "served", OutputBytes: 1}},
		{
			"an error", stream(delta1(`"content":"x"`)) + `data: {"error":{"message":"broken"}}` + "\n\n" + stream(done),
			[]llm.FrameClass{content, failure, end},
			llm.MeterResult{Model: "served", OutputBytes: 1, Fault: &llm.Error{Kind: llm.ErrUpstream, Message: "broken", Upstream: true}},
		},
		{"Groq's", "event: error\ndata: {\"message\":\"odd\"}\n\n", []llm.FrameClass{failure}, llm.MeterResult{Fault: &llm.Error{Kind: llm.ErrUpstream, Message: "odd", Upstream: true}}},
		{"Azure's filters, nonsense", `data: {"choices":[],"prompt_filter_results":[]}` + "\n\ndata: <p>\n\ndata: {\"choices\":\n\n", []llm.FrameClass{other, other, other}, llm.MeterResult{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, res := classes(t, c.body)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("classes %v, want %v", got, c.want)
			}
			if c.name == "reasoning, a refusal, a call" {
				if res.OutputBytes < 10 {
					t.Errorf("%d bytes of output", res.OutputBytes)
				}
				res.OutputBytes = c.result.OutputBytes
			}
			if !sameResult(res, c.result) {
				t.Errorf("got %+v, want %+v", res, c.result)
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
			"an answer", `{"model":"served","choices":[{"message":{"content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`,
			llm.MeterResult{Usage: llm.Usage{Known: true, Input: 3, Output: 2}, Stop: llm.StopEnd, Model: "served", Complete: true, OutputBytes: 5},
		},
		{"STOP-07 a call", `{"choices":[{"message":{"tool_calls":[{}]},"finish_reason":"stop"}]}`, llm.MeterResult{Stop: llm.StopTool, Complete: true, OutputBytes: 2}},
		{"an error", `{"error":{"message":"broken"}}`, llm.MeterResult{Fault: &llm.Error{Kind: llm.ErrUpstream, Message: "broken", Upstream: true}}},
		{"an error in the choice", `{"choices":[{"error":{"message":"broken"}}]}`, llm.MeterResult{Fault: &llm.Error{Kind: llm.ErrUpstream, Message: "broken", Upstream: true}}},
		{"a page", `<p>`, llm.MeterResult{Fault: &llm.Error{Kind: llm.ErrUpstream, Message: "the upstream answered with something that is not JSON"}}},
		{"half an answer", `{"choices":[`, llm.MeterResult{Fault: &llm.Error{Kind: llm.ErrUpstream, Message: "the upstream answered with something that is not JSON"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Dialect{}.NewMeter()
			m.Body([]byte(c.body))
			if got := m.Result(); !sameResult(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
