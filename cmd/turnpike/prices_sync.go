package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/price"
	"turnpike/internal/price/source"
	"turnpike/internal/store"
)

const (
	syncTimeout = 5 * time.Minute // of one list
	syncEvery   = 24 * time.Hour
	syncCheck   = 10 * time.Minute // how often it is looked whether a day has passed
)

// priceClient fetches lists. One that was promised by https is not taken from elsewhere.
var priceClient = &http.Client{
	Timeout: syncTimeout,
	CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) >= 5 {
			return errors.New("too many redirects")
		}
		if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
			return errors.New("it redirects to an address without https")
		}
		return nil
	},
}

// fetchList asks a source for news; body is nil when there are none.
func fetchList(ctx context.Context, address, etag string) (body []byte, tag string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("User-Agent", "turnpike/"+version)
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	res, err := priceClient.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = res.Body.Close() }()
	switch res.StatusCode {
	case http.StatusNotModified:
		return nil, etag, nil
	case http.StatusOK:
	default:
		return nil, "", fmt.Errorf("it answered with status %d", res.StatusCode)
	}
	body, err = io.ReadAll(io.LimitReader(res.Body, source.MaxSize+1))
	if err == nil && len(body) > source.MaxSize {
		err = fmt.Errorf("it is larger than %d MiB", source.MaxSize>>20)
	}
	return body, res.Header.Get("ETag"), err
}

// synced is what became of one source.
type synced struct {
	change price.Change
	report *source.Report // nil: nothing new
}

// syncPrices asks one source and brings its rows to what it tells. What it told
// last stays in force where that fails.
func syncPrices(ctx context.Context, db *store.Store, address string, now time.Time) (synced, error) {
	last, err := db.PriceSource(ctx, address)
	if err != nil {
		return synced{}, err
	}
	done, next, err := syncOne(ctx, db, last, now)
	if next.FetchedAt = now; err != nil {
		next, next.FetchedAt, next.Problem = last, now, err.Error()
	}
	return done, errors.Join(err, db.SetPriceSource(ctx, next))
}

func syncOne(ctx context.Context, db *store.Store, last store.PriceSource, now time.Time) (done synced, next store.PriceSource, err error) {
	next = last
	next.Problem = ""
	body, etag, err := fetchList(ctx, last.Source, last.ETag)
	if err != nil || body == nil {
		return done, next, err
	}
	sum := sha256.Sum256(body)
	next.ETag = etag
	if digest := hex.EncodeToString(sum[:]); digest != last.Digest {
		next.Digest, next.ChangedAt = digest, now
	} else {
		return done, next, nil
	}
	list, rep, err := source.Read(body, source.Options{})
	if err != nil {
		return done, next, err
	}
	planned, err := applyPrices(ctx, db, last.Source, list, now, false, true)
	if err != nil {
		return done, next, err
	}
	if gone, before := len(planned.End), len(planned.End)+planned.Same; before >= 20 && len(list) < before/2 {
		return done, next, fmt.Errorf("it tells only %d prices where it told %d: %d would end, so nothing is changed; turnpike prices import takes it as it is", len(list), before, gone)
	}
	done.report = rep
	done.change, err = applyPrices(ctx, db, last.Source, list, now, false, false)
	return done, next, err
}

func pricesSync(ctx context.Context, db *store.Store, cfg *config.Config, f *priceFlags, words []string) error {
	if len(words) == 0 {
		words = cfg.Prices.Sources
	}
	if len(words) == 0 {
		return errors.New("no source is configured (prices.sources) and none was given: turnpike prices sync URL")
	}
	failed := 0
	for _, address := range words {
		done, err := syncPrices(ctx, db, address, time.Now().UTC())
		switch {
		case err != nil:
			failed++
			fmt.Fprintf(os.Stderr, "%s: %v; what it told last stays in force\n", address, err)
		case done.report == nil:
			fmt.Printf("%s: nothing new.\n", address)
		default:
			if err := printChange(address, &done.change, done.report, f); err != nil {
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
		done, err := syncPrices(ctx, db, address, now)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Warn("a price list could not be taken; what it told last stays in force", "source", address, "error", err)
		case done.report != nil:
			log.Info("a price list was taken", "source", address, "added", len(done.change.Add), "ended", len(done.change.End), "unchanged", done.change.Same)
		}
	}
}
