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

	"turnpike/internal/config"
	"turnpike/internal/identity"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// peopleActions are what turnpike accounts does.
var peopleActions = []string{"list", "create", "invite", "owner", "set", "disable", "enable", "reset", "sign-out", "delete"}

// people is one call of turnpike accounts: whoever may use the database and the key file
// can let people in, whatever else is broken.
type people struct {
	*settings
	ctx      context.Context //nolint:containedctx // of the one thing that is done
	db       *store.Store
	accounts *identity.Accounts
	public   string

	json                               *bool
	role, scopes, teams, email, called *string
	lasts                              *time.Duration
}

const theCommand = "the command line"

func accountsCommand(args []string) error {
	what, args, err := action("accounts", args, peopleActions...)
	if err != nil {
		return err
	}
	c := &people{settings: newSettings("accounts " + what)}
	c.json = c.flags.Bool("json", false, "print JSON")
	c.role = c.flags.String("role", "", "`role`: owner, admin, member or auditor")
	c.scopes = c.flags.String("scopes", "", "what an admin may do: `keys,usage` for all of it, or keys=TEAM_ID;usage")
	c.teams = c.flags.String("teams", "", "`names` of teams, with commas")
	c.email = c.flags.String("email", "", "`address` of the person")
	c.called = c.flags.String("name", "", "`name` people call them by")
	c.lasts = c.flags.Duration("for", 0, "how `long` an invitation is good")
	need := 1
	if what == "list" || what == "invite" || what == "owner" {
		need = 0
	}
	cfg, err := c.load(args, need)
	if err != nil {
		return err
	}
	if len(c.words) < need {
		return fmt.Errorf("usage: turnpike accounts %s LOGIN [flags]", what)
	}
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	if err := c.open(ctx, cfg); err != nil {
		return err
	}
	defer func() { _ = c.db.Close() }()
	return map[string]func() error{
		"list": c.list, "create": c.create, "invite": c.invite, "owner": c.owner, "set": c.set, "reset": c.reset, "sign-out": c.signOut, "delete": c.remove,
		"disable": func() error { return c.able(false) }, "enable": func() error { return c.able(true) },
	}[what]()
}

func (c *people) open(ctx context.Context, cfg *config.Config) (err error) {
	c.ctx = ctx
	if c.db, err = openStore(ctx, cfg); err != nil {
		return err
	}
	safe, err := openVault(ctx, cfg, c.db)
	if err != nil {
		return errors.Join(err, c.db.Close())
	}
	a := newApp(cfg, nil)
	a.store = c.db
	m := a.members()
	c.public = m.Link("")
	s := cfg.Auth.Session
	c.accounts = identity.New(identity.Options{Store: c.db, Sealer: safe, Now: time.Now, Access: s.Access, Idle: s.Idle, Absolute: s.Absolute})
	return nil
}

// find is the account with that login or id.
func (c *people) find() (store.Account, error) {
	list, err := c.db.Accounts(c.ctx)
	if err != nil {
		return store.Account{}, err
	}
	word := c.word()
	i := slices.IndexFunc(list, func(a store.Account) bool { return a.ID == word || a.Login != "" && a.Login == identity.Login(word) })
	if i < 0 {
		return store.Account{}, fmt.Errorf("there is no account %q; turnpike accounts list shows them, and ids of those without a login", word)
	}
	return list[i], nil
}

// readScopes reads keys,usage or keys=team_1,team_2;usage.
func readScopes(text string) (s identity.Scopes, err error) {
	if text == "" {
		return s, nil
	}
	lists := map[string][]string{}
	for part := range strings.SplitSeq(text, ";") {
		area, ids, some := strings.Cut(part, "=")
		if some {
			lists[strings.TrimSpace(area)] = teamWords(ids)
			continue
		}
		for _, word := range teamWords(part) {
			lists[word] = []string{identity.All}
		}
	}
	for area := range lists {
		if !slices.Contains(identity.Areas(), area) {
			return s, fmt.Errorf("--scopes: %q is none of %s", area, strings.Join(identity.Areas(), ", "))
		}
	}
	raw, err := json.Marshal(lists)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(raw, &s)
}

func (c *people) teamIDs() (ids []string, err error) {
	for _, word := range teamWords(*c.teams) {
		team, err := c.db.FindScope(c.ctx, tenancy.Team, word)
		if err != nil {
			return nil, fmt.Errorf("%w: turnpike teams create makes one", err)
		}
		ids = append(ids, team.ID)
	}
	slices.Sort(ids)
	return ids, nil
}

// create makes an account whose password is read from the input.
func (c *people) create() error {
	scopes, err := readScopes(*c.scopes)
	if err != nil {
		return err
	}
	teams, err := c.teamIDs()
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "Password (one line):")
	password, err := bufio.NewReader(io.LimitReader(os.Stdin, 1024)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	password = strings.TrimRight(password, "\r\n")
	if password == "" {
		return errors.New("there is no password on the input; turnpike accounts invite lets people choose their own")
	}
	row := store.Account{Login: c.word(), Name: *c.called, Email: *c.email, Role: cmp.Or(*c.role, identity.Member), Scopes: identity.WriteScopes(scopes)}
	made, err := c.accounts.Create(c.ctx, theCommand, row, password, teams)
	if err != nil {
		return err
	}
	fmt.Printf("Made the account %q (%s), role %s.\n", made.Login, made.ID, made.Role)
	return nil
}

