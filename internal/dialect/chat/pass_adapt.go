package chat

import (
	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// adapt adds the edits without which OpenAI is known to refuse the body.
func adapt(body wire.Object, caps *llm.Caps, edits []wire.Edit) ([]wire.Edit, []llm.Loss) {
	if caps.Family != "gpt" {
		return edits, nil
	}
	a := openai.Adapter{Body: body, Caps: caps, Edits: edits}
	limit := body.Get("max_tokens")
	switch {
	case limit == nil || body.Get("max_completion_tokens") != nil:
		a.Limit("max_completion_tokens")
	case caps.Thinking == llm.ThinkEffort: // "Use 'max_completion_tokens' instead."
		a.Set("max_tokens", nil)
		a.Set("max_completion_tokens", limit)
		a.Lose("max_tokens", "the model takes it as max_completion_tokens")
	default:
		a.Limit("max_tokens")
	}
	effort, _, _ := body.Str("reasoning_effort")
	switch now, drop := a.Effort(effort); {
	case drop:
		a.Set("reasoning_effort", nil)
		a.Lose("reasoning_effort", "the model does not reason")
	case now != effort:
		a.Set("reasoning_effort", wire.AppendString(nil, now))
		a.Lose("reasoning_effort", "the model takes "+now+" instead")
		effort = now
	}
	a.Sampling(effort)
	if caps.NoParallel && body.Get("parallel_tool_calls") != nil {
		a.Set("parallel_tool_calls", nil)
		a.Lose("parallel_tool_calls", "the model takes no such setting")
	}
	if caps.NoStop && body.Get("stop") != nil {
		a.Set("stop", nil)
		a.Lose("stop", "the model takes no stop sequences")
	}
	return a.Edits, a.Losses
}
