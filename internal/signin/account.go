package signin

import "context"

// Account is an account at an upstream that lives by a person's login.
type Account interface {
	// Name is the operator's name for it, Kind its type in the configuration.
	Name() string
	Kind() string
	// Notice is what is to be known of the upstream wherever it is shown.
	Notice() string
	// Keep gives it the store of logins, before the first request.
	Keep(s Store)
	// Heed takes over what the store has where that is another version, 0 being none,
	// and tells whether somebody has signed in since.
	Heed(ctx context.Context, version int64) bool
	// Flow signs people in at it.
	Flow(s Store, d Desk) Flow
	// Status is how its login is.
	Status(ctx context.Context) (Status, error)
	// Renew replaces its token now.
	Renew(ctx context.Context) error
	// Usage is what it has used and may use.
	Usage(ctx context.Context) (Usage, error)
}
