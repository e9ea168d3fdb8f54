package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/route"
	"turnpike/internal/store"
)

// providerLine is a provider as lists show it.
type providerLine struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
	Models int    `json:"models,omitempty"`
	// ModelsOff are its models that are switched off.
	ModelsOff []string `json:"models_off,omitempty"`
	Took      string   `json:"took,omitempty"`
}

const testTimeout = 15 * time.Second

func providers(args []string) error {
	what, args, err := action("providers", args, "list", "test", "usage", "unpin", "on", "off")
	if err != nil {
		return err
	}
	switch what {
	case "unpin":
		return unpin(args)
	case "on", "off":
		return switchProvider(what, args)
	}
	s := newSettings("providers " + what)
	asJSON := s.flags.Bool("json", false, "print JSON")
	cfg, err := s.load(args, 1)
	if err != nil {
		return err
	}
	if cfg, err = withLive(context.Background(), cfg); err != nil {
		return err
	}
	list, err := accounts(cfg)
	if err != nil {
		return err
	}
	done, err := withLogins(context.Background(), cfg, list)
	if err != nil {
		return err
	}
	defer done()
	only := s.word()
	if what == "usage" {
		return providersUsage(list, only, *asJSON)
	}
	off, err := switchesOf(cfg)
	if err != nil {
		return err
	}
	lines := []providerLine{}
	failed := 0
	for _, a := range list {
		if only != "" && a.Provider.Name() != only {
			continue
		}
		l := providerLine{Name: a.Provider.Name(), Type: a.Provider.Kind(), State: "on", Reason: a.Off}
		if a.Off == "" {
			l.Reason = unofficial[l.Type]
		}
		if l.ModelsOff = slices.Sorted(maps.Keys(store.ModelsOff(off)[l.Name])); a.Off == "" && off[l.Name] != "" {
			l.State, l.Reason = "off", off[l.Name]
		}
		if a.Off != "" {
			l.State = "off"
		} else if what == "test" && !try(a, &l) {
			failed++
		}
		lines = append(lines, l)
	}
	if only != "" && len(lines) == 0 {
		return fmt.Errorf("there is no provider %q", only)
	}
	if err := printProviders(lines, *asJSON); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d providers failed", failed, len(lines))
	}
	return nil
}

// switchesOf are what operators have switched off. Where there is no database yet, it is nothing.
func switchesOf(cfg *config.Config) (map[string]string, error) {
	if !hasDatabase(cfg) {
		return nil, nil //nolint:nilnil // nothing is switched off
	}
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	db, err := openStore(ctx, cfg)
	if err != nil {
		return nil, err
	}
	off, err := db.ProviderSwitches(ctx)
	return off, errors.Join(err, db.Close())
}

// try asks the account for its models: it proves address and credentials, and costs nothing.
func try(a *route.Account, l *providerLine) bool {
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	start := time.Now()
	models, err := a.Provider.Models(ctx)
	l.Took = time.Since(start).Round(time.Millisecond).String()
	if err != nil {
		l.State, l.Reason = "failed", strings.TrimSpace(err.Error())
		return false
	}
	l.State, l.Models = "works", len(models)
	return true
}

func printProviders(lines []providerLine, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(lines)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "NAME\tTYPE\tSTATE\tMODELS\tTOOK\tREASON")
	for _, l := range lines {
		if len(l.ModelsOff) > 0 {
			l.Reason = strings.TrimSpace(l.Reason + " switched off: " + strings.Join(l.ModelsOff, ", "))
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", l.Name, l.Type, l.State, l.Models, l.Took, l.Reason)
	}
	return w.Flush()
}
