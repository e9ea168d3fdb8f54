package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	_ "time/tzdata" // zones by name, on machines that have none

	"turnpike/internal/config"
	"turnpike/internal/operator"
	"turnpike/internal/price"
	"turnpike/internal/store"
	"turnpike/internal/usage"
)

// keepUsage sums attempts and deletes old ones until ctx ends. It returns how to wait for
// the end.
func (a *app) keepUsage(ctx context.Context) (wait func()) {
	k := usage.NewKeeper(usage.Options{
		Store: a.store, Log: a.log, Now: time.Now, Keep: a.cfg.Ledger.Keep, KeepSums: a.cfg.Ledger.KeepSums, Leads: a.leads(ctx, "usage"),
	})
	done := make(chan struct{})
	go func() { defer close(done); k.Run(ctx) }()
	return func() { <-done }
}

// leadFor is how long a replica leads without asking again: it asks every minute.
const leadFor = 3 * time.Minute

// leads tells whether this replica is the one that does a work. For a moment two may
// think so; neither sums nor alerts mind.
func (a *app) leads(ctx context.Context, work string) func() bool {
	self := replica(a.address())
	return func() bool {
		ctx, cancel := context.WithTimeout(ctx, leadLimit)
		defer cancel()
		mine, err := a.store.TakeLease(ctx, work, self, leadFor)
		return err == nil && mine
	}
}

// leadLimit bounds the question who leads.
const leadLimit = 10 * time.Second

// usageFlags are what the actions of usage take.
type usageFlags struct {
	json                             bool
	period, from, to, zone, by       string
	key, team, user, provider, model string
	format, out                      string
	parsed                           usage.Period
	location                         *time.Location
	dimensions                       []string
}

// usageTimeout bounds a question; an export may take longer.
const (
	usageTimeout  = 10 * time.Minute
	exportTimeout = 4 * time.Hour
)

