// Package operator is what operators do and see: the command line and the admin API
// do the same by it.
package operator

import (
	"context"

	"turnpike/internal/store"
)

// Names are names by kind and id.
type Names map[[2]string]string

// Of is the name; what was deleted is called by its id.
func (n Names) Of(kind, id string) string {
	if name, ok := n[[2]string{kind, id}]; ok {
		return name
	}
	return id
}

// ReadNames reads the names of all scopes but keys.
func ReadNames(ctx context.Context, db *store.Store) (Names, error) {
	list, err := db.Scopes(ctx, "")
	if err != nil {
		return nil, err
	}
	names := Names{}
	for _, c := range list {
		names[[2]string{c.Kind, c.ID}] = c.Name
	}
	return names, nil
}
