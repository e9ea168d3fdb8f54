// Package completions speaks OpenAI's older Completions API: a text goes in, what
// comes after it comes out. Clients of it are served by any upstream: the prompt
// becomes what the user says. To servers that have the API themselves its bodies
// pass as they are.
package completions

import "turnpike/internal/llm"

// Name is the name of the dialect.
const Name = "completions"

// Dialect is OpenAI Completions.
type Dialect struct{}

// Interface guards.
var (
	_ llm.Front  = Dialect{}
	_ llm.Passer = Dialect{}
)

// Name returns the name of the dialect.
func (Dialect) Name() string { return Name }
