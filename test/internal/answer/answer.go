// Package answer reads what answers say, in the tests' own words: whole ones and
// streams of every dialect, from recordings and from what a client got. It is
// written after the public API references with encoding/json alone, so that it
// can contradict the gateway.
package answer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Reasons to stop.
const (
	StopEnd      = "end"
	StopSequence = "sequence"
	StopLength   = "length"
	StopContext  = "context"
	StopTool     = "tool"
	StopFilter   = "filter"
	StopPause    = "pause"
)

// Answer is what an answer says, without the form it came in.
type Answer struct {
	Text      string
	Texts     []string // its blocks, where the dialect has such
	Reasoning string
	Refusal   string
	Calls     []Call
	Stop      string
	Usage     Usage

	Signatures []string // of reasoning
	Redacted   []string // reasoning nobody can read

	Failed string // the error inside a stream
	Ended  bool   // the stream has its success terminator
}

// Call is a call of one of the client's tools.
type Call struct{ Name, Input string }

// Usage counts tokens. Input is everything: fresh, read from and written to a cache.
type Usage struct {
	Known                                bool
	Input, Output, CacheRead, CacheWrite int64
}

// call makes a Call whose arguments compare by meaning.
func call(name, input string) Call {
	if strings.TrimSpace(input) == "" {
		input = "{}"
	}
	return Call{name, Canonical(input)}
}

// Canonical writes JSON the same way whatever its spaces and order; what is no
// JSON stays as it is.
func Canonical(text string) string {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil || dec.More() {
		return text
	}
	out, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return string(out)
}

// say adds a block of text.
func (a *Answer) say(text string) {
	a.Text += text
	a.Texts = append(a.Texts, text)
}

// SaidAs tells whether a text is the answer's: its blocks in order, with nothing
// or a blank line between two of them.
func (a *Answer) SaidAs(text string) bool {
	for i, block := range a.Texts {
		if i > 0 && !strings.HasPrefix(text, block) {
			text = strings.TrimPrefix(text, "\n\n")
		}
		rest, ok := strings.CutPrefix(text, block)
		if !ok {
			return false
		}
		text = rest
	}
	return text == ""
}

// settle applies the rule every dialect has: who calls a tool waits for it.
func (a *Answer) settle() {
	if len(a.Calls) > 0 && a.Stop == StopEnd {
		a.Stop = StopTool
	}
}

// Differences tells where got is not want.
func Differences(want, got Answer) []string {
	var out []string
	differ := func(what string, w, g any) {
		if ws, gs := fmt.Sprintf("%+v", w), fmt.Sprintf("%+v", g); ws != gs {
			out = append(out, fmt.Sprintf("%s:\n  want %s\n  got  %s", what, clip(ws), clip(gs)))
		}
	}
	differ("text", want.Text, got.Text)
	differ("reasoning", want.Reasoning, got.Reasoning)
	differ("refusal", want.Refusal, got.Refusal)
	differ("tool calls", want.Calls, got.Calls)
	differ("stop", want.Stop, got.Stop)
	differ("usage", want.Usage, got.Usage)
	differ("signatures", want.Signatures, got.Signatures)
	differ("redacted reasoning", want.Redacted, got.Redacted)
	differ("error", want.Failed != "", got.Failed != "")
	return out
}

// clipAt bounds what a message quotes.
const clipAt = 600

func clip(s string) string {
	if len(s) <= clipAt {
		return s
	}
	return s[:clipAt/2] + " … " + s[len(s)-clipAt/2:]
}

// text reads a JSON string, "" for anything else.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || bytes.Equal(raw, []byte("null")) }
