package limit

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"turnpike/internal/limit/redistest"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// clock is a clock that tests set.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time          { return noon.Add(time.Duration(c.ms.Load()) * time.Millisecond) }
func (c *clock) millis() int64           { return c.now().UnixMilli() }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// bed is a limiter and what a test needs around it.
type bed struct {
	*Limiter
	clock *clock
	work  *worker // of Redis, driven by the test; nil in memory
}

// settled makes all that is to be told to Redis known there.
func (b *bed) settled() {
	if b.work != nil {
		b.work.flush()
	}
}

var names atomic.Int64

// unique is the id of a scope that no other test has.
func unique(t testing.TB) string {
	return fmt.Sprintf("%d-%d-%d", os.Getpid(), time.Now().UnixNano(), names.Add(1))
}

// redisURL is a real Redis, by TURNPIKE_TEST_REDIS (scripts/test.sh starts one). Its
// database 9 is these tests' own.
func redisURL(t testing.TB) string {
	t.Helper()
	return strings.TrimSuffix(redistest.URL(t), "/") + "/9"
}

func redisBed(t testing.TB, change func(*Options)) *bed {
	t.Helper()
	c := &clock{}
	opt := Options{URL: redisURL(t), Timeout: 5 * time.Second, Log: slog.New(slog.DiscardHandler), Now: c.now, clock: c.millis}
	if change != nil {
		change(&opt)
	}
	w, err := open(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.r.client.Close() })
	return &bed{Limiter: New(c.now, w.r), clock: c, work: w}
}

func memoryBed() *bed {
	c := &clock{}
	return &bed{Limiter: New(c.now, nil), clock: c}
}

// everywhere runs a test in memory and on a real Redis: there is one algorithm.
func everywhere(t *testing.T, test func(*testing.T, *bed)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { test(t, memoryBed()) })
	t.Run("redis", func(t *testing.T) { test(t, redisBed(t, nil)) })
}

// rule makes a rule; None is no limit.
func rule(rpm, tpm, concurrent int64) (r Rule) {
	for _, f := range []struct {
		v  int64
		to **int64
	}{{rpm, &r.RPM}, {tpm, &r.TPM}, {concurrent, &r.Concurrent}} {
		if f.v != None {
			*f.to = new(f.v)
		}
	}
	return r
}

type scoped struct {
	kind, id string
	rule     Rule
}

// ask asks for room within the rules of some scopes.
func (b *bed) ask(tokens int64, scopes ...scoped) *Ticket {
	t := &Ticket{}
	for _, s := range scopes {
		t.Claim(Key{Kind: s.kind, ID: s.id}, s.id, s.rule)
	}
	b.Admit(context.Background(), t, tokens)
	return t
}

// TestMain fails the package when a goroutine of it outlives the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	deadline := time.Now().Add(5 * time.Second)
	for code == 0 {
		buf := make([]byte, 1<<20)
		stacks := string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(strings.ReplaceAll(stacks, "limit.TestMain", ""), "turnpike/internal/limit.") {
			break
		}
		if time.Now().After(deadline) {
			fmt.Fprintln(os.Stderr, "goroutines are left:\n"+stacks)
			code = 1
		}
		runtime.Gosched()
	}
	os.Exit(code) //nolint:forbidigo // TestMain must
}

// together runs something many times at once.
func together(n int, run func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { run(i) })
	}
	wg.Wait()
}
