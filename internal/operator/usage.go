package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"turnpike/internal/price"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
	"turnpike/internal/usage"
)

// UsageFilter is whose usage is asked for; empty is everybody's.
type UsageFilter struct {
	Key                         string // id or name
	Team, User, Provider, Model string
}

// Keeps tells which lines are asked for; nil: all.
func (f *UsageFilter) Keeps(names map[string]string) func(*store.UsageLine) bool {
	if *f == (UsageFilter{}) {
		return nil
	}
	is := func(want, have string) bool { return want == "" || want == have }
	return func(u *store.UsageLine) bool {
		return (is(f.Key, u.KeyID) || f.Key == names[u.KeyID]) && is(f.Team, u.TeamID) && is(f.User, u.UserID) &&
			is(f.Provider, u.Provider) && is(f.Model, u.Model)
	}
}

// UsageNames are the names of all whose usage is kept.
func UsageNames(ctx context.Context, db *store.Store) (*usage.Names, error) {
	keys, err := db.KeyNames(ctx, nil)
	if err != nil {
		return nil, err
	}
	scopes, err := ReadNames(ctx, db)
	if err != nil {
		return nil, err
	}
	names := &usage.Names{Keys: keys, Teams: map[string]string{}, Users: map[string]string{}}
	for of, name := range scopes {
		switch of[0] {
		case tenancy.Team:
			names.Teams[of[1]] = name
		case tenancy.User:
			names.Users[of[1]] = name
		}
	}
	return names, nil
}

// UsageRow is a group as it is shown. Quantiles are null where no time is known.
type UsageRow struct {
	By           map[string]string `json:"by,omitempty"`
	Names        map[string]string `json:"names,omitempty" say:"what people call the keys, teams and users of by"`
	Requests     int64             `json:"requests"`
	Attempts     int64             `json:"attempts"`
	Errors       int64             `json:"errors"`
	Input        int64             `json:"input"`
	Output       int64             `json:"output"`
	CacheRead    int64             `json:"cache_read"`
	CacheWrite5m int64             `json:"cache_write_5m"`
	CacheWrite1h int64             `json:"cache_write_1h"`
	Reasoning    int64             `json:"reasoning"`
	WebSearches  int64             `json:"web_searches"`
	Estimated    int64             `json:"estimated"`
	Unpriced     int64             `json:"unpriced"`
	CostNano     int64             `json:"cost_nano"`
	Latency      float64           `json:"mean_latency_ms"`
	FirstContent float64           `json:"mean_first_content_ms"`
	LatencyP50   *float64          `json:"p50_latency_ms" say:"of the attempts, to a fifth"`
	LatencyP95   *float64          `json:"p95_latency_ms"`
	ContentP50   *float64          `json:"p50_first_content_ms" say:"time to the first content"`
	ContentP95   *float64          `json:"p95_first_content_ms"`
}

// ViewUsage shows a group; names may be nil.
func ViewUsage(by []string, g *usage.Group, names *usage.Names) UsageRow {
	r := UsageRow{
		Requests: g.Requests, Attempts: g.Attempts, Errors: g.Errors, Input: g.Input, Output: g.Output, CacheRead: g.CacheRead,
		CacheWrite5m: g.CacheWrite5m, CacheWrite1h: g.CacheWrite1h, Reasoning: g.Reasoning, WebSearches: g.WebSearches, Estimated: g.Estimated,
		Unpriced: g.Unpriced, CostNano: g.CostNano,
		Latency: millis(time.Duration(g.LatencyNano / max(g.Attempts, 1))), FirstContent: millis(time.Duration(g.FirstContentNano / max(g.FirstContents, 1))),
		LatencyP50: quantile(g.Times.Latency, usage.P50), LatencyP95: quantile(g.Times.Latency, usage.P95),
		ContentP50: quantile(g.Times.FirstContent, usage.P50), ContentP95: quantile(g.Times.FirstContent, usage.P95),
	}
	for i, v := range g.Values {
		if r.By == nil {
			r.By = map[string]string{}
		}
		r.By[by[i]] = v
		if name := names.Name(by[i], v); name != "" {
			if r.Names == nil {
				r.Names = map[string]string{}
			}
			r.Names[by[i]] = name
		}
	}
	return r
}

// quantile is in milliseconds, nil where no time is known.
func quantile(h store.Histogram, part float64) *float64 {
	d, ok := h.Quantile(part)
	if !ok {
		return nil
	}
	ms := millis(d.Round(100 * time.Microsecond))
	return &ms
}

// millis is a time in milliseconds.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// UsageExport says what is exported.
type UsageExport struct {
	usage.Period
	Focus bool     // FOCUS 1.2 instead of a plain table
	By    []string // a plain table of sums; none: of every attempt
	Zone  *time.Location
}

// ExportUsage writes usage as CSV.
func ExportUsage(ctx context.Context, w io.Writer, db *store.Store, ceiling price.Rates, e *UsageExport) error {
	names, err := UsageNames(ctx, db)
	if err != nil {
		return err
	}
	if !e.Focus && len(e.By) > 0 {
		list, _, err := usage.Sum(ctx, db, usage.Query{Period: e.Period, By: e.By, Zone: e.Zone})
		if err != nil {
			return err
		}
		return usage.WriteGroups(w, e.By, list, names)
	}
	if err := AttemptsKept(ctx, db, e.From); err != nil {
		return err
	}
	if !e.Focus {
		return usage.WriteAttempts(ctx, w, db, e.Period, names)
	}
	book, err := LoadBook(ctx, db, ceiling)
	if err != nil {
		return err
	}
	return usage.WriteFocus(ctx, w, db, e.Period, book, names)
}

// ErrGone says that attempts are not all there any more.
var ErrGone = errors.New("begin there, or export sums with --format csv --by")

// AttemptsKept refuses to export attempts that are not all there any more.
func AttemptsKept(ctx context.Context, db *store.Store, from time.Time) error {
	since, err := db.KeptSince(ctx)
	if err != nil {
		return err
	}
	if !since.IsZero() && from.Before(since) {
		return fmt.Errorf("attempts are kept since %s only (ledger.keep): %w", since.Format(time.RFC3339), ErrGone)
	}
	return nil
}
