package config

import (
	"fmt"
	"net/url"

	"turnpike/internal/price"
)

// Prices is where prices come from, beside those that came with this version and
// those set by hand, and what counts where there is none.
type Prices struct {
	// Sync fetches the sources once a day, or never: daily or off.
	Sync string `yaml:"sync"`
	// Sources are addresses of price lists: AWS's offers (…/AmazonBedrock/… and
	// …/AmazonBedrockFoundationModels/…/index.json), LiteLLM's
	// model_prices_and_context_window.json, or files of our own form.
	Sources []string `yaml:"sources,omitempty"`
	// CeilingInput and CeilingOutput are the dollars for a million tokens that an
	// attempt without a price counts with against limits.
	CeilingInput  string `yaml:"ceiling_input"`
	CeilingOutput string `yaml:"ceiling_output"`
}

// The ways to fetch prices.
const (
	SyncOff   = "off"
	SyncDaily = "daily"
)

// maxPriceSources bounds the list: AWS has a file for each of some thirty regions
// and two offers.
const maxPriceSources = 100

// defaultPrices counts with what the dearest models of today cost.
func defaultPrices() Prices { return Prices{Sync: SyncOff, CeilingInput: "30", CeilingOutput: "180"} }

// Ceiling is what attempts without a price count with.
func (p *Prices) Ceiling() (r price.Rates) {
	for c, text := range map[price.Class]string{price.Input: p.CeilingInput, price.Output: p.CeilingOutput} {
		if amount, err := price.ParseClass(c, text); err == nil {
			r.Set(c, amount)
		}
	}
	return r
}

func validatePrices(cfg *Config, r *report) {
	p := &cfg.Prices
	oneOf(r, "prices.sync", p.Sync, []string{SyncOff, SyncDaily})
	if p.Sync == SyncDaily && len(p.Sources) == 0 {
		cfg.Warnings = append(cfg.Warnings, "prices.sync is daily and prices.sources names nobody to ask")
	}
	if len(p.Sources) > maxPriceSources {
		r.add("prices.sources", "has more than %d addresses", maxPriceSources)
	}
	seen := map[string]int{}
	for i, source := range p.Sources {
		at := fmt.Sprintf("prices.sources[%d]", i)
		u, err := url.Parse(source)
		switch {
		case err != nil || u.Hostname() == "" || u.User != nil:
			r.add(at, "must be an absolute address without user or password")
		case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
			r.add(at, "must be https: what it says becomes money")
		}
		if first, twice := seen[source]; twice {
			r.add(at, "is prices.sources[%d] again", first)
		}
		seen[source] = i
	}
	for _, c := range []struct{ at, text string }{{"prices.ceiling_input", p.CeilingInput}, {"prices.ceiling_output", p.CeilingOutput}} {
		if _, err := price.Parse(c.text, price.PerMillion); err != nil {
			r.add(c.at, "%s %v", r.shown(c.at), err)
		}
	}
}
