package heal

import (
	"slices"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// named are the items of a Responses input whose ids tie them to the reasoning
// before them: OpenAI refuses such an id where that is missing.
var named = []string{"message", "function_call", "custom_tool_call"}

// unseal leaves out reasoning that the upstream cannot open: another organization's
// account sealed it. What was said and called stays, without the ids that refer to it.
func unseal(r *Request, _ string) []llm.Loss {
	count := 0
	body, n := edit(r.Body, []string{"input"}, func(input []byte) []byte {
		l, err := wire.ParseList(input)
		if err != nil {
			return input
		}
		out := l.Map(func(_ int, item []byte) []byte {
			switch kind := text(item, "type"); {
			case kind == "reasoning" && value(item, "encrypted_content") != nil:
				count++
				return nil
			case slices.Contains(named, kind):
				item, _ = edit(item, []string{"id"}, func([]byte) []byte { return nil })
			}
			return item
		})
		if count == l.Len() { // an empty input would be refused as well
			count = 0
		}
		if count == 0 {
			return input
		}
		return out
	})
	if n == 0 || count == 0 {
		return nil
	}
	r.Body = body
	list := loss("input[*]: reasoning", "another account sealed it, and this one cannot open it")
	list[0].Count = count
	return list
}
