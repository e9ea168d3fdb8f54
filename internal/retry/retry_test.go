package retry

import (
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/llm"
)

func upstream(kind llm.ErrorKind, status int, wait time.Duration) *llm.Error {
	return &llm.Error{Kind: kind, Upstream: true, UpstreamStatus: status, RetryAfter: wait}
}

func TestNext(t *testing.T) {
	plan := Plan{Attempts: 3, Total: time.Minute, MaxWait: 10 * time.Second, Base: time.Second}
	overload, rate := upstream(llm.ErrOverloaded, 529, 0), upstream(llm.ErrRate, 429, 0)
	noModel := upstream(llm.ErrNotFound, 404, 0)
	noModel.Code = "model_not_found"
	for _, c := range []struct {
		name   string
		s      State
		budget bool
		want   Action
		why    string
	}{
		{"no connection", State{Err: upstream(llm.ErrUpstream, 0, 0), Attempt: 1, Others: true}, true, Next, "another provider"},
		{"a 408", State{Err: upstream(llm.ErrTimeout, 408, 0), Attempt: 1, Others: true}, true, Next, ""},
		{"a 429", State{Err: rate, Attempt: 1, Others: true}, true, Next, ""},
		{"a 500", State{Err: upstream(llm.ErrUpstream, 500, 0), Attempt: 1, Others: true}, true, Next, ""},
		{"a 529", State{Err: overload, Attempt: 1, Others: true}, true, Next, ""},
		{"an error as the first frame", State{Err: upstream(llm.ErrOverloaded, 200, 0), Attempt: 1, Others: true}, true, Next, ""},
		{"an answer that is none", State{Err: &llm.Error{Kind: llm.ErrUpstream}, Attempt: 1, Others: true}, true, Next, ""},
		{"our credentials", State{Err: upstream(llm.ErrAuth, 401, 0), Attempt: 1, Others: true}, true, Next, ""},
		{"an empty account", State{Err: upstream(llm.ErrBilling, 429, 0), Attempt: 1, Others: true}, true, Next, ""},
		{"no access to the model", State{Err: upstream(llm.ErrForbidden, 403, 0), Attempt: 1, Others: true}, true, Next, ""},
		{"credentials, alone", State{Err: upstream(llm.ErrAuth, 401, 0), Attempt: 1}, true, Stop, "nobody else"},
		{"an empty account, alone", State{Err: upstream(llm.ErrBilling, 429, time.Second), Attempt: 1}, true, Stop, "nobody else"},
		{"the caller's 400", State{Err: upstream(llm.ErrInvalid, 400, 0), Attempt: 1, Others: true}, true, Stop, "the same way"},
		{"the caller's 413", State{Err: upstream(llm.ErrTooLarge, 413, 0), Attempt: 1, Others: true}, true, Stop, ""},
		{"the caller's 404", State{Err: upstream(llm.ErrNotFound, 404, 0), Attempt: 1, Others: true}, true, Stop, ""},
		{"no such model there", State{Err: noModel, Attempt: 1, Others: true}, true, Next, "another provider"},
		{"no such model, alone", State{Err: noModel, Attempt: 1}, true, Stop, "nobody else"},
		{"our own error", State{Err: &llm.Error{Kind: llm.ErrInternal}, Attempt: 1, Others: true}, true, Stop, ""},
		{"our own 403", State{Err: &llm.Error{Kind: llm.ErrForbidden}, Attempt: 1, Others: true}, true, Stop, ""},
		{"overload, alone", State{Err: overload, Attempt: 1}, true, Same, "may pass"},
		{"a short wait, alone", State{Err: upstream(llm.ErrRate, 429, 5*time.Second), Attempt: 1}, true, Same, ""},
		{"a long wait, alone", State{Err: upstream(llm.ErrRate, 429, 20*time.Second), Attempt: 1}, true, Stop, "longer wait"},
		{"a wait beyond the deadline", State{Err: upstream(llm.ErrRate, 429, 9*time.Second), Attempt: 1, Elapsed: 55 * time.Second}, true, Stop, "no time"},
		{"too late", State{Err: rate, Attempt: 1, Elapsed: time.Minute, Others: true}, true, Stop, "no time"},
		{"the last attempt", State{Err: rate, Attempt: 3, Others: true}, true, Stop, "no attempts"},
		{"after the first content", State{Err: overload, Attempt: 1, Others: true, Sent: true}, true, Stop, "part of an answer"},
		{"for nobody", State{Err: overload, Attempt: 1, Others: true, Gone: true}, true, Stop, "has left"},
		{"without a budget", State{Err: overload, Attempt: 1, Others: true}, false, Stop, "budget"},
	} {
		asked := false
		step := plan.Next(c.s, 1<<63, func() bool { asked = true; return c.budget })
		if step.Do != c.want || !strings.Contains(step.Why, c.why) {
			t.Errorf("%s: %+v, want %d because %q", c.name, step, c.want, c.why)
		}
		if step.Do == Stop && asked && c.budget {
			t.Errorf("%s: the budget paid for nothing", c.name)
		}
	}
}

