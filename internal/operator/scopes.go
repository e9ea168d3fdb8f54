package operator

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// ScopeView is a scope as it is shown.
type ScopeView struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Email       string          `json:"email,omitempty"`
	Teams       []string        `json:"teams,omitempty"`
	State       string          `json:"state"`
	Declared    bool            `json:"declared,omitempty"`
	Keys        int             `json:"keys"`
	Limits      json.RawMessage `json:"limits,omitempty"`
	Budgets     []BudgetView    `json:"budgets,omitempty"`
	Created     time.Time       `json:"created_at,omitzero"`
}

// Scopes are the scopes of a kind, with what belongs to them.
func Scopes(ctx context.Context, db *store.Store, kind string) ([]ScopeView, error) {
	list, err1 := db.Scopes(ctx, kind)
	keys, err2 := db.Keys(ctx)
	names, err3 := ReadNames(ctx, db)
	budgets, err4 := db.Budgets(ctx)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for i := range keys {
		for _, id := range scopesOf(&keys[i], kind) {
			counts[id]++
		}
	}
	lines := make([]ScopeView, 0, len(list))
	for i := range list {
		l := viewScope(&list[i], names)
		l.Keys = counts[l.ID]
		for _, b := range budgets {
			if b.ScopeKind == kind && b.ScopeID == l.ID {
				l.Budgets = append(l.Budgets, ViewBudget(b, names))
			}
		}
		lines = append(lines, l)
	}
	return lines, nil
}

func viewScope(s *store.Scope, names Names) ScopeView {
	l := ScopeView{ID: s.ID, Name: s.Name, Description: s.Description, Email: s.Email, State: "active", Limits: json.RawMessage(s.Limits), Created: s.CreatedAt, Declared: s.Declared}
	if s.CreatedAt.Unix() == 0 {
		l.Created = time.Time{}
	}
	if !s.DisabledAt.IsZero() {
		l.State = "disabled"
	}
	for _, t := range s.Teams {
		l.Teams = append(l.Teams, names.Of(tenancy.Team, t))
	}
	return l
}

// scopesOf are the ids of the scopes of a kind that a key belongs to.
func scopesOf(k *store.Key, kind string) []string {
	switch kind {
	case tenancy.Team:
		return []string{k.TeamID}
	case tenancy.User:
		return []string{k.UserID}
	case tenancy.Tag:
		return k.Tags
	}
	return []string{tenancy.OrganisationID}
}
