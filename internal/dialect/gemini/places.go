package gemini

import "turnpike/internal/llm"

var terms = llm.Terms{Turns: "contents", Parts: "parts", Names: map[string]string{
	"max_tokens": "generationConfig.maxOutputTokens", "temperature": "generationConfig.temperature", "top_p": "generationConfig.topP",
	"top_k": "generationConfig.topK", "stop": "generationConfig.stopSequences", "thinking": "generationConfig.thinkingConfig",
	"effort": "generationConfig.thinkingConfig.thinkingLevel", "reasoning_effort": "generationConfig.thinkingConfig.thinkingLevel",
	"reasoning.effort": "generationConfig.thinkingConfig.thinkingLevel", "response_format": "generationConfig.responseSchema",
	"tool_choice": "toolConfig.functionCallingConfig", "system": "systemInstruction", "service_tier": "serviceTier",
}}

// Places puts settings into the client's names: each content is a turn, in its place.
func (Dialect) Places([]byte) func(string) string { return terms.Path }
