package chat

import (
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// stream makes the bytes of a stream of choices; what does not begin with a brace
// stands for itself.
func stream(chunks ...string) string {
	var b strings.Builder
	for _, c := range chunks {
		if !strings.HasPrefix(c, "{") {
			b.WriteString("data: " + c + "\n\n")
			continue
		}
		b.WriteString(`data: {"id":"x","object":"chat.completion.chunk","created":5,"model":"served","choices":[` + c + "]}\n\n")
	}
	return b.String()
}

func delta1(members string) string {
	return `{"index":0,"delta":{` + members + `},"finish_reason":null}`
}

func ended(reason string) string { return `{"index":0,"delta":{},"finish_reason":"` + reason + `"}` }

func calls(entries ...string) string {
	return delta1(`"tool_calls":[` + strings.Join(entries, ",") + `]`)
}

const done = "[DONE]"

var decodeStreamCases = []struct {
	name, body, want string
	stop             llm.Stop
}{
	{"text", stream(delta1(`"role":"assistant","content":""`), delta1(`"content":"He"`), delta1(`"content":"llo"`), ended("stop"), done), "Hello", llm.StopEnd},
	{"THK-16 reasoning is a part of its own", stream(delta1(`"reasoning_content":"h"`), delta1(`"reasoning_content":"m"`), delta1(`"content":"x"`), ended("stop"), done), "thinking(hm) | x", llm.StopEnd},
	{"reasoning by its other name, beside empty content", stream(delta1(`"content":"","reasoning":"h"`), delta1(`"content":"","reasoning":"m"`), delta1(`"content":"x"`), ended("stop"), done), "thinking(hm) | x", llm.StopEnd},
	{"reasoning in details", stream(delta1(`"reasoning_details":[{"type":"reasoning.text","text":"hm"}]`), delta1(`"content":"x"`), ended("stop"), done), "thinking(hm) | x", llm.StopEnd},
	{"reasoning said twice", stream(delta1(`"reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm"}]`), delta1(`"content":"x"`), ended("stop"), done), "thinking(hm) | x", llm.StopEnd},
	{"reasoning and text in one chunk, the wrong way round", stream(delta1(`"content":"x","reasoning":"hm"`), ended("stop"), done), "thinking(hm) | x", llm.StopEnd},
	{"reasoning between texts", stream(delta1(`"content":"a"`), delta1(`"reasoning":"hm"`), delta1(`"content":"b"`), ended("stop"), done), "a | thinking(hm) | b", llm.StopEnd},
	{"Mistral's lists", stream(delta1(`"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]`), delta1(`"content":[{"type":"text","text":"x"}]`), ended("stop"), done), "thinking(hm) | x", llm.StopEnd},
	{"a refusal", stream(delta1(`"content":"","refusal":"n"`), delta1(`"refusal":"o"`), ended("stop"), done), "refusal(no)", llm.StopEnd},
	{"STR-01 a call with its first arguments", stream(calls(`{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\""}}`), calls(`{"index":0,"function":{"arguments":":1}"}}`), ended("tool_calls"), done), `call(a f {"x":1})`, llm.StopTool},
	{"a whole call in one chunk", stream(calls(`{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}`), ended("tool_calls"), done), `call(a f {"x":1})`, llm.StopTool},
	{"text, then a call", stream(delta1(`"content":"x"`), calls(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`), ended("tool_calls"), done), `x | call(a f {})`, llm.StopTool},
	{"STR-17 calls whose arguments alternate", stream(calls(`{"index":0,"id":"a","function":{"name":"f","arguments":""}}`, `{"index":1,"id":"b","function":{"name":"g","arguments":""}}`),
		calls(`{"index":0,"function":{"arguments":"{\"x\""}}`), calls(`{"index":1,"function":{"arguments":"{\"y\""}}`), calls(`{"index":1,"function":{"arguments":":2}"}}`), calls(`{"index":0,"function":{"arguments":":1}"}}`),
		ended("tool_calls"), done), `call(a f {"x":1}) | call(b g {"y":2})`, llm.StopTool},
	{
		"calls one after the other", stream(calls(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":\"}{\\\"\"}"}}`), calls(`{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}`), calls(`{"index":0,"function":{"arguments":" "}}`), ended("tool_calls"), done),
		`call(a f {"x":"}{\""}) | call(b g {})`, llm.StopTool,
	},
	{
		"calls without index", stream(calls(`{"id":"a","function":{"name":"f","arguments":"{}"}}`, `{"id":"b","function":{"name":"g","arguments":"{\"x\""}}`), calls(`{"function":{"arguments":":1}"}}`), ended("tool_calls"), done),
		`call(a f {}) | call(b g {"x":1})`, llm.StopTool,
	},
	{
		"calls that all have index 0", stream(calls(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`), calls(`{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}`), ended("tool_calls"), done),
		`call(a f {}) | call(b g {})`, llm.StopTool,
	},
	{"the id again with every piece", stream(calls(`{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}`), calls(`{"index":0,"id":"a","function":{"name":"f","arguments":"}"}}`), ended("tool_calls"), done), `call(a f {})`, llm.StopTool},
	{
		"ids that are missing or twice there", stream(calls(`{"index":0,"function":{"name":"f","arguments":"{}"}}`), calls(`{"index":1,"id":"a","function":{"name":"g","arguments":"{}"}}`), calls(`{"index":2,"id":"a","function":{"name":"h","arguments":"{}"}}`), ended("stop"), done),
		`call(call_0_fd0c5087 f {}) | call(a g {}) | call(call_2_fd0c5087 h {})`, llm.StopTool,
	},
	{"a name that comes late", stream(calls(`{"index":0,"id":"a"}`), calls(`{"index":0,"function":{"name":"f"}}`), calls(`{"index":0,"function":{"arguments":"{}"}}`), ended("tool_calls"), done), `call(a f {})`, llm.StopTool},
	{"no arguments", stream(calls(`{"index":0,"id":"0","function":{"name":"f","arguments":null}}`), ended("tool_calls"), done), `call(0 f)`, llm.StopTool},
	{"arguments as an object", stream(calls(`{"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}}}`), ended("tool_calls"), done), `call(a f {"x":1})`, llm.StopTool},
	{"TOOL-18 arguments cut by the limit", stream(calls(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\": "}}`), ended("length"), done), `call(a f broken:{"x": )`, llm.StopLength},
	{"text in the middle of a call", stream(calls(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}}`), delta1(`"content":"so"`), delta1(`"content":" far"`), calls(`{"index":0,"function":{"arguments":":1}"}}`), ended("tool_calls"), done), `call(a f {"x":1}) | so far`, llm.StopTool},
	{"text in the middle of a call that is never whole", stream(calls(`{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}}`), delta1(`"content":"so"`), ended("length"), done), `call(a f broken:{"x") | so`, llm.StopLength},
	{"text behind a call", stream(calls(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`), delta1(`"content":"so"`), calls(`{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}`), ended("tool_calls"), done), `call(a f {}) | so | call(b g {})`, llm.StopTool},
	{"custom tools", stream(calls(`{"index":0,"id":"a","type":"custom","custom":{"name":"p","input":"*** "}}`), calls(`{"index":0,"custom":{"input":"x"}}`), ended("tool_calls"), done), `custom(a p broken:*** x)`, llm.StopTool},
	{"the older form", stream(delta1(`"function_call":{"name":"f","arguments":""}`), delta1(`"function_call":{"arguments":"{}"}`), ended("function_call"), done), `call(call_0_fd0c5087 f {})`, llm.StopTool},
	{"GEM-01 Google's proof", stream(calls(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"SIG"}}}`), ended("stop"), done), `call(a f {} seal:SIG)`, llm.StopTool},
	{"STOP-07 stop though there are calls", stream(calls(`{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}`), ended("stop"), done), `call(a f {})`, llm.StopTool},
	{"STOP-06 an unknown reason", stream(delta1(`"content":"x"`), ended("odd"), done), "x", llm.StopOther},
	{"STOP-02 filtered", stream(delta1(`"content":"x"`), ended("content_filter"), done), "x", llm.StopFilter},
	{"no reason but the closing word", stream(delta1(`"content":"x"`), done), "x", llm.StopOther},
	{"a reason but no closing word", stream(delta1(`"content":"x"`), ended("stop")), "x", llm.StopEnd},
	{"the last text beside the reason", stream(`{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}`, done), "x", llm.StopEnd},
	{"Azure's chunk about filters", `data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[]}` + "\n\n" + stream(delta1(`"content":"x"`), ended("stop"), done), "x", llm.StopEnd},
	{"other choices", stream(delta1(`"content":"x"`), `{"index":1,"delta":{"content":"y"},"finish_reason":"length"}`, ended("stop"), done), "x", llm.StopEnd},
	{"text that looks like members", stream(delta1(`"content":"\"usage\":{}"`), delta1(`"content":"{\"error\":1}"`), ended("stop"), done), `"usage":{}{"error":1}`, llm.StopEnd},
	{"types that are wrong", stream(delta1(`"content":5,"tool_calls":{},"reasoning":[],"refusal":7`), delta1(`"content":"x"`), ended("stop"), done), "x", llm.StopEnd},
	{"nothing said", stream(delta1(`"role":"assistant"`), ended("stop"), done), "", llm.StopEnd},
}

func TestDecodeStream(t *testing.T) {
	for _, c := range decodeStreamCases {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(6) { // STR-12, STR-13: cut anywhere
				res, e := decodeStream(t, c.body, seed, 1+int(seed)*7)
				if e != nil {
					t.Fatal(e)
				}
				if got := llmtest.DumpParts(res.Parts); got != c.want {
					t.Fatalf("got  %s\nwant %s", got, c.want)
				}
				if res.Stop != c.stop || res.ID != "x" && !strings.Contains(c.name, "Azure") || res.Model != "served" || res.Created != 5 {
					t.Fatalf("%+v", res)
				}
			}
		})
	}
}

func TestDecodeStreamUsage(t *testing.T) {
	want := llm.Usage{Known: true, Input: 4, CacheRead: 6, Output: 2}
	const usage = `{"prompt_tokens":10,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":6}}`
	chunk := func(members string) string { return `data: {"id":"x",` + members + "}\n\n" }
	for _, c := range []struct {
		name, body string
		want       llm.Usage
	}{
		{"in its own chunk", stream(delta1(`"content":"x"`), ended("stop")) + chunk(`"choices":[],"usage":`+usage) + stream(done), want},
		{"USE-08 null later takes nothing away", stream(delta1(`"content":"x"`)) + chunk(`"choices":[`+ended("stop")+`],"usage":`+usage) + chunk(`"choices":[],"usage":null`) + stream(done), want},
		{"USE-04 cumulative, not summed", chunk(`"choices":[`+delta1(`"content":"x"`)+`],"usage":{"prompt_tokens":10,"completion_tokens":1}`) + chunk(`"choices":[`+ended("stop")+`],"usage":`+usage) + stream(done), want},
		{"USE-05 the last one is the truth", chunk(`"choices":[`+delta1(`"content":"x"`)+`],"usage":{"prompt_tokens":5,"completion_tokens":1}`) + stream(ended("stop")) + chunk(`"choices":[],"usage":`+usage) + stream(done), want},
		{"Groq's", stream(delta1(`"content":"x"`)) + chunk(`"choices":[`+ended("stop")+`],"x_groq":{"usage":`+usage+`}`) + stream(done), want},
		{"Moonshot's", stream(delta1(`"content":"x"`), `{"index":0,"delta":{},"finish_reason":"stop","usage":`+usage+`}`, done), want},
		{"USE-10 none", stream(delta1(`"content":"x"`), ended("stop"), done), llm.Usage{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, e := decodeStream(t, c.body, 1, 50)
			if e != nil {
				t.Fatal(e)
			}
			if res.Usage != c.want {
				t.Errorf("got %+v, want %+v", res.Usage, c.want)
			}
		})
	}
}

func TestDecodeStreamFaults(t *testing.T) {
	start := stream(delta1(`"content":"x"`))
	for _, c := range []struct {
		name, body, message string
		kind                llm.ErrorKind
		upstream            bool
	}{
		{"STR-05 broken off", start, "the upstream's answer broke off", llm.ErrUpstream, false},
		{"broken off in a call", stream(calls(`{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}`)), "the upstream's answer broke off", llm.ErrUpstream, false},
		{"STR-03 an error first", `data: {"error":{"message":"too fast","type":"requests","code":"rate_limit_exceeded"}}` + "\n\n", "too fast", llm.ErrRate, true},
		{"an error in the middle, then the closing word", start + `data: {"error":{"message":"broken","code":502}}` + "\n\n" + stream(done), "broken", llm.ErrUpstream, true},
		{"OpenRouter's error beside a choice", start + `data: {"id":"x","error":{"code":"server_error","message":"provider gone"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}` + "\n\n", "provider gone", llm.ErrUpstream, true},
		{"an error in a choice", start + stream(`{"index":0,"delta":{},"error":{"code":429,"message":"slow"},"finish_reason":"error"}`), "slow", llm.ErrRate, true},
		{"only the reason says so", start + stream(ended("error"), done), "the upstream gave up its answer with an error", llm.ErrUpstream, true},
		{"Groq's event", start + "event: error\n" + `data: {"error":{"message":"bad call","type":"invalid_request_error","code":"tool_use_failed","status_code":400}}` + "\n\n", "bad call", llm.ErrInvalid, true},
		{"an event without an envelope", start + "event: error\ndata: {\"message\":\"odd\"}\n\n", "odd", llm.ErrUpstream, true},
		{"ERR-04 the context window", `data: {"error":{"message":"This model's maximum context length is 8 tokens"}}` + "\n\n", "This model's maximum context length is 8 tokens", llm.ErrContext, true},
		{"by its type: a wrong key", `data: {"error":{"message":"m","type":"authentication_error"}}` + "\n\n", "m", llm.ErrAuth, true},
		{"by its type: not allowed", `data: {"error":{"message":"m","type":"permission_error"}}` + "\n\n", "m", llm.ErrForbidden, true},
		{"by its type: too fast", `data: {"error":{"message":"m","type":"rate_limit_error"}}` + "\n\n", "m", llm.ErrRate, true},
		{"ERR-03 by its type: overloaded", `data: {"error":{"message":"m","type":"overloaded_error"}}` + "\n\n", "m", llm.ErrOverloaded, true},
		{"by its code: overloaded", `data: {"error":{"message":"m","code":"overloaded"}}` + "\n\n", "m", llm.ErrOverloaded, true},
		{"by its code: no such model", `data: {"error":{"message":"m","code":"model_not_found"}}` + "\n\n", "m", llm.ErrNotFound, true},
		{"by its type: money", `data: {"error":{"message":"m","type":"insufficient_quota"}}` + "\n\n", "m", llm.ErrBilling, true},
		{"no JSON", start + "data: <html>\n\n", "the upstream's stream holds something that is no JSON object", llm.ErrUpstream, false},
		{"half a chunk", start + "data: {\"choices\":[\n\n", "the upstream's stream holds a chunk that is not JSON", llm.ErrUpstream, false},
		{"nothing", "", "the upstream's stream held no answer", llm.ErrUpstream, false},
		{"nothing but the closing word", stream(done), "the upstream's stream held no answer", llm.ErrUpstream, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, e := decodeStream(t, c.body, 1, 50)
			if e == nil || e.Kind != c.kind || e.Message != c.message || e.Upstream != c.upstream {
				t.Errorf("got %+v, want %s: %s", e, c.kind, c.message)
			}
		})
	}
}

// Nothing is yielded behind the end, and a yield that fails stops the chunk.
func TestDecodeStreamEnds(t *testing.T) {
	g := llmtest.NewGrammar()
	d := Dialect{}.NewStreamDecoder()
	for _, data := range []string{`{"id":"x","choices":[` + ended("stop") + `]}`, "[DONE]", "[DONE]", `{"choices":[` + delta1(`"content":"x"`) + `]}`, "nonsense"} {
		if err := d.Frame(wire.Frame{Data: []byte(data)}, g.Yield); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
	}
	if err := d.End(g.Yield); err != nil || !g.Over() {
		t.Errorf("end: %v", err)
	}
}

// A stream that mixes its parts without end is given up, not kept.
func TestDecodeStreamIsBounded(t *testing.T) {
	yield := func(*llm.Event) error { return nil }
	var fault *llm.Error
	watch := func(e *llm.Event) error {
		if e.Kind == llm.EventFault {
			fault = e.Err
		}
		return yield(e)
	}
	big := strings.Repeat("y", 1<<20)
	d := Dialect{}.NewStreamDecoder()
	first := []string{`{"id":"x","choices":[` + calls(`{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}`) + `]}`}
	for range 40 {
		first = append(first, `{"id":"x","choices":[`+delta1(`"content":"`+big+`"`)+`]}`)
	}
	for _, data := range first {
		if err := d.Frame(wire.Frame{Data: []byte(data)}, watch); err != nil {
			t.Fatal(err)
		}
	}
	if fault == nil {
		t.Error("40 MB were held")
	}
}

// What a chunk means does not depend on the chunks before it: streams are decoded
// with shapes remembered and with every chunk read whole.
func TestShapesChangeNothing(t *testing.T) {
	plain := `{"id":"x","choices":[{"index":0,"delta":{"content":"%"},"finish_reason":null}],"usage":null,"obfuscation":"*"}`
	fill := func(text, pad string) string {
		return strings.NewReplacer("%", text, "*", pad).Replace(plain)
	}
	var chunks []string
	for _, c := range [][2]string{{"a", "x1"}, {"bc", "y"}, {`q\"r`, "z"}, {"d", ""}, {"", "zz"}, {"é", "a"}, {"assistant", `p\"q`}, {"\xff", "u"}, {`t\\`, "v"}, {"ok", "w"}} {
		chunks = append(chunks, fill(c[0], c[1]))
	}
	chunks = append(chunks,
		`{"id":"x","choices":[{"index":0,"delta":{"content":"e"},"finish_reason":null}],"usage":{"prompt_tokens":3},"obfuscation":"x"}`,
		`{"id":"x","choices":[{"index":1,"delta":{"content":"no"},"finish_reason":null}],"usage":null,"obfuscation":"x"}`,
		`{"id":"x","choices":[{"index":0,"delta":{"content":"f"},"finish_reason":"stop"}],"usage":null,"obfuscation":"x"}`)
	run := func(forget bool) string {
		d := &streamDecoder{}
		g := llmtest.NewGrammar()
		for _, c := range chunks {
			if forget {
				d.shape.forget()
			}
			if err := d.Frame(wire.Frame{Data: []byte(c)}, g.Yield); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.End(g.Yield); err != nil {
			t.Fatal(err)
		}
		res, e := g.Collector.Response()
		if e != nil {
			t.Fatal(e)
		}
		return llmtest.DumpParts(res.Parts)
	}
	want := "abcq\"rdéassistant\uFFFDt\\okef"
	if a, b := run(false), run(true); a != want || b != want {
		t.Errorf("remembered %q, read %q, want %q", a, b, want)
	}
}

func TestShapeMatches(t *testing.T) {
	chunk := []byte(`{"role":"a","content":"a","last":"pad"}`)
	var s shape
	s.keep(chunk, chunk[23:24])
	if text, ok := s.match([]byte(`{"role":"a","content":"bcd","last":"other"}`)); !ok || string(text) != "bcd" {
		t.Errorf("%q %v", text, ok)
	}
	for _, other := range []string{
		`{"role":"b","content":"bcd","last":"pad"}`, `{"role":"a","content":"","last":"pad"}`, `{"role":"a","content":"b\"","last":"pad"}`,
		`{"role":"a","content":"b","last":"pad","error":{}}`, `{"role":"a","content":"b","last":"pad"} `, `{"role":"a","content":"b","last":"p\"}`, `{"role":"a","content":"b","last":"p"`, `{"role":"a","content":"b`,
	} {
		if text, ok := s.match([]byte(other)); ok {
			t.Errorf("%s matched with %q", other, text)
		}
	}
	s.keep(chunk, []byte("a")) // a text that only reads the same
	if _, ok := s.match(chunk); ok {
		t.Error("kept a shape around a text that is not part of the chunk")
	}
}
