// Package messages speaks Anthropic's Messages API on both sides: as clients
// speak it to us, and as we speak it to Anthropic and to Claude behind Amazon
// Bedrock's InvokeModel, whose bodies are the same but for a few members.
//
// It is written after the Anthropic API reference. Canonical requests are close
// to this dialect; most of the work on the way to an upstream is bringing a
// conversation from elsewhere into the shape Claude's API insists on.
package messages

import "turnpike/internal/llm"

// name is the dialect's name, in Extra, Native and losses.
const name = "messages"

// Dialect is the Messages API. Its zero value is ready and may be shared.
type Dialect struct{}

// Name of the dialect.
func (Dialect) Name() string { return name }

// Interface guards.
var (
	_ llm.Front = Dialect{}
	_ llm.Back  = Dialect{}
)
