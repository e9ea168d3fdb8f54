package operator

import (
	"context"
	"errors"
	"fmt"

	"turnpike/internal/signin"
)

// Errors of accounts that live by people's logins.
var (
	// ErrUnofficial says that there are none, and how they are switched on.
	ErrUnofficial = errors.New("unofficial upstreams are off (for personal testing and research; they may stop at any time, and their use may breach the service's terms): " +
		"unofficial: true in the configuration allows them")
	// ErrNoSuchAccount says that none of that name or type is in use.
	ErrNoSuchAccount = errors.New("there is no such account in use")
	// ErrWhich says that several are meant.
	ErrWhich = errors.New("there are several: say which")
	// ErrNoImport says that logins are imported on the command line only.
	ErrNoImport = errors.New("logins are imported on the command line of the machine they are on: turnpike login kiro --import cli (imports.api in the provider's settings_file allows the API to)")
)

// Logins is a signin.Store whose logins can be forgotten.
type Logins interface {
	signin.Store
	// Forget deletes an account's login, and tells whether there was one.
	Forget(ctx context.Context, account string) (bool, error)
}

// SignIns is what operators do with the accounts that live by people's logins.
type SignIns struct {
	// Allowed is whether the configuration allows them.
	Allowed bool
	// Accounts are those in use.
	Accounts func() []signin.Account
	Logins   Logins
	Desk     signin.Desk
	// Import reads a login that another program keeps, and tells from where. It returns
	// ErrNoImport where that may not be asked for.
	Import func(ctx context.Context, a signin.Account, from, path string) (signin.Credential, string, error)
}

// Account is the named one of a type, or the only one. An empty type is any.
func (s *SignIns) Account(kind, name string) (found signin.Account, err error) {
	if s == nil || !s.Allowed {
		return nil, ErrUnofficial
	}
	for _, a := range s.Accounts() {
		switch {
		case kind != "" && a.Kind() != kind, name != "" && a.Name() != name:
		case found != nil:
			return nil, fmt.Errorf("%w: %s or %s", ErrWhich, found.Name(), a.Name())
		default:
			found = a
		}
	}
	switch {
	case found != nil:
		return found, nil
	case name != "" && kind != "":
		return nil, fmt.Errorf("%w: %s of type %s", ErrNoSuchAccount, name, kind)
	case name != "":
		return nil, fmt.Errorf("%w: %s of type kiro or copilot", ErrNoSuchAccount, name)
	}
	return nil, fmt.Errorf("%w: add { name: %[2]s, type: %[2]s } to providers", ErrNoSuchAccount, kind)
}

// Flow signs people in at an account.
func (s *SignIns) Flow(a signin.Account) signin.Flow { return a.Flow(s.Logins, s.Desk) }

// Begun is the flow that goes on with a login under way, of accounts of a type; an empty
// one is any.
func (s *SignIns) Begun(ctx context.Context, kind, id string) (signin.Flow, error) {
	if s == nil || !s.Allowed {
		return nil, ErrUnofficial
	}
	in, err := s.Desk.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	a, err := s.Account(kind, in.Account)
	if err != nil {
		return nil, signin.ErrNoSuchLogin // its account is gone, or it is asked for at another door
	}
	return s.Flow(a), nil
}

// TakeOver imports a login for an account, and tells where it was.
func (s *SignIns) TakeOver(ctx context.Context, a signin.Account, from, path string) (where string, err error) {
	st, err := a.Status(ctx)
	if err != nil {
		return "", err
	}
	if st.Kind == signin.APIKey {
		return "", fmt.Errorf("provider %s %w", a.Name(), signin.ErrKeyed)
	}
	c, where, err := s.Import(ctx, a, from, path)
	if err != nil {
		return "", err
	}
	return where, signin.Keep(ctx, s.Logins, a.Name(), c)
}
