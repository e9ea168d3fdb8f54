package kiro

import (
	"crypto/sha256"
	"encoding/hex"

	"turnpike/internal/signin"
)

// Kinds of credential.
const (
	BuilderID      = "builder-id"      // AWS Builder ID, by the device flow
	IdentityCenter = "identity-center" // IAM Identity Center, by the device flow
	Social         = "social"          // Google or GitHub, by the service's portal
	ExternalIdP    = "external-idp"    // a company's own identity provider
	APIKey         = signin.APIKey
)

// Credential is what an account signs in with.
type Credential = signin.Credential

// Kept is a credential with the number of its version.
type Kept = signin.Kept

// TokenStore keeps credentials for all replicas.
type TokenStore = signin.Store

// Errors of a TokenStore.
var (
	ErrNoLogin = signin.ErrNoLogin
	ErrChanged = signin.ErrChanged
)

// Keep writes a new login over whatever is kept.
var Keep = signin.Keep

// machine is an id of the installation, made the way open clients make it.
func machine(c *Credential) string {
	sum := sha256.Sum256([]byte("KotlinNativeAPI/" + c.Refresh))
	return hex.EncodeToString(sum[:])
}
