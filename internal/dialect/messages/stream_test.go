package messages

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// sse makes a stream of payloads, each with the name its type says.
func sse(payloads ...string) []byte {
	var out []byte
	for _, p := range payloads {
		r := wire.NewReader([]byte(p))
		out = wire.AppendSSE(out, string(peek(*r, "type")), []byte(p))
	}
	return out
}

const (
	startFrame = `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[],"usage":{"input_tokens":5,"cache_read_input_tokens":7,"cache_creation_input_tokens":9,"cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":5},"output_tokens":1}}}`
	stopFrame  = `{"type":"message_stop"}`
)

func opened(i int, block string) string {
	return fmt.Sprintf(`{"type":"content_block_start","index":%d,"content_block":%s}`, i, block)
}

func more(i int, delta string) string {
	return fmt.Sprintf(`{"type":"content_block_delta","index":%d,"delta":%s}`, i, delta)
}
func closed(i int) string { return fmt.Sprintf(`{"type":"content_block_stop","index":%d}`, i) }
func ended(reason string, output int) string {
	return fmt.Sprintf(`{"type":"message_delta","delta":{"stop_reason":%q,"stop_sequence":null},"usage":{"output_tokens":%d}}`, reason, output)
}

func decodeStream(t testing.TB, data []byte) (*llm.Response, *llm.Error) {
	t.Helper()
	return llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewSSE(strings.NewReader(string(data)), 0))
}

