package admin

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/operator"
	"turnpike/internal/price"
	"turnpike/internal/roster"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// BudgetList is a page of budgets.
type BudgetList struct {
	Budgets []operator.BudgetView `json:"budgets"`
	Total   int                   `json:"total"`
	Next    string                `json:"next,omitempty"`
}

type budgetQuery struct {
	Paging
	Scope   string `query:"scope" enum:"key,user,tag,team,organisation"`
	ScopeID string `query:"scope_id"`
}

var budgetOrder = order[operator.BudgetView]{
	by: map[string]func(*operator.BudgetView) string{
		"created_at": func(b *operator.BudgetView) string { return moment(b.Created) },
		"scope":      func(b *operator.BudgetView) string { return b.Scope + b.Name },
	},
	id:    func(b *operator.BudgetView) string { return b.ID },
	first: "created_at",
}

// budgetNames are the names of all who may have budgets.
func (c *call) budgetNames() (operator.Names, error) {
	names, err1 := operator.ReadNames(c.ctx, c.Store)
	keys, err2 := c.Store.KeyNames(c.ctx, nil)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	for id, name := range keys {
		names[[2]string{tenancy.Key, id}] = name
	}
	return names, nil
}

// budgetsInReach are those of keys and teams in the caller's scopes; others need all teams.
func (c *call) budgetsInReach(list []store.Budget) ([]store.Budget, error) {
	if !c.who.limited(BudgetsRead) {
		return list, nil
	}
	keys, err := c.Store.ListKeys(c.ctx)
	if err != nil {
		return nil, err
	}
	reached := map[string]bool{}
	for i := range keys {
		reached[keys[i].ID] = c.reachesKey(&keys[i])
	}
	return slices.DeleteFunc(slices.Clone(list), func(b store.Budget) bool {
		switch b.ScopeKind {
		case tenancy.Key:
			return !reached[b.ScopeID]
		case tenancy.Team:
			return !c.who.reaches("teams", b.ScopeID)
		}
		return !c.who.whole("teams")
	}), nil
}

// budget is the budget of the path, if it is in the caller's scopes.
func (c *call) budget() (store.Budget, budget.Rule, error) {
	row, r, err := operator.FindBudget(c.ctx, c.Store, c.id())
	if err != nil {
		return row, r, err
	}
	in, err := c.budgetsInReach([]store.Budget{row})
	if err == nil && len(in) == 0 {
		err = fail(404, "there is no budget %s", c.id())
	}
	return row, r, err
}

func listBudgets(c *call, q *budgetQuery, _ *nothing) (BudgetList, error) {
	all, err1 := c.Store.Budgets(c.ctx)
	names, err2 := c.budgetNames()
	if err := errors.Join(err1, err2); err != nil {
		return BudgetList{}, err
	}
	all = slices.DeleteFunc(all, func(b store.Budget) bool {
		return q.Scope != "" && q.Scope != b.ScopeKind || q.ScopeID != "" && q.ScopeID != b.ScopeID
	})
	if all, err1 = c.budgetsInReach(all); err1 != nil {
		return BudgetList{}, err1
	}
	rows := map[string]store.Budget{}
	lines := make([]operator.BudgetView, 0, len(all))
	for _, b := range all {
		rows[b.ID] = b
		lines = append(lines, operator.ViewBudget(b, names))
	}
	part, next, err := page(lines, &q.Paging, budgetOrder)
	if err != nil {
		return BudgetList{}, err
	}
	for i := range part { // how they stand is asked of those that are shown
		if part[i].BudgetState, err = operator.StateOf(c.ctx, c.Store, rows[part[i].ID], c.Now()); err != nil {
			return BudgetList{}, err
		}
	}
	return BudgetList{part, len(lines), next}, nil
}

// showBudget is how a budget stands now.
func (c *call) showBudget(id string) (operator.BudgetView, error) {
	b, _, err := operator.FindBudget(c.ctx, c.Store, id)
	if err != nil {
		return operator.BudgetView{}, err
	}
	names, err := c.budgetNames()
	if err != nil {
		return operator.BudgetView{}, err
	}
	l := operator.ViewBudget(b, names)
	l.BudgetState, err = operator.StateOf(c.ctx, c.Store, b, c.Now())
	c.tagged(b)
	return l, err
}

