package llm

import (
	"encoding/base64"
	"strings"
)

// A seal carries a proof that only its issuer can read (a thinking signature,
// encrypted reasoning) through a client whose dialect has no place of its own
// for it, together with what it proves.
//
// Form: "tpk1." issuer "." base64url(text NUL signature NUL redacted).
// Claude's own signatures are never wrapped for Messages clients: they are at home there.
const sealPrefix = "tpk1."

// IssuerClaude is the issuer of raw signatures. Anthropic documents them as
// valid across its own API, Bedrock and Vertex.
const IssuerClaude = "claude"

// Seal wraps a thinking part of an issuer into one opaque string.
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
	f := strings.Split(string(body), "\x00")
	if len(f) != 3 {
		return "", nil, false
	}
	return issuer, &Thinking{Text: f[0], Signature: f[1], Redacted: f[2]}, true
}

// IsSeal tells whether a signature is one of ours, not an issuer's.
func IsSeal(s string) bool { return strings.HasPrefix(s, sealPrefix) }
