// Package retry decides what comes after an attempt that failed before anything
// was sent to the client: an end, the same place after a while, or the next one.
package retry

import (
	"math/bits"
	"time"

	"turnpike/internal/health"
	"turnpike/internal/llm"
)

// Plan bounds what is done for one request.
type Plan struct {
	Attempts int           // in all, the first included
	Total    time.Duration // no attempt begins later than this after the request; 0: no bound
	MaxWait  time.Duration // the longest wait before another attempt at the same place
	Base     time.Duration // the first backoff is below this, each one after it below twice as much
}

// Default suits agents: they wait rather than fail, and give up after minutes.
var Default = Plan{Attempts: 4, Total: 2 * time.Minute, MaxWait: 10 * time.Second, Base: 500 * time.Millisecond}

// Action is what comes next.
type Action uint8

// Actions.
const (
	Stop Action = iota // the error is the client's answer
	Same               // the same place again, after the wait
	Next               // the next candidate, at once
)

// Step is a decision with its reason.
type Step struct {
	Do    Action
	After time.Duration
	Why   string
}

// State is where a request stands after an attempt.
type State struct {
	Err     *llm.Error
	Attempt int           // the number of attempts so far
	Elapsed time.Duration // since the request came
	Others  bool          // there is another candidate
	Sent    bool          // the client has seen content
	Gone    bool          // the client has left
}

// Next decides. rnd is any 64 bits, for the jitter; spend asks the retry budget
// and is called only for a step that needs it.
func (p Plan) Next(s State, rnd uint64, spend func() bool) Step {
	switch {
	case s.Gone:
		return Step{Why: "the client has left"}
	case s.Sent:
		return Step{Why: "the client has part of an answer"}
	case s.Attempt >= p.Attempts:
		return Step{Why: "no attempts are left"}
	case p.Total > 0 && s.Elapsed >= p.Total:
		return Step{Why: "no time is left"}
	}
	step := p.wish(s, rnd)
	if step.Do == Stop {
		return step
	}
	if p.Total > 0 && s.Elapsed+step.After >= p.Total {
		return Step{Why: "no time is left"}
	}
	if !spend() {
		return Step{Why: "the retry budget is spent"}
	}
	return step
}

// wish is what would help: another place for whatever is a place's own fault,
// the same one for what passes by itself.
func (p Plan) wish(s State, rnd uint64) Step {
	class := health.Classify(s.Err)
	refused := s.Err.Upstream && (s.Err.Kind == llm.ErrForbidden || class == health.Auth || class == health.Quota || class == health.Absent)
	if class == health.Untold && !refused {
		return Step{Why: "another attempt would end the same way"}
	}
	if s.Others {
		return Step{Do: Next, Why: "another provider may serve it"}
	}
	if refused {
		return Step{Why: "nobody else may serve it"}
	}
	wait := Backoff(p.Base, p.MaxWait, s.Attempt, rnd)
	if asked := s.Err.RetryAfter; asked > 0 {
		if asked > p.MaxWait {
			return Step{Why: "the upstream asks for a longer wait than a request is held for"}
		}
		// Not before it says, and not all at the very moment it says.
		wait = asked + jitter(min(asked/4, p.MaxWait-asked), rnd)
	}
	return Step{Do: Same, After: wait, Why: "it may pass"}
}

// Backoff is the wait after the given number of attempts: anything between
// nothing and a bound that doubles each time (full jitter), so that those who
// failed together do not come back together.
func Backoff(base, most time.Duration, attempts int, rnd uint64) time.Duration {
	const maxDoublings = 20
	return jitter(min(base<<min(max(attempts-1, 0), maxDoublings), most), rnd)
}

// jitter is a part of d, from nothing up to it.
func jitter(d time.Duration, rnd uint64) time.Duration {
	if d <= 0 {
		return 0
	}
	part, _ := bits.Mul64(rnd, uint64(d)) //nolint:gosec // above nothing
	return time.Duration(part)            //nolint:gosec // below d
}