func getBudget(c *call, _ *nothing, _ *nothing) (operator.BudgetView, error) {
	if _, _, err := c.budget(); err != nil {
		return operator.BudgetView{}, err
	}
	return c.showBudget(c.id())
}

// BudgetEdit is what can be changed of a budget.
type BudgetEdit struct {
	USD      Opt[string] `json:"limit_usd" say:"dollars in a period, such as 10 or $10.50; 0 blocks"`
	Tokens   Opt[int64]  `json:"limit_tokens" say:"tokens in a period, instead of dollars"`
	Soft     Opt[bool]   `json:"soft" say:"it refuses nothing, it only tells"`
	Rollover Opt[bool]   `json:"rollover" say:"what a month leaves is added to the next"`
	Zone     Opt[string] `json:"zone" say:"IANA name of the zone whose days and months are meant"`
}

// BudgetCreate is a new budget. Where the scope has one of the same unit and period, that
// one is changed.
type BudgetCreate struct {
	Scope   string `json:"scope" enum:"key,user,tag,team,organisation"`
	ScopeID string `json:"scope_id,omitempty" say:"id or name; a tag itself; nothing for the organisation"`
	Period  string `json:"period" enum:"daily,monthly,lifetime,rolling"`
	Window  string `json:"window,omitempty" say:"how far a rolling period looks back, such as 24h"`
	BudgetEdit
}

// lay lays an edit over a rule.
func (e *BudgetEdit) lay(r *budget.Rule) error {
	if e.USD.Value != nil && e.Tokens.Value != nil {
		return badField("limit_tokens", errors.New("is said beside limit_usd: give one"))
	}
	switch {
	case e.USD.Value != nil:
		n, err := price.ParseAmount(*e.USD.Value)
		if err != nil {
			return badField("limit_usd", fmt.Errorf("%q %w", *e.USD.Value, err))
		}
		r.Unit, r.Limit = budget.Dollars, int64(n)
	case e.Tokens.Value != nil:
		r.Unit, r.Limit = budget.Tokens, *e.Tokens.Value
	case e.USD.Given || e.Tokens.Given:
		return badField("limit_usd", errors.New("cannot be cleared: delete the budget"))
	}
	e.Soft.over(&r.Soft)
	e.Rollover.over(&r.Rollover)
	e.Zone.over(&r.Zone)
	if err := r.Check(); err != nil {
		return badFields([]FieldError{{Pointer: "#", Detail: err.Error()}})
	}
	return nil
}

func createBudget(c *call, _ *nothing, b *BudgetCreate) (operator.BudgetView, error) {
	if b.USD.Value == nil && b.Tokens.Value == nil {
		return operator.BudgetView{}, badField("limit_usd", errors.New("or limit_tokens is needed"))
	}
	id, err := c.budgetOwner(b.Scope, b.ScopeID)
	if err != nil {
		return operator.BudgetView{}, err
	}
	in, err := c.budgetsInReach([]store.Budget{{ScopeKind: b.Scope, ScopeID: id}})
	if err == nil && len(in) == 0 {
		err = badField("scope_id", errors.New("must be one that your scopes list"))
	}
	if err != nil {
		return operator.BudgetView{}, err
	}
	r := budget.Rule{Period: b.Period}
	if b.Window != "" {
		if r.Window, err = time.ParseDuration(b.Window); err != nil {
			return operator.BudgetView{}, badField("window", errors.New("must be a time such as 24h"))
		}
	}
	if err := b.lay(&r); err != nil {
		return operator.BudgetView{}, err
	}
	made, _, err := roster.SetBudget(c.ctx, c.Store, b.Scope, id, r, c.Now())
	if errors.Is(err, roster.ErrManyBudgets) {
		return operator.BudgetView{}, fail(409, "%s", err)
	}
	if err != nil {
		return operator.BudgetView{}, err
	}
	return c.showBudget(made.ID)
}

