package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"turnpike/internal/store"
)

// grace is how long a refresh token that was used gives what it gave: tabs that woke up
// together, and answers that were lost.
const grace = 10 * time.Second

const refreshPrefix = "tpr_"

// Errors of Refresh.
var (
	ErrSession = errors.New("the session is over: sign in again")
	ErrStolen  = errors.New("this session was used from two places and is over: sign in again")
)

// Tokens are what a browser is given.
type Tokens struct {
	// Access is the access token, good for Lifetime.
	Access   string
	Lifetime time.Duration
	// Refresh is the refresh token, good until Until.
	Refresh string
	Until   time.Time
	Account store.Account
	Session store.AccountSession
}

// Open begins a session of somebody who has signed in. idToken is what the identity
// provider said, empty for other ways.
func (a *Accounts) Open(ctx context.Context, account *store.Account, via, idToken string) (Tokens, error) {
	client, now := clientOf(ctx), a.Now()
	refresh, hash := secretOf(refreshPrefix)
	n := store.AccountSession{
		ID: store.NewID("ses"), AccountID: account.ID, Via: via, Address: client.Address, Agent: short(client.Agent),
		CreatedAt: now, UsedAt: now, ExpiresAt: now.Add(a.Absolute),
	}
	if idToken != "" {
		n.IDToken = a.Sealer.Seal([]byte(idToken), IDTokenPlace(n.ID))
	}
	err := a.Store.AddSession(ctx, n, hash)
	if err == nil {
		err = a.Store.SeeAccount(ctx, account.ID, now)
	}
	var out Tokens
	if err == nil {
		out, err = a.tokens(ctx, account, &n, refresh)
	}
	return out, a.told(ctx, Event{Action: "sign_in", Actor: account.ID, Target: account.ID, Detail: via}, err)
}

// IDTokenPlace is where a session's sealed token of its identity provider belongs.
func IDTokenPlace(session string) string { return "account_sessions/" + session }

// maxAgent bounds what is kept of a browser's name.
const maxAgent = 256

