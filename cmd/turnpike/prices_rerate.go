package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/operator"
	"turnpike/internal/price"
	"turnpike/internal/store"
)

// accountOf is the type and the region of a provider as it is configured today.
func accountOf(cfg *config.Config) func(name string) (kind, region string) {
	return func(name string) (string, string) {
		for _, p := range cfg.Providers {
			if p.Name == name {
				return p.Type, p.Region
			}
		}
		return "", ""
	}
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
	b, err := operator.LoadBook(ctx, db, cfg.Prices.Ceiling())
	if err != nil {
		return err
	}
	list, err := operator.Rerate(ctx, db, b, accountOf(cfg), from, to, f.dry)
	if err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"version": b.Version, "from": from, "to": to, "dry_run": f.dry, "models": list})
	}
	return printRerated(list, b, f.dry)
}

func printRerated(list []*operator.Rerated, b *price.Book, dry bool) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "PROVIDER\tMODEL\tATTEMPTS\tCHANGED\tBEFORE\tAFTER\tDIFFERENCE\tUNPRICED BEFORE\tUNPRICED AFTER")
	total := operator.Rerated{Provider: "all"}
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
