// Package converse speaks Amazon Bedrock's Converse and ConverseStream API to
// upstreams and to clients: the one wire format Bedrock has for models of every
// vendor.
//
// What it knows comes from the Amazon Bedrock API reference (Converse,
// ConverseStream, ContentBlock, TokenUsage and their kin) and from recorded answers.
package converse

import "turnpike/internal/llm"

// Dialect is Converse as Bedrock speaks it. Model and stream are not in its
// bodies: the URL tells them.
type Dialect struct{}

// dialectName marks what only Converse knows: extras, native parts, citations.
const dialectName = "converse"

// Name of the dialect.
func (Dialect) Name() string { return dialectName }

var (
	_ llm.Front  = Dialect{}
	_ llm.Passer = Dialect{}
)

// Families of models whose requests differ in more than a capability.
const (
	familyClaude = "claude"
	familyNova   = "nova"
	familyGPT    = "gpt"
)
