package budget

import "fmt"

// Why says why a request does not fit.
type Why string

// The reasons.
const (
	Blocked Why = "blocked" // the limit is 0
	Spent   Why = "spent"   // not enough is left
	Held    Why = "held"    // what is left is reserved for requests under way, or leased elsewhere
	Away    Why = "away"    // the bank does not answer and the lease is spent
)

// Refusal is a request that does not fit one of its budgets.
type Refusal struct {
	Why  Why
	Rule Rule
	Who  Who
	Need int64 // the worst case
	// Spent and Limit are how the budget stands; the limit with what was recharged
	// and what rolled over.
	Spent, Limit int64
	Span         Span
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("budget %s of %s: %s (need %d, spent %d of %d)", r.Rule.ID, r.Who, r.Why, r.Need, r.Spent, r.Limit)
}

// refusal is why an amount does not fit, as far as the last grant tells. The
// account is locked.
func (a *account) refusal(p *part) *Refusal {
	r := &Refusal{Why: Spent, Rule: *a.rule, Who: a.who, Need: p.ask.Amount, Spent: a.spent(), Limit: a.grant.Limit, Span: a.span}
	if p.ask.Amount <= r.Limit-r.Spent {
		r.Why = Held
	}
	return r
}
