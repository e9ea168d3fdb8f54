package openai

import "turnpike/internal/llm"

// StopOf maps a finish_reason, in OpenAI's words and in those of servers that
// have their own.
func StopOf[T ~string | ~[]byte](reason T) llm.Stop {
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
