package codewhisperer

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

const said = "assistantResponseEvent"

var streams = []struct {
	name   string
	bound  bound
	frames []string
	parts  []llm.Part
	stop   llm.Stop
	usage  llm.Usage
	fault  llm.ErrorKind
	losses []string
}{
	{
		name: "text with what is told beside it", bound: bound{window: 200_000},
		frames: []string{
			"initial-response", `{}`, "messageMetadataEvent", `{"conversationId":"c","utteranceId":"u1"}`,
			said, `{"content":"Hel","modelId":"claude-sonnet-4.5"}`, said, `{"content":"lo"}`, "contextUsageEvent", `{"contextUsagePercentage":12.5}`,
			"meteringEvent", `{"usage":0.04,"unit":"credit","unitPlural":"credits"}`,
			"metadataEvent", `{"tokenUsage":{"uncachedInputTokens":10,"outputTokens":null,"cacheReadInputTokens":5}}`,
			"metadataEvent", `{"tokenUsage":{"outputTokens":7,"totalTokens":22,"cacheWriteInputTokens":3},"stopReason":"END_TURN"}`,
		},
		parts: []llm.Part{text("Hello")}, stop: llm.StopEnd,
		usage: llm.Usage{Known: true, Input: 10, Output: 7, CacheRead: 5, CacheWrite5m: 3, LifeUntold: true},
	},
	{
		name: "usage by how full the window is", bound: bound{window: 200_000},
		frames: []string{said, `{"content":"12345678"}`, "contextUsageEvent", `{"contextUsagePercentage":1}`},
		parts:  []llm.Part{text("12345678")}, stop: llm.StopEnd, usage: llm.Usage{Estimated: true, Input: 1998, Output: 2},
	},
	{
		name: "usage by the size of the request", bound: bound{request: 400},
		frames: []string{said, `{"content":"12345678"}`}, parts: []llm.Part{text("12345678")}, stop: llm.StopEnd, usage: llm.Usage{Estimated: true, Input: 100, Output: 2},
	},
	{
		name:   "the window is full",
		frames: []string{said, `{"content":"1234"}`, "contextUsageEvent", `{"contextUsagePercentage":100}`},
		parts:  []llm.Part{text("1234")}, stop: llm.StopContext, usage: llm.Usage{Estimated: true, Output: 1},
	},
	{
		name: "reasoning with its signature",
		frames: []string{
			"reasoningContentEvent", `{"text":"I "}`, "reasoningContentEvent", `{"text":"think"}`, "reasoningContentEvent", `{"signature":"sig=="}`,
			"reasoningContentEvent", `{"redactedContent":"AAEC"}`, said, `{"content":"ok"}`,
		},
		parts: []llm.Part{&llm.Thinking{Text: "I think", Signature: "sig=="}, &llm.Thinking{Redacted: "AAEC"}, text("ok")},
		stop:  llm.StopEnd, usage: llm.Usage{Estimated: true, Output: 3},
	},
	{
		name: "calls that are written at once",
		frames: []string{
			said, `{"content":"look"}`,
			"toolUseEvent", `{"toolUseId":"a","name":"f"}`,
			"toolUseEvent", `{"toolUseId":"b","name":"g","input":"{\"y\""}`,
			"toolUseEvent", `{"toolUseId":"a","name":"f","input":"{\"x\":"}`,
			said, `{"content":"meanwhile"}`,
			"toolUseEvent", `{"toolUseId":"b","name":"g","input":":2}","stop":true}`,
			"toolUseEvent", `{"toolUseId":"c","name":"h","input":{},"stop":true}`,
			"toolUseEvent", `{"toolUseId":"a","name":"f","input":"1}","stop":true}`,
			"toolUse", `{"toolUseId":"d","name":"k","input":{"z":3}}`,
		},
		parts: []llm.Part{text("look"), call("a", "f", `{"x":1}`), call("b", "g", `{"y":2}`), text("meanwhile"), &llm.ToolCall{ID: "c", Name: "h"}, call("d", "k", `{"z":3}`)},
		stop:  llm.StopTool, usage: llm.Usage{Estimated: true, Output: 9},
	},
	{
		name:   "input that was cut is no empty object",
		frames: []string{"toolUseEvent", `{"toolUseId":"a","name":"f","input":"{\"x\":\"ab"}`, "toolUseEvent", `{"toolUseId":"a","name":"f","stop":true}`, "metadataEvent", `{"stopReason":"TOOL_USE"}`},
		parts:  []llm.Part{&llm.ToolCall{ID: "a", Name: "f", Broken: `{"x":"ab`}}, stop: llm.StopLength, usage: llm.Usage{Estimated: true, Output: 2},
	},
	{
		name:   "a call that never stops, with another behind it",
		frames: []string{"toolUseEvent", `{"toolUseId":"a","name":"f","input":"{\"x\""}`, "toolUseEvent", `{"toolUseId":"b","name":"g","input":"{}","stop":true}`},
		parts:  []llm.Part{&llm.ToolCall{ID: "a", Name: "f", Broken: `{"x"`}, call("b", "g", `{}`)}, stop: llm.StopLength, usage: llm.Usage{Estimated: true, Output: 2},
	},
	{
		name:   "the limit, told as an exception",
		frames: []string{said, `{"content":"abc"}`, "ContentLengthExceededException", `{"message":"too long"}`},
		parts:  []llm.Part{text("abc")}, stop: llm.StopLength, usage: llm.Usage{Estimated: true, Output: 1},
	},
	{
		name: "the limit, told in the metadata", frames: []string{said, `{"content":"abc"}`, "metadataEvent", `{"stopReason":"MAX_TOKENS"}`},
		parts: []llm.Part{text("abc")}, stop: llm.StopLength, usage: llm.Usage{Estimated: true, Output: 1},
	},
	{
		name: "tags", bound: bound{tagged: true},
		frames: []string{said, `{"content":"<thin"}`, said, `{"content":"king>\nI </thi"}`, said, `{"content":"nk</thinking>\n\nAnd <thinking> stays"}`},
		parts:  []llm.Part{&llm.Thinking{Text: "I </think"}, text("And <thinking> stays")}, stop: llm.StopEnd, usage: llm.Usage{Estimated: true, Output: 8},
	},
	{
		name: "tags nobody asked for", frames: []string{said, `{"content":"<thinking>a</thinking>b"}`},
		parts: []llm.Part{text("<thinking>a</thinking>b")}, stop: llm.StopEnd, usage: llm.Usage{Estimated: true, Output: 6},
	},
	{
		name: "events nobody else has", frames: []string{said, `{"content":"a"}`, "followupPromptEvent", `{"followupPrompt":{"content":"x"}}`, "codeReferenceEvent", `{"references":[1]}`, "supplementaryWebLinksEvent", `{}`, "codeEvent", `{"content":"b"}`},
		parts: []llm.Part{text("ab")}, stop: llm.StopEnd, usage: llm.Usage{Estimated: true, Output: 1}, losses: []string{"followupPromptEvent", "codeReferenceEvent"},
	},
	{name: "an invalid state", frames: []string{"invalidStateEvent", `{"reason":"INVALID_TASK_ASSIST_PLAN","message":"no"}`}, fault: llm.ErrUpstream},
	{name: "an invalid state behind text", frames: []string{said, `{"content":"a"}`, "invalidStateEvent", `{"reason":"INVALID_TASK_ASSIST_PLAN","message":"no"}`}, fault: llm.ErrUpstream},
	{name: "throttled", frames: []string{"ThrottlingException", `{"message":"slow down"}`}, fault: llm.ErrRate},
	{name: "no capacity", frames: []string{"ThrottlingException", `{"message":"busy","reason":"INSUFFICIENT_MODEL_CAPACITY"}`}, fault: llm.ErrOverloaded},
	{name: "an error behind text", frames: []string{said, `{"content":"a"}`, "InternalServerException", `{"message":"oops"}`}, fault: llm.ErrUpstream},
	{name: "too long before anything was said", frames: []string{"ContentLengthExceededException", `{"message":"too long"}`}, fault: llm.ErrContext},
	{name: "nothing", fault: llm.ErrUpstream},
}

