// Package gemini speaks the generateContent method of Google's Gemini API on both
// sides: as clients speak it to us, and as we speak it to AI Studio and Vertex AI.
//
// It is written after the Gemini API reference (GenerateContentRequest,
// GenerateContentResponse, Content, Schema) and recorded answers. Model, method
// and framing stand in the URL, so bodies name none of them.
package gemini

import (
	"bytes"
	"strings"

	"turnpike/internal/llm"
)

// name is the dialect's name, in Extra, Native and losses.
const name = "gemini"

// Issuer names Gemini in seals around its thought signatures.
const Issuer = "gemini"

// Dialect is the Gemini API. Its zero value is ready and may be shared.
type Dialect struct{}

// Name of the dialect.
func (Dialect) Name() string { return name }

// Interface guards.
var (
	_ llm.Front  = Dialect{}
	_ llm.Back   = Dialect{}
	_ llm.Passer = Dialect{}
)

// Names of members that both sides write.
const (
	signatureMember = "thoughtSignature"
	rawArguments    = "_raw_arguments" // holds a call's arguments that are no JSON object
)

// camel is a member's name in the spelling of the reference: the API takes
// snake_case for every name too.
func camel(name []byte) string {
	if bytes.IndexByte(name, '_') <= 0 {
		return string(name)
	}
	out := make([]byte, 0, len(name))
	up := false
	for _, c := range name {
		switch {
		case c == '_':
			up = true
			continue
		case up && c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		up = false
		out = append(out, c)
	}
	return string(out)
}

// namePrefix stands before a tool's name that begins with neither a letter nor
// "_", which the API wants. It comes off again in answers.
const namePrefix = "tpk_"

// wireName is a tool's name as the API takes it.
func wireName(s string) string {
	s = llm.ShortName(s, llm.NameLimit64)
	if needsPrefix(s) || needsPrefix(strings.TrimPrefix(s, namePrefix)) {
		return namePrefix + s
	}
	return s
}

// plainName undoes the prefix of wireName.
func plainName(s string) string {
	if rest, ok := strings.CutPrefix(s, namePrefix); ok && (needsPrefix(rest) || needsPrefix(strings.TrimPrefix(rest, namePrefix))) {
		return rest
	}
	return s
}

func needsPrefix(s string) bool {
	return s != "" && (s[0] >= '0' && s[0] <= '9' || s[0] == '-')
}

// clip keeps what others sent short where it is told back.
func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "..."
	}
	return s
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }
