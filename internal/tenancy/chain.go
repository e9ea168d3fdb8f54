// Package tenancy says whom a key belongs to, and what each of them may use.
package tenancy

import (
	"turnpike/internal/budget"
	"turnpike/internal/limit"
)

// The kinds of scopes, from the narrowest to the widest.
const (
	Key          = "key"
	User         = "user"
	Tag          = "tag"
	Team         = "team"
	Organisation = "organisation"
)

// OrganisationID is the identity of the one organisation there is.
const OrganisationID = "org"

// Scope is somebody who may have limits and budgets.
type Scope struct {
	// Kind is what it is.
	Kind string
	// ID is its identity: of a tag the tag itself.
	ID string
	// Name is what people call it.
	Name string
	// Limits hold for all its requests together.
	Limits limit.Rule
	// Models are limits of its requests for some models, beside Limits.
	Models []ModelLimits
	// Budgets hold for all its requests together.
	Budgets []budget.Rule
}

// ModelLimits are limits for models.
type ModelLimits struct {
	// Match is a model's name or a pattern with *, matched against the name the client asks for.
	Match string `json:"match"`
	// Limits hold for all models that match, together.
	Limits limit.Rule `json:"limits"`
}

// Chain is everybody a request counts for: its key first, the organisation last.
// It is shared by all requests of a key and never changed.
type Chain []*Scope

// Labels say whom an attempt is told of beside its key.
type Labels struct {
	Team string   // its id; empty: none
	User string   // its id; empty: none
	Tags []string // sorted
}
