package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"

	"turnpike/internal/route"
	"turnpike/internal/signin"
)

// providerUsage is what an account has used, as lists show it.
type providerUsage struct {
	Provider string `json:"provider"`
	signin.Usage
	Error string `json:"error,omitempty"`
}

// providersUsage asks the accounts that tell what they have used.
func providersUsage(list []*route.Account, only string, asJSON bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	out := []providerUsage{}
	for _, k := range signedInAccounts(list) {
		if only != "" && k.Name() != only {
			continue
		}
		u, err := k.Usage(ctx)
		line := providerUsage{Provider: k.Name(), Usage: u}
		line.Notice = k.Notice()
		if err != nil {
			line.Error = err.Error()
		}
		out = append(out, line)
	}
	if len(out) == 0 {
		return errors.New("no provider in use tells what it has used: those of type kiro and copilot do")
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(out)
	}
	for _, notice := range slices.Compact(notices(out)) {
		fmt.Println(notice)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "PROVIDER\tPLAN\tWHAT\tUSED\tOF\tUNIT\tRESETS")
	failed := 0
	for _, u := range out {
		if u.Error != "" {
			failed++
			_, _ = fmt.Fprintf(w, "%s\t%s\n", u.Provider, u.Error)
		}
		for _, l := range u.Lines {
			ends := l.Ends
			if ends.IsZero() {
				ends = u.Reset
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", u.Provider, u.Plan, l.Name, figure(l.Used), figure(l.Limit), l.Unit, day(ends))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d providers failed", failed, len(out))
	}
	return nil
}

// notices are what is to be known of the kinds of account that were asked.
func notices(list []providerUsage) []string {
	var out []string
	for _, u := range list {
		out = append(out, u.Notice)
	}
	slices.Sort(out)
	return out
}

func figure(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
