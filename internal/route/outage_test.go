package route

import (
	"testing"
	"time"

	"turnpike/internal/health"
	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/retry"
)

// client sends requests in the simulation, down their targets as the table says.
type client struct {
	w       *world
	retries int
	calls   int
}

// request sends one request and tells whether it succeeded. Failures end at once;
// fails says whether a call to an account fails.
func (c *client) request(fails func(account string) *llm.Error) bool {
	c.w.t.Helper()
	choice, err := c.w.table.Candidates(Ask{Model: "gpt-5"})
	if err != nil {
		return false
	}
	targets, start := choice.Targets, c.w.at
	for attempt := 1; ; attempt++ {
		h, ok := targets[0].Begin(c.w.now, len(targets) == 1)
		if !ok {
			targets, attempt = targets[1:], attempt-1
			continue
		}
		c.calls++
		e := fails(targets[0].Provider.Name())
		if e == nil {
			c.w.ends = append(c.w.ends, ending{c.w.at.Add(time.Second), h, behaviour{ttft: 500 * time.Millisecond}})
			return true
		}
		h.End(health.Classify(e), e.RetryAfter)
		step := c.w.table.Next(retry.State{Err: e, Attempt: attempt, Elapsed: c.w.at.Sub(start), Others: len(targets) > 1})
		switch step.Do {
		case retry.Stop:
			return false
		case retry.Next:
			targets = targets[1:]
		case retry.Same:
			start = start.Add(-step.After) // as if it had waited
		}
		c.retries++
	}
}

// One of three fails half of the time and one is dead: 99.9 % of requests succeed.
func TestTwoOfThreeInTrouble(t *testing.T) {
	for _, strategy := range policy.Strategies {
		t.Run(strategy, func(t *testing.T) {
			w := simulate(t, strategy, account("half", "openai"), account("dead", "openai"), account("well", "openai"))
			c := &client{w: w}
			const n = 12000
			good := 0
			for range n {
				w.at = w.at.Add(10 * time.Millisecond) // 100 a second for two minutes
				w.end()
				if c.request(func(name string) *llm.Error {
					if name == "dead" || name == "half" && w.rnd.Uint64()&1 == 0 {
						return &llm.Error{Kind: llm.ErrUpstream, Upstream: true, UpstreamStatus: 502}
					}
					return nil
				}) {
					good++
				}
			}
			if float64(good) < .999*n {
				t.Errorf("%d of %d succeeded", good, n)
			}
			if float64(c.retries) > .1*n+100 {
				t.Errorf("%d retries for %d requests", c.retries, n)
			}
		})
	}
}

// When everything is away the upstreams get little more than the clients sent.
func TestOutageIsNotAmplified(t *testing.T) {
	w := simulate(t, policy.StrategySmart, account("a", "openai"), account("b", "openai"), account("c", "openai"))
	c := &client{w: w}
	const n = 20000
	for range n {
		w.at = w.at.Add(10 * time.Millisecond)
		w.end()
		if c.request(func(string) *llm.Error { return &llm.Error{Kind: llm.ErrUnavail, Upstream: true, UpstreamStatus: 503} }) {
			t.Fatal("succeeded")
		}
	}
	if limit := n * 1.1; float64(c.calls) > limit+100+200 { // what was saved up, and one a second for 200 s
		t.Errorf("%d calls for %d requests", c.calls, n)
	}
	// And they are found when they come back.
	good := 0
	for range 10000 {
		w.at = w.at.Add(10 * time.Millisecond)
		w.end()
		if c.request(func(string) *llm.Error { return nil }) {
			good++
		}
	}
	if good < 9990 {
		t.Errorf("%d of 10000 after the outage", good)
	}
}
