package affinity

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"
)

type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

var a, b = Pin{Provider: "a", Model: "m"}, Pin{Provider: "b", Model: "m"}

func TestPinsLiveAsLongAsTheCache(t *testing.T) {
	c := &clock{time.Unix(1_800_000_000, 0)}
	p := New(100, c.now, nil)
	if _, ok := p.Get("x"); ok {
		t.Fatal("a pin nobody made")
	}
	p.Set("x", a, 5*time.Minute)
	c.t = c.t.Add(4 * time.Minute)
	if got, ok := p.Get("x"); !ok || got != a {
		t.Fatalf("%+v %v", got, ok)
	}
	p.Set("x", a, 5*time.Minute) // used: lives anew
	c.t = c.t.Add(4 * time.Minute)
	if _, ok := p.Get("x"); !ok {
		t.Error("use does not prolong it")
	}
	c.t = c.t.Add(time.Minute)
	if _, ok := p.Get("x"); ok {
		t.Error("it outlives the cache")
	}
	p.Set("y", b, time.Hour)
	if _, ok := p.Get("x"); ok {
		t.Error("one conversation's pin holds another")
	}
}

func TestUnpin(t *testing.T) {
	c := &clock{time.Unix(1_800_000_000, 0)}
	p := New(1000, c.now, nil)
	for i := range 20 {
		p.Set(fmt.Sprint("a", i), a, time.Hour)
		p.Set(fmt.Sprint("b", i), b, time.Hour)
	}
	if !p.Unpin("a3") || p.Unpin("a3") || p.Unpin("nobody") {
		t.Error("unpin one")
	}
	if n := p.UnpinAll("a"); n != 19 {
		t.Errorf("unpinned %d", n)
	}
	if _, ok := p.Get("b7"); !ok || p.Len() != 20 {
		t.Errorf("the other provider's are gone: %d left", p.Len())
	}
}

func TestBounded(t *testing.T) {
	c := &clock{time.Unix(1_800_000_000, 0)}
	p := New(160, c.now, nil)
	for i := range 5000 {
		p.Set(fmt.Sprint(i), a, time.Hour)
		c.t = c.t.Add(time.Second)
	}
	if p.Len() > 160 {
		t.Errorf("%d pins", p.Len())
	}
	if _, ok := p.Get("4999"); !ok {
		t.Error("the newest was dropped")
	}
}

// The first speed of a place is kept: slow places must not become the measure.
func TestFirstSpeedIsTheMeasure(t *testing.T) {
	c := &clock{time.Unix(1_800_000_000, 0)}
	p := New(10, c.now, nil)
	p.Set("x", Pin{"a", "m", 800}, time.Hour)
	p.Set("x", Pin{"a", "m", 20000}, time.Hour)
	if got, _ := p.Get("x"); got.TTFT != 800 {
		t.Errorf("measure %v", got.TTFT)
	}
	p.Set("x", Pin{"b", "m", 900}, time.Hour)
	if got, _ := p.Get("x"); got.TTFT != 900 || got.Provider != "b" {
		t.Errorf("after a move %+v", got)
	}
}

func TestSlow(t *testing.T) {
	for _, c := range []struct {
		was, now, best float64
		want           bool
	}{
		{800, 1000, 300, false},
		{800, 4900, 100, false},    // not slow enough to lose a cache for
		{800, 14000, 1000, true},   // others are fast
		{800, 14000, 9000, false},  // all are slow
		{800, 14000, 0, true},      // nothing known of others: it was fast itself
		{13000, 14000, 0, false},   // it always was like that
		{13000, 14000, 1000, true}, // but others are not
		{0, 14000, 0, false},       // nothing to compare with
	} {
		if got := (Pin{TTFT: c.was}).Slow(c.now, c.best); got != c.want {
			t.Errorf("was %v, is %v, best %v: %v", c.was, c.now, c.best, got)
		}
	}
}

// common is a store of replicas that is quick and never away.
type common struct {
	pins     map[string]entry
	released map[string]time.Time
	looks    int
}

func (s *common) shared() *Shared {
	s.pins, s.released = map[string]entry{}, map[string]time.Time{}
	return &Shared{
		Get: func(k string) (Pin, time.Time, bool) { s.looks++; e, ok := s.pins[k]; return e.Pin, e.made, ok },
		Set: func(k string, p Pin, made time.Time, ttl time.Duration) {
			if s.pins[k] = (entry{Pin: p, made: made}); ttl == 0 {
				delete(s.pins, k)
			}
		},
		Release: func(what string, at time.Time) { s.released[what] = at },
	}
}

