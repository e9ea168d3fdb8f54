package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"time"

	"turnpike/internal/store"
)

// Errors that people are told. Those of a sign-in do not tell what was wrong.
var (
	ErrWrong    = errors.New("the login or the password is wrong")
	ErrCode     = errors.New("the code is wrong, or was used already")
	ErrNoAccess = errors.New("you are known, but nobody has given you access: ask for an invitation, or for a group that has a role here")
	ErrNoTOTP   = errors.New("the account has no second factor")
)

// Invalid is what is wrong with what somebody said of themself.
type Invalid struct{ Err error }

func (i *Invalid) Error() string { return i.Err.Error() }

func (i *Invalid) Unwrap() error { return i.Err }

// Sealer encrypts what is kept.
type Sealer interface {
	Seal(plaintext []byte, aad string) string
	Unseal(sealed, aad string) ([]byte, error)
}

// Options are what accounts stand on.
type Options struct {
	Store  *store.Store
	Sealer Sealer
	Now    func() time.Time
	Log    *slog.Logger
	// Access is how long an access token is good, Idle how long a session that is not
	// used, Absolute how long one that is.
	Access, Idle, Absolute time.Duration
	// Audit is told what people did and tried; nil tells nobody.
	Audit func(context.Context, Event)
	// Declared are the group mappings of the configuration; nil: it has none.
	Declared func() []store.GroupMapping
}

// Event is something that people did or tried.
type Event struct {
	// Action is what, such as sign_in; Outcome is ok or why not.
	Action, Outcome string
	// Actor is who, Target whom it was done to: ids, or names that were tried.
	Actor, Target string
	// Detail says more, for people.
	Detail string
	// Client is where it came from.
	Client Client
}

// OK is the outcome of what was done.
const OK = "ok"

// Client is where a request comes from.
type Client struct{ Address, Agent string }

type clientKey struct{}

// WithClient says where what is done in a context comes from.
func WithClient(ctx context.Context, c Client) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

func clientOf(ctx context.Context) Client {
	c, _ := ctx.Value(clientKey{}).(Client)
	return c
}

// Accounts are the people and machines that may sign in. It is safe for concurrent use.
type Accounts struct {
	Options
	hasher *hasher
	keys   *signing
}

// New makes accounts on a store.
func New(o Options) *Accounts {
	return &Accounts{Options: o, hasher: newHasher(), keys: &signing{store: o.Store, sealer: o.Sealer, now: o.Now, log: o.Log, access: max(o.Access, maxLifetime)}}
}

// Tell tells the audit log.
func (a *Accounts) Tell(ctx context.Context, e Event) {
	if a.Audit != nil {
		e.Client = clientOf(ctx)
		a.Audit(ctx, e)
	}
}

// told tells what came of something and passes the error on.
func (a *Accounts) told(ctx context.Context, e Event, err error) error {
	if e.Outcome = OK; err != nil {
		e.Outcome = err.Error()
	}
	a.Tell(ctx, e)
	return err
}

const (
	maxLogin = 100
	maxName  = 200
	maxMail  = 254
)

// Login puts a login in its plain form.
func Login(text string) string { return strings.ToLower(strings.TrimSpace(text)) }

