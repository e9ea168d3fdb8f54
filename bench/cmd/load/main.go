// Command load sends one kind of request to any address, checks every answer, and prints what it measured: for a closer look at a single
// case, or to keep a program busy under a profiler.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"turnpike/bench/internal/answer"
	"turnpike/bench/internal/load"
	"turnpike/bench/internal/mock"
	"turnpike/bench/internal/prompt"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var j load.Job
	flag.StringVar(&j.Addr, "addr", "127.0.0.1:9100", "host and port")
	flag.StringVar(&j.Key, "key", mock.UpstreamKey, "sent as a bearer token")
	flag.StringVar(&j.Prefix, "prefix", "", "put before the mock's model name, such as oa/")
	flag.BoolVar(&j.Stream, "stream", false, "ask for streams")
	flag.IntVar(&j.Orders.Chunks, "chunks", answer.DefaultChunks, "chunks of text in an answer")
	flag.DurationVar(&j.Orders.Delay, "delay", 0, "between two chunks of a stream")
	messages := flag.Bool("messages", false, "speak Anthropic messages, not OpenAI chat completions")
	large := flag.Bool("large", false, "send 100 KB of prompt, not 1 KB")
	conns := flag.Int("conns", 16, "connections")
	window := flag.Duration("window", 5*time.Second, "how long to run")
	rate := flag.Float64("rate", 0, "so many requests a second, whether others are answered or not; 0: the next when one is answered")
	hold := flag.Int("hold", 0, "hold this many streams instead, one each")
	flag.Parse()
	if *messages {
		j.API = prompt.Messages
	}
	j.Prompt = prompt.Small()
	if *large {
		j.Prompt = prompt.Large()
	}
	var r load.Result
	if *hold > 0 {
		j.Stream = true
		r = load.Hold(ctx, j, *hold, time.Second)
	} else {
		pool := load.Open(ctx, j, *conns)
		defer pool.Close()
		if *rate > 0 {
			r = pool.Pace(ctx, *rate, *window)
		} else {
			r = pool.Run(ctx, *window)
		}
	}
	fmt.Printf("%d right in %v: %.0f a second\n", r.Done, r.Elapsed.Round(time.Millisecond), float64(r.Done)/r.Elapsed.Seconds())
	fmt.Printf("whole        p50 %v  p99 %v\n", r.Whole.Quantile(.5), r.Whole.Quantile(.99))
	if j.Stream {
		fmt.Printf("first event  p50 %v  p99 %v\n", r.FirstEvent.Quantile(.5), r.FirstEvent.Quantile(.99))
	}
	if r.Transit.Count() > 0 {
		fmt.Printf("chunk's way  p50 %v  p99 %v\n", r.Transit.Quantile(.5), r.Transit.Quantile(.99))
	}
	if r.Wrong == 0 {
		return nil
	}
	errs := []error{fmt.Errorf("%d wrong", r.Wrong)}
	for _, s := range r.Reasons {
		errs = append(errs, errors.New(s))
	}
	return errors.Join(errs...)
}
