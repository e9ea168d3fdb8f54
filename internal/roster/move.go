package roster

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"turnpike/internal/keyring"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
	"turnpike/internal/vault"
)

// How the gateway whose encrypted_token values are read and written makes its
// Fernet key of its JWT secret.
const (
	fernetSalt   = "kolya-br-proxy-enc"
	fernetRounds = 100_000
)

// FernetFromSecret is the key that is made of a JWT secret.
func FernetFromSecret(secret string) (*vault.Fernet, error) {
	return vault.FernetFrom(strings.TrimSpace(secret), fernetSalt, fernetRounds)
}

// Import is what came of a file.
type Import struct {
	Keys    []store.Key
	Known   []string // names of keys that are there already
	Ignored []string // members that were not taken over
}

// Import makes keys of rows, all or none; those whose secret is known already are
// left out. fernet opens encrypted_token and may be nil where no row has one. With
// dry nothing is kept.
func (k *Keys) Import(ctx context.Context, rows []Row, fernet *vault.Fernet, dry bool) (done Import, err error) {
	there, err := k.there(ctx)
	if err != nil {
		return done, err
	}
	ignored := map[string]bool{}
	var budgets []Row
	for i := range rows {
		key, err := k.fromRow(ctx, &rows[i], fernet)
		if err != nil {
			return done, fmt.Errorf("key %d (%q): %w", i+1, rows[i].Name, err)
		}
		for _, name := range rows[i].Ignored {
			if !ignored[name] {
				ignored[name] = true
				done.Ignored = append(done.Ignored, name)
			}
		}
		if there.hashes[key.Hash] {
			done.Known = append(done.Known, key.Name)
			continue
		}
		if there.ids[key.ID] || !strings.HasPrefix(key.ID, "key_") {
			key.ID = store.NewID("key")
			if key.Sealed != "" { // it was for another id
				k.give(&key, rows[i].Secret)
			}
		}
		there.hashes[key.Hash], there.ids[key.ID] = true, true
		done.Keys, budgets = append(done.Keys, key), append(budgets, rows[i])
	}
	if dry {
		return done, nil
	}
	if err := k.Store.CreateKeys(ctx, done.Keys); err != nil {
		return done, err
	}
	for i, row := range budgets {
		for _, r := range row.Budgets {
			if _, _, err := SetBudget(ctx, k.Store, tenancy.Key, done.Keys[i].ID, r, k.Now()); err != nil {
				return done, fmt.Errorf("the keys were made, but not the budgets from %q on: %w", row.Name, err)
			}
		}
	}
	return done, nil
}

// there are the keys that exist.
type there struct {
	hashes map[[32]byte]bool
	ids    map[string]bool
}

func (k *Keys) there(ctx context.Context) (t there, err error) {
	t = there{map[[32]byte]bool{}, map[string]bool{}}
	list, err := k.Store.ListKeys(ctx)
	for i := range list {
		t.ids[list[i].ID], t.hashes[list[i].Hash] = true, true
		if !list[i].OldUntil.IsZero() {
			t.hashes[list[i].OldHash] = true
		}
	}
	return t, err
}

// fromRow makes a key of a row.
func (k *Keys) fromRow(ctx context.Context, r *Row, fernet *vault.Fernet) (key store.Key, err error) {
	key = store.Key{
		ID: r.ID, Name: r.Name, Prefix: r.Prefix, Description: r.Description, Tags: r.Tags, Addresses: r.Addresses, LogPayloads: r.LogPayloads,
		CreatedAt: r.Created, ExpiresAt: r.Expires, RevokedAt: r.Revoked,
	}
	if key.CreatedAt.IsZero() {
		key.CreatedAt = k.Now()
	}
	if r.Inactive && key.RevokedAt.IsZero() {
		key.RevokedAt = k.Now()
	}
	if r.Limits != nil {
		if key.Limits, err = WriteLimits(*r.Limits); err != nil {
			return key, err
		}
	}
	if key.Policy, err = WritePolicy(r.Policy); err != nil {
		return key, err
	}
	for i := range r.Budgets {
		if err := r.Budgets[i].Check(); err != nil {
			return key, fmt.Errorf("budget: %w", err)
		}
	}
	if err := k.own(ctx, &key, r); err != nil {
		return key, err
	}
	if err := k.take(&key, r, fernet); err != nil {
		return key, err
	}
	return key, Check(&key)
}

// own finds the ids of team and user.
func (k *Keys) own(ctx context.Context, key *store.Key, r *Row) error {
	for _, o := range []struct {
		kind, name string
		id         *string
	}{{tenancy.Team, r.Team, &key.TeamID}, {tenancy.User, r.User, &key.UserID}} {
		if o.name == "" {
			continue
		}
		c, err := k.Store.FindScope(ctx, o.kind, o.name)
		if err != nil {
			return fmt.Errorf("%w: make it first, with turnpike %ss create", err, o.kind)
		}
		*o.id = c.ID
	}
	return nil
}

