package config

import (
	"fmt"
	"strings"
	"time"
)

// Routing is how accounts are chosen and what is done when one fails. How
// requests are spread is defaults.lb_strategy.
type Routing struct {
	// Affinity keeps a conversation with the account that has its prompt cache.
	Affinity *bool `yaml:"affinity"`
	// CrossGeo lets Bedrock profiles of other geographies stand in for the one a
	// client names: us. for eu. and the like.
	CrossGeo *bool `yaml:"cross_geo"`
	// Attempts is how often one request may be sent in all.
	Attempts int `yaml:"attempts"`
	// Deadline is the time after which no other attempt is begun.
	Deadline time.Duration `yaml:"deadline"`
	// MaxWait is the longest wait before the same account is asked again; an
	// upstream that asks for more is believed, and the client told.
	MaxWait time.Duration `yaml:"max_wait"`
	// RetryBudget is how many retries there may be for a hundred requests; 0
	// turns retries off.
	RetryBudget int `yaml:"retry_budget"`
	// RefreshModels is how often accounts are asked for their models.
	RefreshModels time.Duration `yaml:"refresh_models"`
}

func defaultRouting() Routing {
	yes, no := true, false
	return Routing{
		Affinity: &yes, CrossGeo: &no, Attempts: 4, Deadline: 2 * time.Minute, MaxWait: 10 * time.Second, RetryBudget: 10, RefreshModels: time.Hour,
	}
}

// Limit is what an account may be sent of some models.
type Limit struct {
	// Model is the model it is about, or a pattern with *; all that match share
	// it. Empty is all models.
	Model string `yaml:"model,omitempty"`
	// RPM is the number of requests a minute; 0 is no limit.
	RPM int `yaml:"rpm,omitempty"`
	// TPM is the number of tokens a minute; 0 is no limit.
	TPM int `yaml:"tpm,omitempty"`
	// Concurrency is the number of requests at once; 0 is no limit.
	Concurrency int `yaml:"concurrency,omitempty"`
	// Queue is how many requests may wait for room; 0 refuses at once.
	Queue int `yaml:"queue"`
	// Wait is how long a request may wait for room.
	Wait time.Duration `yaml:"wait"`
}

func (l *Limit) setDefaults() { l.Queue, l.Wait = 100, 30*time.Second }

// Health asks an account how it is.
type Health struct {
	// Every is how often; 0 is never.
	Every time.Duration `yaml:"every,omitempty"`
	// Jitter is how much later than that it may be, at random; 0 is a fifth.
	Jitter time.Duration `yaml:"jitter,omitempty"`
}

// The bounds of routing.
const (
	maxAttempts = 20
	maxQueue    = 10_000
	leastEvery  = 5 * time.Second
	leastModels = time.Minute
)

func validateRouting(cfg *Config, r *report) {
	seen := map[string]int{}
	for i, a := range cfg.Aliases {
		at := fmt.Sprintf("aliases[%d]", i)
		if r.bad[at] {
			continue
		}
		if err := a.Check(); err != nil {
			r.add(at, "%v", err)
		}
		if first, twice := seen[a.Match]; twice && a.Match != "" {
			r.add(at+".match", "%s is taken by aliases[%d]", quote(a.Match), first)
			continue
		}
		seen[a.Match] = i
	}
	between(r, "routing.attempts", cfg.Routing.Attempts, 1, maxAttempts)
	between(r, "routing.retry_budget", cfg.Routing.RetryBudget, 0, 100)
	checkDuration(r, "routing.deadline", cfg.Routing.Deadline, false)
	checkDuration(r, "routing.max_wait", cfg.Routing.MaxWait, true)
	checkDuration(r, "routing.refresh_models", cfg.Routing.RefreshModels, false)
	if d := cfg.Routing.RefreshModels; d > 0 && d < leastModels {
		r.add("routing.refresh_models", "must be at least %s", leastModels)
	}
}

func validateLimits(p *Provider, at string, r *report) {
	for j, l := range p.Limits {
		path := fmt.Sprintf("%slimits[%d]", at, j)
		if r.bad[path] {
			continue
		}
		if strings.TrimSpace(l.Model) != l.Model {
			r.add(path+".model", "must be a model name or a pattern such as gpt-*")
		}
		for _, n := range []struct {
			key   string
			value int
		}{{"rpm", l.RPM}, {"tpm", l.TPM}, {"concurrency", l.Concurrency}} {
			between(r, path+"."+n.key, n.value, 0, 1_000_000_000)
		}
		if l.RPM == 0 && l.TPM == 0 && l.Concurrency == 0 {
			r.add(path, "limits nothing; set rpm, tpm or concurrency")
		}
		between(r, path+".queue", l.Queue, 0, maxQueue)
		checkDuration(r, path+".wait", l.Wait, true)
	}
	checkDuration(r, at+"health.every", p.Health.Every, true)
	checkDuration(r, at+"health.jitter", p.Health.Jitter, true)
	if d := p.Health.Every; d > 0 && d < leastEvery {
		r.add(at+"health.every", "must be at least %s", leastEvery)
	}
}

func between(r *report, path string, n, least, most int) {
	if n < least || n > most {
		r.add(path, "must be between %d and %d", least, most)
	}
}
