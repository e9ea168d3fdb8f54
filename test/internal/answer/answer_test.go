package answer

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

func sse(lines ...string) []Event {
	list, rest := Events([]byte(strings.Join(lines, "\n\n") + "\n\n"))
	if rest != "" {
		panic(rest)
	}
	return list
}

func TestEvents(t *testing.T) {
	list, rest := Events([]byte(": ping\n\nevent: a\r\ndata: 1\r\n\r\ndata:2\ndata: 3\n\ndata: 4"))
	if want := []Event{{"a", "1"}, {"", "2\n3"}}; !reflect.DeepEqual(list, want) || rest != "data: 4" {
		t.Errorf("got %+v, rest %q", list, rest)
	}
	if got := Boundaries([]byte("a\n\nbc\r\n\r\nd")); !reflect.DeepEqual(got, []int{3, 9}) {
		t.Errorf("boundaries %v", got)
	}
}

func TestChat(t *testing.T) {
	whole, err := Chat([]byte(`{"choices":[{"index":1,"message":{"content":"no"}},{"index":0,"finish_reason":"stop","message":{"content":"yes","reasoning_content":"hm",
		"tool_calls":[{"function":{"name":"f","arguments":"{\"b\":1, \"a\":2}"}}]}}],
		"usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}}`))
	want := Answer{Text: "yes", Reasoning: "hm", Calls: []Call{{"f", `{"a":2,"b":1}`}}, Stop: StopTool, Usage: Usage{true, 9, 3, 4, 0}, Ended: true}
	if err != nil || !reflect.DeepEqual(whole, want) {
		t.Errorf("whole: %+v, %v", whole, err)
	}
	streamed, err := ChatStream(sse(
		`data: {"choices":[{"index":0,"delta":{"reasoning_content":"h"}}]}`,
		`data: {"choices":[{"index":0,"delta":{"reasoning_content":"m","content":"ye"}}]}`,
		`data: {"choices":[{"index":0,"delta":{"content":"s","tool_calls":[{"index":0,"function":{"name":"f","arguments":"{\"a\":"}}]}}]}`,
		`data: {"choices":[{"index":1,"delta":{"content":"no"}}]}`,
		`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"2,\"b\":1}"}}]},"finish_reason":"tool_calls"}]}`,
		`data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}}`,
		`data: [DONE]`))
	if err != nil || !reflect.DeepEqual(streamed, want) {
		t.Errorf("streamed: %+v, %v", streamed, err)
	}
	broken, err := ChatStream(sse(`data: {"choices":[{"index":0,"delta":{"content":"ye"}}]}`, `data: {"error":{"message":"no"}}`))
	if err != nil || broken.Ended || broken.Failed == "" {
		t.Errorf("broken: %+v, %v", broken, err)
	}
	if !UsageOnly(`{"choices":[],"usage":{"prompt_tokens":1}}`) || UsageOnly(`{"choices":[],"usage":null}`) || UsageOnly(`{"choices":[{}],"usage":{}}`) {
		t.Error("the chunk of usage is not told from others")
	}
}

const (
	start     = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":4,\"output_tokens\":1}}}"
	open      = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{\"type\":%q,\"name\":\"f\",\"input\":{}}}"
	shut      = "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":%d}"
	delta     = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":%d,\"delta\":{%s}}"
	stopDelta = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":3}}"
	stop      = "event: message_stop\ndata: {\"type\":\"message_stop\"}"
)

func TestMessages(t *testing.T) {
	whole, err := Messages([]byte(`{"content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"yes"},{"type":"server_tool_use","name":"g"},
		{"type":"tool_use","name":"f","input":{"b":1,"a":2}}],"stop_reason":"tool_use","usage":{"input_tokens":5,"cache_read_input_tokens":4,"output_tokens":3}}`))
	want := Answer{
		Text: "yes", Texts: []string{"yes"}, Reasoning: "hm", Signatures: []string{"s"}, Calls: []Call{{"f", `{"a":2,"b":1}`}},
		Stop: StopTool, Usage: Usage{true, 9, 3, 4, 0}, Ended: true,
	}
	if err != nil || !reflect.DeepEqual(whole, want) {
		t.Errorf("whole: %+v, %v", whole, err)
	}
	streamed, err := MessagesStream(sse(start,
		fmt.Sprintf(open, 0, "thinking"), fmt.Sprintf(delta, 0, `"thinking":"hm"`), fmt.Sprintf(delta, 0, `"signature":"s"`), fmt.Sprintf(shut, 0),
		fmt.Sprintf(open, 1, "text"), fmt.Sprintf(delta, 1, `"text":"y"`), fmt.Sprintf(delta, 1, `"text":"es"`), fmt.Sprintf(shut, 1),
		fmt.Sprintf(open, 2, "tool_use"), fmt.Sprintf(delta, 2, `"partial_json":"{\"a\":2,"`), fmt.Sprintf(delta, 2, `"partial_json":"\"b\":1}"`), fmt.Sprintf(shut, 2),
		stopDelta, stop))
	if err != nil || !reflect.DeepEqual(streamed, want) {
		t.Errorf("streamed: %+v, %v", streamed, err)
	}
}

