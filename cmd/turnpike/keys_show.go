package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"turnpike/internal/operator"
	"turnpike/internal/tenancy"
)

func (c *keysCommand) list() error {
	list, err := c.db.ListKeys(c.ctx)
	if err != nil {
		return err
	}
	names, err := operator.ReadNames(c.ctx, c.db)
	if err != nil {
		return err
	}
	lines := make([]operator.KeyView, 0, len(list))
	for i := range list {
		lines = append(lines, operator.ViewKey(&list[i], names, time.Now()))
	}
	if *c.json {
		return json.NewEncoder(os.Stdout).Encode(lines)
	}
	if c.cfg.Auth.APIKey != "" {
		fmt.Println("The configuration sets auth.api_key, which is valid beside these.")
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ID\tNAME\tPREFIX\tSTATE\tTEAM\tUSER\tTAGS\tCREATED\tLAST USED\tEXPIRES")
	for _, l := range lines {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s…\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Name, l.Prefix, shownState(l.State, l.Declared),
			dash(l.Team), dash(l.User), dash(strings.Join(l.Tags, ",")), day(l.Created), day(l.Used), day(l.Expires))
	}
	return w.Flush()
}

// shownState is a state in a list for people.
func shownState(state string, declared bool) string {
	if declared {
		return state + " (declared)"
	}
	return state
}

func (c *keysCommand) show() error {
	k, err := c.db.FindKey(c.ctx, c.word())
	if err != nil {
		return err
	}
	names, err := operator.ReadNames(c.ctx, c.db)
	if err != nil {
		return err
	}
	l := operator.ViewKey(&k, names, time.Now())
	if l.Budgets, err = operator.BudgetsOf(c.ctx, c.db, names, tenancy.Key, k.ID); err != nil {
		return err
	}
	if *c.json {
		return json.NewEncoder(os.Stdout).Encode(l)
	}
	addresses := "any"
	if len(l.Addresses) > 0 {
		addresses = strings.Join(l.Addresses, ", ")
	}
	return table([][2]string{
		{"id", l.ID},
		{"name", l.Name},
		{"prefix", l.Prefix + "…"},
		{"state", shownState(l.State, l.Declared)},
		{"description", l.Description},
		{"team", l.Team},
		{"user", l.User},
		{"tags", strings.Join(l.Tags, ", ")},
		{"addresses", addresses},
		{"limits", k.Limits},
		{"budgets", shortBudgets(l.Budgets)},
		{"policy", k.Policy},
		{"log payloads", yesNo(l.LogPayloads)},
		{"revealable", yesNo(l.Revealable)},
		{"created", day(l.Created)},
		{"last used", day(l.Used)},
		{"expires", day(l.Expires)},
		{"revoked", day(l.Revoked)},
		{"old secret until", day(l.OldUntil)},
	})
}

// table prints names and values, those that say nothing as a dash.
func table(rows [][2]string) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", r[0], dash(r[1]))
	}
	return w.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
