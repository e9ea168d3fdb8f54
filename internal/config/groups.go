package config

import (
	"fmt"
	"reflect"
	"slices"
)

// GroupMapping is what a group of an identity provider gives those who are in it. The admin
// API shows it, and cannot change it; beside it others can be made there.
type GroupMapping struct {
	// Provider is the name of one of auth.oidc.
	Provider string `yaml:"provider"`
	// Group is the group as the provider names it: Entra ID tells object ids of groups, and
	// values of app roles.
	Group string `yaml:"group"`
	// Role is owner, admin, member or auditor.
	Role string `yaml:"role"`
	// Scopes are what an admin may do.
	Scopes Scopes `yaml:"scopes,omitempty"`
	// Teams are ids or names of teams that its people are in. Those that are not there give
	// nothing.
	Teams []string `yaml:"teams,omitempty"`
	// Priority decides between several groups of a person: the highest gives the role, the
	// file's before others that are as high. Teams are those of all.
	Priority int `yaml:"priority,omitempty"`
}

// Scopes are what an admin may do, by area: "*" is all of it, else the ids of single things.
// An area that is left out is none.
type Scopes struct {
	// Keys are ids of keys, or of teams for all their keys.
	Keys []string `yaml:"keys,omitempty"`
	// Teams are ids of teams; "*" is users and tags too.
	Teams []string `yaml:"teams,omitempty"`
	// Models are as prices name them, or patterns such as claude-*.
	Models []string `yaml:"models,omitempty"`
	// Providers are names of providers.
	Providers []string `yaml:"providers,omitempty"`
	// Usage are ids of keys or teams.
	Usage []string `yaml:"usage,omitempty"`
	// Monitor is "*" alone: alerts, health, affinity.
	Monitor []string `yaml:"monitor,omitempty"`
}

const (
	groupMappingsPath = "auth.group_mappings"

	maxGroupMappings = 500
	maxGroup         = 200
	maxPriority      = 1_000_000
)

var roles = []string{"owner", "admin", "member", "auditor"}

// validateGroupMappings checks those of a file; one that is imported may be of another gateway,
// with other providers.
func validateGroupMappings(a *Auth, imported bool, r *report) {
	if len(a.GroupMappings) > maxGroupMappings {
		r.add(groupMappingsPath, "has more than %d entries", maxGroupMappings)
	}
	names := make([]string, len(a.OIDC))
	for i := range a.OIDC {
		names[i] = a.OIDC[i].Name
	}
	seen := map[[2]string]bool{}
	for i := range a.GroupMappings {
		m, at := &a.GroupMappings[i], fmt.Sprintf("%s[%d]", groupMappingsPath, i)
		if !imported && !slices.Contains(names, m.Provider) {
			r.add(at+".provider", "must be the name of one of auth.oidc%s", didYouMean(m.Provider, names))
		}
		if m.Group == "" || len(m.Group) > maxGroup {
			r.add(at+".group", "must be said, with at most %d characters", maxGroup)
		}
		if seen[[2]string{m.Provider, m.Group}] {
			r.add(at+".group", "is another entry's")
		}
		seen[[2]string{m.Provider, m.Group}] = true
		between(r, at+".priority", m.Priority, -maxPriority, maxPriority)
		oneOf(r, at+".role", m.Role, roles)
		switch empty := reflect.ValueOf(m.Scopes).IsZero(); {
		case m.Role == "admin" && empty:
			r.add(at+".scopes", "must be said for an admin: left out, an area is none of it")
		case m.Role != "admin" && !empty:
			r.add(at+".scopes", "are for admins; what other roles may do is fixed")
		}
	}
}
