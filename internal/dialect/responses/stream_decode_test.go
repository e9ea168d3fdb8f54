package responses

import (
	"fmt"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// events makes a stream of events, each given by its type without "response." and
// the members that follow.
func events(list ...string) string {
	var b strings.Builder
	for i, e := range list {
		kind, members, _ := strings.Cut(e, " ")
		if kind != "error" {
			kind = "response." + kind
		}
		if members != "" {
			members = "," + members
		}
		fmt.Fprintf(&b, "event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%d%s}\n\n", kind, kind, i, members)
	}
	return b.String()
}

const (
	created   = `created "response":{"id":"resp_1","model":"gpt","created_at":7,"status":"in_progress","output":[]}`
	completed = `completed "response":{"id":"resp_1","status":"completed","output":[],"usage":{"input_tokens":3,"output_tokens":2}}`
	msgAdded  = `output_item.added "output_index":0,"item":{"type":"message","id":"msg_1","content":[]}`
	msgDone   = `output_item.done "output_index":0,"item":{"type":"message","id":"msg_1","content":[{"type":"output_text","text":"ab"}]}`
	partAdded = `content_part.added "output_index":0,"content_index":0,"part":{"type":"output_text","text":""}`
	callAdded = `output_item.added "output_index":1,"item":{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":""}`
	callDone  = `output_item.done "output_index":1,"item":{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"a\":1}"}`
)

func word(index int, s string) string {
	return fmt.Sprintf(`output_text.delta "output_index":%d,"content_index":0,"delta":%s`, index, quoted(s))
}

func argument(index int, s string) string {
	return fmt.Sprintf(`function_call_arguments.delta "output_index":%d,"delta":%s`, index, quoted(s))
}

func summary(part int, s string) string {
	return fmt.Sprintf(`reasoning_summary_text.delta "output_index":0,"summary_index":%d,"delta":%s`, part, quoted(s))
}

var decodeStreamCases = []struct {
	name, body string
	want       string
	stop       llm.Stop
}{
	{"text", events(created, msgAdded, partAdded, word(0, "a"), word(0, "b"), `output_text.done "output_index":0,"content_index":0,"text":"ab"`, msgDone, completed), "ab", llm.StopEnd},
	{
		"text and a call", events(created, msgAdded, partAdded, word(0, "ab"), msgDone, callAdded, argument(1, `{"a"`), argument(1, `:1}`), `function_call_arguments.done "output_index":1,"arguments":"{\"a\":1}"`, callDone, completed),
		`ab | call(call_1 f {"a":1})`, llm.StopTool,
	},
	{"STR-01 arguments with the item that opens, and only at the end", events(created, callAdded, callDone, completed), `call(call_1 f {"a":1})`, llm.StopTool},
	{"a call that opens without a name", events(created, `output_item.added "output_index":1,"item":{"type":"function_call"}`, argument(1, `{"a":1}`), callDone, completed), `call(call_1 f {"a":1})`, llm.StopTool},
	{"no deltas", events(created, msgAdded, partAdded, `output_text.done "output_index":0,"content_index":0,"text":"ab"`, msgDone, completed), "ab", llm.StopEnd},
	{"items at their end only", events(created, msgDone, callDone, completed), `ab | call(call_1 f {"a":1})`, llm.StopTool},
	{
		"items in the last event only", events(created, `completed "response":{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"ab","annotations":[{"u":1}]},{"type":"refusal","refusal":"no"}]},{"type":"reasoning","summary":[{"text":"t"}],"encrypted_content":"g"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"web_search_call","id":"w"}]}`),
		"ab | refusal(no) | thinking(t sig:" + sealed("t", "g") + `) | call(c f {}) | native(responses web_search_call {"type":"web_search_call","id":"w"})`, llm.StopTool,
	},
	{"no end of the item", events(created, msgAdded, word(0, "ab"), completed), "ab", llm.StopEnd},
	{"no start of the item", events(created, word(0, "ab"), msgDone, completed), "ab", llm.StopEnd},
	{"no indexes", events(created, `output_item.added "item":{"type":"message"}`, `output_text.delta "delta":"a"`, `output_item.done "item":{"type":"message"}`, `output_text.delta "delta":"b"`, `output_item.done "item":{"type":"message"}`, completed), "a | b", llm.StopEnd},
	{"no event names", strings.ReplaceAll(events(created, msgAdded, word(0, "ab"), msgDone, completed), "event: ", ": "), "ab", llm.StopEnd},
	{"no types", "event: response.created\ndata: {\"response\":{}}\n\nevent: response.output_text.delta\ndata: {\"delta\":\"a\",\"output_index\":0}\n\nevent: response.completed\ndata: {\"response\":{}}\n\n", "a", llm.StopEnd},
	{"two texts", events(created, msgAdded, word(0, "a"), `output_text.delta "output_index":0,"content_index":1,"delta":"b"`, `refusal.delta "output_index":0,"content_index":2,"delta":"no"`, `refusal.done "output_index":0,"content_index":2,"refusal":"no"`, msgDone, completed), "a | b | refusal(no)", llm.StopEnd},
	{
		"RSP-01 a summary in parts, and its proof", events(created, `output_item.added "output_index":0,"item":{"type":"reasoning","summary":[]}`, `reasoning_summary_part.added "output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}`, summary(0, "x"), summary(0, "y"), summary(1, "z"),
			`reasoning_summary_text.done "output_index":0,"summary_index":2,"text":"w"`, `output_item.done "output_index":0,"item":{"type":"reasoning","summary":[],"encrypted_content":"gAAA"}`, completed),
		"thinking(xy\n\nz\n\nw sig:" + sealed("xy\n\nz\n\nw", "gAAA") + ")", llm.StopEnd,
	},
	{"THK-03 a proof without text", events(created, `output_item.done "output_index":0,"item":{"type":"reasoning","summary":[],"encrypted_content":"gAAA"}`, completed), "thinking(sig:" + sealed("", "gAAA") + ")", llm.StopEnd},
	{"reasoning that says nothing", events(created, `output_item.added "output_index":0,"item":{"type":"reasoning","summary":[]}`, `output_item.done "output_index":0,"item":{"type":"reasoning","summary":[]}`, completed), "", llm.StopEnd},
	{"open reasoning, summed up afterwards", events(created, `reasoning_text.delta "output_index":0,"content_index":0,"delta":"r"`, summary(0, "s"), `output_item.done "output_index":0,"item":{"type":"reasoning"}`, completed), "thinking(r)", llm.StopEnd},
	{
		"a custom tool's call", events(created, `output_item.added "output_index":0,"item":{"type":"custom_tool_call","call_id":"c","name":"p"}`, `custom_tool_call_input.delta "output_index":0,"delta":"*** "`, `custom_tool_call_input.delta "output_index":0,"delta":"x"`, `output_item.done "output_index":0,"item":{"type":"custom_tool_call","call_id":"c","name":"p","input":"*** x"}`, completed),
		"custom(c p broken:*** x)", llm.StopTool,
	},
	{"a call in a group", events(created, `output_item.done "output_index":0,"item":{"type":"function_call","call_id":"c","namespace":"ns","name":"f","arguments":"{}"}`, completed), "call(c ns__f {})", llm.StopTool},
	{
		"RSP-05 items of tools that OpenAI runs", events(created, `output_item.added "output_index":0,"item":{"type":"web_search_call","id":"ws"}`, `web_search_call.in_progress "output_index":0`, `web_search_call.completed "output_index":0`, `output_item.done "output_index":0,"item":{"type":"web_search_call","id":"ws","action":{}}`, completed),
		`native(responses web_search_call {"type":"web_search_call","id":"ws","action":{}})`, llm.StopEnd,
	},
	{"items that come interleaved", events(created, msgAdded, callAdded, argument(1, `{"a"`), word(0, "a"), argument(1, ":1}"), callDone, word(0, "b"), msgDone, completed), `ab | call(call_1 f {"a":1})`, llm.StopTool},
	{"items that come interleaved and never end", events(created, msgAdded, callAdded, argument(1, `{"a":1}`), word(0, "ab"), completed), `ab | call(call_1 f {"a":1})`, llm.StopTool},
	{"items in another order", events(created, callAdded, argument(1, `{"a":1}`), msgAdded, word(0, "ab"), msgDone, callDone, completed), `call(call_1 f {"a":1}) | ab`, llm.StopTool},
	{"what comes behind the end of its item", events(created, msgAdded, word(0, "ab"), msgDone, word(0, "late"), msgDone, callDone, word(0, "late"), completed), `ab | call(call_1 f {"a":1})`, llm.StopTool},
	{"keep-alives", "event: keepalive\ndata: {\"type\":\"keepalive\",\"sequence_number\":0}\n\n: hi\n\n" + events(created, msgAdded, word(0, "a"), completed) + "data: [DONE]\n\n", "a", llm.StopEnd},
	{"incomplete", events(created, msgAdded, word(0, "a"), msgDone, `incomplete "response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}`), "a", llm.StopLength},
	{"filtered", events(created, `incomplete "response":{"status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[]}`), "", llm.StopFilter},
	{"nothing said", events(created, completed), "", llm.StopEnd},
}

func TestDecodeStream(t *testing.T) {
	for _, c := range decodeStreamCases {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(20) {
				got, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewSSE(llmtest.Chopped([]byte(c.body), seed, 1+int(seed*7)), 0))
				if fault != nil {
					t.Fatal(fault)
				}
				if llmtest.DumpParts(got.Parts) != c.want || got.Stop != c.stop {
					t.Fatalf("got\n%s, stop %s\nwant\n%s, stop %s", llmtest.DumpParts(got.Parts), got.Stop, c.want, c.stop)
				}
			}
		})
	}
}

