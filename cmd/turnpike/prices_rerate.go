package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/price"
	"turnpike/internal/store"
)

// rerateBatch is how many attempts are priced anew in one transaction.
const rerateBatch = 500

// rerated sums up a period before and after, for one model at one provider.
type rerated struct {
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

// rerate prices the attempts of a period with the book of today: what each cost
// at the time it was made, as it is known now. Only what differs is written, so
// doing it again changes nothing.
func rerate(ctx context.Context, db *store.Store, b *price.Book, cfg *config.Config, from, to time.Time, dry bool) ([]*rerated, error) {
	sums := map[[2]string]*rerated{}
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
				s = &rerated{Provider: a.Provider, Model: a.ServedModel}
				sums[[2]string{a.Provider, a.ServedModel}] = s
			}
			if fresh, differs := s.add(b, cfg, a); differs {
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
	out := make([]*rerated, 0, len(sums))
	for _, s := range sums {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *rerated) int { return strings.Compare(a.Provider+"\x00"+a.Model, b.Provider+"\x00"+b.Model) })
	return out, nil
}

// add prices one attempt anew.
func (s *rerated) add(b *price.Book, cfg *config.Config, a store.Attempt) (fresh store.Attempt, differs bool) {
	fresh = a
	c := &fresh.Charge
	if c.Kind == "" { // from before prices were kept
		c.Kind, c.Region = accountOf(cfg, a.Provider)
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

// accountOf is the type and the region of a provider as it is configured today.
func accountOf(cfg *config.Config, name string) (kind, region string) {
	for _, p := range cfg.Providers {
		if p.Name == name {
			return p.Type, p.Region
		}
	}
	return "", ""
}

func pricesRerate(ctx context.Context, db *store.Store, cfg *config.Config, f *priceFlags) error {
	from, err := price.ParseDate(f.from)
	if err != nil || from.IsZero() {
		return errors.Join(errors.New("usage: turnpike prices rerate --from 2026-11-01 [--to 2026-12-01] [--dry-run]"), err)
	}
	to, err := price.ParseDate(f.to)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	if to.IsZero() {
		to = time.Now()
	}
	if !from.Before(to) {
		return errors.New("--from must be before --to")
	}
	b, err := loadBook(ctx, db, cfg)
	if err != nil {
		return err
	}
	list, err := rerate(ctx, db, b, cfg, from, to, f.dry)
	if err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"version": b.Version, "from": from, "to": to, "dry_run": f.dry, "models": list})
	}
	return printRerated(list, b, f.dry)
}

func printRerated(list []*rerated, b *price.Book, dry bool) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "PROVIDER\tMODEL\tATTEMPTS\tCHANGED\tBEFORE\tAFTER\tDIFFERENCE\tUNPRICED BEFORE\tUNPRICED AFTER")
	total := rerated{Provider: "all"}
	for _, s := range append(list, &total) {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t%d\t%d\n", s.Provider, s.Model, s.Attempts, s.Changed, s.Before, s.After, s.After-s.Before, s.UnpricedBefore, s.UnpricedAfter)
		if s != &total {
			total.Attempts, total.Changed = total.Attempts+s.Attempts, total.Changed+s.Changed
			total.Before, total.After = total.Before+s.Before, total.After+s.After
			total.UnpricedBefore, total.UnpricedAfter = total.UnpricedBefore+s.UnpricedBefore, total.UnpricedAfter+s.UnpricedAfter
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if dry {
		fmt.Printf("Nothing was changed: with --dry-run these are the costs by book %s.\n", b.Version)
		return nil
	}
	fmt.Printf("%d attempts have another cost now, by book %s.\n", total.Changed, b.Version)
	return nil
}
