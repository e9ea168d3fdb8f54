package identity

import (
	"cmp"
	"context"
	"slices"

	"turnpike/internal/store"
)

// Mapping is what a group of an identity provider gives.
type Mapping struct {
	store.GroupMapping
	// Declared says that the configuration has it.
	Declared bool
	// Beaten says that the configuration has another for the group: this one gives nothing.
	Beaten bool
}

// Mappings are those of a provider, or all where it is empty: what the configuration declares,
// and what was made beside it. The highest priority comes first.
func (a *Accounts) Mappings(ctx context.Context, provider string) ([]Mapping, error) {
	rows, err := a.Store.GroupMappings(ctx, provider)
	if err != nil {
		return nil, err
	}
	var list []Mapping
	declared := a.declared()
	for _, m := range declared {
		if provider == "" || m.Provider == provider {
			list = append(list, Mapping{GroupMapping: m, Declared: true})
		}
	}
	for _, m := range rows {
		beaten := slices.ContainsFunc(declared, func(d store.GroupMapping) bool { return d.Provider == m.Provider && d.Group == m.Group })
		list = append(list, Mapping{GroupMapping: m, Beaten: beaten})
	}
	slices.SortStableFunc(list, func(x, y Mapping) int { return cmp.Compare(y.Priority, x.Priority) })
	return list, nil
}

// DeclaredMapping is the one of the configuration that has this id, or is for this group.
func (a *Accounts) DeclaredMapping(id, provider, group string) (store.GroupMapping, bool) {
	list := a.declared()
	i := slices.IndexFunc(list, func(m store.GroupMapping) bool { return m.ID == id || m.Provider == provider && m.Group == group })
	if i < 0 {
		return store.GroupMapping{}, false
	}
	return list[i], true
}

func (a *Accounts) declared() []store.GroupMapping {
	if a.Declared == nil {
		return nil
	}
	return a.Declared()
}
