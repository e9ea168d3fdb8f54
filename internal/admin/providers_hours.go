package admin

import (
	"errors"
	"time"

	"turnpike/internal/operator"
	"turnpike/internal/store"
	"turnpike/internal/usage"
)

// ProviderHours is how a provider was, hour by hour, as the attempts that went there tell.
type ProviderHours struct {
	Provider string         `json:"provider"`
	From     time.Time      `json:"from"`
	To       time.Time      `json:"to"`
	Hours    []ProviderHour `json:"hours" say:"those with attempts, the oldest first"`
	Total    ProviderHour   `json:"total"`
}

// ProviderHour is an hour of it, of all models together and of each.
type ProviderHour struct {
	At time.Time `json:"at,omitzero" say:"when the hour begins"`
	Outcomes
	Models []ModelOutcomes `json:"models,omitempty"`
}

// ModelOutcomes is how a model of it was.
type ModelOutcomes struct {
	Model string `json:"model" say:"as the provider calls it"`
	Outcomes
}

// Outcomes are what came of attempts.
type Outcomes struct {
	Attempts   int64    `json:"attempts"`
	Answered   int64    `json:"answered"`
	Failed     int64    `json:"failed" say:"refused, broken off, or without an answer; the request log has the class of each"`
	ErrorRate  float64  `json:"error_rate"`
	LatencyP50 *float64 `json:"p50_latency_ms"`
	LatencyP95 *float64 `json:"p95_latency_ms"`
	ContentP95 *float64 `json:"p95_first_content_ms" say:"time to the first content"`
}

type hoursQuery struct {
	From time.Time `query:"from" say:"left out: a day before to"`
	To   time.Time `query:"to" say:"left out: now"`
}

// maxHours bounds what is looked through at once.
const maxHours = 32 * 24 * time.Hour

func outcomes(g *usage.Group) Outcomes {
	r := operator.ViewUsage(nil, &usage.Group{Sums: g.Sums, Times: g.Times}, nil)
	return Outcomes{
		Attempts: g.Attempts, Answered: g.Attempts - g.Errors, Failed: g.Errors, ErrorRate: float64(g.Errors) / float64(max(1, g.Attempts)),
		LatencyP50: r.LatencyP50, LatencyP95: r.LatencyP95, ContentP95: r.ContentP95,
	}
}

// providerHours adds up the attempts at a provider by hour and model.
func providerHours(c *call, q *hoursQuery, _ *nothing) (ProviderHours, error) {
	if _, err := c.account(); err != nil {
		return ProviderHours{}, err
	}
	if q.To.IsZero() {
		q.To = c.Now()
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-24 * time.Hour)
	}
	// Attempts are summed by quarters of an hour.
	p := usage.Period{From: q.From.UTC().Truncate(store.Quarter), To: q.To.UTC().Truncate(store.Quarter)}
	if p.To.Before(q.To) {
		p.To = p.To.Add(store.Quarter)
	}
	switch {
	case !q.From.Before(q.To):
		return ProviderHours{}, badParameter("from", errors.New("must be before to"))
	case p.To.Sub(p.From) > maxHours:
		return ProviderHours{}, badParameter("from", errors.New("must be within 32 days of to"))
	}
	keep := func(u *store.UsageLine) bool { return u.Provider == c.id() }
	hours, total, err := usage.Sum(c.ctx, c.Store, usage.Query{Period: p, By: []string{"hour"}, Keep: keep})
	if err != nil {
		return ProviderHours{}, err
	}
	models, _, err := usage.Sum(c.ctx, c.Store, usage.Query{Period: p, By: []string{"hour", "model"}, Keep: keep})
	if err != nil {
		return ProviderHours{}, err
	}
	out := ProviderHours{Provider: c.id(), From: p.From, To: p.To, Hours: make([]ProviderHour, 0, len(hours)), Total: ProviderHour{Outcomes: outcomes(&total)}}
	for _, h := range hours {
		at, err := time.Parse("2006-01-02T15:04Z07:00", h.Values[0])
		if err != nil {
			return ProviderHours{}, err
		}
		hour := ProviderHour{At: at, Outcomes: outcomes(h)}
		for ; len(models) > 0 && models[0].Values[0] == h.Values[0]; models = models[1:] {
			hour.Models = append(hour.Models, ModelOutcomes{models[0].Values[1], outcomes(models[0])})
		}
		out.Hours = append(out.Hours, hour)
	}
	return out, nil
}
