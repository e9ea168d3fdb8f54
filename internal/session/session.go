// Package session tells which conversation a request belongs to, so that what
// helps a conversation (one upstream's cache, one key of it) can be kept for it.
package session

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/http"
	"strings"

	"turnpike/internal/wire"
)

// headers name a conversation, the surest first: Claude Code; Codex; OpenCode, pi
// and others.
var headers = []string{"X-Claude-Code-Session-Id", "Thread-Id", "Session-Id", "Session_id", "X-Session-Id"}

// maxID bounds what is taken from outside.
const maxID = 512

// Named is the conversation's name as the client gives it, empty where it gives
// none. The end user alone is no conversation: metadata.user_id counts only where
// it holds a session, as Claude Code's does.
func Named(h http.Header, body wire.Object) string {
	for _, name := range headers {
		if v := h[name]; len(v) > 0 && v[0] != "" && len(v[0]) <= maxID {
			return v[0]
		}
	}
	if v := body.Get("prompt_cache_key"); len(v) > 2 && v[0] == '"' && len(v) <= maxID {
		return string(v[1 : len(v)-1])
	}
	if v := body.Get("conversation"); len(v) > 2 && len(v) <= maxID {
		return string(v)
	}
	if v := body.Get("metadata"); v != nil && bytes.Contains(v, []byte("session")) {
		return user(v)
	}
	return ""
}

// user is metadata.user_id where it names a session.
func user(metadata []byte) (id string) {
	r := wire.NewReader(metadata)
	if r.Kind() != '{' {
		return ""
	}
	for name := range r.Fields() {
		if string(name) == "user_id" && r.Kind() == '"' {
			id = r.Str()
		}
	}
	if r.Err() != nil || len(id) > maxID || !strings.Contains(id, "session") {
		return ""
	}
	return id
}

// Of is the identity of a conversation: a digest of its name, else of what stays
// the same in it: system prompt, tools and the turns up to the user's first. It is
// the same at every replica. owner keeps apart the conversations of clients that
// must not meet.
func Of(owner string, h http.Header, body wire.Object) string {
	d := digest{sha256.New()}
	d.put([]byte(owner))
	if name := Named(h, body); name != "" {
		d.put([]byte(name))
		return d.text()
	}
	for _, name := range []string{"system", "instructions", "systemInstruction", "system_instruction", "tools", "toolConfig"} {
		if v := body.Get(name); v != nil {
			d.put([]byte(name))
			d.value(wire.NewReader(v), v)
		}
	}
	for _, name := range []string{"messages", "input", "contents"} {
		if v := body.Get(name); v != nil {
			d.opening(v)
		}
	}
	return d.text()
}

type digest struct{ hash.Hash }

// put adds one word, closed off from the next.
func (d digest) put(b []byte) {
	d.Write(b)
	d.Write([]byte{0})
}

func (d digest) text() string { return hex.EncodeToString(d.Sum(nil)[:16]) }

// opening adds a list of turns up to the user's first; of another value all.
func (d digest) opening(turns []byte) {
	r := wire.NewReader(turns)
	if r.Kind() != '[' {
		d.value(r, turns)
		return
	}
	for range r.Elements() {
		user := isUser(*r)
		d.value(r, turns)
		if user {
			return
		}
	}
}

// value adds what a JSON value says: its scalars. Cache points are left out, which
// clients move from turn to turn, and so is the form: one text may be written as a
// string or as a list of one block.
func (d digest) value(r *wire.Reader, text []byte) {
	switch r.Kind() {
	case '{':
		for name := range r.Members() {
			switch string(name) {
			case "cache_control", "cachePoint", "type":
			default:
				d.value(r, text)
			}
		}
	case '[':
		for range r.Elements() {
			d.value(r, text)
		}
	default:
		from := r.Offset()
		r.Skip()
		d.put(text[from:r.Offset()])
	}
}

// isUser looks at one turn without consuming it.
func isUser(r wire.Reader) (user bool) {
	if r.Kind() != '{' {
		return false
	}
	for name := range r.Fields() {
		if string(name) == "role" && r.Kind() == '"' {
			user = string(r.Bytes()) == "user"
		}
	}
	return user
}
