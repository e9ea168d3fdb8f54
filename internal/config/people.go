package config

import (
	"time"

	"turnpike/internal/policy"
)

// Team is a team that the file declares: it is read-only but for the file. A team that leaves
// the file is disabled, and so are its keys.
type Team struct {
	// ID is that of a team made while gateways ran, or of this one under another name, to go on
	// as that one; empty follows from the name.
	ID string `yaml:"id,omitempty"`
	// Name is the team's, unique.
	Name string `yaml:"name"`
	// Description is a note for people.
	Description string `yaml:"description,omitempty"`
	// Disabled refuses its keys.
	Disabled bool `yaml:"disabled,omitempty"`
	// Limits hold for all its requests together.
	Limits UseLimits `yaml:"limits,omitempty"`
}

// APIKey is a key that the file declares by its hash. A key that leaves the file is refused
// from then on; what it used stays in the ledger.
type APIKey struct {
	// ID is that of a key made while gateways ran, or of this one under another name, to go on
	// as that one; empty follows from the name.
	ID string `yaml:"id,omitempty"`
	// Name is the key's, unique.
	Name string `yaml:"name"`
	// Hash is sha256: and the SHA-256 of the key in hexadecimal digits (turnpike keys hash
	// makes it). The key itself stays with whoever uses it.
	Hash KeyHash `yaml:"hash"`
	// Prefix is the beginning of the key that lists show.
	Prefix string `yaml:"key_prefix,omitempty"`
	// Description is a note for people.
	Description string `yaml:"description,omitempty"`
	// Team is the name of the team it belongs to, which the file declares too.
	Team string `yaml:"team,omitempty"`
	// User is the name of the user it belongs to, who is made where there is none.
	User string `yaml:"user,omitempty"`
	// Tags are words that its requests are counted under.
	Tags []string `yaml:"tags,omitempty"`
	// Addresses are the networks it may be used from, such as 10.0.0.0/8; none is anywhere.
	Addresses []string `yaml:"addresses,omitempty"`
	// Enabled set to false refuses it.
	Enabled *bool `yaml:"enabled,omitempty"`
	// LogPayloads keeps what its requests say, where payloads are kept.
	LogPayloads bool `yaml:"log_payloads,omitempty"`
	// ExpiresAt is when it stops working, such as 2027-01-31T00:00:00Z; empty is never.
	ExpiresAt string `yaml:"expires_at,omitempty"`
	// AllowedModels are patterns of the models it may use; none is all.
	AllowedModels []string `yaml:"allowed_models,omitempty"`
	// AllowedProviders are the providers it may use; none is all.
	AllowedProviders []string `yaml:"allowed_providers,omitempty"`
	// DefaultProvider is asked first where it serves the model.
	DefaultProvider string `yaml:"default_provider,omitempty"`
	// Aliases are names for models of its own; they win over the gateway's.
	Aliases policy.Aliases `yaml:"aliases,omitempty"`
	// LBStrategy is how its requests are spread; empty is as the gateway does.
	LBStrategy string `yaml:"lb_strategy,omitempty"`
	// Limits hold for its requests.
	Limits UseLimits `yaml:"limits,omitempty"`
	// Policy is how its requests are treated.
	Policy policy.Policy `yaml:"policy,omitempty"`
}

// UseLimits are limits of a key or a team. What is not said is not limited; 0 blocks.
type UseLimits struct {
	// RPM is the requests in a minute.
	RPM *int `yaml:"rpm,omitempty"`
	// TPM is the tokens in a minute, of requests and answers together.
	TPM *int `yaml:"tpm,omitempty"`
	// Concurrent is the requests under way at once.
	Concurrent *int `yaml:"concurrent,omitempty"`
	// Models are limits for some models, beside those for all.
	Models []ModelLimits `yaml:"models,omitempty"`
}

// ModelLimits are limits for some models together.
type ModelLimits struct {
	// Match is a model's name or a pattern with *.
	Match string `yaml:"match"`
	// Limits hold for all models that match, together.
	Limits Rates `yaml:"limits"`
}

// Rates are limits without those of models.
type Rates struct {
	// RPM is the requests in a minute.
	RPM *int `yaml:"rpm,omitempty"`
	// TPM is the tokens in a minute, of requests and answers together.
	TPM *int `yaml:"tpm,omitempty"`
	// Concurrent is the requests under way at once.
	Concurrent *int `yaml:"concurrent,omitempty"`
}

// Budget is a budget that the file declares. What was spent stays with its name; a budget that
// leaves the file ends.
type Budget struct {
	// ID is that of a budget made while gateways ran, to go on as that one; empty follows from
	// the name.
	ID string `yaml:"id,omitempty"`
	// Name is the budget's, unique.
	Name string `yaml:"name"`
	// Scope is whose it is: key, user, tag, team or organisation.
	Scope string `yaml:"scope"`
	// ScopeID is the name of the key or the team, which the file declares too, of the user, who
	// is made where there is none, or the tag; empty for the organisation.
	ScopeID string `yaml:"scope_id,omitempty"`
	// LimitUSD is what may be spent in a period, in dollars such as 10 or 10.50; 0 blocks.
	LimitUSD string `yaml:"limit_usd,omitempty"`
	// LimitTokens is the same in tokens.
	LimitTokens *int `yaml:"limit_tokens,omitempty"`
	// Period is when it starts again: daily, monthly, rolling or, never, lifetime.
	Period string `yaml:"period"`
	// Window is how far a rolling period looks back, such as 24h.
	Window time.Duration `yaml:"window,omitempty"`
	// Soft refuses nothing, it only tells.
	Soft bool `yaml:"soft,omitempty"`
	// Rollover adds what a month leaves to the next.
	Rollover bool `yaml:"rollover,omitempty"`
	// Zone is the IANA time zone whose days and months are meant; empty is UTC.
	Zone string `yaml:"zone,omitempty"`
}

// KeyHash is the hash of a key. It opens nothing, but what it is of could be guessed if it were
// short: a part of it is printed.
type KeyHash string

// MarshalYAML shows the beginning.
func (h KeyHash) MarshalYAML() (any, error) { return string(h[:min(len(h), shownHash)]) + "…", nil }

const (
	hashPrefix = "sha256:"
	shownHash  = len(hashPrefix) + 8
)

// People are the teams, keys and budgets that a file declares, and what groups give.
type People struct {
	Teams   []Team
	Keys    []APIKey
	Budgets []Budget
	Groups  []GroupMapping
}

// People are those of the configuration.
func (c *Config) People() People {
	return People{c.Teams, c.Keys.List, c.Budgets.List, c.Auth.GroupMappings}
}

// Declare puts them in the place of the configuration's own.
func (c *Config) Declare(p People) {
	c.Teams, c.Keys.List, c.Budgets.List, c.Auth.GroupMappings = p.Teams, p.Keys, p.Budgets, p.Groups
}
