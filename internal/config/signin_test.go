package config

import (
	"slices"
	"strings"
	"testing"
)

// TestIdentityProviders: what the presets fill in, and what is refused.
func TestIdentityProviders(t *testing.T) {
	cfg := mustLoad(t, `
server: {public_url: "https://gw.example.org"}
auth:
  oidc:
    - {name: work, preset: entra, tenant: 11111111-2222-3333-4444-555555555555, client_id: a, client_secret: s}
    - {name: pool, preset: cognito, region: eu-west-1, user_pool: eu-west-1_AbC123, client_id: b}
    - {name: other, issuer: "https://id.example.org", client_id: c, scopes: [openid, groups]}
`)
	for i, want := range []struct{ issuer, claims, scopes string }{
		{"https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0", "roles groups", "profile email"},
		{"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123", "cognito:groups", "profile email"},
		{"https://id.example.org", "groups", "groups"},
	} {
		o := &cfg.Auth.OIDC[i]
		if o.Address() != want.issuer || strings.Join(o.Claims(), " ") != want.claims || strings.Join(o.Asked(), " ") != want.scopes {
			t.Errorf("%s: %s %v %v", o.Name, o.Address(), o.Claims(), o.Asked())
		}
	}
	if !slices.Contains(cfg.Secrets(), "s") {
		t.Error("the client's secret is none")
	}
}

func TestSignInProblems(t *testing.T) {
	const entra = `{name: e, preset: entra, client_id: a, tenant: 11111111-2222-3333-4444-555555555555`
	for file, want := range map[string]string{
		`server: {public_url: "http://gw.example.org"}`:                                                           "server.public_url",
		`server: {public_url: "https://gw.example.org/x"}`:                                                        "server.public_url",
		`server: {public_url: "https://gw.example.org/"}`:                                                         "server.public_url",
		`auth: {origins: ["https://a.example/x"]}`:                                                                "auth.origins[0]",
		`auth: {origins: ["*"]}`:                                                                                  "auth.origins[0]",
		`auth: {session: {access: 5h}}`:                                                                           "auth.session.access",
		`auth: {session: {idle: 1s}}`:                                                                             "auth.session.idle",
		`auth: {oidc: [` + entra + `}]}`:                                                                          "server.public_url",
		`auth: {oidc: [{name: e, preset: entra, client_id: a, tenant: common}]}`:                                  "directory (tenant) id",
		`auth: {oidc: [{name: "E x", issuer: "https://a.example", client_id: a}]}`:                                "auth.oidc[0].name",
		`auth: {oidc: [{name: c, preset: cognito, client_id: a, region: eu-west-1, user_pool: us-east-1_A}]}`:     "user_pool",
		`auth: {oidc: [{name: c, client_id: a, issuer: "http://id.example.org"}]}`:                                "auth.oidc[0].issuer",
		`auth: {oidc: [{name: c, issuer: "https://a.example"}]}`:                                                  "client_id",
		`auth: {oidc: [{name: c, preset: okta, issuer: "https://a.example", client_id: a}]}`:                      "preset",
		`auth: {oidc: [{name: c, tenant: x, issuer: "https://a.example", client_id: a}]}`:                         "preset",
		`auth: {oidc: [` + entra + `, redirect_uris: ["https://a.example/*"]}]}`:                                  "redirect_uris[0]",
		`auth: {oidc: [` + entra + `}, ` + entra + `}]}`:                                                          "another provider's",
		`auth: {oidc: [{name: c, issuer: "https://a.example", client_id: a, logout_url: "javascript:alert(1)"}]}`: "logout_url",
	} {
		if _, err := load("turnpike.yaml", []byte(file), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", file, err, want)
		}
	}
}
