// Package redact takes secrets out of text that is about to be printed: those the
// configuration holds, and what has the shape of one. Upstreams repeat credentials
// in their errors, and clients put them where none belong.
package redact

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// Mask stands where a secret was.
const Mask = "[redacted]"

// least is the length from which a configured secret is looked for: shorter ones
// are found in words.
const least = 8

// Redactor takes secrets out.
type Redactor struct{ known [][]byte }

// New makes a Redactor of the secrets that are known. Of one with spaces or lines
// (a header's value, a key file) its long words are secrets too.
func New(secrets ...string) *Redactor {
	r := &Redactor{}
	for _, s := range secrets {
		lines := strings.ReplaceAll(s, `\n`, "\n") // as JSON has them
		words := strings.FieldsFunc(lines, func(c rune) bool { return strings.ContainsRune(" \t\r\n\"'{}[],\\", c) })
		for _, w := range append(words, s) {
			if len(w) >= least && (w == s || len(w) >= 2*least) {
				r.known = append(r.known, []byte(w))
			}
		}
	}
	slices.SortFunc(r.known, func(a, b []byte) int { return len(b) - len(a) }) // a part of a longer one comes after it
	r.known = slices.CompactFunc(r.known, bytes.Equal)
	return r
}

// Bytes is the text without secrets: the text itself where there are none.
func (r *Redactor) Bytes(text []byte) []byte { return shapes(r.Known(text)) }

// Known is the text without the secrets that the configuration holds, whatever
// else in it has the shape of one.
func (r *Redactor) Known(text []byte) []byte {
	for _, s := range r.known {
		if bytes.Contains(text, s) {
			text = bytes.ReplaceAll(text, s, []byte(Mask))
		}
	}
	return text
}

// String is Bytes of a string.
func (r *Redactor) String(text string) string { return string(r.Bytes([]byte(text))) }

// shape is how secrets of one kind begin, and how long they are at least.
type shape struct {
	start string
	least int
}

// Panic is what may be told of a panic: words of the runtime's own, else the type of the
// value, for its text may be of somebody's request.
func Panic(value any) string {
	if e, ok := value.(runtime.Error); ok {
		return e.Error()
	}
	return fmt.Sprintf("a value of type %T", value)
}

// shaped is the table of shapes: vendors' documents on their keys, RFC 7519 for eyJ.
var shaped = []shape{
	{"sk-", 20},
	{"sk_", 20},
	{"pk-", 20},
	{"gsk_", 20},
	{"xai-", 20},
	{"pplx-", 20},
	{"nvapi-", 20},
	{"hf_", 20},
	{"r8_", 20},
	{"AIza", 35},
	{"ya29.", 20},
	{"GOCSPX-", 20},
	{"AKIA", 20},
	{"ASIA", 20},
	{"ABSK", 30},
	{"bedrock-api-key-", 30},
	{"eyJ", 30},
	{"ghp_", 20},
	{"gho_", 20},
	{"ghu_", 20},
	{"ghs_", 20},
	{"ghr_", 20},
	{"github_pat_", 20},
	{"glpat-", 20},
	{"xoxb-", 20},
	{"xoxp-", 20},
	{"tid=", 20},
	{"tp-admin-", 20}, // our own: the admin key, links to sign in by, refresh tokens
	{"tpi_", 20},
	{"tpr_", 20},
}

// starting are the shapes by the byte they begin with.
var starting = func() (t [256][]shape) {
	for _, s := range shaped {
		t[s.start[0]] = append(t[s.start[0]], s)
	}
	return t
}()

// word tells which bytes are part of a secret.
var word = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~+/=%*" {
		t[c] = true
	}
	return t
}()

// schemes are the words that stand before a credential.
var schemes = []string{"Bearer ", "bearer ", "Basic ", "basic "}

// named are the parameters of URLs that hold one.
var named = []string{"key=", "api_key=", "api-key=", "access_token=", "refresh_token=", "client_secret=", "password=", "sig=", "X-Amz-Signature=", "X-Amz-Security-Token="}

// looked tells which bytes something may begin with that is looked for.
var looked = func() (t [256]bool) {
	for c := range starting {
		t[c] = starting[c] != nil
	}
	for _, c := range "Bb?&" {
		t[c] = true
	}
	return t
}()

// parting tells which bytes a word may begin behind.
var parting = func() (t [256]bool) {
	for c := range word {
		t[c] = !word[c] || c == '=' || c == '/'
	}
	return t
}()

// shapes masks what looks like a secret.
func shapes(text []byte) []byte {
	var out []byte
	done := 0 // up to here it is copied
	before := byte(' ')
	for i := 0; i < len(text); i++ {
		c := text[i]
		may := looked[c] && (parting[before] || c == '?' || c == '&')
		before = c
		if !may {
			continue
		}
		if from, to := found(text, i); to > 0 {
			out = append(append(out, text[done:from]...), Mask...)
			done, i, before = to, to-1, text[to-1]
		}
	}
	if done == 0 {
		return text
	}
	return append(out, text[done:]...)
}

// found is the secret that begins at i, or stands behind the word that does.
func found(text []byte, i int) (from, to int) {
	c := text[i]
	switch c {
	case 'B', 'b':
		for _, s := range schemes {
			if from = i + len(s); hasAt(text, i, s) {
				if to = end(text, from); to-from >= least {
					return from, to
				}
			}
		}
	case '?', '&':
		for _, s := range named {
			if from = i + 1 + len(s); hasAt(text, i+1, s) {
				if to = end(text, from); to > from {
					return from, to
				}
			}
		}
	}
	for _, s := range starting[c] {
		if hasAt(text, i, s.start) {
			if to = end(text, i); to-i >= s.least {
				return i, to
			}
		}
	}
	return 0, 0
}

func hasAt(text []byte, i int, s string) bool {
	return len(text)-i >= len(s) && string(text[i:i+len(s)]) == s
}

func end(text []byte, i int) int {
	for i < len(text) && word[text[i]] {
		i++
	}
	return i
}
