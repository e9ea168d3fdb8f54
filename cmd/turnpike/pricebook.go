package main

import (
	"context"
	"log/slog"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/operator"
	"turnpike/internal/price"
	"turnpike/internal/store"
)

// pricesEvery is how often the store is asked whether prices have changed: what is
// changed is in force everywhere within a second.
const pricesEvery = time.Second

// watchPrices puts another book in force when somebody has changed it.
func watchPrices(ctx context.Context, db *store.Store, cfg *config.Config, current *price.Current, log *slog.Logger) {
	seen, failed := "", false
	tick := time.NewTicker(pricesEvery)
	defer tick.Stop()
	for {
		version, err := db.PricesVersion(ctx)
		if err == nil && version != seen {
			var b *price.Book
			if b, err = operator.LoadBook(ctx, db, cfg.Prices.Ceiling()); err == nil {
				if seen = version; b.Version != current.Book().Version {
					current.Set(b)
					log.Info("another price book is in force", "version", b.Version, "prices", len(b.Entries()))
				}
			}
		}
		if err != nil && !failed && ctx.Err() == nil {
			log.Warn("the price book could not be read; the last one stays in force", "error", err)
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// keepPrices follows changes of the book, and asks the sources if it is to.
func (a *app) keepPrices(ctx context.Context) {
	a.watching.Go(func() { watchPrices(ctx, a.store, a.cfg, a.prices, a.log) })
	if a.cfg.Prices.Sync == config.SyncDaily {
		a.watching.Go(func() { syncDaily(ctx, a.store, a.cfg, a.log) })
	}
}
