package config

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Session is how long somebody stays signed in.
type Session struct {
	// Access is how long an access token is good. What is taken from somebody they do not
	// have a moment longer all the same: account and session are asked with every request.
	Access time.Duration `yaml:"access"`
	// Idle is how long a session lasts that is not used.
	Idle time.Duration `yaml:"idle"`
	// Absolute is how long a session lasts however much it is used. Groups of identity
	// providers are read when somebody signs in: this is how long an old one may count.
	Absolute time.Duration `yaml:"absolute"`
}

// Members is what people may do for themselves.
type Members struct {
	// MaxKeys is how many keys of their own people have at most.
	MaxKeys int `yaml:"max_keys"`
}

// OIDC is an identity provider that people sign in by (OpenID Connect).
type OIDC struct {
	// Name is the provider's in addresses and group mappings: small letters, digits and
	// dashes. It sends people back to server.public_url/auth/oidc/NAME/callback.
	Name string `yaml:"name"`
	// Label is what people read on the button; empty is the name.
	Label string `yaml:"label,omitempty"`
	// Preset fills in what Amazon Cognito (cognito) and Microsoft Entra ID (entra) have in
	// common for everybody; empty is any other provider.
	Preset string `yaml:"preset,omitempty"`
	// Issuer is the provider's address, below which /.well-known/openid-configuration is.
	// The presets know theirs.
	Issuer string `yaml:"issuer,omitempty"`
	// Tenant is the directory id of an entra provider: people of others are refused.
	Tenant string `yaml:"tenant,omitempty"`
	// Region and UserPool are those of a cognito provider.
	Region   string `yaml:"region,omitempty"`
	UserPool string `yaml:"user_pool,omitempty"`
	// ClientID and ClientSecret are what the provider knows the gateway by; without a
	// secret it is a public client, with PKCE as all.
	ClientID     string `yaml:"client_id"`
	ClientSecret Secret `yaml:"client_secret,omitempty"`
	// Scopes are asked for beside openid; none are profile and email.
	Scopes []string `yaml:"scopes,omitempty"`
	// GroupClaims are the claims that name the groups of people; none are cognito:groups
	// (cognito), roles and groups (entra), or groups.
	GroupClaims []string `yaml:"group_claims,omitempty"`
	// RedirectURIs are addresses of other pages that people may be sent back to, exactly:
	// those of a console of another gateway.
	RedirectURIs []string `yaml:"redirect_uris,omitempty"`
	// AllowUnverified lets people come whose address the provider has not verified. Nobody
	// is found by their address; it is shown to operators.
	AllowUnverified bool `yaml:"allow_unverified_email,omitempty"`
	// LogoutURL is where people sign out at the provider, where its discovery document does
	// not say: https://DOMAIN/logout of a Cognito user pool.
	LogoutURL string `yaml:"logout_url,omitempty"`
}

// The presets of identity providers.
const (
	PresetCognito = "cognito"
	PresetEntra   = "entra"
)

func defaultSession() Session {
	return Session{Access: 30 * time.Minute, Idle: 24 * time.Hour, Absolute: 7 * 24 * time.Hour}
}

// Address is the provider's issuer: what is said, else what the preset knows.
func (o *OIDC) Address() string {
	switch {
	case o.Issuer != "":
		return o.Issuer
	case o.Preset == PresetEntra:
		return "https://login.microsoftonline.com/" + o.Tenant + "/v2.0"
	case o.Preset == PresetCognito:
		return "https://cognito-idp." + o.Region + ".amazonaws.com/" + o.UserPool
	}
	return ""
}

// Claims are those that name groups.
func (o *OIDC) Claims() []string {
	switch {
	case len(o.GroupClaims) > 0:
		return o.GroupClaims
	case o.Preset == PresetCognito:
		return []string{"cognito:groups"}
	case o.Preset == PresetEntra:
		return []string{"roles", "groups"}
	}
	return []string{"groups"}
}

// Asked are the scopes that are asked for beside openid.
func (o *OIDC) Asked() []string {
	if len(o.Scopes) > 0 {
		return slices.DeleteFunc(slices.Clone(o.Scopes), func(s string) bool { return s == "openid" })
	}
	return []string{"profile", "email"}
}

