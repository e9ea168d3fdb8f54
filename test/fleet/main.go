// Command fleet puts three gateways on one PostgreSQL and one Redis behind nginx, asks them for streams and whole
// answers all the time, and lets happen to them what happens to fleets: a rolling restart, a Redis and a database that
// go and come back, a database that is replaced by its copy, a leader that is killed, clocks that are wrong; then the same
// with other beds: Redis Sentinel and Redis Cluster that lose their primary, pgbouncer in transaction mode, names that are
// resolved slowly. It counts what clients notice and ends with 1 where that is more than nothing.
//
//	go run ./fleet -binary ../bin/turnpike -skewed ../bin/turnpike-skewed
//
// It needs PostgreSQL, pgbouncer, Redis and nginx on the machine (scripts/fleet.sh installs them) and nothing else: models are the
// sandbox's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

type options struct {
	binary, skewed string
	beds, only     string
	clients        int
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "../bin/turnpike", "the gateway")
	flag.StringVar(&o.skewed, "skewed", "", "a gateway whose clock TURNPIKE_TEST_SKEW sets (scripts/skewed.sh); none leaves that out")
	flag.StringVar(&o.only, "only", "", "names of the trials to run, with commas; all of them where it is empty")
	flag.StringVar(&o.beds, "beds", "", "names of the beds (plain, sentinel, cluster, pgbouncer, names), with commas; all of them where it is empty")
	flag.IntVar(&o.clients, "clients", 12, "clients at once")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 40*time.Minute)
	defer cancel()
	if err := run(ctx, &o); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		cancel()
		stop()
		os.Exit(1) //nolint:gocritic // both were called
	}
}

func run(ctx context.Context, o *options) error {
	var err error
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return err
	}
	if o.skewed != "" {
		if o.skewed, err = filepath.Abs(o.skewed); err != nil {
			return err
		}
	}
	began := time.Now()
	var figures []string
	var sum tally
	for i := range beds {
		b := &beds[i]
		if o.beds != "" && !slices.Contains(strings.Split(o.beds, ","), b.name) {
			continue
		}
		told, t, err := b.run(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		figures = append(figures, told...)
		sum.streams, sum.whole, sum.torn, sum.failed = sum.streams+t.streams, sum.whole+t.whole, sum.torn+t.torn, sum.failed+t.failed
		sum.first = errors.Join(sum.first, t.first)
	}
	fmt.Printf("fleet: %d trials in %.0f s, %d streams and %d whole answers behind nginx, %d torn, %d failed; %s\n",
		len(figures), time.Since(began).Seconds(), sum.streams, sum.whole, sum.torn, sum.failed, strings.Join(figures, "; "))
	if sum.torn > 0 || sum.failed > 0 {
		return errors.Join(errors.New("clients noticed"), sum.first)
	}
	return nil
}

// run does what is tried on a bed.
func (b *bed) run(ctx context.Context, o *options) (figures []string, sum tally, err error) {
	wanted := slices.DeleteFunc(slices.Clone(b.trials), func(t trial) bool {
		return t.skewed && o.skewed == "" || o.only != "" && !slices.Contains(strings.Split(o.only, ","), t.name)
	})
	if len(wanted) == 0 {
		return nil, sum, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 12*time.Minute)
	defer cancel()
	f, err := newFleet(ctx, o, b)
	if f != nil {
		defer f.close()
	}
	if err != nil {
		return nil, sum, err
	}
	for _, t := range wanted {
		from := time.Now()
		told, err := t.run(ctx, f)
		if err != nil {
			return nil, sum, fmt.Errorf("%s: %w\n%s", t.name, err, f.logs())
		}
		fmt.Printf("%-10s %-20s %s (%.1f s)\n", b.name, t.name, told, time.Since(from).Seconds())
		figures = append(figures, b.name+", "+t.name+": "+told)
	}
	return figures, f.load.sum(), nil
}

// until waits for something to become true: it looks often, and says at the end what did not.
func until(ctx context.Context, limit time.Duration, what string, look func() bool) (time.Duration, error) {
	from := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !look() {
		if time.Since(from) > limit {
			return limit, fmt.Errorf("not within %v: %s", limit, what)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("%s: %w", what, ctx.Err())
		}
	}
	return time.Since(from), nil
}
