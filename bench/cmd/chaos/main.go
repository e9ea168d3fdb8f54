// Command chaos puts a gateway with three providers under load: in calm rounds all
// three are well, in the others one fails half of its requests and one is dead. It
// tells how many requests succeeded and what the trouble added to their time.
// Everything is on 127.0.0.1 and bounded.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"
)

// What has to hold.
const (
	leastSuccess = 99.9 // percent
	mostAdded    = 5.0  // percent of the calm p50
)

type options struct {
	binary  string
	rounds  int
	every   time.Duration // a round
	workers int
	think   time.Duration // of an upstream
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/turnpike", "the gateway")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of each kind, by turns")
	flag.DurationVar(&o.every, "round", 8*time.Second, "the length of a round")
	flag.IntVar(&o.workers, "workers", 12, "clients at once")
	flag.DurationVar(&o.think, "think", 20*time.Millisecond, "how long an upstream takes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := run(ctx, &o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
	}
	if err != nil || !ok {
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

// run takes turns, so that what else the machine does meets both kinds alike.
func run(ctx context.Context, o *options) (ok bool, err error) {
	var calm, chaos tally
	for i := range o.rounds {
		for _, kind := range []struct {
			name  string
			sum   *tally
			moods [3]mood
		}{{"calm", &calm, [3]mood{fine, fine, fine}}, {"chaos", &chaos, [3]mood{fine, half, dead}}} {
			t, err := round(ctx, o, kind.moods)
			if err != nil {
				return false, err
			}
			fmt.Printf("round %d, %s: %d requests, %d failed, p50 %.2f ms; upstreams were asked %d times %v\n",
				i+1, kind.name, t.requests, t.failed, t.p50(), t.asked[0]+t.asked[1]+t.asked[2], t.asked)
			for _, why := range t.why {
				fmt.Println("   ", why)
			}
			kind.sum.add(t)
		}
	}
	added := 100 * (chaos.p50() - calm.p50()) / calm.p50()
	success := 100 - 100*float64(chaos.failed)/float64(max(chaos.requests, 1))
	ok = success >= leastSuccess && added <= mostAdded && calm.failed == 0
	verdict := "holds"
	if !ok {
		verdict = "does not hold"
	}
	think := float64(o.think) / float64(time.Millisecond)
	fmt.Printf("chaos: %.3f %% of %d requests succeeded (calm: %d of %d failed); p50 %.2f ms, calm %.2f ms: %+.1f %%, beside the upstream's time %.2f and %.2f ms; %s\n",
		success, chaos.requests, calm.failed, calm.requests, chaos.p50(), calm.p50(), added, chaos.p50()-think, calm.p50()-think, verdict)
	return ok, nil
}

// tally is what came of requests.
type tally struct {
	requests, failed int
	took             []time.Duration
	asked            [3]int64
	why              []string // of the first few that failed
}

func (t *tally) add(o *tally) {
	t.requests += o.requests
	t.failed += o.failed
	t.took = append(t.took, o.took...)
}

// p50 is in milliseconds.
func (t *tally) p50() float64 {
	if len(t.took) == 0 {
		return 0
	}
	slices.Sort(t.took)
	return float64(t.took[len(t.took)/2]) / float64(time.Millisecond)
}
