// Package responses speaks OpenAI's Responses API, on both sides: to clients as
// OpenAI's own API does (Codex needs it), and to OpenAI and servers that copy it.
//
// The codec keeps nothing: what it reads carries its whole conversation. What the
// gateway keeps for clients (llm.Keeper) is put in before; kept.go says how it looks.
//
// Earlier reasoning travels in encrypted_content. OpenAI's own is opaque and stays
// as it is; between dialects it is wrapped as a seal of the issuer "openai". The
// proof of another issuer goes to the client as that issuer's seal.
//
// Tools that take free text and tools in groups (namespaces) become functions
// that every dialect has; llm.Home tells how to turn their calls back.
package responses

import "turnpike/internal/llm"

// Name is the name of the dialect.
const Name = "responses"

// Dialect is OpenAI Responses.
type Dialect struct{}

// Interface guards.
var (
	_ llm.Front  = Dialect{}
	_ llm.Back   = Dialect{}
	_ llm.Passer = Dialect{}
)

// Name returns the name of the dialect.
func (Dialect) Name() string { return Name }
