package limit

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"
)

func TestRequestsInAMinute(t *testing.T) {
	everywhere(t, func(t *testing.T, b *bed) {
		key := scoped{"key", unique(t), rule(60, None, None)}
		for i := range 60 {
			c := b.ask(0, key)
			if !c.Admitted() {
				t.Fatalf("request %d of 60 is refused", i+1)
			}
			if got := c.Claims[0].Left(RPM); got != int64(59-i) {
				t.Errorf("after %d there are %d left", i+1, got)
			}
			c.Close(0)
		}
		c := b.ask(0, key)
		if r := c.Refusal; c.Admitted() || r.Kind != RPM || r.Wait != time.Second || r.Never || r.Claim.ID != key.id {
			t.Fatalf("the 61st: %+v", r)
		}
		if got := c.Claims[0].Reset(RPM); got != time.Minute {
			t.Errorf("all is there again after %v", got)
		}
		b.clock.advance(999 * time.Millisecond)
		if c := b.ask(0, key); c.Admitted() || c.Refusal.Wait != time.Millisecond {
			t.Errorf("a millisecond too early: %+v", c.Refusal)
		}
		b.clock.advance(time.Millisecond)
		if !b.ask(0, key).Admitted() {
			t.Error("refused when its time has come")
		}
		if b.ask(0, key).Admitted() {
			t.Error("one more than has leaked out")
		}
		b.clock.advance(time.Hour)
		for i := range 60 {
			if !b.ask(0, key).Admitted() {
				t.Fatalf("request %d of the next 60 is refused", i+1)
			}
		}
		if b.ask(0, key).Admitted() {
			t.Error("idle time was saved up")
		}
	})
}

// TestNoRounding: limits that do not divide a minute are kept to the request, for a
// long time.
func TestNoRounding(t *testing.T) {
	for _, rpm := range []int64{1, 7, 59, 61, 997} {
		b := memoryBed()
		key := scoped{"key", "k", rule(rpm, None, None)}
		for b.ask(0, key).Admitted() {
		}
		var passed int64
		for range 30 * 60 * 100 { // half an hour, every 10 ms
			b.clock.advance(10 * time.Millisecond)
			if b.ask(0, key).Admitted() {
				passed++
			}
		}
		if passed != 30*rpm {
			t.Errorf("rpm %d: %d passed in half an hour", rpm, passed)
		}
	}
}

func TestTokens(t *testing.T) {
	everywhere(t, func(t *testing.T, b *bed) {
		key := scoped{"key", unique(t), rule(None, 6000, None)}
		one := b.ask(4000, key)
		two := b.ask(4000, key)
		if !one.Admitted() || two.Admitted() || two.Refusal.Kind != TPM || two.Refusal.Wait != 20*time.Second || two.Refusal.Claim.Left(TPM) != 2000 {
			t.Fatalf("%+v", two.Refusal)
		}
		one.Close(1000)
		b.settled()
		if two = b.ask(4000, key); !two.Admitted() {
			t.Fatal("what was not used was not given back")
		}
		two.Close(16000) // 17000 in all
		b.settled()
		three := b.ask(1, key)
		if three.Admitted() || three.Refusal.Wait != 110*time.Second+10*time.Millisecond || three.Refusal.Claim.Left(TPM) != 0 {
			t.Fatalf("a debt is not paid back by waiting: %+v", three.Refusal)
		}
		b.clock.advance(110*time.Second + 10*time.Millisecond)
		if three = b.ask(1, key); !three.Admitted() {
			t.Error("refused after the debt is paid")
		}
		three.Close(Keep)
		three.Close(0)
		three.Void()
		b.settled()
		b.clock.advance(time.Hour)
		// More than ever fits runs alone.
		if big := b.ask(1_000_000, key); !big.Admitted() || b.ask(1, key).Admitted() {
			t.Error("a request larger than the limit does not run alone")
		}
	})
}

func TestConcurrent(t *testing.T) {
	everywhere(t, func(t *testing.T, b *bed) {
		key := scoped{"key", unique(t), rule(None, None, 2)}
		one, two, three := b.ask(0, key), b.ask(0, key), b.ask(0, key)
		if !one.Admitted() || !two.Admitted() || three.Admitted() || three.Refusal.Kind != Concurrent || three.Refusal.Wait != soon {
			t.Fatalf("%+v", three.Refusal)
		}
		three.Close(0)
		one.Close(0)
		one.Close(0)
		b.settled()
		four, five := b.ask(0, key), b.ask(0, key)
		if !four.Admitted() || five.Admitted() {
			t.Error("one place came free")
		}
	})
}

func TestZeroBlocks(t *testing.T) {
	everywhere(t, func(t *testing.T, b *bed) {
		for k, r := range []Rule{rule(0, None, None), rule(None, 0, None), rule(None, None, 0)} {
			c := b.ask(0, scoped{"key", unique(t), rule(1, 1, 1)}, scoped{"team", unique(t), r})
			if c.Admitted() || !c.Refusal.Never || c.Refusal.Kind != Kind(k) || c.Refusal.Claim.Kind != "team" {
				t.Errorf("%v: %+v", Kind(k), c.Refusal)
			}
		}
	})
}

