package llm

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// Limits of names and ids at the APIs that publish one. Bedrock's Converse takes
// tool names of 64 characters, as OpenAI does; Anthropic takes 128. OpenAI takes
// call ids of 40 characters, Converse of 64. Kiro takes one character of a name less.
const (
	NameLimit63  = 63
	NameLimit64  = 64
	NameLimit128 = 128
	IDLimit40    = 40
	IDLimit64    = 64
)

// hashTail is the length of "_" and the eight digits behind a changed name.
const hashTail = 9

// ShortName makes a tool name that APIs take: letters, digits, "_" and "-", at
// most limit of them. A valid name stays as it is; any other keeps what it can of
// itself and gets eight digits of a hash of the original, so that two names that
// differ anywhere stay different. The same name always becomes the same one.
func ShortName(name string, limit int) string {
	if plainName(name) && len(name) <= limit {
		return name
	}
	var b strings.Builder
	for _, r := range name {
		if b.Len() >= limit-hashTail {
			break
		}
		if r < 0x80 && plainByte(byte(r)) {
			b.WriteByte(byte(r))
		} else {
			b.WriteByte('_')
		}
	}
	sum := sha256.Sum256([]byte(name))
	b.WriteByte('_')
	b.WriteString(hex.EncodeToString(sum[:4]))
	return b.String()
}

// issuedPrefix is how an id begins that holds another one, in base64.
const issuedPrefix = "tpid_"

// ShortID makes an id of a tool call that APIs take, of the characters of
// ShortName. A call and its result meet again because both go through it. An id
// with other characters is wrapped so that IssuedID finds it again: some models
// are trained on the form of their ids. One that is too long for that is shortened.
func ShortID(id string, limit int) string {
	if plainName(id) && len(id) <= limit {
		return id
	}
	if n := len(issuedPrefix) + base64.RawURLEncoding.EncodedLen(len(id)); n <= limit {
		return issuedPrefix + base64.RawURLEncoding.EncodeToString([]byte(id))
	}
	return ShortName(id, limit)
}

// IssuedID is an id of a call as the upstream issued it.
func IssuedID(id string) string {
	enc, ok := strings.CutPrefix(id, issuedPrefix)
	if !ok {
		return id
	}
	issued, err := base64.RawURLEncoding.DecodeString(enc)
	if err != nil || len(issued) == 0 || !utf8.Valid(issued) || plainName(string(issued)) {
		return id
	}
	return string(issued)
}

// RestoreName finds the name the client gave a tool that was sent under a
// ShortName. Names that nobody shortened are returned as they are.
func RestoreName(req *Request, name string) string {
	if req == nil || !looksShortened(name) {
		return name
	}
	for i := range req.Tools {
		if shortenedTo(req.Tools[i].Name, name) {
			return req.Tools[i].Name
		}
	}
	for _, t := range req.Turns {
		for _, p := range t.Parts {
			if c, ok := p.(*ToolCall); ok && shortenedTo(c.Name, name) {
				return c.Name
			}
		}
	}
	return name
}

func shortenedTo(long, short string) bool {
	return ShortName(long, NameLimit64) == short || ShortName(long, NameLimit128) == short || ShortName(long, NameLimit63) == short
}

// looksShortened spares the search for the usual name, which was not changed.
func looksShortened(name string) bool {
	n := len(name)
	if n < hashTail || name[n-hashTail] != '_' {
		return false
	}
	for _, c := range []byte(name[n-hashTail+1:]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func plainName(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if !plainByte(s[i]) {
			return false
		}
	}
	return true
}

func plainByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}
