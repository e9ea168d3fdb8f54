package chat

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// madeHow are members of answers, their choices and messages that tell how
// an answer was made and filtered, or say again what stands elsewhere.
var madeHow = map[string]bool{
	"channel": true, "content_filter_offsets": true, "content_filter_result": true, "content_filter_results": true,
	"generationId": true, "index": true, "latency_checkpoint": true, "matched_stop": true, "name": true,
	"native_finish_reason": true, "obfuscation": true, "object": true, "p": true, "parsed": true,
	"prompt_filter_results": true, "prompt_token_ids": true, "provider": true, "provider_metadata": true,
	"provider_specific_fields": true, "role": true, "seed": true, "stop_reason": true, "system_fingerprint": true,
	"timings": true, "token_ids": true, "tool_call_id": true, "type": true, "usage_breakdown": true, "weight_version": true,
	"x_groq": true, "x-request-id": true,
}

// onlyFirst says why the answers behind the first are left out.
const onlyFirst = "one answer is passed on"

// unplaced keeps a member of an answer that has no place.
func unplaced(odd *llm.OddHold, r *wire.Reader, name []byte) {
	if odd != nil && !madeHow[string(name)] { // nil: nobody wants it
		odd.Keep(Name, r, name)
	}
}

// logprobs keeps the probabilities of an answer, where there are any.
func logprobs(odd *llm.OddHold, r *wire.Reader, name []byte) {
	if r.Kind() != '{' {
		return
	}
	said, ahead := false, *r
	for range ahead.Fields() {
		said = said || !llm.SaysNothing(ahead.Raw())
	}
	if said {
		odd.Keep(Name, r, name)
	}
}