// Check puts an account's values in their plain form and tells what is wrong with them.
func Check(a *store.Account) error {
	a.Login, a.Name, a.Email = Login(a.Login), strings.TrimSpace(a.Name), strings.TrimSpace(a.Email)
	if a.Name == "" {
		a.Name = a.Login
	}
	scopes := ReadScopes(a.Scopes)
	switch {
	case len(a.Login) > maxLogin || strings.ContainsFunc(a.Login, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return fmt.Errorf("login must have at most %d characters, and no blanks", maxLogin)
	case a.Name == "" || len(a.Name) > maxName:
		return fmt.Errorf("name must have at most %d characters", maxName)
	case a.Email != "" && !address(a.Email):
		return errors.New("email is no address")
	}
	return CheckRole(a.Role, &scopes)
}

func address(text string) bool {
	m, err := mail.ParseAddress(text)
	return err == nil && m.Address == text && len(text) <= maxMail
}

// SignIn compares a login and a password. Which of them is wrong is not told, nor sooner.
func (a *Accounts) SignIn(ctx context.Context, login, password string) (store.Account, error) {
	login = Login(login)
	account, err := a.Store.AccountOf(ctx, login)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Account{}, err
	}
	ok, err := a.hasher.fits(ctx, password, account.Password)
	if err == nil && (!ok || !account.DisabledAt.IsZero()) {
		err = ErrWrong
	}
	if err != nil {
		e := Event{Action: "sign_in", Actor: account.Login, Target: account.ID, Detail: "password"}
		if account.ID == "" { // what was typed is not told: it may be a password
			e.Detail = "password, of a login that is not known"
		}
		return store.Account{}, a.told(ctx, e, err)
	}
	return account, nil
}

// factor is the second factor of an account, as it is kept.
func (a *Accounts) factor(account *store.Account) (f secondFactor, err error) {
	if account.TOTP == "" {
		return f, ErrNoTOTP
	}
	text, err := a.Sealer.Unseal(account.TOTP, TOTPPlace(account.ID))
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		return f, fmt.Errorf("the second factor of %s: %w", account.ID, err)
	}
	return f, nil
}

// TOTPPlace is where an account's sealed second factor belongs.
func TOTPPlace(id string) string { return "accounts/" + id + "/totp" }

// NeedsCode tells whether an account has a second factor that is in force.
func (a *Accounts) NeedsCode(account *store.Account) (bool, error) {
	f, err := a.factor(account)
	if errors.Is(err, ErrNoTOTP) {
		return false, nil
	}
	return f.On, err
}

// Code takes a code of the second factor, once.
func (a *Accounts) Code(ctx context.Context, account *store.Account, code string) error {
	f, err := a.factor(account)
	if err != nil {
		return err
	}
	step, ok := totpFits(f.Secret, strings.ReplaceAll(code, " ", ""), account.TOTPStep, a.Now())
	if ok {
		ok, err = a.Store.UseStep(ctx, account.ID, step)
	}
	if err == nil && !ok {
		err = ErrCode
	}
	return err
}

// NewFactor gives an account a second factor that is in force once Confirm was shown a
// code of it.
func (a *Accounts) NewFactor(ctx context.Context, id string) (secret, link string, err error) {
	secret = newSecret()
	account, err := a.Store.UpdateAccount(ctx, id, a.Now(), func(row *store.Account) error {
		if on, err := a.NeedsCode(row); err != nil || on {
			return errors.Join(err, ErrHasFactor)
		}
		return a.keep(row, secondFactor{Secret: secret})
	})
	return secret, totpLink(secret, nameOf(&account)), err
}

// ErrHasFactor says that an account has a second factor.
var ErrHasFactor = errors.New("there is a second factor already: take it away first")

// nameOf is what an account signs in as.
func nameOf(account *store.Account) string {
	if account.Login != "" {
		return account.Login
	}
	return account.Name
}

func (a *Accounts) keep(row *store.Account, f secondFactor) error {
	text, err := json.Marshal(f) //nolint:gosec // it is sealed
	if err == nil {
		row.TOTP = a.Sealer.Seal(text, TOTPPlace(row.ID))
	}
	return err
}

// Confirm puts the second factor in force.
func (a *Accounts) Confirm(ctx context.Context, account *store.Account, code string) error {
	err := a.Code(ctx, account, code)
	if err == nil {
		_, err = a.Store.UpdateAccount(ctx, account.ID, a.Now(), func(row *store.Account) error {
			f, err := a.factor(row)
			if err != nil {
				return err
			}
			f.On = true
			return a.keep(row, f)
		})
	}
	return a.told(ctx, Event{Action: "second_factor_on", Actor: account.ID, Target: account.ID}, err)
}

