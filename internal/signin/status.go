package signin

import (
	"context"
	"errors"
	"time"
)

// Status is how an account's login is, without a secret.
type Status struct {
	Account  string
	HasLogin bool
	// Current tells that there is a token that is good now.
	Current bool
	// Renews tells that it can be replaced without its person.
	Renews  bool
	Kind    string
	Plan    string
	Profile string
	Expires time.Time
	Refused string
}

// StatusOf reads it from a store.
func StatusOf(ctx context.Context, s Store, account string, now time.Time) (Status, error) {
	k, err := s.Load(ctx, account)
	if errors.Is(err, ErrNoLogin) {
		return Status{Account: account}, nil
	}
	if err != nil {
		return Status{Account: account}, err
	}
	return Status{
		Account: account, HasLogin: true, Kind: k.Kind, Plan: k.Plan, Profile: k.Profile, Expires: k.Expires, Refused: k.Refused,
		Current: k.Refused == "" && k.Access != "" && (k.Kind == APIKey || now.Before(k.Expires)),
		Renews:  k.Refused == "" && k.Refresh != "",
	}, nil
}
