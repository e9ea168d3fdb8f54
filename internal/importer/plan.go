// Package importer reads what other gateways were set up with, and makes of it what this one
// takes: a configuration file, and teams, users, keys and budgets. What it cannot take over it
// names, one line each.
package importer

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"turnpike/internal/budget"
	"turnpike/internal/limit"
	"turnpike/internal/roster"
)

// Plan is what was read.
type Plan struct {
	File  File
	Teams []Owner
	Users []Owner
	Keys  []roster.Row
	// Lost is what is not taken over, or not as it was.
	Lost []Lost

	names map[string]bool // of keys
}

// Lost is something that is not taken over, or not as it was.
type Lost struct {
	Where string `json:"where"`
	Why   string `json:"why"`
}

// File is a configuration file, as far as other gateways fill it.
type File struct {
	Auth      *Auth      `yaml:"auth,omitempty"`
	Defaults  *Defaults  `yaml:"defaults,omitempty"`
	Providers []Provider `yaml:"providers,omitempty"`
	Aliases   []Alias    `yaml:"aliases,omitempty"`
}

// Auth has the operators' key.
type Auth struct {
	AdminKey string `yaml:"admin_key"`
}

// Defaults has how requests are spread.
type Defaults struct {
	Strategy string `yaml:"lb_strategy"`
}

// Provider is an account at an upstream.
type Provider struct {
	Name            string            `yaml:"name"`
	Type            string            `yaml:"type"`
	API             string            `yaml:"api,omitempty"`
	BaseURL         string            `yaml:"base_url,omitempty"`
	APIKey          string            `yaml:"api_key,omitempty"`
	Weight          int               `yaml:"weight,omitempty"`
	Models          []string          `yaml:"models,omitempty"`
	Enabled         *bool             `yaml:"enabled,omitempty"`
	Region          string            `yaml:"region,omitempty"`
	Profile         string            `yaml:"profile,omitempty"`
	RoleARN         string            `yaml:"role_arn,omitempty"`
	AccessKeyID     string            `yaml:"access_key_id,omitempty"`
	SecretAccessKey string            `yaml:"secret_access_key,omitempty"`
	SessionToken    string            `yaml:"session_token,omitempty"`
	APIVersion      string            `yaml:"api_version,omitempty"`
	Deployments     map[string]string `yaml:"deployments,omitempty"`
	TenantID        string            `yaml:"tenant_id,omitempty"`
	ClientID        string            `yaml:"client_id,omitempty"`
	ClientSecret    string            `yaml:"client_secret,omitempty"`
	Project         string            `yaml:"project,omitempty"`
	Location        string            `yaml:"location,omitempty"`
	Credentials     string            `yaml:"credentials,omitempty"`
	Headers         map[string]string `yaml:"headers,omitempty"`
	Limits          []Limit           `yaml:"limits,omitempty"`
}

// Limit is what an account may be sent of a model.
type Limit struct {
	Model string `yaml:"model,omitempty"`
	RPM   int64  `yaml:"rpm,omitempty"`
	TPM   int64  `yaml:"tpm,omitempty"`
}

// Alias is a name for a chain of models.
type Alias struct {
	Match string   `yaml:"match"`
	To    []string `yaml:"to"`
}

// Owner is a team or a user.
type Owner struct {
	ID       string // at the other gateway
	Name     string
	Email    string
	Teams    []string // names
	Limits   limit.Rule
	Budgets  []budget.Rule
	Disabled bool
}

// Text is the configuration file.
func (p *Plan) Text() ([]byte, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&p.File); err != nil {
		return nil, err
	}
	return out.Bytes(), enc.Close()
}

// lost notes what is not taken over; the same is noted once.
func (p *Plan) lost(where, why string, args ...any) {
	l := Lost{where, fmt.Sprintf(why, args...)}
	if !slices.Contains(p.Lost, l) {
		p.Lost = append(p.Lost, l)
	}
}

// provider is the account that like describes: one that is there already, or a new one. Its
// models, limits, deployments and name do not tell accounts apart.
func (p *Plan) provider(like *Provider) *Provider {
	for i := range p.File.Providers {
		if have := &p.File.Providers[i]; sameAccount(have, like) {
			return have
		}
	}
	made := *like
	made.Name = p.freeName(plainName(like.Name))
	p.File.Providers = append(p.File.Providers, made)
	return &p.File.Providers[len(p.File.Providers)-1]
}

func sameAccount(a, b *Provider) bool {
	text := func(p *Provider) string {
		return strings.Join([]string{
			p.Type, p.API, p.BaseURL, p.APIKey, p.Region, p.Profile, p.RoleARN, p.AccessKeyID, p.SecretAccessKey, p.SessionToken, p.APIVersion,
			p.TenantID, p.ClientID, p.Project, p.Location, p.Credentials, fmt.Sprint(p.Headers, p.Weight, p.Enabled != nil),
		}, "\x00")
	}
	return text(a) == text(b)
}

func (p *Plan) freeName(name string) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(p.File.Providers, func(o Provider) bool { return o.Name == name })
	}
	for n, free := 2, name; ; n++ {
		if !taken(free) {
			return free
		}
		free = fmt.Sprint(name, "-", n)
	}
}

// plainName makes a name that a provider may have.
func plainName(text string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, strings.ToLower(text)), "-._")
	if name == "" {
		return "provider"
	}
	return name[:min(len(name), 40)]
}

// keyName is a name that no other key has.
func (p *Plan) keyName(name string) string {
	if p.names == nil {
		p.names = map[string]bool{}
	}
	name = strings.TrimSpace(name)
	free := name
	for n := 2; p.names[free]; n++ {
		free = fmt.Sprint(name, "-", n)
	}
	p.names[free] = true
	return free
}

// add puts a word into a list that has not got it.
func add(list *[]string, word string) {
	if word != "" && !slices.Contains(*list, word) {
		*list = append(*list, word)
	}
}
