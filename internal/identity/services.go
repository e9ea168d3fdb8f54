package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"turnpike/internal/store"
)

const (
	servicePrefix = "svc_"
	// NewService is the prefix of services' ids.
	NewService = "svc"

	shortestLife = time.Minute
	usualLife    = 15 * time.Minute
	// maxLifetime is how long a service's token is good at most.
	maxLifetime = time.Hour

	maxClaims = 16
	maxValue  = 500
)

// identifying are the claims of which a service needs one, said without a pattern at its
// beginning: with less, everybody at a public issuer would be the service.
var identifying = []string{
	"sub", "repository", "repository_id", "repository_owner", "repository_owner_id", "job_workflow_ref", // GitHub Actions
	"project_path", "project_id", "namespace_path", "namespace_id", // GitLab CI
	"email", "client_id", "azp",
}

// CheckService puts a service's values in their plain form and tells what is wrong with them.
func CheckService(v *store.Service) error {
	v.Name, v.Issuer = strings.TrimSpace(v.Name), strings.TrimSpace(v.Issuer)
	if v.Lifetime == 0 {
		v.Lifetime = usualLife
	}
	scopes := ReadScopes(v.Scopes)
	switch {
	case v.Name == "" || len(v.Name) > maxName:
		return fmt.Errorf("name must be said, with at most %d characters", maxName)
	case !Issuer(v.Issuer):
		return errors.New("issuer must be an address such as https://token.actions.githubusercontent.com")
	case v.Audience == "" || len(v.Audience) > maxValue:
		return errors.New("audience must be said: whom the tokens are made out to")
	case v.Lifetime < shortestLife || v.Lifetime > maxLifetime:
		return fmt.Errorf("lifetime must be between %s and %s", shortestLife, maxLifetime)
	case v.Role != Admin && v.Role != Auditor:
		return errors.New("role must be admin or auditor: a machine is no owner, and has no keys of its own")
	}
	if err := checkClaims(ReadClaims(v.Claims)); err != nil {
		return fmt.Errorf("claims %w", err)
	}
	return CheckRole(v.Role, &scopes)
}

// Issuer tells whether an address may be an issuer's: https, or this machine's own.
func Issuer(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

func checkClaims(claims map[string]string) error {
	if len(claims) > maxClaims {
		return fmt.Errorf("are more than %d", maxClaims)
	}
	sure := false
	for name, want := range claims {
		if name == "" || want == "" || len(want) > maxValue || strings.Contains(strings.TrimSuffix(want, "*"), "*") {
			return fmt.Errorf("%s must be a value, or one with a * at its end", name)
		}
		sure = sure || slices.Contains(identifying, name) && len(strings.TrimSuffix(want, "*")) > 2
	}
	if !sure {
		return fmt.Errorf("must have one of %s: with less, anybody at the issuer would be the service", strings.Join(identifying, ", "))
	}
	return nil
}

// WriteClaims is how the store keeps claims.
func WriteClaims(claims map[string]string) string {
	text, err := json.Marshal(claims)
	if err != nil { // texts: it cannot fail
		return "{}"
	}
	return string(text)
}

// ReadClaims reads what WriteClaims wrote; what cannot be read is none, which fits nobody.
func ReadClaims(text string) (claims map[string]string) {
	if json.Unmarshal([]byte(text), &claims) != nil {
		return nil
	}
	return claims
}

// Fits tells whether what a token says is what a service must say.
func Fits(v *store.Service, says map[string]any) bool {
	want := ReadClaims(v.Claims)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		have, ok := says[name].(string)
		prefix, open := strings.CutSuffix(want[name], "*")
		if !ok || open && !strings.HasPrefix(have, prefix) || !open && have != want[name] {
			return false
		}
	}
	return len(want) > 0
}

// OpenService gives a service a token.
func (a *Accounts) OpenService(ctx context.Context, v *store.Service, subject string) (access string, err error) {
	if err = a.Store.SeeService(ctx, v.ID, a.Now()); err == nil {
		access, err = a.keys.sign(ctx, v.ID, "", v.Lifetime)
	}
	return access, a.told(ctx, Event{Action: "token_exchange", Actor: v.ID, Target: v.ID, Detail: subject}, err)
}
