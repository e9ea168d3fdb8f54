package limit

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// behindProxy is a limiter whose Redis is behind a proxy.
func behindProxy(t *testing.T) (*bed, *proxy) {
	t.Helper()
	p := newProxy(t, hostOf(redisURL(t)))
	b := redisBed(t, func(o *Options) { o.URL, o.Timeout = "redis://"+p.addr()+"/9", time.Second })
	b.work.beat()
	if s := b.State(); !s.Away.IsZero() {
		t.Fatalf("redis is not there: %+v", s)
	}
	return b, p
}

// TestBurstOverReplicas: 500 at once over three replicas, against 100 in a minute and
// against 7 at once.
func TestBurstOverReplicas(t *testing.T) {
	a := redisBed(t, nil)
	beds := []*bed{a}
	for range 2 {
		beds = append(beds, redisBed(t, func(o *Options) { o.clock, o.Now = a.clock.millis, a.clock.now }))
	}
	for _, c := range []struct {
		rule Rule
		want int64
	}{{rule(100, None, None), 100}, {rule(None, 1000, None), 100}, {rule(None, None, 7), 7}} {
		key := scoped{"key", unique(t), c.rule}
		var passed atomic.Int64
		together(500, func(i int) {
			if b := beds[i%3].ask(10, key); b.Admitted() {
				passed.Add(1)
				if !b.Shared {
					t.Error("redis was not asked")
				}
			}
		})
		if passed.Load() != c.want {
			t.Errorf("%d passed, not %d", passed.Load(), c.want)
		}
	}
}

// TestComesAndGoes: a Redis that is found well and fails the next request is asked ever
// more seldom, until it has stayed.
func TestComesAndGoes(t *testing.T) {
	b, _ := behindProxy(t)
	w := b.work
	b.redis.trip(errAway)
	for _, want := range []time.Duration{firstProbe, 2 * firstProbe, 4 * firstProbe} {
		if d := w.next(); d != want {
			t.Errorf("asked after %v, not %v", d, want)
		}
		w.beat() // it is back
		b.redis.trip(errAway)
	}
	w.beat()
	if d := w.next(); d != beatEvery {
		t.Errorf("a redis that is there is spoken to after %v", d)
	}
	w.beat() // it has stayed
	b.redis.trip(errAway)
	if d := w.next(); d != firstProbe {
		t.Errorf("asked after %v", d)
	}
}

