package responses

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
	effort := ""
	if v := body.Get("reasoning"); v != nil && v[0] == '{' {
		reasoning, err := wire.ParseObject(v)
		if err != nil {
			return edits, nil
		}
		effort, _, _ = reasoning.Str("effort")
		if now, drop := a.Effort(effort); !drop && now != effort {
			a.Set("reasoning", reasoning.Apply(wire.Edit{Name: "effort", Value: wire.AppendString(nil, now)}))
			a.Lose("reasoning.effort", "the model takes "+now+" instead")
			effort = now
		}
	}
	a.Sampling(effort)
	return a.Edits, a.Losses
}
