package admin

import "slices"

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
	PricesWrite    Permission = "prices:write"
	UsageRead      Permission = "usage:read" // sums and the request log
	MonitorRead    Permission = "monitor:read"
	MonitorWrite   Permission = "monitor:write"
	SettingsRead   Permission = "settings:read"
	AuditRead      Permission = "audit:read"
	PayloadsRead   Permission = "payloads:read" // what requests and answers said
)

// Caller is who asks. The admin key speaks for an owner; other roles come with
// sign-in, and are checked by the same table of routes.
type Caller struct {
	// Name is what the caller is called where something is noted of it.
	Name string
	// Owner may do everything.
	Owner bool
	// Permissions are what others may do.
	Permissions []Permission
}

// May tells whether the caller has a permission.
func (c *Caller) May(p Permission) bool {
	return c != nil && (c.Owner || slices.Contains(c.Permissions, p))
}
