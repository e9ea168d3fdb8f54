package chat

import (
	"math"
	"strconv"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Servers that copy the API are loose with types. What an upstream says is read
// with these: a value of another type counts as not given, it does not spoil the
// rest of the answer.

// text reads a string as a view.
func text(r *wire.Reader) []byte {
	if r.Kind() != '"' {
		r.Skip()
		return nil
	}
	return r.Bytes()
}

// count reads a number of tokens, a time or an index.
func count(r *wire.Reader) (n int64, ok bool) {
	if r.Kind() != '0' {
		r.Skip()
		return 0, false
	}
	raw := r.Raw()
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// object tells whether an object comes next; anything else is skipped.
func object(r *wire.Reader) bool {
	if r.Kind() == '{' {
		return true
	}
	r.Skip()
	return false
}

// list tells whether a list comes next; anything else is skipped.
func list(r *wire.Reader) bool {
	if r.Kind() == '[' {
		return true
	}
	r.Skip()
	return false
}

// str reads a string, or a number as it is written.
func str(r *wire.Reader) string {
	if r.Kind() == '0' {
		return string(r.Raw())
	}
	return string(text(r))
}

// stopOf maps a finish_reason, in OpenAI's words and in those of servers that
// have their own.
func stopOf(reason []byte) llm.Stop {
	switch string(reason) {
	case "":
		return ""
	case "stop", "eos", "eos_token", "end_turn":
		return llm.StopEnd
	case "length", "model_length", "max_tokens":
		return llm.StopLength
	case "tool_calls", "function_call", "tool_use":
		return llm.StopTool
	case "content_filter":
		return llm.StopFilter
	}
	return llm.StopOther
}

// finishReason is the word for a stop that OpenAI's clients know.
func finishReason(s llm.Stop) string {
	switch s {
	case llm.StopLength, llm.StopContext:
		return "length"
	case llm.StopTool:
		return "tool_calls"
	case llm.StopFilter:
		return "content_filter"
	case llm.StopEnd, llm.StopSequence, llm.StopPause, llm.StopOther:
	}
	return "stop"
}

// nativeReason tells whether the upstream's own word says more than finish_reason can.
func nativeReason(s llm.Stop, native string) bool {
	switch s {
	case llm.StopContext, llm.StopPause, llm.StopFilter, llm.StopOther, llm.StopSequence:
		return native != "" && native != finishReason(s)
	case llm.StopEnd, llm.StopLength, llm.StopTool:
	}
	return false
}
