package chat

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

func TestDecodeResponse(t *testing.T) {
	call := `{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}`
	for _, c := range []struct {
		name, message, finish, want string
		stop                        llm.Stop
		native                      string
	}{
		{"text", `"content":"hi"`, "stop", "hi", llm.StopEnd, "stop"},
		{"THK-16 reasoning is a part of its own, and first", `"content":"hi","reasoning_content":"hm"`, "stop", "thinking(hm) | hi", llm.StopEnd, "stop"},
		{"reasoning by its other name", `"content":"hi","reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm"}]`, "stop", "thinking(hm) | hi", llm.StopEnd, "stop"},
		{"reasoning in details only", `"content":"hi","reasoning_details":[{"type":"reasoning.summary","summary":"h"},{"type":"reasoning.text","text":"m"}]`, "stop", "thinking(hm) | hi", llm.StopEnd, "stop"},
		{"Mistral's parts", `"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"hi"}]`, "stop", "thinking(hm) | hi", llm.StopEnd, "stop"},
		{"a refusal", `"content":null,"refusal":"no"`, "stop", "refusal(no)", llm.StopEnd, "stop"},
		{"TOOL-19 only a call", `"content":null,"tool_calls":[` + call + `]`, "tool_calls", `call(a f {"x":1})`, llm.StopTool, "tool_calls"},
		{"STOP-07 stop though there are calls", `"content":"","tool_calls":[` + call + `]`, "stop", `call(a f {"x":1})`, llm.StopTool, "stop"},
		{"STOP-08 an unknown reason with calls", `"content":null,"tool_calls":[` + call + `]`, "whatever", `call(a f {"x":1})`, llm.StopTool, "whatever"},
		{"STOP-06 an unknown reason", `"content":"x"`, "whatever", "x", llm.StopOther, "whatever"},
		{"STOP-06 no reason", `"content":"x"`, "", "x", llm.StopEnd, ""},
		{"length", `"content":"x"`, "length", "x", llm.StopLength, "length"},
		{"Mistral's length", `"content":"x"`, "model_length", "x", llm.StopLength, "model_length"},
		{"STOP-02 filtered", `"content":null`, "content_filter", "", llm.StopFilter, "content_filter"},
		{"TOOL-18 arguments cut by the limit", `"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\": "}}]`, "length", `call(a f broken:{"x": )`, llm.StopLength, "length"},
		{"arguments as an object", `"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":{"x":1}}}]`, "tool_calls", `call(a f {"x":1})`, llm.StopTool, "tool_calls"},
		{"no arguments", `"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":null}}]`, "tool_calls", `call(a f)`, llm.StopTool, "tool_calls"},
		{
			"ids that are missing or twice there", `"tool_calls":[{"function":{"name":"f","arguments":"{}"}},{"id":"a","function":{"name":"g","arguments":"{}"}},{"id":"a","function":{"name":"h","arguments":"{}"}}]`, "tool_calls",
			`call(call_0_fd0c5087 f {}) | call(a g {}) | call(call_2_fd0c5087 h {})`, llm.StopTool, "tool_calls",
		},
		{"custom tools", `"tool_calls":[{"id":"a","type":"custom","custom":{"name":"p","input":"*** x"}}]`, "tool_calls", `custom(a p broken:*** x)`, llm.StopTool, "tool_calls"},
		{"the older form", `"content":null,"function_call":{"name":"f","arguments":"{}"}`, "function_call", `call(call_0_fd0c5087 f {})`, llm.StopTool, "function_call"},
		{"an older form that is empty", `"content":"x","function_call":{"name":"","arguments":""},"audio":{"data":""},"tool_calls":null`, "", "x", llm.StopEnd, ""},
		{"sound", `"content":null,"audio":{"id":"au","data":"QUI="}`, "stop", `native(chat audio {"id":"au","data":"QUI="})`, llm.StopEnd, "stop"},
		{"GEM-01 Google's proof", `"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"SIG"}}}]`, "tool_calls", "call(a f {} seal:SIG)", llm.StopTool, "tool_calls"},
		{"types that are wrong", `"content":7,"refusal":{},"reasoning":[],"tool_calls":"none","annotations":"x"`, "stop", "", llm.StopEnd, "stop"},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := `{"id":"x","created":5,"model":"served","choices":[{"index":0,"message":{"role":"assistant",` + c.message + `},"finish_reason":"` + c.finish + `"}]}`
			res, err := Dialect{}.DecodeResponse([]byte("\n  " + body))
			if err != nil {
				t.Fatal(err)
			}
			if got := llmtest.DumpParts(res.Parts); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if res.Stop != c.stop || res.NativeStop != c.native {
				t.Errorf("stop %q (%q), want %q (%q)", res.Stop, res.NativeStop, c.stop, c.native)
			}
			if res.ID != "x" || res.Created != 5 || res.Model != "served" || res.Usage.Known {
				t.Errorf("envelope %+v", res)
			}
		})
	}
}

