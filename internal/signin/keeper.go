package signin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"turnpike/internal/llm"
)

// Options are what a Keeper is made of.
type Options struct {
	Account string
	Kind    string // of the account, as the command that signs in calls it
	Early   time.Duration
	Refresh func(context.Context, Credential) (Credential, error)
	Now     func() time.Time
	// Pause waits while another replica refreshes; nil is the pause of real life.
	Pause func(context.Context, time.Duration) error
}

// Keeper has the account's token for whoever sends. It is read from memory; what is
// in the store is looked at only when a new one is needed.
type Keeper struct {
	Options
	holder string // this process, to others
	store  Store
	keyed  bool // it has a key, which is never replaced

	turn   chan struct{} // held by who reads or changes the rest
	have   Kept
	unkept *Kept // refreshed, and not written yet: never used before it is
}

// NewKeeper makes it. It has nothing until it has a store, or a credential.
func NewKeeper(o Options) *Keeper {
	if o.Pause == nil {
		o.Pause = wait
	}
	return &Keeper{Options: o, holder: rand.Text(), turn: make(chan struct{}, 1)}
}

// Use gives it a store. It is called before the first token is asked for.
func (k *Keeper) Use(s Store) { k.store = s }

// Have gives it a credential that needs no store. It is called before the first token
// is asked for.
func (k *Keeper) Have(c Credential) { k.have.Credential, k.keyed = c, c.Kind == APIKey }

const (
	leaseFor    = 45 * time.Second
	refreshFor  = 30 * time.Second // less than the lease
	leasePause  = 200 * time.Millisecond
	leasePauses = 100 // at most: longer than a lease
	stillGood   = 30 * time.Second
	tryAgain    = 15 * time.Second // less than that: a token that could not be replaced is used as long
)

// Token is a credential that is good for a while.
func (k *Keeper) Token(ctx context.Context) (Credential, error) { return k.get(ctx, "") }

// Renew is a credential other than one the service has refused.
func (k *Keeper) Renew(ctx context.Context, refused string) (Credential, error) {
	return k.get(ctx, refused)
}

// Status is how the login is.
func (k *Keeper) Status(ctx context.Context) (Status, error) {
	if k.store == nil {
		return Status{Account: k.Account}, nil
	}
	return StatusOf(ctx, k.store, k.Account, k.Now())
}

// Replace gets another token now, however good the one is that it has.
func (k *Keeper) Replace(ctx context.Context) error {
	if k.store == nil || k.keyed {
		return errors.New("an API key is not refreshed")
	}
	kept, err := k.store.Load(ctx, k.Account)
	switch {
	case errors.Is(err, ErrNoLogin):
		return k.signIn(err.Error())
	case err != nil:
		return fmt.Errorf("the store of logins: %w", err)
	}
	_, err = k.Renew(ctx, kept.Access)
	return err
}

// Heed takes over what the store has where that is another version than the one it has:
// 0 is none. It tells whether somebody has signed in since. While a request refreshes
// nothing is done: that request looks itself, and the next call does.
func (k *Keeper) Heed(ctx context.Context, version int64) (another bool) {
	select {
	case k.turn <- struct{}{}:
	default:
		return false
	}
	defer func() { <-k.turn }()
	if k.store == nil || k.unkept != nil || k.have.Version == version || k.keyed {
		return false
	}
	kept, err := k.store.Load(ctx, k.Account)
	switch {
	case errors.Is(err, ErrNoLogin): // somebody has signed out
		k.have = Kept{}
		return false
	case err != nil:
		return false // what it has is as good as before
	}
	another = kept.Refused == "" && (kept.ID != k.have.ID || k.have.Refused != "")
	k.have = kept
	return another
}

// get returns a credential whose token is not the refused one. Whoever finds none
// gets one for all that wait, each no longer than its own context.
func (k *Keeper) get(ctx context.Context, refused string) (Credential, error) {
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

func (k *Keeper) good(c *Credential, refused string) bool {
	if c.Access == "" || c.Access == refused || c.Refused != "" {
		return false
	}
	switch now := k.Now(); {
	case c.Kind == APIKey:
		return true
	case !c.Renew.IsZero():
		return now.Before(c.Renew)
	default:
		return now.Add(k.Early).Before(c.Expires)
	}
}

// usable is a token that is to be replaced and still good for this request.
func (k *Keeper) usable(c *Credential, refused string) bool {
	return c.Access != "" && c.Access != refused && c.Refused == "" && k.Now().Add(stillGood).Before(c.Expires)
}

// obtain looks into the store, and refreshes where nobody else has.
func (k *Keeper) obtain(ctx context.Context, refused string) (Credential, error) {
	if err := k.settle(ctx); err != nil {
		return Credential{}, err
	}
	kept, done, err := k.look(ctx, refused)
	if done || err != nil {
		return kept.Credential, err
	}
	for range leasePauses {
		mine, err := k.store.Lease(ctx, k.Account, k.holder, leaseFor)
		if err != nil {
			return Credential{}, fmt.Errorf("the store of logins: %w", err)
		}
		if mine {
			defer func() { _ = k.store.Free(context.WithoutCancel(ctx), k.Account, k.holder) }() // it ends by itself too
			if kept, done, err = k.look(ctx, refused); done || err != nil {
				return kept.Credential, err
			}
			return k.replace(ctx, kept, refused)
		}
		if k.usable(&kept.Credential, refused) {
			return kept.Credential, nil // the other one is at it
		}
		if err := k.Pause(ctx, leasePause); err != nil {
			return Credential{}, err
		}
		if kept, done, err = k.look(ctx, refused); done || err != nil {
			return kept.Credential, err
		}
	}
	return Credential{}, errors.New("another process holds the login and does not get on")
}

// look takes over what the store has; done tells that it will do.
func (k *Keeper) look(ctx context.Context, refused string) (kept Kept, done bool, err error) {
	kept, err = k.store.Load(ctx, k.Account)
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
func (k *Keeper) replace(ctx context.Context, kept Kept, refused string) (Credential, error) {
	next, err := k.Refresh(ctx, kept.Credential)
	if dead, ok := errors.AsType[*DeadError](err); ok {
		off := kept.Credential
		off.Refused = dead.Why
		if _, err := k.store.Swap(ctx, k.Account, kept.Version, off); errors.Is(err, ErrChanged) {
			if kept, done, err := k.look(ctx, refused); done || err != nil { // somebody has signed in meanwhile
				return kept.Credential, err
			}
		}
		return Credential{}, k.signIn(dead.Why)
	}
	if err != nil {
		if k.usable(&kept.Credential, refused) {
			kept.Renew = k.Now().Add(tryAgain)
			k.have = kept
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
func (k *Keeper) settle(ctx context.Context) error {
	if k.unkept == nil {
		return nil
	}
	version, err := k.store.Swap(ctx, k.Account, k.unkept.Version, k.unkept.Credential)
	switch {
	case errors.Is(err, ErrChanged): // a new login: it stands above a refreshed one
		k.unkept = nil
		kept, err := k.store.Load(ctx, k.Account)
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
func (k *Keeper) signIn(why string) error {
	return &llm.Error{
		Kind: llm.ErrUpstream, Status: http.StatusBadGateway, Upstream: true, UpstreamStatus: http.StatusUnauthorized, NoRetry: true,
		Message: fmt.Sprintf("provider %s: %s: the operator has to run: turnpike login %s %s", k.Account, why, k.Kind, k.Account),
	}
}

// DeadError says that a login is worth nothing any more.
type DeadError struct{ Why string }

func (e *DeadError) Error() string { return e.Why }

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
