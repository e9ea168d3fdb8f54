package admin

import (
	"errors"

	"turnpike/internal/policy"
	"turnpike/internal/roster"
	"turnpike/internal/route"
)

type routeQuery struct {
	Model string `query:"model" say:"as a request would name it; left out: the default"`
	Key   string `query:"key" say:"the id, the prefix or the name of the key that would ask; left out: one that may do everything"`
}

// getRoute tells where a request would go, and why, without sending one.
func getRoute(c *call, q *routeQuery, _ *nothing) (Route, error) {
	ask := route.Ask{Model: q.Model}
	out := Route{Model: q.Model, Targets: []RouteTarget{}, Excluded: []RouteOut{}}
	if out.Model == "" {
		out.Model = c.Table.Default()
	}
	if q.Key != "" && (q.Key != declaredKey || !c.Declared) {
		routing, name, err := c.routingOf(q.Key)
		if err != nil {
			return out, err
		}
		ask.Key, out.Key = routing, name
	}
	choice, bad := c.Table.Foresee(ask)
	out.Alias, out.Strategy = choice.Alias, choice.Strategy
	for i := range choice.Targets {
		t := &choice.Targets[i]
		out.Targets = append(out.Targets, RouteTarget{t.Provider.Name(), t.Provider.Kind(), t.Model, t.Step, t.Why})
	}
	for _, x := range choice.Excluded {
		if !c.who.reaches("providers", x.Provider) {
			x.Reason = "your scopes do not list it" // how it is, is told to those who may look
		}
		out.Excluded = append(out.Excluded, RouteOut{x.Provider, x.Model, x.Reason})
	}
	if bad != nil {
		out.Problem = bad.Message
	}
	return out, nil
}

// routingOf is where requests of a key may go.
func (c *call) routingOf(key string) (*policy.Routing, string, error) {
	k, err := c.Store.FindKey(c.ctx, key)
	if err != nil || !c.reachesKey(&k) {
		return nil, "", badParameter("key", errors.New("is none there is, or not one alone"))
	}
	p, err := roster.ReadPolicy(k.Policy)
	return p.Routing, k.Name, err
}
