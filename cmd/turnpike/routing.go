package main

import (
	"path/filepath"
	"strings"
	"time"

	"turnpike/internal/affinity"
	"turnpike/internal/affinity/replicas"
	"turnpike/internal/config"
	"turnpike/internal/discover"
	"turnpike/internal/policy"
	"turnpike/internal/retry"
	"turnpike/internal/route"
	"turnpike/internal/throttle"
)

// maxPins bounds the conversations that are kept where they are.
const maxPins = 100_000

// savedRetries is how many retries good times put by for bad ones.
const savedRetries = 100

// newTable makes the routing table of a configuration.
func newTable(a *app, cfg *config.Config, list []*route.Account) *route.Table {
	s := tableSettings(cfg)
	r := &cfg.Routing
	s.Budget = retry.NewBudget(r.RetryBudget, savedRetries, time.Now)
	if on := r.Affinity; on == nil || *on {
		shared := &affinity.Shared{Release: a.tellUnpinned}
		if a.redis != nil {
			a.pins = replicas.New(a.redis.Client(), a.log, time.Now)
			shared = a.pins.Shared()
		}
		s.Pins = affinity.New(maxPins, time.Now, shared)
	}
	return route.New(list, cfg.Defaults.Provider, cfg.Defaults.Model).With(s)
}

// tableSettings are how a table chooses, but for what stays the same while it runs.
func tableSettings(cfg *config.Config) route.Settings {
	r := &cfg.Routing
	return route.Settings{
		Aliases: cfg.Aliases, Strategy: cfg.Defaults.LBStrategy, Now: time.Now, CrossGeo: r.CrossGeo != nil && *r.CrossGeo,
		Retry: retry.Plan{Attempts: r.Attempts, Total: r.Deadline, MaxWait: r.MaxWait, Base: retry.Default.Base},
	}
}

// newLists makes what keeps the accounts' lists of models.
func newLists(a *app, cfg *config.Config) *discover.Lists {
	file := filepath.Join(cfg.DataDir, discover.FileName)
	return discover.New(a.table.Accounts(), cfg.Routing.RefreshModels, healthChecks(cfg), file, a.log)
}

func healthChecks(cfg *config.Config) map[string]discover.Check {
	checks := map[string]discover.Check{}
	for _, p := range cfg.Providers {
		checks[p.Name] = discover.Check{Every: p.Health.Every, Jitter: p.Health.Jitter}
	}
	return checks
}

// limits are the gates of an account's own limits.
func limits(p config.Provider) []route.Limit {
	out := make([]route.Limit, 0, len(p.Limits))
	for _, l := range p.Limits {
		name, match := p.Name, "*"
		if l.Model != "" {
			name, match = p.Name+" ("+l.Model+")", l.Model
		}
		out = append(out, route.Limit{Match: match, Gate: throttle.NewGate(name, throttle.Limits{
			RPM: int64(l.RPM), TPM: int64(l.TPM), Concurrency: l.Concurrency, Queue: l.Queue, Wait: l.Wait,
		}, time.Now)})
	}
	return out
}

// routingFlags are the flags that say where requests of a key may go; the
// function gives what they said, nil for nothing.
func routingFlags(s *settings) func() *policy.Routing {
	models := s.flags.String("models", "", "create, set: `patterns` of the models it may use, with commas; '*' is all")
	providers := s.flags.String("providers", "", "create, set: `names` of the providers it may use, with commas")
	provider := s.flags.String("default-provider", "", "create, set: `name` of the provider it asks first")
	strategy := s.flags.String("strategy", "", "create, set: how its requests are spread: "+strings.Join(policy.Strategies, ", "))
	return func() *policy.Routing {
		r := policy.Routing{Provider: *provider, Strategy: *strategy, Models: words(*models), Providers: words(*providers)}
		if r.Provider == "" && r.Strategy == "" && r.Models == nil && r.Providers == nil {
			return nil
		}
		return &r
	}
}

// words are the words of a list with commas.
func words(s string) (out []string) {
	for w := range strings.SplitSeq(s, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}
