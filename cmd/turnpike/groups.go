package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"turnpike/internal/config"
	"turnpike/internal/identity"
	"turnpike/internal/store"
)

// groupMappings are those that a configuration declares, as the store has others.
func groupMappings(a *config.Auth) ([]store.GroupMapping, error) {
	out := make([]store.GroupMapping, 0, len(a.GroupMappings))
	for i := range a.GroupMappings {
		m := &a.GroupMappings[i]
		scopes := identity.Scopes(m.Scopes)
		if err := identity.CheckRole(m.Role, &scopes); err != nil {
			return nil, fmt.Errorf("auth.group_mappings[%d]: %w", i, err)
		}
		id := sha256.Sum256([]byte(m.Provider + "\n" + m.Group))
		out = append(out, store.GroupMapping{
			ID: "map_declared_" + hex.EncodeToString(id[:8]), Provider: m.Provider, Group: m.Group, Role: m.Role,
			Scopes: identity.WriteScopes(scopes), Teams: identity.WriteList(m.Teams), Priority: int64(m.Priority),
		})
	}
	return out, nil
}

// declaredMappings are those in force. What is wrong with one was told before it came so far.
func (a *app) declaredMappings() []store.GroupMapping {
	list, err := groupMappings(&a.config().Auth)
	if err != nil {
		return nil
	}
	return list
}
