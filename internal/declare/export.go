package declare

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/config"
	"turnpike/internal/limit"
	"turnpike/internal/price"
	"turnpike/internal/roster"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// People are the teams, keys and budgets of the store as a file would declare them, with their
// ids, by which they go on as the same. Keys that were revoked are left out. Without hashes no
// keys are written, nor what is theirs.
func People(ctx context.Context, db *store.Store, hashes bool) (config.People, error) {
	scopes, err1 := db.Scopes(ctx, "")
	keys, err2 := db.Keys(ctx)
	budgets, err3 := db.Budgets(ctx)
	names, err4 := db.DeclaredNames(ctx, kindBudget)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return config.People{}, err
	}
	e := &exporter{names: map[[2]string]string{}, taken: map[[2]string]bool{}, declared: names}
	for i := range scopes {
		e.names[[2]string{scopes[i].Kind, scopes[i].ID}] = scopes[i].Name
		if scopes[i].Kind == tenancy.Team {
			if err := e.team(&scopes[i]); err != nil {
				return config.People{}, err
			}
		}
	}
	if hashes {
		for i := range keys {
			if err := e.key(&keys[i]); err != nil {
				return config.People{}, err
			}
		}
	}
	for _, b := range budgets {
		if err := e.budget(b); err != nil {
			return config.People{}, err
		}
	}
	return e.out, nil
}

type exporter struct {
	names    map[[2]string]string // by kind and id
	taken    map[[2]string]bool   // names of a kind
	declared map[string]string    // the names of declared budgets
	out      config.People
}

// name is what an entry is called: names are unique in a file.
func (e *exporter) name(kind, name, id string) string {
	if e.taken[[2]string{kind, name}] {
		name += " (" + id + ")"
	}
	e.taken[[2]string{kind, name}] = true
	return name
}

// id is what a file must say: nothing, where it follows from the name.
func id(kind, name, id string) string {
	if store.DeclaredID(kind, name) == id {
		return ""
	}
	return id
}

func (e *exporter) team(c *store.Scope) error {
	t := config.Team{ID: id(tenancy.Team, c.Name, c.ID), Name: c.Name, Description: c.Description, Disabled: !c.DisabledAt.IsZero()}
	l, err := roster.ReadLimits(c.Limits)
	if err != nil {
		return fmt.Errorf("team %q: %w", c.Name, err)
	}
	t.Limits = useLimits(&l)
	e.out.Teams = append(e.out.Teams, t)
	return nil
}

func (e *exporter) key(k *store.Key) error {
	name := e.name(tenancy.Key, k.Name, k.ID)
	out := config.APIKey{
		ID: id(tenancy.Key, name, k.ID), Name: name, Hash: config.NewKeyHash(k.Hash), Prefix: k.Prefix, Description: k.Description,
		Tags: k.Tags, Addresses: k.Addresses, LogPayloads: k.LogPayloads,
	}
	e.names[[2]string{tenancy.Key, k.ID}] = name
	off := !k.DisabledAt.IsZero()
	for _, o := range []struct {
		kind, id string
		to       *string
	}{{tenancy.Team, k.TeamID, &out.Team}, {tenancy.User, k.UserID, &out.User}} {
		var ok bool
		if *o.to, ok = e.names[[2]string{o.kind, o.id}]; !ok && o.id != "" {
			off = true // it is refused, for whose it was does not exist any more
		}
	}
	if off {
		out.Enabled = new(false)
	}
	if !k.ExpiresAt.IsZero() {
		out.ExpiresAt = k.ExpiresAt.Format(time.RFC3339Nano)
	}
	l, err := roster.ReadLimits(k.Limits)
	if err != nil {
		return fmt.Errorf("key %s: %w", k.ID, err)
	}
	out.Limits = useLimits(&l)
	p, err := roster.ReadPolicy(k.Policy)
	if err != nil {
		return fmt.Errorf("key %s: policy: %w", k.ID, err)
	}
	if r := p.Routing; r != nil {
		out.AllowedModels, out.AllowedProviders, out.DefaultProvider, out.Aliases, out.LBStrategy = r.Models, r.Providers, r.Provider, r.Aliases, r.Strategy
	}
	p.Routing = nil
	out.Policy = p
	e.out.Keys = append(e.out.Keys, out)
	return nil
}

func useLimits(l *roster.Limits) config.UseLimits {
	out := config.UseLimits{RPM: short(l.RPM), TPM: short(l.TPM), Concurrent: short(l.Concurrent)}
	for _, m := range l.Models {
		out.Models = append(out.Models, config.ModelLimits{Match: m.Match, Limits: ratesOf(m.Limits)})
	}
	return out
}

func ratesOf(r limit.Rule) config.Rates {
	return config.Rates{RPM: short(r.RPM), TPM: short(r.TPM), Concurrent: short(r.Concurrent)}
}

func short(n *int64) *int {
	if n == nil {
		return nil
	}
	return new(int(*n))
}

func (e *exporter) budget(b store.Budget) error {
	of, ok := e.names[[2]string{b.ScopeKind, b.ScopeID}]
	if !ok { // of a key that is left out
		return nil
	}
	r, err := roster.ReadBudget(b)
	if err != nil {
		return err
	}
	name := e.declared[b.ID]
	if name == "" {
		name = strings.Join([]string{b.ScopeKind, of, r.Period, r.Unit}, " ")
		name = name[:min(len(name), maxBudgetName)]
	}
	name = e.name(kindBudget, name, b.ID)
	out := config.Budget{
		ID: id(kindBudget, name, b.ID), Name: name, Scope: b.ScopeKind, ScopeID: of, Period: r.Period, Window: r.Window, Soft: r.Soft, Rollover: r.Rollover, Zone: r.Zone,
	}
	if b.ScopeKind == tenancy.Organisation {
		out.ScopeID = ""
	}
	if r.Unit == budget.Tokens {
		out.LimitTokens = short(&r.Limit)
	} else {
		out.LimitUSD = strings.TrimPrefix(price.Nano(r.Limit).String(), "$")
	}
	e.out.Budgets = append(e.out.Budgets, out)
	return nil
}

// maxBudgetName keeps the name of a budget, which scopes give it, within what a file takes.
const maxBudgetName = 160
