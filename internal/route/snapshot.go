package route

import (
	"maps"
	"slices"
	"time"

	"turnpike/internal/health"
)

// Standing is how a model at an account is, for people and metrics.
type Standing struct {
	Provider string
	Model    string
	State    health.State
	Class    health.Class // of its cool-down
	Until    time.Time    // the end of it, zero where there is none
	health.Live
	Waiting int // for room within the account's limits
}

func (t *set) Standings() (out []Standing) {
	now := t.opt.Now()
	for _, a := range t.accounts {
		places := a.memory().all()
		for _, model := range slices.Sorted(maps.Keys(places)) {
			p := places[model]
			s := Standing{Provider: a.Provider.Name(), Model: model, State: p.State(now), Live: p.Live(now), Waiting: a.gate(model).Waiting()}
			s.Until, s.Class = p.Cooling()
			out = append(out, s)
		}
	}
	return out
}
