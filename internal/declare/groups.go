package declare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/identity"
	"turnpike/internal/live"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// kindGroup is what an import calls a group mapping.
const kindGroup = "group mapping"

// GroupMappings are those that a file declares, as the store has others.
func GroupMappings(list []config.GroupMapping) ([]store.GroupMapping, error) {
	out := make([]store.GroupMapping, 0, len(list))
	for i := range list {
		m := &list[i]
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

// Groups are what a configuration declares of groups and what was made beside it, as a file
// would declare them. What gives nothing, for its provider is gone or the file has another for
// the group, is left out.
func Groups(ctx context.Context, db *store.Store, cfg *config.Config) ([]config.GroupMapping, error) {
	out := slices.Clone(cfg.Auth.GroupMappings)
	rows, err := db.GroupMappings(ctx, "")
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if m := &rows[i]; configured(cfg, m.Provider) && declaredAt(cfg, m) < 0 {
			g, err := groupOf(ctx, db, m)
			if err != nil {
				return nil, err
			}
			out = append(out, g)
		}
	}
	return out, nil
}

func configured(cfg *config.Config, provider string) bool {
	return slices.ContainsFunc(cfg.Auth.OIDC, func(o config.OIDC) bool { return o.Name == provider })
}

// declaredAt is where a configuration declares what the group of a mapping gives, -1 if it does not.
func declaredAt(cfg *config.Config, m *store.GroupMapping) int {
	return slices.IndexFunc(cfg.Auth.GroupMappings, func(g config.GroupMapping) bool { return g.Provider == m.Provider && g.Group == m.Group })
}

// groupOf is a row in the words of a file, with teams by their names.
func groupOf(ctx context.Context, db *store.Store, m *store.GroupMapping) (config.GroupMapping, error) {
	g := config.GroupMapping{Provider: m.Provider, Group: m.Group, Role: m.Role, Scopes: config.Scopes(identity.ReadScopes(m.Scopes)), Priority: int(m.Priority)}
	for _, word := range identity.ReadList(m.Teams) {
		team, err := db.FindScope(ctx, tenancy.Team, word)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return g, err
		}
		if err == nil {
			word = team.Name
		}
		g.Teams = append(g.Teams, word)
	}
	return g, nil
}

// importGroups makes what a file says of groups, but for those that the configuration declares.
// What the file does not have stays.
func importGroups(ctx context.Context, db *store.Store, declared *config.Config, list []config.GroupMapping, now time.Time, dry bool) (changes []live.Change, err error) {
	wanted, err := GroupMappings(list)
	if err != nil {
		return nil, err
	}
	rows, err := db.GroupMappings(ctx, "")
	if err != nil {
		return nil, err
	}
	for i := range wanted {
		m, c := &wanted[i], live.Change{Kind: kindGroup, Name: wanted[i].Provider + "/" + wanted[i].Group, What: live.Made}
		at := slices.IndexFunc(rows, func(r store.GroupMapping) bool { return r.Provider == m.Provider && r.Group == m.Group })
		switch {
		case !configured(declared, m.Provider):
			return nil, fmt.Errorf("auth.group_mappings[%d]: the provider %s is none of this gateway's auth.oidc", i, m.Provider)
		case declaredAt(declared, m) >= 0:
			if c.What = live.Declared; alike(declared.Auth.GroupMappings[declaredAt(declared, m)], m) {
				c.What = live.Unchanged
			}
		case at >= 0:
			there, err := groupOf(ctx, db, &rows[at])
			if err != nil {
				return nil, err
			}
			if c.What = live.Changed; alike(there, m) {
				c.What = live.Unchanged
			}
		}
		changes = append(changes, c)
		if dry || c.What != live.Made && c.What != live.Changed {
			continue
		}
		id := ""
		if at >= 0 {
			id = rows[at].ID
		}
		if err := putGroup(ctx, db, id, m, now); err != nil {
			return changes, err
		}
	}
	return changes, nil
}

// alike tells whether a mapping says what another one does.
func alike(g config.GroupMapping, m *store.GroupMapping) bool {
	list, err := GroupMappings([]config.GroupMapping{g})
	return err == nil && list[0] == *m
}

// putGroup makes or changes a mapping, with teams by their ids.
func putGroup(ctx context.Context, db *store.Store, id string, m *store.GroupMapping, now time.Time) error {
	var teams []string
	for _, word := range identity.ReadList(m.Teams) {
		if team, err := db.FindScope(ctx, tenancy.Team, word); err == nil {
			word = team.ID
		}
		teams = append(teams, word)
	}
	_, err := db.PutGroupMapping(ctx, id, func(row *store.GroupMapping) error {
		if id == "" {
			row.ID, row.CreatedAt = store.NewID("map"), now
		}
		row.Provider, row.Group, row.Role, row.Scopes, row.Teams, row.Priority = m.Provider, m.Group, m.Role, m.Scopes, identity.WriteList(teams), m.Priority
		return nil
	})
	return err
}
