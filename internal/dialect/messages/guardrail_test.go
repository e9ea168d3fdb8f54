package messages

import (
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// TestGuardrail: what a guardrail said in the model's place is no end of the model's.
func TestGuardrail(t *testing.T) {
	for action, want := range map[string]llm.Stop{"INTERVENED": llm.StopFilter, "NONE": llm.StopEnd} {
		member := `,"amazon-bedrock-guardrailAction":"` + action + `"`
		res, err := Dialect{}.DecodeResponse([]byte(`{"id":"m","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"no"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}` + member + `}`))
		if err != nil || res.Stop != want || len(res.Extra) != 0 {
			t.Errorf("%s: %+v %v", action, res, err)
		}
		stream := []string{
			`{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"c","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}`,
			`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"no"}}`,
			`{"type":"content_block_stop","index":0}`,
			`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}` + member + `}`,
			`{"type":"message_stop"}`,
		}
		text := "data: " + strings.Join(stream, "\n\ndata: ") + "\n\n"
		got, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewSSE(strings.NewReader(text), 0))
		if fault != nil || got.Stop != want {
			t.Errorf("%s, streamed: %+v %v", action, got, fault)
		}
	}
}
