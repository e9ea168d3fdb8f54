package messages

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// benchDelta is a delta of 250 bytes with what code has in it.
var benchDelta = []byte(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"` + strings.Repeat("func main() { return x + y } ", 5) + `"}}`)

func BenchmarkStreamDecode(b *testing.B) {
	d := Dialect{}.NewStreamDecoder()
	drop := func(*llm.Event) error { return nil }
	for _, f := range []string{startFrame, opened(0, `{"type":"text","text":""}`)} {
		if err := d.Frame(wire.Frame{Data: []byte(f)}, drop); err != nil {
			b.Fatal(err)
		}
	}
	f := wire.Frame{Event: []byte("content_block_delta"), Data: benchDelta}
	b.SetBytes(int64(len(benchDelta)))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Frame(f, drop); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStreamEncode(b *testing.B) {
	enc := Dialect{}.NewStreamEncoder(&llm.Request{Model: "m"})
	buf := enc.Append(nil, &llm.Event{Kind: llm.EventPartStart, Part: &llm.Text{}})
	e := &llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte(strings.Repeat("func main() { return x + y } ", 5))}
	b.ReportAllocs()
	for b.Loop() {
		buf = enc.Append(buf[:0], e)
	}
}

func BenchmarkMeter(b *testing.B) {
	m := Dialect{}.NewMeter()
	f := wire.Frame{Event: []byte("content_block_delta"), Data: benchDelta}
	b.ReportAllocs()
	for b.Loop() {
		m.Frame(f)
	}
}

// benchConversation is an agent's request of some 100 kB.
func benchConversation() []byte {
	var s strings.Builder
	s.WriteString(`{"model":"m","max_tokens":9,"system":"` + strings.Repeat("You are careful. ", 500) + `","tools":[`)
	for i := range 20 {
		fmt.Fprintf(&s, `{"name":"tool%d","description":"%s","input_schema":{"type":"object","properties":{"path":{"type":"string"}}}},`, i, strings.Repeat("does things ", 40))
	}
	s.WriteString(`{"name":"last","input_schema":{"type":"object"}}],"messages":[{"role":"user","content":"go"}`)
	for i := range 50 {
		fmt.Fprintf(&s, `,{"role":"assistant","content":[{"type":"text","text":"I read it."},{"type":"tool_use","id":"toolu_%d","name":"tool1","input":{"path":"/a/b"}}]}`, i)
		fmt.Fprintf(&s, `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_%d","content":"%s"}]}`, i, strings.Repeat(`line of code\n`, 120))
	}
	s.WriteString(`]}`)
	return []byte(s.String())
}

func BenchmarkRequestDecode(b *testing.B) {
	body := benchConversation()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (Dialect{}).DecodeRequest(http.Header{}, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRequestEncode(b *testing.B) {
	req := mustDecode(b, string(benchConversation()))
	target := opus()
	b.ReportAllocs()
	for b.Loop() {
		out, _, err := Dialect{}.EncodeRequest(req, target)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(out)))
	}
}
