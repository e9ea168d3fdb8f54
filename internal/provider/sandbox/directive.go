package sandbox

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/wire"
)

// Bounds of what a request may ask for.
const (
	maxChunks   = 100_000
	maxPause    = 60 * time.Second
	maxText     = 64 << 10
	maxParallel = 16
)

// Reasons to stop that may be asked for.
const (
	stopEnd     = "end"
	stopLength  = "length"
	stopRefusal = "refusal"
	stopTool    = "tool" // follows from a call, cannot be asked for
)

// manner is how an answer is to be given.
type manner struct {
	text         string
	hasText      bool // text may be empty on purpose
	n            int  // chunks of the text, 0 for one a word
	most         int  // words of the text, 0 for all
	delay, first time.Duration
	think        string
	tool         string
	args         []byte // a JSON object, nil for one made from the schema
	tools        bool   // call the first tool on offer
	parallel     int
	status       int // HTTP status of an error, 0 for none
	fault, cut   int // chunks before the break, -1 for none
	stop         string
}

const thought = "Let me think about what was said before I answer."

// ofModel is the manner that a model's name asks for.
func ofModel(model string) (manner, error) {
	m := manner{parallel: 1, fault: -1, cut: -1}
	words := strings.Split(model, "-")
	if words[0] != Kind {
		return m, nil
	}
	for _, w := range words[1:] {
		var err error
		switch {
		case w == "thinking":
			m.think = thought
		case w == "tools":
			m.tools = true
		case w == "slow":
			m.delay = 50 * time.Millisecond
		case len(w) > 1 && w[0] == 'n' && isDigits(w[1:]):
			err = m.set("n", w[1:])
		case len(w) > 1 && w[0] == 'd' && isDigits(w[1:]):
			err = m.set("delay", w[1:])
		}
		if err != nil {
			return m, fmt.Errorf("model %q: %w", model, err)
		}
	}
	return m, nil
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// answered takes from a manner what must not happen twice.
func (m *manner) answered() {
	*m = manner{n: m.n, delay: m.delay, first: m.first, think: m.think, parallel: 1, fault: -1, cut: -1}
}

var (
	opening = []byte("[[sandbox")
	closing = []byte("]]")
)

// hasDirective tells whether a text says how to answer.
func hasDirective(text string) bool {
	_, _, found := nextDirective([]byte(text))
	return found
}

// nextDirective cuts a text around the opening of a directive.
func nextDirective(text []byte) (before, after []byte, found bool) {
	for at := 0; ; {
		i := bytes.Index(text[at:], opening)
		if i < 0 {
			return text, nil, false
		}
		at += i + len(opening)
		rest := text[at:]
		if len(rest) == 0 || isSpace(rest[0]) || bytes.HasPrefix(rest, closing) {
			return text[:at-len(opening)], rest, true
		}
	}
}

// parse takes the directives of a text, later ones over earlier ones, and
// returns the text without them.
func (m *manner) parse(text string) (string, error) {
	var kept []byte
	left := []byte(text)
	for {
		before, rest, found := nextDirective(left)
		kept = append(kept, before...)
		if !found {
			return string(bytes.TrimSpace(kept)), nil
		}
		var err error
		if left, err = m.items(rest); err != nil {
			return "", err
		}
	}
}

// items reads the inside of a directive and returns what follows it.
func (m *manner) items(s []byte) ([]byte, error) {
	for {
		s = bytes.TrimLeft(s, " \t\r\n")
		if len(s) == 0 {
			return nil, fmt.Errorf("the directive is not closed: %s is missing", closing)
		}
		if rest, ok := bytes.CutPrefix(s, closing); ok {
			return rest, nil
		}
		n := nameLength(s)
		name := string(s[:min(n, maxText)])
		s = s[n:]
		var value []byte
		if len(s) > 0 && s[0] == '=' {
			var err error
			if value, s, err = readValue(s[1:]); err != nil {
				return nil, fmt.Errorf("%s: %w", short(name, 40), err)
			}
		}
		if len(value) > maxText {
			return nil, fmt.Errorf("%s is longer than %d bytes", short(name, 40), maxText)
		}
		if err := m.set(name, string(value)); err != nil {
			return nil, err
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// nameLength is the length of the name at the start of s; a first byte that
// fits no name counts as one, to be refused.
func nameLength(s []byte) int {
	for i, c := range s {
		if c == '=' || isSpace(c) || bytes.HasPrefix(s[i:], closing) {
			return max(i, 1)
		}
	}
	return len(s)
}

// readValue reads a JSON string or object, or a bare word.
func readValue(s []byte) (value, rest []byte, err error) {
	r := wire.NewReader(s)
	switch {
	case len(s) > 0 && s[0] == '"':
		raw := r.Raw()
		text := wire.NewReader(raw)
		value = text.Bytes()
		return value, s[len(raw):], cmp.Or(r.Err(), text.Err())
	case len(s) > 0 && s[0] == '{':
		value = r.Raw()
		return value, s[len(value):], r.Err()
	}
	n := 0
	for n < len(s) && !isSpace(s[n]) && !bytes.HasPrefix(s[n:], closing) {
		n++
	}
	return s[:n], s[n:], nil
}

var directiveNames = []string{
	"text", "n", "delay", "first", "think", "tools", "tool", "args", "parallel", "stop", "most", "error", "fault", "cut",
}

func (m *manner) set(name, value string) (err error) {
	switch name {
	case "text":
		m.text, m.hasText = value, true
	case "n":
		m.n, err = number(value, 1, maxChunks)
	case "delay":
		m.delay, err = duration(value)
	case "first":
		m.first, err = duration(value)
	case "think":
		m.think = value
	case "tools":
		m.tools = true
	case "tool":
		if m.tool = value; value == "" {
			err = fmt.Errorf("the name of a tool is missing")
		}
	case "args":
		if m.args = []byte(value); !wire.Valid(m.args, '{') {
			err = fmt.Errorf("must be a JSON object")
		}
	case "parallel":
		m.parallel, err = number(value, 1, maxParallel)
	case "stop":
		if m.stop = value; !slices.Contains([]string{stopEnd, stopLength, stopRefusal}, value) {
			err = fmt.Errorf("must be %s, %s or %s", stopEnd, stopLength, stopRefusal)
		}
	case "most":
		m.most, err = number(value, 1, maxChunks)
	case "error":
		m.status, err = number(value, 400, 599)
	case "fault":
		m.fault, err = number(value, 0, maxChunks)
	case "cut":
		m.cut, err = number(value, 0, maxChunks)
	default:
		return fmt.Errorf("unknown directive %q: there are %s", short(name, 40), strings.Join(directiveNames, ", "))
	}
	if err != nil {
		return fmt.Errorf("%s=%s: %w", name, short(value, 40), err)
	}
	return nil
}

func number(s string, low, high int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("must be a whole number from %d to %d", low, high)
	}
	return n, nil
}

func duration(s string) (time.Duration, error) {
	if s != "" && isDigits(s) {
		s += "ms"
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > maxPause {
		return 0, fmt.Errorf("must be a time from 0 to %s, such as 50ms", maxPause)
	}
	return d, nil
}
