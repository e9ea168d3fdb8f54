// Package load sends requests and checks every answer: in a closed loop, where each connection asks again as soon as it is answered, and
// as many slow streams held open at once.
package load

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"turnpike/bench/internal/hist"
)

const (
	maxReasons = 5   // different faults that are kept
	maxWrong   = 200 // wrong answers, a connection, before it gives up
)

// Result is what came of a run.
type Result struct {
	Elapsed    time.Duration
	Done       int // right answers
	Wrong      int
	Reasons    []string  // what was wrong, each fault once
	Whole      hist.Hist // request to the end of the answer
	FirstEvent hist.Hist // request to the first event of a stream
	Transit    hist.Hist // a chunk's way from the mock, of slow streams
}

func (r *Result) add(t timing, stream bool) {
	r.Done++
	r.Whole.Add(t.whole)
	if stream {
		r.FirstEvent.Add(t.firstEvent)
	}
}

func (r *Result) fault(err error) {
	r.Wrong++
	r.reason(err.Error())
}

func (r *Result) reason(s string) {
	if len(r.Reasons) < maxReasons && !slices.Contains(r.Reasons, s) {
		r.Reasons = append(r.Reasons, s)
	}
}

func (r *Result) merge(o *Result) {
	r.Done += o.Done
	r.Wrong += o.Wrong
	for _, s := range o.Reasons {
		r.reason(s)
	}
	r.Whole.Merge(&o.Whole)
	r.FirstEvent.Merge(&o.FirstEvent)
	r.Transit.Merge(&o.Transit)
}

// Once sends one request and checks its answer.
func Once(ctx context.Context, j Job) error {
	c := newClient(j)
	defer context.AfterFunc(ctx, c.close)()
	defer c.close()
	_, err := c.do(ctx, nil)
	return err
}

// Pool is a number of open connections that have been used once.
type Pool struct {
	job     Job
	clients []*client
	warm    Result
}

// Open opens the connections and sends a request on each.
func Open(ctx context.Context, j Job, conns int) *Pool {
	p := &Pool{job: j}
	for range conns {
		p.clients = append(p.clients, newClient(j))
	}
	p.warm = p.each(ctx, func(c *client, r *Result) {
		if _, err := c.do(ctx, nil); err != nil {
			r.fault(err)
		}
	})
	return p
}

// Close closes the connections.
func (p *Pool) Close() {
	for _, c := range p.clients {
		c.close()
	}
}

// Run keeps every connection busy until d is over and the last answer has come. Wrong answers at Open count too.
func (p *Pool) Run(ctx context.Context, d time.Duration) Result {
	start := time.Now()
	stop := start.Add(d)
	sum := p.each(ctx, func(c *client, r *Result) {
		for time.Now().Before(stop) && ctx.Err() == nil && r.Wrong < maxWrong {
			t, err := c.do(ctx, nil)
			if err != nil {
				if ctx.Err() == nil {
					r.fault(err)
				}
				continue
			}
			r.add(t, p.job.Stream)
		}
	})
	sum.Elapsed = time.Since(start)
	sum.merge(&p.warm)
	return sum
}

// Pace sends so many requests a second, each when it is due, for d. A request that finds no connection free waits, and that counts: times are
// from when it was due.
func (p *Pool) Pace(ctx context.Context, rate float64, d time.Duration) Result {
	start, all := time.Now(), int64(rate*d.Seconds())
	var next atomic.Int64
	sum := p.each(ctx, func(c *client, r *Result) {
		for r.Wrong < maxWrong {
			n := next.Add(1) - 1
			due := start.Add(time.Duration(float64(n) / rate * float64(time.Second)))
			if n >= all || wait(ctx, due) != nil {
				return
			}
			t, err := c.do(ctx, nil)
			if err != nil {
				if ctx.Err() == nil {
					r.fault(err)
				}
				continue
			}
			t.whole = time.Since(due)
			r.add(t, p.job.Stream)
		}
	})
	sum.Elapsed = time.Since(start)
	sum.merge(&p.warm)
	return sum
}

// each runs work on all connections at once and adds up their results.
func (p *Pool) each(ctx context.Context, work func(*client, *Result)) Result {
	defer context.AfterFunc(ctx, p.Close)()
	results := make([]Result, len(p.clients))
	var running sync.WaitGroup
	for i, c := range p.clients {
		running.Go(func() { work(c, &results[i]) })
	}
	running.Wait()
	var sum Result
	for i := range results {
		sum.merge(&results[i])
	}
	return sum
}

// Hold opens n streams, spread over ramp, reads each to its end, and returns when the last has ended.
func Hold(ctx context.Context, j Job, n int, ramp time.Duration) Result {
	p := &Pool{job: j}
	order := map[*client]int{}
	for i := range n {
		c := newClient(j)
		p.clients = append(p.clients, c)
		order[c] = i
	}
	defer p.Close()
	start := time.Now()
	sum := p.each(ctx, func(c *client, r *Result) {
		if err := wait(ctx, start.Add(ramp*time.Duration(order[c])/time.Duration(n))); err != nil {
			return
		}
		t, err := c.do(ctx, func(written int64) { r.Transit.Add(time.Duration(time.Now().UnixNano() - written)) })
		if err != nil {
			r.fault(err)
			return
		}
		r.add(t, true)
	})
	sum.Elapsed = time.Since(start)
	if err := ctx.Err(); err != nil && sum.Done < n {
		sum.fault(errors.New("stopped before the end"))
	}
	return sum
}

func wait(ctx context.Context, until time.Time) error {
	if !time.Now().Before(until) {
		return ctx.Err()
	}
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
