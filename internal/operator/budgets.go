package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/price"
	"turnpike/internal/roster"
	"turnpike/internal/store"
)

// BudgetView is a budget as it is shown.
type BudgetView struct {
	ID       string    `json:"id"`
	Scope    string    `json:"scope"`
	ScopeID  string    `json:"scope_id"`
	Name     string    `json:"name,omitempty"`
	Unit     string    `json:"unit"`
	Limit    string    `json:"limit"` // of dollars "$10.00", of tokens a whole number
	Period   string    `json:"period"`
	Window   string    `json:"window,omitempty"`
	Soft     bool      `json:"soft,omitempty"`
	Rollover bool      `json:"rollover,omitempty"`
	Zone     string    `json:"zone,omitempty"`
	Declared bool      `json:"declared,omitempty"`
	Created  time.Time `json:"created_at"`
	BudgetState
}

// ViewBudget shows a budget; one that cannot be read has no limit to show.
func ViewBudget(b store.Budget, names Names) BudgetView {
	l := BudgetView{ID: b.ID, Scope: b.ScopeKind, ScopeID: b.ScopeID, Name: names.Of(b.ScopeKind, b.ScopeID), Created: b.CreatedAt, Declared: b.Declared}
	r, err := roster.ReadBudget(b)
	if err != nil {
		l.Limit = "unreadable"
		return l
	}
	l.Unit, l.Period, l.Soft, l.Rollover, l.Zone, l.Limit = r.Unit, r.Period, r.Soft, r.Rollover, r.Zone, fmt.Sprint(r.Limit)
	if r.Unit == budget.Dollars {
		l.Limit = price.Nano(r.Limit).String()
	}
	if r.Window > 0 {
		l.Window = r.Window.String()
	}
	return l
}

// BudgetsOf are the budgets of one scope.
func BudgetsOf(ctx context.Context, db *store.Store, names Names, kind, id string) (lines []BudgetView, err error) {
	all, err := db.Budgets(ctx)
	for _, b := range all {
		if b.ScopeKind == kind && b.ScopeID == id {
			lines = append(lines, ViewBudget(b, names))
		}
	}
	return lines, err
}

// BudgetState is how a budget stands in its period now.
type BudgetState struct {
	Spent    string     `json:"spent"`
	Reserved string     `json:"reserved"` // for requests under way, or leased by gateways
	Left     string     `json:"left"`
	Allows   string     `json:"allows"` // the limit with what was recharged and what rolled over
	Resets   *time.Time `json:"resets_at,omitempty"`
}

// StateOf asks the accounts. A budget that cannot be read has no state.
func StateOf(ctx context.Context, db *store.Store, b store.Budget, now time.Time) (s BudgetState, err error) {
	r, err := roster.ReadBudget(b)
	if err != nil {
		return s, nil //nolint:nilerr // the list shows that
	}
	span := r.Span(now)
	g, err := db.LeaseBudget(ctx, &store.BudgetClaim{Budget: r.ID, Period: span.Start, Since: span.Since, Before: span.Before, Limit: r.Limit, Now: now})
	if err != nil {
		return s, err
	}
	spent := g.Others + g.Mine
	s = BudgetState{
		Spent: budgetAmount(&r, spent), Reserved: budgetAmount(&r, g.Held-spent), Left: budgetAmount(&r, max(0, g.Limit-g.Held)), Allows: budgetAmount(&r, g.Limit),
	}
	if !span.End.IsZero() && r.Period != budget.Rolling {
		s.Resets = &span.End
	}
	return s, nil
}

func budgetAmount(r *budget.Rule, n int64) string {
	if r.Unit == budget.Tokens {
		return fmt.Sprint(n)
	}
	return price.Nano(n).String()
}

// ParseBudgetAmount reads what is added to a budget: dollars or tokens, as it counts.
func ParseBudgetAmount(r *budget.Rule, text string) (int64, error) {
	if r.Unit == budget.Tokens {
		var n int64
		if _, err := fmt.Sscan(text, &n); err != nil || n <= 0 {
			return 0, fmt.Errorf("%q is no number of tokens above 0", text)
		}
		return n, nil
	}
	n, err := price.ParseAmount(text)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%q must be dollars above 0, such as $5", text)
	}
	return int64(n), nil
}

// ParseAdjustment reads what is added to a budget, or with a minus taken away.
func ParseAdjustment(r *budget.Rule, text string) (int64, error) {
	text = strings.TrimSpace(text)
	rest, minus := strings.CutPrefix(text, "-")
	n, err := ParseBudgetAmount(r, strings.TrimPrefix(rest, "+"))
	if err != nil || minus && strings.HasPrefix(rest, "+") {
		return 0, fmt.Errorf("%q must be dollars such as $5 or -$5, or for a budget of tokens a whole number; it is not 0", text)
	}
	if minus {
		n = -n
	}
	return n, nil
}

// ErrBelowZero says that more would be taken away than there is.
var ErrBelowZero = errors.New("takes away more than the budget allows in this period")

// AdjustBudget adds an amount to what a budget may spend in this period, or takes it away, and
// notes it.
func AdjustBudget(ctx context.Context, db *store.Store, id, amount, note string, now time.Time) (store.Budget, error) {
	b, r, err := FindBudget(ctx, db, id)
	if err != nil {
		return b, err
	}
	n, err := ParseAdjustment(&r, amount)
	if err != nil {
		return b, err
	}
	span := r.Span(now)
	g, err := db.LeaseBudget(ctx, &store.BudgetClaim{Budget: r.ID, Period: span.Start, Since: span.Since, Before: span.Before, Limit: r.Limit, Now: now})
	if err != nil {
		return b, err
	}
	if g.Limit+n < 0 {
		return b, fmt.Errorf("%w: %s", ErrBelowZero, budgetAmount(&r, g.Limit))
	}
	return b, db.AdjustBudget(ctx, r.ID, span.Start, n, note, now)
}

// FindBudget is the budget with that id, and its rule.
func FindBudget(ctx context.Context, db *store.Store, id string) (b store.Budget, r budget.Rule, err error) {
	all, err := db.Budgets(ctx)
	if err != nil {
		return b, r, err
	}
	for _, b := range all {
		if b.ID == id {
			r, err = roster.ReadBudget(b)
			return b, r, err
		}
	}
	return b, r, fmt.Errorf("budget %q: %w", id, store.ErrNotFound)
}

// ResetBudget forgets what a budget has spent in this period, and notes it.
func ResetBudget(ctx context.Context, db *store.Store, id, note string, now time.Time) (store.Budget, error) {
	b, r, err := FindBudget(ctx, db, id)
	if err != nil {
		return b, err
	}
	span := r.Span(now)
	return b, db.ResetBudget(ctx, r.ID, span.Since, span.Start, note, now)
}

// RechargeBudget adds an amount to what a budget may spend in this period, and notes it.
func RechargeBudget(ctx context.Context, db *store.Store, id, amount, note string, now time.Time) (store.Budget, error) {
	b, r, err := FindBudget(ctx, db, id)
	if err != nil {
		return b, err
	}
	n, err := ParseBudgetAmount(&r, amount)
	if err != nil {
		return b, err
	}
	return b, db.RechargeBudget(ctx, r.ID, r.Span(now).Start, n, note, now)
}