func TestDecodeStream(t *testing.T) {
	cases := []struct {
		id     string
		frames []string
		want   *llm.Response
	}{
		{
			"text, thinking, call",
			[]string{
				startFrame, `{"type":"ping"}`,
				opened(0, `{"type":"thinking","thinking":"","signature":""}`), more(0, `{"type":"thinking_delta","thinking":"h\u00e9"}`), more(0, `{"type":"thinking_delta","thinking":"m"}`), more(0, `{"type":"signature_delta","signature":"SIG"}`), closed(0),
				opened(1, `{"type":"text","text":""}`), more(1, `{"type":"text_delta","text":"a\n"}`), more(1, `{"type":"text_delta","text":"b"}`), closed(1),
				opened(2, `{"type":"tool_use","id":"t1","name":"f","input":{}}`), more(2, `{"type":"input_json_delta","partial_json":""}`), more(2, `{"type":"input_json_delta","partial_json":"{\"x\":"}`), more(2, `{"type":"input_json_delta","partial_json":"1}"}`), closed(2),
				ended("tool_use", 20), stopFrame,
			},
			&llm.Response{
				ID: "msg_1", Model: "claude-x", Stop: llm.StopTool, NativeStop: "tool_use",
				Parts: []llm.Part{&llm.Thinking{Text: "hém", Signature: "SIG"}, say("a\nb"), call("t1", "f", `{"x":1}`)},
				Usage: llm.Usage{Known: true, Input: 5, CacheRead: 7, CacheWrite5m: 4, CacheWrite1h: 5, Output: 20},
			},
		},
		{
			"USE-04 USE-05 USE-08 last value wins, absent leaves",
			[]string{
				startFrame,
				`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":500,"output_tokens":3,"cache_creation_input_tokens":12,"output_tokens_details":{"thinking_tokens":2}}}`,
				`{"type":"message_delta","delta":{},"usage":{"output_tokens":4}}`, stopFrame,
			},
			&llm.Response{
				ID: "msg_1", Model: "claude-x", Stop: llm.StopEnd, NativeStop: "end_turn",
				Usage: llm.Usage{Known: true, Input: 500, CacheRead: 7, CacheWrite5m: 7, CacheWrite1h: 5, Output: 4, Reasoning: 2},
			},
		},
		{
			"THK-03 STR-01 signature only, input in the start",
			[]string{
				startFrame,
				opened(0, `{"type":"thinking","thinking":"","signature":""}`), more(0, `{"type":"signature_delta","signature":"SIG"}`), closed(0),
				opened(1, `{"type":"tool_use","id":"t1","name":"f","input":{"a":1}}`), closed(1), opened(2, `{"type":"tool_use","id":"t2","name":"g","input":""}`), closed(2), ended("end_turn", 1), stopFrame,
			},
			&llm.Response{
				ID: "msg_1", Model: "claude-x", Stop: llm.StopTool, NativeStop: "end_turn",
				Parts: []llm.Part{&llm.Thinking{Signature: "SIG"}, call("t1", "f", `{"a":1}`), &llm.ToolCall{ID: "t2", Name: "g"}},
				Usage: llm.Usage{Known: true, Input: 5, CacheRead: 7, CacheWrite5m: 4, CacheWrite1h: 5, Output: 1},
			},
		},
		{
			"THK-06 STOP-01 STOP-10 redacted, refusal",
			[]string{
				startFrame, opened(0, `{"type":"redacted_thinking","data":"R"}`), closed(0),
				`{"type":"message_delta","delta":{"stop_reason":"refusal","stop_sequence":"x","stop_details":{"type":"refusal","category":null}},"usage":{"output_tokens":1}}`, stopFrame,
			},
			&llm.Response{
				ID: "msg_1", Model: "claude-x", Stop: llm.StopFilter, NativeStop: "refusal", StopSequence: "x", StopDetails: []byte(`{"type":"refusal","category":null}`),
				Parts: []llm.Part{&llm.Thinking{Redacted: "R"}}, Usage: llm.Usage{Known: true, Input: 5, CacheRead: 7, CacheWrite5m: 4, CacheWrite1h: 5, Output: 1},
			},
		},
		{
			"THK-16 thinking in a block opened as text",
			[]string{
				`{"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}}`,
				opened(0, `{"type":"text","text":""}`), more(0, `{"type":"thinking_delta","thinking":"hm"}`), more(0, `{"type":"text_delta","text":"a"}`), closed(0), ended("end_turn", 1), stopFrame,
			},
			&llm.Response{ID: "m", Stop: llm.StopEnd, NativeStop: "end_turn", Parts: []llm.Part{say(""), &llm.Thinking{Text: "hm"}, say("a")}, Usage: llm.Usage{Known: true, Input: 1, Output: 1}},
		},
		{
			"STR-15 numbers skipped, a stop and the start missing, keys in another order",
			[]string{
				`{"index":3,"content_block":{"text":"x","type":"text"},"type":"content_block_start"}`, `{"delta":{"text":"y","type":"text_delta"},"index":3,"type":"content_block_delta"}`,
				opened(7, `{"type":"tool_use","id":"t","name":"f","input":{}}`), ended("tool_use", 1), stopFrame,
			},
			&llm.Response{Stop: llm.StopTool, NativeStop: "tool_use", Parts: []llm.Part{say("xy"), &llm.ToolCall{ID: "t", Name: "f"}}, Usage: llm.Usage{Known: true, Output: 1}},
		},
		{
			"STR-02 a second start",
			[]string{startFrame, startFrame, opened(0, `{"type":"text","text":""}`), more(0, `{"type":"text_delta","text":"a"}`), closed(0), ended("end_turn", 2), stopFrame, stopFrame},
			&llm.Response{
				ID: "msg_1", Model: "claude-x", Stop: llm.StopEnd, NativeStop: "end_turn", Parts: []llm.Part{say("a")},
				Usage: llm.Usage{Known: true, Input: 5, CacheRead: 7, CacheWrite5m: 4, CacheWrite1h: 5, Output: 2},
			},
		},
		{
			"no last frame, but a reason to stop",
			[]string{startFrame, opened(0, `{"type":"text","text":""}`), more(0, `{"type":"text_delta","text":"a"}`), closed(0), ended("max_tokens", 2)},
			&llm.Response{
				ID: "msg_1", Model: "claude-x", Stop: llm.StopLength, NativeStop: "max_tokens", Parts: []llm.Part{say("a")},
				Usage: llm.Usage{Known: true, Input: 5, CacheRead: 7, CacheWrite5m: 4, CacheWrite1h: 5, Output: 2},
			},
		},
		{
			"TOOL-18 cut arguments",
			[]string{
				`{"type":"message_start","message":{"id":"m"}}`, opened(0, `{"type":"tool_use","id":"t","name":"f","input":{}}`), more(0, `{"type":"input_json_delta","partial_json":"{\"a"}`), closed(0),
				`{"type":"message_delta","delta":{"stop_reason":"max_tokens"}}`, stopFrame,
			},
			&llm.Response{ID: "m", Stop: llm.StopLength, NativeStop: "max_tokens", Parts: []llm.Part{&llm.ToolCall{ID: "t", Name: "f", Broken: `{"a`}}},
		},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			data := sse(c.frames...)
			for seed := range uint64(20) {
				got, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewSSE(llmtest.Chopped(data, seed, 1+int(seed)*3), 0))
				if fault != nil {
					t.Fatal(fault)
				}
				if !reflect.DeepEqual(got, c.want) {
					t.Fatalf("seed %d:\n got %+v\nwant %+v", seed, got, c.want)
				}
			}
			t.Run("as chunks of InvokeModel", func(t *testing.T) {
				var wrapped []byte
				for _, f := range c.frames {
					wrapped = wire.AppendEventStream(wrapped, []byte(`{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(f))+`","p":"abcd"}`), ":event-type", "chunk", ":message-type", "event")
				}
				got, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewEventStream(llmtest.Chopped(wrapped, 3, 40), 0))
				if fault != nil || !reflect.DeepEqual(got, c.want) {
					t.Errorf("got %+v, %v", got, fault)
				}
			})
		})
	}
}

