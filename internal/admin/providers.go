package admin

import (
	"context"
	"strings"
	"time"

	"turnpike/internal/health"
	"turnpike/internal/live"
	"turnpike/internal/route"
	"turnpike/internal/signin"
)

// Provider is an account as the API shows it.
type Provider struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Weight   int      `json:"weight"`
	Models   []string `json:"models,omitempty" say:"patterns of what it serves; none: any"`
	Enabled  bool     `json:"enabled"`
	Healthy  bool     `json:"healthy"`
	State    string   `json:"state" enum:"ready,cooling,off"`
	Reason   string   `json:"reason,omitempty" say:"why it is off, or left alone"`
	BaseURL  string   `json:"base_url,omitempty"`
	Declared bool     `json:"declared" say:"the configuration has it: only enabled, weight and models can be changed here"`
	Edited   bool     `json:"edited" say:"something else is in force than what the configuration says"`
	Switched bool     `json:"switched_off" say:"an operator has switched it off while the gateway runs"`
	// Off are its models that an operator has switched off.
	Off      []ModelSwitched `json:"switched_off_models,omitempty"`
	Listed   int             `json:"listed_models" say:"how many models it says it offers"`
	Inflight int64           `json:"in_flight"`
	Waiting  int             `json:"waiting" say:"requests that wait for room within its own limits"`
	Pinned   int             `json:"conversations" say:"that are kept there"`
	Notice   string          `json:"notice,omitempty" say:"what is to be known of an unofficial upstream"`
	Places   []Place         `json:"places,omitempty"`
	// Settings and Secrets are what it is made of.
	Settings map[string]any `json:"settings,omitempty" say:"in the words of the configuration, without secrets"`
	Secrets  []string       `json:"secrets,omitempty" say:"the names of those it has"`
}

// Place is a model at a provider that was asked for it.
type Place struct {
	Model     string    `json:"model"`
	State     string    `json:"state" enum:"ready,trying,cooling"`
	Reason    string    `json:"reason,omitempty"`
	Until     time.Time `json:"until,omitzero"`
	Inflight  int64     `json:"in_flight"`
	Asked     float64   `json:"requests_last_minute"`
	Limited   float64   `json:"rate_limited"`
	TTFT      float64   `json:"first_content_ms"`
	ErrorRate float64   `json:"error_rate"`
}

// ProviderList are the providers.
type ProviderList struct {
	Providers []Provider `json:"providers"`
	Total     int        `json:"total"`
	Next      string     `json:"next,omitempty"`
}

type providerQuery struct {
	Paging
	Search string `query:"q" say:"a part of the name or the type"`
	State  string `query:"state" enum:"ready,cooling,off"`
}

var placeStates = map[health.State]string{health.Closed: "ready", health.HalfOpen: "trying", health.Open: "cooling"}

// viewProvider shows an account as this gateway sees it.
func (c *call) viewProvider(a *route.Account, standings []route.Standing) Provider {
	p := Provider{
		ID: a.Provider.Name(), Name: a.Provider.Name(), Type: a.Provider.Kind(), Weight: a.Weight, Models: a.Models, Enabled: a.Out() == "", State: "ready",
		Reason: a.Out(), Switched: a.Switched() != "", Off: switchedModels(a), Listed: len(a.Listed()), Waiting: a.Waiting(),
	}
	if u, ok := a.Provider.(signin.Account); ok {
		p.Notice = u.Notice()
	}
	if c.Pins != nil {
		p.Pinned = c.Pins.Counts()[p.Name]
	}
	open := 0
	for _, s := range standings {
		if s.Provider != p.Name {
			continue
		}
		at := Place{Model: s.Model, State: placeStates[s.State], Inflight: s.Inflight, Asked: s.Asked, Limited: s.Limited, TTFT: s.TTFT, ErrorRate: s.ErrorRate}
		if s.State != health.Closed {
			at.Reason, at.Until = s.Class.String(), s.Until
		}
		if s.State == health.Open {
			open++
		}
		p.Inflight += s.Inflight
		p.Places = append(p.Places, at)
	}
	account := a.Breaker().State(c.Now())
	switch {
	case !p.Enabled:
		p.State = "off"
	case account == health.Open || open > 0 && open == len(p.Places):
		p.State = "cooling"
		_, class := a.Breaker().Until()
		if p.Reason = class.String(); account != health.Open {
			p.Reason = "all of its models are left alone"
		}
	}
	p.Healthy = p.State == "ready"
	return p
}

