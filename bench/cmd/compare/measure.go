package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"time"

	"turnpike/bench/internal/load"
	"turnpike/bench/internal/proc"
)

// metric is one figure of a run.
type metric int

// The figures: times in seconds, memory in bytes.
const (
	rate metric = iota // right answers a second
	p50                // request to the end of its answer
	p99
	first50 // request to the first event of a stream
	first99
	transit50 // a chunk's way from the mock to the client
	transit99
	cpu       // CPU-seconds of the target for 1,000 requests
	idle      // memory before the load
	peak      // most memory under it
	perStream // memory a held stream
	right     // right answers
	foreign   // share of the machine that went to other programs
	metrics   // how many there are
)

// figures are those of one run; NaN stands for none.
type figures [metrics]float64

// row is one entry's outcome.
type row struct {
	entry  entry
	runs   []figures
	wrong  int
	faults []string
}

// median of each figure over the runs.
func (r *row) median() figures {
	var m figures
	for i := range m {
		var all []float64
		for _, f := range r.runs {
			if !math.IsNaN(f[i]) {
				all = append(all, f[i])
			}
		}
		m[i] = median(all)
	}
	return m
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func (r *row) fault(wrong int, reasons ...string) {
	r.wrong += wrong
	for _, s := range reasons {
		if !slices.Contains(r.faults, s) && len(r.faults) < 5 {
			r.faults = append(r.faults, s)
		}
	}
}

// bench runs groups against processes.
type bench struct {
	size     size
	rate     float64       // of requests that come by the clock
	settle   time.Duration // how long a target is watched after its last answer, so that work it put off is counted too
	running  map[string]*process
	progress io.Writer
}

// process is the one that an entry's requests go to.
func (b *bench) process(e entry) *process {
	if e.target == direct {
		return b.running["mock"]
	}
	return b.running[e.target]
}

// run measures a group: each entry is checked once, then all take turns, as many times as there are rounds, each round beginning
// with another.
func (b *bench) run(ctx context.Context, g group, entries []entry) ([]*row, error) {
	var rows, sound []*row
	for _, e := range entries {
		r := &row{entry: e}
		rows = append(rows, r)
		if err := load.Once(ctx, checked(b.job(g, e))); err != nil {
			r.fault(1, err.Error())
			fmt.Fprintf(b.progress, "%s: %v: wrong: %v\n", g.id, e, err)
			continue
		}
		sound = append(sound, r)
	}
	if g.open {
		if err := b.findRate(ctx, g, sound); err != nil {
			return rows, err
		}
	}
	rounds := b.size.rounds
	if g.conns == 0 {
		rounds = b.size.holdRounds
	}
	for round := range rounds {
		for i := range sound {
			r := sound[(i+round)%len(sound)]
			if err := b.measure(ctx, g, r); err != nil {
				return rows, err
			}
			f := r.runs[len(r.runs)-1]
			fmt.Fprintf(b.progress, "%s %d/%d: %v: %.0f a second, other programs %.0f %%\n", g.id, round+1, rounds, r.entry, f[rate], 100*f[foreign])
		}
	}
	return rows, nil
}

// job is the request of an entry, with the key of its target where that has one of its own.
func (b *bench) job(g group, e entry) load.Job {
	p := b.process(e)
	j := g.job(e, p.addr, b.size)
	if p.key != "" {
		j.Key = p.key
	}
	return j
}

// findRate sets how many requests a second all rows get.
func (b *bench) findRate(ctx context.Context, g group, rows []*row) error {
	b.rate = openRate
	for _, r := range rows {
		pool := load.Open(ctx, b.job(g, r.entry), g.conns)
		res := pool.Run(ctx, b.size.window)
		pool.Close()
		if res.Wrong > 0 {
			r.fault(res.Wrong, res.Reasons...)
		}
		b.rate = min(b.rate, float64(res.Done)/res.Elapsed.Seconds()/2)
	}
	fmt.Fprintf(b.progress, "%s: %.0f requests a second\n", g.id, b.rate)
	return ctx.Err()
}

// measure adds one run to a row.
func (b *bench) measure(ctx context.Context, g group, r *row) error {
	p := b.process(r.entry)
	j := b.job(g, r.entry)
	var res load.Result
	var f figures
	if g.conns == 0 {
		p.stop() // memory is compared from a fresh start
		if err := p.start(ctx); err != nil {
			return err
		}
		if err := load.Once(ctx, checked(j)); err != nil {
			r.fault(1, err.Error())
		}
		f = b.observe(ctx, p, func() load.Result {
			res = load.Hold(ctx, j, b.size.streams, b.size.ramp)
			return res
		})
		f[perStream] = (f[peak] - f[idle]) / float64(b.size.streams)
	} else {
		pool := load.Open(ctx, j, g.conns)
		defer pool.Close()
		f = b.observe(ctx, p, func() load.Result {
			if g.open {
				res = pool.Pace(ctx, b.rate, b.size.window)
			} else {
				res = pool.Run(ctx, b.size.window)
			}
			return res
		})
	}
	if r.entry.target == direct {
		f[cpu], f[idle], f[peak] = math.NaN(), math.NaN(), math.NaN() // the mock's own
	}
	r.runs = append(r.runs, f)
	r.fault(res.Wrong, res.Reasons...)
	return ctx.Err()
}

// observe runs a load and reads what the target used.
func (b *bench) observe(ctx context.Context, p *process, run func() load.Result) figures {
	pause(ctx, b.settle/3) // what came before is over
	var f figures
	self, mock := []int{os.Getpid()}, b.running["mock"].family
	f[idle] = float64(proc.RSS(p.family))
	start := time.Now()
	usedBefore, oursBefore, busyBefore := proc.CPU(p.family), proc.CPU(self)+proc.CPU(mock), proc.Busy()
	stop := watchRSS(p.family)
	res := run()
	pause(ctx, b.settle)
	f[peak] = float64(stop())
	used := proc.CPU(p.family) - usedBefore
	ours := proc.CPU(self) + proc.CPU(mock) - oursBefore
	if p != b.running["mock"] {
		ours += used
	}
	machine := time.Since(start).Seconds() * float64(runtime.NumCPU())
	f[foreign] = max(0, (proc.Busy()-busyBefore-ours)/machine)

	f[rate] = float64(res.Done) / res.Elapsed.Seconds()
	f[right] = float64(res.Done)
	f[cpu] = 1000 * used / float64(max(res.Done, 1))
	f[p50], f[p99] = res.Whole.Quantile(.5).Seconds(), res.Whole.Quantile(.99).Seconds()
	f[first50], f[first99] = res.FirstEvent.Quantile(.5).Seconds(), res.FirstEvent.Quantile(.99).Seconds()
	f[transit50], f[transit99] = res.Transit.Quantile(.5).Seconds(), res.Transit.Quantile(.99).Seconds()
	return f
}

// watchRSS looks at the memory of processes until stop is called, which gives the most that was seen.
func watchRSS(pids []int) (stop func() int64) {
	quit, most := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		highest := proc.RSS(pids)
		for {
			select {
			case <-tick.C:
				highest = max(highest, proc.RSS(pids))
			case <-quit:
				most <- max(highest, proc.RSS(pids))
				return
			}
		}
	}()
	return func() int64 {
		close(quit)
		return <-most
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