func TestStream(t *testing.T) {
	for _, tt := range streams {
		t.Run(tt.name, func(t *testing.T) {
			data := frames(t, tt.frames...)
			for seed := range uint64(20) {
				dec := Dialect{tt.bound}.NewStreamDecoder()
				res, fault := llmtest.Decode(t, dec, wire.NewEventStream(llmtest.Chopped(data, seed, 1+int(seed)*7), 0))
				judge(t, tt.fault, fault, func() {
					same(t, tt.parts, res)
					if i := slices.Index(tt.frames, "meteringEvent"); i >= 0 && (len(res.Extra) != 1 || string(res.Extra[0].Raw) != tt.frames[i+1]) {
						t.Errorf("credits: %+v", res.Extra)
					}
					if res.Stop != tt.stop || res.Usage != tt.usage {
						t.Errorf("stop %q, usage %+v; want %q, %+v", res.Stop, res.Usage, tt.stop, tt.usage)
					}
				})
				for _, path := range tt.losses {
					if !lost(dec.Losses(), path) {
						t.Errorf("%s is not named in %v", path, dec.Losses())
					}
				}
				if len(tt.losses) == 0 && len(dec.Losses()) > 0 {
					t.Errorf("losses: %v", dec.Losses())
				}
			}
			res, err := Dialect{tt.bound}.DecodeResponse(data)
			fault, _ := errors.AsType[*llm.Error](err)
			judge(t, tt.fault, fault, func() { same(t, tt.parts, res) })
		})
	}
}

