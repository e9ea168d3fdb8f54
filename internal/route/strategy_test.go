package route

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"turnpike/internal/affinity"
	"turnpike/internal/health"
	"turnpike/internal/policy"
)

// world is a simulation: a clock and a chance that are the same in every run,
// and accounts that answer as they are told.
type world struct {
	t     *testing.T
	at    time.Time
	rnd   *rand.Rand
	table *Table
	how   map[string]*behaviour
	ends  []ending
	count map[string]int
}

// behaviour is how an account answers.
type behaviour struct {
	ttft  time.Duration
	class health.Class
	told  time.Duration
	whole bool          // its clients want whole answers: nobody sees its first content
	lasts time.Duration // 0: twice its time to first token
}

type ending struct {
	at time.Time
	h  health.Handle
	b  behaviour
}

func simulate(t *testing.T, strategy string, accounts ...*Account) *world {
	t.Helper()
	w := &world{t: t, at: time.Unix(1_800_000_000, 0), rnd: rand.New(rand.NewPCG(1, 2)), how: map[string]*behaviour{}, count: map[string]int{}} //nolint:gosec // a test's dice
	for _, a := range accounts {
		w.how[a.Provider.Name()] = &behaviour{ttft: 500 * time.Millisecond}
	}
	w.table = New(accounts, "", "").With(Settings{
		Strategy: strategy, Now: w.now, Rand: w.rnd.Uint64, Pins: affinity.New(10000, w.now, nil),
	})
	return w
}

func (w *world) now() time.Time { return w.at }

// run sends requests at an even rate for a while and gives the shares of the
// accounts. A request lasts twice its time to first token.
func (w *world) run(rps int, d time.Duration) map[string]float64 {
	w.t.Helper()
	clear(w.count)
	n := int(d.Seconds() * float64(rps))
	for range n {
		w.at = w.at.Add(time.Second / time.Duration(rps))
		w.end()
		w.send(Ask{Model: "gpt-5"})
	}
	shares := map[string]float64{}
	for name, c := range w.count {
		shares[name] = float64(c) / float64(n)
	}
	return shares
}

func (w *world) end() {
	w.ends = slices.DeleteFunc(w.ends, func(e ending) bool {
		if e.at.After(w.at) {
			return false
		}
		if e.b.class == health.Fine && !e.b.whole {
			e.h.FirstContent(e.b.ttft)
		}
		e.h.End(e.b.class, e.b.told)
		return true
	})
}

func (w *world) send(ask Ask) *Target {
	w.t.Helper()
	c, err := w.table.Candidates(ask)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range c.Targets {
		target := &c.Targets[i]
		h, ok := target.Begin(w.now, i == len(c.Targets)-1)
		if !ok {
			continue
		}
		b := *w.how[target.Provider.Name()]
		w.count[target.Provider.Name()]++
		w.ends = append(w.ends, ending{w.at.Add(cmp.Or(b.lasts, 2*b.ttft)), h, b})
		return target
	}
	w.t.Fatal("nobody took a request")
	return nil
}

func near(t *testing.T, shares map[string]float64, want map[string]float64, by float64) {
	t.Helper()
	for name, share := range want {
		if math.Abs(shares[name]-share) > by {
			t.Errorf("%s has %.3f of the traffic, want %.3f (all: %.3v)", name, shares[name], share, shares)
		}
	}
}

// Shares match weights within 2 %.
func TestSharesMatchWeights(t *testing.T) {
	for _, c := range []struct {
		strategy string
		rps      int
	}{
		{policy.StrategyWeighted, 50}, {policy.StrategyWeighted, 1}, {policy.StrategySmart, 1}, {policy.StrategySmart, 20}, {policy.StrategySmart, 200},
	} {
		t.Run(fmt.Sprint(c.strategy, " at ", c.rps), func(t *testing.T) {
			w := simulate(t, c.strategy, account("a", "openai", weight(50)), account("b", "openai", weight(30)), account("c", "openai", weight(20)))
			shares := w.run(c.rps, time.Duration(16000/c.rps)*time.Second)
			near(t, shares, map[string]float64{"a": .5, "b": .3, "c": .2}, .02)
		})
	}
}

func TestRoundRobinTakesTurns(t *testing.T) {
	w := simulate(t, policy.StrategyRoundRobin, account("a", "openai"), account("b", "openai"), account("c", "openai"), account("x", "anthropic"), account("y", "anthropic"))
	got := ""
	for range 6 {
		got += w.send(Ask{Model: "gpt-5"}).Provider.Name()
		got += w.send(Ask{Model: "claude-x"}).Provider.Name() // turns are a model's own
	}
	if got != "axbycxaybxcy" {
		t.Errorf("turns %s", got)
	}
	offers("whatever")(w.table.Account("x")) // the turn survives a change of lists
	if next := w.send(Ask{Model: "gpt-5"}).Provider.Name(); next != "a" {
		t.Errorf("then %s", next)
	}
	if next := w.send(Ask{Model: "gpt-5"}).Provider.Name(); next != "b" {
		t.Errorf("then %s", next)
	}
}