func TestMessagesStreamRefuses(t *testing.T) {
	text := []string{fmt.Sprintf(open, 0, "text"), fmt.Sprintf(delta, 0, `"text":"y"`), fmt.Sprintf(shut, 0)}
	for name, lines := range map[string][]string{
		"a second start":           {start, start},
		"a block out of order":     {start, fmt.Sprintf(open, 1, "text")},
		"two open blocks":          {start, fmt.Sprintf(open, 0, "text"), fmt.Sprintf(open, 1, "text")},
		"a delta without a block":  {start, text[1]},
		"a delta after the block":  append([]string{start}, append(text, text[1])...),
		"a block closed twice":     append([]string{start}, append(text, text[2])...),
		"a stop with a block open": {start, text[0], stopDelta, stop},
		"a stop without a reason":  {start, text[0], text[1], text[2], stop},
		"a block after the reason": {start, stopDelta, text[0]},
		"another name":             {"event: ping\ndata: {\"type\":\"message_start\"}"},
		"no name":                  {"data: {\"type\":\"message_start\"}"},
	} {
		if _, err := MessagesStream(sse(lines...)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func message(t *testing.T, kind, name, payload string) []byte {
	t.Helper()
	var b bytes.Buffer
	m := eventstream.Message{Payload: []byte(payload)}
	m.Headers.Set(kind, eventstream.StringValue(name))
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestConverse(t *testing.T) {
	whole, err := Converse([]byte(`{"output":{"message":{"content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"s"}}},{"text":"yes"},
		{"toolUse":{"name":"g","type":"server_tool_use"}},{"toolUse":{"name":"f","input":{"b":1,"a":2}}}]}},"stopReason":"tool_use",
		"usage":{"inputTokens":5,"cacheReadInputTokens":4,"outputTokens":3}}`))
	want := Answer{
		Text: "yes", Texts: []string{"yes"}, Reasoning: "hm", Signatures: []string{"s"}, Calls: []Call{{"f", `{"a":2,"b":1}`}},
		Stop: StopTool, Usage: Usage{true, 9, 3, 4, 0}, Ended: true,
	}
	if err != nil || !reflect.DeepEqual(whole, want) {
		t.Errorf("whole: %+v, %v", whole, err)
	}
	var body []byte
	for _, payload := range []string{
		`{"role":"assistant"}`, `{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}}}`,
		`{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"s"}}}`, `{"contentBlockIndex":1,"delta":{"text":"y"}}`,
		`{"contentBlockIndex":1,"delta":{"text":"es"}}`, `{"contentBlockIndex":2,"start":{"toolUse":{"name":"f"}}}`,
		`{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"a\":2,"}}}`, `{"contentBlockIndex":2,"delta":{"toolUse":{"input":"\"b\":1}"}}}`,
		`{"stopReason":"tool_use"}`, `{"usage":{"inputTokens":5,"cacheReadInputTokens":4,"outputTokens":3}}`,
	} {
		body = append(body, message(t, ":event-type", "x", payload)...)
	}
	list, err := Stream(slices.Clip(body))
	if err != nil || len(list) != 10 || list[9].End != len(body) {
		t.Fatalf("%d messages, %v", len(list), err)
	}
	streamed, err := ConverseStream(list)
	if err != nil || !reflect.DeepEqual(streamed, want) {
		t.Errorf("streamed: %+v, %v", streamed, err)
	}
	if cut, err := Stream(body[:len(body)-3]); err != nil || len(cut) != 9 {
		t.Errorf("cut: %d messages, %v", len(cut), err)
	}
	body[len(body)-1] ^= 1
	if _, err := Stream(body); err == nil {
		t.Error("a wrong checksum is taken")
	}
}

func TestInvokeEvents(t *testing.T) {
	inner := `{"type":"message_stop"}`
	body := message(t, ":event-type", "chunk", `{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(inner))+`","p":"abc"}`)
	body = append(body, message(t, ":exception-type", "throttlingException", `{"message":"slow"}`)...)
	list, err := Stream(body)
	if err != nil {
		t.Fatal(err)
	}
	events, err := InvokeEvents(list)
	if err != nil || len(events) != 2 || events[0] != (Event{"message_stop", inner}) || events[1].Name != "error" {
		t.Errorf("%+v, %v", events, err)
	}
}

func TestSaidAs(t *testing.T) {
	a := Answer{Texts: []string{"one", "", "two"}}
	for text, want := range map[string]bool{"onetwo": true, "one\n\ntwo": true, "one two": false, "one\n\ntw": false, "onetwo!": false, "": false} {
		if a.SaidAs(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}

func TestDifferences(t *testing.T) {
	a := Answer{Text: "a", Calls: []Call{{"f", "{}"}}, Stop: StopTool, Usage: Usage{true, 1, 2, 3, 4}}
	if d := Differences(a, a); len(d) > 0 {
		t.Errorf("an answer differs from itself: %v", d)
	}
	for name, b := range map[string]Answer{
		"text":  {Text: "b", Calls: a.Calls, Stop: a.Stop, Usage: a.Usage},
		"calls": {Text: "a", Calls: []Call{{"f", `{"a":1}`}}, Stop: a.Stop, Usage: a.Usage},
		"stop":  {Text: "a", Calls: a.Calls, Stop: StopEnd, Usage: a.Usage},
		"usage": {Text: "a", Calls: a.Calls, Stop: a.Stop, Usage: Usage{true, 1, 2, 3, 5}},
		"fault": {Text: "a", Calls: a.Calls, Stop: a.Stop, Usage: a.Usage, Failed: "x"},
	} {
		if len(Differences(a, b)) != 1 {
			t.Errorf("%s: %v", name, Differences(a, b))
		}
	}
}
