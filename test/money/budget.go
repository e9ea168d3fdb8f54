package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The budget that several gateways share. A token costs a tenth of a cent, so a
// request costs a few cents and reserves about twelve.
const (
	budgetDollars = 10
	perMillion    = "1000"
	maxTokens     = 100
	replicas      = 3
)

// shared is several gateways on one database and a budget for all of them.
type shared struct {
	dir      string
	gateways []*gateway

	answered, refused, cut atomic.Int64
}

// budgetLine is what is read of a budget.
type budgetLine struct {
	ID    string `json:"id"`
	Spent string `json:"spent"`
	Held  string `json:"reserved"`
}

// runBudget asks so many times at once over three gateways while one of them is
// killed again and again; each round there are ten dollars more to spend. It returns
// the figures. Where database has no address, it is SQLite.
func runBudget(ctx context.Context, binary, fsync, database string, rounds, requests int) (string, error) {
	dir, err := os.MkdirTemp("", "turnpike-budget-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s := &shared{dir: dir}
	for i := range replicas {
		own := filepath.Join(dir, strconv.Itoa(i))
		if err := os.Mkdir(own, 0o700); err != nil {
			return "", err
		}
		g, err := newGatewayOf(binary, own, filepath.Join(dir, "data"), database, fsync)
		if err != nil {
			return "", err
		}
		s.gateways = append(s.gateways, g)
	}
	first := s.gateways[0]
	if _, err := first.cli(ctx, "prices", "set", "sandbox", "--input", perMillion, "--output", perMillion); err != nil {
		return "", err
	}
	if _, err := first.cli(ctx, "budgets", "set", "org", "--limit", strconv.Itoa(budgetDollars), "--period", "lifetime"); err != nil {
		return "", err
	}
	for i, g := range s.gateways {
		if err := g.start(ctx); err != nil {
			return "", fmt.Errorf("gateway %d: %w\n%s", i, err, g.log())
		}
	}
	defer func() {
		for _, g := range s.gateways {
			g.kill()
		}
	}()
	began, kills, most := time.Now(), 0, 0.0
	for n := range rounds {
		k, err := s.round(ctx, requests)
		kills += k
		if err != nil {
			return "", fmt.Errorf("round %d: %w", n+1, err)
		}
		line, spent, err := s.spent(ctx)
		if err != nil {
			return "", err
		}
		limit := float64(budgetDollars * (n + 1))
		if most = max(most, spent/limit); spent > limit {
			return "", fmt.Errorf("round %d: $%f spent of $%f", n+1, spent, limit)
		}
		if n+1 < rounds {
			if _, err := first.cli(ctx, "budgets", "recharge", line.ID, strconv.Itoa(budgetDollars)); err != nil {
				return "", err
			}
		}
	}
	if err := s.end(ctx); err != nil {
		return "", err
	}
	_, spent, err := s.spent(ctx)
	if err != nil {
		return "", err
	}
	limit := float64(budgetDollars * rounds)
	kind := "SQLite"
	if database != "" {
		kind = "PostgreSQL"
	}
	figures := fmt.Sprintf("budget on %s: %d rounds of %d requests at once over %d gateways in %.0f s, %d kills: %d answered, %d refused, %d cut off; $%.6f spent of $%.2f, never more than %.1f %%",
		kind, rounds, requests, replicas, time.Since(began).Seconds(), kills, s.answered.Load(), s.refused.Load(), s.cut.Load(), spent, limit, 100*max(most, spent/limit))
	switch {
	case spent > limit:
		return figures, errors.New("the budget was passed")
	case kills == 0 || s.answered.Load() == 0 || s.refused.Load() == 0 || spent < limit/2:
		return figures, errors.New("nothing was tried: the budget was not spent, or nobody was killed")
	}
	return figures, nil
}

// end stops all gateways in order and compares the ledgers with the budget.
func (s *shared) end(ctx context.Context) error {
	for i, g := range s.gateways {
		if err := g.stop(ctx); err != nil {
			return fmt.Errorf("the orderly end of gateway %d: %w\n%s", i, err, g.log())
		}
	}
	for _, g := range s.gateways {
		if err := g.verify(ctx); err != nil {
			return err
		}
	}
	return nil
}

// round is many requests at once. The first gateway is killed at random moments
// and started again until all are answered or refused.
func (s *shared) round(ctx context.Context, requests int) (kills int, err error) {
	var wg sync.WaitGroup
	for i := range requests {
		wg.Go(func() { s.ask(ctx, s.gateways[i%len(s.gateways)].url) })
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for {
		pause(ctx, 50*time.Millisecond+rand.N(500*time.Millisecond)) //nolint:gosec // when it dies is no secret
		select {
		case <-done:
			return kills, ctx.Err()
		default:
		}
		s.gateways[0].kill()
		kills++
		if err := s.gateways[0].start(ctx); err != nil {
			return kills, fmt.Errorf("%w\n%s", err, s.gateways[0].log())
		}
		if kills%3 == 0 { // it gets to do something now and then
			pause(ctx, 3*time.Second)
		}
	}
}

// ask asks once, and again where it was told to wait or nobody answered.
func (s *shared) ask(ctx context.Context, url string) {
	t := &http.Transport{}
	defer t.CloseIdleConnections()
	say := "[[sandbox n=20 delay=10ms]] " + strings.Repeat("word ", 1+rand.N(10)) //nolint:gosec // no secret
	body := fmt.Sprintf(`{"model":"sandbox","stream":true,"max_tokens":%d,"messages":[{"role":"user","content":%q}]}`, maxTokens, say)
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/messages", strings.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Authorization", "Bearer "+clientKey)
		res, err := t.RoundTrip(req)
		if err != nil {
			pause(ctx, 50*time.Millisecond)
			continue
		}
		_, err = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		switch {
		case err != nil:
			s.cut.Add(1)
			return
		case res.StatusCode == http.StatusOK:
			s.answered.Add(1)
			return
		case res.Header.Get("X-Should-Retry") == "false":
			s.refused.Add(1)
			return
		}
		pause(ctx, 100*time.Millisecond+rand.N(400*time.Millisecond)) //nolint:gosec // no secret
	}
}

// spent is how the budget stands.
func (s *shared) spent(ctx context.Context) (line budgetLine, dollars float64, err error) {
	out, err := s.gateways[0].cli(ctx, "budgets", "list", "--json")
	if err != nil {
		return line, 0, err
	}
	var lines []budgetLine
	if err := json.Unmarshal(out, &lines); err != nil || len(lines) != 1 {
		return line, 0, fmt.Errorf("%s: %w", out, err)
	}
	dollars, err = strconv.ParseFloat(strings.TrimPrefix(lines[0].Spent, "$"), 64)
	return lines[0], dollars, err
}
