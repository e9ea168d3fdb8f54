package main

import (
	"context"
	"fmt"

	"turnpike/internal/operator"
	"turnpike/internal/signin"
)

// logoutCommand deletes the login of an account.
func logoutCommand(args []string) error {
	s := newSettings("logout")
	cfg, err := s.load(args, 1)
	if err != nil {
		return err
	}
	list, err := accounts(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	in := operator.SignIns{Allowed: cfg.Unofficial, Accounts: func() []signin.Account { return signedInAccounts(list) }}
	a, err := in.Account("", s.word())
	if err != nil {
		return err
	}
	logins, done, err := openLogins(ctx, cfg)
	if err != nil {
		return err
	}
	defer done()
	there, err := logins.Forget(ctx, a.Name())
	if err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("provider %s: %w", a.Name(), signin.ErrNoLogin)
	}
	fmt.Printf("Signed out of %s. Running gateways stop using the login within a second; end it at the service too.\n", a.Name())
	return nil
}
