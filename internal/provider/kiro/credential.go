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

// What a login is, and who keeps it, is the same for all upstreams.
type (
	Credential = signin.Credential
	Kept       = signin.Kept
	TokenStore = signin.Store
)

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
