package gateway

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/llm"
	"turnpike/internal/price"
)

const (
	// heldWait is how long clients are asked to wait for what others have reserved.
	heldWait = 2 * time.Second
	// awayWait is how long they are where the accounts cannot be asked.
	awayWait = 5 * time.Second
)

// overBudget is a refusal, counted.
func (x *exchange) overBudget(r *budget.Refusal) *llm.Error {
	x.gw.opt.Metrics.OverBudget(r.Who.Kind, string(r.Why))
	return overBudget(r)
}

// overBudget is what the client is told. What will not clear by itself is not to be
// tried again: SDKs would, for minutes.
func overBudget(r *budget.Refusal) *llm.Error {
	whose := budgetName(&r.Rule) + " of " + quotedWho(r.Who)
	switch r.Why {
	case budget.Blocked:
		return &llm.Error{
			Kind: llm.ErrBilling, NoRetry: true,
			Message: fmt.Sprintf("the %s is 0, which allows nothing: ask your administrator to raise it", whose),
		}
	case budget.Held:
		return &llm.Error{
			Kind: llm.ErrRate, RetryAfter: heldWait,
			Message: fmt.Sprintf("what is left of the %s is reserved for requests that are under way (this one may need %s): try again in a moment, or ask for fewer output tokens",
				whose, amountOf(&r.Rule, r.Need)),
		}
	case budget.Away:
		return &llm.Error{
			Kind: llm.ErrUnavail, RetryAfter: awayWait,
			Message: fmt.Sprintf("how the %s stands cannot be asked now: try again later", whose),
		}
	case budget.Spent:
	}
	left, state := max(0, r.Limit-r.Spent), "is spent"
	if left > 0 {
		state = "has not enough left"
	}
	return &llm.Error{
		Kind: llm.ErrBilling, NoRetry: true,
		Message: fmt.Sprintf("the %s %s: %s of %s, and this request may need %s. %s",
			whose, state, amountOf(&r.Rule, left), amountOf(&r.Rule, r.Limit), amountOf(&r.Rule, r.Need), startsAgain(&r.Rule, r.Span)),
	}
}

func quotedWho(w budget.Who) string {
	if w.Name == "" {
		return "the " + w.Kind
	}
	return w.Kind + " " + strconv.Quote(w.Name)
}

func budgetName(r *budget.Rule) string {
	if r.Period == budget.Rolling {
		return "budget for " + r.Window.String()
	}
	return r.Period + " budget"
}

// amountOf writes an amount in the unit of a budget.
func amountOf(r *budget.Rule, n int64) string {
	if r.Unit == budget.Tokens {
		return strconv.FormatInt(n, 10) + " tokens"
	}
	s := price.Nano(n).String()
	if !strings.HasPrefix(s, "$") {
		s = "$" + s
	}
	return s
}

// startsAgain says when there will be more, in the zone of the budget.
func startsAgain(r *budget.Rule, s budget.Span) string {
	switch {
	case r.Period == budget.Rolling:
		return "What was spent counts for " + r.Window.String() + ": wait, ask for fewer output tokens, or ask your administrator to raise it"
	case s.End.IsZero():
		return "It does not start again by itself: ask for fewer output tokens, or ask your administrator to raise it"
	}
	zone, err := time.LoadLocation(r.Zone)
	if err != nil {
		zone = time.UTC
	}
	return "It starts again at " + s.End.In(zone).Format("2006-01-02 15:04 MST") + " (" + zone.String() + "); until then ask for fewer output tokens, or ask your administrator to raise it"
}
