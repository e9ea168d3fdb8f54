package replicas

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"turnpike/internal/affinity"
	"turnpike/internal/limit/redistest"
)

var (
	a = affinity.Pin{Provider: "a", Model: "us.anthropic/claude", TTFT: 812}
	b = affinity.Pin{Provider: "b", Model: "claude"}
)

// connect is a client of a real Redis (scripts/test.sh starts one).
func connect(t *testing.T) redis.UniversalClient {
	t.Helper()
	opt, err := redis.ParseURL(redistest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	opt.ContextTimeoutEnabled = true
	client := redis.NewClient(opt)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// clock goes on when it is told to.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time      { return time.Unix(0, c.at.Load()) }
func (c *clock) add(d time.Duration) { c.at.Add(int64(d)) }
func newClock() *clock               { c := &clock{}; c.at.Store(time.Now().UnixNano()); return c }

// replica is a gateway's pins and what ties them to the others'.
type replica struct {
	*affinity.Pins
	store *Store
}

func newReplica(client redis.UniversalClient, now func() time.Time) *replica {
	s := New(client, slog.New(slog.DiscardHandler), now)
	return &replica{affinity.New(100, now, s.Shared()), s}
}

// flush writes what waits.
func (r *replica) flush(t *testing.T) {
	t.Helper()
	for len(r.store.writes) > 0 {
		r.store.write(t.Context(), <-r.store.writes)
	}
}

// patient looks a pin up as often as a loaded machine needs.
func (r *replica) patient(conversation string) (p affinity.Pin, ok bool) {
	for range 20 {
		if p, ok = r.Get(conversation); ok {
			return p, ok
		}
		r.store.rests.Store(0)
	}
	return p, ok
}

func TestConversationsStayAcrossReplicas(t *testing.T) {
	client, c := connect(t), newClock()
	one, other := newReplica(client, c.now), newReplica(client, c.now)
	x := fmt.Sprint("x", c.now().UnixNano())
	at := func(r *replica, want affinity.Pin) {
		t.Helper()
		if got, ok := r.patient(x); !ok || got != want {
			t.Errorf("%+v %v, want %+v", got, ok, want)
		}
	}
	one.Set(x, a, time.Hour)
	one.flush(t)
	at(other, a)
	if ttl := client.PTTL(t.Context(), prefix+x).Val(); ttl <= 0 || ttl > time.Hour {
		t.Errorf("lives %s", ttl)
	}
	c.add(2 * time.Second)
	other.Set(x, b, 5*time.Minute) // a was down
	other.flush(t)
	at(one, b)

	c.add(2 * time.Second)
	one.UnpinAll("b")
	one.flush(t)
	other.store.hear(t.Context(), other.Pins)
	for _, r := range []*replica{one, other} {
		if got, ok := r.Get(x); ok {
			t.Errorf("unpinned, and yet at %+v", got)
		}
	}
	c.add(2 * time.Second)
	other.Set(x, b, 5*time.Minute) // it was served there anew
	other.flush(t)
	at(one, b)
	one.Unpin(x)
	one.flush(t)
	other.store.hear(t.Context(), other.Pins)
	if got, ok := other.Get(x); ok {
		t.Errorf("unpinned, and yet at %+v", got)
	}

	c.add(2 * longest) // what was let go long ago is forgotten
	other.store.hear(t.Context(), other.Pins)
	if all := client.HGetAll(t.Context(), gone).Val(); len(all) != 0 {
		t.Errorf("still there: %v", all)
	}
}

// deaf is a client that reaches nobody.
func deaf() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}})
}

// nobody is a Redis that does not work: it counts who asks, and how long they would wait.
type nobody struct {
	redis.Hook
	err   error
	asked atomic.Int64
	waits atomic.Int64 // the longest
}

func (n *nobody) ask(ctx context.Context) error {
	n.asked.Add(1)
	until, ok := ctx.Deadline()
	if !ok {
		n.waits.Store(int64(time.Hour))
	} else if left := int64(time.Until(until)); left > n.waits.Load() {
		n.waits.Store(left)
	}
	if n.err == nil { // it is silent
		<-ctx.Done()
		return ctx.Err()
	}
	return n.err
}

func (n *nobody) DialHook(redis.DialHook) redis.DialHook {
	return func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("a test calls nobody") }
}

func (n *nobody) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := n.ask(ctx)
		cmd.SetErr(err)
		return err
	}
}

func (n *nobody) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, _ []redis.Cmder) error { return n.ask(ctx) }
}

// TestRedisAway: whether it is silent or gone, a request waits a few milliseconds, a few
// times, and then not at all; after a rest one is asked again.
func TestRedisAway(t *testing.T) {
	for name, err := range map[string]error{"silent": nil, "gone": errors.New("connection refused")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := deaf()
				defer func() { _ = client.Close() }()
				n := &nobody{err: err}
				client.AddHook(n)
				r := newReplica(client, time.Now)
				start := time.Now()
				for range 1000 {
					if _, ok := r.Get("x"); ok {
						t.Fatal("a pin from nowhere")
					}
				}
				if n.asked.Load() != maxFails || time.Duration(n.waits.Load()) > patience {
					t.Errorf("asked %d times, for up to %s", n.asked.Load(), time.Duration(n.waits.Load()))
				}
				if waited := time.Since(start); waited > maxFails*patience { // of the bubble's clock
					t.Errorf("requests waited %s", waited)
				}
				<-time.After(restFor)
				r.Get("x")
				if n.asked.Load() != maxFails+1 {
					t.Errorf("after the rest asked %d times", n.asked.Load())
				}
				for i := range 2 * maxWaiting { // nobody writes: no request waits for room
					r.Set(fmt.Sprint(i), a, time.Hour)
				}
				if r.store.Lost() != maxWaiting {
					t.Errorf("%d writes dropped", r.store.Lost())
				}
				if got, ok := r.Get(fmt.Sprint(2*maxWaiting - 1)); !ok || got != a {
					t.Errorf("its own memory: %+v %v", got, ok)
				}
			})
		})
	}
}

// Run ends with its context, and what it could not write is gone.
func TestRunEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := deaf()
		defer func() { _ = client.Close() }()
		client.AddHook(&nobody{})
		r := newReplica(client, time.Now)
		for i := range maxWaiting {
			r.Set(fmt.Sprint(i), a, time.Hour)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); r.store.Run(ctx, r.Pins) }()
		<-time.After(time.Minute)
		if n := len(r.store.writes); n != 0 {
			t.Errorf("%d writes wait", n)
		}
		cancel()
		<-ended
	})
}

func TestParse(t *testing.T) {
	made := time.UnixMilli(1_800_000_000_123)
	if p, at, ok := parse(text(a, made)); !ok || p != a || !at.Equal(made) {
		t.Errorf("%+v %v %v", p, at, ok)
	}
	for _, bad := range []string{"", "a", "a\x00m\x00x\x001", "a\x00m\x001\x00x", "\x00m\x001\x001", "a\x00m\x001\x001\x001"} {
		if p, _, ok := parse(bad); ok {
			t.Errorf("%q is %+v", bad, p)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(text(a, time.UnixMilli(1)))
	f.Add("a\x00m\x00NaN\x001")
	f.Fuzz(func(t *testing.T, s string) {
		if p, _, ok := parse(s); ok && p.Provider == "" {
			t.Errorf("%q: a pin at nobody", s)
		}
	})
}
