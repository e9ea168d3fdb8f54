package route

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"turnpike/internal/health"
	"turnpike/internal/policy"
)

// Whatever the accounts are like and whatever was said: every place is a target
// or excluded, once; targets are not cooling unless nothing else is left; and the
// steps of a chain come in their order.
func TestNobodyIsLostOrTwice(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // a test's dice
	classes := []health.Class{health.Fine, health.Untold, health.Rate, health.Overload, health.Failure, health.Quota, health.Auth}
	for round := range 3000 {
		at := time.Unix(1_800_000_000, 0)
		now := func() time.Time { return at }
		var accounts []*Account
		for i := range 1 + rnd.IntN(10) {
			a := account(fmt.Sprint("p", i), []string{"openai", "anthropic"}[rnd.IntN(2)], weight(rnd.IntN(3)*50))
			accounts = append(accounts, a)
		}
		strategy := policy.Strategies[rnd.IntN(len(policy.Strategies))]
		table := New(accounts, "", "").With(Settings{
			Strategy: strategy, Now: now, Rand: rnd.Uint64, Aliases: policy.Aliases{{Match: "chain", To: []string{"gpt-5", "claude-x"}}},
		})
		key := &policy.Routing{}
		if rnd.IntN(4) == 0 {
			key.Providers = []string{"p0", "p1", "p2"}
		}
		for _, a := range accounts {
			for _, model := range []string{"gpt-5", "claude-x"} {
				for range rnd.IntN(8) {
					h, _ := a.Place(model).Begin(now, true)
					h.FirstContent(time.Duration(rnd.IntN(3000)) * time.Millisecond)
					if rnd.IntN(3) > 0 {
						h.End(classes[rnd.IntN(len(classes))], time.Duration(rnd.IntN(20))*time.Second)
					}
					at = at.Add(time.Duration(rnd.IntN(3)) * time.Second)
				}
			}
		}
		c, err := table.Candidates(Ask{Model: "chain", Key: key, Conversation: []string{"", "x"}[rnd.IntN(2)]})
		seen := map[string]bool{}
		for i, target := range c.Targets {
			name := target.Provider.Name() + " " + target.Model
			if seen[name] {
				t.Fatalf("%d: %s twice", round, name)
			}
			seen[name] = true
			if target.Place().State(at) == health.Open && len(c.Targets) > 1 {
				t.Fatalf("%d: %s cools and is asked", round, name)
			}
			if i > 0 && target.Step < c.Targets[i-1].Step {
				t.Fatalf("%d: the chain goes back: %+v", round, c.Targets)
			}
		}
		for _, x := range c.Excluded {
			if name := x.Provider + " " + x.Model; seen[name] {
				t.Fatalf("%d: %s twice", round, name)
			} else {
				seen[name] = true
			}
		}
		all := 0
		for _, s := range table.now.Load().plan("chain", nil).steps {
			all += len(s.spots)
		}
		if len(seen) != all {
			t.Fatalf("%d: %d places, told of %d: %q %s", round, all, len(seen), places(c), reasons(c))
		}
		allowed := len(key.Providers) == 0 || slices.ContainsFunc(accounts, func(a *Account) bool { return slices.Contains(key.Providers, a.Provider.Name()) })
		if (err == nil) != allowed {
			t.Fatalf("%d: %v", round, err)
		}
	}
}