func TestDecodeCitations(t *testing.T) {
	res, err := Dialect{}.DecodeResponse([]byte(`{"choices":[{"message":{"content":"x","annotations":[{"type":"url_citation"}]},"finish_reason":"stop"},{"message":{"content":"y"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := res.Parts[0].(*llm.Text); !ok || len(p.Citations) != 1 || string(p.Citations[0].Raw) != `{"type":"url_citation"}` || p.Citations[0].Dialect != Name {
		t.Errorf("%+v", res.Parts[0])
	}
	if got := llmtest.DumpLosses(res.Losses); got != "choices" {
		t.Errorf("PAR-07: losses %q", got)
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		name, usage string
		want        llm.Usage
	}{
		{
			"USE-02 the prompt includes what was cached", `{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":60},"completion_tokens_details":{"reasoning_tokens":5}}`,
			llm.Usage{Known: true, Input: 40, CacheRead: 60, Output: 20, Reasoning: 5},
		},
		{
			"USE-03 writes to a cache are input", `{"prompt_tokens":100,"completion_tokens":20,"prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":30}}`,
			llm.Usage{Known: true, Input: 10, CacheRead: 60, CacheWrite5m: 30, Output: 20},
		},
		{
			"USE-06 lifetimes", `{"prompt_tokens":100,"completion_tokens":20,"cache_creation_input_tokens":30,"cache_read_input_tokens":60,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}}`,
			llm.Usage{Known: true, Input: 10, CacheRead: 60, CacheWrite5m: 10, CacheWrite1h: 20, Output: 20},
		},
		{
			"USE-20 a proxy that leaves the cache out", `{"prompt_tokens":10,"completion_tokens":20,"cache_creation_input_tokens":30,"cache_read_input_tokens":60}`,
			llm.Usage{Known: true, Input: 10, CacheRead: 60, CacheWrite5m: 30, Output: 20},
		},
		{
			"DeepSeek's name of it", `{"prompt_tokens":100,"completion_tokens":20,"prompt_cache_hit_tokens":60,"prompt_cache_miss_tokens":40,"prompt_tokens_details":{"cached_tokens":60}}`,
			llm.Usage{Known: true, Input: 40, CacheRead: 60, Output: 20},
		},
		{
			"USE-13 reasoning beside the completion", `{"prompt_tokens":100,"completion_tokens":20,"total_tokens":150,"completion_tokens_details":{"reasoning_tokens":30}}`,
			llm.Usage{Known: true, Input: 100, Output: 50, Reasoning: 30},
		},
		{"USE-10 zero is known", `{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`, llm.Usage{Known: true}},
		{"USE-10 absent is not", `null`, llm.Usage{}},
		{"USE-10 empty is not", `{}`, llm.Usage{}},
		{"numbers in other forms", `{"prompt_tokens":1e2,"completion_tokens":20.0}`, llm.Usage{Known: true, Input: 100, Output: 20}},
		{"numbers without sense", `{"prompt_tokens":-5,"completion_tokens":1e300,"total_tokens":"7"}`, llm.Usage{Known: true}},
		{"huge numbers", `{"prompt_tokens":9999999999}`, llm.Usage{Known: true, Input: 1<<31 - 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, err := Dialect{}.DecodeResponse([]byte(`{"choices":[{"message":{"content":"x"}}],"usage":` + c.usage + `}`))
			if err != nil {
				t.Fatal(err)
			}
			if res.Usage != c.want {
				t.Errorf("got %+v, want %+v", res.Usage, c.want)
			}
		})
	}
}

func TestDecodeResponseErrors(t *testing.T) {
	for _, c := range []struct {
		name, body, message string
		kind                llm.ErrorKind
	}{
		{"an error in a 200", `{"error":{"message":"too fast","code":429}}`, "too fast", llm.ErrRate},
		{"an error as a text", `{"error":"broken"}`, "broken", llm.ErrUpstream},
		{"an error in the choice", `{"choices":[{"error":{"code":502,"message":"provider down"},"message":{"content":"ha"},"finish_reason":"error"}]}`, "provider down", llm.ErrUpstream},
		{"an error without words", `{"choices":[{"message":{"content":"ha"},"finish_reason":"error"}]}`, "the upstream gave up its answer with an error", llm.ErrUpstream},
		{"Mistral's form", `{"object":"error","message":"no such thing","code":"3051"}`, "no such thing", llm.ErrUpstream},
		{"no choices", `{"choices":[]}`, "the upstream's answer holds no choices", llm.ErrUpstream},
		{"a page", `<html>busy</html>`, "the upstream answered with something that is not JSON", llm.ErrUpstream},
		{"half an answer", `{"choices":[{"message":`, "the upstream answered with something that is not JSON", llm.ErrUpstream},
		{"two answers", `{"choices":[{}]}{}`, "the upstream answered with something that is not JSON", llm.ErrUpstream},
		{"nothing", "  ", "the upstream's answer is empty", llm.ErrUpstream},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Dialect{}.DecodeResponse([]byte(c.body))
			e, ok := errors.AsType[*llm.Error](err)
			if !ok || e.Kind != c.kind || e.Message != c.message {
				t.Errorf("got %v, want %s: %s", err, c.kind, c.message)
			}
		})
	}
}

