package openai

import (
	"strings"

	"turnpike/internal/llm"
)

// The functions here class an upstream's error by one thing that it says. Each
// answers with an empty kind where that thing decides nothing. In which order
// they are asked, and what other servers say, is each dialect's own affair.

// KindOfCode classes an error by its code.
func KindOfCode(code string) llm.ErrorKind {
	switch code {
	case "context_length_exceeded":
		return llm.ErrContext
	case "insufficient_quota", "billing_hard_limit_reached", "billing_not_active":
		return llm.ErrBilling
	case "model_not_found", "DeploymentNotFound":
		return llm.ErrNotFound
	case "rate_limit_exceeded":
		return llm.ErrRate
	}
	return ""
}

// KindOfType classes an error by its type. Inside a stream it has no status.
func KindOfType(kind string) llm.ErrorKind {
	switch kind {
	case "invalid_request_error":
		return llm.ErrInvalid
	case "authentication_error":
		return llm.ErrAuth
	case "permission_error":
		return llm.ErrForbidden
	case "rate_limit_error", "requests", "tokens":
		return llm.ErrRate
	case "overloaded_error":
		return llm.ErrOverloaded
	}
	return ""
}

// KindOfStatus classes an error by its status, and by its message, in small
// letters, where the status alone does not tell an overload.
func KindOfStatus(status int, low string) llm.ErrorKind {
	switch {
	case status >= 500 && strings.Contains(low, "overloaded"):
		return llm.ErrOverloaded
	case status >= 400:
		return llm.KindOfStatus(status)
	}
	return ""
}

// MayOverflow tells whether an error of this status can be about the context
// window. Too many tokens a minute, say, are told in much the same words.
func MayOverflow(status int) bool {
	switch status {
	case 401, 403, 404, 429:
		return false
	}
	return true
}

// Overflows tells whether a message, in small letters, is about the context
// window. The wordings are those of OpenAI, Anthropic, Bedrock, vLLM, llama.cpp
// and Google.
func Overflows(low string) bool {
	for _, w := range [...]string{
		"maximum context length", "prompt is too long", "exceed context limit", "exceeds the context", "exceeded the context",
		"exceeds the available context size", "input is too long for requested model", "context window", "context_length_exceeded",
		"too many tokens", "exceeds the maximum number of tokens allowed",
	} {
		if strings.Contains(low, w) {
			return true
		}
	}
	return false
}