// TestAllOrNothing: what a later scope refuses is not taken from an earlier one.
func TestAllOrNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, b *bed) {
		key := scoped{"key", unique(t), rule(10, 1000, 10)}
		team := scoped{"team", unique(t), rule(2, None, None)}
		org := scoped{"organisation", unique(t), rule(None, 500, None)}
		for range 2 {
			b.ask(100, key, team, org).Close(Keep)
		}
		b.settled()
		for range 20 {
			if c := b.ask(100, key, team, org); c.Admitted() || c.Refusal.Claim.Kind != "team" {
				t.Fatalf("%+v", c.Refusal)
			}
		}
		if c := b.ask(0, key); !c.Admitted() || c.Claims[0].Left(RPM) != 7 || c.Claims[0].Left(TPM) != 800 || c.Claims[0].Left(Concurrent) != 9 {
			t.Errorf("the key has %d requests, %d tokens and %d places left", c.Claims[0].Left(RPM), c.Claims[0].Left(TPM), c.Claims[0].Left(Concurrent))
		}
	})
}

// TestTheLongestWait: of several limits that refuse, the one is told that takes
// longest, or a client would come back to be refused again.
func TestTheLongestWait(t *testing.T) {
	everywhere(t, func(t *testing.T, b *bed) {
		key := scoped{"key", unique(t), rule(60, None, None)}
		team := scoped{"team", unique(t), rule(6, None, None)}
		for range 6 {
			b.ask(0, team).Close(0)
		}
		for range 60 {
			b.ask(0, key).Close(0)
		}
		if c := b.ask(0, key, team); c.Refusal.Claim.Kind != "team" || c.Refusal.Wait != 10*time.Second {
			t.Errorf("%+v", c.Refusal)
		}
	})
}

func TestVoid(t *testing.T) {
	everywhere(t, func(t *testing.T, b *bed) {
		key := scoped{"key", unique(t), rule(1, 100, 1)}
		for range 5 {
			c := b.ask(100, key)
			if !c.Admitted() {
				t.Fatalf("%+v", c.Refusal)
			}
			c.Void()
			b.settled()
		}
	})
}

// TestBurst: 500 at once against 100 in a minute.
func TestBurst(t *testing.T) {
	everywhere(t, func(t *testing.T, b *bed) {
		key, team := scoped{"key", unique(t), rule(100, None, None)}, scoped{"team", unique(t), rule(1000, 100_000, None)}
		var passed, refused atomic.Int64
		together(500, func(int) {
			c := b.ask(10, key, team)
			if c.Admitted() {
				passed.Add(1)
				c.Close(10)
				return
			}
			refused.Add(1)
			if c.Refusal.Kind != RPM || c.Refusal.Claim.Kind != "key" {
				t.Errorf("%+v", c.Refusal)
			}
		})
		if passed.Load() != 100 || refused.Load() != 400 {
			t.Errorf("%d passed, %d were refused", passed.Load(), refused.Load())
		}
	})
}

// TestChainsCross: chains that share scopes in any order do not wait for each other
// forever, and count right.
func TestChainsCross(t *testing.T) {
	b := memoryBed()
	all := []scoped{{"tag", "a", rule(None, None, 3)}, {"tag", "b", rule(None, None, 3)}, {"tag", "c", rule(None, None, 3)}}
	together(300, func(i int) {
		r := rand.New(rand.NewPCG(1, uint64(i)))
		for range 20 {
			chain := append([]scoped(nil), all...)
			r.Shuffle(len(chain), func(i, j int) { chain[i], chain[j] = chain[j], chain[i] })
			b.ask(1, chain[:1+r.IntN(3)]...).Close(1)
		}
	})
	for range 3 {
		if !b.ask(1, all...).Admitted() {
			t.Error("a place is lost")
		}
	}
	if b.ask(1, all...).Admitted() {
		t.Error("there is a place too many")
	}
}