func TestStreamsThatFail(t *testing.T) {
	failed := `failed "response":{"status":"failed","output":[],"error":{"code":"rate_limit_exceeded","message":"slow"}}`
	for _, c := range []struct {
		name, body string
		kind       llm.ErrorKind
		says       string
		upstream   bool // the upstream said it
		parts      int  // begun before
	}{
		{"STOP-09 failed", events(created, msgAdded, word(0, "a"), failed), llm.ErrRate, "slow", true, 1},
		{"STR-04 failed before anything was said", events(created, `in_progress "response":{}`, failed), llm.ErrRate, "slow", true, 0},
		{"STR-04 an error behind response.created, also with items open", events(created, msgAdded, partAdded, `error "code":"insufficient_quota","message":"spent","param":null`), llm.ErrBilling, "spent", true, 0},
		{"STR-03 an error at once", events(`error "error":{"type":"invalid_request_error","code":"context_length_exceeded","message":"long"}`), llm.ErrContext, "long", true, 0},
		{"an error without a type", "data: {\"error\":{\"message\":\"m\"}}\n\n", llm.ErrUpstream, "m", true, 0},
		{"STOP-09 completed, and failed", events(created, `completed "response":{"status":"failed","error":{"code":"server_error","message":"m"},"output":[]}`), llm.ErrUpstream, "m", true, 0},
		{"cancelled", events(created, `cancelled "response":{"status":"cancelled"}`), llm.ErrUpstream, "error", true, 0},
		{"STR-05 broken off", events(created, msgAdded, word(0, "a"), msgDone), llm.ErrUpstream, "broke off", true, 1},
		{"nothing at all", "", llm.ErrUpstream, "no answer", true, 0},
		{"no JSON", "data: <html>\n\n", llm.ErrUpstream, "no JSON object", true, 0},
		{"cut JSON", events(created) + "data: {\"type\":\n\n", llm.ErrUpstream, "no JSON object", true, 0},
		{"an index out of all bounds", events(created, `output_item.added "output_index":99999999,"item":{}`), llm.ErrUpstream, "more items", true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := llmtest.NewGrammar()
			parts := 0
			dec := Dialect{}.NewStreamDecoder()
			frames := wire.NewSSE(strings.NewReader(c.body), 0)
			var last *llm.Error
			yield := func(e *llm.Event) error {
				if e.Kind == llm.EventPartStart {
					parts++
				}
				if e.Kind == llm.EventFault {
					last = e.Err
				}
				return g.Yield(e)
			}
			llmtest.Relay(t, dec, frames, yield)
			if last == nil || last.Kind != c.kind || !strings.Contains(last.Message, c.says) || last.Upstream != c.upstream || parts != c.parts {
				t.Errorf("%+v after %d parts", last, parts)
			}
		})
	}
}

