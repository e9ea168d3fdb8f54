// Package vault keeps secrets at rest. Values are sealed by data keys; data keys lie
// in the database, wrapped by a master key that does not: a file, a variable, or a
// service (Master). So the master is changed by wrapping a few data keys anew, and
// what belongs to one tenant is forgotten by forgetting its data key.
package vault

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"turnpike/internal/store"
)

// The first part of every sealed value: AES-256-GCM with the random nonce before
// the ciphertext. The second part is the id of the key.
const (
	byMaster  = "v1" // sealed by a master key itself: what gateways wrote before there were data keys
	byDataKey = "v2"
)

const keySize = 32

// FileName is the name of the key file in the data folder.
const FileName = "turnpike.key"

// Errors of Unseal that callers tell apart.
var (
	// ErrOtherKey says that the value was sealed with a key that is not here.
	ErrOtherKey = errors.New("sealed with another key; restore the master key (turnpike.key, or the one of vault.key) that belongs to this data")
	// ErrDamaged says that the value is not a sealed one, was changed, or
	// belongs to another place.
	ErrDamaged = errors.New("the sealed value is damaged or belongs elsewhere")
)

// Store is where wrapped data keys lie.
type Store interface {
	DataKeys(ctx context.Context) ([]store.DataKey, error)
	DataKey(ctx context.Context, id string) (store.DataKey, error)
	ScopeDataKey(ctx context.Context, scope string) (store.DataKey, error)
	AddDataKey(ctx context.Context, k store.DataKey, first bool) (store.DataKey, error)
	RewrapDataKey(ctx context.Context, id, before, master, wrapped string) (bool, error)
	DeleteDataKey(ctx context.Context, id string) error
}

// Options are what a vault is made of.
type Options struct {
	// Masters reads the keys that wrap data keys: the first wraps new ones, the others
	// open old ones. It is asked again when a key is met that is not among them.
	Masters func(context.Context) ([]Master, error)
	Store   Store
	Now     func() time.Time
}

// Vault seals with the newest data key and unseals with any. It is safe for
// concurrent use.
type Vault struct {
	opt Options

	mu      sync.RWMutex
	masters []Master
	asked   time.Time       // when they were read
	keys    map[string]*key // by version and id
	active  *key
}

// key seals and unseals.
type key struct {
	version, id string
	aead        cipher.AEAD
}

// Open makes a vault of a key file alone, making the file (mode 0600) if it is
// absent. It has no data keys: the master seals.
func Open(path string) (*Vault, error) {
	list, err := File(path, true)
	if err != nil {
		return nil, err
	}
	return ofMasters(list), nil
}

func ofMasters(list []Master) *Vault {
	v := &Vault{keys: map[string]*key{}}
	v.take(list)
	if l, ok := list[0].(*Local); ok {
		v.active = &l.own
	}
	return v
}

// take takes over masters; those that are here in memory open what they have sealed
// themselves.
func (v *Vault) take(list []Master) {
	v.masters = list
	for _, m := range list {
		if l, ok := m.(*Local); ok {
			v.keys[byMaster+l.own.id] = &l.own
		}
	}
}

// New makes a vault of masters and the data keys of the store; the first data key
// is made here.
func New(ctx context.Context, opt Options) (*Vault, error) {
	list, err := opt.Masters(ctx)
	if err == nil && len(list) == 0 {
		err = errors.New("a vault needs a master key")
	}
	if err != nil {
		return nil, err
	}
	v := ofMasters(list)
	v.opt, v.asked = opt, opt.Now()
	if err := v.Reload(ctx); err != nil {
		return nil, err
	}
	if v.active != nil && v.active.version == byDataKey {
		return v, nil
	}
	_, err = v.add(ctx, "", true)
	return v, err
}

// Reload takes up data keys that another gateway, or the command line, has made. The
// newest that can be opened seals from now on.
func (v *Vault) Reload(ctx context.Context) error {
	rows, err := v.opt.Store.DataKeys(ctx)
	if err != nil {
		return err
	}
	for i := range rows { // newest first
		r := &rows[i]
		if r.Scope != "" {
			continue
		}
		k, err := v.unwrapped(ctx, r)
		switch {
		case errors.Is(err, ErrOtherKey):
			continue // another gateway's, with another key file
		case err != nil:
			return err
		}
		v.mu.Lock()
		v.active = k
		v.mu.Unlock()
		return nil
	}
	return nil
}

