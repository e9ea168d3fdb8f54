// Package throttle keeps what is sent to an account within the account's limits:
// requests and tokens a minute, requests at once. Those who find no room wait in
// a bounded queue that is fair among keys, then are told when to come back.
package throttle

import (
	"context"
	"fmt"
	"sync"
	"time"

	"turnpike/internal/llm"
)

// Limits of one account for the models a rule is about. Zero means no limit.
type Limits struct {
	RPM         int64         // requests a minute
	TPM         int64         // tokens a minute
	Concurrency int           // requests at once
	Queue       int           // how many may wait
	Wait        time.Duration // how long one may wait
}

// Gate is where requests pass to what a rule is about. A nil Gate is open.
type Gate struct {
	name   string // of the account and the rule, for people
	limits Limits
	now    func() time.Time

	mu       sync.Mutex
	requests bucket
	tokens   bucket
	running  int
	queue    queue
	alarm    *time.Timer // rings when there is room again; nil until it is needed
}

// NewGate makes a gate.
func NewGate(name string, l Limits, now func() time.Time) *Gate {
	t := now()
	return &Gate{name: name, limits: l, now: now, requests: newBucket(l.RPM, t), tokens: newBucket(l.TPM, t)}
}

// Pass is the right to send one request.
type Pass struct {
	gate   *Gate
	tokens int64
}

// Enter waits for room for a request of about so many tokens. who is the key it
// is for: keys take turns. The Pass must be given back with Leave.
func (g *Gate) Enter(ctx context.Context, who string, tokens int64) (Pass, *llm.Error) {
	if g == nil {
		return Pass{}, nil
	}
	g.mu.Lock()
	wait := g.room(tokens)
	if wait == 0 && !g.crowded() && g.queue.len() == 0 {
		g.take(tokens)
		g.mu.Unlock()
		return Pass{g, tokens}, nil
	}
	if wait > g.limits.Wait || !g.makeRoom(who) {
		g.mu.Unlock()
		return Pass{}, g.full(wait)
	}
	w := g.queue.push(who, tokens)
	g.serve()
	g.mu.Unlock()
	return g.await(ctx, w)
}

// makeRoom tells whether one more may wait. When the queue is full, a key that
// has fewer in it than another takes the place of that one's last.
func (g *Gate) makeRoom(who string) bool {
	if g.queue.len() < g.limits.Queue {
		return true
	}
	if g.limits.Queue == 0 {
		return false
	}
	w := g.queue.crowder(who)
	if w == nil {
		return false
	}
	g.queue.remove(w)
	close(w.done)
	return true
}

// await waits for a turn, within the bound and the client's patience.
func (g *Gate) await(ctx context.Context, w *waiter) (Pass, *llm.Error) {
	patience := time.NewTimer(g.limits.Wait)
	defer patience.Stop()
	select {
	case <-w.done:
	case <-patience.C:
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case w.granted && ctx.Err() == nil:
		return Pass{g, w.tokens}, nil
	case w.granted: // and nobody is there to use it
		g.leave(w.tokens, 0)
	default:
		g.queue.remove(w)
		g.serve() // the next one may need less
	}
	if ctx.Err() != nil {
		return Pass{}, &llm.Error{Kind: llm.ErrTimeout, Message: "the client left while its request waited for room", Cause: context.Cause(ctx)}
	}
	return Pass{}, g.full(g.room(w.tokens))
}

// Leave gives the pass back. used is what the request really took, below zero
// where that is not known.
func (p Pass) Leave(used int64) {
	if p.gate == nil {
		return
	}
	if used < 0 {
		used = p.tokens
	}
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.gate.leave(p.tokens, used)
}

func (g *Gate) leave(tokens, used int64) {
	g.running--
	g.tokens.give(float64(tokens - used))
	g.serve()
}

// Busy tells whether a request would have to wait.
func (g *Gate) Busy() bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.queue.len() > 0 || g.crowded() || g.room(0) > 0
}

// Waiting is the number of requests in the queue.
func (g *Gate) Waiting() int {
	if g == nil {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.queue.len()
}

// crowded tells whether as many are under way as may be.
func (g *Gate) crowded() bool {
	return g.limits.Concurrency > 0 && g.running >= g.limits.Concurrency
}

// room is how long until the limits of a minute let a request pass; 0 is now.
func (g *Gate) room(tokens int64) time.Duration {
	now := g.now()
	return max(g.requests.wait(1, now), g.tokens.wait(float64(tokens), now))
}

func (g *Gate) take(tokens int64) {
	g.running++
	g.requests.take(1)
	g.tokens.take(float64(tokens))
}

// serve lets those in whose turn it is, and sets the alarm for the next one.
func (g *Gate) serve() {
	for {
		w := g.queue.next()
		if w == nil {
			return
		}
		if g.crowded() {
			return // somebody's Leave comes back here
		}
		if wait := g.room(w.tokens); wait > 0 {
			g.ring(wait)
			return
		}
		g.queue.remove(w)
		g.take(w.tokens)
		w.granted = true
		close(w.done)
	}
}

func (g *Gate) ring(d time.Duration) {
	if g.alarm != nil {
		g.alarm.Reset(d)
		return
	}
	g.alarm = time.AfterFunc(d, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.serve()
	})
}

// aWhile stands for the unknown time until a request that is under way ends.
const aWhile = time.Second

// full is the error for a request that found no room.
func (g *Gate) full(wait time.Duration) *llm.Error {
	wait = max(wait, aWhile)
	return &llm.Error{
		Kind: llm.ErrRate, Code: "provider_limit", RetryAfter: wait,
		Message: fmt.Sprintf("the limit set for %s is reached: try again in %s", g.name, wait.Round(time.Second)),
	}
}