// TestAnyOrder: whatever order requests come, end, break off and time passes in, no
// rule is exceeded and all comes back to nothing.
func TestAnyOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, b *bed) {
		rounds := 20_000
		if b.work != nil {
			rounds = 600
		}
		r := rand.New(rand.NewPCG(7, 11))
		keys := [2]string{unique(t), unique(t)}
		team := unique(t)
		type open struct {
			*Ticket
			asked int64
		}
		var under []open
		var starts []int64 // of requests of the team
		for range rounds {
			switch n := r.IntN(10); {
			case n < 5:
				asked := r.Int64N(400)
				c := b.ask(asked, scoped{"key", keys[r.IntN(2)], rule(40, 2000, 4)}, scoped{"team", team, rule(60, 3000, 6)})
				if c.Admitted() {
					under, starts = append(under, open{c, asked}), append(starts, b.clock.ms.Load())
				}
				for i := range c.Claims {
					for k := RPM; k <= Concurrent; k++ {
						if left := c.Claims[i].Left(k); left < 0 || left > c.Claims[i].Max(k) {
							t.Fatalf("%v left %d of %d", k, left, c.Claims[i].Max(k))
						}
					}
				}
			case n < 9 && len(under) > 0:
				i := r.IntN(len(under))
				switch r.IntN(4) {
				case 0:
					under[i].Void()
					starts = starts[:len(starts)-1] // one request less counts
				case 1:
					under[i].Close(Keep)
				default:
					under[i].Close(r.Int64N(600))
				}
				under = append(under[:i], under[i+1:]...)
				b.settled()
			default:
				b.clock.advance(time.Duration(r.IntN(3000)) * time.Millisecond)
			}
			if len(under) > 6 {
				t.Fatalf("%d under way", len(under))
			}
		}
		// Over all the time no more than a full bucket and what leaked out of it.
		if most := 60 + 60*b.clock.ms.Load()/window; int64(len(starts)) > most {
			t.Errorf("%d requests in %d ms", len(starts), b.clock.ms.Load())
		}
		for _, o := range under {
			o.Close(0)
		}
		b.settled()
		b.clock.advance(24 * time.Hour)
		for _, k := range keys {
			c := b.ask(0, scoped{"key", k, rule(40, 2000, 4)}, scoped{"team", team, rule(60, 3000, 6)})
			c.Void()
			b.settled()
			for i, want := range [][3]int64{{39, 2000, 3}, {59, 3000, 5}} {
				for kind, n := range want {
					if got := c.Claims[i].Left(Kind(kind)); got != n {
						t.Errorf("%s: %v has %d left, not %d", c.Claims[i].Kind, Kind(kind), got, n)
					}
				}
			}
		}
	})
}

// TestMemoryIsBounded: scopes that are idle are forgotten, those that are not are kept.
func TestMemoryIsBounded(t *testing.T) {
	b := memoryBed()
	busy := b.ask(0, scoped{"key", "busy", rule(None, None, 1)})
	for range 30_000 {
		b.ask(10, scoped{"key", unique(t), rule(1000, 1000, 5)}).Close(10)
		b.clock.advance(10 * time.Millisecond)
	}
	if n := b.memory.len(); n > 3*shards*firstSweep {
		t.Errorf("%d scopes are remembered", n)
	}
	if b.ask(0, scoped{"key", "busy", rule(None, None, 1)}).Admitted() {
		t.Error("a request under way was forgotten")
	}
	busy.Close(0)
	if !b.ask(0, scoped{"key", "busy", rule(None, None, 1)}).Admitted() {
		t.Error("the place did not come free")
	}
}

// TestRuleChanges: another limit holds at once, for what was used before too.
func TestRuleChanges(t *testing.T) {
	everywhere(t, func(t *testing.T, b *bed) {
		id := unique(t)
		for range 5 {
			b.ask(0, scoped{"key", id, rule(10, None, None)}).Close(0)
		}
		if b.ask(0, scoped{"key", id, rule(5, None, None)}).Admitted() {
			t.Error("a lower limit does not hold")
		}
		c := b.ask(0, scoped{"key", id, rule(20, None, None)})
		if !c.Admitted() || c.Claims[0].Left(RPM) != 14 {
			t.Errorf("a higher limit leaves %d", c.Claims[0].Left(RPM))
		}
	})
}

func TestClaims(t *testing.T) {
	c := &Ticket{}
	c.Claim(Key{Kind: "key", ID: "k"}, "", Rule{})
	c.Claim(Key{Kind: "key", ID: "k"}, "", rule(1, None, None))
	c.Claim(Key{Kind: "key", ID: "k"}, "", rule(1, None, None))
	c.Claim(Key{Kind: "key", ID: "k", Match: "gpt-*"}, "", rule(1, None, None))
	c.Claim(Key{Kind: "key", ID: "k", Light: true}, "", rule(1, None, None))
	if len(c.Claims) != 3 || c.Counts() {
		t.Errorf("%d claims, counts %v", len(c.Claims), c.Counts())
	}
	texts := map[string]bool{}
	for i := range c.Claims {
		texts[c.Claims[i].text()] = true
	}
	if len(texts) != 3 {
		t.Errorf("keys of claims meet: %v", texts)
	}
	var none *Ticket
	none.Close(1)
	none.Void()
	new(Ticket).Close(1)
}

// TestHugeFigures: nothing overflows.
func TestHugeFigures(t *testing.T) {
	everywhere(t, func(t *testing.T, b *bed) {
		key := scoped{"key", unique(t), rule(1<<62, 1<<62, 1<<62)}
		for range 3 {
			c := b.ask(1<<62, key)
			c.Close(1 << 62)
			b.settled()
			b.clock.advance(1000 * time.Hour)
		}
		if c := b.ask(1, key); !c.Admitted() || c.Claims[0].Left(TPM) != most-1 {
			t.Errorf("%+v left %d", c.Refusal, c.Claims[0].Left(TPM))
		}
	})
}
