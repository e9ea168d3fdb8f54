package admin

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"turnpike/internal/policy"
	"turnpike/internal/roster"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// KeyEdit is what can be said of a key.
type KeyEdit struct {
	Name             Opt[string]        `json:"name"`
	Description      Opt[string]        `json:"description"`
	Team             Opt[string]        `json:"team" say:"id or name"`
	User             Opt[string]        `json:"user" say:"id or name"`
	Tags             Opt[[]string]      `json:"tags"`
	Addresses        Opt[[]string]      `json:"addresses" say:"networks it may be used from, such as 10.0.0.0/8"`
	Enabled          Opt[bool]          `json:"enabled"`
	LogPayloads      Opt[bool]          `json:"log_payloads"`
	Expires          Opt[time.Time]     `json:"expires_at"`
	AllowedModels    Opt[[]string]      `json:"allowed_models"`
	AllowedProviders Opt[[]string]      `json:"allowed_providers"`
	DefaultProvider  Opt[string]        `json:"default_provider"`
	Policy           Opt[policy.Policy] `json:"policy" say:"takes the place of the whole policy"`
	LimitsEdit
}

// KeyCreate is a new key.
type KeyCreate struct {
	Name string `json:"name"`
	KeyEdit
}

// KeyBatch are several new keys that have all but the name in common.
type KeyBatch struct {
	Names []string `json:"names" say:"1 to 100; one text may hold several with commas, semicolons or lines between"`
	KeyEdit
}

// LimitsEdit is what can be said of limits, under the names they have elsewhere too. One of
// them alone leaves the others; limits takes the place of all.
type LimitsEdit struct {
	Limits     Opt[roster.Limits] `json:"limits"`
	RPM        Opt[int64]         `json:"rpm" say:"requests in a minute; 0 blocks, null does not limit"`
	QPM        Opt[int64]         `json:"qpm" say:"the same as rpm"`
	QPMLimit   Opt[int64]         `json:"qpm_limit" say:"the same as rpm"`
	TPM        Opt[int64]         `json:"tpm" say:"tokens in a minute"`
	TPMLimit   Opt[int64]         `json:"tpm_limit" say:"the same as tpm"`
	Concurrent Opt[int64]         `json:"concurrent" say:"requests under way at once"`
}

// limit lays the edit over limits as the store keeps them.
func (e *LimitsEdit) limit(text string) (string, error) {
	l, err := roster.ReadLimits(text)
	if err != nil {
		return "", err
	}
	e.Limits.over(&l)
	for _, f := range []struct {
		name string
		from Opt[int64]
		to   **int64
	}{
		{"rpm", e.RPM, &l.RPM},
		{"qpm", e.QPM, &l.RPM},
		{"qpm_limit", e.QPMLimit, &l.RPM},
		{"tpm", e.TPM, &l.TPM},
		{"tpm_limit", e.TPMLimit, &l.TPM},
		{"concurrent", e.Concurrent, &l.Concurrent},
	} {
		if !f.from.Given {
			continue
		}
		if f.from.Value != nil && *f.from.Value < 0 {
			return "", badField(f.name, errors.New("must be 0 or more: 0 blocks, null does not limit"))
		}
		*f.to = f.from.Value
	}
	out, err := roster.WriteLimits(l)
	if err != nil {
		return "", badField("limits", err)
	}
	return out, nil
}

// edit lays an edit over a key.
func (c *call) edit(k *store.Key, e *KeyEdit) (err error) {
	e.Name.over(&k.Name)
	e.Description.over(&k.Description)
	e.Tags.over(&k.Tags)
	e.Addresses.over(&k.Addresses)
	e.LogPayloads.over(&k.LogPayloads)
	e.Expires.over(&k.ExpiresAt)
	if e.Enabled.Given {
		switch enabled := e.Enabled.Value == nil || *e.Enabled.Value; {
		case enabled:
			k.DisabledAt = time.Time{}
		case k.DisabledAt.IsZero():
			k.DisabledAt = c.Now()
		}
	}
	if k.TeamID, err = c.owner("team", tenancy.Team, e.Team, k.TeamID); err != nil {
		return err
	}
	if k.UserID, err = c.owner("user", tenancy.User, e.User, k.UserID); err != nil {
		return err
	}
	if k.Limits, err = e.limit(k.Limits); err != nil {
		return err
	}
	k.Policy, err = c.policy(k.Policy, e)
	return err
}

// owner is the id of the team or user that is meant.
func (c *call) owner(member, kind string, name Opt[string], old string) (string, error) {
	switch {
	case !name.Given:
		return old, nil
	case name.Value == nil || *name.Value == "":
		return "", nil
	}
	found, err := c.Store.FindScope(c.ctx, kind, *name.Value)
	if errors.Is(err, store.ErrNotFound) {
		return "", badField(member, fmt.Errorf("there is no %s %q", kind, *name.Value))
	}
	return found.ID, err
}

// policy lays the edit over a key's policy.
func (c *call) policy(text string, e *KeyEdit) (string, error) {
	p, err := roster.ReadPolicy(text)
	if err != nil {
		return "", err
	}
	e.Policy.over(&p)
	var r policy.Routing
	if p.Routing != nil {
		r = *p.Routing
	}
	e.AllowedModels.over(&r.Models)
	e.AllowedProviders.over(&r.Providers)
	e.DefaultProvider.over(&r.Provider)
	if p.Routing = &r; reflect.ValueOf(r).IsZero() || len(r.Models)+len(r.Providers)+len(r.Aliases) == 0 && r.Provider == "" && r.Strategy == "" {
		p.Routing = nil
	}
	for _, name := range p.Rules {
		if !slices.Contains(c.Rules, name) {
			return "", badField("policy.rules", fmt.Errorf("no rule is named %q; the configuration lists them under rules", name))
		}
	}
	for _, name := range append(slices.Clone(r.Providers), r.Provider) {
		if name != "" && c.Table.Account(name) == nil {
			return "", badField("policy.routing", fmt.Errorf("there is no provider %q", name))
		}
	}
	if err := p.Check(); err != nil {
		return "", badField("policy", err)
	}
	return roster.WritePolicy(p)
}