// budgetOwner is the id of whom a budget is for.
func (c *call) budgetOwner(kind, word string) (id string, err error) {
	switch kind {
	case tenancy.Organisation:
		return tenancy.OrganisationID, nil
	case tenancy.Tag:
		list, err := roster.CheckTags([]string{word})
		if err != nil {
			return "", badField("scope_id", err)
		}
		return list[0], nil
	case tenancy.Key:
		var k store.Key
		k, err = c.Store.FindKey(c.ctx, word)
		id = k.ID
	default:
		var s store.Scope
		s, err = c.Store.FindScope(c.ctx, kind, word)
		id = s.ID
	}
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrAmbiguous) {
		return "", badField("scope_id", fmt.Errorf("is no %s, or several: %q", kind, word))
	}
	return id, err
}

func setBudget(c *call, _ *nothing, b *BudgetEdit) (operator.BudgetView, error) {
	row, r, err := c.budget()
	if err != nil {
		return operator.BudgetView{}, err
	}
	if err := c.match(row); err != nil {
		return operator.BudgetView{}, err
	}
	if b.Tokens.Value != nil && r.Unit != budget.Tokens || b.USD.Value != nil && r.Unit != budget.Dollars {
		return operator.BudgetView{}, badField("limit_usd", errors.New("the unit of a budget stays: make another budget"))
	}
	if err := b.lay(&r); err != nil {
		return operator.BudgetView{}, err
	}
	if row.Rule, err = roster.WriteBudget(r); err != nil {
		return operator.BudgetView{}, err
	}
	if err := c.Store.PutBudget(c.ctx, row); err != nil {
		return operator.BudgetView{}, err
	}
	return c.showBudget(row.ID)
}

func deleteBudget(c *call, _ *nothing, _ *nothing) (Deleted, error) {
	if _, _, err := c.budget(); err != nil {
		return Deleted{}, err
	}
	err := c.Store.RemoveBudget(c.ctx, c.id())
	return Deleted{err == nil}, err
}

type budgetReset struct {
	Note string `json:"note,omitempty" say:"why, for those who look later"`
}

func resetBudget(c *call, _ *nothing, b *budgetReset) (operator.BudgetView, error) {
	if _, _, err := c.budget(); err != nil {
		return operator.BudgetView{}, err
	}
	if _, err := operator.ResetBudget(c.ctx, c.Store, c.id(), b.Note, c.Now()); err != nil {
		return operator.BudgetView{}, err
	}
	return c.showBudget(c.id())
}

type budgetRecharge struct {
	Amount string `json:"amount" say:"dollars such as $5, or tokens, as the budget counts"`
	Note   string `json:"note,omitempty" say:"why, for those who look later"`
}

func rechargeBudget(c *call, _ *nothing, b *budgetRecharge) (operator.BudgetView, error) {
	_, r, err := c.budget()
	if err != nil {
		return operator.BudgetView{}, err
	}
	return c.recharged(&r, b)
}

// BudgetEvent is what somebody did to a budget.
type BudgetEvent struct {
	ID     string    `json:"id"`
	Kind   string    `json:"kind" enum:"reset,recharge,adjust"`
	Amount string    `json:"amount" say:"added to what it may spend; taken away where there is a minus"`
	Note   string    `json:"note,omitempty"`
	Period time.Time `json:"period" say:"the beginning of the period it was done in"`
	At     time.Time `json:"at"`
}

// BudgetEvents are what was done to a budget, the newest first.
type BudgetEvents struct {
	Events []BudgetEvent `json:"events"`
}

func budgetEvents(c *call, _ *nothing, _ *nothing) (BudgetEvents, error) {
	_, r, err := c.budget()
	if err != nil {
		return BudgetEvents{}, err
	}
	list, err := c.Store.BudgetEvents(c.ctx, c.id(), maxPage)
	out := BudgetEvents{Events: []BudgetEvent{}}
	for _, e := range list {
		amount := fmt.Sprint(e.Amount)
		if r.Unit == budget.Dollars {
			amount = price.Nano(e.Amount).String()
		}
		out.Events = append(out.Events, BudgetEvent{e.ID, e.Kind, amount, e.Note, e.Period, e.At})
	}
	return out, err
}
