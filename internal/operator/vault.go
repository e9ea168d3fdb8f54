package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"turnpike/internal/store"
	"turnpike/internal/vault"
)

// SealedColumn is where sealed values lie, and where each of them belongs.
type SealedColumn struct {
	store.SealedColumn
	Place func(key []string) string
}

// VaultRotation is what came of a rotation.
type VaultRotation struct {
	Rewrapped  int      `json:"rewrapped_data_keys"`
	DataKey    string   `json:"data_key"`
	Resealed   int64    `json:"resealed"`
	Unreadable int64    `json:"unreadable"`
	Forgotten  []string `json:"forgotten_data_keys"`
}

const (
	resealBatch = 64
	// forgetAfter is how long a data key stays behind its successor: gateways that have
	// not heard of the new one seal with the old one until they do, a second later.
	forgetAfter = time.Hour
)

// RotateVault wraps all data keys by the first master key, makes a new data key and
// seals everything with it, in small steps, while gateways run. What cannot be read
// stays as it is and is counted. Data keys that nothing is sealed with go.
func RotateVault(ctx context.Context, db *store.Store, v *vault.Vault, columns []SealedColumn, now time.Time) (out VaultRotation, err error) {
	if out.Rewrapped, err = v.Rewrap(ctx); err != nil {
		return out, err
	}
	if out.DataKey, err = v.Rotate(ctx); err != nil {
		return out, err
	}
	for _, c := range columns {
		if err := reseal(ctx, db, v, c, &out); err != nil {
			return out, err
		}
	}
	out.Forgotten, err = forgetKeys(ctx, db, v, columns, now)
	return out, err
}

func reseal(ctx context.Context, db *store.Store, v *vault.Vault, c SealedColumn, out *VaultRotation) error {
	var after []string
	for {
		list, err := db.SealedAfter(ctx, c.SealedColumn, "v2."+v.Sealing()+".", after, resealBatch)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, value := range list {
			after = value.Key
			plain, err := v.Unseal(value.Sealed, c.Place(value.Key))
			if errors.Is(err, vault.ErrOtherKey) || errors.Is(err, vault.ErrDamaged) {
				out.Unreadable++
				continue
			}
			if err != nil {
				return err
			}
			done, err := db.Reseal(ctx, c.SealedColumn, value, v.Seal(plain, c.Place(value.Key)))
			clear(plain)
			if err != nil {
				return err
			}
			if done { // else somebody has just written another one
				out.Resealed++
			}
		}
	}
}

// forgetKeys deletes the gateway's data keys that seal nothing and have had a successor
// for a while.
func forgetKeys(ctx context.Context, db *store.Store, v *vault.Vault, columns []SealedColumn, now time.Time) (ids []string, err error) {
	list, err := v.States(ctx) // newest first
	if err != nil {
		return nil, err
	}
	var successor time.Time
	for _, k := range list {
		if k.Scope != "" {
			continue
		}
		old := !successor.IsZero() && now.Sub(successor) > forgetAfter
		successor = k.Made
		if !old || !k.Opens {
			continue
		}
		n, err := countSealed(ctx, db, columns, "v2."+k.ID+".")
		if err != nil {
			return ids, err
		}
		if n > 0 {
			continue
		}
		if err := v.Forget(ctx, k.ID); err != nil {
			return ids, err
		}
		ids = append(ids, k.ID)
	}
	return ids, nil
}

func countSealed(ctx context.Context, db *store.Store, columns []SealedColumn, head string) (n int64, err error) {
	for _, c := range columns {
		in, err := db.CountSealed(ctx, c.SealedColumn, head)
		if err != nil {
			return 0, err
		}
		n += in
	}
	return n, nil
}

// VaultKey is a key and how many values are sealed with it.
type VaultKey struct {
	vault.KeyState
	Values int64 `json:"values"`
}

// VaultStatus is how secrets are kept.
type VaultStatus struct {
	// Master is the key that wraps.
	Master string `json:"master"`
	// Keys are the data keys, the newest first.
	Keys []VaultKey `json:"keys"`
	// ByMaster is how many values a master key has sealed itself, as gateways did before
	// there were data keys.
	ByMaster int64 `json:"sealed_by_master"`
}

// StatusOfVault counts what is sealed with which key.
func StatusOfVault(ctx context.Context, db *store.Store, v *vault.Vault, columns []SealedColumn) (out VaultStatus, err error) {
	out.Master = v.KeyID()
	states, err := v.States(ctx)
	if err != nil {
		return out, err
	}
	for _, k := range states {
		key := VaultKey{KeyState: k}
		if k.Scope == "" {
			if key.Values, err = countSealed(ctx, db, columns, "v2."+k.ID+"."); err != nil {
				return out, err
			}
		}
		out.Keys = append(out.Keys, key)
	}
	out.ByMaster, err = countSealed(ctx, db, columns, "v1.")
	return out, err
}

// String is the outcome in a sentence.
func (r VaultRotation) String() string {
	text := fmt.Sprintf("%d data keys wrapped anew; %d values sealed with %s", r.Rewrapped, r.Resealed, r.DataKey)
	if len(r.Forgotten) > 0 {
		text += "; forgotten: " + strings.Join(r.Forgotten, ", ")
	}
	if r.Unreadable > 0 {
		text += fmt.Sprintf("; %d values cannot be read with the keys that are here and stay as they are", r.Unreadable)
	}
	return text
}
