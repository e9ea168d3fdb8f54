package operator

import (
	"context"
	"slices"
	"strings"
	"time"

	"turnpike/internal/price"
	"turnpike/internal/store"
)

// rerateBatch is how many attempts are priced anew in one transaction.
const rerateBatch = 500

// Rerated sums up a period before and after, for one model at one provider.
type Rerated struct {
	Provider        string     `json:"provider"`
	Model           string     `json:"model"`
	Attempts        int        `json:"attempts"`
	Changed         int        `json:"changed"`
	Before          price.Nano `json:"before_nano"`
	After           price.Nano `json:"after_nano"`
	UnpricedBefore  int        `json:"unpriced_before"`
	UnpricedAfter   int        `json:"unpriced_after"`
	RacedWithOthers int        `json:"raced,omitempty"` // changed meanwhile by somebody else, and left so
}

// Rerate prices the attempts of a period with the book of today: what each cost
// at the time it was made, as it is known now. Only what differs is written, so
// doing it again changes nothing.
func Rerate(ctx context.Context, db *store.Store, b *price.Book, account func(name string) (kind, region string), from, to time.Time, dry bool) ([]*Rerated, error) {
	sums := map[[2]string]*Rerated{}
	var last store.Ref
	for {
		list, err := db.AttemptsBehind(ctx, from, to, last, rerateBatch)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			break
		}
		last = list[len(list)-1].Ref()
		var before, after []store.Attempt
		for _, a := range list {
			s := sums[[2]string{a.Provider, a.ServedModel}]
			if s == nil {
				s = &Rerated{Provider: a.Provider, Model: a.ServedModel}
				sums[[2]string{a.Provider, a.ServedModel}] = s
			}
			if fresh, differs := s.add(b, account, a); differs {
				before, after = append(before, a), append(after, fresh)
			}
		}
		if dry || len(after) == 0 {
			continue
		}
		n, err := db.Recharge(ctx, before, after)
		if err != nil {
			return nil, err
		}
		if raced := len(after) - n; raced > 0 {
			sums[[2]string{after[0].Provider, after[0].ServedModel}].RacedWithOthers += raced
		}
	}
	out := make([]*Rerated, 0, len(sums))
	for _, s := range sums {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *Rerated) int { return strings.Compare(a.Provider+"\x00"+a.Model, b.Provider+"\x00"+b.Model) })
	return out, nil
}

// add prices one attempt anew.
func (s *Rerated) add(b *price.Book, account func(name string) (kind, region string), a store.Attempt) (fresh store.Attempt, differs bool) {
	fresh = a
	c := &fresh.Charge
	if c.Kind == "" { // from before prices were kept
		c.Kind, c.Region = account(a.Provider)
	}
	model := a.ServedModel
	if c.Model != "" {
		model = c.Model
	}
	cost := b.Price(&price.Attempt{
		Model: model, Kind: c.Kind, Provider: a.Provider, Region: c.Region, Geo: c.Geo, Tier: c.Tier, At: a.At,
		Usage: price.Usage{
			price.Input: a.Usage.Input, price.Output: a.Usage.Output, price.CacheRead: a.Usage.CacheRead,
			price.CacheWrite5m: a.Usage.CacheWrite5m, price.CacheWrite1h: a.Usage.CacheWrite1h, price.WebSearch: c.WebSearches,
		},
	})
	c.Nano, c.Unpriced, c.Version = int64(cost.Nano), cost.Unpriced, cost.Version
	if c.Unpriced {
		c.Nano = 0
		s.UnpricedAfter++
	}
	s.Attempts++
	s.After += price.Nano(c.Nano)
	if a.Charge.Known() {
		s.Before += price.Nano(a.Charge.Nano)
	} else {
		s.UnpricedBefore++
	}
	differs = c.Nano != a.Charge.Nano || c.Unpriced != a.Charge.Unpriced || a.Charge.Version == ""
	if differs {
		s.Changed++
	}
	return fresh, differs
}
