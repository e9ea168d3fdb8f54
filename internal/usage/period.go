// Package usage tells what was used: sums by whom, where and when, kept up to date
// from the attempts, and exports of both.
package usage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"turnpike/internal/store"
)

// Period is a time: from its beginning to before its end.
type Period struct {
	From, To time.Time
}

// presets are the periods that have a name, in a zone's own days.
var presets = map[string]func(today time.Time) (from, to time.Time){
	"today":      func(d time.Time) (time.Time, time.Time) { return d, d.AddDate(0, 0, 1) },
	"yesterday":  func(d time.Time) (time.Time, time.Time) { return d.AddDate(0, 0, -1), d },
	"7d":         func(d time.Time) (time.Time, time.Time) { return d.AddDate(0, 0, -6), d.AddDate(0, 0, 1) },
	"30d":        func(d time.Time) (time.Time, time.Time) { return d.AddDate(0, 0, -29), d.AddDate(0, 0, 1) },
	"this-month": func(d time.Time) (time.Time, time.Time) { return month(d, 0), month(d, 1) },
	"last-month": func(d time.Time) (time.Time, time.Time) { return month(d, -1), month(d, 0) },
}

// PresetNames are the names of periods, sorted.
func PresetNames() []string {
	names := make([]string, 0, len(presets))
	for n := range presets {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Preset is the period that a name says, for people in a zone.
func Preset(name string, now time.Time, zone *time.Location) (Period, error) {
	p, ok := presets[name]
	if !ok {
		return Period{}, fmt.Errorf("there is no period %q; use %s, or --from and --to", name, strings.Join(PresetNames(), ", "))
	}
	from, to := p(day(now.In(zone)))
	return Period{from, to}, nil
}

// day is the beginning of a time's day. Where a clock skips midnight, time.Date tells
// the moment it skips to.
func day(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}

func month(t time.Time, off int) time.Time {
	return time.Date(t.Year(), t.Month()+time.Month(off), 1, 0, 0, 0, 0, t.Location())
}

// ParseTime reads a day of a zone (2026-11-01), or a moment (RFC 3339) on a quarter of
// an hour.
func ParseTime(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%q is neither a day (2026-11-01) nor a moment (2026-11-01T08:00:00Z)", text)
	}
	if !t.Truncate(store.Quarter).Equal(t) {
		return t, fmt.Errorf("%s: usage is kept by quarters of an hour: write one (…:00, …:15, …:30, …:45)", text)
	}
	return t.In(zone), nil
}
