package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"turnpike/internal/policy"
	"turnpike/internal/rules"
)

// keyPolicy are the flags that say how requests of a key are treated.
type keyPolicy struct {
	strict       *bool
	cache, rules *string
	rounds       *int
	aliases      *[]policy.Alias
	routing      func() *policy.Routing
}

func policyFlags(s *settings) keyPolicy {
	return keyPolicy{
		strict: s.flags.Bool("strict", false, "refuse requests that would lose something in translation"),
		cache:  s.flags.String("cache", "", "cache `points` beside the client's own: off, auto, 5m or 1h; none: as elsewhere"),
		rules:  s.flags.String("rules", "", "`names` of output rules, with commas; none for none"),
		rounds: s.flags.Int("continue", 0, "how many `times` a cut answer is continued"),

		routing: routingFlags(s),
		aliases: aliasFlag(s),
	}
}

// aliasFlag gives names of the key's own; those that stand for nothing go.
func aliasFlag(s *settings) *[]policy.Alias {
	var list []policy.Alias
	s.flags.Func("alias", "`name` of the key's own for other models: fast=claude/claude-haiku-4-5,gpt-5-mini; fast=none for none; may be given several times", func(v string) error {
		name, to, ok := strings.Cut(v, "=")
		if !ok {
			return errors.New("write NAME=MODEL or NAME=MODEL,MODEL")
		}
		a := policy.Alias{Match: name, To: words(to)}
		if to == none {
			a.To = nil
		} else if err := a.Check(); err != nil {
			return err
		}
		list = append(list, a)
		return nil
	})
	return &list
}

// aliased puts aliases in the place of those of the same name.
func aliased(r *policy.Routing, list []policy.Alias) *policy.Routing {
	if len(list) == 0 {
		return r
	}
	var out policy.Routing
	if r != nil {
		out = *r
	}
	out.Aliases = slices.Clone(out.Aliases)
	for _, a := range list {
		at := slices.IndexFunc(out.Aliases, func(o policy.Alias) bool { return o.Match == a.Match })
		if at >= 0 {
			out.Aliases = slices.Delete(out.Aliases, at, at+1)
		}
		if len(a.To) > 0 {
			out.Aliases = append(out.Aliases, a)
		}
	}
	return &out
}

// over lays what the flags say over a policy. Rules must be among those there are;
// a new list takes the place of the old one.
func (k keyPolicy) over(s *settings, old policy.Policy, known []rules.Rule) (policy.Policy, error) {
	var p policy.Policy
	if s.given("strict") {
		p.Strict = k.strict
	}
	if s.given("continue") {
		p.Continue = k.rounds
	}
	p.Cache, p.Rules, p.Routing = *k.cache, words(*k.rules), k.routing()
	if p.Rules != nil {
		old.Rules = nil
	}
	p = p.Over(old)
	p.Routing = aliased(p.Routing, *k.aliases)
	p = cleared(p)
	book, err := rules.New(known)
	if err != nil {
		return p, err
	}
	if unknown := book.Unknown(p.Rules); s.given("rules") && len(unknown) > 0 {
		return p, fmt.Errorf("no rule is named %q; the configuration lists them under rules", unknown[0])
	}
	return p, p.Check()
}

// cleared is the policy without what is none.
func cleared(p policy.Policy) policy.Policy {
	clearList(&p.Rules)
	clearWord(&p.Cache)
	if p.Routing == nil {
		return p
	}
	r := *p.Routing
	clearWord(&r.Provider)
	clearWord(&r.Strategy)
	clearList(&r.Models)
	clearList(&r.Providers)
	if len(r.Aliases) == 0 {
		r.Aliases = nil
	}
	if p.Routing = &r; reflect.ValueOf(r).IsZero() {
		p.Routing = nil
	}
	return p
}

func clearWord(w *string) {
	if *w == none {
		*w = ""
	}
}

func clearList(l *[]string) {
	if slices.Equal(*l, []string{none}) {
		*l = nil
	}
}
