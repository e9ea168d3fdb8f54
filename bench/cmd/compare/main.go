// Command compare measures the gateway beside nginx and a 20-line proxy, and prints what it found in Markdown. It ends with 1 when an
// answer was wrong or a program did not run; a missed goal is not an error.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// timeLimit ends a run that hangs.
const timeLimit = 20 * time.Minute

type options struct {
	settings
	size    size
	targets []string
	groups  *regexp.Regexp
	list    bool
}

func main() {
	runtime.LockOSThread() // the targets end with the thread that starts them
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
		err = run(ctx, o, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	f := flag.NewFlagSet("bench/run.sh", flag.ContinueOnError)
	short := f.Bool("short", false, "a quick look: one short round")
	rounds := f.Int("rounds", 0, "rounds of each group (default 3; 2 of the held streams)")
	window := f.Duration("window", 0, "how long each run lasts (default 1.5s)")
	targets := f.String("targets", strings.Join([]string{direct, nginx, proxy, turnpike}, ","), "who takes part")
	groups := f.String("groups", "", "only the groups whose name matches this regular expression")
	list := f.Bool("list", false, "list the groups and end")
	bin := f.String("bin", "bench/out/bin", "folder of the harness's programs")
	out := f.String("out", "bench/out", "folder for logs, configurations and report.md")
	gateway := f.String("turnpike", "bench/out/bin/turnpike", "the gateway's binary")
	without := f.String("bare", "bench/out/bin/turnpike-bare", "the gateway's binary without accounting")
	if err := f.Parse(args); err != nil {
		return options{}, err
	}
	o := options{size: fullSize, list: *list}
	if *short {
		o.size = shortSize
	}
	if *rounds > 0 {
		o.size.rounds, o.size.holdRounds = *rounds, *rounds
	}
	if *window > 0 {
		o.size.window = *window
	}
	o.targets = strings.Split(*targets, ",")
	for _, t := range o.targets {
		if !slices.Contains([]string{direct, nginx, proxy, turnpike}, t) {
			return o, fmt.Errorf("no target %q: there are direct, nginx, proxy and turnpike", t)
		}
	}
	var err error
	if o.groups, err = regexp.Compile(*groups); err != nil {
		return o, fmt.Errorf("-groups: %w", err)
	}
	for _, p := range []struct {
		to   *string
		path string
	}{{&o.bin, *bin}, {&o.out, *out}, {&o.turnpike, *gateway}, {&o.bare, *without}} {
		if *p.to, err = filepath.Abs(p.path); err != nil {
			return o, err
		}
	}
	return o, nil
}

func run(ctx context.Context, o options, stdout, progress io.Writer) error {
	var groups []group
	for _, g := range allGroups() {
		if !o.groups.MatchString(g.id) {
			continue
		}
		groups = append(groups, g)
		if o.list {
			fmt.Fprintf(stdout, "%-20s %s\n", g.id, g.title)
		}
	}
	if o.list {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	began := time.Now()
	outcomes, err := measureAll(ctx, o, groups, progress)
	if len(outcomes) > 0 {
		text := report(outcomes, o.size, began, runtime.NumCPU(), runtime.Version())
		fmt.Fprint(stdout, text)
		if werr := os.WriteFile(filepath.Join(o.out, "report.md"), []byte(text), 0o644); werr != nil {
			err = errors.Join(err, werr)
		}
		fmt.Fprintf(progress, "bench: took %v\n", time.Since(began).Round(time.Second))
	}
	return errors.Join(err, wrongAnswers(outcomes))
}

// measureAll starts what takes part, runs the groups, and ends what it started.
func measureAll(ctx context.Context, o options, groups []group, progress io.Writer) ([]outcome, error) {
	all, err := processes(o.settings)
	if err != nil {
		return nil, err
	}
	wanted := func(target string) bool { return slices.Contains(o.targets, target) }
	for _, p := range all {
		defer p.stop()
	}
	for _, name := range []string{"mock", nginx, proxy, turnpike} {
		if name != "mock" && !wanted(name) {
			continue
		}
		if err := all[name].start(ctx); err != nil {
			return nil, err
		}
	}
	b := &bench{size: o.size, settle: 300 * time.Millisecond, running: all, progress: progress}
	var outcomes []outcome
	for _, g := range groups {
		entries := g.entries(wanted)
		if err := b.startMissing(ctx, entries); err != nil {
			return outcomes, err
		}
		rows, err := b.run(ctx, g, entries)
		outcomes = append(outcomes, outcome{g, rows})
		if err != nil {
			return outcomes, err
		}
	}
	return outcomes, nil
}

// startMissing starts what only some groups need.
func (b *bench) startMissing(ctx context.Context, entries []entry) error {
	for _, e := range entries {
		if p := b.process(e); p.cmd == nil {
			if err := p.start(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func wrongAnswers(outcomes []outcome) error {
	var errs []error
	for _, o := range outcomes {
		for _, r := range o.rows {
			if r.wrong > 0 {
				errs = append(errs, fmt.Errorf("%s: %v: %d wrong: %s", o.group.id, r.entry, r.wrong, strings.Join(r.faults, "; ")))
			}
		}
	}
	return errors.Join(errs...)
}
