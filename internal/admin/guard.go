// Package admin is the operators' door: what is under /admin, behind the admin key.
package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// Guard knows secrets by their hashes alone.
type Guard struct{ hashes [][sha256.Size]byte }

// NewGuard makes a guard that opens for any of the secrets with these hashes; for
// nobody where there are none.
func NewGuard(hashes ...[sha256.Size]byte) *Guard { return &Guard{hashes} }

// Opens tells whether a request bears one of the secrets, as Authorization: Bearer or
// as x-api-key. It takes the same time whichever it is.
func (g *Guard) Opens(r *http.Request) bool {
	secret := bearer(r)
	if secret == "" {
		return false
	}
	hash, found := sha256.Sum256([]byte(secret)), 0
	for i := range g.hashes {
		found |= subtle.ConstantTimeCompare(hash[:], g.hashes[i][:])
	}
	return found == 1
}

// bearer is the secret that a request bears, empty for none.
func bearer(r *http.Request) string {
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return r.Header.Get("X-Api-Key")
}

// forwarded are the headers by which proxies tell that they ask for somebody else.
var forwarded = []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"}

// Local tells whether a request was made on this very machine, and not through a
// proxy that runs here.
func Local(r *http.Request) bool {
	for _, name := range forwarded {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && net.ParseIP(host).IsLoopback()
}