func TestLeastUsed(t *testing.T) {
	w := simulate(t, policy.StrategyLeastUsed, account("a", "openai"), account("b", "openai"))
	w.how["a"].ttft = 4 * time.Second // four times as long under way
	w.how["b"].ttft = time.Second
	near(t, w.run(20, 2*time.Minute), map[string]float64{"a": .2, "b": .8}, .02)
	w = simulate(t, policy.StrategyLeastUsed, account("a", "openai"), account("b", "openai"))
	near(t, w.run(1, 2*time.Minute), map[string]float64{"a": .5, "b": .5}, .02) // nothing is ever under way: the recent ones decide
}

func TestPriorityFallsBack(t *testing.T) {
	w := simulate(t, policy.StrategyPriority, account("a", "openai", weight(1)), account("b", "openai", weight(9)))
	near(t, w.run(10, time.Minute), map[string]float64{"b": 1}, 0)
	*w.how["b"] = behaviour{class: health.Rate, told: 30 * time.Second}
	w.run(10, time.Second)
	near(t, w.run(10, 20*time.Second), map[string]float64{"a": 1}, 0)
	*w.how["b"] = behaviour{ttft: time.Second}
	w.run(10, 15*time.Second) // its cool-down ends, one request tries
	near(t, w.run(10, 20*time.Second), map[string]float64{"b": 1}, .02)
}

// A place that becomes slow loses its traffic within seconds, keeps just enough
// to be found out, and has its share again soon after it is well.
func TestSlowedProvider(t *testing.T) {
	w := simulate(t, policy.StrategySmart, account("a", "openai"), account("b", "openai"), account("c", "openai"))
	near(t, w.run(30, time.Minute), map[string]float64{"a": 1. / 3, "b": 1. / 3, "c": 1. / 3}, .03)
	w.how["a"].ttft = 5 * time.Second
	w.run(30, 15*time.Second) // two requests' lives
	if shares := w.run(30, 30*time.Second); shares["a"] > .08 || math.Abs(shares["b"]-shares["c"]) > .06 {
		t.Errorf("slow, and has %.3v", shares)
	}
	w.how["a"].ttft = 500 * time.Millisecond
	w.run(30, 30*time.Second)
	near(t, w.run(30, time.Minute), map[string]float64{"a": 1. / 3, "b": 1. / 3, "c": 1. / 3}, .04)
}

// The score by the formula: 429s, latency and failures each take their part.
func TestScore(t *testing.T) {
	for _, c := range []struct {
		live    health.Live
		latency float64
		want    float64
	}{
		{health.Live{}, 0, 100},
		{health.Live{}, 300, 25},
		{health.Live{Limited: 2}, 0, 100. / 21},
		{health.Live{Limited: .5}, 400, 10},
		{health.Live{ErrorRate: .75}, 0, 25},
		{health.Live{ErrorRate: 1}, 0, 2}, // never nothing: or nobody would find out that it works again
	} {
		if got := quality(c.live, c.latency); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%+v, %v ms: %v, want %v", c.live, c.latency, got, c.want)
		}
	}
}

// A place whose first token is late loses traffic for that alone, although its answers
// take no longer than those of others.
func TestLateFirstToken(t *testing.T) {
	w := simulate(t, policy.StrategySmart, account("a", "openai"), account("b", "openai"), account("c", "openai"))
	for _, b := range w.how {
		b.lasts = 6 * time.Second
	}
	w.run(30, time.Minute)
	w.how["a"].ttft = 5 * time.Second
	w.run(30, 15*time.Second)
	if shares := w.run(30, time.Minute); shares["a"] > .1 || shares["a"] == 0 {
		t.Errorf("late, and has %.3v", shares)
	}
	w.how["a"].ttft = 500 * time.Millisecond
	w.run(30, 30*time.Second)
	near(t, w.run(30, time.Minute), map[string]float64{"a": 1. / 3, "b": 1. / 3, "c": 1. / 3}, .04)
}

