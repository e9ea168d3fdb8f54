package kiro

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"turnpike/internal/llm"
)

// keeper has the account's token for whoever sends. It is read from memory; what is
// in the store is looked at only when a new one is needed.
type keeper struct {
	account string
	holder  string // this process, to others
	store   TokenStore
	early   time.Duration
	refresh func(context.Context, Credential) (Credential, error)
	now     func() time.Time
	pause   func(context.Context, time.Duration) error

	turn   chan struct{} // held by who reads or changes the rest
	have   Kept
	unkept *Kept // refreshed, and not written yet: never used before it is
}

const (
	leaseFor    = 45 * time.Second
	refreshFor  = 30 * time.Second // less than the lease
	leasePause  = 200 * time.Millisecond
	leasePauses = 100 // at most: longer than a lease
	stillGood   = 30 * time.Second
)

// token is a credential that is good for a while.
func (k *keeper) token(ctx context.Context) (Credential, error) { return k.get(ctx, "") }

// renew is a credential other than one the service has refused.
func (k *keeper) renew(ctx context.Context, refused string) (Credential, error) {
	return k.get(ctx, refused)
}

// get returns a credential whose token is not the refused one. Whoever finds none
// gets one for all that wait, each no longer than its own context.
func (k *keeper) get(ctx context.Context, refused string) (Credential, error) {
	select {
	case k.turn <- struct{}{}:
	case <-ctx.Done():
		return Credential{}, ctx.Err()
	}
	defer func() { <-k.turn }()
	if k.good(&k.have.Credential, refused) {
		return k.have.Credential, nil
	}
	if k.store == nil {
		return Credential{}, k.signIn(ErrNoLogin.Error())
	}
	// That the one who asks leaves must not spoil it for the others, nor lose a token.
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshFor)
	defer cancel()
	return k.obtain(work, refused)
}

func (k *keeper) good(c *Credential, refused string) bool {
	return c.Access != "" && c.Access != refused && c.Refused == "" && (c.Kind == APIKey || k.now().Add(k.early).Before(c.Expires))
}

// usable is a token that is to be replaced and still good for this request.
func (k *keeper) usable(c *Credential, refused string) bool {
	return c.Access != "" && c.Access != refused && c.Refused == "" && k.now().Add(stillGood).Before(c.Expires)
}

// obtain looks into the store, and refreshes where nobody else has.
func (k *keeper) obtain(ctx context.Context, refused string) (Credential, error) {
	if err := k.settle(ctx); err != nil {
		return Credential{}, err
	}
	kept, done, err := k.look(ctx, refused)
	if done || err != nil {
		return kept.Credential, err
	}
	for range leasePauses {
		mine, err := k.store.Lease(ctx, k.account, k.holder, leaseFor)
		if err != nil {
			return Credential{}, fmt.Errorf("the store of logins: %w", err)
		}
		if mine {
			defer func() { _ = k.store.Free(context.WithoutCancel(ctx), k.account, k.holder) }() // it ends by itself too
			if kept, done, err = k.look(ctx, refused); done || err != nil {
				return kept.Credential, err
			}
			return k.replace(ctx, kept, refused)
		}
		if k.usable(&kept.Credential, refused) {
			return kept.Credential, nil // the other one is at it
		}
		if err := k.pause(ctx, leasePause); err != nil {
			return Credential{}, err
		}
		if kept, done, err = k.look(ctx, refused); done || err != nil {
			return kept.Credential, err
		}
	}
	return Credential{}, errors.New("another process holds the login and does not get on")
}

// look takes over what the store has; done tells that it will do.
func (k *keeper) look(ctx context.Context, refused string) (kept Kept, done bool, err error) {
	kept, err = k.store.Load(ctx, k.account)
	switch {
	case errors.Is(err, ErrNoLogin):
		return kept, false, k.signIn(err.Error())
	case err != nil:
		return kept, false, fmt.Errorf("the store of logins: %w", err)
	case kept.Refused != "":
		return kept, false, k.signIn(kept.Refused)
	}
	if k.good(&kept.Credential, refused) {
		k.have = kept
		return kept, true, nil
	}
	return kept, false, nil
}

// replace refreshes under the lease. The new token is written before anybody uses
// it: the old one is worth nothing from here on.
func (k *keeper) replace(ctx context.Context, kept Kept, refused string) (Credential, error) {
	next, err := k.refresh(ctx, kept.Credential)
	if dead, ok := errors.AsType[*deadError](err); ok {
		off := kept.Credential
		off.Refused = dead.why
		if _, err := k.store.Swap(ctx, k.account, kept.Version, off); errors.Is(err, ErrChanged) {
			if kept, done, err := k.look(ctx, refused); done || err != nil { // somebody has signed in meanwhile
				return kept.Credential, err
			}
		}
		return Credential{}, k.signIn(dead.why)
	}
	if err != nil {
		if k.usable(&kept.Credential, refused) {
			return kept.Credential, nil
		}
		return Credential{}, fmt.Errorf("no new token: %w", err)
	}
	k.unkept = &Kept{next, kept.Version}
	if err := k.settle(ctx); err != nil {
		return Credential{}, err
	}
	return k.have.Credential, nil
}

// settle writes a token that was got and not written.
func (k *keeper) settle(ctx context.Context) error {
	if k.unkept == nil {
		return nil
	}
	version, err := k.store.Swap(ctx, k.account, k.unkept.Version, k.unkept.Credential)
	switch {
	case errors.Is(err, ErrChanged): // a new login: it stands above a refreshed one
		k.unkept = nil
		kept, err := k.store.Load(ctx, k.account)
		if err != nil {
			return fmt.Errorf("the store of logins: %w", err)
		}
		k.have = kept
		return nil
	case err != nil:
		return fmt.Errorf("a new token could not be kept, and is not used before it is: %w", err)
	}
	k.have = Kept{k.unkept.Credential, version}
	k.unkept = nil
	return nil
}

// signIn is the error that asks for a login.
func (k *keeper) signIn(why string) error {
	return &llm.Error{
		Kind: llm.ErrUpstream, Status: http.StatusBadGateway, Upstream: true, UpstreamStatus: http.StatusUnauthorized, NoRetry: true,
		Message: fmt.Sprintf("provider %s: %s: the operator has to run: turnpike login kiro %s", k.account, why, k.account),
	}
}

// deadError is a refresh token that is worth nothing any more.
type deadError struct{ why string }

func (e *deadError) Error() string { return e.why }

// wait is the pause of real life.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
