package responses

import (
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

const (
	usualDelta = `{"type":"response.output_text.delta","content_index":0,"delta":" dominant","item_id":"msg_0a7836d50cf181dd016a3c12307fa481a1a06adb8b03345a43","logprobs":[],"obfuscation":"kx8Qs2","output_index":0,"sequence_number":14}`
	argsDelta  = `{"type":"response.function_call_arguments.delta","delta":"\"loc","item_id":"fc_0a7836d50cf181dd016a3c12307fa481a1a06adb8b03345a43","obfuscation":"kx8Qs2","output_index":0,"sequence_number":14}`
	argsStart  = `{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"c","name":"f","arguments":""}}`
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
	e := &llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte(" dominant")}
	b.ReportAllocs()
	var s llm.StreamEncoder
	var buf []byte
	for i := 0; b.Loop(); i++ {
		if i%(1<<20) == 0 { // an answer is kept, and bounded
			s = Dialect{}.NewStreamEncoder(&llm.Request{Model: "gpt"})
			buf = s.Append(buf[:0], &llm.Event{Kind: llm.EventStart, ID: "msg_01"})
			buf = s.Append(buf[:0], &llm.Event{Kind: llm.EventPartStart, Part: &llm.Text{}})
		}
		buf = s.Append(buf[:0], e)
	}
}

func BenchmarkMeter(b *testing.B) {
	m := Dialect{}.NewMeter()
	f := wire.Frame{Event: []byte("response.output_text.delta"), Data: []byte(usualDelta)}
	b.SetBytes(int64(len(usualDelta)))
	b.ReportAllocs()
	for b.Loop() {
		if m.Frame(f) != llm.FrameContent {
			b.Fatal("not content")
		}
	}
}
