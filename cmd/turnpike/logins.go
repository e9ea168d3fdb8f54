package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/provider"
	"turnpike/internal/provider/copilot"
	"turnpike/internal/provider/kiro"
	"turnpike/internal/route"
	"turnpike/internal/signin"
	"turnpike/internal/store"
	"turnpike/internal/vault"
)

// unofficial is what is to be known of the kinds of account that are unofficial.
var unofficial = map[string]string{kiro.Kind: kiro.Notice, copilot.Kind: copilot.Notice}

// ownSettings reads a provider's file of settings; nil where it has none.
func ownSettings(p config.Provider) ([]byte, error) {
	if p.SettingsFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(p.SettingsFile)
	if err != nil {
		return nil, fmt.Errorf("provider %s: settings_file: %w", p.Name, err)
	}
	return text, nil
}

// kiroSettings are the built-in ones with the provider's file over them.
func kiroSettings(p config.Provider) (*kiro.Settings, error) {
	text, err := ownSettings(p)
	if err != nil {
		return nil, err
	}
	s, err := kiro.ReadSettings(text)
	if err != nil {
		return nil, fmt.Errorf("provider %s: settings_file: %w", p.Name, err)
	}
	return s, nil
}

// copilotSettings are the same for Copilot.
func copilotSettings(p config.Provider) (*copilot.Settings, error) {
	text, err := ownSettings(p)
	if err != nil {
		return nil, err
	}
	s, err := copilot.ReadSettings(text, p.Enterprise)
	if err != nil {
		return nil, fmt.Errorf("provider %s: settings_file: %w", p.Name, err)
	}
	return s, nil
}

func newKiro(p config.Provider, o provider.Options) (provider.Provider, error) {
	s, err := kiroSettings(p)
	if err != nil {
		return nil, err
	}
	return kiro.New(kiro.Options{Options: o, Settings: s, Profile: p.ProfileARN})
}

func newCopilot(p config.Provider, o provider.Options) (provider.Provider, error) {
	s, err := copilotSettings(p)
	if err != nil {
		return nil, err
	}
	c := choice(p)
	c.Only = nil // the account's list says by which APIs a model is served
	return copilot.New(copilot.Options{Options: o, Settings: s, Choice: c})
}

// signedInAccounts are those of a list that live by a person's login and are in use.
func signedInAccounts(list []*route.Account) (out []signin.Account) {
	for _, a := range list {
		if k, ok := a.Provider.(signin.Account); ok {
			out = append(out, k)
		}
	}
	return out
}

// sealedLogins keeps logins in the database, sealed for the account they belong to.
type sealedLogins struct {
	db   *store.Store
	safe *vault.Vault
}

var _ signin.Store = sealedLogins{}

// loginAAD binds a sealed login to its row.
func loginAAD(account string) string { return "logins:" + account }

func (s sealedLogins) Load(ctx context.Context, account string) (signin.Kept, error) {
	row, err := s.db.Login(ctx, account)
	if errors.Is(err, store.ErrNotFound) {
		return signin.Kept{}, signin.ErrNoLogin
	}
	if err != nil {
		return signin.Kept{}, err
	}
	text, err := s.safe.Unseal(row.Sealed, loginAAD(account))
	if err != nil {
		return signin.Kept{}, fmt.Errorf("the login of %s: %w", account, err)
	}
	k := signin.Kept{Version: row.Version}
	if err := json.Unmarshal(text, &k.Credential); err != nil {
		return k, fmt.Errorf("the login of %s cannot be read: sign in again", account)
	}
	return k, nil
}

func (s sealedLogins) Swap(ctx context.Context, account string, version int64, c signin.Credential) (int64, error) {
	text, err := json.Marshal(c) //nolint:gosec // it is sealed below
	if err != nil {
		return 0, err
	}
	now, err := s.db.SwapLogin(ctx, store.Login{Account: account, Version: version, Sealed: s.safe.Seal(text, loginAAD(account))})
	if errors.Is(err, store.ErrChanged) {
		return 0, signin.ErrChanged
	}
	return now, err
}

func (s sealedLogins) Lease(ctx context.Context, account, holder string, hold time.Duration) (bool, error) {
	return s.db.TakeLease(ctx, "login "+account, holder, hold)
}

func (s sealedLogins) Free(ctx context.Context, account, holder string) error {
	return s.db.DropLease(ctx, "login "+account, holder)
}

// Forget signs an account out, and tells whether there was a login.
func (s sealedLogins) Forget(ctx context.Context, account string) (bool, error) {
	return s.db.ForgetLogin(ctx, account)
}

// keepLogins gives the accounts that live by a person's login the store of them.
func keepLogins(list []*route.Account, s signin.Store) {
	for _, k := range signedInAccounts(list) {
		k.Keep(s)
	}
}

// openLogins opens the store of logins for a command, where the configuration has an
// account that needs it; nil where not.
func openLogins(ctx context.Context, cfg *config.Config) (*sealedLogins, func(), error) {
	db, err := openStore(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	safe, err := openVault(ctx, cfg, db)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return &sealedLogins{db, safe}, func() { _ = db.Close() }, nil
}

// withLogins gives the accounts of a command their logins, if there are such accounts.
func withLogins(ctx context.Context, cfg *config.Config, list []*route.Account) (done func(), err error) {
	if len(signedInAccounts(list)) == 0 {
		return func() {}, nil
	}
	logins, done, err := openLogins(ctx, cfg)
	if err != nil {
		return nil, err
	}
	keepLogins(list, *logins)
	return done, nil
}
