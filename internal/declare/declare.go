// Package declare puts into the store what the configuration file declares of teams, keys and
// budgets, and writes what the store has of them as the file would have it.
package declare

import (
	"context"
	"fmt"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/config"
	"turnpike/internal/limit"
	"turnpike/internal/price"
	"turnpike/internal/roster"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

const kindBudget = "budget"

// Apply makes the store's teams, keys and budgets what the configuration declares, all or
// nothing. Where they are so already, nothing is written.
func Apply(ctx context.Context, db *store.Store, cfg *config.Config, now time.Time) error {
	d, err := of(cfg.People(), now)
	if err != nil {
		return err
	}
	_, err = db.Declare(ctx, d)
	return err
}

// of puts entries in the words of the store.
func of(p config.People, now time.Time) (*store.Declaration, error) {
	d := &store.Declaration{Now: now.UTC()}
	teams, keys := map[string]string{}, map[string]string{}
	for i := range p.Teams {
		t, err := team(&p.Teams[i], d.Now)
		if err != nil {
			return nil, fmt.Errorf("team %q: %w", p.Teams[i].Name, err)
		}
		teams[t.Name] = t.ID
		d.Teams = append(d.Teams, t)
	}
	for i := range p.Keys {
		k, err := key(&p.Keys[i], d.Now)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", p.Keys[i].Name, err)
		}
		k.TeamID = known(teams, k.TeamID)
		keys[k.Name] = k.ID
		d.Keys = append(d.Keys, k)
	}
	for i := range p.Budgets {
		b, err := rule(&p.Budgets[i])
		if err != nil {
			return nil, fmt.Errorf("budget %q: %w", p.Budgets[i].Name, err)
		}
		switch b.ScopeKind {
		case tenancy.Team:
			b.ScopeID = known(teams, b.ScopeID)
		case tenancy.Key:
			b.ScopeID = known(keys, b.ScopeID)
		case tenancy.Organisation:
			b.ScopeID = tenancy.OrganisationID
		}
		d.Budgets = append(d.Budgets, b)
	}
	return d, nil
}

// known is the id of a name that has one, else the name.
func known(ids map[string]string, name string) string {
	if id, ok := ids[name]; ok {
		return id
	}
	return name
}

// idOf is the id that an entry says, else the one of its name.
func idOf(id, kind, name string) string {
	if id != "" {
		return id
	}
	return store.DeclaredID(kind, name)
}

func team(t *config.Team, now time.Time) (c store.Scope, err error) {
	c = store.Scope{Kind: tenancy.Team, ID: idOf(t.ID, tenancy.Team, t.Name), Name: t.Name, Description: t.Description}
	if t.Disabled {
		c.DisabledAt = now
	}
	if c.Limits, err = roster.WriteLimits(limits(&t.Limits)); err != nil {
		return c, err
	}
	return c, roster.CheckScope(&c)
}

func key(k *config.APIKey, now time.Time) (out store.Key, err error) {
	out = store.Key{
		ID: idOf(k.ID, tenancy.Key, k.Name), Name: k.Name, Prefix: k.Prefix, Description: k.Description, TeamID: k.Team, UserID: k.User,
		Tags: k.Tags, Addresses: k.Addresses, LogPayloads: k.LogPayloads,
	}
	var ok bool
	if out.Hash, ok = k.Hash.Sum(); !ok {
		return out, roster.ErrHash
	}
	if k.Enabled != nil && !*k.Enabled {
		out.DisabledAt = now
	}
	if k.ExpiresAt != "" {
		at, err := time.Parse(time.RFC3339, k.ExpiresAt)
		if err != nil {
			return out, err
		}
		out.ExpiresAt = at.UTC()
	}
	if out.Limits, err = roster.WriteLimits(limits(&k.Limits)); err != nil {
		return out, err
	}
	if out.Policy, err = roster.WritePolicy(k.Treated()); err != nil {
		return out, err
	}
	return out, roster.Check(&out)
}

func limits(l *config.UseLimits) roster.Limits {
	out := roster.Limits{Rule: rates(l.RPM, l.TPM, l.Concurrent)}
	for _, m := range l.Models {
		out.Models = append(out.Models, tenancy.ModelLimits{Match: m.Match, Limits: rates(m.Limits.RPM, m.Limits.TPM, m.Limits.Concurrent)})
	}
	return out
}

func rates(rpm, tpm, concurrent *int) limit.Rule {
	return limit.Rule{RPM: long(rpm), TPM: long(tpm), Concurrent: long(concurrent)}
}

func long(n *int) *int64 {
	if n == nil {
		return nil
	}
	return new(int64(*n))
}

func rule(b *config.Budget) (out store.DeclaredBudget, err error) {
	r := budget.Rule{Unit: budget.Tokens, Period: b.Period, Window: b.Window, Rollover: b.Rollover, Soft: b.Soft, Zone: b.Zone}
	if b.LimitTokens != nil {
		r.Limit = int64(*b.LimitTokens)
	} else {
		n, err := price.ParseAmount(b.LimitUSD)
		if err != nil {
			return out, err
		}
		r.Unit, r.Limit = budget.Dollars, int64(n)
	}
	out = store.DeclaredBudget{Budget: store.Budget{ID: idOf(b.ID, kindBudget, b.Name), ScopeKind: b.Scope, ScopeID: b.ScopeID}, Name: b.Name}
	out.Rule, err = roster.WriteBudget(r)
	return out, err
}
