package admin

import (
	"errors"
	"fmt"
	"strings"

	"turnpike/internal/budget"
	"turnpike/internal/operator"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

type budgetAdjustment struct {
	Amount string `json:"amount" say:"what is added, or with a minus taken away: $5, -$2.50, or tokens, as the budget counts"`
	Note   string `json:"note" say:"why, for those who look later"`
}

type keyRecharge struct {
	budgetRecharge
	Budget string `json:"budget_id,omitempty" say:"where the key has several"`
}

type keyAdjustment struct {
	budgetAdjustment
	Budget string `json:"budget_id,omitempty" say:"where the key has several"`
}

const maxNote = 2000

// adjusted adds a signed amount to what a budget may spend in this period.
func (c *call) adjusted(id string, r *budget.Rule, b *budgetAdjustment) (operator.BudgetView, error) {
	if b.Note = strings.TrimSpace(b.Note); b.Note == "" || len(b.Note) > maxNote {
		return operator.BudgetView{}, badField("note", fmt.Errorf("must say why, in at most %d characters", maxNote))
	}
	if _, err := operator.ParseAdjustment(r, b.Amount); err != nil {
		return operator.BudgetView{}, badField("amount", err)
	}
	if _, err := operator.AdjustBudget(c.ctx, c.Store, id, b.Amount, b.Note, c.Now()); errors.Is(err, operator.ErrBelowZero) {
		return operator.BudgetView{}, badField("amount", err)
	} else if err != nil {
		return operator.BudgetView{}, err
	}
	return c.showBudget(id)
}

func adjustBudget(c *call, _ *nothing, b *budgetAdjustment) (operator.BudgetView, error) {
	_, r, err := c.budget()
	if err != nil {
		return operator.BudgetView{}, err
	}
	return c.adjusted(c.id(), &r, b)
}

// budgetOfKey is the budget of the key of the path that is meant: the only one, or the one with
// that id.
func (c *call) budgetOfKey(id string) (budget.Rule, error) {
	k, err := c.key()
	if err != nil {
		return budget.Rule{}, err
	}
	all, err := c.Store.Budgets(c.ctx)
	if err != nil {
		return budget.Rule{}, err
	}
	var found []store.Budget
	for _, b := range all {
		if b.ScopeKind == tenancy.Key && b.ScopeID == k.ID && (id == "" || id == b.ID) {
			found = append(found, b)
		}
	}
	if found, err = c.budgetsInReach(found); err != nil {
		return budget.Rule{}, err
	}
	switch {
	case len(found) == 0:
		return budget.Rule{}, fail(409, "the key has no such budget: POST /admin/budgets makes one")
	case len(found) > 1:
		return budget.Rule{}, badField("budget_id", errors.New("is needed: the key has several budgets"))
	}
	_, r, err := operator.FindBudget(c.ctx, c.Store, found[0].ID)
	return r, err
}

func adjustKey(c *call, _ *nothing, b *keyAdjustment) (operator.BudgetView, error) {
	r, err := c.budgetOfKey(b.Budget)
	if err != nil {
		return operator.BudgetView{}, err
	}
	return c.adjusted(r.ID, &r, &b.budgetAdjustment)
}

func rechargeKey(c *call, _ *nothing, b *keyRecharge) (operator.BudgetView, error) {
	r, err := c.budgetOfKey(b.Budget)
	if err != nil {
		return operator.BudgetView{}, err
	}
	return c.recharged(&r, &b.budgetRecharge)
}

func (c *call) recharged(r *budget.Rule, b *budgetRecharge) (operator.BudgetView, error) {
	if _, err := operator.ParseBudgetAmount(r, b.Amount); err != nil {
		return operator.BudgetView{}, badField("amount", err)
	}
	if _, err := operator.RechargeBudget(c.ctx, c.Store, r.ID, b.Amount, b.Note, c.Now()); err != nil {
		return operator.BudgetView{}, err
	}
	return c.showBudget(r.ID)
}