// Foreign are the masters that wrap data keys here and are not among ours.
func (v *Vault) Foreign(ctx context.Context) (ids []string, err error) {
	rows, err := v.opt.Store.DataKeys(ctx)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if id := rows[i].Master; v.known(id) == nil && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// known is a master among those in memory.
func (v *Vault) known(id string) Master {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, m := range v.masters {
		if m.ID() == id {
			return m
		}
	}
	return nil
}

// first is the master that wraps.
func (v *Vault) first() Master {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.masters[0]
}

// askAgain is how seldom masters are read again for a key that is not among them.
const askAgain = 5 * time.Second

// master is the master of an id, nil where it is not here. The key may have been
// changed since it was read.
func (v *Vault) master(ctx context.Context, id string) (Master, error) {
	if m := v.known(id); m != nil {
		return m, nil
	}
	v.mu.Lock()
	now := v.opt.Now()
	if now.Sub(v.asked) < askAgain {
		v.mu.Unlock()
		return nil, nil
	}
	v.asked = now
	v.mu.Unlock()
	list, err := v.opt.Masters(ctx)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	v.take(list)
	v.mu.Unlock()
	return v.known(id), nil
}

// unwrapped is a data key as it can be used; opened ones are remembered, but those
// of tenants.
func (v *Vault) unwrapped(ctx context.Context, r *store.DataKey) (*key, error) {
	v.mu.RLock()
	k := v.keys[byDataKey+r.ID]
	v.mu.RUnlock()
	if k != nil {
		return k, nil
	}
	m, err := v.master(ctx, r.Master)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, ErrOtherKey
	}
	raw, err := m.Unwrap(ctx, r.Wrapped, place(r.ID, r.Scope))
	if err != nil {
		return nil, fmt.Errorf("data key %s: %w", r.ID, err)
	}
	k, err = newKey(byDataKey, r.ID, raw)
	clear(raw)
	if err != nil {
		return nil, fmt.Errorf("data key %s: %w", r.ID, err)
	}
	if r.Scope == "" {
		v.mu.Lock()
		v.keys[byDataKey+r.ID] = k
		v.mu.Unlock()
	}
	return k, nil
}

// place is where a wrapped data key belongs: it opens for no other scope.
func place(id, scope string) string { return "data key/" + id + "/" + scope }

// add makes a data key. With first, one that the scope has already is taken instead.
func (v *Vault) add(ctx context.Context, scope string, first bool) (*key, error) {
	raw, m := random(), v.first()
	defer clear(raw)
	row := store.DataKey{ID: store.NewID("dk"), Scope: scope, Master: m.ID(), MadeAt: v.opt.Now()}
	var err error
	if row.Wrapped, err = m.Wrap(ctx, raw, place(row.ID, scope)); err != nil {
		return nil, err
	}
	if row, err = v.opt.Store.AddDataKey(ctx, row, first); err != nil {
		return nil, err
	}
	k, err := v.unwrapped(ctx, &row)
	if err != nil {
		return nil, err
	}
	if scope == "" {
		v.mu.Lock()
		v.active = k
		v.mu.Unlock()
	}
	return k, nil
}

// KeyID names the master key that wraps now.
func (v *Vault) KeyID() string { return v.first().ID() }

// Sealing names the key that seals now; it is part of every sealed value.
func (v *Vault) Sealing() string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.active.id
}

// Current tells whether a value is sealed by the key that seals now.
func (v *Vault) Current(sealed string) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return strings.HasPrefix(sealed, v.active.head())
}

// Seal encrypts plaintext. aad is where the value belongs, for example the
// table and row: a sealed value copied elsewhere does not open there.
func (v *Vault) Seal(plaintext []byte, aad string) string {
	v.mu.RLock()
	k := v.active
	v.mu.RUnlock()
	return k.seal(plaintext, aad)
}

// patience bounds the look for a data key that is not known yet.
const patience = 10 * time.Second

// Unseal decrypts what Seal made with the same aad.
func (v *Vault) Unseal(sealed, aad string) ([]byte, error) {
	version, rest, _ := strings.Cut(sealed, ".")
	id, body, ok := strings.Cut(rest, ".")
	if version != byMaster && version != byDataKey || !ok {
		return nil, ErrDamaged
	}
	v.mu.RLock()
	k := v.keys[version+id]
	v.mu.RUnlock()
	if k == nil && version == byDataKey && v.opt.Store != nil {
		var err error
		if k, err = v.lookUp(id); err != nil {
			return nil, err
		}
	}
	if k == nil {
		return nil, ErrOtherKey
	}
	return k.unseal(body, aad)
}

// lookUp asks the store for a data key that another gateway has made. Those of
// tenants open only what they are asked for by name.
func (v *Vault) lookUp(id string) (*key, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	row, err := v.opt.Store.DataKey(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && row.Scope != "":
		return nil, ErrOtherKey
	case err != nil:
		return nil, err
	}
	return v.unwrapped(ctx, &row)
}

// Format keeps keys out of anything printed.
func (v *Vault) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "vault(%s)", v.KeyID()) }

func newKey(version, id string, raw []byte) (*key, error) {
	if len(raw) != keySize {
		return nil, errKeySize
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &key{version, id, aead}, nil
}

func (k *key) head() string { return k.version + "." + k.id + "." }

// bind is the additional data: the visible head of the value is protected too.
func (k *key) bind(aad string) []byte { return []byte(k.head() + aad) }

func (k *key) seal(plaintext []byte, aad string) string {
	sealed := k.aead.Seal(nil, nil, plaintext, k.bind(aad)) //nolint:gosec // This AEAD makes its own nonce.
	return k.head() + base64.RawURLEncoding.EncodeToString(sealed)
}

func (k *key) unseal(body, aad string) ([]byte, error) {
	// Strict, so that one value has one spelling only.
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || strings.ContainsAny(body, "\r\n") {
		return nil, ErrDamaged
	}
	plaintext, err := k.aead.Open(nil, nil, raw, k.bind(aad))
	if err != nil {
		return nil, ErrDamaged
	}
	return plaintext, nil
}

// Format keeps the key out of anything printed.
func (k *key) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "key(%s)", k.id) }

func random() []byte {
	raw := make([]byte, keySize)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	return raw
}