// TestRedisGone: whatever happens to Redis, one request waits once, all others go by
// this replica's share at once, and it is found again.
func TestRedisGone(t *testing.T) {
	for _, c := range []struct {
		name      string
		away      func(*proxy)
		back      func(*proxy)
		ambiguous bool // it may have heard what it did not answer
	}{
		{"BUD-09 stalled", (*proxy).stall, (*proxy).flow, true},
		{"BUD-09 refused", (*proxy).refuse, (*proxy).back, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, p := behindProxy(t)
			b.redis.opt.Timeout = 50 * time.Millisecond
			b.redis.replicas.Store(2)
			key := scoped{"key", unique(t), rule(10, None, 20)}
			before := b.ask(0, key)
			if !before.Shared || !before.Admitted() {
				t.Fatal("redis is not asked")
			}
			c.away(p)
			one := b.ask(0, key)
			if one.Shared || !one.Admitted() || one.Claims[0].Max(RPM) != 5 {
				t.Fatalf("without redis: shared %v, limit %d", one.Shared, one.Claims[0].Max(RPM))
			}
			heard, conns := p.bytes.Load(), p.accepted.Load()
			passed := 1
			for range 30 {
				if b.ask(0, key).Admitted() {
					passed++
				}
			}
			if passed != 5 {
				t.Errorf("%d passed, this replica's share is 5", passed)
			}
			if p.bytes.Load() != heard || p.accepted.Load() != conns {
				t.Error("requests still wait for redis")
			}
			if s := b.State(); s.Away.IsZero() || s.Fallbacks != 31 || s.Replicas != 2 {
				t.Errorf("%+v", s)
			}
			before.Close(0)
			one.Close(0)
			c.back(p)
			b.work.beat()
			if s := b.State(); !s.Away.IsZero() {
				t.Fatalf("redis is back: %+v", s)
			}
			b.settled()
			again := b.ask(0, key)
			// The first request counts; the one that was not answered was taken back; nothing else is under way.
			if !again.Shared || again.Claims[0].Max(RPM) != 10 || again.Claims[0].Left(RPM) != 8 || again.Claims[0].Left(Concurrent) != 19 {
				t.Errorf("shared %v, %d requests and %d places left", again.Shared, again.Claims[0].Left(RPM), again.Claims[0].Left(Concurrent))
			}
			if s := b.State(); s.Lost != 0 || s.Waiting != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestConnectionsBreak: limits hold on when connections are reset or killed.
func TestConnectionsBreak(t *testing.T) {
	b, p := behindProxy(t)
	for name, break_ := range map[string]func(){
		"reset": p.reset,
		"killed": func() {
			ctx := context.Background()
			list, err := b.redis.client.ClientList(ctx).Result()
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(list) {
				if strings.Contains(line, " db=9 ") {
					id, _, _ := strings.Cut(strings.TrimPrefix(line, "id="), " ")
					_ = b.redis.client.ClientKillByFilter(ctx, "ID", id, "SKIPME", "no").Err()
				}
			}
		},
	} {
		key := scoped{"key", unique(t), rule(4, None, None)}
		for range 3 {
			b.ask(0, key).Close(0)
		}
		break_()
		if c := b.ask(0, key); !c.Admitted() {
			t.Errorf("%s: %+v", name, c.Refusal)
		}
		b.work.beat()
		if s := b.State(); !s.Away.IsZero() {
			t.Fatalf("%s: %+v", name, s)
		}
		b.settled()
		for range 2 {
			b.ask(0, key)
		}
		if c := b.ask(0, key); c.Admitted() || !c.Shared {
			t.Errorf("%s: the limit does not hold", name)
		}
	}
}

// TestScriptsForgotten: a server that was restarted knows no scripts.
func TestScriptsForgotten(t *testing.T) {
	b := redisBed(t, nil)
	key := scoped{"key", unique(t), rule(10, 1000, 1)}
	for range 3 {
		if err := b.redis.client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		c := b.ask(100, key)
		if !c.Admitted() || !c.Shared {
			t.Fatalf("%+v", c.Refusal)
		}
		if err := b.redis.client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		c.Close(10)
		b.settled()
	}
	if c := b.ask(0, key); !c.Admitted() || c.Claims[0].Left(TPM) != 970 || c.Claims[0].Left(RPM) != 6 {
		t.Errorf("%d tokens and %d requests left", c.Claims[0].Left(TPM), c.Claims[0].Left(RPM))
	}
}

// TestEmptied: what is counted is gone, what is under way is soon known again, and
// nothing falls below nothing.
func TestEmptied(t *testing.T) {
	b := redisBed(t, nil)
	key := scoped{"key", unique(t), rule(10, 1000, 2)}
	long, short := b.ask(100, key), b.ask(100, key)
	b.clock.advance(renewAfter)
	if err := b.redis.client.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	short.Close(0)
	b.settled()
	b.work.beat()
	c := b.ask(0, key)
	if !c.Admitted() || b.ask(0, key).Admitted() {
		t.Error("the request that is still under way is forgotten")
	}
	long.Close(300)
	b.settled()
	if c = b.ask(0, key); !c.Admitted() || c.Claims[0].Left(TPM) != 800 {
		t.Errorf("%+v, %d tokens left", c.Refusal, c.Claims[0].Left(TPM))
	}
	if s := b.State(); s.Lost != 0 || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
}

// TestDeadReplica: the places of a replica that died come back; those of one that
// lives do not, however long its requests take.
func TestDeadReplica(t *testing.T) {
	b := redisBed(t, nil)
	other := redisBed(t, func(o *Options) { o.clock, o.Now = b.clock.millis, b.clock.now })
	key := scoped{"key", unique(t), rule(None, None, 1)}
	if !b.ask(0, key).Admitted() {
		t.Fatal("refused")
	}
	for range 30 {
		b.clock.advance(10 * time.Second)
		b.work.beat()
		if other.ask(0, key).Admitted() {
			t.Fatal("a request that is under way lost its place")
		}
	}
	b.clock.advance(lease - time.Second) // it is dead from here on
	if other.ask(0, key).Admitted() {
		t.Error("its place came back too early")
	}
	b.clock.advance(time.Second)
	if !other.ask(0, key).Admitted() {
		t.Error("its place did not come back")
	}
}

func TestReplicas(t *testing.T) {
	a := redisBed(t, nil)
	if err := a.redis.client.Del(t.Context(), tag+"replicas").Err(); err != nil {
		t.Fatal(err)
	}
	b := redisBed(t, func(o *Options) { o.clock, o.Now = a.clock.millis, a.clock.now })
	a.work.beat()
	b.work.beat()
	a.work.beat()
	if n, m := a.State().Replicas, b.State().Replicas; n != 2 || m != 2 {
		t.Errorf("%d and %d replicas", n, m)
	}
	a.clock.advance(goneAfter + time.Millisecond)
	a.work.beat()
	if n := a.State().Replicas; n != 1 {
		t.Errorf("%d replicas, one has gone", n)
	}
	b.work.beat()
	b.work.last() // one that leaves is known to be gone at once
	a.work.beat()
	if n := a.State().Replicas; n != 1 {
		t.Errorf("%d replicas, one has left", n)
	}
}

// TestReplicasAreNotForgotten: a Redis that was emptied while it was away does not make
// each replica think that it is alone.
func TestReplicasAreNotForgotten(t *testing.T) {
	b := redisBed(t, nil)
	b.redis.replicas.Store(4)
	b.redis.trip(errAway)
	if err := b.redis.client.Del(t.Context(), tag+"replicas").Err(); err != nil {
		t.Fatal(err)
	}
	b.work.beat()
	if n := b.State().Replicas; n != 4 {
		t.Errorf("%d replicas at once", n)
	}
	b.clock.advance(goneAfter)
	b.work.beat()
	if n := b.State().Replicas; n != 1 {
		t.Errorf("%d replicas after a while", n)
	}
}

// TestSettledOnce: Redis may be told of the same end as often as one likes.
func TestSettledOnce(t *testing.T) {
	b := redisBed(t, nil)
	key := scoped{"key", unique(t), rule(10, 1000, 5)}
	c := b.ask(500, key)
	s := b.redis.settlement(c, 100, false)
	for range 3 {
		b.redis.enqueue(s)
	}
	b.settled()
	if c = b.ask(0, key); c.Claims[0].Left(TPM) != 900 || c.Claims[0].Left(Concurrent) != 4 {
		t.Errorf("%d tokens, %d places left", c.Claims[0].Left(TPM), c.Claims[0].Left(Concurrent))
	}
}

// TestLostIsCounted: what waits for Redis is bounded; what does not fit is counted.
func TestLostIsCounted(t *testing.T) {
	b, p := behindProxy(t)
	var open []*Ticket
	for range 10 {
		open = append(open, b.ask(1, scoped{"key", unique(t), rule(None, 1000, None)}))
	}
	p.refuse()
	b.ask(1, scoped{"key", unique(t), rule(1, None, None)}) // finds it gone
	for b.State().Waiting < maxWaiting-4 {
		b.redis.enqueue(b.redis.settlement(open[0], 1, false))
	}
	for _, c := range open {
		c.Close(5)
	}
	if s := b.State(); s.Waiting != maxWaiting || s.Lost != 6 {
		t.Errorf("%+v", s)
	}
	p.back()
	b.work.beat()
	b.settled()
	if s := b.State(); s.Waiting != 0 || s.Lost != 6 || !s.Away.IsZero() {
		t.Errorf("%+v", s)
	}
}

// TestPoisonedKey: one key that Redis will not count in does not keep the others from
// being settled.
func TestPoisonedKey(t *testing.T) {
	b := redisBed(t, nil)
	bad, good := scoped{"key", unique(t), rule(10, 1000, 5)}, scoped{"key", unique(t), rule(10, 1000, 5)}
	one, two := b.ask(100, bad), b.ask(100, good)
	if err := b.redis.client.Set(t.Context(), one.keys()[1], "x", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	one.Close(0)
	two.Close(0)
	for range maxTries {
		b.settled()
		b.work.beat()
	}
	if s := b.State(); s.Lost != 1 || s.Waiting != 0 || !s.Away.IsZero() {
		t.Errorf("%+v", s)
	}
	if c := b.ask(0, good); c.Claims[0].Left(TPM) != 1000 {
		t.Errorf("%d tokens left", c.Claims[0].Left(TPM))
	}
}

// TestServersClock: replicas whose clocks are hours apart share limits all the same.
func TestServersClock(t *testing.T) {
	ahead := func(o *Options) { o.clock = nil; o.Now = func() time.Time { return time.Now().Add(5 * time.Hour) } }
	behindTime := func(o *Options) { o.clock = nil; o.Now = func() time.Time { return time.Now().Add(-5 * time.Hour) } }
	a, b := redisBed(t, ahead), redisBed(t, behindTime)
	// One leaks out in half a minute, a place is free after a minute: by a clock that is
	// ahead both would be long ago.
	for _, r := range []Rule{rule(2, None, None), rule(None, None, 2)} {
		key := scoped{"key", unique(t), r}
		if !b.ask(0, key).Admitted() || !a.ask(0, key).Admitted() || a.ask(0, key).Admitted() || b.ask(0, key).Admitted() {
			t.Errorf("replicas do not share a limit: %+v", r)
		}
	}
}

// heardLog tells of lines with a word in them.
type heardLog struct {
	slog.Handler
	word string
	c    chan struct{}
}

func (h heardLog) Enabled(context.Context, slog.Level) bool { return true }

func (h heardLog) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, h.word) {
		h.c <- struct{}{}
	}
	return nil
}

// TestRecoversByItself: nobody has to ask.
func TestRecoversByItself(t *testing.T) {
	p := newProxy(t, hostOf(redisURL(t)))
	log := heardLog{slog.DiscardHandler, "redis is back", make(chan struct{}, 1)}
	r, err := Open(Options{URL: "redis://" + p.addr() + "/9", Timeout: time.Second, Log: slog.New(log), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{Limiter: New(time.Now, r)}
	key := scoped{"key", unique(t), rule(10, 1000, 5)}
	open := b.ask(100, key)
	if !open.Shared {
		t.Fatal("redis is not asked")
	}
	p.refuse()
	if b.ask(1, key).Shared {
		t.Fatal("nobody is there to be asked")
	}
	open.Close(10)
	p.back()
	<-log.c
	if c := b.ask(0, key); !c.Shared || !c.Admitted() {
		t.Errorf("redis is not asked again: %+v", c.Refusal)
	}
	if err := r.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if s := r.lost.Load() + r.waiting.Load(); s != 0 {
		t.Errorf("%d settlements are lost", s)
	}
}

// TestAbsentFromTheStart: a Redis that is not there is waited for, not fatal.
func TestAbsentFromTheStart(t *testing.T) {
	r, err := Open(Options{URL: "redis://127.0.0.1:1", Timeout: time.Second, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{Limiter: New(time.Now, r)}
	if c := b.ask(0, scoped{"key", "k", rule(1, None, None)}); c.Shared || !c.Admitted() {
		t.Errorf("%+v", c.Refusal)
	}
	if err := r.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if b.State().Away.IsZero() {
		t.Error("nobody says that redis is away")
	}
}
