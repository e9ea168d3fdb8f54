// Package discover asks accounts for their models, in the background and not all
// at once, and keeps the last good lists on disk: a gateway that starts while an
// upstream is away still knows its models.
package discover

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"turnpike/internal/health"
	"turnpike/internal/provider"
	"turnpike/internal/route"
)

const (
	atOnce     = 8                // accounts asked at the same time
	askFor     = 30 * time.Second // at most, each
	retryFirst = time.Minute      // after a failure; twice as long each time
	maxModels  = 10_000           // of an account
)

// Check says how often an account is asked how it is.
type Check struct {
	Every  time.Duration // 0: only as often as lists are refreshed
	Jitter time.Duration // 0: a fifth of Every
}

// Lists keeps the lists of accounts up to date.
type Lists struct {
	every time.Duration
	file  string // where the last good lists are kept; empty: nowhere
	log   *slog.Logger

	seats chan struct{}
	mu    sync.Mutex // for what follows
	kept  map[string]record

	accounts []*route.Account
	checks   map[string]Check                    // by account
	asking   map[*route.Account]func()           // ends the asking of each
	running  func(a *route.Account, rested bool) // begins it; nil: Run has not begun, or has ended
}

// New makes it. Lists are refreshed in the given time, and a bit later at random.
func New(accounts []*route.Account, every time.Duration, checks map[string]Check, file string, log *slog.Logger) *Lists {
	return &Lists{
		accounts: accounts, checks: checks, every: every, file: file, log: log,
		seats: make(chan struct{}, atOnce), kept: map[string]record{}, asking: map[*route.Account]func(){},
	}
}

// Run asks until ctx ends.
func (l *Lists) Run(ctx context.Context) {
	var wg sync.WaitGroup
	l.mu.Lock()
	l.running = func(a *route.Account, rested bool) {
		own, end := context.WithCancel(ctx)
		check := l.checks[a.Provider.Name()]
		pause := l.pause(check, 0)
		l.asking[a] = end
		wg.Go(func() {
			if !rested || l.rest(own, pause) {
				l.watch(own, a, check)
			}
		})
	}
	l.begin(nil)
	l.mu.Unlock()
	<-ctx.Done()
	l.mu.Lock()
	l.running = nil
	for _, end := range l.asking {
		end()
	}
	clear(l.asking)
	l.mu.Unlock()
	wg.Wait()
}

// begin asks the accounts that nobody asks yet; l.mu is held. Who lists the same account as
// before (an account in whose place a new one is, with other settings) is asked after a rest.
func (l *Lists) begin(before []*route.Account) {
	if l.running == nil {
		return
	}
	for _, a := range l.accounts {
		if a.Off != "" || l.asking[a] != nil {
			continue
		}
		l.running(a, slices.ContainsFunc(before, func(old *route.Account) bool { return old.Provider == a.Provider && a.Listed() != nil }))
	}
}

// Follow keeps the lists of other accounts up to date from now on.
func (l *Lists) Follow(accounts []*route.Account, every time.Duration, checks map[string]Check) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.accounts
	l.accounts, l.checks, l.every = accounts, checks, every
	for a, end := range l.asking {
		if !slices.Contains(accounts, a) {
			end()
			delete(l.asking, a)
		}
	}
	l.begin(before)
}

// rest waits; it tells whether ctx has not ended.
func (l *Lists) rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// watch asks one account again and again. One that cannot be asked is left alone.
func (l *Lists) watch(ctx context.Context, a *route.Account, check Check) {
	failures := 0
	for {
		select {
		case l.seats <- struct{}{}:
		case <-ctx.Done():
			return
		}
		err := l.ask(ctx, a, check.Every > 0)
		<-l.seats
		switch {
		case ctx.Err() != nil, errors.Is(err, provider.ErrUnserved):
			return
		case err == nil:
			failures = 0
		default:
			if failures == 0 {
				l.log.Info("a provider's models could not be listed; the last known ones stay", "provider", a.Provider.Name(), "error", err)
			}
			failures++
		}
		l.mu.Lock()
		pause := l.pause(check, failures)
		l.mu.Unlock()
		if !l.rest(ctx, pause) {
			return
		}
	}
}

// pause is how long until an account is asked again; l.mu is held.
func (l *Lists) pause(c Check, failures int) time.Duration {
	d, jitter := l.every, l.every/5
	if failures > 0 {
		d = min(d, retryFirst<<min(failures-1, 10))
		jitter = d / 5
	}
	if c.Every > 0 && c.Every < d {
		if d, jitter = c.Every, c.Jitter; jitter == 0 {
			jitter = d / 5
		}
	}
	return d + rand.N(jitter+1) //nolint:gosec // spreads load
}

// ask asks an account once. What an account that is asked how it is answers, or
// does not, counts for its health.
func (l *Lists) ask(ctx context.Context, a *route.Account, counts bool) error {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	began := time.Now()
	models, err := a.Provider.Models(ctx)
	if counts && (ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded)) {
		a.Breaker().Check(classify(err), began, time.Now())
	}
	if err != nil {
		if len(models) > 0 && a.Listed() == nil { // a part is better than nothing, and worse than the last one
			a.SetListed(models)
		}
		return err
	}
	if models == nil {
		return nil // it has no list to give
	}
	if len(models) > maxModels {
		models = models[:maxModels]
	}
	a.SetListed(models)
	if kept := l.keep(a, models); kept != nil {
		l.log.Warn("the list of models cannot be kept", "file", l.file, "error", kept)
	}
	return nil
}

// classify tells what an error says of the account. That there is no list, or no
// right to see one, says nothing of requests.
func classify(err error) health.Class {
	var answer *provider.StatusError
	var network net.Error
	switch {
	case err == nil:
		return health.Fine
	case errors.As(err, &answer):
		switch {
		case answer.Status == http.StatusUnauthorized:
			return health.Auth
		case answer.Status >= http.StatusInternalServerError:
			return health.Failure
		}
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		return health.Failure
	}
	return health.Untold
}
