package messages

import "turnpike/internal/llm"

var terms = llm.Terms{Turns: "messages", Parts: "content", Names: map[string]string{
	"stop": "stop_sequences", "user": "metadata.user_id", "response_format": "output_config.format",
	"effort": "output_config.effort", "reasoning_effort": "output_config.effort", "reasoning.effort": "output_config.effort",
	"parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
}}

// Places puts settings into the client's names: each message is a turn, in its place.
func (Dialect) Places([]byte) func(string) string { return terms.Path }
