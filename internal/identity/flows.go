package identity

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"turnpike/internal/store"
)

const (
	// secondFor is how long somebody may look for their second factor, maxCodes how many
	// codes they may try meanwhile.
	secondFor = 5 * time.Minute
	maxCodes  = 5
	flowTOTP  = "totp"
)

// BeginSecond remembers that somebody's password was right and returns what they show
// with the code.
func (a *Accounts) BeginSecond(ctx context.Context, account *store.Account) (challenge string, err error) {
	return a.Remember(ctx, flowTOTP, account.ID, secondFor)
}

// FinishSecond takes the code that belongs to a challenge.
func (a *Accounts) FinishSecond(ctx context.Context, challenge, code string) (store.Account, error) {
	sealed, err := a.Store.TryFlow(ctx, digest(challenge), flowTOTP, maxCodes, a.Now())
	if errors.Is(err, store.ErrNotFound) {
		return store.Account{}, ErrCode
	}
	var id string
	if err == nil {
		err = a.open(sealed, challenge, &id)
	}
	var account store.Account
	if err == nil {
		account, err = a.Store.Account(ctx, id)
	}
	if err == nil && !account.DisabledAt.IsZero() {
		err = ErrWrong
	}
	if err == nil {
		err = a.Code(ctx, &account, code)
	}
	if err != nil {
		return account, a.told(ctx, Event{Action: "sign_in", Actor: id, Target: id, Detail: "second factor"}, err)
	}
	_, err = a.Store.TakeFlow(ctx, digest(challenge), flowTOTP, a.Now())
	return account, err
}

// Remember keeps something between two steps of signing in, sealed, and returns the secret
// it is found again by.
func (a *Accounts) Remember(ctx context.Context, kind string, what any, lasts time.Duration) (secret string, err error) {
	text, err := json.Marshal(what)
	if err != nil {
		return "", err
	}
	secret, _ = secretOf("")
	now := a.Now()
	return secret, a.Store.AddFlow(ctx, digest(secret), kind, a.Sealer.Seal(text, FlowPlace(digest(secret))), now, now.Add(lasts))
}

// Recall takes out what was remembered, once; store.ErrNotFound where there is nothing.
func (a *Accounts) Recall(ctx context.Context, kind, secret string, into any) error {
	sealed, err := a.Store.TakeFlow(ctx, digest(secret), kind, a.Now())
	if err != nil {
		return err
	}
	return a.open(sealed, secret, into)
}

func (a *Accounts) open(sealed, secret string, into any) error {
	text, err := a.Sealer.Unseal(sealed, FlowPlace(digest(secret)))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// FlowPlace is where what is remembered between two steps belongs, by the id of its row.
func FlowPlace(id string) string { return "sign_flows/" + id }
