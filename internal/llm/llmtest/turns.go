package llmtest

import "turnpike/internal/llm"

// User is a turn of the user's.
func User(parts ...llm.Part) llm.Turn { return llm.Turn{Role: llm.User, Parts: parts} }

// Assistant is a turn of the model's.
func Assistant(parts ...llm.Part) llm.Turn { return llm.Turn{Role: llm.Assistant, Parts: parts} }

// Call is a tool call with its arguments.
func Call(id, name, input string) *llm.ToolCall {
	return &llm.ToolCall{ID: id, Name: name, Input: []byte(input)}
}

// Result is the result of a call.
func Result(id string, parts ...llm.Part) *llm.ToolResult {
	return &llm.ToolResult{CallID: id, Parts: parts}
}
