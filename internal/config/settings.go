package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// setting is one that only one type of provider has, or two.
type setting struct {
	key, kind string
	value     func(*Provider) string
}

var settings = []setting{
	{"region", TypeBedrock, func(p *Provider) string { return p.Region }},
	{"profile", TypeBedrock, func(p *Provider) string { return p.Profile }},
	{"role_arn", TypeBedrock, func(p *Provider) string { return p.RoleARN }},
	{"access_key_id", TypeBedrock, func(p *Provider) string { return string(p.AccessKeyID) }},
	{"secret_access_key", TypeBedrock, func(p *Provider) string { return string(p.SecretAccessKey) }},
	{"session_token", TypeBedrock, func(p *Provider) string { return string(p.SessionToken) }},
	{"bearer_token", TypeBedrock, func(p *Provider) string { return string(p.BearerToken) }},
	{"mantle_url", TypeBedrock, func(p *Provider) string { return p.MantleURL }},
	{"mantle_service", TypeBedrock, func(p *Provider) string { return p.MantleService }},
	{"api_version", TypeAzure, func(p *Provider) string { return p.APIVersion }},
	{"tenant_id", TypeAzure, func(p *Provider) string { return p.TenantID }},
	{"client_id", TypeAzure, func(p *Provider) string { return p.ClientID }},
	{"client_secret", TypeAzure, func(p *Provider) string { return string(p.ClientSecret) }},
	{"token_url", TypeAzure, func(p *Provider) string { return p.TokenURL }},
	{"project", TypeVertex, func(p *Provider) string { return p.Project }},
	{"location", TypeVertex, func(p *Provider) string { return p.Location }},
	{"credentials", TypeVertex, func(p *Provider) string { return string(p.Credentials) }},
	{"credentials_file", TypeVertex, func(p *Provider) string { return p.CredentialsFile }},
	{"enterprise", TypeCopilot, func(p *Provider) string { return p.Enterprise }},
	{"profile_arn", TypeKiro, func(p *Provider) string { return p.ProfileARN }},
	{"settings_file", TypeKiro + " and " + TypeCopilot, func(p *Provider) string { return p.SettingsFile }},
}

// checks are of the types that have settings of their own.
var checks = map[string]func(*Provider, string, *report){
	TypeBedrock: validateBedrock,
	TypeAzure:   validateAzure,
	TypeVertex:  validateVertex,
	TypeKiro:    validateKiro,
	TypeCopilot: validateCopilot,
}

func validateAPIs(p *Provider, at string, r *report) {
	allowed := apis[p.Type]
	check := func(path, api string) {
		switch {
		case slices.Contains(allowed, api):
		case len(allowed) == 0:
			r.add(path, "does not apply to type %s; leave it out", p.Type)
		default:
			oneOf(r, path, api, allowed)
		}
	}
	if p.API != "" {
		check(at+"api", p.API)
	}
	for _, rule := range p.APIs {
		check(at+"apis."+rule.Match, rule.API)
	}
}

func validateBedrock(p *Provider, at string, r *report) {
	for _, c := range settings {
		if c.kind == TypeBedrock && c.key != "region" {
			checkSecret(r, at+c.key, Secret(c.value(p)))
		}
	}
	if p.Region != "" && !awsRegion.MatchString(p.Region) {
		r.add(at+"region", "is not an AWS region such as us-east-1")
	}
	if p.APIKey != "" {
		r.add(at+"api_key", "does not apply to type bedrock; a Bedrock API key goes into bearer_token")
	}
	if p.RoleARN != "" && !strings.HasPrefix(p.RoleARN, "arn:") {
		r.add(at+"role_arn", `must begin with "arn:"`)
	}
	if p.MantleURL != "" {
		if err := checkBaseURL(p.MantleURL); err != nil {
			r.add(at+"mantle_url", "%v", err)
		}
	}
	static := p.AccessKeyID != "" || p.SecretAccessKey != ""
	switch {
	case p.Disabled:
	case (p.AccessKeyID == "") != (p.SecretAccessKey == ""):
		r.add(at+"access_key_id", "access_key_id and secret_access_key belong together; set both or none")
	case p.SessionToken != "" && !static:
		r.add(at+"session_token", "needs access_key_id and secret_access_key")
	case p.BearerToken != "" && (static || p.Profile != "" || p.RoleARN != ""):
		r.add(at+"bearer_token", "is one way to sign in, AWS credentials are another; keep one")
	case p.Profile != "" && static:
		r.add(at+"profile", "is one source of credentials, access_key_id another; keep one")
	}
}