var providerOrder = order[Provider]{
	by: map[string]func(*Provider) string{
		"name":      func(p *Provider) string { return p.Name },
		"type":      func(p *Provider) string { return p.Type },
		"weight":    func(p *Provider) string { return number(int64(p.Weight)) },
		"in_flight": func(p *Provider) string { return number(p.Inflight) },
	},
	id:    func(p *Provider) string { return p.ID },
	first: "name",
}

func listProviders(c *call, q *providerQuery, _ *nothing) (ProviderList, error) {
	views, err := c.Live.State().Views(live.Provider)
	if err != nil {
		return ProviderList{}, err
	}
	standings := c.Table.Standings()
	search := strings.ToLower(q.Search)
	var list []Provider
	for _, v := range views {
		p := c.showProvider(v, standings)
		if !c.who.reaches("providers", p.ID) || q.State != "" && q.State != p.State || !strings.Contains(strings.ToLower(p.Name+" "+p.Type), search) {
			continue
		}
		list = append(list, p)
	}
	part, next, err := page(list, &q.Paging, providerOrder)
	return ProviderList{part, len(list), next}, err
}

// showProvider shows a provider with how its account is; one that is left out has none.
func (c *call) showProvider(v live.View, standings []route.Standing) Provider {
	kind, _ := v.Members["type"].(string)
	p := Provider{ID: v.Name, Name: v.Name, Type: kind, State: "off", Reason: v.Problem}
	if a := c.Table.Account(v.Name); a != nil && v.Problem == "" {
		p = c.viewProvider(a, standings)
	}
	p.Declared, p.Edited, p.Settings, p.Secrets = v.Declared, v.Edited, v.Members, v.Secrets
	p.BaseURL, _ = v.Members["base_url"].(string)
	return p
}

func (c *call) account() (*route.Account, error) {
	if a := c.Table.Account(c.id()); a != nil && c.who.reaches("providers", c.id()) {
		return a, nil
	}
	return nil, fail(404, "there is no provider %s", c.id())
}

// provider is one as it is shown, with the tag for edits.
func (c *call) provider(name string) (Provider, error) {
	v, ok, err := c.Live.State().View(live.Provider, name)
	switch {
	case err != nil:
		return Provider{}, err
	case !ok || !c.who.reaches("providers", name):
		return Provider{}, fail(404, "there is no provider %s", name)
	}
	c.tagged(v)
	return c.showProvider(v, c.Table.Standings()), nil
}

func getProvider(c *call, _ *nothing, _ *nothing) (Provider, error) { return c.provider(c.id()) }

// Tested is what came of asking an account for its models: that proves its address and
// its credentials, and costs nothing.
type Tested struct {
	Works  bool   `json:"works"`
	Reason string `json:"reason,omitempty"`
	Models int    `json:"models"`
	TookMS int64  `json:"took_ms"`
}

const testTimeout = 15 * time.Second

// Retried tells how many cool-downs were ended.
type Retried struct {
	Ended int `json:"ended" say:"of the account and of its models, at this gateway"`
}

// retryProvider lets the next request to an account that is left alone try it.
func retryProvider(c *call, _ *nothing, _ *nothing) (Retried, error) {
	a, err := c.account()
	if err != nil {
		return Retried{}, err
	}
	return Retried{a.TryNow(c.Now())}, nil
}

func testProvider(c *call, _ *nothing, _ *nothing) (Tested, error) {
	a, err := c.account()
	switch {
	case err != nil:
		return Tested{}, err
	case a.Off != "":
		return Tested{Reason: "it is off: " + a.Off}, nil
	}
	return c.ask(func(ctx context.Context) (int, error) {
		models, err := a.Provider.Models(ctx)
		return len(models), err
	}), nil
}

// ask asks for models.
func (c *call) ask(models func(context.Context) (int, error)) Tested {
	ctx, cancel := context.WithTimeout(c.ctx, testTimeout)
	defer cancel()
	start := c.Now()
	n, err := models(ctx)
	out := Tested{Works: err == nil, Models: n, TookMS: c.Now().Sub(start).Milliseconds()}
	if err != nil {
		out.Reason = c.Hide(strings.TrimSpace(err.Error()))
	}
	return out
}
