package admin

import (
	"path"
	"slices"

	"turnpike/internal/identity"
)

// Permission is what a route of the API needs.
type Permission string

// The permissions there are. Who may write may not read by that alone.
const (
	KeysRead       Permission = "keys:read"
	KeysWrite      Permission = "keys:write"
	KeysReveal     Permission = "keys:reveal" // secrets of keys, one by one or exported
	TeamsRead      Permission = "teams:read"  // teams, users, tags and the organisation
	TeamsWrite     Permission = "teams:write"
	BudgetsRead    Permission = "budgets:read"
	BudgetsWrite   Permission = "budgets:write"
	ProvidersRead  Permission = "providers:read"
	ProvidersWrite Permission = "providers:write"
	ModelsRead     Permission = "models:read" // the catalogue, aliases and prices
	ModelsWrite    Permission = "models:write"
	PricesWrite    Permission = "prices:write"
	UsageRead      Permission = "usage:read" // sums and the request log
	MonitorRead    Permission = "monitor:read"
	MonitorWrite   Permission = "monitor:write"
	SettingsRead   Permission = "settings:read"
	SettingsWrite  Permission = "settings:write" // reading the configuration again, importing one, exports with secrets
	AccountsRead   Permission = "accounts:read"  // accounts, invitations, identities, groups, services, sessions
	AccountsWrite  Permission = "accounts:write" // and with it every role
	Self           Permission = "self"           // one's own account, keys and usage
	AuditRead      Permission = "audit:read"
	PayloadsRead   Permission = "payloads:read" // what requests and answers said
)

// granted says which areas of an admin's scopes give a permission, and whether auditors
// have it. What is not here is for owners alone.
var granted = map[Permission]struct {
	areas []string
	any   bool // of any area: it names nothing that could be listed
	audit bool
}{
	KeysRead:       {areas: []string{"keys"}, audit: true},
	KeysWrite:      {areas: []string{"keys"}},
	KeysReveal:     {areas: []string{"keys"}},
	TeamsRead:      {areas: []string{"teams"}, audit: true},
	TeamsWrite:     {areas: []string{"teams"}},
	BudgetsRead:    {areas: []string{"keys", "teams"}, audit: true},
	BudgetsWrite:   {areas: []string{"keys", "teams"}},
	ProvidersRead:  {areas: []string{"providers"}, audit: true},
	ProvidersWrite: {areas: []string{"providers"}},
	ModelsRead:     {any: true, audit: true},
	ModelsWrite:    {areas: []string{"models"}},
	PricesWrite:    {areas: []string{"models"}},
	UsageRead:      {areas: []string{"usage"}, audit: true},
	MonitorRead:    {areas: []string{"monitor"}, audit: true},
	MonitorWrite:   {areas: []string{"monitor"}},
	SettingsRead:   {audit: true},
	SettingsWrite:  {},
	AccountsRead:   {audit: true},
	AccountsWrite:  {},
	AuditRead:      {audit: true},
	PayloadsRead:   {},
}

// Caller is who asks. The admin key speaks for an owner.
type Caller struct {
	// Name is what the caller is called where something is noted of it; no two have one.
	Name string
	// Role is the caller's, in identity's words.
	Role string
	// Owner may do everything.
	Owner bool
	// Permissions are what others may do.
	Permissions []Permission
	// Reach is what an area is limited to; one that is not here is not.
	Reach map[string][]string
	// Account, User and Session are a person's; empty for the admin key and services.
	Account, User, Session string
}

// May tells whether the caller has a permission.
func (c *Caller) May(p Permission) bool {
	return c != nil && (c.Owner || slices.Contains(c.Permissions, p))
}

// callerFor is somebody who has signed in.
func callerFor(w *identity.Who) *Caller {
	c := &Caller{Name: w.Name + " (" + w.ID + ")", Role: w.Role, Owner: w.Role == identity.Owner && !w.Service, User: w.UserID, Session: w.SessionID}
	if !w.Service {
		c.Account = w.ID
		c.Permissions = append(c.Permissions, Self)
	}
	if w.Role == identity.Admin {
		c.Reach = map[string][]string{}
		for _, area := range identity.Areas() {
			if list := w.Scopes.Of(area); !slices.Equal(list, []string{identity.All}) {
				c.Reach[area] = list
			}
		}
	}
	for p, g := range granted {
		some := slices.ContainsFunc(g.areas, func(area string) bool { return len(w.Scopes.Of(area)) > 0 })
		if w.Role == identity.Admin && (some || g.any) || w.Role == identity.Auditor && g.audit {
			c.Permissions = append(c.Permissions, p)
		}
	}
	slices.Sort(c.Permissions)
	return c
}

// limited tells whether the caller has a permission for some things only.
func (c *Caller) limited(p Permission) bool {
	return slices.ContainsFunc(granted[p].areas, func(area string) bool { return !c.whole(area) })
}

// whole tells whether an area is not limited.
func (c *Caller) whole(area string) bool {
	_, limited := c.Reach[area]
	return !limited
}

// reaches tells whether one of these ids is in an area. An empty one is in none.
func (c *Caller) reaches(area string, ids ...string) bool {
	list, limited := c.Reach[area]
	return !limited || slices.ContainsFunc(ids, func(id string) bool { return id != "" && slices.Contains(list, id) })
}

// reachesModel tells whether a model is in what prices may be set for.
func (c *Caller) reachesModel(model string) bool {
	list, limited := c.Reach["models"]
	return !limited || slices.ContainsFunc(list, func(pattern string) bool {
		ok, err := path.Match(pattern, model)
		return ok && err == nil
	})
}
