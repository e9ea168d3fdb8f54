package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"turnpike/internal/price"
	"turnpike/internal/store"
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

// UsageRow is a group as it is shown.
type UsageRow struct {
	By           map[string]string `json:"by,omitempty"`
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
}

// ViewUsage shows a group.
func ViewUsage(by []string, g *usage.Group) UsageRow {
	r := UsageRow{
		Requests: g.Requests, Attempts: g.Attempts, Errors: g.Errors, Input: g.Input, Output: g.Output, CacheRead: g.CacheRead,
		CacheWrite5m: g.CacheWrite5m, CacheWrite1h: g.CacheWrite1h, Reasoning: g.Reasoning, WebSearches: g.WebSearches, Estimated: g.Estimated,
		Unpriced: g.Unpriced, CostNano: g.CostNano,
		Latency: millis(time.Duration(g.LatencyNano / max(g.Attempts, 1))), FirstContent: millis(time.Duration(g.FirstContentNano / max(g.FirstContents, 1))),
	}
	for i, v := range g.Values {
		if r.By == nil {
			r.By = map[string]string{}
		}
		r.By[by[i]] = v
	}
	return r
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
	if !e.Focus && len(e.By) > 0 {
		list, _, err := usage.Sum(ctx, db, usage.Query{Period: e.Period, By: e.By, Zone: e.Zone})
		if err != nil {
			return err
		}
		return usage.WriteGroups(w, e.By, list)
	}
	if err := AttemptsKept(ctx, db, e.From); err != nil {
		return err
	}
	if !e.Focus {
		return usage.WriteAttempts(ctx, w, db, e.Period)
	}
	names, err := db.KeyNames(ctx, nil)
	if err != nil {
		return err
	}
	book, err := LoadBook(ctx, db, ceiling)
	if err != nil {
		return err
	}
	return usage.WriteFocus(ctx, w, db, e.Period, book, &usage.Names{Keys: names})
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
