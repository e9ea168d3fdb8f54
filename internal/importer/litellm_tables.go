package importer

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/limit"
	"turnpike/internal/policy"
	"turnpike/internal/price"
	"turnpike/internal/roster"
)

// The tables of LiteLLM's database that are read (its schema.prisma).
const (
	liteKeysTable    = "LiteLLM_VerificationToken"
	liteTeamsTable   = "LiteLLM_TeamTable"
	liteUsersTable   = "LiteLLM_UserTable"
	liteBudgetsTable = "LiteLLM_BudgetTable"
)

// LiteLLMTables are their names.
var LiteLLMTables = []string{liteKeysTable, liteTeamsTable, liteUsersTable, liteBudgetsTable}

// liteEverything are words in a list of models that mean no model.
var liteEverything = []string{"all-proxy-models", "all-team-models", "*"}

// LiteLLMTables reads teams, users, keys and their budgets into the plan. LiteLLM keeps keys
// as the SHA-256 of their text, in hex (hash_token): they stay good here.
func (p *Plan) LiteLLMTables(t Tables) error {
	budgets := map[string]row{}
	for _, r := range t[liteBudgetsTable] {
		budgets[r.text("budget_id")] = r
	}
	teams, users := map[string]string{}, map[string]string{}
	for _, r := range t[liteTeamsTable] {
		o := p.liteOwner("team", r, budgets, first(r.text("team_alias"), r.text("team_id")))
		o.ID, o.Disabled = r.text("team_id"), r.yes("blocked")
		teams[o.ID] = o.Name
		p.Teams = append(p.Teams, o)
	}
	for _, r := range t[liteUsersTable] {
		id := r.text("user_id")
		o := p.liteOwner("user", r, budgets, first(r.text("user_alias"), r.text("user_email"), id))
		o.ID, o.Email = id, r.text("user_email")
		for _, team := range r.list("teams") {
			add(&o.Teams, teams[team])
		}
		users[id] = o.Name
		p.Users = append(p.Users, o)
	}
	for i, r := range t[liteKeysTable] {
		k, err := p.liteKey(r, budgets)
		if err != nil {
			return fmt.Errorf("key %d (%s): %w", i+1, k.Name, err)
		}
		k.Team, k.User = teams[r.text("team_id")], users[r.text("user_id")]
		p.Keys = append(p.Keys, k)
	}
	return nil
}

func (p *Plan) liteOwner(kind string, r row, budgets map[string]row, name string) Owner {
	where := kind + " " + name
	o := Owner{Name: name, Limits: liteLimits(r), Budgets: p.liteBudgets(where, r)}
	if b := budgets[r.text("budget_id")]; b != nil {
		o.Budgets = append(o.Budgets, p.liteBudgets(where, b)...)
	}
	if models := named(r.list("models")); len(models) > 0 {
		p.lost(where, "models (%s): a %s does not say which models may be asked for, its keys do", strings.Join(models, ", "), kind)
	}
	return o
}