func TestDecodeStreamFaults(t *testing.T) {
	half := []string{startFrame, opened(0, `{"type":"text","text":""}`), more(0, `{"type":"text_delta","text":"a"}`)}
	cases := []struct {
		id    string
		data  []byte
		kind  llm.ErrorKind
		words string
	}{
		{"STR-05 broken off", sse(half...), llm.ErrUpstream, "broke off"},
		{"STR-08 empty", nil, llm.ErrUpstream, "before it began"},
		{"STR-03 an error first", sse(`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`), llm.ErrOverloaded, "Overloaded"},
		{"an error inside", sse(append(half, `{"type":"error","error":{"type":"api_error","message":"boom"}}`)...), llm.ErrUpstream, "boom"},
		{"an error without a type", []byte("data: {\"error\":{\"message\":\"odd\"}}\n\n"), llm.ErrUpstream, "odd"},
		{"an error by its event name", []byte("event: error\ndata: {\"message\":\"odd\"}\n\n"), llm.ErrUpstream, "odd"},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			_, fault := decodeStream(t, c.data)
			if fault == nil || fault.Kind != c.kind || !strings.Contains(fault.Message, c.words) || !fault.Upstream {
				t.Errorf("got %v", fault)
			}
		})
	}
	t.Run("STR-19 exception frames", func(t *testing.T) {
		data := wire.AppendEventStream(nil, []byte(`{"message":"slow down"}`), ":message-type", "exception", ":exception-type", "throttlingException")
		_, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewEventStream(strings.NewReader(string(data)), 0))
		if fault == nil || fault.Kind != llm.ErrRate || fault.Message != "slow down" || fault.UpstreamStatus != 429 || fault.Type != "ThrottlingException" {
			t.Errorf("got %+v", fault)
		}
	})
	t.Run("frames that are no JSON", func(t *testing.T) {
		for _, bad := range []string{"<html>", `{"type":"message_start"`, `{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"x"}}`, `{"type":"content_block_start"}`} {
			err := Dialect{}.NewStreamDecoder().Frame(wire.Frame{Data: []byte(bad)}, func(*llm.Event) error { return nil })
			var e *llm.Error
			if !errors.As(err, &e) || e.Kind != llm.ErrUpstream {
				t.Errorf("%s: %v", bad, err)
			}
		}
	})
	t.Run("nothing after the end", func(t *testing.T) {
		d := Dialect{}.NewStreamDecoder()
		g := llmtest.NewGrammar()
		for _, f := range []string{startFrame, ended("end_turn", 1), stopFrame, startFrame, opened(0, `{"type":"text","text":"x"}`)} {
			if err := d.Frame(wire.Frame{Data: []byte(f)}, g.Yield); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.End(g.Yield); err != nil || g.Events != 2 {
			t.Errorf("%d events, %v", g.Events, err)
		}
	})
	t.Run("a consumer that gives up", func(t *testing.T) {
		stop := errors.New("enough")
		d := Dialect{}.NewStreamDecoder()
		if err := d.Frame(wire.Frame{Data: []byte(startFrame)}, func(*llm.Event) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("got %v", err)
		}
	})
}

