package main

import (
	"fmt"
	"net/http"
	"time"

	"turnpike/internal/catalog"
	"turnpike/internal/config"
	"turnpike/internal/provider"
	"turnpike/internal/provider/anthropic"
	"turnpike/internal/provider/azure"
	"turnpike/internal/provider/bedrock"
	"turnpike/internal/provider/gemini"
	"turnpike/internal/provider/openai"
	"turnpike/internal/provider/sandbox"
	"turnpike/internal/provider/vertex"
	"turnpike/internal/route"
)

// makers is the explicit list of the kinds of provider this binary knows.
var makers = map[string]func(config.Provider, provider.Options) (provider.Provider, error){
	config.TypeOpenAI: func(p config.Provider, o provider.Options) (provider.Provider, error) {
		return openai.New(o, false, choice(p))
	},
	config.TypeOpenAICompat: func(p config.Provider, o provider.Options) (provider.Provider, error) {
		return openai.New(o, true, choice(p))
	},
	config.TypeAzure: func(p config.Provider, o provider.Options) (provider.Provider, error) {
		return azure.New(azure.Options{
			Options: o, Choice: choice(p), APIVersion: p.APIVersion, Deployments: p.Deployments,
			TenantID: p.TenantID, ClientID: p.ClientID, ClientSecret: p.ClientSecret.Reveal(), TokenURL: p.TokenURL,
		})
	},
	config.TypeAnthropic: func(_ config.Provider, o provider.Options) (provider.Provider, error) { return anthropic.New(o) },
	config.TypeBedrock: func(p config.Provider, o provider.Options) (provider.Provider, error) {
		return bedrock.New(bedrock.Options{
			Options: o, Choice: choice(p), MantleURL: p.MantleURL, MantleService: p.MantleService,
			Region: p.Region, Profile: p.Profile, RoleARN: p.RoleARN,
			AccessKeyID: p.AccessKeyID.Reveal(), SecretAccessKey: p.SecretAccessKey.Reveal(),
			SessionToken: p.SessionToken.Reveal(), BearerToken: p.BearerToken.Reveal(),
		})
	},
	config.TypeGemini: func(_ config.Provider, o provider.Options) (provider.Provider, error) { return gemini.New(o) },
	config.TypeVertex: func(p config.Provider, o provider.Options) (provider.Provider, error) {
		return vertex.New(vertex.Options{
			Options: o, Project: p.Project, Location: p.Location, Credentials: p.Credentials.Reveal(), CredentialsFile: p.CredentialsFile,
		})
	},
	config.TypeKiro:    newKiro,
	config.TypeCopilot: newCopilot,
	config.TypeSandbox: func(_ config.Provider, o provider.Options) (provider.Provider, error) { return sandbox.New(o), nil },
}

// choice is which API each model is reached by.
func choice(p config.Provider) provider.Choice {
	c := provider.Choice{Pinned: p.API, Only: catalog.OnlyAPI}
	for _, r := range p.APIs {
		c.Rules = append(c.Rules, provider.APIRule{Match: r.Match, API: r.API})
	}
	return c
}

// accounts makes the routing table's entries of the configuration.
func accounts(cfg *config.Config) ([]*route.Account, error) {
	out := make([]*route.Account, 0, len(cfg.Providers))
	for _, p := range cfg.Providers {
		a, err := account(p)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func account(p config.Provider) (*route.Account, error) {
	a := &route.Account{Models: p.Offered(), Weight: p.Weight, Policy: p.Policy, Limits: limits(p)}
	opt := provider.Options{
		Name: p.Name, BaseURL: p.BaseURL, APIKey: p.APIKey.Reveal(), Headers: p.Headers, UserAgent: "turnpike/" + version,
		Timeouts: provider.Timeouts{
			Connect: p.Timeouts.Connect, TLS: p.Timeouts.TLS, FirstByte: p.Timeouts.FirstByte,
			FirstContent: p.Timeouts.FirstContent, Idle: p.Timeouts.Idle, Total: p.Timeouts.Total,
		},
	}
	var base *http.Transport
	if p.Live {
		base = outward(opt.Timeouts, !p.Guarded)
		opt.Transport = base
	}
	if p.TLS.On() && !p.Disabled {
		files := provider.Certificates{CertFile: p.TLS.CertFile, KeyFile: p.TLS.KeyFile, CAFile: p.TLS.CAFile}
		if base == nil {
			base = provider.NewTransport(opt.Timeouts)
		}
		var err error
		if opt.Transport, err = provider.Certify(base, files, time.Now); err != nil {
			return nil, fmt.Errorf("provider %s: %w", p.Name, err)
		}
	}
	make, ok := makers[p.Type]
	if !ok {
		a.Off = fmt.Sprintf("providers of type %s are not served by this version", p.Type)
		a.Provider = provider.Unserved(p.Name, p.Type)
		return a, nil
	}
	if p.Disabled {
		a.Off = p.Reason
		a.Provider = provider.Unserved(p.Name, p.Type)
		return a, nil
	}
	made, err := make(p, opt)
	if err != nil {
		return nil, err
	}
	a.Provider = made
	return a, nil
}
