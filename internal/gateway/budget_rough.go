package gateway

import (
	"bytes"
	"strconv"

	"turnpike/internal/budget"
	"turnpike/internal/llm"
)

// A request that is all text need not be decoded to know that a budget has room for
// it: bytes bound its tokens. Only near the limit is it worth a closer look.
const (
	roughTokens = 2    // for a byte of the body: no tokenizer makes as many of any text
	roughExtra  = 8192 // what upstreams add of their own: for tools, structured output, thinking
)

// roughFronts are the dialects whose every block but text says its type.
var roughFronts = map[string]bool{"chat": true, "messages": true, "responses": true}

// wordTypes are values of "type" behind which stands nothing but text, or nothing at all.
var wordTypes = map[string]bool{
	"text": true, "message": true, "input_text": true, "output_text": true, "summary_text": true, "reasoning_text": true,
	"function": true, "custom": true, "tool_use": true, "tool_result": true, "function_call": true, "function_call_output": true,
	"custom_tool_call": true, "custom_tool_call_output": true, "thinking": true, "redacted_thinking": true, "reasoning": true,
	"ephemeral": true, "enabled": true, "disabled": true, "adaptive": true, "auto": true, "any": true, "tool": true, "none": true,
	"json_object": true, "json_schema": true, "grammar": true,
	"string": true, "object": true, "array": true, "integer": true, "number": true, "boolean": true, "null": true,
}

// reserveRoughly holds more than the worst case, where what is leased suffices for
// that, and tells whether it did.
func (x *exchange) reserveRoughly(asks []budget.Ask) bool {
	if x.ask.Op != Generate || x.plain != nil || x.keep != nil || !roughFronts[x.front.Name()] || !wordsOnly(x.object.Bytes()) {
		return false
	}
	most, ok := x.roughly()
	if !ok {
		return false
	}
	most.ask(asks)
	hold := x.gw.opt.Budgets.Try(x.start, asks)
	if hold == nil {
		return false
	}
	x.spending = &spending{hold: hold, worst: most}
	return true
}

// roughly is more than an attempt may come to at any target. ok is false where members
// of the request speak of what its bytes do not tell.
func (x *exchange) roughly() (most worst, ok bool) {
	var stated *int64
	var tier []byte
	answers := int64(1)
	for _, m := range x.object.Members() {
		switch string(m.Name) {
		case "previous_response_id", "conversation", "prompt", "speed":
			return most, false
		case "max_tokens", "max_completion_tokens", "max_output_tokens":
			if n, err := strconv.ParseInt(string(m.Value), 10, 64); err == nil && (stated == nil || n > *stated) {
				stated = &n
			}
		case "n":
			if n, err := strconv.ParseInt(string(m.Value), 10, 64); err == nil {
				answers = min(max(1, n), maxAnswers)
			}
		case "service_tier":
			tier = bytes.Trim(m.Value, `"`)
		}
	}
	most.prompt = int64(len(x.object.Bytes()))*roughTokens + roughExtra
	for i := range x.targets {
		t := &x.targets[i]
		w := worst{prompt: most.prompt, output: x.longest(t.Model, stated) * answers}
		most.nano = max(most.nano, x.dearest(t, llm.TierOf(tier), &w))
		most.output = max(most.output, w.output)
	}
	return most, true
}

// wordsOnly tells whether every "type" in a body is one of words. One that is written
// with escapes would not be seen.
func wordsOnly(body []byte) bool {
	if bytes.Contains(body, []byte(`\u006`)) || bytes.Contains(body, []byte(`\u007`)) {
		return false
	}
	var found bool
	for rest := body; ; {
		if _, rest, found = bytes.Cut(rest, []byte(`"type"`)); !found {
			return true
		}
		value, isName := bytes.CutPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(":"))
		value, isText := bytes.CutPrefix(bytes.TrimLeft(value, " \t\r\n"), []byte(`"`))
		if !isName || !isText {
			continue // a value, or a schema's own member of that name
		}
		if end := bytes.IndexByte(value, '"'); end < 0 || !wordTypes[string(value[:end])] {
			return false
		}
	}
}