// NoFactor takes the second factor away.
func (a *Accounts) NoFactor(ctx context.Context, by, id string) error {
	_, err := a.Store.UpdateAccount(ctx, id, a.Now(), func(row *store.Account) error { row.TOTP, row.TOTPStep = "", 0; return nil })
	return a.told(ctx, Event{Action: "second_factor_off", Actor: by, Target: id}, err)
}

// SetPassword changes the password of somebody who knows the old one, and signs all their
// other sessions out.
func (a *Accounts) SetPassword(ctx context.Context, account *store.Account, old, password string) error {
	ok, err := a.hasher.fits(ctx, old, account.Password)
	if err == nil && !ok {
		err = ErrWrong
	}
	if err == nil {
		err = CheckPassword(password, account.Login)
	}
	var hash string
	if err == nil {
		hash, err = a.hasher.make(ctx, password)
	}
	if err == nil {
		_, err = a.Store.UpdateAccount(ctx, account.ID, a.Now(), func(row *store.Account) error { row.Password = hash; return nil })
	}
	if err == nil {
		_, err = a.Store.EndSessions(ctx, account.ID, "", "new password", a.Now())
	}
	return a.told(ctx, Event{Action: "password", Actor: account.ID, Target: account.ID}, err)
}

// Create makes an account. With a login it has a password.
func (a *Accounts) Create(ctx context.Context, by string, row store.Account, password string, teams []string) (store.Account, error) {
	err := a.draft(ctx, &row, password)
	if err == nil {
		n := store.NewAccount{Account: row, User: a.user(&row, teams)}
		if row.UserID != "" {
			n.User = nil
		}
		err = a.Store.AddAccount(ctx, n)
	}
	if err == nil {
		row, err = a.Store.Account(ctx, row.ID)
	}
	return row, a.told(ctx, Event{Action: "account_made", Actor: by, Target: row.ID, Detail: row.Role + " " + nameOf(&row)}, err)
}

// Set changes an account. do has checked what it leaves.
func (a *Accounts) Set(ctx context.Context, by, id string, do func(*store.Account) error) (store.Account, error) {
	row, err := a.Store.UpdateAccount(ctx, id, a.Now(), do)
	return row, a.told(ctx, Event{Action: "account_changed", Actor: by, Target: id, Detail: row.Role}, err)
}

// Delete takes an account out.
func (a *Accounts) Delete(ctx context.Context, by, id string) error {
	return a.told(ctx, Event{Action: "account_deleted", Actor: by, Target: id}, a.Store.DeleteAccount(ctx, id, a.Now()))
}

// Unlink takes an identity from an account.
func (a *Accounts) Unlink(ctx context.Context, by, account, id string) error {
	return a.told(ctx, Event{Action: "identity_unlinked", Actor: by, Target: account, Detail: id}, a.Store.DropIdentity(ctx, account, id))
}

// draft completes a new account.
func (a *Accounts) draft(ctx context.Context, row *store.Account, password string) (err error) {
	if row.Scopes == "" {
		row.Scopes = "{}"
	}
	row.ID, row.CreatedAt = store.NewID("acc"), a.Now()
	if err := Check(row); err != nil {
		return &Invalid{err}
	}
	if password == "" {
		return nil
	}
	if row.Login == "" {
		return &Invalid{errLocal}
	}
	if err := CheckPassword(password, row.Login); err != nil {
		return &Invalid{err}
	}
	row.Password, err = a.hasher.make(ctx, password)
	return err
}

// user is the user whose keys an account's will be.
func (a *Accounts) user(row *store.Account, teams []string) *store.Scope {
	return &store.Scope{Kind: "user", ID: store.NewID("user"), Name: nameOf(row), Email: row.Email, Teams: teams, CreatedAt: row.CreatedAt}
}

// secretOf makes a secret of 32 random bytes, and its hash.
func secretOf(prefix string) (secret string, hash [32]byte) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	secret = prefix + base64.RawURLEncoding.EncodeToString(b[:])
	return secret, sha256.Sum256([]byte(secret))
}

// digest is the id under which a secret's flow is kept.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