func (c *people) invite() error {
	scopes, err := readScopes(*c.scopes)
	if err != nil {
		return err
	}
	d := identity.Draft{Email: *c.email, Role: cmp.Or(*c.role, identity.Member), Scopes: scopes, For: *c.lasts}
	if d.Teams, err = c.teamIDs(); err != nil {
		return err
	}
	secret, i, err := c.accounts.Invite(c.ctx, theCommand, &d)
	if err != nil {
		return err
	}
	return c.link("Invitation", secret, &i)
}

func (c *people) owner() error {
	secret, _, err := c.accounts.Owner(c.ctx)
	if err != nil {
		return err
	}
	return c.link("Owner", secret, &store.Invitation{Role: identity.Owner, ExpiresAt: time.Now().Add(24 * time.Hour)})
}

func (c *people) link(what, secret string, i *store.Invitation) error {
	if *c.json {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"id": i.ID, "role": i.Role, "token": secret, "link": c.public + secret, "expires_at": i.ExpiresAt})
	}
	fmt.Printf("%s (a link that is good once, until %s):  %s\n", what, i.ExpiresAt.Format(time.RFC3339), c.public+secret)
	return nil
}

func (c *people) set() error {
	a, err := c.find()
	if err != nil {
		return err
	}
	scopes, err := readScopes(*c.scopes)
	if err != nil {
		return err
	}
	teams, err := c.teamIDs()
	if err != nil {
		return err
	}
	_, err = c.accounts.Set(c.ctx, theCommand, a.ID, func(row *store.Account) error {
		if c.given("name") {
			row.Name = *c.called
		}
		if c.given("email") {
			row.Email = strings.TrimPrefix(*c.email, none)
		}
		if c.given("role") {
			row.Role, row.Managed = *c.role, false
		}
		if c.given("scopes") || row.Role != identity.Admin {
			row.Scopes = identity.WriteScopes(scopes)
		}
		return identity.Check(row)
	})
	if err == nil && c.given("teams") {
		err = c.db.JoinTeams(c.ctx, a.UserID, teams)
	}
	if err != nil {
		return err
	}
	fmt.Printf("Changed the account %s.\n", a.ID)
	return nil
}

func (c *people) able(yes bool) error {
	a, err := c.find()
	if err != nil {
		return err
	}
	_, err = c.accounts.Set(c.ctx, theCommand, a.ID, func(row *store.Account) error {
		if row.DisabledAt = (time.Time{}); !yes {
			row.DisabledAt = time.Now()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if yes {
		fmt.Printf("The account %s is enabled, and so are its keys.\n", a.ID)
	} else {
		fmt.Printf("The account %s is disabled: it is signed out, and its keys are refused.\n", a.ID)
	}
	return nil
}

// reset makes a link for a new password and takes the second factor away: who asks for it
// here has lost either.
func (c *people) reset() error {
	a, err := c.find()
	if err != nil {
		return err
	}
	secret, i, err := c.accounts.ResetLink(c.ctx, theCommand, a.ID)
	if err == nil && a.TOTP != "" {
		err = c.accounts.NoFactor(c.ctx, theCommand, a.ID)
	}
	if err != nil {
		return err
	}
	return c.link("New password", secret, &i)
}

func (c *people) signOut() error {
	a, err := c.find()
	if err != nil {
		return err
	}
	n, err := c.accounts.SignOutAll(c.ctx, theCommand, a.ID)
	if err != nil {
		return err
	}
	fmt.Printf("Ended %d sessions of %s.\n", n, a.ID)
	return nil
}

func (c *people) remove() error {
	a, err := c.find()
	if err != nil {
		return err
	}
	if err := c.accounts.Delete(c.ctx, theCommand, a.ID); err != nil {
		return err
	}
	fmt.Printf("Deleted the account %s. Its keys stay, refused until somebody else is given them.\n", a.ID)
	return nil
}

func (c *people) list() error {
	rows, err := c.db.Accounts(c.ctx)
	if err != nil {
		return err
	}
	type line struct {
		ID, Login, Name, Email, Role, State string
		Scopes                              identity.Scopes
		LastLogin                           time.Time
	}
	lines := make([]line, 0, len(rows))
	for i := range rows {
		a := &rows[i]
		state := "active"
		if !a.DisabledAt.IsZero() {
			state = "disabled"
		}
		lines = append(lines, line{a.ID, a.Login, a.Name, a.Email, a.Role, state, identity.ReadScopes(a.Scopes), a.LastLoginAt})
	}
	if *c.json {
		return json.NewEncoder(os.Stdout).Encode(lines)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ID\tLOGIN\tNAME\tROLE\tSTATE\tLAST SIGN-IN")
	for _, l := range lines {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, dash(l.Login), l.Name, l.Role, l.State, day(l.LastLogin))
	}
	return w.Flush()
}
