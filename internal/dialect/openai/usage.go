package openai

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Figure reads a figure of usage. Where none is told, the last one stays.
func Figure(r *wire.Reader, field *int64) (told bool) {
	n, told := Count(r)
	if told {
		*field = llm.Clamp(n)
	}
	return told
}

// Uncached is the part of a prompt that was neither read from a cache nor written
// to one. OpenAI counts both into the prompt; some proxies for Claude do not.
func Uncached(prompt, read, written int64) int64 {
	if n := prompt - read - written; n >= 0 {
		return n
	}
	return prompt
}
