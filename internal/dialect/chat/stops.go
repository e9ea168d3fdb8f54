package chat

import "turnpike/internal/llm"

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