func judge(t *testing.T, want llm.ErrorKind, fault *llm.Error, answer func()) {
	t.Helper()
	switch {
	case want == "" && fault == nil:
		answer()
	case fault == nil:
		t.Fatalf("no error, want %s", want)
	case want != fault.Kind:
		t.Fatalf("%v, want %q", fault, want)
	}
}

func same(t *testing.T, want []llm.Part, res *llm.Response) {
	t.Helper()
	if got, want := llmtest.DumpParts(res.Parts), llmtest.DumpParts(want); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDamagedAnswers(t *testing.T) {
	whole := frames(t, said, `{"content":"Hello"}`)
	for _, tt := range []struct {
		name string
		body []byte
	}{
		{"no event stream", []byte(`{"message":"a page"}`)},
		{"a checksum", append(bytes.Clone(whole[:len(whole)-1]), whole[len(whole)-1]^1)},
		{"cut", whole[:len(whole)-3]},
		{"a payload", frames(t, said, `{"content":`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := (Dialect{}).DecodeResponse(tt.body); err == nil {
				t.Error("taken for an answer")
			}
		})
	}
}

func TestMeter(t *testing.T) {
	m := Dialect{}.NewMeter()
	r := wire.NewEventStream(bytes.NewReader(frames(t, said, `{"content":"a"}`, "metadataEvent", `{"tokenUsage":{"outputTokens":3},"stopReason":"MAX_TOKENS"}`)), 0)
	var classes []llm.FrameClass
	for {
		f, err := r.Next()
		if err != nil {
			break
		}
		classes = append(classes, m.Frame(f))
	}
	res := m.Result()
	if len(classes) != 2 || classes[0] != llm.FrameContent || res.Usage.Output != 3 || res.Stop != llm.StopLength || !res.Complete {
		t.Errorf("%v, %+v", classes, res)
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		name, header, body string
		status             int
		kind               llm.ErrorKind
		code               string
	}{
		{"too long", "", `{"__type":"com.amazon#ValidationException","message":"x","reason":"CONTENT_LENGTH_EXCEEDS_THRESHOLD"}`, 400, llm.ErrContext, "context_length_exceeded"},
		{"too long, in words", "", `{"__type":"ValidationException","message":"Input is too long."}`, 400, llm.ErrContext, "context_length_exceeded"},
		{"no such model", "ValidationException:http://x", `{"message":"x","reason":"INVALID_MODEL_ID"}`, 400, llm.ErrNotFound, "INVALID_MODEL_ID"},
		{"badly formed", "", `{"message":"Improperly formed request."}`, 400, llm.ErrInvalid, ""},
		{"too fast", "ThrottlingException", `{"Message":"x"}`, 429, llm.ErrRate, "ThrottlingException"},
		{"a day's requests", "ThrottlingException", `{"message":"x","reason":"DAILY_REQUEST_COUNT"}`, 429, llm.ErrBilling, "DAILY_REQUEST_COUNT"},
		{"a month's requests", "ServiceQuotaExceededException", `{"message":"x","reason":"MONTHLY_REQUEST_COUNT"}`, 402, llm.ErrBilling, "MONTHLY_REQUEST_COUNT"},
		{"overage", "", `{"__type":"ServiceQuotaExceededException","reason":"OVERAGE_REQUEST_LIMIT_EXCEEDED"}`, 402, llm.ErrBilling, "OVERAGE_REQUEST_LIMIT_EXCEEDED"},
		{"no capacity", "ThrottlingException", `{"message":"x","reason":"INSUFFICIENT_MODEL_CAPACITY"}`, 429, llm.ErrOverloaded, "INSUFFICIENT_MODEL_CAPACITY"},
		{"suspended", "AccessDeniedException", `{"message":"x","reason":"TEMPORARILY_SUSPENDED"}`, 403, llm.ErrForbidden, "TEMPORARILY_SUSPENDED"},
		{"a token", "AccessDeniedException", `{"message":"The bearer token included in the request is invalid."}`, 403, llm.ErrAuth, "AccessDeniedException"},
		{"no model now", "InternalServerException", `{"message":"x","reason":"MODEL_TEMPORARILY_UNAVAILABLE"}`, 500, llm.ErrUnavail, "MODEL_TEMPORARILY_UNAVAILABLE"},
		{"inside", "InternalServerException", `{"message":"x"}`, 500, llm.ErrUpstream, "InternalServerException"},
		{"not there", "ServiceUnavailableException", `{}`, 503, llm.ErrUnavail, "ServiceUnavailableException"},
		{"a page", "", `<html>`, 502, llm.ErrUpstream, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{"Retry-After": {"3"}}
			if tt.header != "" {
				h.Set("X-Amzn-ErrorType", tt.header)
			}
			e := Dialect{}.DecodeError(tt.status, h, []byte(tt.body))
			if e.Kind != tt.kind || e.Code != tt.code || e.Message == "" || e.RetryAfter != 3*time.Second {
				t.Errorf("%+v", e)
			}
		})
	}
}