func TestStartAndFinish(t *testing.T) {
	var start, finish llm.Event
	dec := Dialect{}.NewStreamDecoder()
	frames := wire.NewSSE(strings.NewReader(events(created, `in_progress "response":{"id":"other"}`, completed)), 0)
	for {
		f, err := frames.Next()
		if err != nil {
			break
		}
		_ = dec.Frame(f, func(e *llm.Event) error {
			if e.Kind == llm.EventStart {
				start = *e
			} else {
				finish = *e
			}
			return nil
		})
	}
	if start.ID != "resp_1" || start.Model != "gpt" || start.Created != 7 {
		t.Errorf("STR-02 start %+v", start)
	}
	if finish.Usage != (llm.Usage{Known: true, Input: 3, Output: 2}) || finish.NativeStop != "completed" {
		t.Errorf("finish %+v", finish)
	}
}

func TestAnnotations(t *testing.T) {
	body := events(created, msgAdded, partAdded, word(0, "a"), `output_text.annotation.added "output_index":0,"content_index":0,"annotation_index":0,"annotation":{"type":"url_citation"}`, msgDone, completed)
	enc := Dialect{}.NewStreamEncoder(&llm.Request{Model: "m"})
	dec := Dialect{}.NewStreamDecoder()
	var out []byte
	frames := wire.NewSSE(strings.NewReader(body), 0)
	for {
		f, err := frames.Next()
		if err != nil {
			break
		}
		_ = dec.Frame(f, func(e *llm.Event) error { out = enc.Append(out, e); return nil })
	}
	if got := brief(stream(t, string(out)).Response.Output); got != `message(output_text:a{"type":"url_citation"})` || !strings.Contains(string(out), "response.output_text.annotation.added") {
		t.Errorf("%s in %s", got, out)
	}
}

// TestHeldEventsAreBounded: items that never get their turn cannot fill the memory.
func TestHeldEventsAreBounded(t *testing.T) {
	dec := Dialect{}.NewStreamDecoder()
	var fault *llm.Error
	yield := func(e *llm.Event) error { fault = e.Err; return nil }
	frame := func(e string) {
		_, data, _ := strings.Cut(events(e), "data: ")
		_ = dec.Frame(wire.Frame{Data: []byte(data)}, yield)
	}
	frame(created)
	frame(msgAdded)
	long := strings.Repeat("x", 1<<20)
	for range maxHeld>>20 + 1 {
		frame(argument(1, long))
	}
	if fault == nil || !strings.Contains(fault.Message, "more items") {
		t.Errorf("fault %v", fault)
	}
}
