package mock

import (
	"encoding/base64"
	"fmt"

	"turnpike/bench/internal/answer"
)

// dialect writes an answer in the form of one upstream API.
type dialect interface {
	// unary is the body of a whole answer.
	unary(a ask) []byte
	// contentType is that of a stream.
	contentType() string
	// open and end are the events around the chunks.
	open(a ask) [][]byte
	end(a ask) [][]byte
	// chunk appends the event that carries text.
	chunk(b []byte, a ask, text []byte) []byte
}

const (
	sseType         = "text/event-stream; charset=utf-8"
	eventStreamType = "application/vnd.amazon.eventstream"
)

// chat is OpenAI chat completions.
type chat struct{}

func (chat) contentType() string { return sseType }

func (chat) usage(a ask) string {
	n := a.orders.Chunks
	return fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},`+
		`"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`,
		answer.PromptTokens, n, answer.PromptTokens+n)
}

func (d chat) unary(a ask) []byte {
	return fmt.Appendf(nil, `{"id":"chatcmpl-BenchBenchBenchBenchBenchBe","object":"chat.completion","created":1760000000,"model":%q,`+
		`"choices":[{"index":0,"message":{"role":"assistant","content":"%s","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],`+
		`"usage":%s,"service_tier":"default","system_fingerprint":"fp_bench"}`, a.model, answer.Text(a.orders.Chunks), d.usage(a))
}

// event appends one chat.completion.chunk; choices and usage are JSON.
func (chat) event(b []byte, a ask, choices, usage string) []byte {
	b = append(b, `data: {"id":"chatcmpl-BenchBenchBenchBenchBenchBe","object":"chat.completion.chunk","created":1760000000,"model":"`...)
	b = append(b, a.model...)
	b = append(b, `","service_tier":"default","system_fingerprint":"fp_bench","choices":[`...)
	b = append(b, choices...)
	b = append(b, ']')
	if a.usage { // with include_usage every chunk has the member, null but for the last (OpenAI API reference)
		b = append(b, `,"usage":`...)
		b = append(b, usage...)
	}
	return append(b, "}\n\n"...)
}

func (d chat) open(a ask) [][]byte {
	return [][]byte{d.event(nil, a, `{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}`, "null")}
}

func (d chat) chunk(b []byte, a ask, text []byte) []byte {
	return d.event(b, a, `{"index":0,"delta":{"content":"`+string(text)+`"},"logprobs":null,"finish_reason":null}`, "null")
}

func (d chat) end(a ask) [][]byte {
	events := [][]byte{d.event(nil, a, `{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}`, "null")}
	if a.usage {
		events = append(events, d.event(nil, a, "", d.usage(a)))
	}
	return append(events, []byte("data: [DONE]\n\n"))
}

// messages is Anthropic messages; its payloads are those of Bedrock InvokeModel too.
type messages struct{}

func (messages) contentType() string { return sseType }

func (messages) unary(a ask) []byte {
	return fmt.Appendf(nil, `{"model":%q,"id":"msg_01BenchBenchBenchBenchBench","type":"message","role":"assistant","content":[{"type":"text","text":"%s"}],`+
		`"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":%d,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,`+
		`"output_tokens":%d,"service_tier":"standard"}}`, a.model, answer.Text(a.orders.Chunks), answer.PromptTokens, a.orders.Chunks)
}

// payload is one event: its name, and its data.
type payload struct{ event, data string }

