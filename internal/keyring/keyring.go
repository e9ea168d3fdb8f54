// Package keyring knows the API keys that are valid now, from memory: a request
// never waits for the database, and a database that is away locks nobody out.
package keyring

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"turnpike/internal/policy"
	"turnpike/internal/tenancy"
)

// Principal is who a key speaks for.
type Principal struct {
	KeyID   string
	Name    string
	Expires time.Time // zero: never
	Policy  policy.Policy
	Chain   tenancy.Chain // whose limits and budgets a request must fit; empty: nobody's
	Labels  tenancy.Labels
	Tags    string // Labels.Tags as a JSON array, written once for all attempts; empty: none

	Addresses   []netip.Prefix // where it may be used from; empty: anywhere
	Barred      string         // why it may not be used although it is known; empty: it may
	LogPayloads bool           // what its requests say is to be kept
}

// Entry is one key as it is stored: only its hash.
type Entry struct {
	Hash [sha256.Size]byte
	Principal
}

// Hash is what is kept of a secret.
func Hash(secret string) [sha256.Size]byte { return sha256.Sum256([]byte(secret)) }

// Ring is a snapshot of the valid keys, replaced as a whole.
type Ring struct {
	keys  atomic.Pointer[map[[sha256.Size]byte]*Principal]
	fixed []Entry // from the configuration: valid whatever the store says
	now   func() time.Time
}

// New makes a ring that holds the fixed entries.
func New(now func() time.Time, fixed ...Entry) *Ring {
	r := &Ring{fixed: fixed, now: now}
	r.Set(nil)
	return r
}

// Set replaces the snapshot.
func (r *Ring) Set(entries []Entry) {
	m := make(map[[sha256.Size]byte]*Principal, len(entries)+len(r.fixed))
	for _, list := range [][]Entry{entries, r.fixed} {
		for i := range list {
			p := list[i].Principal
			p.Tags = tagList(p.Labels.Tags)
			m[list[i].Hash] = &p
		}
	}
	r.keys.Store(&m)
}

// maxTagList bounds the tags of an attempt.
const maxTagList = 2 << 10

// tagList writes tags as a JSON array. Those for which there is no room are left out.
func tagList(tags []string) string {
	tags = slices.Compact(slices.Sorted(slices.Values(tags)))
	for ; len(tags) > 0; tags = tags[:len(tags)-1] {
		if b, err := json.Marshal(tags); err == nil && len(b) <= maxTagList {
			return string(b)
		}
	}
	return ""
}

// Len is the number of keys.
func (r *Ring) Len() int { return len(*r.keys.Load()) }

// Lookup finds who a secret speaks for. It compares hashes, so the time it takes
// tells nothing of the secret.
func (r *Ring) Lookup(secret string) (p *Principal, ok, expired bool) {
	p, ok = (*r.keys.Load())[Hash(secret)]
	if ok && !p.Expires.IsZero() && !r.now().Before(p.Expires) {
		return p, false, true
	}
	return p, ok, false
}

// Declared is the id of the one key that a configuration may declare.
const Declared = "config"

// Source is where keys are kept.
type Source interface {
	// Version changes when anything was changed, here or by another process.
	Version(ctx context.Context) (int64, error)
	// Load reads all valid keys.
	Load(ctx context.Context) ([]Entry, error)
}

// pollEvery keeps the promise that a change takes effect within a second.
const pollEvery = 500 * time.Millisecond

// Watch keeps the ring up to date until ctx ends. A source that fails leaves the
// last snapshot in force.
func (r *Ring) Watch(ctx context.Context, src Source, log *slog.Logger) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	last, failing := int64(-1), false
	for {
		err := r.poll(ctx, src, &last)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			failing = true
			log.Warn("keys cannot be read; the last known ones stay valid", "error", err)
		case err == nil && failing:
			failing = false
			log.Info("keys can be read again")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r *Ring) poll(ctx context.Context, src Source, last *int64) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	v, err := src.Version(ctx)
	if err != nil || v == *last {
		return err
	}
	entries, err := src.Load(ctx)
	if err != nil {
		return err
	}
	*last = v
	r.Set(entries)
	return nil
}
