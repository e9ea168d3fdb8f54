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

	"turnpike/internal/config"
	"turnpike/internal/operator"
	"turnpike/internal/roster"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// scopeKind is a command for one kind of scope.
type scopeKind struct {
	command, kind, prefix string
	actions               []string
}

var (
	teamKind = scopeKind{"teams", tenancy.Team, "team", []string{"create", "list", "show", "set", "delete"}}
	userKind = scopeKind{"users", tenancy.User, "user", []string{"create", "list", "show", "set", "delete"}}
	tagKind  = scopeKind{"tags", tenancy.Tag, "", []string{"list", "show", "set", "delete"}}
	orgKind  = scopeKind{"org", tenancy.Organisation, "", []string{"show", "set"}}
)

// scopeCommand is one call of turnpike teams, users, tags or org.
type scopeCommand struct {
	*settings
	scopeKind
	ctx    context.Context //nolint:containedctx // of the one thing that is done
	db     *store.Store
	json   *bool
	edit   func(c *scopeCommand, s *store.Scope) error
	moveTo *string
}

func (k scopeKind) run(args []string) error {
	what, args, err := action(k.command, args, k.actions...)
	if err != nil {
		return err
	}
	c := &scopeCommand{settings: newSettings(k.command + " " + what), scopeKind: k, moveTo: new(string)}
	c.json = c.flags.Bool("json", false, "print JSON")
	need := 1
	if what == "list" || k.kind == tenancy.Organisation {
		need = 0
	}
	switch what {
	case "create", "set":
		c.edit = scopeFlags(c.settings, k.kind, what)
	case "delete":
		c.moveTo = c.flags.String("move-keys-to", "", "another `name` its keys belong to then, or none")
	}
	var cfg *config.Config
	if cfg, err = c.load(args, need); err != nil {
		return err
	}
	if len(c.words) < need {
		return fmt.Errorf("usage: turnpike %s %s NAME [flags]", k.command, what)
	}
	if k.kind == tenancy.Organisation {
		c.words = []string{tenancy.OrganisationID}
	}
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	c.ctx = ctx
	if c.db, err = openStore(ctx, cfg); err != nil {
		return err
	}
	defer func() { _ = c.db.Close() }()
	return map[string]func() error{"create": c.create, "list": c.list, "show": c.show, "set": c.set, "delete": c.remove}[what]()
}

func scopeFlags(s *settings, kind, what string) func(*scopeCommand, *store.Scope) error {
	var teams wordList
	description := s.flags.String("description", "", "a `note` for people")
	limits := limitFlags(s)
	email, rename, disabled := new(string), new(string), new(bool)
	if kind == tenancy.User {
		email = s.flags.String("email", "", "the user's `address`, or none")
		teams.flag(s, "team", "`team` the user is in")
	}
	if what == "set" && kind != tenancy.Tag {
		rename = s.flags.String("name", "", "another `name`")
	}
	if kind == tenancy.User || kind == tenancy.Team {
		disabled = s.flags.Bool("disabled", false, "refuse its keys; --disabled=false takes them again")
	}
	return func(c *scopeCommand, to *store.Scope) (err error) {
		if s.given("description") {
			to.Description = strings.TrimPrefix(*description, none)
		}
		if *rename != "" {
			to.Name = strings.TrimSpace(*rename)
		}
		if s.given("email") {
			if to.Email = strings.TrimPrefix(*email, none); to.Email != "" && !strings.Contains(to.Email, "@") {
				return fmt.Errorf("--email %q is no address", to.Email)
			}
		}
		if s.given("disabled") && *disabled != !to.DisabledAt.IsZero() {
			if to.DisabledAt = (time.Time{}); *disabled {
				to.DisabledAt = time.Now()
			}
		}
		if teams.given {
			to.Teams = nil
			for _, name := range teams.words {
				team, err := c.db.FindScope(c.ctx, tenancy.Team, name)
				if err != nil {
					return fmt.Errorf("%w: turnpike teams create makes one", err)
				}
				to.Teams = append(to.Teams, team.ID)
			}
		}
		if to.Limits, err = limits(to.Limits); err != nil {
			return err
		}
		return roster.CheckScope(to)
	}
}

func (c *scopeCommand) create() error {
	s := store.Scope{Kind: c.kind, ID: store.NewID(c.prefix), Name: strings.TrimSpace(c.word()), CreatedAt: time.Now()}
	if err := c.edit(c, &s); err != nil {
		return err
	}
	if err := c.db.CreateScope(c.ctx, s); err != nil {
		return err
	}
	if *c.json {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"id": s.ID, "name": s.Name})
	}
	fmt.Printf("Made the %s %q (%s). Keys join it with: turnpike keys set KEY --%s %q\n", c.kind, s.Name, s.ID, c.kind, s.Name)
	return nil
}

// set changes a scope; tags come into being by it.
func (c *scopeCommand) set() error {
	s, err := c.db.UpdateScope(c.ctx, c.kind, c.word(), func(s *store.Scope) error { return c.edit(c, s) })
	if c.kind == tenancy.Tag && errors.Is(err, store.ErrNotFound) {
		s = store.Scope{Kind: c.kind, ID: c.word(), Name: c.word(), CreatedAt: time.Now()}
		if err = c.edit(c, &s); err == nil {
			err = c.db.CreateScope(c.ctx, s)
		}
	}
	if err != nil {
		return err
	}
	fmt.Printf("Changed the %s %q. A running gateway follows within a second.\n", c.kind, s.Name)
	return nil
}

func (c *scopeCommand) remove() error {
	moved, err := c.db.DeleteScope(c.ctx, c.kind, c.word(), *c.moveTo)
	if errors.Is(err, store.ErrInUse) {
		return fmt.Errorf("%w: revoke them, or say --move-keys-to NAME or --move-keys-to none", err)
	}
	if err != nil {
		return err
	}
	fmt.Printf("Deleted the %s %q with its limits and budgets", c.kind, c.word())
	if moved > 0 {
		fmt.Printf("; %d keys moved to %s", moved, *c.moveTo)
	}
	fmt.Println(".")
	return nil
}

func (c *scopeCommand) list() error {
	lines, err := operator.Scopes(c.ctx, c.db, c.kind)
	if err != nil {
		return err
	}
	if *c.json {
		return json.NewEncoder(os.Stdout).Encode(lines)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ID\tNAME\tSTATE\tKEYS\tTEAMS\tLIMITS\tBUDGETS")
	for _, l := range lines {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", l.ID, l.Name, shownState(l.State, l.Declared), l.Keys, dash(strings.Join(l.Teams, ",")), dash(string(l.Limits)), dash(shortBudgets(l.Budgets)))
	}
	return w.Flush()
}

func (c *scopeCommand) show() error {
	s, err := c.db.FindScope(c.ctx, c.kind, c.word())
	if err != nil {
		return err
	}
	lines, err := operator.Scopes(c.ctx, c.db, c.kind)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(lines, func(l operator.ScopeView) bool { return l.ID == s.ID })
	if at < 0 {
		return store.ErrNotFound // deleted in between
	}
	l := lines[at]
	if *c.json {
		return json.NewEncoder(os.Stdout).Encode(l)
	}
	return table([][2]string{
		{"id", l.ID},
		{"name", l.Name},
		{"description", l.Description},
		{"e-mail", l.Email},
		{"teams", strings.Join(l.Teams, ", ")},
		{"state", shownState(l.State, l.Declared)},
		{"keys", fmt.Sprint(l.Keys)},
		{"limits", string(l.Limits)},
		{"budgets", shortBudgets(l.Budgets)},
		{"created", day(l.Created)},
	})
}