// The same where nobody sees a first content, because all clients want whole answers:
// what is under way there tells.
func TestSlowedProviderOfWholeAnswers(t *testing.T) {
	w := simulate(t, policy.StrategySmart, account("a", "openai"), account("b", "openai"), account("c", "openai"))
	for _, b := range w.how {
		b.whole = true
	}
	near(t, w.run(30, time.Minute), map[string]float64{"a": 1. / 3, "b": 1. / 3, "c": 1. / 3}, .03)
	w.how["a"].ttft = 5 * time.Second
	w.run(30, 15*time.Second)
	if shares := w.run(30, 30*time.Second); shares["a"] > .2 || math.Abs(shares["b"]-shares["c"]) > .06 {
		t.Errorf("slow, and has %.3v", shares)
	}
	w.how["a"].ttft = 500 * time.Millisecond
	w.run(30, 30*time.Second)
	near(t, w.run(30, time.Minute), map[string]float64{"a": 1. / 3, "b": 1. / 3, "c": 1. / 3}, .04)
}

func TestThrottledProvider(t *testing.T) {
	w := simulate(t, policy.StrategySmart, account("a", "openai"), account("b", "openai"), account("c", "openai"))
	w.run(30, time.Minute)
	*w.how["a"] = behaviour{ttft: 10 * time.Millisecond, class: health.Rate, told: 5 * time.Second}
	w.run(30, 3*time.Second)
	if shares := w.run(30, 30*time.Second); shares["a"] > .02 {
		t.Errorf("throttled, and has %.3v", shares)
	}
	*w.how["a"] = behaviour{ttft: 500 * time.Millisecond}
	if shares := w.run(30, time.Minute); shares["a"] == 0 || shares["a"] > .2 {
		t.Errorf("just well again, and has %.3v", shares) // its 429s are not forgotten at once
	}
	w.run(30, 5*time.Minute)
	near(t, w.run(30, time.Minute), map[string]float64{"a": 1. / 3, "b": 1. / 3, "c": 1. / 3}, .04)
}

// One that is dead gets a handful of requests, then a probe now and then.
func TestDeadProvider(t *testing.T) {
	w := simulate(t, policy.StrategySmart, account("a", "openai"), account("b", "openai"), account("c", "openai"))
	w.run(50, time.Minute)
	*w.how["a"] = behaviour{ttft: time.Millisecond, class: health.Failure}
	shares := w.run(50, 5*time.Minute)
	if n := w.count["a"]; n > 40 || n < 5 {
		t.Errorf("dead, and was asked %d times (%.4v)", n, shares)
	}
}

// No herd: when one of two equals comes back, requests do not all go to one of
// them for as long as their data is old.
func TestNoHerd(t *testing.T) {
	w := simulate(t, policy.StrategySmart, account("a", "openai"), account("b", "openai"), account("new", "openai"))
	w.how["a"].ttft, w.how["b"].ttft, w.how["new"].ttft = time.Second, 1100*time.Millisecond, 900*time.Millisecond
	run, longest, last := 0, 0, ""
	w.run(100, 10*time.Second)
	for range 5000 {
		w.at = w.at.Add(10 * time.Millisecond)
		w.end()
		name := w.send(Ask{Model: "gpt-5"}).Provider.Name()
		if run++; name != last {
			run, last = 1, name
		}
		longest = max(longest, run)
	}
	if longest > 15 {
		t.Errorf("%d requests in a row went to %s", longest, last)
	}
}

// BenchmarkOrder is the choice alone.
func BenchmarkOrder(b *testing.B) {
	table := New(nil, "", "").With(Settings{})
	for _, strategy := range policy.Strategies {
		b.Run(strategy, func(b *testing.B) {
			var cs [5]contender
			var turn atomic.Uint64
			for i := range cs {
				a := account(fmt.Sprint("p", i), "openai")
				cs[i] = contender{spot: &spot{account: a, place: a.Place("m")}}
			}
			now := time.Now()
			b.ReportAllocs()
			for b.Loop() {
				table.now.Load().order(cs[:], strategy, &turn, now)
			}
		})
	}
}

// BenchmarkAtOnce: choosing from many goroutines does not get slower for a lock.
func BenchmarkAtOnce(b *testing.B) {
	table := New([]*Account{account("a", "openai"), account("b", "openai")}, "", "").With(Settings{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c, err := table.Candidates(Ask{Model: "gpt-5"})
			if err != nil {
				b.Fatal(err)
			}
			h, _ := c.Targets[0].Begin(time.Now, true)
			h.FirstContent(time.Second)
			h.End(health.Fine, 0)
		}
	})
}

func BenchmarkCandidates(b *testing.B) {
	for _, strategy := range policy.Strategies {
		b.Run(strategy, func(b *testing.B) {
			var list []*Account
			for i := range 5 {
				list = append(list, account(fmt.Sprint("p", i), "openai"))
			}
			table := New(list, "", "").With(Settings{Strategy: strategy})
			key := &policy.Routing{}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := table.Candidates(Ask{Model: "gpt-5", Key: key}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
