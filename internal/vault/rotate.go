package vault

import (
	"context"
	"fmt"
	"time"
)

// KeyState is a data key as it stands.
type KeyState struct {
	ID     string    `json:"id"`
	Scope  string    `json:"scope,omitempty"`
	Master string    `json:"master"`
	Made   time.Time `json:"made"`
	// Seals tells whether it is the one that seals now.
	Seals bool `json:"seals,omitempty"`
	// Opens tells whether its master key is here.
	Opens bool `json:"opens"`
}

// States are all data keys, the newest first.
func (v *Vault) States(ctx context.Context) (list []KeyState, err error) {
	rows, err := v.opt.Store.DataKeys(ctx)
	if err != nil {
		return nil, err
	}
	sealing := v.Sealing()
	for i := range rows {
		r := &rows[i]
		list = append(list, KeyState{r.ID, r.Scope, r.Master, r.MadeAt, r.ID == sealing, v.known(r.Master) != nil})
	}
	return list, nil
}

// Rewrap wraps every data key by the master key that is first now, and tells how many
// that were. What is sealed stays as it is.
func (v *Vault) Rewrap(ctx context.Context) (n int, err error) {
	rows, err := v.opt.Store.DataKeys(ctx)
	if err != nil {
		return 0, err
	}
	to := v.first()
	for i := range rows {
		r := &rows[i]
		from, err := v.master(ctx, r.Master)
		switch {
		case err != nil:
			return n, err
		case r.Master == to.ID():
			continue
		case from == nil:
			return n, fmt.Errorf("data key %s was wrapped by the master key %s: name it in vault.previous: %w", r.ID, r.Master, ErrOtherKey)
		}
		raw, err := from.Unwrap(ctx, r.Wrapped, place(r.ID, r.Scope))
		if err != nil {
			return n, fmt.Errorf("data key %s: %w", r.ID, err)
		}
		wrapped, err := to.Wrap(ctx, raw, place(r.ID, r.Scope))
		clear(raw)
		if err != nil {
			return n, fmt.Errorf("data key %s: %w", r.ID, err)
		}
		done, err := v.opt.Store.RewrapDataKey(ctx, r.ID, r.Wrapped, to.ID(), wrapped)
		if err != nil {
			return n, err
		}
		if done {
			n++
		}
	}
	return n, nil
}

// Rotate makes a new data key: it seals from now on, here at once and at other
// gateways when they have heard of it. It returns its id.
func (v *Vault) Rotate(ctx context.Context) (string, error) {
	k, err := v.add(ctx, "", false)
	if err != nil {
		return "", err
	}
	return k.id, nil
}

// Forget deletes a data key that nothing is sealed with any more.
func (v *Vault) Forget(ctx context.Context, id string) error {
	if err := v.opt.Store.DeleteDataKey(ctx, id); err != nil {
		return err
	}
	v.mu.Lock()
	delete(v.keys, byDataKey+id)
	v.mu.Unlock()
	return nil
}
