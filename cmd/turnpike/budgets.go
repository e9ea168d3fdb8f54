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

	"turnpike/internal/budget"
	"turnpike/internal/operator"
	"turnpike/internal/price"
	"turnpike/internal/roster"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// budgetOwners are the words for the kinds of scopes a budget can be set for.
var budgetOwners = map[string]string{
	"key": tenancy.Key, "user": tenancy.User, "tag": tenancy.Tag, "team": tenancy.Team, "org": tenancy.Organisation,
}

const budgetsUsage = "usage: turnpike budgets set key|user|tag|team|org NAME --limit '$10'|--tokens N [--period monthly] …"

func budgets(args []string) error {
	what, args, err := action("budgets", args, "set", "list", "remove", "reset", "recharge", "adjust")
	if err != nil {
		return err
	}
	s := newSettings("budgets " + what)
	asJSON := s.flags.Bool("json", false, "print JSON")
	rule := func() (r budget.Rule, err error) { return r, nil }
	if what == "set" {
		rule = budgetFlags(s)
	}
	amount := s.flags.String("amount", "", "adjust: what is added or, with a minus, taken away: `--amount=-5`")
	note := s.flags.String("note", "", "reset, recharge, adjust: `why`, for those who look later")
	most := map[string]int{"set": 2, "list": 2, "remove": 1, "reset": 1, "recharge": 2, "adjust": 1}[what]
	cfg, err := s.load(args, most)
	if err != nil {
		return err
	}
	r, err := rule()
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
	switch what {
	case "set":
		return budgetsSet(ctx, db, s.words, r)
	case "list":
		return budgetsList(ctx, db, s.words, *asJSON)
	case "reset", "recharge", "adjust":
		return budgetsChange(ctx, db, what, s.words, *amount, *note)
	}
	if s.word() == "" {
		return errors.New("usage: turnpike budgets remove ID; turnpike budgets list shows the ids")
	}
	if err := db.RemoveBudget(ctx, s.word()); err != nil {
		return err
	}
	fmt.Printf("Removed the budget %s. A running gateway follows within a second.\n", s.word())
	return nil
}

func budgetFlags(s *settings) func() (budget.Rule, error) {
	dollars := s.flags.String("limit", "", "`dollars` that may be spent in a period, such as $10; 0 blocks")
	tokens := s.flags.Int64("tokens", 0, "`tokens` that may be used in a period, instead of dollars; 0 blocks")
	period := s.flags.String("period", budget.Monthly, "when it starts again: daily, monthly, `lifetime` (never) or rolling")
	window := s.flags.Duration("window", 0, "how far a rolling period looks back, such as `24h`")
	soft := s.flags.Bool("soft", false, "refuse nothing, only tell")
	rollover := s.flags.Bool("rollover", false, "what a month leaves is added to the next")
	zone := s.flags.String("zone", "", "`zone` days and months are counted in, such as Europe/Paris; empty is UTC")
	return func() (budget.Rule, error) {
		r := budget.Rule{Unit: budget.Tokens, Limit: *tokens, Period: *period, Window: *window, Soft: *soft, Rollover: *rollover, Zone: *zone}
		if s.given("limit") == s.given("tokens") {
			return r, errors.New(budgetsUsage)
		}
		if s.given("limit") {
			n, err := price.ParseAmount(*dollars)
			if err != nil {
				return r, fmt.Errorf("--limit %q %w", *dollars, err)
			}
			r.Unit, r.Limit = budget.Dollars, int64(n)
		}
		if *window != 0 && !s.given("period") {
			r.Period = budget.Rolling
		}
		return r, r.Check()
	}
}

// budgetOwner finds whose budget is meant.
func budgetOwner(ctx context.Context, db *store.Store, words []string) (kind, id string, err error) {
	if len(words) == 1 && words[0] == "org" {
		return tenancy.Organisation, tenancy.OrganisationID, nil
	}
	if len(words) != 2 || budgetOwners[words[0]] == "" || words[0] == "org" {
		return "", "", errors.New(budgetsUsage)
	}
	switch kind = budgetOwners[words[0]]; kind {
	case tenancy.Key:
		k, err := db.FindKey(ctx, words[1])
		return kind, k.ID, err
	case tenancy.Tag:
		tags, err := roster.CheckTags(words[1:])
		if err != nil {
			return "", "", err
		}
		return kind, tags[0], nil
	}
	c, err := db.FindScope(ctx, kind, words[1])
	return kind, c.ID, err
}

// budgetsSet adds a budget, or changes the one of the same unit and period.
func budgetsSet(ctx context.Context, db *store.Store, words []string, r budget.Rule) error {
	kind, id, err := budgetOwner(ctx, db, words)
	if err != nil {
		return err
	}
	b, changed, err := roster.SetBudget(ctx, db, kind, id, r, time.Now())
	if err != nil {
		return err
	}
	did := "Set"
	if changed {
		did = "Changed"
	}
	fmt.Printf("%s the budget %s: %s. A running gateway follows within a second.\n", did, b.ID, shortBudget(operator.ViewBudget(b, nil)))
	return nil
}

// shortBudgets are budgets in a few words.
func shortBudgets(lines []operator.BudgetView) string {
	var out []string
	for _, l := range lines {
		out = append(out, shortBudget(l))
	}
	return strings.Join(out, "; ")
}

func shortBudget(l operator.BudgetView) string {
	say := []string{l.Limit}
	if l.Unit == budget.Tokens {
		say = append(say, "tokens")
	}
	say = append(say, l.Period, l.Window)
	if l.Soft {
		say = append(say, "soft")
	}
	if l.Rollover {
		say = append(say, "rollover")
	}
	say = append(say, l.Zone)
	return strings.Join(slices.DeleteFunc(say, func(w string) bool { return w == "" }), " ")
}

func budgetsList(ctx context.Context, db *store.Store, words []string, asJSON bool) error {
	all, err := db.Budgets(ctx)
	if err != nil {
		return err
	}
	names, err := operator.ReadNames(ctx, db)
	if err != nil {
		return err
	}
	keys, err := db.ListKeys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		names[[2]string{tenancy.Key, k.ID}] = k.Name
	}
	if len(words) > 0 {
		kind, id, err := budgetOwner(ctx, db, words)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(b store.Budget) bool { return b.ScopeKind != kind || b.ScopeID != id })
	}
	lines := make([]operator.BudgetView, 0, len(all))
	for _, b := range all {
		l := operator.ViewBudget(b, names)
		if l.BudgetState, err = operator.StateOf(ctx, db, b, time.Now()); err != nil {
			return err
		}
		lines = append(lines, l)
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(lines)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ID\tOF\tNAME\tLIMIT\tUNIT\tPERIOD\tWINDOW\tKIND\tROLLOVER\tZONE\tSPENT\tRESERVED\tLEFT\tSTARTS AGAIN")
	for _, l := range lines {
		kind := "hard"
		if l.Soft {
			kind = "soft"
		}
		kind = shownState(kind, l.Declared)
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Scope, l.Name, l.Limit, dash(l.Unit), dash(l.Period), dash(l.Window), kind, yesNo(l.Rollover), dash(l.Zone),
			dash(l.Spent), dash(l.Reserved), dash(l.Left), resets(&l))
	}
	return w.Flush()
}
