package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Sums are what attempts add up to.
type Sums struct {
	// Requests counts first attempts, Attempts all, Errors those with an error class.
	Requests, Attempts, Errors int64
	// Input, Output, CacheRead, CacheWrite5m, CacheWrite1h and Reasoning count tokens.
	Input, Output, CacheRead, CacheWrite5m, CacheWrite1h, Reasoning int64
	// WebSearches counts searches, Estimated attempts with an estimated figure.
	WebSearches, Estimated int64
	// LatencyNano is the time of all attempts, FirstContentNano that until the first
	// content of those FirstContents that had some.
	LatencyNano, FirstContentNano, FirstContents int64
	// CostNano is the cost of the Priced ones.
	CostNano, Priced int64
}

// sumColumns are the columns of the sums: how each is made of attempts, and where it is
// read into.
var sumColumns = []struct {
	name, of string
	field    func(*Sums) *int64
}{
	{"requests", "sum(CASE WHEN number = 1 THEN 1 ELSE 0 END)", func(s *Sums) *int64 { return &s.Requests }},
	{"attempts", "count(*)", func(s *Sums) *int64 { return &s.Attempts }},
	{"errors", "count(nullif(error_class, ''))", func(s *Sums) *int64 { return &s.Errors }},
	{"input", "sum(input)", func(s *Sums) *int64 { return &s.Input }},
	{"output", "sum(output)", func(s *Sums) *int64 { return &s.Output }},
	{"cache_read", "sum(cache_read)", func(s *Sums) *int64 { return &s.CacheRead }},
	{"cache_write_5m", "sum(cache_write_5m)", func(s *Sums) *int64 { return &s.CacheWrite5m }},
	{"cache_write_1h", "sum(cache_write_1h)", func(s *Sums) *int64 { return &s.CacheWrite1h }},
	{"reasoning", "sum(reasoning)", func(s *Sums) *int64 { return &s.Reasoning }},
	{"web_searches", "sum(web_searches)", func(s *Sums) *int64 { return &s.WebSearches }},
	{"estimated", "sum(estimated)", func(s *Sums) *int64 { return &s.Estimated }},
	{"latency_ns", "sum(latency_ns)", func(s *Sums) *int64 { return &s.LatencyNano }},
	{"first_content_ns", "sum(first_content_ns)", func(s *Sums) *int64 { return &s.FirstContentNano }},
	{"first_contents", "count(nullif(first_content_ns, 0))", func(s *Sums) *int64 { return &s.FirstContents }},
	{"cost_nano", "coalesce(sum(cost_nano), 0)", func(s *Sums) *int64 { return &s.CostNano }},
	{"priced", "count(cost_nano)", func(s *Sums) *int64 { return &s.Priced }},
}

// Add adds other sums.
func (s *Sums) Add(o *Sums) {
	for _, c := range sumColumns {
		*c.field(s) += *c.field(o)
	}
}

// fields are where the columns of sums are read into.
func (s *Sums) fields() []any {
	out := make([]any, len(sumColumns))
	for i, c := range sumColumns {
		out[i] = c.field(s)
	}
	return out
}

// perSum writes something for each column of the sums.
func perSum(separator string, write func(name, of string) string) string {
	out := make([]string, len(sumColumns))
	for i, c := range sumColumns {
		out[i] = write(c.name, c.of)
	}
	return strings.Join(out, separator)
}