// encodeStream writes events as a client gets them.
func encodeStream(req *llm.Request, events ...*llm.Event) string {
	enc := Dialect{}.NewStreamEncoder(req)
	var out []byte
	for _, e := range events {
		out = enc.Append(out, e)
	}
	return string(out)
}

func TestEncodeStream(t *testing.T) {
	req := &llm.Request{Model: "alias", Tools: []llm.Tool{{Name: "a.b"}}}
	got := encodeStream(req,
		&llm.Event{Kind: llm.EventStart, ID: "gen-1", Usage: llm.Usage{Input: 5, CacheRead: 7}},
		&llm.Event{Kind: llm.EventPartStart, Part: &llm.Thinking{}},
		&llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte("h\"m")},
		&llm.Event{Kind: llm.EventPartEnd},
		&llm.Event{Kind: llm.EventPartStart, Index: 1, Part: &llm.Native{Dialect: "chat", Type: "audio"}},
		&llm.Event{Kind: llm.EventDelta, Index: 1, Delta: llm.DeltaNative, Part: &llm.Native{Dialect: "chat"}, Text: []byte("{}")},
		&llm.Event{Kind: llm.EventPartEnd, Index: 1},
		&llm.Event{Kind: llm.EventPartStart, Index: 2, Part: &llm.Text{}},
		&llm.Event{Kind: llm.EventDelta, Index: 2, Delta: llm.DeltaText, Text: []byte("é\n")},
		&llm.Event{Kind: llm.EventDelta, Index: 2, Delta: llm.DeltaNative, Part: &llm.Native{Dialect: name}, Text: []byte("{\"type\":\"citations_delta\",\n\"citation\":{}}")},
		&llm.Event{Kind: llm.EventPartEnd, Index: 2},
		&llm.Event{Kind: llm.EventPartStart, Index: 3, Part: &llm.ToolCall{ID: "f:0", Name: llm.ShortName("a.b", 64)}},
		&llm.Event{Kind: llm.EventDelta, Index: 3, Delta: llm.DeltaInput, Text: []byte(`{"a":`)},
		&llm.Event{Kind: llm.EventDelta, Index: 3, Delta: llm.DeltaInput, Text: []byte(`1}`)},
		&llm.Event{Kind: llm.EventPartEnd, Index: 3},
		&llm.Event{Kind: llm.EventFinish, Stop: llm.StopTool, Usage: llm.Usage{Known: true, Input: 5, CacheRead: 7, Output: 9}})
	want := "event: message_start\n" + `data: {"type":"message_start","message":{"id":"msg_gen-1","type":"message","role":"assistant","model":"alias","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,"cache_creation_input_tokens":0,"cache_read_input_tokens":7,"output_tokens":0}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"h\"m"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"` + unsignedSeal() + `"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"é\n"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"citations_delta", "citation":{}}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"` + llm.ShortID("f:0", 64) + `","name":"a.b","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"1}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":5,"cache_creation_input_tokens":0,"cache_read_input_tokens":7,"output_tokens":9}}

event: message_stop
data: {"type":"message_stop"}

`
	if got != want {
		t.Errorf("STR-20 STR-15:\n%s", firstDifference(got, want))
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			return fmt.Sprintf("line %d:\n got %s\nwant %s", i, strings.Join(g[min(i, len(g)):min(i+2, len(g))], "\n"), strings.Join(w[min(i, len(w)):min(i+2, len(w))], "\n"))
		}
	}
	return ""
}

