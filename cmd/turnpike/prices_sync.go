package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/operator"
	"turnpike/internal/store"
)

// agent is what the gateway calls itself where it asks for price lists.
func agent() string { return "turnpike/" + version }

const (
	syncEvery = 24 * time.Hour
	syncCheck = 10 * time.Minute // how often it is looked whether a day has passed
)

func pricesSync(ctx context.Context, db *store.Store, cfg *config.Config, f *priceFlags, words []string) error {
	if len(words) == 0 {
		words = cfg.Prices.Sources
	}
	if len(words) == 0 {
		return errors.New("no source is configured (prices.sources) and none was given: turnpike prices sync URL")
	}
	failed := 0
	for _, address := range words {
		done, err := operator.SyncPrices(ctx, db, address, agent(), time.Now().UTC())
		switch {
		case err != nil:
			failed++
			fmt.Fprintf(os.Stderr, "%s: %v; what it told last stays in force\n", address, err)
		case done.Report == nil:
			fmt.Printf("%s: nothing new.\n", address)
		default:
			if err := printChange(address, &done.Change, done.Report, f); err != nil {
				return err
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d sources failed", failed, len(words))
	}
	return nil
}

// syncWork is the work that one of several gateways on one database does.
const (
	syncWork  = "prices.sync"
	syncLease = time.Minute
)

// syncDaily asks the sources once a day.
func syncDaily(ctx context.Context, db *store.Store, cfg *config.Config, log *slog.Logger) {
	tick := time.NewTicker(syncCheck)
	defer tick.Stop()
	for {
		syncElected(ctx, db, cfg, gatewayID, log)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// syncElected asks the sources whose day has passed, unless another gateway is at it.
func syncElected(ctx context.Context, db *store.Store, cfg *config.Config, self string, log *slog.Logger) {
	_, err := db.Elect(ctx, syncWork, self, syncLease, func(ctx context.Context) { syncDue(ctx, db, cfg, log) })
	if err != nil && ctx.Err() == nil {
		log.Warn("price lists are not asked for: it cannot be agreed who does it", "error", err)
	}
}

func syncDue(ctx context.Context, db *store.Store, cfg *config.Config, log *slog.Logger) {
	for _, address := range cfg.Prices.Sources {
		last, err := db.PriceSource(ctx, address)
		now := time.Now().UTC()
		if err != nil || now.Sub(last.FetchedAt) < syncEvery {
			continue
		}
		done, err := operator.SyncPrices(ctx, db, address, agent(), now)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Warn("a price list could not be taken; what it told last stays in force", "source", address, "error", err)
		case done.Report != nil:
			log.Info("a price list was taken", "source", address, "added", len(done.Change.Add), "ended", len(done.Change.End), "unchanged", done.Change.Same)
		}
	}
}
