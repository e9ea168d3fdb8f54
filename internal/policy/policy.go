// Package policy is how the operator wants requests treated: what is said for a
// key wins over what is said for a provider, that over what is said for the
// gateway. A request's own headers win over all of it.
package policy

import (
	"fmt"
	"slices"
)

// What Cache may be.
const (
	CacheOff  = "off"  // no cache points but the client's own
	CacheAuto = "auto" // for five minutes, where tools are offered or the assistant has spoken: a lone question is left alone
	Cache5m   = "5m"   // always, for five minutes
	Cache1h   = "1h"   // always, for an hour where the model has it
)

// Caches are the values Cache may have, beside the empty one.
var Caches = []string{CacheOff, CacheAuto, Cache5m, Cache1h}

// MaxContinue bounds Continue.
const MaxContinue = 20

// Policy says how requests are treated. What is not set is left to the policy
// beneath it.
type Policy struct {
	// Strict refuses a request that would lose something in translation.
	Strict *bool `json:"strict,omitempty" yaml:"strict,omitempty"`
	// Cache is where cache points are put beside the client's own, which always win:
	// off (also when nothing is said), auto, 5m or 1h. OpenAI, which caches by
	// itself, is given a prompt_cache_key of the conversation with any but off.
	Cache string `json:"cache,omitempty" yaml:"cache,omitempty"`
	// Continue is how many times an answer that ran into a limit the client did
	// not set is continued; 0 is never.
	Continue *int `json:"continue,omitempty" yaml:"continue,omitempty"`
	// Rules name the output rules that apply, beside those beneath.
	Rules []string `json:"rules,omitempty" yaml:"rules,omitempty"`
	// Routing is a key's alone: where its requests may go. nil is anywhere.
	Routing *Routing `json:"routing,omitempty" yaml:"-"`
}

// Over lays p over another policy.
func (p Policy) Over(under Policy) Policy {
	if p.Strict == nil {
		p.Strict = under.Strict
	}
	if p.Cache == "" {
		p.Cache = under.Cache
	}
	if p.Continue == nil {
		p.Continue = under.Continue
	}
	p.Routing = p.Routing.over(under.Routing)
	if len(under.Rules) > 0 {
		all := slices.Clone(under.Rules)
		for _, r := range p.Rules {
			if !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
		p.Rules = all
	}
	return p
}

// IsStrict tells whether losses are refused.
func (p Policy) IsStrict() bool { return p.Strict != nil && *p.Strict }

// Rounds is how many times an answer may be continued.
func (p Policy) Rounds() int {
	if p.Continue == nil {
		return 0
	}
	return max(0, min(*p.Continue, MaxContinue))
}

// Check tells what is wrong with the values.
func (p Policy) Check() error {
	if p.Cache != "" && !slices.Contains(Caches, p.Cache) {
		return fmt.Errorf("cache must be one of %v, not %q", Caches, p.Cache)
	}
	if p.Routing != nil {
		if err := p.Routing.Check(); err != nil {
			return err
		}
	}
	if p.Continue != nil && (*p.Continue < 0 || *p.Continue > MaxContinue) {
		return fmt.Errorf("continue must be between 0 and %d", MaxContinue)
	}
	return nil
}
