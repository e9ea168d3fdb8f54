package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/operator"
	"turnpike/internal/price"
	"turnpike/internal/price/source"
	"turnpike/internal/store"
)

// priceFlags are what the actions of prices take.
type priceFlags struct {
	json, all, dry, correct, remove   bool
	kind, provider, region, geo, tier string
	from, to, as                      string
	longAbove                         int64
	rates, long                       map[price.Class]string
}

func newPriceFlags(s *settings, what string) *priceFlags {
	f := &priceFlags{rates: map[price.Class]string{}, long: map[price.Class]string{}}
	s.flags.BoolVar(&f.json, "json", false, "print JSON")
	switch what {
	case "list":
		s.flags.BoolVar(&f.all, "all", false, "prices that are over or still to come too")
		s.flags.StringVar(&f.provider, "provider", "", "those for one `provider` or type only")
	case "set":
		f.setFlags(s)
	case "import":
		s.flags.BoolVar(&f.dry, "dry-run", false, "show what would change, and change nothing")
		s.flags.BoolVar(&f.correct, "correct", false, "what was imported from there before was wrong: as if it had never been")
		s.flags.StringVar(&f.as, "as", "", "accounts that LiteLLM's providers are here: groq=my-groq,…")
	case "rerate":
		s.flags.StringVar(&f.from, "from", "", "`date` of the first attempt: 2026-11-01 or 2026-11-01T15:04:05Z")
		s.flags.StringVar(&f.to, "to", "", "`date` before which the last one began (default: now)")
		s.flags.BoolVar(&f.dry, "dry-run", false, "show what would change, and change nothing")
	}
	return f
}

func (f *priceFlags) setFlags(s *settings) {
	for c := range price.Classes {
		name := strings.ReplaceAll(c.String(), "_", "-")
		unit := "dollars for a million tokens"
		if c == price.WebSearch {
			unit = "dollars for one"
		}
		s.flags.Func(name, "`price`: "+unit, func(v string) error { f.rates[c] = v; return nil })
		if c != price.WebSearch {
			s.flags.Func("long-"+name, "`price` where the prompt is longer than --long-above", func(v string) error { f.long[c] = v; return nil })
		}
	}
	s.flags.Int64Var(&f.longAbove, "long-above", 0, "`tokens` of a prompt, above which all of a request is at the long prices")
	s.flags.StringVar(&f.kind, "type", "", "for providers of one `type`, such as openai")
	s.flags.StringVar(&f.provider, "provider", "", "for one `provider`")
	s.flags.StringVar(&f.region, "region", "", "for one AWS `region`")
	s.flags.StringVar(&f.geo, "geo", "", "for profiles of one `geography`: global, regional (all others), us, eu …")
	s.flags.StringVar(&f.tier, "tier", "", "for one service `tier`: batch, flex, priority, latency, fast")
	s.flags.StringVar(&f.from, "from", "", "`date` from which it holds (default: always, in the place of what was set before)")
	s.flags.StringVar(&f.to, "to", "", "`date` until which it holds")
	s.flags.BoolVar(&f.remove, "remove", false, "take out what was set by hand for this model")
}

func prices(args []string) error {
	what, args, err := action("prices", args, "list", "set", "import", "sync", "rerate")
	if err != nil {
		return err
	}
	s := newSettings("prices " + what)
	f := newPriceFlags(s, what)
	most := map[string]int{"list": 1, "set": 1, "import": 1, "sync": 100}[what]
	cfg, err := s.load(args, most)
	if err != nil {
		return err
	}
	if (what == "set" || what == "import") && s.word() == "" {
		return fmt.Errorf("usage: turnpike prices %s %s [flags]", what, map[string]string{"set": "MODEL", "import": "FILE"}[what])
	}
	ctx, cancel := context.WithTimeout(context.Background(), map[bool]time.Duration{true: time.Hour, false: cliTimeout}[what == "sync" || what == "rerate"])
	defer cancel()
	db, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	switch what {
	case "list":
		return pricesList(ctx, db, cfg, f, s.word())
	case "set":
		return pricesSet(ctx, db, f, s.word())
	case "import":
		return pricesImport(ctx, db, f, s.word())
	case "sync":
		return pricesSync(ctx, db, cfg, f, s.words)
	}
	return pricesRerate(ctx, db, cfg, f)
}

