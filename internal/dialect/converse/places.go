package converse

import "turnpike/internal/llm"

var terms = llm.Terms{Turns: "messages", Parts: "content", Names: map[string]string{
	"max_tokens": "inferenceConfig.maxTokens", "temperature": "inferenceConfig.temperature", "top_p": "inferenceConfig.topP",
	"stop": "inferenceConfig.stopSequences", "tools": "toolConfig.tools", "tool_choice": "toolConfig.toolChoice",
	"top_k": "additionalModelRequestFields.top_k", "thinking": "additionalModelRequestFields.thinking",
	"response_format": "outputConfig.textFormat", "service_tier": "serviceTier", "cache_control": "cachePoint",
}}

// Places puts settings into the client's names: each message is a turn, in its place.
func (Dialect) Places([]byte) func(string) string { return terms.Path }
