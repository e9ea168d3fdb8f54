package responses

import (
	"bytes"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// unplaced is the reason for members of an answer that have no place.
const unplaced = "unknown to Turnpike's responses translation"

// echoes are members of a response object that say again what the client asked
// for, or how the answer was made.
var echoes = map[string]bool{
	"background": true, "billing": true, "completed_at": true, "content_filters": true, "conversation": true,
	"frequency_penalty": true, "instructions": true, "max_output_tokens": true, "max_tool_calls": true,
	"metadata": true, "moderation": true, "object": true, "output_text": true, "parallel_tool_calls": true,
	"presence_penalty": true, "previous_response_id": true, "prompt": true, "prompt_cache_key": true,
	"prompt_cache_retention": true, "reasoning": true, "safety_identifier": true, "store": true,
	"temperature": true, "text": true, "tool_choice": true, "tool_usage": true, "tools": true, "top_logprobs": true,
	"top_p": true, "truncation": true, "type": true, "user": true, "native_finish_reason": true, "stop_details": true,
	"cost_in_usd_ticks": true, "cost_in_nano_usd": true, "debug_output": true,
}

// other keeps a member of a response object that is no echo.
func (a *answer) other(name []byte, r *wire.Reader) {
	if echoes[string(name)] {
		return
	}
	key := openai.Cut(string(name), 40)
	if raw := r.Raw(); !llm.SaysNothing(raw) {
		a.extra = append(a.extra, llm.Extra{Dialect: Name, Name: key, Raw: bytes.Clone(raw)})
	}
}

// unknown keeps a member of an item or its content.
func (it *item) unknown(name []byte, r *wire.Reader) { it.odd.Keep(Name, r, name) }

// oddIn are the members of an item, which stands at a path, that have no place.
// Items that only this API knows are kept whole.
func (it *item) oddIn(path string) []llm.Odd {
	switch it.kind {
	case "message", "reasoning", "function_call", "custom_tool_call":
		it.odd.Inside(0, path)
		return it.odd.List
	}
	return nil
}

// lose names parts of an item that have no place.
func (it *item) lose(l *llm.LossList) {
	switch it.kind {
	case "message", "reasoning", "function_call", "custom_tool_call":
		for _, name := range it.lost {
			l.Lose("output: "+it.kind+"."+name, unplaced)
		}
	}
}

// wholeLater are the beginnings of events that go before an item which comes
// whole at its end.
var wholeLater = []string{
	"response.content_part.", "response.reasoning_summary_part.", "response.mcp_", "response.web_search_call",
	"response.file_search_call", "response.code_interpreter_call", "response.image_generation_call",
	"response.computer_call", "response.shell_call", "response.apply_patch_call", "response.tool_search_call",
	"response.rate_limits", "response.output_text.annotation",
}

// unknownEvent names an event that says something no item says at its end.
func (d *streamDecoder) unknownEvent() {
	kind := string(d.ev.kind)
	for _, known := range wholeLater {
		if strings.HasPrefix(kind, known) {
			return
		}
	}
	d.Lose(openai.Cut(kind, 60), unplaced)
}
