package otel

import (
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strings"
)

// Context is a place in a trace, as W3C Trace Context writes it.
type Context struct {
	Trace   [16]byte
	Span    [8]byte
	Sampled bool
	State   string // tracestate, as it came
}

// Headers of W3C Trace Context.
const (
	headerParent = "Traceparent"
	headerState  = "Tracestate"
)

// maxState is what must be passed on of a tracestate; a longer one is left out.
const maxState = 512

// parentLen is the length of a traceparent of version 00.
const parentLen = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")

// From reads the context a request came with; false where it has none that holds,
// and a trace begins here.
func From(h http.Header) (c Context, ok bool) {
	v := h[headerParent]
	if len(v) != 1 || !c.parse(v[0]) {
		return Context{}, false
	}
	if state := strings.Join(h[headerState], ","); len(state) <= maxState && printable(state) {
		c.State = state
	}
	return c, true
}

// parse reads a traceparent. Versions to come may have more behind a dash; ff is none.
func (c *Context) parse(s string) bool {
	if len(s) < parentLen || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return false
	}
	var version, flags [1]byte
	if !unhex(version[:], s[:2]) || !unhex(c.Trace[:], s[3:35]) || !unhex(c.Span[:], s[36:52]) || !unhex(flags[:], s[53:55]) {
		return false
	}
	switch {
	case version[0] == 0xff, version[0] == 0 && len(s) != parentLen, len(s) > parentLen && s[parentLen] != '-':
		return false
	case c.Trace == [16]byte{}, c.Span == [8]byte{}:
		return false
	}
	c.Sampled = flags[0]&1 != 0
	return true
}

// unhex reads lower-case digits; others are not allowed.
func unhex(dst []byte, s string) bool {
	if strings.ToLower(s) != s {
		return false
	}
	_, err := hex.Decode(dst, []byte(s))
	return err == nil
}

func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// Header is the traceparent.
func (c *Context) Header() string {
	flags := "-00"
	if c.Sampled {
		flags = "-01"
	}
	return "00-" + hex.EncodeToString(c.Trace[:]) + "-" + hex.EncodeToString(c.Span[:]) + flags
}

// ID is the id of the trace.
func (c *Context) ID() string { return hex.EncodeToString(c.Trace[:]) }

// set puts the context on a request.
func (c *Context) set(h http.Header) {
	h[headerParent] = []string{c.Header()}
	delete(h, headerState)
	if c.State != "" {
		h[headerState] = []string{c.State}
	}
}

// newTrace and newSpan make ids; they are no secrets.
func newTrace() (id [16]byte) {
	fill(id[:8])
	fill(id[8:])
	return id
}

func newSpan() (id [8]byte) {
	fill(id[:])
	return id
}

func fill(b []byte) {
	n := rand.Uint64() | 1 //nolint:gosec // an id, and never zero
	for i := range b {
		b[i] = byte(n >> (8 * i)) //nolint:gosec // the low byte is meant
	}
}