func TestEncodeStreamEnds(t *testing.T) {
	start, text := &llm.Event{Kind: llm.EventStart, ID: "msg_1"}, &llm.Event{Kind: llm.EventPartStart, Part: &llm.Text{Text: "a"}}
	fault := &llm.Event{Kind: llm.EventFault, Err: &llm.Error{Kind: llm.ErrOverloaded, Message: "too much"}}
	finish := &llm.Event{Kind: llm.EventFinish}
	t.Run("STR-05 ERR-11 a fault is the last word", func(t *testing.T) {
		enc := Dialect{}.NewStreamEncoder(&llm.Request{})
		out := enc.Append(enc.Append(enc.Append(nil, start), text), fault)
		const want = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"too much\"}}\n\n"
		if !strings.HasSuffix(string(out), want) {
			t.Errorf("got %s", out)
		}
		if after := enc.Heartbeat(enc.Append(enc.Append(nil, finish), fault)); len(after) > 0 {
			t.Errorf("more: %s", after)
		}
	})
	t.Run("STOP-06 an end whatever came", func(t *testing.T) {
		out := encodeStream(&llm.Request{}, finish)
		for _, e := range []string{"message_start", "message_delta", "message_stop"} {
			if strings.Count(out, "event: "+e+"\n") != 1 {
				t.Errorf("no %s: %s", e, out)
			}
		}
		if !strings.Contains(out, `"stop_reason":"end_turn"`) {
			t.Errorf("got %s", out)
		}
	})
	t.Run("an open block is closed", func(t *testing.T) {
		if out := encodeStream(&llm.Request{}, start, text, finish); strings.Count(out, "event: content_block_stop") != 1 {
			t.Errorf("got %s", out)
		}
	})
	t.Run("STR-10 ping", func(t *testing.T) {
		if out := (Dialect{}).NewStreamEncoder(&llm.Request{}).Heartbeat(nil); string(out) != "event: ping\ndata: {\"type\":\"ping\"}\n\n" {
			t.Errorf("got %s", out)
		}
	})
}

