package responses

import "turnpike/internal/llm"

// Issuer is the issuer of encrypted_content that came from a Responses upstream.
// Its seal holds the text of the reasoning and, as its signature, the encrypted
// content as it was.
const Issuer = "openai"

// unsigned is the issuer of seals around reasoning that nobody signed. Clients
// send reasoning back only with a proof, and OpenAI refuses it without one: the
// seal keeps it for servers that want it again, and away from OpenAI.
const unsigned = "unsigned"

// sealed wraps what an upstream encrypted.
func sealed(text, encrypted string) string {
	return llm.Seal(Issuer, &llm.Thinking{Text: text, Signature: encrypted})
}

// opened makes a part of a reasoning item that a client sends back: nil where it
// says nothing, and ok false where it held a seal that cannot be opened. What
// Claude signed comes out as it was; the proof of any other issuer stays sealed,
// for that issuer to find.
func opened(text, encrypted string) (t *llm.Thinking, ok bool) {
	ok = true
	switch {
	case encrypted == "":
	case !llm.IsSeal(encrypted):
		return &llm.Thinking{Text: text, Signature: sealed(text, encrypted)}, true
	default:
		var issuer string
		if issuer, t, ok = llm.Unseal(encrypted); ok {
			if t.Text == "" && t.Redacted == "" && issuer != llm.IssuerClaude {
				t.Text = text
			}
			if issuer != llm.IssuerClaude {
				t = &llm.Thinking{Text: t.Text, Signature: encrypted}
			}
			return t, true
		}
	}
	if text == "" {
		return nil, ok
	}
	return &llm.Thinking{Text: text}, ok
}

// proof is the encrypted_content that a client must send back with a part of
// reasoning, empty where there is none of it. What OpenAI encrypted is at home
// here and goes out as it came.
func proof(t *llm.Thinking) string {
	switch {
	case llm.IsSeal(t.Signature):
		if issuer, inner, ok := llm.Unseal(t.Signature); ok && issuer == Issuer && inner.Signature != "" {
			return inner.Signature
		}
		return t.Signature
	case t.Signature != "" || t.Redacted != "":
		return llm.Seal(llm.IssuerClaude, t)
	case t.Text != "":
		return llm.Seal(unsigned, &llm.Thinking{})
	}
	return ""
}
