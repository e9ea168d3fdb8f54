package budget

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"turnpike/internal/store"
)

func TestManyAtOnce(t *testing.T) {
	t.Run("BUD-01 64 writers add a dollar each a hundred times", func(t *testing.T) {
		w := newWorld(t)
		r := w.replica("home")
		rule := lifetime("bud_1", 10_000*dollar)
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				for range 100 {
					h, err := r.ask(2*dollar, rule)
					if err != nil {
						t.Error(err)
						return
					}
					charges := h.AppendCharges(nil, dollar, 0)
					h.Spend(dollar, 0)
					h.Close()
					mu.Lock()
					r.journal(charges)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for len(r.rows) > 0 {
			rest := r.rows[min(1000, len(r.rows)):]
			r.rows = r.rows[:len(r.rows)-len(rest)]
			r.replay()
			r.rows = rest
		}
		list, err := r.Look(t.Context(), w.clock(), []Ask{{Rule: rule}})
		if accounts, rows := w.spent("bud_1"); err != nil || accounts != 6400*dollar || rows != accounts || list[0].Spent != accounts || list[0].Left > 10_000*dollar-accounts {
			t.Errorf("accounts %d, rows %d, %+v, %v", accounts, rows, list, err)
		}
	})
	for _, c := range []struct {
		name     string
		replicas int
	}{{"BUD-02 500 requests of a dollar against ten", 1}, {"BUD-02 the same over three replicas", 3}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			rule := lifetime("bud_1", 10*dollar)
			var all []*replica
			for i := range c.replicas {
				all = append(all, w.replica("home"+string(rune('a'+i))))
			}
			n := storm(t, all, 500, dollar, rule)
			if n > 10 || n < 10 && c.replicas == 1 {
				t.Errorf("%d requests of a dollar against a limit of ten", n)
			}
			for _, r := range all { // parts of a dollar may be leased here and there
				r.Close()
			}
			w.pass(dryFor)
			if n += storm(t, all[:1], 20, dollar, rule); n != 10 {
				t.Errorf("%d requests of a dollar in the end", n)
			}
		})
	}
	t.Run("BUD-04 a key nobody has seen, many requests at once", func(t *testing.T) {
		w := newWorld(t)
		r := w.replica("home")
		for i := range 5 {
			if n := storm(t, []*replica{r}, 50, dollar, lifetime("bud_new"+string(rune('a'+i)), dollar)); n != 1 {
				t.Errorf("%d requests of a dollar against a limit of one", n)
			}
		}
	})
}