func pricesList(ctx context.Context, db *store.Store, cfg *config.Config, f *priceFlags, model string) error {
	b, err := operator.LoadBook(ctx, db, cfg.Prices.Ceiling())
	if err != nil {
		return err
	}
	lines := operator.Prices(b, operator.PriceQuery{Model: model, Provider: f.provider, All: f.all}, time.Now())
	if f.json {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"version": b.Version, "prices": lines})
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "MODEL\tFOR\tINPUT\tOUTPUT\tCACHE READ\tWRITE 5M\tWRITE 1H\tSEARCH\tABOVE\tBY")
	for _, l := range lines {
		where := strings.Join(strings.Fields(l.Provider+" "+l.Kind+" "+l.Region+" "+l.Geo+" "+l.Tier), " ")
		printRates(w, l.Model, where, l.Prices, "", l.Rank)
		for _, long := range l.Long {
			printRates(w, "", "", long.Prices, fmt.Sprint(long.Above), "")
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("%d prices of book %s: dollars for a million tokens; searches each.\n", len(lines), b.Version)
	return nil
}

func printRates(w *tabwriter.Writer, model, where string, p map[string]string, above, by string) {
	cells := []string{model, where}
	for c := range price.Classes {
		cells = append(cells, p[c.String()])
	}
	_, _ = fmt.Fprintln(w, strings.Join(append(cells, above, by), "\t"))
}

func pricesSet(ctx context.Context, db *store.Store, f *priceFlags, model string) error {
	e, err := f.entry(model)
	if err != nil {
		return err
	}
	if f.remove {
		err = operator.RemovePrice(ctx, db, e)
	} else {
		err = operator.SetPrice(ctx, db, e, time.Now().UTC())
	}
	if errors.Is(err, operator.ErrNoOverride) {
		return fmt.Errorf("no price was set by hand for %s with these flags; turnpike prices list %s shows what there is", e.Model, e.Model)
	}
	if err != nil {
		return err
	}
	if f.remove {
		fmt.Printf("Taken out: what was set for %s. A running gateway follows within seconds; prices rerate corrects the past.\n", e.Model)
		return nil
	}
	fmt.Printf("Set %s. A running gateway follows within seconds; prices rerate corrects the past.\n", e.Model)
	return nil
}

// entry is what the flags of set say.
func (f *priceFlags) entry(model string) (e price.Entry, err error) {
	e = price.Entry{
		Model: strings.ToLower(model), Kind: f.kind, Provider: f.provider, Region: f.region, Geo: f.geo, Tier: f.tier,
		Rank: price.Override, Source: operator.OverrideSource,
	}
	if e.From, err = price.ParseDate(f.from); err != nil {
		return e, fmt.Errorf("--from: %w", err)
	}
	if e.To, err = price.ParseDate(f.to); err != nil {
		return e, fmt.Errorf("--to: %w", err)
	}
	if f.remove {
		return e, nil
	}
	if e.Rates, err = readRates(f.rates, ""); err != nil {
		return e, err
	}
	if len(f.long) > 0 {
		r, err := readRates(f.long, "long-")
		if err != nil {
			return e, err
		}
		e.Long = []price.Long{{Above: f.longAbove, Rates: r}}
	}
	if err := e.Check(); err != nil {
		return e, fmt.Errorf("%s %w; give --input and --output in dollars for a million tokens", model, err)
	}
	return e, nil
}

func readRates(texts map[price.Class]string, prefix string) (r price.Rates, err error) {
	for c, text := range texts {
		p, err := price.ParseClass(c, text)
		if err != nil {
			return r, fmt.Errorf("--%s%s: %q %w", prefix, strings.ReplaceAll(c.String(), "_", "-"), text, err)
		}
		r.Set(c, p)
	}
	return r, nil
}

func pricesImport(ctx context.Context, db *store.Store, f *priceFlags, path string) error {
	info, err := os.Stat(path) //nolint:gosec // The path is the operator's own.
	if err != nil {
		return err
	}
	if info.Size() > source.MaxSize {
		return fmt.Errorf("%s is larger than %d MiB", path, source.MaxSize>>20)
	}
	b, err := os.ReadFile(path) //nolint:gosec // The path is the operator's own.
	if err != nil {
		return err
	}
	opt := source.Options{As: map[string]string{}}
	for pair := range strings.SplitSeq(f.as, ",") {
		if theirs, ours, ok := strings.Cut(pair, "="); ok {
			opt.As[strings.TrimSpace(theirs)] = strings.TrimSpace(ours)
		} else if pair != "" {
			return errors.New("--as: write THEIRS=OURS, such as groq=my-groq")
		}
	}
	list, rep, err := source.Read(b, opt)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	c, err := operator.ApplyPrices(ctx, db, importName(path, rep, list), list, time.Now().UTC(), f.correct, f.dry)
	if err != nil {
		return err
	}
	return printChange(path, &c, rep, f)
}

// importName is what an imported list is called: the next one of the name takes
// its place. A file of AWS for one region is not that of another.
func importName(path string, rep *source.Report, list []price.Entry) string {
	switch rep.Form {
	case source.FormLiteLLM:
		return "LiteLLM's price file"
	case source.FormOwn:
		return "file " + filepath.Base(path)
	}
	code, _, _ := strings.Cut(rep.Version, " ")
	region := list[0].Region
	for i := range list {
		if list[i].Region != region {
			return "AWS price list " + code
		}
	}
	return "AWS price list " + code + " " + region
}

// printChange tells what a list changed, and what of it was left out.
func printChange(from string, c *price.Change, rep *source.Report, f *priceFlags) error {
	if f.json {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{
			"from": from, "added": len(c.Add), "ended": len(c.End), "dropped": len(c.Drop), "unchanged": c.Same, "dry_run": f.dry, "report": rep,
		})
	}
	word := ""
	if f.dry {
		word = "would be "
	}
	fmt.Printf("%s (%s): %d prices %sadded, %d %sended, %d %sdropped, %d unchanged.\n", from, rep.Form, len(c.Add), word, len(c.End), word, len(c.Drop), word, c.Same)
	reasons := make([]string, 0, len(rep.Skipped))
	for reason, n := range rep.Skipped {
		reasons = append(reasons, fmt.Sprintf("  left out %d: %s", n, reason))
	}
	slices.Sort(reasons)
	for _, line := range reasons {
		fmt.Println(line)
	}
	if len(rep.Unknown) > 0 {
		fmt.Println("  models whose id is not known: " + strings.Join(rep.Unknown, ", "))
	}
	for _, conflict := range rep.Conflicts {
		fmt.Println("  told twice, the higher one counts: " + conflict)
	}
	return nil
}
