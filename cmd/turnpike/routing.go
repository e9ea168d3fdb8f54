package main

import (
	"path/filepath"
	"time"

	"turnpike/internal/affinity"
	"turnpike/internal/config"
	"turnpike/internal/discover"
	"turnpike/internal/route"
	"turnpike/internal/throttle"
)

// maxPins bounds the conversations that are kept where they are.
const maxPins = 100_000

// newTable makes the routing table of the configuration.
func newTable(cfg *config.Config, list []*route.Account) *route.Table {
	s := route.Settings{Aliases: cfg.Aliases, Strategy: cfg.Defaults.LBStrategy, Now: time.Now}
	s.CrossGeo = cfg.Routing.CrossGeo != nil && *cfg.Routing.CrossGeo
	if on := cfg.Routing.Affinity; on == nil || *on {
		s.Pins = affinity.New(maxPins, time.Now, nil)
	}
	return route.New(list, cfg.Defaults.Provider, cfg.Defaults.Model).With(s)
}

// newLists makes what keeps the accounts' lists of models.
func newLists(a *app) *discover.Lists {
	checks := map[string]discover.Check{}
	for _, p := range a.cfg.Providers {
		checks[p.Name] = discover.Check{Every: p.Health.Every, Jitter: p.Health.Jitter}
	}
	file := filepath.Join(a.cfg.DataDir, discover.FileName)
	return discover.New(a.table.Accounts(), a.cfg.Routing.RefreshModels, checks, file, a.log)
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
