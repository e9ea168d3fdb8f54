package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// keyLine is a key as lists show it.
type keyLine struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Prefix      string          `json:"prefix"`
	State       string          `json:"state"`
	Description string          `json:"description,omitempty"`
	Team        string          `json:"team,omitempty"`
	User        string          `json:"user,omitempty"`
	Tags        []string        `json:"tags,omitempty"`
	Addresses   []string        `json:"addresses,omitempty"`
	Created     time.Time       `json:"created_at"`
	Used        time.Time       `json:"last_used_at,omitzero"`
	Expires     time.Time       `json:"expires_at,omitzero"`
	Revoked     time.Time       `json:"revoked_at,omitzero"`
	OldUntil    time.Time       `json:"old_key_until,omitzero"`
	Revealable  bool            `json:"revealable,omitempty"`
	LogPayloads bool            `json:"log_payloads,omitempty"`
	Limits      json.RawMessage `json:"limits,omitempty"`
	Policy      json.RawMessage `json:"policy,omitempty"`
	Budgets     []budgetLine    `json:"budgets,omitempty"`
}

// state says in a word whether the key works.
func state(k *store.Key, now time.Time) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked"
	case !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt):
		return "expired"
	}
	return "valid"
}

// keyLineOf is a key with the names of whom it belongs to.
func keyLineOf(k *store.Key, names scopeNames, now time.Time) keyLine {
	l := keyLine{
		ID: k.ID, Name: k.Name, Prefix: k.Prefix, State: state(k, now), Description: k.Description,
		Team: names.of(tenancy.Team, k.TeamID), User: names.of(tenancy.User, k.UserID), Tags: k.Tags, Addresses: k.Addresses,
		Created: k.CreatedAt, Used: k.LastUsedAt, Expires: k.ExpiresAt, Revoked: k.RevokedAt, Revealable: k.Sealed != "",
		LogPayloads: k.LogPayloads, Limits: json.RawMessage(k.Limits), Policy: json.RawMessage(k.Policy),
	}
	if now.Before(k.OldUntil) {
		l.OldUntil = k.OldUntil
	}
	return l
}

func (c *keysCommand) list() error {
	list, err := c.db.ListKeys(c.ctx)
	if err != nil {
		return err
	}
	names, err := readNames(c.ctx, c.db)
	if err != nil {
		return err
	}
	lines := make([]keyLine, 0, len(list))
	for i := range list {
		lines = append(lines, keyLineOf(&list[i], names, time.Now()))
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
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s…\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Name, l.Prefix, l.State,
			dash(l.Team), dash(l.User), dash(strings.Join(l.Tags, ",")), day(l.Created), day(l.Used), day(l.Expires))
	}
	return w.Flush()
}

func (c *keysCommand) show() error {
	k, err := c.db.FindKey(c.ctx, c.word())
	if err != nil {
		return err
	}
	names, err := readNames(c.ctx, c.db)
	if err != nil {
		return err
	}
	l := keyLineOf(&k, names, time.Now())
	if l.Budgets, err = budgetsOf(c.ctx, c.db, names, tenancy.Key, k.ID); err != nil {
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
		{"state", l.State},
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