var (
	oidcName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)
	guid     = regexp.MustCompile(`^(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	userPool = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]_[0-9A-Za-z]+$`)
)

const maxOIDC = 16

func validateSignIn(cfg *Config, r *report) {
	a := &cfg.Auth
	if p := cfg.Server.PublicURL; p != "" && (!webAddress(p) || strings.HasSuffix(p, "/")) {
		r.add("server.public_url", "must be an origin such as https://gateway.example.org, without a path or a slash at its end; http is for this machine only")
	} else if u, err := url.Parse(p); err == nil && u.Path != "" {
		r.add("server.public_url", "must have no path: cookies and addresses are for a whole host")
	}
	for i, o := range a.Origins {
		if u, err := url.Parse(o); err != nil || !webAddress(o) || u.Path != "" {
			r.add(fmt.Sprintf("auth.origins[%d]", i), "must be an origin such as https://console.example.org, exactly as browsers send it")
		}
	}
	for path, d := range map[string][3]time.Duration{
		"auth.session.access":   {a.Session.Access, time.Minute, time.Hour},
		"auth.session.idle":     {a.Session.Idle, 5 * time.Minute, 90 * 24 * time.Hour},
		"auth.session.absolute": {a.Session.Absolute, 5 * time.Minute, 90 * 24 * time.Hour},
	} {
		if d[0] < d[1] || d[0] > d[2] {
			r.add(path, "must be between %s and %s", d[1], d[2])
		}
	}
	between(r, "auth.members.max_keys", a.Members.MaxKeys, 0, 1000)
	if len(a.OIDC) > maxOIDC {
		r.add("auth.oidc", "has more than %d providers", maxOIDC)
	}
	seen := map[string]bool{}
	for i := range a.OIDC {
		at := fmt.Sprintf("auth.oidc[%d]", i)
		validateOIDC(&a.OIDC[i], at, r)
		if n := a.OIDC[i].Name; seen[n] {
			r.add(at+".name", "%q is another provider's", n)
		}
		seen[a.OIDC[i].Name] = true
	}
	validateGroupMappings(a, false, r)
	if len(a.OIDC) > 0 && cfg.Server.PublicURL == "" {
		r.add("server.public_url", "must be said where there is auth.oidc: it is where people are sent back to")
	}
}

func validateOIDC(o *OIDC, at string, r *report) {
	if !oidcName.MatchString(o.Name) {
		r.add(at+".name", "must be small letters, digits and dashes")
	}
	if o.ClientID == "" {
		r.add(at+".client_id", "must be said: the provider gives it to the gateway")
	}
	switch o.Preset {
	case PresetEntra:
		if !guid.MatchString(o.Tenant) {
			r.add(at+".tenant", "must be the directory (tenant) id of Entra ID, such as 11111111-2222-3333-4444-555555555555; common and organizations let everybody in")
		}
	case PresetCognito:
		if o.Issuer == "" && (!userPool.MatchString(o.UserPool) || !strings.HasPrefix(o.UserPool, o.Region+"_")) {
			r.add(at+".user_pool", "must be the id of a user pool in the region, such as eu-west-1_AbCdEf123")
		}
	case "":
		if o.Tenant != "" || o.UserPool != "" || o.Region != "" {
			r.add(at+".preset", "must be entra where there is a tenant, cognito where there is a user_pool")
		}
	default:
		oneOf(r, at+".preset", o.Preset, []string{PresetCognito, PresetEntra})
	}
	if a := o.Address(); !webAddress(a) {
		r.add(at+".issuer", "must be an https address, as the provider's tokens have it in iss; http is for this machine only")
	}
	if o.LogoutURL != "" && !webAddress(o.LogoutURL) {
		r.add(at+".logout_url", "must be an https address")
	}
	for i, u := range o.RedirectURIs {
		if !webAddress(u) || strings.ContainsAny(u, "*#") {
			r.add(fmt.Sprintf("%s.redirect_uris[%d]", at, i), "must be one address exactly, https and without * and #")
		}
	}
}

// webAddress tells whether a text is an https address, or an http one of this machine.
func webAddress(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}
