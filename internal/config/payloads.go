package config

import "time"

// Payloads is the keeping of what requests and answers say. It is off, and on only for
// keys that have log_payloads as well.
type Payloads struct {
	// Log allows it at all.
	Log bool `yaml:"log"`
	// Keep is how long they are kept.
	Keep time.Duration `yaml:"keep"`
	// MaxPart is how much is kept of each part: what the client sent, what went upstream,
	// what came back.
	MaxPart Size `yaml:"max_part"`
	// MaxBytes is how much is kept in all, as it lies in the database; the oldest go
	// first.
	MaxBytes Size `yaml:"max_bytes"`
}

func defaultPayloads() Payloads {
	return Payloads{Keep: 7 * 24 * time.Hour, MaxPart: 256 * KiB, MaxBytes: GiB}
}

func validatePayloads(p *Payloads, r *report) {
	if p.Keep < time.Minute {
		r.add("payloads.keep", "must be at least 1m")
	}
	if p.MaxPart < KiB || p.MaxPart > 8*MiB {
		r.add("payloads.max_part", "must be between %s and %s", KiB, 8*MiB)
	}
	if p.MaxBytes < MiB {
		r.add("payloads.max_bytes", "must be at least %s", MiB)
	}
}
