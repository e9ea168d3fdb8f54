package budget

import (
	"sync"
	"time"
)

// Span is a period of a budget.
type Span struct {
	// Start is its beginning, End the beginning of the next; zero: there is none.
	Start, End time.Time
	// Since is how far back spending counts: before Start only in a rolling window.
	Since time.Time
	// Before is the beginning of the period before; zero: it does not matter.
	Before time.Time
}

// holds tells whether a moment lies in the period.
func (s *Span) holds(at time.Time) bool {
	return !at.Before(s.Start) && (s.End.IsZero() || at.Before(s.End))
}

// rollingBuckets is how many parts a rolling window is counted in. Spending leaves
// the window by whole parts, so it counts for a window and a part of it at most.
const rollingBuckets = 24

// Span is the period a moment lies in.
func (r *Rule) Span(at time.Time) Span {
	switch r.Period {
	case Daily:
		return r.calendar(at, 0, 1)
	case Monthly:
		return r.calendar(at, 1, 0)
	case Rolling:
		part := r.Window / rollingBuckets
		start := time.Unix(0, at.UnixNano()-mod(at.UnixNano(), int64(part)))
		return Span{Start: start, End: start.Add(part), Since: start.Add(-rollingBuckets * part)}
	}
	return Span{Start: time.Unix(0, 0), Since: time.Unix(0, 0)}
}

func mod(n, by int64) int64 { return ((n % by) + by) % by }

// calendar is a day or a month in the zone of the rule.
func (r *Rule) calendar(at time.Time, months, days int) Span {
	zone := zoneOf(r.Zone)
	y, m, d := at.In(zone).Date()
	if months > 0 {
		d = 1
	}
	s := Span{Start: midnight(y, m, d, zone), End: midnight(y, m+time.Month(months), d+days, zone)}
	s.Since = s.Start
	if r.Rollover {
		s.Before = midnight(y, m-time.Month(months), d-days, zone)
	}
	return s
}

// midnight is when a day begins: at the change of the clocks where it has no 0:00,
// as in zones that put them forward at midnight.
func midnight(y int, m time.Month, d int, zone *time.Location) time.Time {
	noon := time.Date(y, m, d, 12, 0, 0, 0, zone)
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if t.Day() == noon.Day() {
		if start, _ := t.ZoneBounds(); !start.IsZero() && t.Hour() > 0 {
			return start
		}
		return t
	}
	_, end := t.ZoneBounds()
	return end
}

// zones are those that were asked for: reading one takes a file.
var zones sync.Map

func zoneOf(name string) *time.Location {
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location) //nolint:forcetypeassert // nothing else is put in
	}
	z, err := time.LoadLocation(name)
	if err != nil { // Check has refused it, unless the system has forgotten it since
		z = time.UTC
	}
	zones.Store(name, z)
	return z
}
