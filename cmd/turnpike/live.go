package main

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/declare"
	"turnpike/internal/egress"
	"turnpike/internal/live"
	"turnpike/internal/policy"
	"turnpike/internal/provider"
	"turnpike/internal/route"
	"turnpike/internal/rules"
	"turnpike/internal/vault"
)

// standing is an account with what it was made of.
type standing struct {
	from    config.Provider
	account *route.Account
}

// config is the configuration in force.
func (a *app) config() *config.Config {
	if a.live == nil { // a command's gateway, which serves nobody
		return a.cfg
	}
	return a.live.State().Config
}

// openLive lays what was set while gateways ran over the configuration, and makes the
// accounts of it.
func (a *app) openLive(ctx context.Context, safe *vault.Vault) ([]*route.Account, error) {
	var err error
	a.live, err = live.New(ctx, a.cfg, live.Options{Store: a.store, Sealer: safe, Log: a.log, Now: time.Now, Try: a.try})
	if err != nil {
		return nil, err
	}
	a.logins = sealedLogins{a.store, safe}
	cfg := a.config()
	if _, err := declare.GroupMappings(cfg.Auth.GroupMappings); err != nil {
		return nil, err
	}
	a.hidden.learn(cfg)
	a.made, err = a.remake(cfg)
	return accountsOf(a.made), err
}

func accountsOf(list []standing) []*route.Account {
	out := make([]*route.Account, len(list))
	for i := range list {
		out[i] = list[i].account
	}
	return out
}

// remake makes the accounts of a configuration. Those of which nothing was changed are the
// same as before; where it is only how they are used, their connections and what is known of
// their places stay.
func (a *app) remake(cfg *config.Config) ([]standing, error) {
	out := make([]standing, 0, len(cfg.Providers))
	for _, p := range cfg.Providers {
		m, err := a.remakeOne(p)
		switch {
		case err != nil && p.Live: // it could be made where it was set: others go on
			m = standing{p, &route.Account{Provider: provider.Unserved(p.Name, p.Type), Weight: p.Weight, Off: err.Error()}}
		case err != nil:
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

func (a *app) remakeOne(p config.Provider) (standing, error) {
	i := slices.IndexFunc(a.made, func(m standing) bool { return m.from.Name == p.Name })
	if i >= 0 && reflect.DeepEqual(a.made[i].from, p) {
		return a.made[i], nil
	}
	if i < 0 || !reflect.DeepEqual(connection(a.made[i].from), connection(p)) {
		next, err := account(p)
		if err != nil {
			return standing{}, err
		}
		keepLogins([]*route.Account{next}, a.logins)
		if i >= 0 {
			next.Switch(a.made[i].account.Switched())
			next.SwitchModels(a.made[i].account.SwitchedModels())
		}
		return standing{p, next}, nil
	}
	old := a.made[i]
	next := &route.Account{
		Provider: old.account.Provider, Models: p.Offered(), Weight: p.Weight, Off: old.account.Off, Policy: p.Policy, Limits: old.account.Limits,
	}
	if !reflect.DeepEqual(old.from.Limits, p.Limits) {
		next.Limits = limits(p)
	}
	next.Succeed(old.account)
	return standing{p, next}, nil
}

// connection is the part of a provider's settings that its account is made of.
func connection(p config.Provider) config.Provider {
	p.Weight, p.Models, p.Policy, p.Limits, p.Health, p.Enabled = 0, nil, policy.Policy{}, nil, config.Health{}, nil
	return p
}

// try tells whether a configuration could be put in force.
func (a *app) try(cfg *config.Config) error {
	for _, p := range cfg.Providers {
		if slices.ContainsFunc(a.live.State().Config.Providers, func(old config.Provider) bool { return reflect.DeepEqual(old, p) }) {
			continue
		}
		if _, err := account(p); err != nil {
			return &live.Invalid{Misfits: []config.Misfit{{Kind: config.LiveProvider, Name: p.Name, Detail: a.hidden.text(err.Error())}}}
		}
	}
	if _, err := loadCatalog(cfg); err != nil {
		return &live.Invalid{Misfits: []config.Misfit{{Kind: config.LiveModel, Detail: err.Error()}}}
	}
	return nil
}

// apply puts a configuration in force: all of it is made before any of it is used. Requests
// under way end on what they began with.
func (a *app) apply(cfg *config.Config) error {
	list, err := a.remake(cfg)
	if err != nil {
		return err
	}
	models, err := loadCatalog(cfg)
	if err != nil {
		return err
	}
	book, err := rules.New(cfg.Rules)
	if err != nil {
		return err
	}
	told, err := alertRules(&cfg.Alerts)
	if err != nil {
		return err
	}
	if _, err := declare.GroupMappings(cfg.Auth.GroupMappings); err != nil {
		return err
	}
	if err := a.declarePeople(context.Background(), cfg); err != nil { // the last step that can fail
		return err
	}
	before := a.table.Settings()
	s := tableSettings(cfg)
	s.Pins, s.Budget = before.Pins, before.Budget
	a.hidden.learn(cfg)
	a.models.Become(models)
	a.gw.Treat(cfg.Policy, book)
	a.table.Replace(accountsOf(list), cfg.Defaults.Provider, cfg.Defaults.Model, s)
	a.lists.Follow(accountsOf(list), cfg.Routing.RefreshModels, healthChecks(cfg))
	a.alerts.Set(told, alertChannels(&cfg.Alerts, a.log))
	a.made = list
	return nil
}

// outward is the transport to a provider that was set while gateways run: its address is what
// somebody gave.
func outward(t provider.Timeouts, private bool) *http.Transport {
	rt := provider.NewTransport(t)
	guard := egress.Guard{Private: private, Hint: "live.allow_private allows private ones", Timeout: t.Connect}
	guard.Put(rt)
	return rt
}

// draft is how to ask a provider for its models that nobody uses.
func draft(s *live.State, name string) (func(context.Context) (int, error), error) {
	i := slices.IndexFunc(s.Config.Providers, func(p config.Provider) bool { return p.Name == name })
	if i < 0 {
		return nil, live.ErrNotThere
	}
	made, err := account(s.Config.Providers[i])
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (int, error) {
		if made.Off != "" {
			return 0, errors.New(made.Off)
		}
		models, err := made.Provider.Models(ctx)
		return len(models), err
	}, nil
}
