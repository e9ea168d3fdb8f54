package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// trial is one thing that happens to the fleet, with the load on it. What it tells goes into the last line.
type trial struct {
	name   string
	skewed bool // needs a gateway whose clock can be set
	run    func(context.Context, *fleet) (string, error)
}

// rollingRestart ends and starts one gateway after the other, twice, with streams under way at all of them.
func rollingRestart(ctx context.Context, f *fleet) (string, error) {
	before := f.load.sum()
	var longest time.Duration
	for range 2 {
		for _, g := range f.gateways {
			if err := g.busy(ctx); err != nil {
				return "", err
			}
			from := time.Now()
			if err := g.stop(ctx); err != nil {
				return "", err
			}
			longest = max(longest, time.Since(from))
			if err := f.start(ctx, g, f.o.binary, 0); err != nil {
				return "", err
			}
			// As any orchestrator does: the next one goes when this one serves.
			if err := g.busy(ctx); err != nil {
				return "", err
			}
		}
	}
	after := f.load.sum()
	told := fmt.Sprintf("6 restarts, %d streams meanwhile, %d torn, %d failed, the longest drain %.1f s",
		after.streams-before.streams, after.torn-before.torn, after.failed-before.failed, longest.Seconds())
	if after.torn > before.torn || after.failed > before.failed {
		return "", fmt.Errorf("%s: %w", told, after.first)
	}
	return told, nil
}

// busy waits until a gateway has a request under way.
func (g *gateway) busy(ctx context.Context) error {
	_, err := until(ctx, startLimit, "a request is under way at "+g.url, func() bool { return g.metric(ctx, "turnpike_requests_in_flight") > 0 })
	return err
}

// revokedKeys revokes a key at one gateway and asks the others until they refuse it.
func revokedKeys(ctx context.Context, f *fleet) (string, error) {
	var slowest time.Duration
	const times = 10
	for n := range times {
		id, secret, err := f.newKey(ctx, fmt.Sprintf("revoked %d %d", n, time.Now().UnixNano()))
		if err != nil {
			return "", err
		}
		if err := f.known(ctx, secret); err != nil {
			return "", err
		}
		from := time.Now()
		if status, text, err := call(ctx, http.MethodPost, f.gateways[n%replicas].url+"/admin/keys/"+id+"/revoke", adminKey, ""); err != nil || status/100 != 2 {
			return "", fmt.Errorf("revoke: %d %s %w", status, text, err)
		}
		for _, g := range f.gateways {
			_, err := until(ctx, 5*time.Second, "a revoked key is refused", func() bool {
				status, _, err := call(ctx, http.MethodGet, g.url+"/v1/models", secret, "")
				return err == nil && status == http.StatusUnauthorized
			})
			if err != nil {
				return "", err
			}
		}
		slowest = max(slowest, time.Since(from))
	}
	told := fmt.Sprintf("refused by all three %.0f ms after at most, of %d", slowest.Seconds()*1000, times)
	if slowest >= time.Second {
		return "", errors.New(told)
	}
	return told, nil
}

// burst asks so often at once, each gateway in turn, and counts statuses.
func (f *fleet) burst(ctx context.Context, key string, times int) (ok, refused, other int64) {
	var good, no, odd atomic.Int64
	var wg sync.WaitGroup
	queue := make(chan int)
	for range 24 {
		wg.Go(func() {
			for i := range queue {
				body := `{"model":"sandbox","max_tokens":50,"messages":[{"role":"user","content":"Hello!"}]}`
				status, _, err := call(ctx, http.MethodPost, f.gateways[i%replicas].url+"/v1/chat/completions", key, body)
				switch {
				case err == nil && status == http.StatusOK:
					good.Add(1)
				case err == nil && status == http.StatusTooManyRequests:
					no.Add(1)
				default:
					odd.Add(1)
				}
			}
		})
	}
	for i := range times {
		queue <- i
	}
	close(queue)
	wg.Wait()
	return good.Load(), no.Load(), odd.Load()
}

// limits asks far more often than a key may, at all gateways at once.
func limits(ctx context.Context, f *fleet) (string, error) { return limitsAfter(ctx, f, 0) }

