package vault

import (
	"context"
	"errors"
	"strings"

	"turnpike/internal/store"
)

// SealFor encrypts for a tenant: with a data key of its own, made when it is needed.
// Whoever forgets the data key (store.ForgetScope) has forgotten all of it.
func (v *Vault) SealFor(ctx context.Context, scope string, plaintext []byte, aad string) (string, error) {
	row, err := v.opt.Store.ScopeDataKey(ctx, scope)
	var k *key
	switch {
	case errors.Is(err, store.ErrNotFound):
		k, err = v.add(ctx, scope, true)
	case err == nil:
		k, err = v.unwrapped(ctx, &row)
	}
	if err != nil {
		return "", err
	}
	return k.seal(plaintext, aad), nil
}

// UnsealFor decrypts what SealFor made for the same tenant and place. The data key is
// asked of the store each time: what was forgotten there is forgotten here.
func (v *Vault) UnsealFor(ctx context.Context, scope, sealed, aad string) ([]byte, error) {
	version, rest, _ := strings.Cut(sealed, ".")
	id, body, ok := strings.Cut(rest, ".")
	if version != byDataKey || !ok {
		return nil, ErrDamaged
	}
	row, err := v.opt.Store.DataKey(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, ErrForgotten
	case err != nil:
		return nil, err
	case row.Scope != scope:
		return nil, ErrDamaged
	}
	k, err := v.unwrapped(ctx, &row)
	if err != nil {
		return nil, err
	}
	return k.unseal(body, aad)
}

// ErrForgotten says that the data key of a tenant was deleted, and with it all that
// it had sealed.
var ErrForgotten = errors.New("its data key was deleted: nobody can read it any more")
