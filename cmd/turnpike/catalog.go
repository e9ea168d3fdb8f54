package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"turnpike/internal/catalog"
	"turnpike/internal/config"
	"turnpike/internal/learned"
	"turnpike/internal/store"
)

// loadCatalog is the built-in catalog with the operator's own rules behind it: those of the
// file, then those of the configuration.
func loadCatalog(cfg *config.Config) (*catalog.Catalog, error) {
	var texts [][]byte
	if cfg.Catalog != "" {
		text, err := os.ReadFile(cfg.Catalog) //nolint:gosec // the path is the operator's own
		if err != nil {
			return nil, fmt.Errorf("the setting catalog: %w", err)
		}
		if _, err = catalog.Extended(text); err != nil {
			return nil, fmt.Errorf("the setting catalog: %s: %w", cfg.Catalog, err)
		}
		texts = append(texts, text)
	}
	for i := range cfg.ModelRules {
		rule, err := cfg.ModelRules[i].Text()
		if err == nil {
			rule = slices.Concat([]byte(`{"rules":[`), rule, []byte(`]}`))
			_, err = catalog.Extended(rule)
		}
		if err != nil {
			return nil, fmt.Errorf("the model rule %s: %w", cfg.ModelRules[i].Name, err)
		}
		texts = append(texts, rule)
	}
	return catalog.Extended(texts...)
}

func catalogCommand(args []string) error {
	what, args, err := action("catalog", args, "list", "show", "forget")
	if err != nil {
		return err
	}
	s := newSettings("catalog " + what)
	asJSON := s.flags.Bool("json", false, "print JSON")
	taught := s.flags.Bool("learned", false, "list: what upstreams have taught, instead of the rules")
	provider := s.flags.String("provider", "", "show, forget: what holds at this `provider`")
	lesson := s.flags.String("what", "", "forget: only this `lesson`, such as drop or sampling")
	all := s.flags.Bool("all", false, "forget: everything")
	cfg, err := s.load(args, 1)
	if err != nil {
		return err
	}
	known, err := loadCatalog(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	db, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	switch {
	case what == "list" && *taught:
		return listLessons(ctx, db, *asJSON)
	case what == "list":
		return listRules(known.Entries(), *asJSON)
	case what == "show" && s.word() == "":
		return errors.New("usage: turnpike catalog show MODEL [--provider NAME] [--json]")
	case what == "show":
		return showModel(ctx, db, known, s.word(), *provider, *asJSON)
	case s.word() == "" && *provider == "" && *lesson == "" && !*all:
		return errors.New("usage: turnpike catalog forget MODEL|--all [--provider NAME] [--what LESSON]")
	}
	n, err := db.ForgetLearned(ctx, *provider, s.word(), *lesson, "")
	if err != nil {
		return err
	}
	fmt.Printf("Forgot %d lessons. A running gateway does so within a second.\n", n)
	return nil
}

func listRules(list []catalog.Entry, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(list)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "MODELS\tWHAT IS KNOWN\tSOURCE")
	for _, e := range list {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", strings.Join(e.Match, " "), inWords(e.Caps), e.Source)
	}
	return w.Flush()
}

func inWords(list []catalog.Member) string {
	words := make([]string, len(list))
	for i, m := range list {
		words[i] = m.Name + "=" + string(m.Value)
	}
	return strings.Join(words, " ")
}

// lessonLine is a learned row as lists show it.
type lessonLine struct {
	Provider string    `json:"provider"`
	Model    string    `json:"model"`
	What     string    `json:"what"`
	Value    string    `json:"value"`
	Evidence string    `json:"evidence"`
	Learned  time.Time `json:"learned_at"`
	Expires  time.Time `json:"expires_at"`
}

func lessonLines(rows []store.Learned) []lessonLine {
	out := make([]lessonLine, len(rows))
	for i, r := range rows {
		out[i] = lessonLine{r.Provider, r.Model, r.What, r.Value, r.Evidence, r.LearnedAt, r.ExpiresAt}
	}
	return out
}

func listLessons(ctx context.Context, db *store.Store, asJSON bool) error {
	rows, err := db.Learned(ctx, time.Now())
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(lessonLines(rows))
	}
	return printLessons(rows)
}

func printLessons(rows []store.Learned) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "PROVIDER\tMODEL\tWHAT\tVALUE\tLEARNED\tEXPIRES\tTHE UPSTREAM'S WORDS")
	for _, r := range rows {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Provider, r.Model, r.What, r.Value, day(r.LearnedAt), day(r.ExpiresAt), oneLine(r.Evidence))
	}
	return w.Flush()
}

// oneLine keeps a stranger's words from breaking a table or steering a terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}

// showModel prints what is known of a model, and from where.
func showModel(ctx context.Context, db *store.Store, known *catalog.Catalog, model, provider string, asJSON bool) error {
	caps := known.Lookup(model)
	var lessons []store.Learned
	if provider != "" {
		rows, err := db.Learned(ctx, time.Now())
		if err != nil {
			return err
		}
		book := learned.New(time.Now)
		book.Set(rows)
		book.At(provider, model).Refine(&caps)
		for _, r := range rows {
			if r.Provider == provider && r.Model == model {
				lessons = append(lessons, r)
			}
		}
	}
	sources := known.Sources(model)
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{
			"model": model, "caps": catalog.Describe(caps), "rules": sources, "learned": lessonLines(lessons),
		})
	}
	if len(sources) == 0 && len(lessons) == 0 {
		fmt.Printf("Nothing is known of %s: what clients ask is passed on.\n", model)
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, m := range catalog.Describe(caps) {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", m.Name, m.Value)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Println("\nFrom:")
	for _, e := range sources {
		fmt.Printf("  %s: %s\n", e.Source, inWords(e.Caps))
	}
	if len(lessons) == 0 {
		return nil
	}
	fmt.Println("\nLearned:")
	return printLessons(lessons)
}
