package gateway

import (
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/price"
	"turnpike/internal/wire"
)

// explainBudgets tells what would be reserved, and how the budgets stand.
func (x *exchange) explainBudgets(w *wire.Writer) {
	if x.gw.opt.Budgets == nil {
		return
	}
	asks := x.asks()
	if len(asks) == 0 {
		return
	}
	most := worst{}
	for _, c := range x.worstCases() {
		if c.nano >= most.nano {
			most = c
		}
	}
	w.Key("budgets")
	w.Object()
	w.StrField("reserves", price.Nano(most.nano).String())
	w.IntField("reserves_tokens", most.tokens())
	list, err := x.gw.opt.Budgets.Look(x.r.Context(), x.start, asks)
	if err != nil {
		w.StrField("unknown", "the accounts of budgets cannot be asked")
	}
	w.Key("chain")
	w.List()
	for i := range list {
		explainBudget(w, &list[i])
	}
	w.EndList()
	w.EndObject()
}

func explainBudget(w *wire.Writer, s *budget.Standing) {
	r := s.Ask.Rule
	w.Object()
	w.StrField("id", r.ID)
	w.StrField("of", s.Ask.Who.String())
	w.StrField("period", r.Period)
	w.BoolField("soft", r.Soft)
	w.StrField("limit", amountOf(r, s.Limit))
	w.StrField("spent", amountOf(r, s.Spent))
	w.StrField("left", amountOf(r, s.Left))
	if !s.Span.End.IsZero() && r.Period != budget.Rolling {
		w.StrField("starts_again", s.Span.End.UTC().Format(time.RFC3339))
	}
	w.EndObject()
}

// budgetHealth tells whether budgets can be leased. That they cannot does not keep
// requests from being served that the lease suffices for, or that have none.
func (g *Gateway) budgetHealth(w *wire.Writer) {
	if g.opt.Budgets == nil {
		return
	}
	w.Key("budgets")
	w.Object()
	state := "ready"
	if g.opt.Budgets.Failing() {
		state = "database away"
	}
	w.StrField("state", state)
	w.EndObject()
}
