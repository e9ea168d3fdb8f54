package policy

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// The ways to spread requests over the accounts that serve a model.
const (
	StrategySmart      = "smart"       // by weight and live data
	StrategyWeighted   = "weighted"    // at random, by weight
	StrategyRoundRobin = "round-robin" // in turn, model by model
	StrategyLeastUsed  = "least-used"  // where least is under way, then where least was
	StrategyPriority   = "priority"    // the highest weight; others when it cannot
)

// Strategies are the values a strategy may have, beside the empty one.
var Strategies = []string{StrategySmart, StrategyWeighted, StrategyRoundRobin, StrategyLeastUsed, StrategyPriority}

// Alias is a name for other models.
type Alias struct {
	// Match is the name clients ask for, or a pattern with *.
	Match string `json:"match" yaml:"match"`
	// To is the chain of models it stands for, as model or provider/model: the
	// next one is asked when the one before cannot serve.
	To []string `json:"to" yaml:"to"`
	// Strategy spreads requests over the accounts of each; empty: as elsewhere.
	Strategy string `json:"strategy,omitempty" yaml:"strategy,omitempty"`
}

// Check tells what is wrong with an alias.
func (a Alias) Check() error {
	switch {
	case strings.TrimSpace(a.Match) == "" || strings.TrimSpace(a.Match) != a.Match:
		return fmt.Errorf("match must be a model's name or a pattern such as fast*")
	case len(a.To) == 0:
		return fmt.Errorf("to must list at least one model, as model or provider/model")
	case slices.ContainsFunc(a.To, func(s string) bool { return s == "" || strings.TrimSpace(s) != s || strings.Contains(s, "*") }):
		return fmt.Errorf("to must list models by name, without patterns")
	}
	return checkStrategy(a.Strategy)
}

func checkStrategy(s string) error {
	if s != "" && !slices.Contains(Strategies, s) {
		return fmt.Errorf("strategy must be one of %v, not %q", Strategies, s)
	}
	return nil
}

// Aliases are asked in order: exact names before patterns.
type Aliases []Alias

// Find is the alias for a model, nil where there is none.
func (as Aliases) Find(model string) *Alias {
	for i := range as {
		if as[i].Match == model {
			return &as[i]
		}
	}
	for i := range as {
		if Match(as[i].Match, model) {
			return &as[i]
		}
	}
	return nil
}

// Match tells whether a model's name fits a pattern. A star stands for slashes
// too: models are not files. What is no pattern is a name.
func Match(pattern, model string) bool {
	if pattern == model {
		return true
	}
	if !strings.ContainsAny(pattern, `*?[\`) {
		return false
	}
	ok, err := path.Match(noSlash(pattern), noSlash(model))
	return err == nil && ok
}

func noSlash(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

// MatchAny tells whether a model's name fits one of the patterns.
func MatchAny(patterns []string, model string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return Match(p, model) })
}

// Routing says for a key where its requests may go, and how they get there.
type Routing struct {
	// Provider is asked first where it serves the model.
	Provider string `json:"provider,omitempty"`
	// Models are patterns of the models the key may use; none: all.
	Models []string `json:"models,omitempty"`
	// Providers are the accounts it may use; none: all.
	Providers []string `json:"providers,omitempty"`
	// Aliases are names of the key's own; they win over the gateway's.
	Aliases Aliases `json:"aliases,omitempty"`
	// Strategy spreads its requests; empty: as the gateway does.
	Strategy string `json:"strategy,omitempty"`
}

// Check tells what is wrong with the values.
func (r Routing) Check() error {
	for i, a := range r.Aliases {
		if err := a.Check(); err != nil {
			return fmt.Errorf("alias %d: %w", i+1, err)
		}
	}
	return checkStrategy(r.Strategy)
}

// over lays r over another one; what r does not say is left to it.
func (r *Routing) over(under *Routing) *Routing {
	if r == nil || under == nil {
		return cmp.Or(r, under)
	}
	out := *r
	out.Provider, out.Strategy = cmp.Or(r.Provider, under.Provider), cmp.Or(r.Strategy, under.Strategy)
	if len(r.Models) == 0 {
		out.Models = under.Models
	}
	if len(r.Providers) == 0 {
		out.Providers = under.Providers
	}
	if len(r.Aliases) == 0 {
		out.Aliases = under.Aliases
	}
	return &out
}