var (
	apiVersion = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}(-preview)?$`)
	pathStep   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	gcpProject = regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z0-9-]+$`)
)

func validateAzure(p *Provider, at string, r *report) {
	checkSecret(r, at+"client_secret", p.ClientSecret)
	app := p.TenantID != "" || p.ClientID != "" || p.ClientSecret != ""
	if p.TokenURL != "" {
		if err := checkBaseURL(p.TokenURL); err != nil {
			r.add(at+"token_url", "must be an absolute address such as https://login.microsoftonline.com/TENANT/oauth2/v2.0/token")
		}
	}
	if p.APIVersion != "" && !apiVersion.MatchString(p.APIVersion) {
		r.add(at+"api_version", "%s is not a version such as 2024-10-21 or 2025-04-01-preview; leave it out for the v1 API", r.shown(at+"api_version"))
	}
	for model, deployment := range p.Deployments {
		if !pathStep.MatchString(deployment) {
			r.add(at+"deployments."+model, "%s is not the name of a deployment", r.shown(at+"deployments."+model))
		}
	}
	switch {
	case p.Disabled:
	case p.BaseURL == "":
		r.add(at+"base_url", "is missing; type azure needs the address of the resource, https://NAME.openai.azure.com")
	case app && p.APIKey != "":
		r.add(at+"api_key", "is one way to sign in, client_secret another; keep one")
	case app && (p.ClientID == "" || p.ClientSecret == "" || p.TenantID == "" && p.TokenURL == ""):
		r.add(at+"client_id", "tenant_id, client_id and client_secret belong together; set all three")
	case !app && p.APIKey == "" && len(p.Headers) == 0:
		r.add(at+"api_key", "is missing; type azure needs a key, or tenant_id, client_id and client_secret")
	}
}

func validateVertex(p *Provider, at string, r *report) {
	if p.APIKey != "" {
		r.add(at+"api_key", "does not apply to type vertex; it signs in by credentials_file, or as the machine it runs on")
	}
	if p.Credentials != "" && p.CredentialsFile != "" {
		r.add(at+"credentials", "is one source, credentials_file another; keep one")
	}
	if p.Credentials != "" && !strings.HasPrefix(strings.TrimSpace(string(p.Credentials)), "{") {
		r.add(at+"credentials", "must be the JSON key of a service account; a file's name goes into credentials_file")
	}
	if p.Project != "" && !gcpProject.MatchString(p.Project) {
		r.add(at+"project", "is not the id of a Google Cloud project")
	}
	if p.Location != "" && !pathStep.MatchString(p.Location) {
		r.add(at+"location", "is not a location such as us-central1 or global")
	}
}

func validateKiro(p *Provider, at string, r *report) {
	if p.BaseURL != "" {
		r.add(at+"base_url", "does not apply to type kiro, which has several addresses: they stand in settings_file")
	}
	if p.ProfileARN != "" && !strings.HasPrefix(p.ProfileARN, "arn:") {
		r.add(at+"profile_arn", `must begin with "arn:"`)
	}
}

func validateCopilot(p *Provider, at string, r *report) {
	if p.Enterprise != "" && !companyHost.MatchString(p.Enterprise) {
		r.add(at+"enterprise", "is not a host such as company.ghe.com")
	}
}

// companyHost is a host with a dot in it, and without a scheme, a port or a path.
var companyHost = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`)

// Offered are the patterns of the models a provider offers: those it lists, else
// those that have a deployment.
func (p *Provider) Offered() []string {
	if len(p.Models) > 0 || len(p.Deployments) == 0 {
		return p.Models
	}
	return slices.Sorted(maps.Keys(p.Deployments))
}