func (messages) opening(a ask) []payload {
	return []payload{
		{"message_start", fmt.Sprintf(`{"type":"message_start","message":{"model":%q,"id":"msg_01BenchBenchBenchBenchBench","type":"message","role":"assistant",`+
			`"content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":%d,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,`+
			`"output_tokens":1,"service_tier":"standard"}}}`, a.model, answer.PromptTokens)},
		{"content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`},
	}
}

func (messages) ending(a ask) []payload {
	return []payload{
		{"content_block_stop", `{"type":"content_block_stop","index":0}`},
		{"message_delta", fmt.Sprintf(`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":%d}}`, a.orders.Chunks)},
	}
}

const (
	deltaBefore = `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"`
	deltaAfter  = `"}}`
)

func sse(p payload) []byte { return []byte("event: " + p.event + "\ndata: " + p.data + "\n\n") }

func (d messages) open(a ask) [][]byte {
	var events [][]byte
	for _, p := range append(d.opening(a), payload{"ping", `{"type": "ping"}`}) {
		events = append(events, sse(p))
	}
	return events
}

func (messages) chunk(b []byte, _ ask, text []byte) []byte {
	b = append(b, "event: content_block_delta\ndata: "+deltaBefore...)
	b = append(b, text...)
	return append(b, deltaAfter+"\n\n"...)
}

func (d messages) end(a ask) [][]byte {
	var events [][]byte
	for _, p := range append(d.ending(a), payload{"message_stop", `{"type":"message_stop"}`}) {
		events = append(events, sse(p))
	}
	return events
}

// invoke is Bedrock InvokeModel with Claude: Anthropic's payloads, in a stream each in base64 inside an event-stream message.
type invoke struct{ messages }

func (invoke) contentType() string { return eventStreamType }

func (invoke) message(b []byte, data []byte) []byte {
	p := append([]byte(nil), `{"bytes":"`...)
	p = base64.StdEncoding.AppendEncode(p, data)
	p = append(p, `","p":"abcdefghijk"}`...) // p is padding of any length
	return appendMessage(b, eventHeaders("chunk"), p)
}

func (d invoke) open(a ask) [][]byte {
	var events [][]byte
	for _, p := range d.opening(a) {
		events = append(events, d.message(nil, []byte(p.data)))
	}
	return events
}

func (d invoke) chunk(b []byte, _ ask, text []byte) []byte {
	return d.message(b, append(append([]byte(deltaBefore), text...), deltaAfter...))
}

func (d invoke) end(a ask) [][]byte {
	stop := payload{"message_stop", fmt.Sprintf(`{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":%d,"outputTokenCount":%d,`+
		`"invocationLatency":100,"firstByteLatency":10}}`, answer.PromptTokens, a.orders.Chunks)}
	var events [][]byte
	for _, p := range append(d.ending(a), stop) {
		events = append(events, d.message(nil, []byte(p.data)))
	}
	return events
}

// converse is Bedrock Converse.
type converse struct{}

func (converse) contentType() string { return eventStreamType }

func (converse) usage(a ask) string {
	n := a.orders.Chunks
	return fmt.Sprintf(`"metrics":{"latencyMs":100},"usage":{"inputTokens":%d,"outputTokens":%d,"totalTokens":%d}`, answer.PromptTokens, n, answer.PromptTokens+n)
}

func (d converse) unary(a ask) []byte {
	return fmt.Appendf(nil, `{"output":{"message":{"content":[{"text":"%s"}],"role":"assistant"}},"stopReason":"end_turn",%s}`,
		answer.Text(a.orders.Chunks), d.usage(a))
}

func (converse) message(p payload) []byte {
	return appendMessage(nil, eventHeaders(p.event), []byte(p.data))
}

func (d converse) open(ask) [][]byte {
	return [][]byte{d.message(payload{"messageStart", `{"p":"abcdefgh","role":"assistant"}`})}
}

func (converse) chunk(b []byte, _ ask, text []byte) []byte {
	p := append([]byte(nil), `{"contentBlockIndex":0,"delta":{"text":"`...)
	p = append(p, text...)
	p = append(p, `"},"p":"abcdefghijk"}`...)
	return appendMessage(b, eventHeaders("contentBlockDelta"), p)
}

func (d converse) end(a ask) [][]byte {
	return [][]byte{
		d.message(payload{"contentBlockStop", `{"contentBlockIndex":0,"p":"abcdefgh"}`}),
		d.message(payload{"messageStop", `{"p":"abcdefgh","stopReason":"end_turn"}`}),
		d.message(payload{"metadata", `{` + d.usage(a) + `,"p":"abcdefgh"}`}),
	}
}