func short(text string) string {
	if len(text) > maxAgent {
		text = text[:maxAgent]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\x00", "")
}

func (a *Accounts) tokens(ctx context.Context, account *store.Account, n *store.AccountSession, refresh string) (Tokens, error) {
	access, err := a.keys.sign(ctx, account.ID, n.ID, a.Access)
	until := n.UsedAt.Add(a.Idle)
	if n.ExpiresAt.Before(until) {
		until = n.ExpiresAt
	}
	return Tokens{Access: access, Lifetime: a.Access, Refresh: refresh, Until: until, Account: *account, Session: *n}, err
}

// Refresh changes a refresh token for the next one and an access token.
func (a *Accounts) Refresh(ctx context.Context, shown string) (Tokens, error) {
	if !strings.HasPrefix(shown, refreshPrefix) || len(shown) > maxToken {
		return Tokens{}, ErrSession
	}
	hash := sha256.Sum256([]byte(shown))
	next, nextHash := secretOf(refreshPrefix)
	r, err := a.Store.Rotate(ctx, hash, nextHash, a.Sealer.Seal([]byte(next), childPlace), a.Now(), a.Idle, grace)
	if err != nil {
		return Tokens{}, err
	}
	switch r.Outcome {
	case store.Rotated:
	case store.Shared:
		if next, err = a.child(r.Child); err != nil {
			return Tokens{}, err
		}
	case store.Stolen:
		return Tokens{}, a.told(ctx, Event{Action: "refresh", Actor: r.Session.AccountID, Target: r.Session.ID, Detail: "the family of tokens is revoked"}, ErrStolen)
	default:
		return Tokens{}, ErrSession
	}
	account, err := a.Store.Account(ctx, r.Session.AccountID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !account.DisabledAt.IsZero() {
		return Tokens{}, ErrSession
	}
	if err != nil {
		return Tokens{}, err
	}
	return a.tokens(ctx, &account, &r.Session, next)
}

// childPlace is where a sealed token belongs. All of a family have one place, for it is
// not known of which parent the newest is.
const childPlace = "refresh_tokens/child"

func (a *Accounts) child(sealed string) (string, error) {
	text, err := a.Sealer.Unseal(sealed, childPlace)
	if err != nil {
		return "", fmt.Errorf("the refresh token of another tab: %w", err)
	}
	return string(text), nil
}

// SignOut ends the session of a refresh token. It returns the session, and what the
// identity provider said of its person.
func (a *Accounts) SignOut(ctx context.Context, shown string) (n store.AccountSession, idToken string, err error) {
	n, err = a.Store.SessionOf(ctx, sha256.Sum256([]byte(shown)))
	if err != nil {
		return n, "", err
	}
	return a.end(ctx, n)
}

// SignOutSession ends the session with an id.
func (a *Accounts) SignOutSession(ctx context.Context, id string) (n store.AccountSession, idToken string, err error) {
	if n, err = a.Store.AccountSession(ctx, id); err != nil {
		return n, "", err
	}
	return a.end(ctx, n)
}

func (a *Accounts) end(ctx context.Context, n store.AccountSession) (store.AccountSession, string, error) {
	_, err := a.Store.EndSessions(ctx, n.AccountID, n.ID, "signed out", a.Now())
	err = a.told(ctx, Event{Action: "sign_out", Actor: n.AccountID, Target: n.ID}, err)
	if err != nil || n.IDToken == "" {
		return n, "", err
	}
	text, err := a.Sealer.Unseal(n.IDToken, IDTokenPlace(n.ID))
	if err != nil {
		return n, "", nil //nolint:nilerr // sealed with a key that is gone: it was a hint only
	}
	return n, string(text), nil
}

// SignOutAll ends all sessions of an account.
func (a *Accounts) SignOutAll(ctx context.Context, by, account string) (int, error) {
	n, err := a.Store.EndSessions(ctx, account, "", "signed out everywhere", a.Now())
	return n, a.told(ctx, Event{Action: "sign_out_everywhere", Actor: by, Target: account, Detail: fmt.Sprint(n, " sessions")}, err)
}

// Who is who shows an access token.
type Who struct {
	// ID is the account's or the service's, Name what it is called.
	ID, Name string
	Role     string
	Scopes   Scopes
	// UserID is the user whose keys are theirs, SessionID the session they came by; empty
	// for services.
	UserID, SessionID string
	// Service says that it is a machine.
	Service bool
}

// Check tells who shows an access token. Account, session and service are asked each time:
// what was taken from somebody, they do not have a moment longer.
func (a *Accounts) Check(ctx context.Context, access string) (Who, error) {
	c, err := a.keys.read(ctx, access)
	if err != nil {
		return Who{}, err
	}
	if strings.HasPrefix(c.Subject, servicePrefix) {
		return a.service(ctx, c.Subject)
	}
	n, err := a.Store.AccountSession(ctx, c.Session)
	if errors.Is(err, store.ErrNotFound) || err == nil && (n.AccountID != c.Subject || !n.RevokedAt.IsZero() || !a.Now().Before(n.ExpiresAt)) {
		return Who{}, ErrToken
	}
	if err != nil {
		return Who{}, err
	}
	account, err := a.Store.Account(ctx, c.Subject)
	if errors.Is(err, store.ErrNotFound) || err == nil && !account.DisabledAt.IsZero() {
		return Who{}, ErrToken
	}
	if err != nil {
		return Who{}, err
	}
	return Who{ID: account.ID, Name: nameOf(&account), Role: account.Role, Scopes: ReadScopes(account.Scopes), UserID: account.UserID, SessionID: n.ID}, nil
}

func (a *Accounts) service(ctx context.Context, id string) (Who, error) {
	v, err := a.Store.Service(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !v.DisabledAt.IsZero() {
		return Who{}, ErrToken
	}
	if err != nil {
		return Who{}, err
	}
	return Who{ID: v.ID, Name: v.Name, Role: v.Role, Scopes: ReadScopes(v.Scopes), Service: true}, nil
}
