package openai

import (
	"fmt"
	"strings"

	"turnpike/internal/llm"
)

// What a model is told where the API has no other way to say it.
const (
	// Continue asks to go on with an answer that was begun.
	Continue = "Continue."
	// ToolError begins the result of a call that failed.
	ToolError = "[tool error]"
	// NoResult closes a call that has no result.
	NoResult = ToolError + " There is no result: the call was never answered."
)

// LeftOut stands in the place of a medium that could not be sent.
func LeftOut(kind llm.MediaKind, reason string) string {
	return fmt.Sprintf("[%s left out: %s]", kind, reason)
}

// ToolReady says that a tool held back so far may be called now.
func ToolReady(name string) string { return "Tool " + name + " can be called now." }

// DocumentText is the text of a document, below its name.
func DocumentText(m *llm.Media) string {
	if m.Name == "" {
		return m.Text
	}
	return m.Name + ":\n" + m.Text
}

// attribution begins the first system entry of Claude Code: a line for Anthropic's
// books (its gateway contract says so), which other models would read as prompt.
const attribution = "x-anthropic-billing-header:"

// Unsaid tells whether an entry of the system prompt is not for the model.
func Unsaid(t *llm.Text) bool { return t.Text == "" || strings.HasPrefix(t.Text, attribution) }
