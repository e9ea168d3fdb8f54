package roster

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"turnpike/internal/keyring"
	"turnpike/internal/peer"
	"turnpike/internal/store"
	"turnpike/internal/vault"
)

const (
	// SecretPrefix is what the tools of this field expect a key to begin with.
	SecretPrefix = "sk-ant-api03_" //nolint:gosec // no secret: how each begins
	// ShownPrefix is how many characters of a key lists show.
	ShownPrefix = 18
	// MaxBatch is how many keys are made at once.
	MaxBatch = 100
	// MaxGrace is how long an old secret may stay good.
	MaxGrace = 90 * 24 * time.Hour

	maxName        = 200
	maxDescription = 2000
	maxTags        = 32
	maxTag         = 64
)

// NewSecret makes a key: the prefix and 32 random bytes, 43 characters.
func NewSecret(prefix string) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// Keys makes and changes keys.
type Keys struct {
	Store *store.Store
	// Vault seals secrets that can be revealed; nil: none is kept.
	Vault *vault.Vault
	Now   func() time.Time
}

// Made is a key with its secret, which is shown once.
type Made struct {
	store.Key
	Secret string
}

// Create makes keys like the drafts, all or none: a draft has everything but the
// identity and the secret.
func (k *Keys) Create(ctx context.Context, drafts ...store.Key) ([]Made, error) {
	if len(drafts) > MaxBatch {
		return nil, fmt.Errorf("%d keys are more than %d at once: make them in several steps", len(drafts), MaxBatch)
	}
	made := make([]Made, len(drafts))
	rows := make([]store.Key, len(drafts))
	for i, d := range drafts {
		if err := Check(&d); err != nil {
			return nil, err
		}
		d.ID, d.CreatedAt = store.NewID("key"), k.Now()
		made[i] = Made{d, NewSecret(SecretPrefix)}
		k.give(&made[i].Key, made[i].Secret)
		rows[i] = made[i].Key
	}
	return made, k.Store.CreateKeys(ctx, rows)
}

// give gives a key its secret.
func (k *Keys) give(key *store.Key, secret string) {
	key.Hash, key.Prefix, key.Sealed = keyring.Hash(secret), Shown(secret), ""
	if k.Vault != nil {
		key.Sealed = k.Vault.Seal([]byte(secret), SealPlace(key.ID))
	}
}

// Shown is the part of a secret that lists show: of a short one, nothing much.
func Shown(secret string) string {
	return secret[:min(ShownPrefix, len(secret)/3)]
}

// SealPlace is where the sealed secret of a key belongs: it opens for no other.
func SealPlace(id string) string { return "keys/" + id }

// Rotate gives a key another secret. The one it has stays good for the grace; an
// older one, from a rotation before, ends now.
func (k *Keys) Rotate(ctx context.Context, word string, grace time.Duration) (Made, error) {
	if grace < 0 || grace > MaxGrace {
		return Made{}, fmt.Errorf("the grace must be between 0 and %d days", MaxGrace/(24*time.Hour))
	}
	secret := NewSecret(SecretPrefix)
	key, err := k.Store.UpdateKey(ctx, word, func(key *store.Key) error {
		key.OldHash, key.OldUntil = [32]byte{}, time.Time{}
		if grace > 0 {
			key.OldHash, key.OldUntil = key.Hash, k.Now().Add(grace).UTC()
		}
		k.give(key, secret)
		return nil
	})
	return Made{key, secret}, err
}

// Errors of Reveal.
var (
	ErrNotRevealable = errors.New("secrets are not kept: keys.revealable is off in the configuration")
	ErrNeverSealed   = errors.New("its secret was not kept, since keys.revealable was off when it was made; turnpike keys rotate gives it another one")
)

// Reveal shows the secret of a key again.
func (k *Keys) Reveal(ctx context.Context, word string) (Made, error) {
	if k.Vault == nil {
		return Made{}, ErrNotRevealable
	}
	key, err := k.Store.FindKey(ctx, word)
	if err != nil {
		return Made{}, err
	}
	if key.Sealed == "" {
		return Made{}, fmt.Errorf("key %q: %w", word, ErrNeverSealed)
	}
	secret, err := k.Vault.Unseal(key.Sealed, SealPlace(key.ID))
	if err != nil {
		return Made{}, fmt.Errorf("key %q: %w", word, err)
	}
	return Made{key, string(secret)}, nil
}

// Check puts a key's values in their plain form and tells what is wrong with them.
func Check(k *store.Key) error {
	k.Name, k.Description = strings.TrimSpace(k.Name), strings.TrimSpace(k.Description)
	switch {
	case k.Name == "" || len(k.Name) > maxName:
		return fmt.Errorf("a key needs a name of at most %d characters", maxName)
	case len(k.Description) > maxDescription:
		return fmt.Errorf("a description has at most %d characters", maxDescription)
	}
	tags, err := CheckTags(k.Tags)
	if err != nil {
		return err
	}
	networks, err := peer.Networks(k.Addresses)
	if err != nil {
		return fmt.Errorf("address %w", err)
	}
	limits, err := ReadLimits(k.Limits)
	if err != nil {
		return err
	}
	if k.Limits, err = WriteLimits(limits); err != nil {
		return err
	}
	if k.Policy != "" {
		p, err := ReadPolicy(k.Policy)
		if err == nil {
			err = p.Check()
		}
		if err != nil {
			return fmt.Errorf("policy: %w", err)
		}
	}
	k.Tags, k.Addresses = tags, nil
	for _, n := range networks {
		k.Addresses = append(k.Addresses, n.String())
	}
	return nil
}

// CheckTags sorts tags and tells what is wrong with them.
func CheckTags(tags []string) ([]string, error) {
	var out []string
	for _, t := range tags {
		if t = strings.TrimSpace(t); t == "" || len(t) > maxTag || strings.ContainsFunc(t, func(c rune) bool { return c <= ' ' || c == ',' || c == '"' || c == 0x7f }) {
			return nil, fmt.Errorf("tag %q: a tag is a word of at most %d characters, without blanks, commas and quotes", t, maxTag)
		}
		out = append(out, t)
	}
	slices.Sort(out)
	if out = slices.Compact(out); len(out) > maxTags {
		return nil, fmt.Errorf("%d tags are more than %d", len(out), maxTags)
	}
	return out, nil
}
