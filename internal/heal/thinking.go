package heal

import (
	"strconv"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Claude's budgets for thinking, and the efforts they come to.
const (
	minBudget = 1024
	lowUpTo   = 4096
	midUpTo   = 12288
)

// rethink says the wish to think in the other of Claude's two forms.
func rethink(r *Request, to string) []llm.Loss {
	switch kind := text(r.Body, "thinking", "type"); {
	case to == "adaptive" && kind == "enabled":
		return toAdaptive(r)
	case to == "enabled" && kind == "adaptive":
		return toBudget(r)
	}
	return nil
}

func toAdaptive(r *Request) []llm.Loss {
	effort := "high"
	if n, err := strconv.ParseInt(string(value(r.Body, "thinking", "budget_tokens")), 10, 64); err == nil {
		switch {
		case n <= lowUpTo:
			effort = "low"
		case n <= midUpTo:
			effort = "medium"
		}
	}
	body, n := editIn(r.Body, []string{"thinking"}, func(v []byte) []byte {
		o, err := wire.ParseObject(v)
		if err != nil {
			return v
		}
		return o.Apply(wire.Edit{Name: "type", Value: []byte(`"adaptive"`)}, wire.Edit{Name: "budget_tokens"})
	})
	if n == 0 {
		return nil
	}
	r.Body = withEffort(body, effort)
	return loss("thinking.budget_tokens", "the model takes an effort instead of a budget: "+text(r.Body, "output_config", "effort"))
}

// withEffort says an effort beside thinking, unless one is said already.
func withEffort(body []byte, effort string) []byte {
	if value(body, "output_config", "effort") != nil {
		return body
	}
	said := wire.AppendString(nil, effort)
	out, n := editIn(body, []string{"output_config"}, func(v []byte) []byte {
		o, err := wire.ParseObject(v)
		if err != nil {
			return v
		}
		return o.Apply(wire.Edit{Name: "effort", Value: said})
	})
	if n > 0 {
		return out
	}
	config := append(append([]byte(`{"effort":`), said...), '}')
	add := func(v []byte) []byte {
		o, err := wire.ParseObject(v)
		if err != nil {
			return v
		}
		return o.Apply(wire.Edit{Name: "output_config", Value: config})
	}
	if o, err := wire.ParseObject(body); err == nil && o.Get("thinking") == nil { // Converse
		out, _ := edit(body, []string{roots[1]}, add)
		return out
	}
	return add(body)
}

// toBudget gives a model that does not think adaptively a budget that leaves
// half of what it may write to the answer.
func toBudget(r *Request) []llm.Loss {
	budget := int64(16384)
	switch text(r.Body, "output_config", "effort") {
	case "low":
		budget = 4096
	case "medium":
		budget = 8192
	}
	if most := number(r.Body, "max_tokens"); most > 0 {
		budget = min(budget, most/2)
	}
	if budget < minBudget {
		body, n := editIn(r.Body, []string{"thinking"}, func([]byte) []byte { return nil })
		if n == 0 {
			return nil
		}
		r.Body = body
		return loss("thinking", "the model does not think adaptively, and its answer may be too short for a budget")
	}
	body, n := editIn(r.Body, []string{"thinking"}, func(v []byte) []byte {
		o, err := wire.ParseObject(v)
		if err != nil {
			return v
		}
		return o.Apply(wire.Edit{Name: "type", Value: []byte(`"enabled"`)}, wire.Edit{Name: "budget_tokens", Value: strconv.AppendInt(nil, budget, 10)})
	})
	if n == 0 {
		return nil
	}
	r.Body = body
	return loss("thinking.type", "the model does not think adaptively: sent with a budget")
}

func number(body []byte, name string) int64 {
	v := value(body, name)
	if v == nil && name == "max_tokens" {
		v = value(body, "maxTokens")
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// freeChoice lets the model choose where thinking excludes a forced tool.
func freeChoice(r *Request, _ string) []llm.Loss {
	kind := text(r.Body, "tool_choice", "type")
	if kind != "any" && kind != "tool" {
		return nil
	}
	body, n := edit(r.Body, []string{"tool_choice"}, func(v []byte) []byte {
		o, err := wire.ParseObject(v)
		if err != nil {
			return v
		}
		return o.Apply(wire.Edit{Name: "type", Value: []byte(`"auto"`)}, wire.Edit{Name: "name"})
	})
	if n == 0 {
		return nil
	}
	r.Body = body
	return loss("tool_choice", "thinking excludes a forced call: the model is free")
}

// roomToThink raises max_tokens above the budget for thinking.
func roomToThink(r *Request, _ string) []llm.Loss {
	budget, err := strconv.ParseInt(string(value(r.Body, "thinking", "budget_tokens")), 10, 64)
	most := number(r.Body, "max_tokens")
	if err != nil || most == 0 || most > budget {
		return nil
	}
	body, n := editIn(r.Body, []string{"max_tokens"}, func([]byte) []byte { return strconv.AppendInt(nil, budget+most, 10) })
	if n == 0 {
		return nil
	}
	r.Body = body
	return loss("max_tokens", "raised above the budget for thinking")
}

// unsign leaves out thinking whose signature the upstream does not know: another
// account signed it. Where the API then wants the last turn's thinking back, this
// answer is made without.
func unsign(r *Request, _ string) []llm.Loss {
	count := 0
	body, n := edit(r.Body, []string{"messages", every, "content"}, func(content []byte) []byte {
		if content[0] != '[' {
			return content
		}
		l, err := wire.ParseList(content)
		if err != nil {
			return content
		}
		signed := 0
		out := l.Map(func(_ int, block []byte) []byte {
			if isSigned(block) {
				signed++
				return nil
			}
			return block
		})
		if signed == 0 || signed == l.Len() { // an empty message would be refused as well
			return content
		}
		count += signed
		return out
	})
	if n == 0 {
		return nil
	}
	list := loss("messages[*].content: thinking", "its signature is another account's, which this one refuses")
	list[0].Count = count
	if text(body, "thinking", "type") == "enabled" && inToolLoop(body) {
		body, _ = editIn(body, []string{"thinking"}, func([]byte) []byte { return nil })
		list = llm.AddLoss(list, "thinking", "off for this answer: the tool calls being answered have lost their thinking")
	}
	r.Body = body
	return list
}

// isSigned tells thinking from other blocks, in Messages and in Converse.
func isSigned(block []byte) bool {
	switch text(block, "type") {
	case "thinking", "redacted_thinking":
		return true
	case "":
		return value(block, "reasoningContent") != nil
	}
	return false
}

// inToolLoop tells whether the last message answers tool calls.
func inToolLoop(body []byte) bool {
	l, err := wire.ParseList(value(body, "messages"))
	if err != nil || l.Len() == 0 {
		return false
	}
	found := false
	edit(l.At(l.Len()-1), []string{"content", every}, func(v []byte) []byte {
		found = found || text(v, "type") == "tool_result" || value(v, "toolResult") != nil
		return v
	})
	return found
}