// FuzzStream: whatever bytes come, the grammar of events holds and nothing panics.
func FuzzStream(f *testing.F) {
	for _, s := range streams {
		f.Add(frames(f, s.frames...), s.bound.tagged)
	}
	f.Add([]byte{0, 0, 0, 16}, false)
	f.Fuzz(func(t *testing.T, data []byte, tagged bool) {
		dec := Dialect{bound{tagged: tagged, window: 1000}}.NewStreamDecoder()
		r, g := wire.NewEventStream(bytes.NewReader(data), 1<<20), llmtest.NewGrammar()
		for {
			fr, err := r.Next()
			if err != nil {
				break
			}
			if err := dec.Frame(fr, g.Yield); err != nil {
				if _, ok := errors.AsType[*llm.Error](err); !ok {
					t.Fatal(err)
				}
				return
			}
		}
		if err := dec.End(g.Yield); err != nil {
			t.Fatal(err)
		}
		if !g.Over() {
			t.Fatal("the decoder never finished")
		}
	})
}

// FuzzEvents: payloads that are no JSON or not what they should be, without the CRCs
// in the way.
func FuzzEvents(f *testing.F) {
	for _, s := range streams {
		for i := 0; i+1 < len(s.frames); i += 2 {
			f.Add(s.frames[i], s.frames[i+1], said, `{"content":"x"}`)
		}
	}
	f.Fuzz(func(t *testing.T, event, data, event2, data2 string) {
		dec, g := newDecoder(bound{}), llmtest.NewGrammar()
		for _, p := range [][2]string{{event, data}, {event2, data2}, {event, data2}} {
			if err := dec.Frame(wire.Frame{Event: []byte(p[0]), Data: []byte(p[1])}, g.Yield); err != nil {
				if _, ok := errors.AsType[*llm.Error](err); !ok {
					t.Fatal(err)
				}
				return
			}
		}
		if err := dec.End(g.Yield); err != nil {
			t.Fatal(err)
		}
	})
}
