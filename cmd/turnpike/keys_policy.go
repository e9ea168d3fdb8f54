package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"turnpike/internal/policy"
	"turnpike/internal/rules"
	"turnpike/internal/store"
)

// keyPolicy are the flags that say how requests of a key are treated.
type keyPolicy struct {
	strict       *bool
	cache, rules *string
	rounds       *int
	routing      func() *policy.Routing
}

func policyFlags(s *settings) keyPolicy {
	return keyPolicy{
		strict: s.flags.Bool("strict", false, "create, set: refuse requests that would lose something in translation"),
		cache:  s.flags.String("cache", "", "create, set: cache points beside the client's own: off, auto, 5m or 1h"),
		rules:  s.flags.String("rules", "", "create, set: names of output rules, with commas"),
		rounds: s.flags.Int("continue", 0, "create, set: how many times a cut answer is continued"),

		routing: routingFlags(s),
	}
}

// policy is what the flags that were given say. Rules must be among those there are.
func (k keyPolicy) policy(s *settings, known []rules.Rule) (p policy.Policy, err error) {
	if s.given("strict") {
		p.Strict = k.strict
	}
	if s.given("continue") {
		p.Continue = k.rounds
	}
	p.Cache = *k.cache
	p.Routing = k.routing()
	if *k.rules != "" {
		p.Rules = strings.Split(*k.rules, ",")
		book, err := rules.New(known)
		if err != nil {
			return p, err
		}
		if unknown := book.Unknown(p.Rules); len(unknown) > 0 {
			return p, fmt.Errorf("no rule is named %q; the configuration lists them under rules", unknown[0])
		}
	}
	return p, p.Check()
}

// readPolicy is what a stored key says of its requests.
func readPolicy(k store.Key) (p policy.Policy, err error) {
	if k.Policy == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(k.Policy), &p); err != nil {
		return p, fmt.Errorf("policy of key %s: %w", k.ID, err)
	}
	return p, nil
}

// writePolicy is how a key keeps it.
func writePolicy(p policy.Policy) (string, error) {
	if p.Strict == nil && p.Cache == "" && p.Continue == nil && len(p.Rules) == 0 && p.Routing == nil {
		return "", nil
	}
	text, err := json.Marshal(p)
	return string(text), err
}

// keysSet lays what the flags say over what the key has.
func keysSet(ctx context.Context, db *store.Store, word string, p policy.Policy) error {
	list, err := db.Keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range list {
		if k.ID != word && k.Prefix != word && k.Name != word {
			continue
		}
		old, err := readPolicy(k)
		if err != nil {
			return err
		}
		if p.Rules != nil { // a new list takes the place of the old one
			old.Rules = nil
		}
		p = p.Over(old)
		break
	}
	text, err := writePolicy(p)
	if err != nil {
		return err
	}
	k, err := db.SetKeyPolicy(ctx, word, text)
	if err != nil {
		return err
	}
	fmt.Printf("Changed %s (%s): %s. A running gateway follows within a second.\n", k.Name, k.ID, k.Policy)
	return nil
}