func usageCommand(args []string) error {
	what := "show"
	if len(args) > 0 && slices.Contains([]string{"show", "export"}, args[0]) {
		what, args = args[0], args[1:]
	}
	s := newSettings("usage " + what)
	f := &usageFlags{}
	s.flags.StringVar(&f.period, "period", "", "`name`: "+strings.Join(usage.PresetNames(), ", ")+" (default this-month)")
	s.flags.StringVar(&f.from, "from", "", "first `day`, or moment: 2026-11-01 or 2026-11-01T08:00:00Z")
	s.flags.StringVar(&f.to, "to", "", "`day` or moment before which it ends (default: now)")
	s.flags.StringVar(&f.zone, "zone", "UTC", "IANA time `zone` whose days and hours are meant, such as Europe/Berlin")
	s.flags.StringVar(&f.by, "by", "", "`dimensions`, with commas: "+strings.Join(usage.DimensionNames(), ", "))
	if what == "export" {
		s.flags.StringVar(&f.format, "format", "csv", "csv (sums with --by, else every attempt) or focus (FOCUS 1.2)")
		s.flags.StringVar(&f.out, "o", "", "`file` to write (default: the standard output)")
	} else {
		s.flags.BoolVar(&f.json, "json", false, "print JSON")
		s.flags.StringVar(&f.key, "key", "", "of one key, by `id` or name")
		s.flags.StringVar(&f.team, "team", "", "of one team, by `id`")
		s.flags.StringVar(&f.user, "user", "", "of one user, by `id`")
		s.flags.StringVar(&f.provider, "provider", "", "at one `provider`")
		s.flags.StringVar(&f.model, "model", "", "of one `model`, as providers were asked for it")
	}
	cfg, err := s.load(args, 0)
	if err != nil {
		return err
	}
	if err := f.parse(time.Now()); err != nil {
		return err
	}
	limit := usageTimeout
	if what == "export" {
		limit = exportTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	db, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if what == "export" {
		return usageExport(ctx, db, cfg, f)
	}
	return usageShow(ctx, db, f)
}

// parse reads what was written in flags.
func (f *usageFlags) parse(now time.Time) (err error) {
	if f.by != "" {
		f.dimensions = strings.Split(f.by, ",")
	}
	f.parsed, f.location, err = operator.PeriodWords{Period: f.period, From: f.from, To: f.to, Zone: f.zone}.Read(now)
	wrong, ok := errors.AsType[*operator.WordError](err)
	switch {
	case ok && wrong.Word == "period" && f.from+f.to == "":
		return fmt.Errorf("--period: there is no period %q: it %w", f.period, wrong.Err)
	case ok:
		return fmt.Errorf("--%s %w", wrong.Word, wrong.Err)
	}
	return err
}

// filter is whose usage is asked for.
func (f *usageFlags) filter() *operator.UsageFilter {
	return &operator.UsageFilter{Key: f.key, Team: f.team, User: f.user, Provider: f.provider, Model: f.model}
}

// export is what is to be written.
func (f *usageFlags) export() *operator.UsageExport {
	return &operator.UsageExport{Period: f.parsed, Focus: f.format == "focus", By: f.dimensions, Zone: f.location}
}

func usageShow(ctx context.Context, db *store.Store, f *usageFlags) error {
	names, err := operator.UsageNames(ctx, db)
	if err != nil {
		return err
	}
	list, total, err := usage.Sum(ctx, db, usage.Query{Period: f.parsed, By: f.dimensions, Zone: f.location, Keep: f.filter().Keeps(names.Keys)})
	if err != nil {
		return err
	}
	if len(f.dimensions) == 0 {
		list = nil
	}
	if f.json {
		rows := make([]operator.UsageRow, 0, len(list))
		for _, g := range list {
			rows = append(rows, operator.ViewUsage(f.dimensions, g, names))
		}
		return json.NewEncoder(os.Stdout).Encode(map[string]any{
			"from": f.parsed.From, "to": f.parsed.To, "zone": f.location.String(), "rows": rows, "total": operator.ViewUsage(nil, &total, nil),
		})
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, strings.ToUpper(strings.Join(append(slices.Clone(f.dimensions), "requests", "attempts", "errors", "input", "output", "cache read",
		"cache write", "cost", "unpriced", "p50 ms", "p95 ms", "first p50", "first p95"), "\t")))
	total.Values = append([]string{"all"}, make([]string, max(len(f.dimensions), 1)-1)...)[:len(f.dimensions)]
	for _, g := range append(list, &total) {
		for i, v := range g.Values {
			_, _ = fmt.Fprintf(w, "%s\t", cmp.Or(names.Name(f.dimensions[i], v), v, "-"))
		}
		r := operator.ViewUsage(nil, &usage.Group{Sums: g.Sums, Unpriced: g.Unpriced, Times: g.Times}, nil)
		_, _ = fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%d\t%s\t%s\t%s\t%s\n", r.Requests, r.Attempts, r.Errors, r.Input, r.Output, r.CacheRead,
			r.CacheWrite5m+r.CacheWrite1h, price.Nano(r.CostNano), r.Unpriced, known(r.LatencyP50), known(r.LatencyP95), known(r.ContentP50), known(r.ContentP95))
	}
	return w.Flush()
}

// known is a number, or a dash.
func known(ms *float64) string {
	if ms == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f", *ms)
}

func usageExport(ctx context.Context, db *store.Store, cfg *config.Config, f *usageFlags) (err error) {
	if f.format != "csv" && f.format != "focus" {
		return fmt.Errorf("--format %s: there are csv and focus", f.format)
	}
	if f.format == "focus" && f.by != "" {
		return errors.New("--by is for --format csv: FOCUS says what its rows are")
	}
	var to io.Writer = os.Stdout
	if f.out != "" {
		file, opened := os.OpenFile(f.out, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if opened != nil {
			return opened
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		to = file
	}
	w := bufio.NewWriterSize(to, 64<<10)
	if err := operator.ExportUsage(ctx, w, db, cfg.Prices.Ceiling(), f.export()); err != nil {
		return err
	}
	return w.Flush()
}
