package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"turnpike/internal/catalog"
	"turnpike/internal/config"
	"turnpike/internal/doctor"
	"turnpike/internal/learned"
	"turnpike/internal/route"
)

// doctorTime bounds an examination unless it is said otherwise.
const doctorTime = 5 * time.Minute

func doctorCommand(args []string) error {
	s := newSettings("doctor")
	name := s.flags.String("provider", "", "the `provider` to ask; without it the whole installation is looked over")
	model := s.flags.String("model", "", "the `model` to ask about, as the provider calls it; without a provider the one the running gateway is asked for")
	everybody := s.flags.Bool("providers", false, "ask all providers for their models, too")
	key := s.flags.String("key", "", "an API `key` to ask the running gateway with")
	asJSON := s.flags.Bool("json", false, "print JSON")
	keep := s.flags.Bool("store", false, "keep where the table is wrong, for "+learned.Keep.String())
	limit := s.flags.Duration("timeout", doctorTime, "the most it may take")
	cfg, err := s.load(args, 0)
	if err != nil {
		var wrong config.Problems
		if *name == "" && errors.As(err, &wrong) {
			return unreadable(err, *asJSON)
		}
		return err
	}
	if *limit <= 0 || *name != "" && *model == "" || *name == "" && *keep {
		return errors.New("usage: turnpike doctor [--providers] [--key KEY [--model MODEL]] [--json], or turnpike doctor --provider NAME --model MODEL [--store] [--json] [--timeout 5m]")
	}
	if *name == "" {
		ctx, cancel := context.WithTimeout(context.Background(), *limit)
		defer cancel()
		return checkUp(ctx, &examined{cfg: cfg, providers: *everybody, key: *key, model: *model, now: time.Now}, *asJSON)
	}
	known, err := loadCatalog(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	a, err := accountNamed(cfg, *name)
	if err != nil {
		return err
	}
	done, err := withLogins(ctx, cfg, []*route.Account{a})
	if err != nil {
		return err
	}
	defer done()
	p, err := patient(ctx, a, known, *model)
	if err != nil {
		return err
	}
	report, err := doctor.Examine(ctx, p)
	if err != nil {
		return err
	}
	if *keep {
		if err := keepLessons(cfg, report); err != nil {
			return err
		}
	}
	if *asJSON {
		return json.NewEncoder(os.Stdout).Encode(report)
	}
	if notice := unofficial[a.Provider.Kind()]; notice != "" {
		fmt.Println(notice)
	}
	return printReport(report, *keep)
}

// patient finds out how the model is spoken to, as the road would.
func patient(ctx context.Context, a *route.Account, known *catalog.Catalog, model string) (*doctor.Patient, error) {
	surface, err := a.Provider.Surface(ctx, model)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", a.Provider.Name(), err)
	}
	if surface.Called != "" {
		model = surface.Called
	}
	if surface.Dialect == "messages" && surface.Narrow == nil {
		model = catalog.Dashes(model)
	}
	back := backs[surface.Dialect]
	if back == nil {
		return nil, fmt.Errorf("no codec for the dialect %s", surface.Dialect)
	}
	as := surface.Model
	if as == "" {
		as = model
	}
	p := &doctor.Patient{Provider: a.Provider, Surface: surface, Back: back, Model: model, Known: known.Lookup(as)}
	if p.Known.Family == "claude" && surface.Dialect != "chat" {
		p.Flags = known.Flags()
	}
	return p, nil
}

func accountNamed(cfg *config.Config, name string) (*route.Account, error) {
	list, err := accounts(cfg)
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		switch {
		case a.Provider.Name() != name:
		case a.Off != "":
			return nil, fmt.Errorf("provider %s is not in use: %s", name, a.Off)
		default:
			return a, nil
		}
	}
	return nil, fmt.Errorf("there is no provider %q", name)
}

// keepLessons keeps what differs from the table, and forgets what it has come to
// say itself.
func keepLessons(cfg *config.Config, r *doctor.Report) error {
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	db, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	now := time.Now()
	for _, l := range r.Lessons {
		if _, err := db.ForgetLearned(ctx, r.Provider, r.Model, l.What, ""); err != nil {
			return err
		}
		if !l.Differs {
			continue
		}
		if err := db.SaveLearned(ctx, now, learned.Row(r.Provider, r.Model, l.What, l.Value, "doctor: "+l.Evidence, now)); err != nil {
			return err
		}
	}
	return nil
}

func printReport(r *doctor.Report, kept bool) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ASKED\tTABLE\tUPSTREAM\t\tTHE UPSTREAM'S WORDS")
	for _, f := range r.Findings {
		mark := ""
		if f.Differs() {
			mark = "differs"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.Asked, f.Table, f.Upstream, mark, oneLine(f.Words))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("\n%d calls, %d tokens in, %d out.\n", r.Calls, r.Input, r.Output)
	wrong := 0
	for _, l := range r.Lessons {
		if l.Differs {
			wrong++
			fmt.Printf("The table should say %s = %s.\n", l.What, l.Value)
		}
	}
	switch {
	case wrong == 0:
		fmt.Println("The table is right in all that could be told.")
	case kept:
		fmt.Printf("Kept, until %s: see turnpike catalog list --learned.\n", day(time.Now().Add(learned.Keep)))
	default:
		fmt.Println("Nothing was kept: --store does so.")
	}
	return nil
}
