package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"turnpike/internal/route"
)

// providerLine is a provider as lists show it.
type providerLine struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
	Models int    `json:"models,omitempty"`
	Took   string `json:"took,omitempty"`
}

const testTimeout = 15 * time.Second

func providers(args []string) error {
	what, args, err := action("providers", args, "list", "test", "usage", "unpin")
	if err != nil {
		return err
	}
	if what == "unpin" {
		return unpin(args)
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
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", l.Name, l.Type, l.State, l.Models, l.Took, l.Reason)
	}
	return w.Flush()
}
