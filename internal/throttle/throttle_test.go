package throttle

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"turnpike/internal/llm"
)

func TestNilGateIsOpen(t *testing.T) {
	var g *Gate
	p, err := g.Enter(t.Context(), "k", 1)
	if err != nil || g.Busy() || g.Waiting() != 0 {
		t.Errorf("%v", err)
	}
	p.Leave(5)
}

// enter is Enter for those who must get in.
func enter(t *testing.T, g *Gate, who string, tokens int64) Pass {
	t.Helper()
	p, err := g.Enter(t.Context(), who, tokens)
	if err != nil {
		t.Errorf("%s: %v", who, err)
	}
	return p
}

func TestRequestsAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate("a", Limits{RPM: 60, Queue: 1000, Wait: time.Hour}, time.Now)
		start := time.Now()
		for range 126 { // 6 at once, then one a second
			enter(t, g, "k", 0).Leave(0)
		}
		if d := time.Since(start); d < 119*time.Second || d > 121*time.Second {
			t.Errorf("126 requests took %s", d)
		}
	})
}

func TestTokensAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate("a", Limits{TPM: 6000, Queue: 10, Wait: time.Hour}, time.Now) // 100 a second
		start := time.Now()
		enter(t, g, "k", 3000).Leave(-1) // more than ever is there at once
		enter(t, g, "k", 100).Leave(-1)
		if d := time.Since(start); d < 24*time.Second || d > 26*time.Second {
			t.Errorf("the second waited %s", d)
		}
		p := enter(t, g, "k", 600)
		p.Leave(0) // what was not used is there for others
		before := time.Now()
		enter(t, g, "k", 600).Leave(900)
		if d := time.Since(before); d > time.Second {
			t.Errorf("what was not used is held back for %s", d)
		}
		before = time.Now()
		enter(t, g, "k", 100)
		if d := time.Since(before); d < 3*time.Second || d > 5*time.Second {
			t.Errorf("what was used beyond is not paid back: waited %s", d)
		}
	})
}

func TestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate("a", Limits{Concurrency: 3, Queue: 100, Wait: time.Hour}, time.Now)
		var running, most atomic.Int64
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				p := enter(t, g, fmt.Sprint(i%5), 0)
				n := running.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				<-time.After(time.Second)
				running.Add(-1)
				p.Leave(-1)
			})
		}
		wg.Wait()
		if most.Load() != 3 || g.Waiting() != 0 || g.Busy() {
			t.Errorf("%d at once, %d wait, busy %v", most.Load(), g.Waiting(), g.Busy())
		}
	})
}

// A key with many requests does not keep another one's few waiting behind them.
func TestKeysTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate("a", Limits{Concurrency: 1, Queue: 100, Wait: time.Hour}, time.Now)
		first := enter(t, g, "busy", 0)
		var mu sync.Mutex
		order := ""
		var wg sync.WaitGroup
		send := func(who string) {
			wg.Go(func() {
				p := enter(t, g, who, 0)
				mu.Lock()
				order += who[:1]
				mu.Unlock()
				<-time.After(time.Second)
				p.Leave(0)
			})
			synctest.Wait()
		}
		for range 5 {
			send("busy")
		}
		send("modest")
		send("modest")
		send("third")
		first.Leave(0)
		wg.Wait()
		if order != "bmtbmbbb" {
			t.Errorf("order %s", order)
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate("claude (sonnet*)", Limits{Concurrency: 1, Queue: 3, Wait: time.Minute}, time.Now)
		pass := enter(t, g, "a", 0)
		results := make(chan string, 10)
		send := func(who string) {
			go func() {
				if p, err := g.Enter(t.Context(), who, 0); err != nil {
					results <- who + " refused"
				} else {
					results <- who + " in"
					p.Leave(0)
				}
			}()
			synctest.Wait()
		}
		for range 3 {
			send("a")
		}
		_, err := g.Enter(t.Context(), "a", 0)
		if err == nil || err.Kind != llm.ErrRate || err.HTTPStatus() != 429 || err.RetryAfter <= 0 || err.Upstream || !strings.Contains(err.Message, "claude (sonnet*)") {
			t.Fatalf("the fourth: %v", err)
		}
		send("b") // takes the place of a's last
		if got := <-results; got != "a refused" || g.Waiting() != 3 {
			t.Fatalf("%s, %d wait", got, g.Waiting())
		}
		pass.Leave(0)
		synctest.Wait()
		for range 3 {
			if got := <-results; !strings.HasSuffix(got, " in") {
				t.Error(got)
			}
		}
	})
}

func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate("a", Limits{Concurrency: 1, Queue: 3, Wait: 10 * time.Second}, time.Now)
		pass := enter(t, g, "a", 0)
		start := time.Now()
		if _, err := g.Enter(t.Context(), "a", 0); err == nil || time.Since(start) != 10*time.Second || g.Waiting() != 0 {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.Enter(ctx, "a", 0); err == nil || err.Kind == llm.ErrRate || g.Waiting() != 0 {
			t.Errorf("the client left: %v", err)
		}
		pass.Leave(0)
		enter(t, g, "a", 0).Leave(0)

		g = NewGate("a", Limits{RPM: 1, Queue: 3, Wait: 10 * time.Second}, time.Now)
		enter(t, g, "a", 0).Leave(0)
		start = time.Now()
		if _, err := g.Enter(t.Context(), "a", 0); err == nil || time.Since(start) != 0 || err.RetryAfter < 59*time.Second {
			t.Errorf("a wait that is known to be too long took %s: %v", time.Since(start), err)
		}
		g = NewGate("a", Limits{Concurrency: 1}, time.Now) // no queue at all
		enter(t, g, "a", 0)
		if _, err := g.Enter(t.Context(), "a", 0); err == nil {
			t.Error("there was no room")
		}
	})
}

// Whatever comes and goes, the limits hold and nobody is forgotten.
func TestLimitsHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate("a", Limits{RPM: 600, TPM: 60000, Concurrency: 7, Queue: 20, Wait: 30 * time.Second}, time.Now)
		rnd := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // a test's dice
		start := time.Now()
		var in, tokens, refused atomic.Int64
		var wg sync.WaitGroup
		for range 3000 {
			<-time.After(time.Duration(rnd.IntN(60)) * time.Millisecond)
			n, who, life, patience := rnd.Int64N(200), fmt.Sprint(rnd.IntN(6)), time.Duration(rnd.IntN(900))*time.Millisecond, time.Duration(rnd.IntN(20))*time.Second
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				p, err := g.Enter(ctx, who, n)
				if err != nil {
					refused.Add(1)
					return
				}
				in.Add(1)
				tokens.Add(n)
				<-time.After(life)
				p.Leave(n)
			})
		}
		wg.Wait()
		minutes := time.Since(start).Minutes()
		if float64(in.Load()) > 600*minutes+61 || float64(tokens.Load()) > 60000*minutes+6200 {
			t.Errorf("%d requests, %d tokens in %.2f minutes", in.Load(), tokens.Load(), minutes)
		}
		if in.Load() < 500 || refused.Load() == 0 || g.Waiting() != 0 || g.running != 0 || len(g.queue.lines) != 0 {
			t.Errorf("in %d, refused %d, waiting %d, running %d", in.Load(), refused.Load(), g.Waiting(), g.running)
		}
	})
}
