package config

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// SandboxName is the name of the built-in offline provider.
const SandboxName = "sandbox"

var (
	providerName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)
	awsRegion    = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+)+$`)
	headerName   = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
)

var types = []string{TypeOpenAI, TypeOpenAICompat, TypeAzure, TypeAnthropic, TypeBedrock, TypeGemini, TypeVertex, TypeSandbox, TypeKiro, TypeCopilot}

// apis are the APIs each type can be pinned to.
var apis = map[string][]string{
	TypeOpenAI:       {APIChat, APIResponses},
	TypeOpenAICompat: {APIChat, APIResponses},
	TypeAzure:        {APIChat, APIResponses},
	TypeBedrock:      {APIInvoke, APIConverse, APIChat, APIResponses},
	TypeCopilot:      {APIChat, APIResponses, APIMessages},
}

// ownHeaders are set by the transport and cannot be configured.
var ownHeaders = []string{"connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"}

// resolveProviders disables the listed providers whose credentials are named
// by variables that are missing, and gives bedrock its region.
func resolveProviders(cfg *Config, env lookup, r *report) {
	for i := range cfg.Providers {
		p := &cfg.Providers[i]
		at := fmt.Sprintf("providers[%d].", i)
		for _, key := range neededFromVariables(p) {
			if s := r.sources[at+key]; s.unset != "" {
				p.disable(fmt.Sprintf("no %s (%s %s)", key, s.unset, s.why))
				break
			}
		}
		if p.Type == TypeBedrock && p.Region == "" {
			p.Region = regionOf(env)
		}
	}
}

// neededFromVariables are the settings that, once written as ${VAR}, the
// provider cannot do without. One way to sign in is enough.
func neededFromVariables(p *Provider) []string {
	var keys []string
	switch p.Type {
	case TypeBedrock:
		keys = []string{"base_url", "region", "role_arn"}
		if p.BearerToken == "" && (p.AccessKeyID == "" || p.SecretAccessKey == "") {
			keys = append(keys, "bearer_token", "access_key_id", "secret_access_key")
		}
		return keys
	case TypeAzure:
		keys = []string{"base_url"}
		if p.APIKey == "" && (p.TenantID == "" || p.ClientID == "" || p.ClientSecret == "") {
			keys = append(keys, "api_key", "tenant_id", "client_id", "client_secret")
		}
		return keys
	case TypeVertex:
		return []string{"base_url", "project", "credentials", "credentials_file"}
	}
	if p.BaseURL == "" {
		keys = append(keys, "base_url")
	}
	if p.APIKey == "" {
		keys = append(keys, "api_key")
	}
	return keys
}

func (p *Provider) disable(reason string) {
	if !p.Disabled {
		p.Disabled, p.Reason = true, reason
	}
}

// appendSandbox adds the offline provider unless one is listed.
func appendSandbox(cfg *Config) {
	taken := slices.ContainsFunc(cfg.Providers, func(p Provider) bool {
		return p.Type == TypeSandbox || p.Name == SandboxName
	})
	if !taken {
		cfg.Providers = append(cfg.Providers, NewProvider(SandboxName, TypeSandbox))
	}
}

// disableProviders takes out of service what is switched off or would send
// the gateway's requests back to itself.
func disableProviders(cfg *Config) {
	for i := range cfg.Providers {
		settle(cfg, &cfg.Providers[i])
	}
}

// settle takes one out of service where it must be.
func settle(cfg *Config, p *Provider) {
	if p.Enabled != nil && !*p.Enabled {
		p.Disabled, p.Reason = true, "switched off (enabled: false)"
	}
	if unofficial(p.Type) && !cfg.Unofficial {
		p.disable("it is unofficial (for personal testing and research; it may stop at any time and may breach the service's terms): unofficial: true allows it")
	}
	if unofficial(p.Type) && !p.Disabled {
		cfg.Warnings = append(cfg.Warnings, "provider "+p.Name+" is unofficial: for personal testing and research; it may stop at any time, and its use may breach the service's terms")
	}
	if isSelf(p.BaseURL, cfg.Server) {
		p.disable("its base_url is this gateway's own address")
	}
}

// unofficial tells whether a type of provider is reached by an interface that is not
// meant for it.
func unofficial(kind string) bool { return kind == TypeKiro || kind == TypeCopilot }

// isSelf says whether an upstream's address is the one the gateway listens
// on, as happens when a client's ANTHROPIC_BASE_URL is also seen by the gateway.
func isSelf(baseURL string, s Server) bool {
	u, err := url.Parse(baseURL)
	if err != nil || u.Hostname() == "" {
		return false
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if s.Port == 0 || port != strconv.Itoa(s.Port) {
		return false
	}
	host := u.Hostname()
	return strings.EqualFold(host, s.Host) || isLoopback(host) && (isLoopback(s.Host) || isEvery(s.Host))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

func isEvery(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsUnspecified()
}

// validateProvider checks one entry. seen maps names to the index of their
// first owner.
func validateProvider(cfg *Config, i int, seen map[string]int, r *report) {
	if r.bad[fmt.Sprintf("providers[%d]", i)] {
		return
	}
	p, at := &cfg.Providers[i], fmt.Sprintf("providers[%d].", i)
	switch first, twice := seen[p.Name]; {
	case p.Name == "":
		r.add(at+"name", "is missing; give every provider a name")
	case !providerName.MatchString(p.Name):
		r.add(at+"name", "%s is not a name; use small letters, digits, dot, dash and underscore", r.shown(at+"name"))
	case twice:
		r.add(at+"name", "%s is taken by providers[%d]; names are unique", r.shown(at+"name"), first)
	case p.Name == SandboxName && p.Type != TypeSandbox:
		r.add(at+"name", "the name %q is kept for the built-in offline provider", SandboxName)
	default:
		seen[p.Name] = i
	}
	validateType(p, at, r)
	if p.BaseURL != "" {
		if err := checkBaseURL(p.BaseURL); err != nil {
			r.add(at+"base_url", "%v", err)
		}
	}
	if p.Weight < 0 || p.Weight > 1_000_000 {
		r.add(at+"weight", "must be between 0 and 1000000")
	}
	for j, m := range p.Models {
		if m == "" || strings.TrimSpace(m) != m {
			r.add(fmt.Sprintf("%smodels[%d]", at, j), "must be a model name or a pattern such as gpt-*")
		}
	}
	checkSecret(r, at+"api_key", p.APIKey)
	validateHeaders(p.Headers, at, r)
	validateTimeouts(p, at, r)
	validateLimits(p, at, r)
}

// validateType checks what depends on the type of the provider.
func validateType(p *Provider, at string, r *report) {
	if !slices.Contains(types, p.Type) {
		if p.Type == "" {
			r.add(at+"type", "is missing; use one of %s", strings.Join(types, ", "))
			return
		}
		oneOf(r, at+"type", p.Type, types)
		return
	}
	validateAPIs(p, at, r)
	for _, c := range settings {
		if !slices.Contains(strings.Split(c.kind, " and "), p.Type) && c.value(p) != "" {
			r.add(at+c.key, "applies to type %s only, not to %s", c.kind, p.Type)
		}
	}
	if p.Type != TypeAzure && len(p.Deployments) > 0 {
		r.add(at+"deployments", "applies to type azure only, not to %s", p.Type)
	}
	if check := checks[p.Type]; check != nil {
		check(p, at, r)
		return
	}
	switch {
	case p.Disabled:
	case p.Type == TypeOpenAICompat && p.BaseURL == "":
		r.add(at+"base_url", "is missing; type openai-compat needs the address of the server")
	case p.Type == TypeSandbox && p.APIKey != "":
		r.add(at+"api_key", "does not apply to type sandbox; leave it out")
	case p.Type == TypeSandbox && p.BaseURL != "":
		r.add(at+"base_url", "does not apply to type sandbox; leave it out")
	case needsKey(p.Type) && p.APIKey == "" && p.BaseURL == "" && len(p.Headers) == 0:
		r.add(at+"api_key", "is missing; type %s needs a key", p.Type)
	}
}

func needsKey(kind string) bool {
	return kind == TypeOpenAI || kind == TypeAnthropic || kind == TypeGemini
}

func validateHeaders(h Headers, at string, r *report) {
	for name, value := range h {
		path := at + "headers." + name
		switch {
		case !headerName.MatchString(name):
			r.add(path, "is not a header name")
		case slices.Contains(ownHeaders, strings.ToLower(name)):
			r.add(path, "is set by the gateway itself; leave it out")
		case strings.IndexFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) >= 0:
			r.add(path, "holds a character that cannot stand in a header")
		}
	}
}

func validateTimeouts(p *Provider, at string, r *report) {
	checkDuration(r, at+"timeouts.connect", p.Timeouts.Connect, false)
	checkDuration(r, at+"timeouts.tls", p.Timeouts.TLS, false)
	checkDuration(r, at+"timeouts.first_byte", p.Timeouts.FirstByte, false)
	checkDuration(r, at+"timeouts.first_content", p.Timeouts.FirstContent, false)
	checkDuration(r, at+"timeouts.idle", p.Timeouts.Idle, false)
	checkDuration(r, at+"timeouts.total", p.Timeouts.Total, false)
}
