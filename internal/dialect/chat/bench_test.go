package chat

import (
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

const (
	usualDelta = `{"id":"chatcmpl-BkZsgr57IsWfwD2pLNTw1iJhJaIMJ","object":"chat.completion.chunk","created":1750440714,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_62a23a81ef","choices":[{"index":0,"delta":{"content":" dominant"},"logprobs":null,"finish_reason":null}],"usage":null}`
	argsDelta  = `{"id":"chatcmpl-BkZsgr57IsWfwD2pLNTw1iJhJaIMJ","object":"chat.completion.chunk","created":1750440714,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_62a23a81ef","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"loc"}}]},"logprobs":null,"finish_reason":null}]}`
	argsStart  = `{"id":"chatcmpl-BkZsgr57IsWfwD2pLNTw1iJhJaIMJ","object":"chat.completion.chunk","created":1750440714,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{"}}]},"finish_reason":null}]}`
)

func nothing(*llm.Event) error { return nil }

func BenchmarkStreamDecode(b *testing.B) {
	for _, c := range []struct{ name, first, delta string }{{"text", usualDelta, usualDelta}, {"arguments", argsStart, argsDelta}} {
		b.Run(c.name, func(b *testing.B) {
			d := Dialect{}.NewStreamDecoder()
			if err := d.Frame(wire.Frame{Data: []byte(c.first)}, nothing); err != nil {
				b.Fatal(err)
			}
			f := wire.Frame{Data: []byte(c.delta)}
			b.SetBytes(int64(len(c.delta)))
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Frame(f, nothing); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkStreamEncode(b *testing.B) {
	s := Dialect{}.NewStreamEncoder(&llm.Request{Model: "gpt-4o-mini"})
	var buf []byte
	buf = s.Append(buf, &llm.Event{Kind: llm.EventStart, ID: "msg_01"})
	buf = s.Append(buf, &llm.Event{Kind: llm.EventPartStart, Part: &llm.Text{}})
	e := &llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte(" dominant")}
	b.ReportAllocs()
	for b.Loop() {
		buf = s.Append(buf[:0], e)
	}
}

func BenchmarkMeter(b *testing.B) {
	m := Dialect{}.NewMeter()
	f := wire.Frame{Data: []byte(usualDelta)}
	m.Frame(f)
	b.SetBytes(int64(len(usualDelta)))
	b.ReportAllocs()
	for b.Loop() {
		if m.Frame(f) != llm.FrameContent {
			b.Fatal("not content")
		}
	}
}
