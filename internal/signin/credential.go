// Package signin keeps what people's logins at upstreams are worth: one token that is
// good now, replaced by one replica for all, and kept before it is used.
package signin

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

// APIKey is the kind of a credential that is a key, which is never refreshed.
const APIKey = "api-key"

// Credential is what an account signs in with. It is kept sealed.
type Credential struct {
	// ID is of the login: it stays while its tokens are replaced.
	ID      string    `json:"id,omitempty"`
	Kind    string    `json:"kind"`
	Access  string    `json:"access"`
	Refresh string    `json:"refresh,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	// Renew is when it is to be replaced, where its issuer says so.
	Renew time.Time `json:"renew,omitzero"`
	// Base is where the API is that it is for, and Plan what it allows, where its
	// issuer says so.
	Base    string `json:"base,omitempty"`
	Plan    string `json:"plan,omitempty"`
	Profile string `json:"profile,omitempty"` // ARN
	Region  string `json:"region,omitempty"`  // of who issues tokens
	// ClientID, ClientSecret and SecretExpires are of the device flow's client.
	ClientID      string    `json:"client_id,omitempty"`
	ClientSecret  string    `json:"client_secret,omitempty"`
	SecretExpires time.Time `json:"secret_expires,omitzero"`
	StartURL      string    `json:"start_url,omitempty"`
	// TokenURL and Scope are an external identity provider's.
	TokenURL string `json:"token_url,omitempty"`
	Scope    string `json:"scope,omitempty"`
	// Refused is why it cannot be used any more, in words for people.
	Refused string `json:"refused,omitempty"`
}

// Format keeps secrets out of anything printed.
func (c Credential) String() string { return "credential(" + c.Kind + ")" }

// GoString does the same for %#v.
func (c Credential) GoString() string { return c.String() }

// Errors of a Store.
var (
	// ErrNoLogin says that an account has no credential yet.
	ErrNoLogin = errors.New("nobody has signed in")
	// ErrChanged says that another one has written since.
	ErrChanged = errors.New("another one has written since")
)

// Kept is a credential with the number of its version.
type Kept struct {
	Credential
	Version int64
}

// Store keeps credentials for all replicas. A refresh token is good once, so
// one replica refreshes at a time, and what it gets is kept before it is used.
type Store interface {
	// Load returns what is kept for an account, ErrNoLogin where there is nothing.
	Load(ctx context.Context, account string) (Kept, error)
	// Swap writes a credential in the place of a version, 0 for none, and returns the
	// new version; ErrChanged where that version is not there any more.
	Swap(ctx context.Context, account string, version int64, c Credential) (int64, error)
	// Lease gives an account to a holder alone for a time, or again to the one who has
	// it. It is false while another one has it. The time is the store's own.
	Lease(ctx context.Context, account, holder string, hold time.Duration) (bool, error)
	// Free ends a lease.
	Free(ctx context.Context, account, holder string) error
}

// maxSwaps bounds the tries of those who write whatever there is.
const maxSwaps = 5

// Keep writes a new login over whatever is kept.
func Keep(ctx context.Context, s Store, account string, c Credential) error {
	c.ID = rand.Text()
	for range maxSwaps {
		was, err := s.Load(ctx, account)
		if err != nil && !errors.Is(err, ErrNoLogin) {
			return err
		}
		if _, err = s.Swap(ctx, account, was.Version, c); !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return ErrChanged
}
