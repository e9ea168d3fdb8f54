// Package chat speaks OpenAI Chat Completions, on both sides: to clients as
// OpenAI's own API does, and to OpenAI and the many servers that copy its API.
//
// Chat is the poorest of the dialects here: an answer is one text, one list of
// tool calls and, unofficially, one reasoning text. What has no place of its own
// travels where clients are known to keep what they do not understand: proofs of
// reasoning as seals in reasoning_details, an upstream's own stop reason as
// native_finish_reason. Everything else that cannot be carried is a Loss.
package chat

import "turnpike/internal/llm"

// Name is the name of the dialect.
const Name = "chat"

// Dialect is OpenAI Chat Completions.
type Dialect struct{}

// Interface guards.
var (
	_ llm.Front = Dialect{}
	_ llm.Back  = Dialect{}
)

// Name returns the name of the dialect.
func (Dialect) Name() string { return Name }
