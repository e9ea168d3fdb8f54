package price

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// Change is what a source's new prices change in the book.
type Change struct {
	Add  []Entry
	End  []Entry // they held until now
	Drop []Entry // they were wrong: as if they had never been
	Same int
}

// Empty tells whether nothing changes.
func (c *Change) Empty() bool { return len(c.Add)+len(c.End)+len(c.Drop) == 0 }

// about is what a price is for, whenever it holds.
type about struct{ model, kind, provider, region, geo, tier string }

func (e *Entry) about() about {
	return about{e.Model, e.Kind, e.Provider, e.Region, e.Geo, e.Tier}
}

// prices is what an entry charges, to be compared.
func (e *Entry) prices() string {
	b, err := json.Marshal([]any{e.Rates, e.Long})
	if err != nil {
		return err.Error() // rates are numbers: it cannot be
	}
	return string(b)
}

// dated tells whether an entry says itself when it holds.
func (e *Entry) dated() bool { return !e.From.IsZero() || !e.To.IsZero() }

// Merge compares what a source tells now with the rows it has in the book. A
// price that is new holds for all time; one that takes the place of another holds
// from now on, and the other until now; so does one that is not told any more.
// With correct the rows that are gone were wrong: they are dropped, and what takes
// their place holds as long as they did. Entries that say themselves when they
// hold are taken at their word.
func Merge(old, fresh []Entry, now time.Time, correct bool) (c Change) {
	known := map[about][]Entry{}
	for _, e := range old {
		if e.To.IsZero() || e.To.After(now) || correct {
			known[e.about()] = append(known[e.about()], e)
		}
	}
	for _, e := range fresh {
		rows := known[e.about()]
		at := slices.IndexFunc(rows, func(o Entry) bool {
			return o.prices() == e.prices() && (!e.dated() && o.To.IsZero() || o.From.Equal(e.From) && o.To.Equal(e.To))
		})
		if at >= 0 {
			known[e.about()] = slices.Delete(slices.Clone(rows), at, at+1)
			c.Same++
			continue
		}
		if !e.dated() && !correct && slices.ContainsFunc(rows, func(o Entry) bool { return o.To.IsZero() }) {
			e.From = now
		}
		c.Add = append(c.Add, e)
	}
	for _, rows := range known {
		if correct {
			c.Drop = append(c.Drop, rows...)
		} else {
			c.End = append(c.End, rows...)
		}
	}
	for _, list := range [][]Entry{c.Add, c.End, c.Drop} {
		slices.SortFunc(list, func(a, b Entry) int { return cmp.Or(cmp.Compare(a.Model, b.Model), before(&a, &b)) })
	}
	return c
}
