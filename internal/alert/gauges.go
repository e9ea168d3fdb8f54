package alert

import (
	"context"
	"fmt"
	"sync"
	"time"

	"turnpike/internal/store"
	"turnpike/internal/usage"
)

// Gauges are where figures come from.
type Gauges struct {
	// Usage is what was used.
	Usage usage.Source
	// Zone is whose days and months are meant; nil is UTC.
	Zone *time.Location
	// Away is since when attempts have not reached the database; zero: they do.
	Away func() time.Time
	// Replica names this gateway.
	Replica string
	// Budgets are those that are told of.
	Budgets *Budgets
	// Down are the names of the providers that take no requests although they are in use.
	Down func() []string
	down map[string]time.Time // since when
}

// reading is a figure. One of too few attempts says nothing.
type reading struct {
	n      int64
	enough bool
}

// read takes the figures of a rule, by subject.
func (g *Gauges) read(ctx context.Context, r *Rule, now time.Time) (map[string]reading, error) {
	switch r.Kind {
	case Spend:
		return g.sums(ctx, r, g.period(r.Per, now), func(x *usage.Group) reading { return reading{x.CostNano, true} })
	case Unpriced:
		return g.sums(ctx, r, g.period("day", now), func(x *usage.Group) reading { return reading{x.Unpriced, true} })
	case Errors:
		lately := usage.Period{From: now.Add(-time.Hour).Truncate(store.Quarter)}
		return g.sums(ctx, r, lately, func(x *usage.Group) reading {
			const percent = 100
			return reading{x.Errors * percent / max(x.Attempts, 1), x.Attempts >= r.Least}
		})
	case JournalLag:
		name := "journal of " + g.Replica
		out := map[string]reading{name: {}}
		if since := g.Away(); !since.IsZero() {
			out[name] = reading{int64(now.Sub(since)), true}
		}
		return out, nil
	case ProviderDown:
		return g.away(now), nil
	case Budget:
		return g.Budgets.read(now), nil
	}
	return nil, fmt.Errorf("nobody watches %q", r.Kind)
}

// period is the hour, day or month there is now.
func (g *Gauges) period(name string, now time.Time) usage.Period {
	zone := g.Zone
	if zone == nil {
		zone = time.UTC
	}
	t := now.In(zone)
	switch name {
	case "hour":
		return usage.Period{From: t.Truncate(store.Quarter).Add(-time.Duration(t.Minute()) / 15 * 15 * time.Minute)}
	case "month":
		return usage.Period{From: time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, zone)}
	}
	return usage.Period{From: time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone)}
}

// sums adds up what was used by the subjects of a rule.
func (g *Gauges) sums(ctx context.Context, r *Rule, p usage.Period, figure func(*usage.Group) reading) (map[string]reading, error) {
	q := usage.Query{Period: p}
	if r.Scope != "all" {
		q.By = []string{r.Scope}
	}
	groups, total, err := usage.Sum(ctx, g.Usage, q)
	if err != nil {
		return nil, err
	}
	if r.Scope == "all" {
		return map[string]reading{"all": figure(&total)}, nil
	}
	out := make(map[string]reading, len(groups))
	for _, x := range groups {
		if x.Values[0] != "" {
			out[r.Scope+" "+x.Values[0]] = figure(x)
		}
	}
	return out, nil
}

// away is for how long providers have been down, as far as looks tell.
func (g *Gauges) away(now time.Time) map[string]reading {
	since := map[string]time.Time{}
	out := map[string]reading{}
	for _, name := range g.Down() {
		if since[name] = g.down[name]; since[name].IsZero() {
			since[name] = now
		}
		out["provider "+name+" at "+g.Replica] = reading{int64(now.Sub(since[name])), true}
	}
	g.down = since
	return out
}

// maxBudgets bounds those that are remembered.
const maxBudgets = 50_000

// Budgets remembers how much of each budget is spent. It is told of every change.
type Budgets struct {
	mu   sync.Mutex
	list map[string]spentBudget
}

type spentBudget struct {
	percent int64
	until   time.Time
}

// Spent notes how many percent of a budget are spent in a period that ends at a time, if
// it does: name says whose it is, such as "team shop, monthly".
func (b *Budgets) Spent(name string, percent int64, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.list == nil {
		b.list = map[string]spentBudget{}
	}
	if _, ok := b.list[name]; ok || len(b.list) < maxBudgets {
		b.list[name] = spentBudget{percent, until}
	}
}

// read forgets those whose period is over.
func (b *Budgets) read(now time.Time) map[string]reading {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make(map[string]reading, len(b.list))
	for name, s := range b.list {
		if !s.until.IsZero() && !now.Before(s.until) {
			delete(b.list, name)
			continue
		}
		out["budget of "+name] = reading{s.percent, true}
	}
	return out
}