// Errors of Import.
var (
	ErrNoSecret     = errors.New("has neither key, nor hash, nor encrypted_token")
	ErrNoFernet     = errors.New("has only an encrypted_token: say --fernet-secret-file or --fernet-key-file")
	ErrWrongHash    = errors.New("its hash is not that of its secret")
	ErrHash         = errors.New("hash must be 64 hexadecimal digits, the SHA-256 of the key")
	ErrSecretLength = errors.New("the key must have between 16 and 512 characters that can stand in a header")
)

// take gives the key the secret of a row, or only the hash where that is all.
func (k *Keys) take(key *store.Key, r *Row, fernet *vault.Fernet) error {
	if r.Secret == "" && r.Encrypted != "" && fernet != nil {
		plain, _, err := fernet.Decrypt(r.Encrypted)
		if err != nil {
			return err
		}
		r.Secret = string(plain)
	}
	var hash [32]byte
	if r.Hash != "" {
		if n, err := hex.Decode(hash[:], []byte(r.Hash[:min(len(r.Hash), 64)])); err != nil || n != 32 || len(r.Hash) != 64 {
			return ErrHash
		}
	}
	switch {
	case r.Secret == "" && r.Hash != "":
		key.Hash = hash
		return nil
	case r.Secret == "":
		return cmp.Or(noFernet(r), ErrNoSecret)
	case !Usable(r.Secret):
		return ErrSecretLength
	case r.Hash != "" && keyring.Hash(r.Secret) != hash:
		return ErrWrongHash
	}
	k.give(key, r.Secret)
	return nil
}

// Usable tells whether a secret that was made elsewhere can be a key.
func Usable(secret string) bool {
	return len(secret) >= 16 && len(secret) <= 512 && !strings.ContainsFunc(secret, func(c rune) bool { return c <= ' ' || c > '~' })
}

func noFernet(r *Row) error {
	if r.Encrypted != "" {
		return ErrNoFernet
	}
	return nil
}

// Export writes all keys as rows. With fernet those whose secrets were kept have
// them as encrypted_token, and hidden counts the others.
func (k *Keys) Export(ctx context.Context, fernet *vault.Fernet) (rows []Row, hidden int, err error) {
	list, err1 := k.Store.ListKeys(ctx)
	scopes, err2 := k.Store.Scopes(ctx, "")
	budgets, err3 := k.Store.Budgets(ctx)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, 0, err
	}
	names := map[scopeKey]string{}
	for _, c := range scopes {
		names[scopeKey{c.Kind, c.ID}] = c.Name
	}
	of := map[string][]store.Budget{}
	for _, b := range budgets {
		if b.ScopeKind == tenancy.Key {
			of[b.ScopeID] = append(of[b.ScopeID], b)
		}
	}
	rows = make([]Row, 0, len(list))
	for i := range list {
		key := &list[i]
		row, err := toRow(key, of[key.ID])
		if err != nil {
			return nil, 0, err
		}
		row.Team, row.User = names[scopeKey{tenancy.Team, key.TeamID}], names[scopeKey{tenancy.User, key.UserID}]
		switch {
		case fernet == nil:
		case key.Sealed == "" || k.Vault == nil:
			hidden++
		default:
			secret, err := k.Vault.Unseal(key.Sealed, SealPlace(key.ID))
			if err != nil {
				return nil, 0, fmt.Errorf("key %s: %w", key.ID, err)
			}
			row.Encrypted = fernet.Encrypt(secret, k.Now())
		}
		rows = append(rows, row)
	}
	return rows, hidden, nil
}

func toRow(k *store.Key, budgets []store.Budget) (r Row, err error) {
	r = Row{
		ID: k.ID, Name: k.Name, Prefix: k.Prefix, Hash: hex.EncodeToString(k.Hash[:]), Description: k.Description, Tags: k.Tags, Addresses: k.Addresses,
		LogPayloads: k.LogPayloads, Created: k.CreatedAt, Expires: k.ExpiresAt, Revoked: k.RevokedAt,
	}
	if k.Limits != "" {
		l, err := ReadLimits(k.Limits)
		if err != nil {
			return r, fmt.Errorf("key %s: %w", k.ID, err)
		}
		r.Limits = &l
	}
	if k.Policy != "" {
		if r.Policy, err = ReadPolicy(k.Policy); err != nil {
			return r, fmt.Errorf("key %s: policy: %w", k.ID, err)
		}
	}
	for _, b := range budgets {
		rule, err := ReadBudget(b)
		if err != nil {
			return r, err
		}
		rule.ID = ""
		r.Budgets = append(r.Budgets, rule)
	}
	return r, nil
}
