package gateway

import (
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/price"
	"turnpike/internal/store"
)

// regional is a provider whose prices depend on where it is.
type regional interface{ Region() string }

// priced is what the price of what was used depends on.
func (x *exchange) priced(u llm.Usage) price.Attempt {
	p := x.target.Provider
	a := price.Attempt{
		Model: x.target.Model, Kind: p.Kind(), Provider: p.Name(), Geo: u.Geo, Tier: u.Tier, At: x.begun,
		Usage: price.Usage{
			price.Input: u.Input, price.Output: u.Output, price.CacheRead: u.CacheRead,
			price.CacheWrite5m: u.CacheWrite5m, price.CacheWrite1h: u.CacheWrite1h, price.WebSearch: u.Searches,
		},
	}
	if strings.HasPrefix(a.Model, "arn:") && x.surface.Model != "" {
		a.Model = x.surface.Model // an application profile's own name tells no model
	}
	if r, ok := p.(regional); ok {
		a.Region = r.Region()
	}
	return a
}

// charge prices an attempt for its row.
func (x *exchange) charge(row *store.Attempt) {
	if x.gw.opt.Price == nil {
		return
	}
	a := x.priced(x.usage)
	c := x.gw.opt.Price.Book().Price(&a)
	x.cost = int64(c.Nano)
	row.Charge = store.Charge{
		Unpriced: c.Unpriced, Version: c.Version, Kind: a.Kind, Region: a.Region, Geo: a.Geo, Tier: a.Tier, WebSearches: x.usage.Searches,
	}
	if a.Model != row.ServedModel {
		row.Charge.Model = a.Model
	}
	if !c.Unpriced {
		row.Charge.Nano = int64(c.Nano)
		return
	}
	if x.gw.opt.Price.FirstUnpriced(&a) {
		x.gw.opt.Log.Warn("an attempt has no price: its cost is unknown and counts with the ceiling; turnpike prices set or sync gives it one",
			"request", x.id, "provider", a.Provider, "model", a.Model, "tier", a.Tier, "missing", c.Missing, "book", c.Version)
	}
}
