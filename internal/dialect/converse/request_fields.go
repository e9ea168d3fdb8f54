package converse

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// modelFields reads additionalModelRequestFields, the model's own settings. What
// every API has in some way gets its place in the request; anything else, and
// anything in an unknown form, is kept for models behind Converse.
func (d *decoder) modelFields(r *wire.Reader) {
	if r.Kind() != '{' {
		d.keep(additionalFields, r.Raw())
		return
	}
	for name := range r.Fields() {
		field := string(name)
		raw := r.Raw()
		if r.Err() == nil && !d.modelField(field, raw) {
			d.keep(additionalPrefix+field, raw)
		}
	}
}

// modelField takes a setting it understands wholly, and tells whether it did.
func (d *decoder) modelField(name string, raw []byte) bool {
	r := wire.NewReader(raw)
	q := d.req
	switch name {
	case "thinking", "reasoning_config": // Claude
		return llm.ReadThought(r, &q.Thinking)
	case "reasoningConfig": // Amazon Nova
		return readReasoningConfig(r, &q.Thinking)
	case "reasoning_effort": // models in OpenAI's manner
		if r.Kind() != '"' {
			return false
		}
		q.Thinking.Mode, q.Thinking.Effort = llm.ThinkingEffort, r.Str()
	case "output_config": // Claude
		return readOutputConfig(r, q)
	case "top_k":
		return readWhole(r, &q.TopK)
	case "inferenceConfig": // Amazon Nova
		var k *int64
		for name := range r.Fields() {
			if string(name) != "topK" || !readWhole(r, &k) {
				return false
			}
		}
		if k == nil {
			return false
		}
		q.TopK = k
	case "anthropic_beta":
		if r.Kind() != '[' {
			return false
		}
		betas := llm.StringsOf(r)
		if r.End() != nil {
			return false
		}
		q.Betas = append(q.Betas, betas...)
	default:
		return false
	}
	return r.End() == nil
}

func readWhole(r *wire.Reader, n **int64) bool {
	v := r.Int()
	if r.Err() != nil {
		return false
	}
	*n = &v
	return true
}

// readReasoningConfig reads Nova's setting, which has a level and no budget.
func readReasoningConfig(r *wire.Reader, t *llm.Thought) bool {
	kind, effort := "", ""
	for name := range r.Fields() {
		switch string(name) {
		case "type":
			kind = r.Str()
		case "maxReasoningEffort":
			effort = r.Str()
		default:
			return false
		}
	}
	if r.End() != nil {
		return false
	}
	switch {
	case kind == "disabled":
		*t = llm.Thought{Mode: llm.ThinkingOff}
	case kind == "enabled" && effort != "":
		*t = llm.Thought{Mode: llm.ThinkingEffort, Effort: effort}
	default:
		return false
	}
	return true
}

// readOutputConfig reads Claude's effort and format.
func readOutputConfig(r *wire.Reader, q *llm.Request) bool {
	effort, format := "", (*llm.Format)(nil)
	for name := range r.Fields() {
		switch string(name) {
		case "effort":
			effort = r.Str()
		case "format":
			kind := ""
			format = &llm.Format{}
			for name := range r.Fields() {
				switch string(name) {
				case "type":
					kind = r.Str()
				case "schema":
					format.Schema = llm.ObjectOf(r)
				default:
					return false
				}
			}
			if kind != "json_schema" || format.Schema == nil {
				return false
			}
		default:
			return false
		}
	}
	if r.End() != nil {
		return false
	}
	if effort != "" {
		q.Thinking.Effort = effort
	}
	if format != nil {
		q.Format = format
	}
	return true
}
