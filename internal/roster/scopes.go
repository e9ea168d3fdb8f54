package roster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// MaxBudgets bounds the budgets of one scope: a request must fit all of them.
const MaxBudgets = 16

// ErrManyBudgets says that a scope has as many budgets as it may have.
var ErrManyBudgets = errors.New("turnpike budgets remove makes room")

// CheckScope puts a scope's values in their plain form and tells what is wrong
// with them.
func CheckScope(c *store.Scope) error {
	c.Name, c.Description = strings.TrimSpace(c.Name), strings.TrimSpace(c.Description)
	switch {
	case c.Name == "" || len(c.Name) > maxName || c.Name == store.Nobody:
		return fmt.Errorf("a %s needs a name of at most %d characters, which is not %q", c.Kind, maxName, store.Nobody)
	case len(c.Description) > maxDescription:
		return fmt.Errorf("a description has at most %d characters", maxDescription)
	}
	if c.Kind == tenancy.Tag {
		if _, err := CheckTags([]string{c.ID}); err != nil {
			return err
		}
	}
	l, err := ReadLimits(c.Limits)
	if err == nil {
		c.Limits, err = WriteLimits(l)
	}
	return err
}

// SetBudget gives a scope a budget. One of the same unit, period and window that is
// hard or soft as this one is changed and keeps its id.
func SetBudget(ctx context.Context, s *store.Store, kind, id string, r budget.Rule, now time.Time) (b store.Budget, changed bool, err error) {
	all, err := s.Budgets(ctx)
	if err != nil {
		return b, false, err
	}
	b = store.Budget{ID: store.NewID("bud"), ScopeKind: kind, ScopeID: id, CreatedAt: now.UTC()}
	n := 0
	for _, o := range all {
		if o.ScopeKind != kind || o.ScopeID != id {
			continue
		}
		n++
		if old, err := ReadBudget(o); err == nil && old.Unit == r.Unit && old.Period == r.Period && old.Window == r.Window && old.Soft == r.Soft {
			b, changed = o, true
		}
	}
	if n >= MaxBudgets && !changed {
		return b, false, fmt.Errorf("the %s has %d budgets; %w", kind, n, ErrManyBudgets)
	}
	if b.Rule, err = WriteBudget(r); err != nil {
		return b, false, err
	}
	return b, changed, s.PutBudget(ctx, b)
}