// Whatever comes: never before the upstream's time, never past the cap, and all
// of the range is used.
func TestWaits(t *testing.T) {
	plan := Plan{Attempts: 9, Total: time.Hour, MaxWait: 10 * time.Second, Base: time.Second}
	rnd := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // a test's dice
	for attempt, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 8 * time.Second, 5: 10 * time.Second, 8: 10 * time.Second} {
		low, high := time.Duration(math.MaxInt64), time.Duration(0)
		for range 2000 {
			step := plan.Next(State{Err: upstream(llm.ErrOverloaded, 529, 0), Attempt: attempt}, rnd.Uint64(), func() bool { return true })
			low, high = min(low, step.After), max(high, step.After)
		}
		if low > most/50 || high > most || high < most*49/50 {
			t.Errorf("after %d: between %s and %s, want 0 to %s", attempt, low, high, most)
		}
	}
	for range 2000 {
		asked := time.Duration(rnd.Int64N(int64(plan.MaxWait))) + 1
		step := plan.Next(State{Err: upstream(llm.ErrRate, 429, asked), Attempt: 1}, rnd.Uint64(), func() bool { return true })
		if step.After < asked || step.After > plan.MaxWait || step.After > asked+asked/4 {
			t.Fatalf("asked for %s, waits %s", asked, step.After)
		}
	}
	if Backoff(time.Second, 0, 1, 1) != 0 || Backoff(time.Second, time.Hour, 1000, math.MaxUint64) >= time.Hour {
		t.Error("the ends of the range")
	}
}

// In an outage retries stay a tenth of the traffic, beside what was saved up.
func TestBudget(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	b := NewBudget(10, 20, func() time.Time { return at })
	spent := 0
	for range 10000 {
		b.Request()
		if b.Spend() {
			spent++
		}
	}
	if spent < 1010 || spent > 1025 {
		t.Errorf("%d retries for 10000 requests", spent)
	}
	if b.Left() != 0 {
		t.Errorf("%d left", b.Left())
	}
	at = at.Add(10 * time.Second)
	if b.Left() != 2 {
		t.Errorf("after ten seconds %d", b.Left())
	}
	at = at.Add(time.Hour)
	if b.Left() != 20 {
		t.Errorf("after an hour %d", b.Left())
	}
	if none := NewBudget(0, 20, func() time.Time { return at }); none.Spend() {
		t.Error("a budget of nothing gave something")
	}
}

func TestBudgetAtOnce(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	b := NewBudget(10, 100, func() time.Time { return at })
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for range 8 {
		wg.Go(func() {
			n := 0
			for range 1000 {
				b.Request()
				if b.Spend() {
					n++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			total += n
		})
	}
	wg.Wait()
	if total > 100+800 || total < 700 {
		t.Errorf("%d retries", total)
	}
}
