package admin

import (
	"turnpike/internal/live"
	"turnpike/internal/policy"
)

// Alias is a name for other models.
type Alias struct {
	policy.Alias
	Standing
}

// AliasEdit is what can be changed of an alias.
type AliasEdit struct {
	To       Opt[[]string] `json:"to" say:"the chain of models it stands for: the next one is asked when the one before cannot serve"`
	Strategy Opt[string]   `json:"strategy" enum:"smart,weighted,round-robin,least-used,priority"`
}

// AliasList are the gateway's aliases; keys may have their own in their policies.
type AliasList struct {
	Aliases []Alias `json:"aliases"`
	Total   int     `json:"total"`
	Next    string  `json:"next,omitempty"`
}

var aliases = &things[Alias, policy.Alias, AliasEdit]{
	kind: live.Alias, what: "alias",
	show: func(v live.View, s Standing) (Alias, error) {
		out := Alias{Standing: s}
		err := v.Read(&out.Alias)
		out.Match = v.Name
		return out, err
	},
	name: func(b *policy.Alias) string { return b.Match },
}

func listAliases(c *call, q *thingQuery, _ *nothing) (AliasList, error) {
	list, total, next, err := aliases.page(c, q)
	return AliasList{list, total, next}, err
}

// Routing is what holds where requests and keys say nothing.
type Routing struct {
	Provider string        `json:"provider" say:"serves models that no other rule places"`
	Model    string        `json:"model" say:"of requests that name none"`
	Strategy string        `json:"lb_strategy" say:"how requests are spread"`
	Declared RoutingValues `json:"declared" say:"what the configuration says; what is set here stands above it"`
}

// RoutingValues are the same in the configuration.
type RoutingValues struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Strategy string `json:"lb_strategy"`
}

// RoutingEdit is what can be changed of it: null is what the configuration says.
type RoutingEdit struct {
	Provider Opt[string] `json:"provider"`
	Model    Opt[string] `json:"model"`
	Strategy Opt[string] `json:"lb_strategy" enum:"smart,weighted,round-robin,least-used,priority"`
}

func getRouting(c *call, _ *nothing, _ *nothing) (Routing, error) {
	s := c.Live.State()
	now, was := s.Config.Defaults, s.Declared.Defaults
	out := Routing{now.Provider, now.Model, now.LBStrategy, RoutingValues{was.Provider, was.Model, was.LBStrategy}}
	c.tagged(out)
	return out, nil
}

func setRouting(c *call, _ *nothing, b *RoutingEdit) (Routing, error) {
	members, err := membersOf(*b)
	if err != nil {
		return Routing{}, err
	}
	err = c.set(func(e *live.Edit) error {
		now, was := e.Before().Config.Defaults, e.Before().Declared.Defaults
		if err := c.match(Routing{now.Provider, now.Model, now.LBStrategy, RoutingValues{was.Provider, was.Model, was.LBStrategy}}); err != nil || len(members) == 0 {
			return err
		}
		e.Set(live.Defaults, "defaults", members)
		return nil
	})
	if err != nil {
		return Routing{}, err
	}
	return getRouting(c, nil, nil)
}

// Route is where a request would go.
type Route struct {
	Model    string        `json:"model"`
	Key      string        `json:"key,omitempty"`
	Alias    string        `json:"alias,omitempty" say:"the alias that matched"`
	Strategy string        `json:"strategy"`
	Targets  []RouteTarget `json:"targets" say:"in the order in which they would be asked now"`
	Excluded []RouteOut    `json:"excluded" say:"who would serve it and may not now"`
	Problem  string        `json:"problem,omitempty" say:"why nobody would"`
}

// RouteTarget is a place that would be asked.
type RouteTarget struct {
	Provider string `json:"provider"`
	Type     string `json:"type"`
	Model    string `json:"model" say:"as the upstream calls it"`
	Step     int    `json:"step" say:"the place in an alias's chain, 0 for the first"`
	Why      string `json:"why"`
}

// RouteOut is a place that would not.
type RouteOut struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Reason   string `json:"reason"`
}
