// Package rules changes answers the way the operator asked for: blocks in tags
// are left out, phrases are replaced, calls of tools that the client never offered
// are dropped. Nothing else of an answer changes: code, the arguments of tools and
// signed thinking are never touched, and a text without a match stays as it is, to
// the byte.
package rules

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"turnpike/internal/llm"
)

// Rule is a set of changes under a name, by which a policy chooses it.
type Rule struct {
	// Name is what policies call the rule.
	Name string `yaml:"name"`
	// StripTags are names of tags whose blocks are left out of texts, with what
	// they hold: <name …>…</name>, in any case.
	StripTags []string `yaml:"strip_tags,omitempty"`
	// Replace are phrases that are written otherwise; where several fit, the
	// longest does.
	Replace []Replacement `yaml:"replace,omitempty"`
	// DropUnknownTools drops calls of tools that the client did not offer.
	DropUnknownTools bool `yaml:"drop_unknown_tools,omitempty"`
}

// Replacement is a phrase and what stands in its place.
type Replacement struct {
	// From is the phrase, to the letter.
	From string `yaml:"from"`
	// To takes its place; it may be empty.
	To string `yaml:"to"`
	// Word takes the phrase only where no word goes on before or behind it.
	Word bool `yaml:"word,omitempty"`
	// IgnoreCase takes it in any case of its letters from A to Z.
	IgnoreCase bool `yaml:"ignore_case,omitempty"`
}

// Bounds of a rule. What a filter holds back is at most as long as a phrase.
const (
	maxPhrase  = 200
	maxTo      = 2000
	maxTagName = 64
	maxEntries = 200
)

var (
	ruleName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)
	tagName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_:.-]*$`)
)

// Check tells what is wrong with a rule.
func (r *Rule) Check() error {
	switch {
	case r.Name == "":
		return errors.New("name is missing; policies choose a rule by it")
	case !ruleName.MatchString(r.Name):
		return fmt.Errorf("%q is not a name; use small letters, digits, dot, dash and underscore", r.Name)
	case len(r.StripTags) == 0 && len(r.Replace) == 0 && !r.DropUnknownTools:
		return errors.New("does nothing; give it strip_tags, replace or drop_unknown_tools")
	case len(r.StripTags) > maxEntries || len(r.Replace) > maxEntries:
		return fmt.Errorf("has more than %d tags or phrases", maxEntries)
	}
	for _, t := range r.StripTags {
		if !tagName.MatchString(t) || len(t) > maxTagName {
			return fmt.Errorf("strip_tags: %q is not the name of a tag; write it without < and >", t)
		}
	}
	for _, p := range r.Replace {
		if err := p.check(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Replacement) check() error {
	switch {
	case p.From == "":
		return errors.New("replace: from is missing")
	case len(p.From) > maxPhrase || len(p.To) > maxTo:
		return fmt.Errorf("replace: from may have %d bytes, to %d", maxPhrase, maxTo)
	case !utf8.ValidString(p.From) || !utf8.ValidString(p.To):
		return errors.New("replace: from and to must be text in UTF-8")
	case strings.Contains(p.From, "`") || strings.Contains(p.From, "~~~"):
		return fmt.Errorf("replace: %q holds a mark of code, which is never touched", p.From)
	}
	return nil
}

// Book is all rules there are. A nil one has none.
type Book struct {
	rules map[string]*Rule

	mu    sync.Mutex
	plans map[string]*plan
}

// maxPlans bounds the memory of which rules were in force together.
const maxPlans = 256

// New makes a book; it refuses rules that are wrong or have one name.
func New(list []Rule) (*Book, error) {
	b := &Book{rules: make(map[string]*Rule, len(list)), plans: map[string]*plan{}}
	for i := range list {
		r := &list[i]
		if err := r.Check(); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i, err)
		}
		if b.rules[r.Name] != nil {
			return nil, fmt.Errorf("rule %d: the name %q is taken", i, r.Name)
		}
		b.rules[r.Name] = r
	}
	return b, nil
}

// Unknown is the names among those given that no rule has.
func (b *Book) Unknown(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return b != nil && b.rules[n] != nil })
}

// Filter makes the filter of one answer, nil where none of the named rules is
// there. The request tells which tools were offered.
func (b *Book) Filter(names []string, req *llm.Request) *Filter {
	p := b.plan(names)
	if p == nil {
		return nil
	}
	return newFilter(p, req)
}

// plan is the named rules made ready, the same for all their requests.
func (b *Book) plan(names []string) *plan {
	if b == nil || len(names) == 0 {
		return nil
	}
	key := strings.Join(names, "\n")
	b.mu.Lock()
	defer b.mu.Unlock()
	if p, ok := b.plans[key]; ok {
		return p
	}
	var chosen []*Rule
	for _, n := range names {
		if r := b.rules[n]; r != nil && !slices.Contains(chosen, r) {
			chosen = append(chosen, r)
		}
	}
	if len(b.plans) >= maxPlans {
		clear(b.plans)
	}
	b.plans[key] = newPlan(chosen)
	return b.plans[key]
}
