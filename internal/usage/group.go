package usage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"turnpike/internal/store"
)

// Source is where usage is kept.
type Source interface {
	EachUsage(ctx context.Context, from, to time.Time, each func(*store.UsageLine) error) error
}

// dimensions are what usage can be told by: the values a line counts for.
var dimensions = map[string]func(u *store.UsageLine, zone *time.Location) []string{
	"key":      func(u *store.UsageLine, _ *time.Location) []string { return []string{u.KeyID} },
	"team":     func(u *store.UsageLine, _ *time.Location) []string { return []string{u.TeamID} },
	"user":     func(u *store.UsageLine, _ *time.Location) []string { return []string{u.UserID} },
	"tag":      func(u *store.UsageLine, _ *time.Location) []string { return Tags(u.Tags) },
	"provider": func(u *store.UsageLine, _ *time.Location) []string { return []string{u.Provider} },
	"model":    func(u *store.UsageLine, _ *time.Location) []string { return []string{u.Model} },
	"hour": func(u *store.UsageLine, z *time.Location) []string {
		return []string{hour(u.At.In(z)).Format("2006-01-02T15:04Z07:00")}
	},
	"day":   func(u *store.UsageLine, z *time.Location) []string { return []string{u.At.In(z).Format(time.DateOnly)} },
	"month": func(u *store.UsageLine, z *time.Location) []string { return []string{u.At.In(z).Format("2006-01")} },
}

// hour is the beginning of a time's hour by the clock of its zone, which may be
// at a half of one by UTC.
func hour(t time.Time) time.Time { return t.Add(-time.Duration(t.Minute()) * time.Minute) }

// DimensionNames are what usage can be told by, sorted.
func DimensionNames() []string { return slices.Sorted(maps.Keys(dimensions)) }

// Tags reads the tags of an attempt. One without any counts for the empty one.
func Tags(text string) []string {
	var tags []string
	if text == "" || json.Unmarshal([]byte(text), &tags) != nil || len(tags) == 0 {
		return []string{""}
	}
	return tags
}

// Query says what is asked.
type Query struct {
	Period
	// By are dimensions, in the order in which they are told.
	By []string
	// Zone is whose hours, days and months are meant; nil is UTC.
	Zone *time.Location
	// Keep, if it is set, is what counts.
	Keep func(*store.UsageLine) bool
}

// Group is what was used by those that have the values of the dimensions in common.
type Group struct {
	Values []string
	store.Sums
	// Unpriced counts attempts of which the cost is not known.
	Unpriced int64
	// Times is how long they took, as far as it is kept.
	Times store.Times
}

func (g *Group) add(u *store.UsageLine) error {
	g.Add(&u.Sums)
	g.Unpriced += u.Unpriced()
	return g.Times.Add(u.Times)
}

// maxGroups bounds an answer.
const maxGroups = 100_000

var errGroups = errors.New("that are more than 100,000 groups: ask for a shorter time, or by less")

// Sum adds up what was used. The groups are in the order of their values; the total
// counts each line once, which groups by tag do not.
func Sum(ctx context.Context, src Source, q Query) (list []*Group, total Group, err error) {
	zone := q.Zone
	if zone == nil {
		zone = time.UTC
	}
	by := make([]func(*store.UsageLine, *time.Location) []string, len(q.By))
	for i, name := range q.By {
		if by[i] = dimensions[name]; by[i] == nil {
			return nil, total, fmt.Errorf("usage is not kept by %q; use %s", name, strings.Join(DimensionNames(), ", "))
		}
	}
	groups := map[string]*Group{}
	err = src.EachUsage(ctx, q.From, q.To, func(u *store.UsageLine) error {
		if q.Keep != nil && !q.Keep(u) {
			return nil
		}
		if err := total.add(u); err != nil {
			return err
		}
		for _, values := range combine(by, u, zone) {
			name := strings.Join(values, "\x00")
			g := groups[name]
			if g == nil {
				if len(groups) == maxGroups {
					return errGroups
				}
				g = &Group{Values: values}
				groups[name] = g
			}
			if err := g.add(u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, total, err
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		list = append(list, groups[name])
	}
	return list, total, nil
}

// combine lists the groups of a line: more than one where it has several tags.
func combine(by []func(*store.UsageLine, *time.Location) []string, u *store.UsageLine, zone *time.Location) [][]string {
	all := [][]string{nil}
	for _, of := range by {
		values := of(u, zone)
		next := make([][]string, 0, len(all)*len(values))
		for _, have := range all {
			for _, v := range values {
				next = append(next, append(slices.Clone(have), v))
			}
		}
		all = next
	}
	return all
}