// storm asks many times at once, spends all, and returns how often it might.
func storm(t *testing.T, all []*replica, times int, amount int64, rules ...*Rule) int64 {
	t.Helper()
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for i := range times {
		r := all[i%len(all)]
		wg.Go(func() {
			h, err := r.ask(amount, rules...)
			switch why(err) {
			case "":
				admitted.Add(1)
				h.Spend(amount, amount)
				h.Close()
			case Spent, Held:
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return admitted.Load()
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	r := w.replica("home")
	t.Run("BUD-03 0 blocks, and asks nobody", func(t *testing.T) {
		if _, err := r.ask(0, lifetime("bud_0", 0)); why(err) != Blocked || r.bank.asks.Load() != 0 {
			t.Errorf("%v, the bank was asked %d times", err, r.bank.asks.Load())
		}
	})
	t.Run("BUD-03 no budget does not limit", func(t *testing.T) {
		h, err := r.ask(1 << 60)
		if err != nil {
			t.Fatal(err)
		}
		h.Spend(1<<60, 0)
		h.Close()
	})
	t.Run("a chain is reserved in whole or not at all", func(t *testing.T) {
		wide, narrow := lifetime("bud_a", 100*dollar), lifetime("bud_b", dollar)
		for range 20 {
			if _, err := r.ask(2*dollar, wide, narrow); why(err) != Spent {
				t.Fatal(err)
			}
		}
		h, err := r.ask(100*dollar, wide)
		if err != nil {
			t.Fatalf("something was left reserved: %v", err)
		}
		h.Close()
	})
	t.Run("soft ones refuse nothing and are told of once", func(t *testing.T) {
		soft := &Rule{ID: "bud_soft", Unit: Tokens, Limit: 100, Period: Lifetime, Soft: true}
		for range 3 {
			h, err := r.ask(60, soft)
			if err != nil {
				t.Fatal(err)
			}
			r.settle(h, 60)
		}
		r.replay()
		w.pass(leaseFor)
		r.tidy(w.clock(), false)
		seen := map[int]bool{}
		for range Thresholds {
			c := <-w.told
			seen[c.Percent] = true
			if c.Spent != 180 || c.Rule.ID != "bud_soft" {
				t.Errorf("%+v", c)
			}
		}
		other := w.replica("elsewhere")
		if h, err := other.ask(1, soft); err != nil || len(seen) != 3 {
			t.Errorf("%v, %v", seen, err)
		} else {
			h.Close()
		}
	})
}

func TestSettlement(t *testing.T) {
	w := newWorld(t)
	r := w.replica("home")
	t.Run("BUD-07 what is used is counted, and the rest given back", func(t *testing.T) {
		rule := lifetime("bud_7", 10*dollar)
		for range 9 {
			h, err := r.ask(2*dollar, rule) // an answer that broke off after half of it
			if err != nil {
				t.Fatal(err)
			}
			r.settle(h, dollar)
		}
		if _, err := r.ask(2*dollar, rule); why(err) != Spent {
			t.Errorf("%v", err)
		}
		h, err := r.ask(dollar, rule)
		if err != nil {
			t.Fatal(err)
		}
		h.Close()
		h.Close() // twice changes nothing
		if h, err = r.ask(dollar, rule); err != nil {
			t.Fatal(err)
		}
		r.settle(h, dollar)
	})
	t.Run("all attempts of a request count, and the next one is reserved anew", func(t *testing.T) {
		rule := lifetime("bud_attempts", 10*dollar)
		h, err := r.ask(4*dollar, rule)
		if err != nil {
			t.Fatal(err)
		}
		h.Spend(3*dollar, 0)
		if err := h.Ready(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		h.Spend(4*dollar, 0)
		if err := h.Ready(t.Context(), 1); why(err) != Spent {
			t.Errorf("three dollars are left for an attempt of four: %v", err)
		}
		h.Close()
		if h, err = r.ask(3*dollar, rule); err != nil {
			t.Errorf("three dollars are left: %v", err)
		} else {
			h.Close()
		}
	})
	t.Run("more than was reserved is a debt", func(t *testing.T) {
		rule := lifetime("bud_debt", 10*dollar)
		h, err := r.ask(2*dollar, rule)
		if err != nil {
			t.Fatal(err)
		}
		r.settle(h, 9*dollar)
		w.pass(dryFor)
		if _, err := r.ask(2*dollar, rule); why(err) != Spent {
			t.Errorf("nine of ten are spent: %v", err)
		}
	})
	t.Run("what is reserved is not spent yet", func(t *testing.T) {
		rule := lifetime("bud_held", 10*dollar)
		h, err := r.ask(10*dollar, rule)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.ask(dollar, rule); why(err) != Held {
			t.Errorf("%v", err)
		}
		h.Close()
		w.pass(dryFor)
		if _, err := r.ask(11*dollar, rule); why(err) != Spent {
			t.Errorf("it would never fit: %v", err)
		}
	})
}

func TestPeriods(t *testing.T) {
	w := newWorld(t)
	r := w.replica("home")
	t.Run("BUD-08 a request counts in the period it was admitted in", func(t *testing.T) {
		rule := &Rule{ID: "bud_day", Unit: Dollars, Limit: 10 * dollar, Period: Daily, Zone: "Europe/Berlin"}
		start := time.Date(2026, 11, 21, 22, 59, 59, 0, time.UTC) // a second before midnight there
		w.now.Store(&start)
		h, err := r.ask(10*dollar, rule)
		if err != nil {
			t.Fatal(err)
		}
		w.pass(2 * time.Second)
		next, err := r.ask(10*dollar, rule)
		if err != nil {
			t.Fatalf("the new day begins at nothing: %v", err)
		}
		r.tidy(w.clock(), false) // nothing under way is forgotten
		r.settle(h, 9*dollar)
		r.settle(next, 4*dollar)
		r.replay()
		sums, err := w.s.BudgetSums(t.Context())
		midnight := start.Add(time.Second)
		want := []store.BudgetSum{{Budget: "bud_day", Period: midnight.Add(-24 * time.Hour), Charged: 9 * dollar, Spent: 9 * dollar}, {Budget: "bud_day", Period: midnight, Charged: 4 * dollar, Spent: 4 * dollar}}
		if err != nil || !slices.Equal(sums, want) {
			t.Errorf("%v, %v", sums, err)
		}
		r.tidy(w.clock(), false)
		if s, _ := r.accounts.Load("bud_day"); len(s.(*shelf).past) != 0 { //nolint:forcetypeassert // a test
			t.Error("a period that is over and settled is kept")
		}
	})
	t.Run("what a month leaves rolls over", func(t *testing.T) {
		rule := &Rule{ID: "bud_month", Unit: Dollars, Limit: 10 * dollar, Period: Monthly, Rollover: true}
		h, err := r.ask(10*dollar, rule)
		if err != nil {
			t.Fatal(err)
		}
		r.settle(h, 4*dollar)
		r.replay()
		w.pass(20 * 24 * time.Hour)
		r.tidy(w.clock(), false)
		if h, err = r.ask(16*dollar, rule); err != nil {
			t.Fatalf("six of the month before and ten: %v", err)
		}
		r.settle(h, 16*dollar)
		if _, err := r.ask(1, rule); why(err) != Spent {
			t.Errorf("%v", err)
		}
	})
	t.Run("what was spent leaves a rolling window", func(t *testing.T) {
		rule := &Rule{ID: "bud_roll", Unit: Dollars, Limit: 10 * dollar, Period: Rolling, Window: time.Hour}
		h, err := r.ask(8*dollar, rule)
		if err != nil {
			t.Fatal(err)
		}
		r.settle(h, 8*dollar)
		r.replay()
		for _, step := range []struct {
			after time.Duration
			want  Why
		}{{30 * time.Minute, Spent}, {29 * time.Minute, Spent}, {4 * time.Minute, ""}} {
			w.pass(step.after)
			r.tidy(w.clock(), true)
			h, err := r.ask(3*dollar, rule)
			if why(err) != step.want {
				t.Errorf("after %v: %v", step.after, err)
			}
			h.Close()
		}
	})
}

func TestAway(t *testing.T) {
	for _, c := range []struct {
		policy string
		want   Why
	}{{Refuse, Away}, {Allow, ""}} {
		t.Run("BUD-09 the database is away: the lease is spent, then "+c.policy, func(t *testing.T) {
			w := newWorld(t)
			r := w.replica("home", func(o *Options) { o.OnAway = c.policy })
			rule := lifetime("bud_1", 100*dollar)
			h, err := r.ask(dollar, rule)
			if err != nil {
				t.Fatal(err)
			}
			r.settle(h, 0)
			r.bank.away.Store(true)
			if h, err = r.ask(dollar, rule); err != nil {
				t.Fatalf("the lease is there: %v", err)
			}
			r.settle(h, dollar)
			if h, err = r.ask(60*dollar, rule); why(err) != c.want {
				t.Errorf("%v", err)
			}
			asked := r.bank.asks.Load()
			if err == nil {
				r.settle(h, 60*dollar)
			} else if _, err = r.ask(60*dollar, rule); why(err) != Away || r.bank.asks.Load() != asked {
				t.Errorf("the bank was asked again at once: %v", err)
			}
			r.bank.away.Store(false)
			w.pass(awayFor)
			if h, err = r.ask(30*dollar, rule); err != nil {
				t.Errorf("the bank is back: %v", err)
			}
			r.settle(h, 30*dollar)
			if c.policy == Allow {
				if _, err := r.ask(10*dollar, rule); why(err) != Spent {
					t.Errorf("what was spent meanwhile counts: %v", err)
				}
			}
		})
	}
	t.Run("a replica that is cut off spends its lease and no more, and none of it after it ends", func(t *testing.T) {
		w := newWorld(t)
		r, other := w.replica("a"), w.replica("b")
		rule := lifetime("bud_1", 100*dollar)
		h, err := r.ask(40*dollar, rule)
		if err != nil {
			t.Fatal(err)
		}
		h.Close()
		r.bank.away.Store(true)
		if _, err := other.ask(80*dollar, rule); why(err) != Held {
			t.Errorf("forty are leased elsewhere: %v", err)
		}
		w.pass(Lease - margin)
		r.lapse(w.clock())
		if _, err := r.ask(dollar, rule); why(err) != Away {
			t.Errorf("the lease may be others' soon: %v", err)
		}
		w.pass(margin)
		if h, err = other.ask(100*dollar, rule); err != nil {
			t.Errorf("the lease is over: %v", err)
		}
		other.settle(h, 100*dollar)
		r.bank.away.Store(false)
		w.pass(awayFor)
		if _, err := r.ask(dollar, rule); why(err) == "" {
			t.Error("all of it is spent")
		}
	})
}

// TestReset: a budget that was reset or recharged can be spent again.
func TestReset(t *testing.T) {
	w := newWorld(t)
	r := w.replica("home")
	for _, rule := range []*Rule{lifetime("bud_1", 10*dollar), {ID: "bud_2", Unit: Dollars, Limit: 10 * dollar, Period: Rolling, Window: time.Hour}} {
		spend := func(n int64) Why {
			h, err := r.ask(n, rule)
			if err == nil {
				r.settle(h, n)
				r.replay()
			}
			w.pass(dryFor)
			return why(err)
		}
		if spend(10*dollar) != "" || spend(dollar) != Spent {
			t.Fatal("ten of ten")
		}
		span := rule.Span(w.clock())
		if err := w.s.RechargeBudget(t.Context(), rule.ID, span.Start, 2*dollar, "a gift", w.clock()); err != nil {
			t.Fatal(err)
		}
		if spend(2*dollar) != "" || spend(dollar) != Spent {
			t.Error("two more")
		}
		span = rule.Span(w.clock())
		if err := w.s.ResetBudget(t.Context(), rule.ID, span.Since, span.Start, "", w.clock()); err != nil {
			t.Fatal(err)
		}
		if spend(10*dollar) != "" || spend(dollar) != Spent {
			t.Error("ten more")
		}
		events, err := w.s.BudgetEvents(t.Context(), rule.ID, 10)
		if err != nil || len(events) != 2 || events[0].Kind != "reset" || events[0].Amount != 12*dollar || events[1].Note != "a gift" {
			t.Errorf("%+v, %v", events, err)
		}
	}
}

// TestInterleavings: whatever happens in whatever order, crashes included, no budget
// is passed, every row is counted once, and nothing that was not spent is lost.
func TestInterleavings(t *testing.T) {
	for seed := range uint64(6) {
		w := newWorld(t)
		rnd := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // a test
		rules := []*Rule{lifetime("bud_a", 50*dollar), lifetime("bud_b", 30*dollar), {ID: "bud_c", Unit: Tokens, Limit: 40 * dollar, Period: Monthly}}
		homes := []string{"a", "b", "c"}
		all := map[string]*replica{}
		for _, h := range homes {
			all[h] = w.replica(h)
		}
		type flight struct {
			home string
			hold *Hold
			max  int64
		}
		var up []flight
		spent := map[string]int64{}
		for range 600 {
			home := homes[rnd.IntN(3)]
			r := all[home]
			switch rnd.IntN(10) {
			case 0, 1, 2, 3:
				n := 1 + rnd.Int64N(3*dollar)
				h, err := r.ask(n, rules[rnd.IntN(3)], rules[rnd.IntN(3)])
				if err == nil {
					up = append(up, flight{home, h, n})
				}
			case 4, 5, 6:
				if len(up) == 0 {
					continue
				}
				i := rnd.IntN(len(up))
				f := up[i]
				up = append(up[:i], up[i+1:]...)
				n := rnd.Int64N(f.max + 1)
				for _, c := range f.hold.AppendCharges(nil, n, n) {
					spent[c.Budget] += n
				}
				all[f.home].settle(f.hold, n)
			case 7:
				again := append(r.rows[:0:0], r.rows...)
				r.replay()
				if rnd.IntN(2) == 0 {
					r.rows = again // the acknowledgement was lost
				}
			case 8:
				w.pass(time.Duration(rnd.IntN(3)) * time.Second)
				r.tidy(w.clock(), false)
			case 9:
				if rnd.IntN(5) != 0 {
					continue
				}
				var left []flight
				r.quiet() // the dead ask nothing
				next := w.replica(home)
				next.rows = r.rows
				for _, f := range up { // what was under way counts what was reserved
					if f.home != home {
						left = append(left, f)
						continue
					}
					r.rows = nil
					r.journal(f.hold.AppendWorst(nil))
					next.rows = append(next.rows, r.rows...)
					for _, c := range f.hold.AppendWorst(nil) {
						spent[c.Budget] += f.max
					}
				}
				up, all[home] = left, next
				next.replay()
				if err := w.s.ReclaimBudgets(t.Context(), home, next.opt.Replica); err != nil {
					t.Fatal(err)
				}
			}
			held := map[string]int64{}
			for _, f := range up {
				for _, c := range f.hold.AppendCharges(nil, 0, 0) {
					held[c.Budget] += f.max
				}
			}
			for _, rule := range rules {
				if n := spent[rule.ID] + held[rule.ID]; n > rule.Limit {
					t.Fatalf("seed %d: %s: %d spent and %d under way of %d", seed, rule.ID, spent[rule.ID], held[rule.ID], rule.Limit)
				}
			}
		}
		for _, f := range up {
			all[f.home].settle(f.hold, 0)
		}
		for _, r := range all {
			r.replay()
			r.Close()
		}
		w.pass(dryFor)
		last := w.replica("d")
		for _, rule := range rules {
			accounts, rows := w.spent(rule.ID)
			if accounts != spent[rule.ID] || rows != accounts {
				t.Errorf("seed %d: %s: spent %d, accounts %d, rows %d", seed, rule.ID, spent[rule.ID], accounts, rows)
			}
			if rule.Limit == accounts {
				continue
			}
			if _, err := last.ask(rule.Limit-accounts, rule); err != nil {
				t.Errorf("seed %d: not all that is left can be spent: %v", seed, err)
			}
		}
	}
}

func BenchmarkReserveAndSettle(b *testing.B) {
	for name, scopes := range map[string]int{"1 scope": 1, "4 scopes": 4} {
		b.Run(name, func(b *testing.B) {
			k := New(Options{Bank: rich{}, OnAway: Refuse, Wait: time.Second, Now: time.Now})
			var asks []Ask
			for i := range scopes {
				asks = append(asks, Ask{Rule: &Rule{ID: string(rune('a' + i)), Unit: Dollars, Limit: 1 << 60, Period: Monthly, Zone: "Europe/Berlin"}, Amount: dollar})
			}
			at := time.Now()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					h, err := k.Reserve(context.Background(), at, asks)
					if err != nil {
						b.Error(err)
						return
					}
					h.Spend(dollar/2, 0)
					h.Close()
				}
			})
		})
	}
}

// rich is a bank that never runs out.
type rich struct{ Bank }

func (rich) Lease(_ context.Context, c *Claim) (Grant, error) {
	return Grant{Amount: 1 << 58, Limit: 1 << 60, Mine: 1 << 58, Held: 1 << 58}, nil
}