func TestEncodeResponse(t *testing.T) {
	signed := &llm.Thinking{Text: "hm", Signature: "SIG"}
	redacted := &llm.Thinking{Redacted: "RED"}
	foreign := llm.Seal("openai", &llm.Thinking{Text: "so", Signature: "ENC"})
	long := strings.Repeat("n", 70)
	req := &llm.Request{Model: "asked", Tools: []llm.Tool{{Name: long}}}
	message := func(s string) string { return `"message":{"role":"assistant",` + s + `},"logprobs":null,` }
	stop := `"finish_reason":"stop"`
	for _, c := range []struct {
		name string
		res  llm.Response
		want string // the choice behind its index
	}{
		{"text", llm.Response{Parts: text1("hi"), Stop: llm.StopEnd}, message(`"content":"hi","refusal":null`) + stop},
		{"reasoning", llm.Response{Parts: []llm.Part{&llm.Thinking{Text: "hm"}, say("hi")}, Stop: llm.StopEnd}, message(`"content":"hi","refusal":null,"reasoning_content":"hm"`) + stop},
		{
			"THK-06 proofs travel sealed",
			llm.Response{Parts: []llm.Part{signed, redacted, say("hi")}, Stop: llm.StopEnd},
			message(`"content":"hi","refusal":null,"reasoning_content":"hm","reasoning_details":[`+
				`{"type":"reasoning.encrypted","format":"turnpike","data":"`+llm.Seal("claude", signed)+`","index":0},`+
				`{"type":"reasoning.encrypted","format":"turnpike","data":"`+llm.Seal("claude", redacted)+`","index":1}]`) + stop,
		},
		{
			"THK-03 a signature without text",
			llm.Response{Parts: []llm.Part{&llm.Thinking{Signature: "SIG"}, say("hi")}, Stop: llm.StopEnd},
			message(`"content":"hi","refusal":null,"reasoning_details":[{"type":"reasoning.encrypted","format":"turnpike","data":"`+llm.Seal("claude", &llm.Thinking{Signature: "SIG"})+`","index":0}]`) + stop,
		},
		{
			"a seal is not sealed again",
			llm.Response{Parts: []llm.Part{&llm.Thinking{Text: "so", Signature: foreign}, say("hi")}, Stop: llm.StopEnd},
			message(`"content":"hi","refusal":null,"reasoning_content":"so","reasoning_details":[{"type":"reasoning.encrypted","format":"turnpike","data":"`+foreign+`","index":0}]`) + stop,
		},
		{"texts that were apart", llm.Response{Parts: []llm.Part{say("a"), say("b"), &llm.Native{Dialect: "messages"}, say("c")}, Stop: llm.StopEnd}, message(`"content":"ab\n\nc","refusal":null`) + stop},
		{
			"calls",
			llm.Response{Parts: []llm.Part{call("a", "f", `{"x":1}`), call("b", llm.ShortName(long, 64), "")}, Stop: llm.StopTool},
			message(`"content":null,"refusal":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"b","type":"function","function":{"name":"`+long+`","arguments":"{}"}}]`) + `"finish_reason":"tool_calls"`,
		},
		{
			"TOOL-18 cut arguments",
			llm.Response{Parts: []llm.Part{&llm.ToolCall{ID: "a", Name: "f", Broken: `{"x`}}, Stop: llm.StopLength},
			message(`"content":null,"refusal":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x"}}]`) + `"finish_reason":"length"`,
		},
		{"a refusal", llm.Response{Parts: []llm.Part{&llm.Refusal{Text: "no"}}, Stop: llm.StopEnd}, message(`"content":null,"refusal":"no"`) + stop},
		{
			"STOP-01 Anthropic's refusal",
			llm.Response{Stop: llm.StopFilter, NativeStop: "refusal", StopDetails: []byte(`{"type":"refusal","explanation":"not that"}`)},
			message(`"content":null,"refusal":"not that"`) + `"finish_reason":"content_filter","native_finish_reason":"refusal","stop_details":{"type":"refusal","explanation":"not that"}`,
		},
		{
			"STOP-03 the context window",
			llm.Response{Parts: text1("x"), Stop: llm.StopContext, NativeStop: "model_context_window_exceeded"},
			message(`"content":"x","refusal":null`) + `"finish_reason":"length","native_finish_reason":"model_context_window_exceeded"`,
		},
		{"STOP-04 a pause", llm.Response{Parts: text1("x"), Stop: llm.StopPause, NativeStop: "pause_turn"}, message(`"content":"x","refusal":null`) + stop + `,"native_finish_reason":"pause_turn"`},
		{"STOP-05 a guardrail", llm.Response{Parts: text1("x"), Stop: llm.StopFilter, NativeStop: "guardrail_intervened"}, message(`"content":"x","refusal":null`) + `"finish_reason":"content_filter","native_finish_reason":"guardrail_intervened"`},
		{"STOP-10 a stop sequence", llm.Response{Parts: text1("x"), Stop: llm.StopSequence, NativeStop: "stop_sequence", StopSequence: "END"}, message(`"content":"x","refusal":null`) + stop + `,"native_finish_reason":"stop_sequence"`},
		{"STOP-06 an unknown reason", llm.Response{Parts: text1("x"), Stop: llm.StopOther, NativeStop: "odd"}, message(`"content":"x","refusal":null`) + stop + `,"native_finish_reason":"odd"`},
		{
			"citations",
			llm.Response{Parts: []llm.Part{&llm.Text{Text: "x", Citations: llmtest.Cites(Name, `[1]`)}, &llm.Native{Dialect: Name, Type: "audio", Raw: []byte(`{"id":"au"}`)}}, Stop: llm.StopEnd},
			message(`"content":"x","refusal":null,"annotations":[1],"audio":{"id":"au"}`) + stop,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.res.ID, c.res.Created = "x", 5
			got := string(Dialect{}.EncodeResponse(req, &c.res))
			want := `{"id":"x","object":"chat.completion","created":5,"model":"asked","choices":[{"index":0,` + c.want + `}]}`
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if !json.Valid([]byte(got)) {
				t.Error("not JSON")
			}
		})
	}
}

