package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"turnpike/internal/operator"
	"turnpike/internal/provider/kiro"
	"turnpike/internal/route"
	"turnpike/internal/signin"
	"turnpike/internal/store"
	"turnpike/internal/vault"
)

// sealedDesk keeps logins under way in the database, sealed, so that they can be ended at
// another gateway.
type sealedDesk struct {
	db   *store.Store
	safe *vault.Vault
	now  func() time.Time
}

var _ signin.Desk = sealedDesk{}

// deskAAD binds a sealed login under way to its row.
func deskAAD(id string) string { return "begun_logins:" + id }

func (d sealedDesk) row(b *signin.Begun) (store.Signin, error) {
	text, err := json.Marshal(b)
	if err != nil {
		return store.Signin{}, err
	}
	return store.Signin{ID: b.ID, Version: b.Version, Ends: b.Expires, Sealed: d.safe.Seal(text, deskAAD(b.ID))}, nil
}

func (d sealedDesk) Open(ctx context.Context, b signin.Begun) error {
	row, err := d.row(&b)
	if err != nil {
		return err
	}
	err = d.db.OpenSignin(ctx, row, signin.MaxLogins, d.now())
	if errors.Is(err, store.ErrFull) {
		return signin.ErrTooMany
	}
	return err
}

func (d sealedDesk) Find(ctx context.Context, id string) (b signin.Begun, err error) {
	row, err := d.db.Signin(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return b, signin.ErrNoSuchLogin
	}
	if err != nil {
		return b, err
	}
	text, err := d.safe.Unseal(row.Sealed, deskAAD(id))
	if err != nil {
		return b, fmt.Errorf("a login under way: %w", err)
	}
	err = json.Unmarshal(text, &b)
	b.Version = row.Version
	return b, err
}

func (d sealedDesk) Put(ctx context.Context, b *signin.Begun) error {
	row, err := d.row(b)
	if err != nil {
		return err
	}
	err = d.db.SwapSignin(ctx, row)
	if errors.Is(err, store.ErrChanged) {
		return signin.ErrChanged
	}
	b.Version++
	return err
}

// newSignIns are the accounts that live by people's logins, as operators reach them.
func newSignIns(a *app, safe *vault.Vault) *operator.SignIns {
	return &operator.SignIns{
		Allowed:  a.cfg.Unofficial,
		Accounts: func() []signin.Account { return signedInAccounts(a.table.Accounts()) },
		Logins:   sealedLogins{a.store, safe}, Desk: sealedDesk{a.store, safe, time.Now},
		Import: func(ctx context.Context, account signin.Account, from, path string) (signin.Credential, string, error) {
			k, ok := account.(*kiro.Account)
			if !ok || !k.Settings().Imports.API {
				return signin.Credential{}, "", operator.ErrNoImport
			}
			return readLogin(ctx, k.Settings(), from, path)
		},
	}
}

// readLogin reads the login that another program keeps on this machine, and tells from
// where.
func readLogin(ctx context.Context, set *kiro.Settings, from, path string) (c signin.Credential, where string, err error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return c, "", err
	}
	where, err = set.Imports.AllowedPath(from == "ide", path, home, os.Getenv("LOCALAPPDATA"))
	if err != nil {
		return c, "", err
	}
	if from == "ide" {
		c, err = kiro.FromIDE(where)
		return c, where, err
	}
	values, err := store.ForeignLogin(ctx, where, kiro.CLIKeys())
	if err != nil {
		return c, "", err
	}
	c, err = kiro.FromCLI(values)
	return c, where, err
}

// loginsEvery keeps the promise that a login is in use everywhere within a second.
const loginsEvery = 500 * time.Millisecond

// watchLogins follows who signs in and out, here, at another gateway or by a command, until
// ctx ends. While the database is away everybody stays signed in.
func (a *app) watchLogins(ctx context.Context) {
	tick := time.NewTicker(loginsEvery)
	defer tick.Stop()
	for {
		a.heedLogins(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// heedLogins tells accounts of logins that are new to them. What was held against an account
// for the login before holds no longer.
func (a *app) heedLogins(ctx context.Context) {
	list := a.table.Accounts()
	if len(signedInAccounts(list)) == 0 {
		return
	}
	versions, err := a.store.LoginVersions(ctx)
	if err != nil {
		return
	}
	for _, account := range list {
		k, ok := account.Provider.(signin.Account)
		if !ok || !k.Heed(ctx, versions[k.Name()]) {
			continue
		}
		account.Breaker().Reset()
		a.watching.Go(func() { relist(ctx, account) })
		a.log.Info("a login is in use", "provider", k.Name(), "type", k.Kind(), "notice", k.Notice())
	}
}

// relist asks an account for its models at once: whoever looks after the lists may have been
// refused so often that it asks seldom by now, and asks again if this fails.
func relist(ctx context.Context, account *route.Account) {
	ctx, cancel := context.WithTimeout(ctx, cliTimeout)
	defer cancel()
	if models, err := account.Provider.Models(ctx); err == nil {
		account.SetListed(models)
	}
}
