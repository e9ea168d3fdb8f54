package admin

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"turnpike/internal/route"
	"turnpike/internal/store"
)

// ModelSwitched is a model of a provider that an operator has switched off.
type ModelSwitched struct {
	Model  string `json:"model"`
	Reason string `json:"reason"`
}

// ModelSwitch says whether a model of a provider may be asked for.
type ModelSwitch struct {
	Model   string      `json:"model" say:"as the provider calls it"`
	Enabled bool        `json:"enabled"`
	Reason  Opt[string] `json:"reason" say:"why it is switched off, for those who look later"`
}

// switchedModels are the models of an account that are switched off.
func switchedModels(a *route.Account) (out []ModelSwitched) {
	off := a.SwitchedModels()
	for _, model := range slices.Sorted(maps.Keys(off)) {
		out = append(out, ModelSwitched{model, off[model]})
	}
	return out
}

// switchModel switches a model of a provider, here at once and in the other gateways within a
// second.
func switchModel(c *call, _ *nothing, b *ModelSwitch) (Provider, error) {
	a, err := c.account()
	if err != nil {
		return Provider{}, err
	}
	reason := strings.TrimSpace(orZero(b.Reason.Value))
	off := a.SwitchedModels()
	switch offered := a.Offered(); {
	case len(reason) > maxReason:
		return Provider{}, badField("reason", errors.New("has at most 200 characters"))
	case b.Model == "" || len(b.Model) > maxReason:
		return Provider{}, badField("model", errors.New("must be the name of a model, of at most 200 characters"))
	case !b.Enabled && len(offered) > 0 && !slices.Contains(offered, b.Model):
		return Provider{}, badField("model", fmt.Errorf("is none that %s offers%s", c.id(), nearest(b.Model, offered)))
	case !b.Enabled && off[b.Model] == "" && len(off) >= maxPage:
		return Provider{}, badField("model", fmt.Errorf("would be the %dth that is switched off: say with models which are served", len(off)+1))
	case b.Enabled:
		reason = ""
	case reason == "":
		reason = noReason
	}
	if err := c.Store.SwitchProvider(c.ctx, store.ModelSwitch(c.id(), b.Model), reason, c.Now()); err != nil {
		return Provider{}, err
	}
	if err := c.followModels(a); err != nil {
		return Provider{}, err
	}
	return c.provider(c.id())
}

// followModels puts in force what is kept of an account's models.
func (c *call) followModels(a *route.Account) error {
	all, err := c.Store.ProviderSwitches(c.ctx)
	if err == nil {
		a.SwitchModels(store.ModelsOff(all)[a.Provider.Name()])
	}
	return err
}

// forgetSwitches forgets that a provider that is gone, or models of it, were switched off.
func (c *call) forgetSwitches(name string) error {
	all, err := c.Store.ProviderSwitches(c.ctx)
	if err != nil {
		return err
	}
	for model := range store.ModelsOff(all)[name] {
		err = errors.Join(err, c.Store.SwitchProvider(c.ctx, store.ModelSwitch(name, model), "", c.Now()))
	}
	return errors.Join(err, c.Store.SwitchProvider(c.ctx, name, "", c.Now()))
}
