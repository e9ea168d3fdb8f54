package operator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"turnpike/internal/egress"
	"turnpike/internal/price"
	"turnpike/internal/price/source"
	"turnpike/internal/store"
)

// maxSync bounds the time for one list.
const maxSync = 5 * time.Minute

// listWait bounds the time until a list begins to come.
const listWait = 30 * time.Second

// priceClient fetches one list. The operator has named its server, which may be in a private
// network; where that sends on to may not. A list that was promised by https is not taken
// from elsewhere.
func priceClient(own *url.URL) *http.Client {
	near, far := egress.Guard{Private: true, Timeout: listWait}, egress.Guard{Timeout: listWait, Hint: "name it in prices.sources if that is meant"}
	t := byServer{own: own.Scheme + "://" + own.Host, near: near.Transport(), far: far.Transport()}
	t.near.DisableKeepAlives, t.far.DisableKeepAlives = true, true
	return &http.Client{
		Timeout: maxSync, Transport: t,
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
}

// byServer calls one server by near and all others by far.
type byServer struct {
	own       string
	near, far *http.Transport
}

func (t byServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme+"://"+r.URL.Host == t.own {
		return t.near.RoundTrip(r)
	}
	return t.far.RoundTrip(r)
}

// fetchList asks a source for news; body is nil when there are none.
func fetchList(ctx context.Context, address, etag, agent string) (body []byte, tag string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("User-Agent", agent)
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	res, err := priceClient(req.URL).Do(req)
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

// Synced is what became of one source.
type Synced struct {
	Change price.Change
	Report *source.Report // nil: nothing new
}

// SyncPrices asks one source and brings its rows to what it tells. What it told
// last stays in force where that fails.
func SyncPrices(ctx context.Context, db *store.Store, address, agent string, now time.Time) (Synced, error) {
	last, err := db.PriceSource(ctx, address)
	if err != nil {
		return Synced{}, err
	}
	done, next, err := syncOne(ctx, db, last, agent, now)
	if next.FetchedAt = now; err != nil {
		next, next.FetchedAt, next.Problem = last, now, err.Error()
	}
	return done, errors.Join(err, db.SetPriceSource(ctx, next))
}

func syncOne(ctx context.Context, db *store.Store, last store.PriceSource, agent string, now time.Time) (done Synced, next store.PriceSource, err error) {
	next = last
	next.Problem = ""
	body, etag, err := fetchList(ctx, last.Source, last.ETag, agent)
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
	planned, err := ApplyPrices(ctx, db, last.Source, list, now, false, true)
	if err != nil {
		return done, next, err
	}
	if gone, before := len(planned.End), len(planned.End)+planned.Same; before >= 20 && len(list) < before/2 {
		return done, next, fmt.Errorf("it tells only %d prices where it told %d: %d would end, so nothing is changed; turnpike prices import takes it as it is", len(list), before, gone)
	}
	done.Report = rep
	done.Change, err = ApplyPrices(ctx, db, last.Source, list, now, false, false)
	return done, next, err
}
