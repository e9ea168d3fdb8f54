package route

import "turnpike/internal/health"

// Summary is how an account that is in use stands, for metrics.
type Summary struct {
	Provider  string
	Healthy   bool // it takes requests, for one model at least
	Inflight  int64
	Waiting   int              // for room within its limits
	Cooling   map[string]int   // models that are left alone, by reason
	Cooldowns map[string]int64 // that have begun, by reason
}

func (t *set) Summaries() []Summary {
	places := map[string][]Standing{}
	for _, s := range t.Standings() {
		places[s.Provider] = append(places[s.Provider], s)
	}
	var out []Summary
	for _, a := range t.accounts {
		if a.Out() != "" {
			continue
		}
		s := Summary{Provider: a.Provider.Name(), Waiting: a.Waiting(), Cooling: map[string]int{}, Cooldowns: map[string]int64{}}
		asked := places[s.Provider]
		open := 0
		for _, p := range asked {
			s.Inflight += p.Inflight
			if p.State == health.Open {
				open++
				s.Cooling[p.Class.String()]++
			}
		}
		s.Healthy = a.Breaker().State(t.opt.Now()) != health.Open && (open == 0 || open < len(asked))
		for _, c := range health.Cools {
			if n := a.Breaker().Begun(c); n > 0 {
				s.Cooldowns[c.String()] = n
			}
		}
		out = append(out, s)
	}
	return out
}
