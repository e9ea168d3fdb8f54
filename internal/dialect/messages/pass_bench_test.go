package messages

import (
	"net/http"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// BenchmarkPass is the express lane of a plain request: nothing to adapt.
func BenchmarkPass(b *testing.B) {
	text := `{"model":"claude/claude-opus-4-6","max_tokens":32000,"stream":true,"thinking":{"type":"adaptive"},"system":[{"type":"text","text":"` + strings.Repeat("be good ", 500) +
		`"}],"tools":[{"name":"a","input_schema":{"type":"object"}}],"messages":[` +
		strings.Repeat(`{"role":"user","content":"`+strings.Repeat("hello ", 100)+`"},{"role":"assistant","content":[{"type":"text","text":"hi"}]},`, 20) + `{"role":"user","content":"go on"}]}`
	o, err := wire.ParseObject([]byte(text))
	if err != nil {
		b.Fatal(err)
	}
	h := http.Header{"Anthropic-Beta": {"interleaved-thinking-2025-05-14"}}
	t := &llm.Target{Model: "claude-opus-4-6", Stream: true, Caps: llm.Caps{
		Family: "claude", MaxOutput: 128000, Thinking: llm.ThinkBoth, Efforts: []string{"low", "high"}, Sampling: llm.SamplingOne, NoPrefill: true, Structured: true, Strict: true,
	}}
	b.ReportAllocs()
	for b.Loop() {
		if _, losses, ok := (Dialect{}).Pass(o, h, t); !ok || len(losses) > 0 {
			b.Fatal(losses)
		}
	}
}
