package llm_test

import (
	"testing"

	"turnpike/internal/llm"
)

// A part with more to write is guessed larger.
func TestPartsSizeCountsWhatIsWritten(t *testing.T) {
	pairs := []struct{ small, large llm.Part }{
		{&llm.Text{}, &llm.Text{Text: "0123456789"}},
		{&llm.Media{}, &llm.Media{Data: "0123456789"}},
		{&llm.Media{}, &llm.Media{URL: "0123456789"}},
		{&llm.Thinking{}, &llm.Thinking{Text: "01234", Signature: "56789"}},
		{&llm.ToolCall{}, &llm.ToolCall{Input: []byte("0123456789")}},
		{&llm.ToolCall{}, &llm.ToolCall{Broken: "01234", Seal: "56789"}},
		{&llm.ToolResult{Parts: []llm.Part{&llm.Text{}}}, &llm.ToolResult{Parts: []llm.Part{&llm.Text{Text: "0123456789"}}}},
		{&llm.Refusal{}, &llm.Refusal{Text: "0123456789"}},
		{&llm.Native{}, &llm.Native{Raw: []byte("0123456789")}},
	}
	for _, p := range pairs {
		if small, large := llm.PartsSize([]llm.Part{p.small}), llm.PartsSize([]llm.Part{p.large}); large != small+10 {
			t.Errorf("%T: %d and %d", p.small, small, large)
		}
	}
	req := &llm.Request{Turns: []llm.Turn{{Parts: []llm.Part{&llm.Text{Text: string(make([]byte, 8000))}}}}}
	if n := llm.SizeHint(req); n < 9000 {
		t.Errorf("a request of 8000 bytes is guessed at %d", n)
	}
}
