package gemini

import (
	"encoding/base64"
	"strings"

	"turnpike/internal/llm"
)

// A thought signature of Gemini's own goes on as it is. What another issuer
// signed travels to Gemini's clients as a seal in thoughtSignature, on the part
// behind the reasoning, because clients send that back and drop the reasoning.
// The API's libraries take the member for base64, so a seal is written in it.

// sealedPrefix is how a seal begins in base64: "~tpk1.".
const sealedPrefix = "fnRwazEu"

// sealed is the thought signature that carries reasoning with its proof, empty
// where there is no proof to carry.
func sealed(t *llm.Thinking) string {
	switch {
	case llm.IsSeal(t.Signature):
		if issuer, inner, ok := llm.Unseal(t.Signature); ok && issuer == Issuer {
			return inner.Signature
		}
		return base64.StdEncoding.EncodeToString([]byte(t.Signature))
	case t.Signature != "" || t.Redacted != "":
		return base64.StdEncoding.EncodeToString([]byte(llm.Seal(llm.IssuerClaude, t)))
	}
	return ""
}

// unsealed opens a thought signature that is one of our seals. ok tells that it
// is; a damaged one gives nil.
func unsealed(signature string) (t *llm.Thinking, ok bool) {
	if !strings.HasPrefix(signature, sealedPrefix) {
		return nil, false
	}
	// Google's libraries hand bytes back in either alphabet.
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(signature, "="))
	seal, err := base64.RawStdEncoding.DecodeString(plain)
	if err != nil {
		return nil, true
	}
	issuer, t, opened := llm.Unseal(string(seal))
	switch {
	case !opened:
		return nil, true
	case issuer == llm.IssuerClaude:
		return t, true
	}
	return &llm.Thinking{Text: t.Text, Signature: string(seal)}, true
}

// ownSeal wraps a signature of Gemini's for a part of reasoning.
func ownSeal(signature string) string {
	return llm.Seal(Issuer, &llm.Thinking{Signature: signature})
}

// ownSignature is the signature of Gemini's that a part of reasoning carries.
func ownSignature(t *llm.Thinking) (signature string, ok bool) {
	issuer, inner, ok := llm.Unseal(t.Signature)
	if !ok || issuer != Issuer {
		return "", false
	}
	return inner.Signature, true
}

// typeSignature is the type of a native part that is the signature of the text
// before it. Only Gemini has a use for it.
const typeSignature = "thoughtSignature"
