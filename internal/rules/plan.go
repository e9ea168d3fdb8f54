package rules

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// plan is the rules of a request in the form a filter works by. It is shared and
// never changes.
type plan struct {
	names   []string // of the rules; hits are counted by their place here
	phrases []phrase // the longest first
	tags    []tag
	tools   int       // the rule that drops unknown tools, -1 for none
	stops   [256]bool // bytes at which something may begin
}

// phrase is one Replacement.
type phrase struct {
	from, to   string
	rule       int
	fold       bool
	head, tail bool // a word must not go on in front of it, behind it
}

// tag is one name of StripTags, in small letters.
type tag struct {
	name string
	rule int
}

func newPlan(list []*Rule) *plan {
	if len(list) == 0 {
		return nil
	}
	p := &plan{tools: -1}
	for i, r := range list {
		p.names = append(p.names, r.Name)
		for _, t := range r.StripTags {
			if name := lower(t); !slices.ContainsFunc(p.tags, func(t tag) bool { return t.name == name }) {
				p.tags = append(p.tags, tag{name, i})
				p.stops['<'] = true
			}
		}
		for _, x := range r.Replace {
			first, _ := utf8.DecodeRuneInString(x.From)
			last, _ := utf8.DecodeLastRuneInString(x.From)
			p.phrases = append(p.phrases, phrase{
				from: x.From, to: x.To, rule: i, fold: x.IgnoreCase,
				head: x.Word && isWord(first), tail: x.Word && isWord(last),
			})
			p.stops[x.From[0]] = true
			if x.IgnoreCase {
				p.stops[lowerByte(x.From[0])], p.stops[upperByte(x.From[0])] = true, true
			}
		}
		if r.DropUnknownTools && p.tools < 0 {
			p.tools = i
		}
	}
	for _, c := range "`~\n" { // where code may begin
		p.stops[c] = true
	}
	slices.SortStableFunc(p.phrases, func(a, b phrase) int { return len(b.from) - len(a.from) })
	return p
}

// edits tells whether texts are looked at.
func (p *plan) edits() bool { return len(p.phrases) > 0 || len(p.tags) > 0 }

// find looks for the longest phrase at the start of b, of which before is the
// character in front. wait tells that only more text can decide.
func (p *plan) find(b []byte, before rune, final bool) (found *phrase, wait bool) {
	for i := range p.phrases {
		x := &p.phrases[i]
		n := min(len(b), len(x.from))
		if !x.begins(b[:n]) || x.head && isWord(before) {
			continue
		}
		if n < len(x.from) {
			if !final {
				return nil, true
			}
			continue
		}
		if x.tail {
			rest := b[n:]
			if !final && !utf8.FullRune(rest) {
				return nil, true
			}
			if after, size := utf8.DecodeRune(rest); size > 0 && isWord(after) {
				continue
			}
		}
		return x, false
	}
	return nil, false
}

// begins tells whether the phrase begins with b, which is no longer than it.
func (x *phrase) begins(b []byte) bool {
	for i, c := range b {
		if c != x.from[i] && (!x.fold || lowerByte(c) != lowerByte(x.from[i])) {
			return false
		}
	}
	return true
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func upperByte(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lowerByte(c)
	}
	return string(b)
}