var (
	sumNames = perSum(", ", func(name, _ string) string { return name })
	// sumAs makes the sums of attempts. PostgreSQL's sums are of a wider type.
	sumAs = perSum(", ", func(name, of string) string { return "CAST(" + of + " AS BIGINT) AS " + name })
	// sumSums adds up sums of parts.
	sumSums = perSum(", ", func(name, _ string) string { return "CAST(sum(" + name + ") AS BIGINT) AS " + name })
	// quarter is Quarter in SQL.
	quarter = strconv.FormatInt(int64(Quarter), 10)

	// quartersSummed are sums as they are kept: those of a quarter whose attempts have
	// changed do not count, unless its attempts are no longer kept.
	quartersSummed = `SELECT slot, label, ` + sumNames + `, times FROM usage_quarters
		WHERE slot >= ? AND slot < ? AND slot NOT IN (SELECT slot FROM usage_stale WHERE slot >= ?)`
	// quartersStale are sums made of the attempts of quarters that have changed.
	quartersStale = `SELECT slot, label, ` + sumSums + `, ` + cellsText + ` FROM (
		SELECT slot, label, ` + cellsAs + `, ` + sumAs + ` FROM usage_stale JOIN attempts ON at >= slot * ` + quarter + ` AND at < (slot + 1) * ` + quarter + `
		WHERE slot >= ? AND slot < ? GROUP BY slot, label, ` + cellColumns + `) parts GROUP BY slot, label`

	//nolint:gosec // constants only
	usageQuery = `SELECT q.slot, ` + perSum(", ", func(name, _ string) string { return "q." + name }) + `, q.times, ` + labelColumns + `
		FROM (` + quartersSummed + ` UNION ALL ` + quartersStale + `) q JOIN attempt_labels l ON l.id = q.label ORDER BY q.slot`
)

// UsageLine is what the attempts of a quarter of an hour add up to that have all of
// this in common.
type UsageLine struct {
	// At is when the quarter begins.
	At time.Time
	// KeyID, TeamID, UserID and Tags (a JSON array, empty for none) are whom they were for.
	KeyID, TeamID, UserID, Tags string
	// Provider, Kind, Region, Model (the served one) and Tier are where they went.
	Provider, Kind, Region, Model, Tier string
	// Version is the price book their costs are from, empty where none was asked.
	Version string
	// Times is how long the attempts took, for Times.Add; empty where that is not kept.
	Times string
	Sums
}

// Unpriced counts attempts of which the price book does not know the cost.
func (u *UsageLine) Unpriced() int64 {
	if u.Version == "" {
		return 0
	}
	return u.Attempts - u.Priced
}

var errQuarters = errors.New("usage is kept by quarters of an hour: a period begins and ends with one")

// EachUsage goes through what was used in [from, to), in the order of time, as it is at
// one moment. A zero from or to leaves that end open.
func (s *Store) EachUsage(ctx context.Context, from, to time.Time, each func(*UsageLine) error) (err error) {
	first, last, err := slotSpan(from, to)
	if err != nil {
		return err
	}
	horizon, err := s.horizon(ctx, s.readers)
	if err != nil {
		return err
	}
	rows, err := s.readers.QueryContext(ctx, usageQuery, first, last, horizon, first, last)
	if err != nil {
		return fmt.Errorf("read usage: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var (
			u    UsageLine
			l    label
			slot int64
		)
		if err := rows.Scan(append(append(append([]any{&slot}, u.fields()...), &u.Times), l.fields()...)...); err != nil {
			return fmt.Errorf("read usage: %w", err)
		}
		u.At, u.KeyID, u.TeamID, u.UserID, u.Tags = slotTime(slot), l.keyID, l.teamID, l.userID, l.tags
		u.Provider, u.Kind, u.Region, u.Model, u.Tier, u.Version = l.provider, l.priceKind, l.region, l.servedModel, l.priceTier, l.version
		if err := each(&u); err != nil {
			return err
		}
	}
	return rows.Err()
}

// slotSpan is a period in quarters.
func slotSpan(from, to time.Time) (first, last int64, err error) {
	since, until := span(from, to)
	first, last = since/int64(Quarter), until/int64(Quarter)
	if !from.IsZero() && !slotTime(first).Equal(from) || !to.IsZero() && !slotTime(last).Equal(to) {
		return 0, 0, errQuarters
	}
	return first, last, nil
}

// horizonSetting is the first quarter whose attempts are kept; those before are only
// kept as sums.
const horizonSetting = "usage.horizon"

func (s *Store) horizon(ctx context.Context, db querier) (int64, error) {
	var text string
	err := db.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = ?`, horizonSetting).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read since when attempts are kept: %w", err)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the setting %s: %w", horizonSetting, err)
	}
	return n, nil
}

// KeptSince is the time from which on attempts are kept; zero: from the first on.
func (s *Store) KeptSince(ctx context.Context) (time.Time, error) {
	horizon, err := s.horizon(ctx, s.readers)
	if err != nil || horizon == 0 {
		return time.Time{}, err
	}
	return slotTime(horizon), nil
}