// limitsAfter is limits where the gateways may change so often between Redis and shares: each time may let through a limit
// more (docs/limits.md).
func limitsAfter(ctx context.Context, f *fleet, changes int64) (string, error) {
	const rpm, times = 60, 400
	_, secret, err := f.newKey(ctx, "limited "+strconv.FormatInt(time.Now().UnixNano(), 10), fmt.Sprintf(`"limits":{"rpm":%d}`, rpm))
	if err != nil {
		return "", err
	}
	if err := f.known(ctx, secret); err != nil {
		return "", err
	}
	from := time.Now()
	ok, refused, other := f.burst(ctx, secret, times)
	// A full bucket, and what leaked out of it meanwhile (docs/limits.md).
	most := int64(rpm+time.Since(from).Seconds()*rpm/60+1) + changes*rpm
	told := fmt.Sprintf("%d of %d requests of a key with %d a minute, %d allowed", ok, times, rpm, most)
	if ok > most || ok < rpm || other > 0 || refused == 0 {
		return "", fmt.Errorf("%s; %d refused, %d odd", told, refused, other)
	}
	return told, nil
}

// budgets spends a hard budget at all gateways at once.
func budgets(ctx context.Context, f *fleet) (string, error) {
	name := "budget " + strconv.FormatInt(time.Now().UnixNano(), 10)
	id, secret, err := f.newKey(ctx, name)
	if err != nil {
		return "", err
	}
	if _, err := f.cli(ctx, "budgets", "set", "key", name, "--limit", "2", "--period", "lifetime"); err != nil {
		return "", err
	}
	// A change is in force everywhere within a second, and in order: who knows a key that was made later knows the budget.
	_, later, err := f.newKey(ctx, name+" later")
	if err != nil {
		return "", err
	}
	if err := f.known(ctx, later); err != nil {
		return "", err
	}
	ok, refused, other := int64(0), int64(0), int64(0)
	for range 6 {
		a, b, c := f.burst(ctx, secret, 60)
		ok, refused, other = ok+a, refused+b, other+c
	}
	spent := 0.0
	_, err = until(ctx, 90*time.Second, "nothing is under way for the budget", func() bool {
		var left bool
		spent, left = f.spent(ctx, id, name)
		return !left
	})
	told := fmt.Sprintf("$%.4f spent of $2 by %d answers, %d refused", spent, ok, refused)
	// An answer costs $0.014: one that nobody charged was given by a gateway that did not know of the budget.
	if charged := int64(spent/0.014 + 0.5); err != nil || spent > 2 || spent < 1 || refused+other == 0 || charged < ok {
		used, _ := f.cli(ctx, "usage", "--key", id, "--json")
		return "", fmt.Errorf("%s, %d odd, %d charged (%w); of the key is known: %s", told, other, charged, err, used)
	}
	return told, nil
}

// spent is how the budget of a key stands, and whether something of it is held for requests under way.
func (f *fleet) spent(ctx context.Context, id, name string) (dollars float64, held bool) {
	out, err := f.cli(ctx, "budgets", "list", "--json")
	if err != nil {
		return 0, true
	}
	var lines []map[string]any
	if json.Unmarshal(out, &lines) != nil {
		return 0, true
	}
	for _, l := range lines {
		text := fmt.Sprint(l)
		if strings.Contains(text, id) || strings.Contains(text, name) {
			dollars, err = strconv.ParseFloat(strings.TrimPrefix(fmt.Sprint(l["spent"]), "$"), 64)
			reserved, wrong := strconv.ParseFloat(strings.TrimPrefix(fmt.Sprint(l["reserved"]), "$"), 64)
			return dollars, err != nil || wrong != nil || reserved > 0
		}
	}
	return 0, true
}

// redisAway takes Redis away and brings it back, empty.
func redisAway(ctx context.Context, f *fleet) (string, error) {
	before := f.load.sum()
	f.redis.nodes[0].kill()
	_, secret, err := f.newKey(ctx, "without redis "+strconv.FormatInt(time.Now().UnixNano(), 10), `"limits":{"rpm":60}`)
	if err != nil {
		return "", err
	}
	if err := f.known(ctx, secret); err != nil {
		return "", err
	}
	from := time.Now()
	ok, refused, other := f.burst(ctx, secret, 300)
	most := int64(60 + time.Since(from).Seconds() + 3)
	if err := f.redis.nodes[0].start(ctx); err != nil {
		return "", err
	}
	back, err := until(ctx, time.Minute, "all gateways have found Redis again", func() bool {
		return !slices.ContainsFunc(f.gateways, func(g *gateway) bool { return g.metric(ctx, "turnpike_redis_up") != 1 })
	})
	if err != nil {
		return "", err
	}
	after := f.load.sum()
	told := fmt.Sprintf("%d of 300 requests of a key with 60 a minute without it (%d allowed), found again in %.1f s, %d failed", ok, most, back.Seconds(), after.failed-before.failed)
	if ok > most || other > 0 || refused == 0 || after.failed > before.failed || after.torn > before.torn {
		return "", fmt.Errorf("%s, %d odd: %w", told, other, after.first)
	}
	return told, nil
}