func (p *Plan) liteKey(r row, budgets map[string]row) (k roster.Row, err error) {
	hash := r.text("token")
	k = roster.Row{Hash: hash, Name: p.keyName(first(r.text("key_alias"), "litellm-"+hash[:min(8, len(hash))])), Description: "from LiteLLM", Inactive: r.yes("blocked")}
	where := "key " + k.Name
	if strings.HasPrefix(hash, "sk-") { // before keys were hashed
		k.Hash, k.Secret = "", hash
	}
	if k.Prefix = r.text("key_name"); !strings.HasPrefix(k.Prefix, "sk-") {
		k.Prefix = ""
	}
	for name, at := range map[string]*time.Time{"created_at": &k.Created, "expires": &k.Expires} {
		if *at, err = moment(r.text(name)); err != nil {
			return k, fmt.Errorf("%s: %w", name, err)
		}
	}
	rule := liteLimits(r)
	k.Budgets = p.liteBudgets(where, r)
	if b := budgets[r.text("budget_id")]; b != nil {
		k.Budgets = append(k.Budgets, p.liteBudgets(where, b)...)
		over := liteLimits(b)
		rule = limit.Rule{RPM: firstOf(rule.RPM, over.RPM), TPM: firstOf(rule.TPM, over.TPM), Concurrent: firstOf(rule.Concurrent, over.Concurrent)}
	}
	if !rule.Unlimited() {
		k.Limits = &roster.Limits{Rule: rule}
	}
	if models := named(r.list("models")); len(models) > 0 {
		k.Policy.Routing = &policy.Routing{Models: models}
	}
	meta := r.object("metadata")
	for _, tag := range meta.list("tags") {
		add(&k.Tags, strings.ToLower(tag))
	}
	for _, name := range []string{"aliases", "config", "permissions", "model_max_budget", "allowed_cache_controls", "guardrails", "allowed_routes"} {
		if v := string(r[name]); v != "" && v != "null" && v != "{}" && v != "[]" && v != `""` {
			p.lost(where, "%s is not taken over", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(meta)) {
		if name != "tags" {
			p.lost(where, "metadata.%s is not taken over", name)
		}
	}
	return k, nil
}

func liteLimits(r row) limit.Rule {
	return limit.Rule{RPM: r.whole("rpm_limit"), TPM: r.whole("tpm_limit"), Concurrent: r.whole("max_parallel_requests")}
}

// liteBudgets are max_budget and soft_budget for the time of budget_duration. What was spent
// of a budget that never starts again is taken from it; others start anew here.
func (p *Plan) liteBudgets(where string, r row) (list []budget.Rule) {
	for _, b := range []struct {
		name string
		soft bool
	}{{"max_budget", false}, {"soft_budget", true}} {
		text := r.text(b.name)
		if text == "" {
			continue
		}
		limit, err := amount(text)
		if err != nil {
			p.lost(where, "%s: %s %v", b.name, text, err)
			continue
		}
		rule := budget.Rule{Unit: budget.Dollars, Limit: limit, Period: budget.Lifetime, Soft: b.soft}
		if d := r.text("budget_duration"); d != "" {
			if rule.Period, rule.Window, err = period(d); err != nil {
				p.lost(where, "%s: %v", b.name, err)
				continue
			}
		} else if spent, err := amount(r.text("spend")); err == nil && spent > 0 {
			rule.Limit = max(0, limit-spent)
			p.lost(where, "%s is what is left: $%s less what was spent", b.name, text)
		}
		if err := rule.Check(); err != nil {
			p.lost(where, "%s: %v", b.name, err)
			continue
		}
		list = append(list, rule)
	}
	return list
}

// period is how often a budget starts again: 1d and 1mo are calendar days and months, others
// windows that roll.
func period(text string) (name string, window time.Duration, err error) {
	switch text {
	case "1d", "24h", "daily":
		return budget.Daily, 0, nil
	case "1mo", "30d", "monthly":
		return budget.Monthly, 0, nil
	}
	var n int
	var unit string
	if _, err := fmt.Sscanf(text, "%d%s", &n, &unit); err != nil || n <= 0 {
		return "", 0, fmt.Errorf("budget_duration %q is not understood", text)
	}
	each := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "mo": 30 * 24 * time.Hour}[unit]
	if each == 0 {
		return "", 0, fmt.Errorf("budget_duration %q is not understood", text)
	}
	return budget.Rolling, time.Duration(n) * each, nil
}

// amount is a number of dollars in nano-dollars: rounded down, where it is finer.
func amount(text string) (int64, error) {
	whole, part, _ := strings.Cut(text, ".")
	if strings.ContainsAny(text, "eE") {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, err
		}
		whole, part, _ = strings.Cut(fmt.Sprintf("%.12f", v), ".")
	}
	n, err := price.ParseAmount(whole + "." + (part + "0")[:min(9, len(part)+1)])
	return int64(n), err
}

// named are the models of a list, none where one stands for all.
func named(models []string) []string {
	if slices.ContainsFunc(models, func(m string) bool { return slices.Contains(liteEverything, m) }) {
		return nil
	}
	return models
}

func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time", text)
}

func first(words ...string) string {
	for _, w := range words {
		if w = strings.TrimSpace(w); w != "" {
			return w
		}
	}
	return ""
}

func firstOf(list ...*int64) *int64 {
	for _, n := range list {
		if n != nil {
			return n
		}
	}
	return nil
}