// TestRoundTrip sends whole answers through the encoder and back.
func TestRoundTrip(t *testing.T) {
	usage := llm.Usage{Known: true, Input: 3, Output: 9, CacheRead: 1, CacheWrite5m: 2, CacheWrite1h: 4, Reasoning: 5}
	cases := map[string]*llm.Response{
		"text":  {Parts: []llm.Part{say("Hello, \u2028 \"world\"\n"), say("again")}, Stop: llm.StopEnd},
		"calls": {Parts: []llm.Part{say("a"), call("t1", "f", `{"a": [1.0, "x"]}`), call("t2", "g", "{}")}, Stop: llm.StopTool},
		// A reader of the stream can tell by a member that the input was cut.
		"cut call": {Parts: []llm.Part{&llm.ToolCall{ID: "t2", Name: "g", Broken: `{"a": "b`}}, Stop: llm.StopLength},
		"thinking": {Parts: []llm.Part{&llm.Thinking{Text: "hm", Signature: "S=="}, &llm.Thinking{Signature: "T"}, &llm.Thinking{Redacted: "R"}, say("x")}, Stop: llm.StopPause},
		"native":   {Parts: []llm.Part{&llm.Native{Dialect: name, Type: "web_search_tool_result", Raw: []byte(`{"type":"web_search_tool_result","content":[]}`)}}, Stop: llm.StopEnd},
		"sequence": {Parts: []llm.Part{say("x")}, Stop: llm.StopSequence, StopSequence: "END"},
		"refusal":  {Stop: llm.StopFilter, StopDetails: []byte(`{"type":"refusal"}`)},
		"context":  {Parts: []llm.Part{say("x")}, Stop: llm.StopContext},
	}
	for id, want := range cases {
		t.Run(id, func(t *testing.T) {
			want.ID, want.Model, want.Usage = "msg_1", "m", usage
			req := &llm.Request{Model: "m"}
			enc := Dialect{}.NewStreamEncoder(req)
			var stream []byte
			if err := want.Replay(func(e *llm.Event) error { stream = enc.Append(stream, e); return nil }); err != nil {
				t.Fatal(err)
			}
			for seed := range uint64(10) {
				got, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewSSE(llmtest.Chopped(stream, seed, 1+int(seed)), 0))
				if fault != nil {
					t.Fatal(fault)
				}
				got.NativeStop = ""
				if id == "cut call" {
					want = &llm.Response{Parts: []llm.Part{call("t2", "g", `{"a": "b","_arguments_cut":true}`)}, ID: "msg_1", Model: "m", Usage: usage, Stop: llm.StopLength}
				}
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("STR-13 stream cut with seed %d:\n got %+v\nwant %+v", seed, got, want)
				}
			}
			if id == "cut call" {
				return // a whole answer carries it in _raw_arguments
			}
			got, err := Dialect{}.DecodeResponse(Dialect{}.EncodeResponse(req, want))
			if err != nil {
				t.Fatal(err)
			}
			got.NativeStop = ""
			if !reflect.DeepEqual(got, want) {
				t.Errorf("whole:\n got %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestNativeStream shows that what only this API has passes through the
// canonical events unchanged.
func TestNativeStream(t *testing.T) {
	frames := []string{
		`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}}`,
		opened(0, `{"type":"server_tool_use","id":"s","name":"web_search","input":{}}`), more(0, `{"type":"input_json_delta","partial_json":"{\"q\":1}"}`), closed(0),
		opened(1, `{"type":"web_search_tool_result","tool_use_id":"s","content":[{"encrypted_content":"E"}]}`), closed(1),
		opened(2, `{"type":"text","text":""}`), more(2, `{"type":"citations_delta","citation":{"type":"web_search_result_location","cited_text":"c"}}`), more(2, `{"type":"text_delta","text":"x"}`), closed(2),
		opened(3, `{"type":"compaction","content":null}`), more(3, `{"type":"compaction_delta","content":"sum"}`), closed(3),
		`{"type":"message_delta","delta":{"stop_reason":"pause_turn","stop_sequence":null},"usage":{"input_tokens":1,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":7}}`,
		stopFrame,
	}
	want := string(sse(frames...))
	d, enc := Dialect{}.NewStreamDecoder(), Dialect{}.NewStreamEncoder(&llm.Request{Model: "m"})
	var got []byte
	for _, f := range frames {
		if err := d.Frame(wire.Frame{Data: []byte(f)}, func(e *llm.Event) error { got = enc.Append(got, e); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if string(got) != want {
		t.Errorf("STR-16 STOP-04: %s", firstDifference(string(got), want))
	}
}

func TestReplayCitations(t *testing.T) {
	res := &llm.Response{Parts: []llm.Part{&llm.Text{Text: "x", Citations: llmtest.Cites(name, `[{"a":1},
{"b":2}]`)}}}
	enc := Dialect{}.NewStreamEncoder(&llm.Request{})
	var out []byte
	if err := res.Replay(func(e *llm.Event) error { out = enc.Append(out, e); return nil }); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"delta":{"type":"citations_delta","citation":{"a":1}}}`, `"delta":{"type":"citations_delta","citation":{"b":2}}}`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in %s", want, out)
		}
	}
}

func TestCustomCallStream(t *testing.T) {
	out := encodeStream(&llm.Request{}, &llm.Event{Kind: llm.EventPartStart, Part: &llm.ToolCall{ID: "c", Name: "patch", Custom: true}},
		&llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaInput, Text: []byte("*** \"a\"\n")}, &llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaInput, Text: []byte("end")},
		&llm.Event{Kind: llm.EventPartEnd}, &llm.Event{Kind: llm.EventFinish, Stop: llm.StopTool})
	res, fault := decodeStream(t, []byte(out))
	if fault != nil {
		t.Fatal(fault)
	}
	same(t, "input", res.Parts[0].(*llm.ToolCall).Input, `{"_raw_arguments":"*** \"a\"\nend"}`)
}