func TestEncodeUsage(t *testing.T) {
	usage := func(u llm.Usage) string {
		body := string(Dialect{}.EncodeResponse(&llm.Request{}, &llm.Response{ID: "x", Usage: u}))
		_, after, _ := strings.Cut(body, `"usage":`)
		return strings.TrimSuffix(after, "}")
	}
	for _, c := range []struct {
		name  string
		usage llm.Usage
		want  string
	}{
		{
			"USE-01 the prompt includes the cache",
			llm.Usage{Known: true, Input: 10, CacheRead: 60, CacheWrite5m: 30, Output: 20, Reasoning: 5},
			`{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":30},"completion_tokens_details":{"reasoning_tokens":5}}`,
		},
		{
			"USE-06 lifetimes",
			llm.Usage{Known: true, CacheWrite5m: 30, CacheWrite1h: 5},
			`{"prompt_tokens":35,"completion_tokens":0,"total_tokens":35,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":35,"cache_creation_token_details":{"ephemeral_5m_input_tokens":30,"ephemeral_1h_input_tokens":5}},"completion_tokens_details":{"reasoning_tokens":0}}`,
		},
		{"an estimate", llm.Usage{Estimated: true, Input: 1, Output: 2}, `{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}`},
		{"USE-10 unknown is not zero", llm.Usage{}, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := usage(c.usage); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
	t.Run("what is written reads the same", func(t *testing.T) {
		u := llm.Usage{Known: true, Input: 10, CacheRead: 60, CacheWrite5m: 30, CacheWrite1h: 7, Output: 20, Reasoning: 5}
		var back tokens
		back.take(wire.NewReader([]byte(usage(u))))
		if got := back.usage(); got != u {
			t.Errorf("got %+v, want %+v", got, u)
		}
	})
}

func TestAnswerID(t *testing.T) {
	a, b := answerID(""), answerID("")
	if answerID("up") != "up" || a == b || !strings.HasPrefix(a, "chatcmpl-") {
		t.Errorf("%s %s", a, b)
	}
}
