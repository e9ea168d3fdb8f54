package limit

import (
	"strings"
	"sync/atomic"
	"time"
)

// None stands for a limit that is not there.
const None = -1

// Kind is what a limit counts.
type Kind uint8

// The kinds of limits.
const (
	RPM Kind = iota
	TPM
	Concurrent
)

// String is the limit's name in rules.
func (k Kind) String() string { return [...]string{"rpm", "tpm", "concurrent"}[k] }

// Key is what is counted together.
type Key struct {
	Kind, ID string // whose requests
	Match    string // a pattern of the models they ask for; empty: all
	Light    bool   // those that ask no model for an answer, apart from the others
}

// text is the key's name in Redis.
func (k Key) text() string {
	var b strings.Builder
	b.WriteString(k.Kind)
	b.WriteByte(':')
	b.WriteString(k.ID)
	if k.Match != "" {
		b.WriteString(":m:")
		b.WriteString(k.Match)
	}
	if k.Light {
		b.WriteString(":light")
	}
	return b.String()
}

// Claim is a request's wish for room within one rule, and how that stood.
type Claim struct {
	Key
	Name string // of the scope, for people
	max  [3]int64

	took     int64 // tokens, no more than ever fit
	requests int64 // level after the decision
	tokens   int64
	open     int64 // under way
	entry    *entry
}

// Max is the limit of a kind, None where there is none.
func (c *Claim) Max(k Kind) int64 { return c.max[k] }

// Left is how much of a limit is left.
func (c *Claim) Left(k Kind) int64 {
	switch k {
	case RPM:
		return left(c.requests, c.max[RPM])
	case TPM:
		return left(c.tokens, c.max[TPM])
	default:
		return max(0, c.max[Concurrent]-c.open)
	}
}

// Reset is how long it takes until all of a limit is there again, if nobody asks.
func (c *Claim) Reset(k Kind) time.Duration {
	switch k {
	case RPM:
		return empties(c.requests, c.max[RPM])
	case TPM:
		return empties(c.tokens, c.max[TPM])
	default: // when requests end nobody knows
		return 0
	}
}

// Refusal is why there is no room.
type Refusal struct {
	Claim *Claim
	Kind  Kind
	Wait  time.Duration // until there may be
	Never bool          // not by waiting: the limit is 0
}

// Ticket is the room a request has within all rules of its chain. It is filled with
// claims, admitted once and closed once.
type Ticket struct {
	// Claims are the rules it must fit.
	Claims []Claim
	// Refusal tells why it was not admitted.
	Refusal Refusal
	// Shared says that it was decided for all replicas together.
	Shared bool

	id     string
	born   time.Time
	state  atomic.Uint32
	from   *Limiter
	room   [4]Claim
	locked [8]*entry
}

// The states of a ticket.
const (
	fresh = iota
	admitted
	refused
	closed
)

// Claim adds a rule the request must fit. One that limits nothing, or is there
// already, is left out.
func (t *Ticket) Claim(key Key, name string, r Rule) {
	if r.Unlimited() {
		return
	}
	for i := range t.Claims {
		if t.Claims[i].Key == key {
			return
		}
	}
	if t.Claims == nil {
		t.Claims = t.room[:0]
	}
	t.Claims = append(t.Claims, Claim{Key: key, Name: name, max: [3]int64{value(r.RPM), value(r.TPM), value(r.Concurrent)}})
}

func value(v *int64) int64 {
	if v == nil {
		return None
	}
	return min(*v, most)
}

// Admitted tells whether the request may run.
func (t *Ticket) Admitted() bool { return t.state.Load() != refused }

// Counts tells whether any of the rules counts tokens.
func (t *Ticket) Counts() bool {
	for i := range t.Claims {
		if t.Claims[i].max[TPM] >= 0 {
			return true
		}
	}
	return false
}

// Keep as the tokens of Close leaves what was reserved as it is: the truth is not known.
const Keep = -1

// Close gives back the room of a request that is over and used so many tokens. Only
// the first call counts.
func (t *Ticket) Close(tokens int64) { t.close(tokens, false) }

// Void gives everything back: the request has not run.
func (t *Ticket) Void() { t.close(0, true) }

func (t *Ticket) close(tokens int64, void bool) {
	if t == nil || !t.state.CompareAndSwap(admitted, closed) {
		return
	}
	if tokens != Keep {
		tokens = min(max(tokens, 0), most)
	}
	t.from.settle(t, tokens, void)
}

// reserve notes how many tokens each rule is asked for. What could never fit takes all
// there is: such a request runs alone, and what it used is paid back by waiting.
func (t *Ticket) reserve(tokens int64) {
	tokens = min(max(tokens, 0), most)
	for i := range t.Claims {
		c := &t.Claims[i]
		c.took = 0
		if c.max[TPM] > 0 {
			c.took = min(tokens, c.max[TPM])
		}
	}
}

// refuse notes a limit that has no room, if it is the one that takes longest to clear.
func (t *Ticket) refuse(c *Claim, k Kind, d time.Duration) {
	r := &t.Refusal
	never := c.max[k] == 0
	if r.Claim == nil || never && !r.Never || never == r.Never && d > r.Wait {
		*r = Refusal{c, k, d, never}
	}
}

// soon is when a request under way may have ended: nobody knows.
const soon = time.Second

// judge looks for limits that have no room, and tells whether there is none.
func (t *Ticket) judge() bool {
	t.Refusal = Refusal{}
	for i := range t.Claims {
		c := &t.Claims[i]
		for k := RPM; k <= Concurrent; k++ {
			var d time.Duration
			switch n := c.max[k]; {
			case n < 0:
				continue
			case n == 0:
				d = soon
			case k == RPM:
				d = wait(c.requests, n, 1)
			case k == TPM:
				d = wait(c.tokens, n, c.took)
			case c.open >= n:
				d = soon
			}
			if d > 0 {
				t.refuse(c, k, d)
			}
		}
	}
	return t.Refusal.Claim == nil
}

// share leaves a replica's part of each limit, at least 1.
func (t *Ticket) share(replicas int64) {
	if replicas <= 1 {
		return
	}
	for i := range t.Claims {
		for k, n := range t.Claims[i].max {
			if n > 0 {
				t.Claims[i].max[k] = max(1, n/replicas)
			}
		}
	}
}