func TestShared(t *testing.T) {
	c := &clock{time.Unix(1_800_000_000, 0)}
	var store common
	shared := store.shared()
	one, other := New(10, c.now, shared), New(10, c.now, shared)
	check := func(p *Pins, want Pin) {
		t.Helper()
		if got, ok := p.Get("x"); got != want || ok != (want != Pin{}) {
			t.Errorf("at %+v %v, want %+v", got, ok, want)
		}
	}
	one.Set("x", b, time.Hour)
	check(other, b)
	c.t = c.t.Add(2 * fresh)
	other.Set("x", a, time.Hour) // it had to move
	check(one, a)
	c.t = c.t.Add(2 * fresh)
	one.Set("x", b, time.Hour)
	check(other, b)

	c.t = c.t.Add(2 * fresh)
	other.Set("x", b, time.Hour)
	one.Unpin("x")
	check(one, Pin{})
	other.Released(store.released)
	check(other, Pin{})
	c.t = c.t.Add(2 * fresh)
	other.Set("x", b, time.Hour) // served there again, after it was let go
	check(one, b)
	check(other, b)

	one.UnpinAll("b")
	check(one, Pin{}) // although all replicas have it still
	one.Released(nil) // the others have not heard of it yet
	check(one, Pin{})
	other.Released(store.released)
	check(other, Pin{})
	c.t = c.t.Add(settling)
	other.Released(nil)
	check(other, b)
}

// Where nothing but what is let go is common, pins are nobody else's affair.
func TestOnlyReleasesAreShared(t *testing.T) {
	c := &clock{time.Unix(1_800_000_000, 0)}
	told := map[string]time.Time{}
	shared := &Shared{Release: func(what string, at time.Time) { told[what] = at }}
	one, other := New(10, c.now, shared), New(10, c.now, shared)
	other.Set("x", b, time.Hour)
	other.Set("y", a, time.Hour)
	other.Set("z", a, time.Hour)
	c.t = c.t.Add(2 * fresh)
	if _, ok := one.Get("x"); ok {
		t.Error("a pin of the other's")
	}
	one.UnpinAll("b")
	one.Unpin("y")
	other.Released(told)
	for talk, want := range map[string]bool{"x": false, "y": false, "z": true} {
		if _, ok := other.Get(talk); ok != want {
			t.Errorf("%s is held %v", talk, ok)
		}
	}
	c.t = c.t.Add(time.Second)
	other.Set("x", b, time.Hour) // it went back there by itself
	if _, ok := other.Get("x"); !ok {
		t.Error("a new pin is gone")
	}
}

// What was used a moment ago is not looked up.
func TestFreshPinsAreNotLookedUp(t *testing.T) {
	c := &clock{time.Unix(1_800_000_000, 0)}
	var store common
	p := New(10, c.now, store.shared())
	p.Set("x", b, time.Hour)
	p.Get("x")
	if store.looks != 0 {
		t.Error("looked up although it was used just now")
	}
	c.t = c.t.Add(fresh)
	if p.Get("x"); store.looks != 1 {
		t.Error("not looked up")
	}
}

func owner(conversation string, places map[string]float64) (best string) {
	top := -1.0
	for name, w := range places {
		if r := Rank(conversation, name, w); r > top {
			best, top = name, r
		}
	}
	return best
}

// Conversations spread by weight, and a place that goes takes only its own along.
func TestRank(t *testing.T) {
	const n = 60000
	places := map[string]float64{"a": 100, "b": 100, "c": 200, "d": 0}
	less := map[string]float64{"a": 100, "b": 100, "d": 0}
	count := map[string]int{}
	for i := range n {
		k := fmt.Sprint("conversation ", i)
		was := owner(k, places)
		count[was]++
		if now := owner(k, less); was != "c" && now != was {
			t.Fatalf("%s moved from %s to %s", k, was, now)
		}
	}
	for name, w := range places {
		if got, want := float64(count[name])/n, w/400; math.Abs(got-want) > 0.01 {
			t.Errorf("%s has %.3f, want %.3f", name, got, want)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	c := &clock{time.Unix(1_800_000_000, 0)}
	p := New(64, c.now, nil)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				k := fmt.Sprint(g, i%50)
				p.Set(k, a, time.Minute)
				p.Get(k)
				p.Unpin(k)
			}
		})
	}
	wg.Wait()
}
