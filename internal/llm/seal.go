package llm

import (
	"encoding/base64"
	"strings"
)

// A seal carries a proof that only its issuer can read (a thinking signature,
// encrypted reasoning) through a client whose dialect has no place of its own
// for it, together with what it proves.
//
// It begins with a byte that is rare in text, so that looking for one in a large
// body is cheap.
//
// Form: "~tpk1." issuer "." base64url(text NUL signature NUL redacted).
// Claude's own signatures are never wrapped for Messages clients: they are at home there.
const sealPrefix = "~tpk1."

// IssuerClaude is the issuer of raw signatures. Anthropic documents them as
// valid across its own API, Bedrock and Vertex.
const IssuerClaude = "claude"

// issuerCall is the issuer of seals that hold the proof of the call behind them
// (Gemini's thought signatures), for dialects that have no place for it on the call.
const issuerCall = "call"

// SealCall wraps the proof of a call. What carries it stands before the call.
func SealCall(c *ToolCall) string { return Seal(issuerCall, &Thinking{Signature: c.Seal}) }

// CallProof opens what SealCall made.
func CallProof(seal string) (proof string, ok bool) {
	if issuer, t, ok := Unseal(seal); ok && issuer == issuerCall {
		return t.Signature, true
	}
	return "", false
}

// Proves tells whether the signature of the reasoning before a call holds the
// call's proof already, or there is none to hold.
func (c *ToolCall) Proves(signature string) bool {
	if c.Seal == "" {
		return true
	}
	_, t, ok := Unseal(signature)
	return ok && t.Signature == c.Seal
}

// ProveCalls gives calls the proofs that a client hands back as reasoning before
// them.
func ProveCalls(parts []Part) []Part {
	out := parts[:0]
	proof := ""
	for _, p := range parts {
		if t, ok := p.(*Thinking); ok {
			if inner, ok := CallProof(t.Signature); ok {
				proof = inner
				continue
			}
		}
		if c, ok := p.(*ToolCall); ok && proof != "" {
			c.Seal, proof = proof, ""
		}
		out = append(out, p)
	}
	return out
}

// Seal wraps a thinking part of an issuer, whose name holds no dot, into one opaque string.
func Seal(issuer string, t *Thinking) string {
	body := t.Text + "\x00" + t.Signature + "\x00" + t.Redacted
	return sealPrefix + issuer + "." + base64.RawURLEncoding.EncodeToString([]byte(body))
}

// Unseal opens a seal. ok is false for anything else, raw signatures included.
func Unseal(s string) (issuer string, t *Thinking, ok bool) {
	rest, ok := strings.CutPrefix(s, sealPrefix)
	if !ok {
		return "", nil, false
	}
	issuer, enc, ok := strings.Cut(rest, ".")
	if !ok || issuer == "" {
		return "", nil, false
	}
	body, err := base64.RawURLEncoding.DecodeString(enc)
	if err != nil {
		return "", nil, false
	}
	// Proofs hold no NUL, but a model may write one.
	text, redacted, ok := cutLast(string(body))
	if !ok {
		return "", nil, false
	}
	text, signature, ok := cutLast(text)
	if !ok {
		return "", nil, false
	}
	return issuer, &Thinking{Text: text, Signature: signature, Redacted: redacted}, true
}

func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, 0)
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

// IsSeal tells whether a signature is one of ours, not an issuer's.
func IsSeal(s string) bool { return strings.HasPrefix(s, sealPrefix) }
