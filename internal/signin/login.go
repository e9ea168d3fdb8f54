package signin

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// States of a login under way.
const (
	Pending   = "pending"
	Completed = "completed"
	Failed    = "error"
	Expired   = "expired"
)

// Login is a login under way as people see it: they open an address anywhere and enter
// a code there (RFC 8628), or paste the address at which their browser ends.
type Login struct {
	ID       string    `json:"id"`
	Account  string    `json:"provider"`
	Type     string    `json:"type" say:"kiro or copilot"`
	Status   string    `json:"status" enum:"pending,completed,error,expired"`
	Error    string    `json:"error,omitempty"`
	AuthURL  string    `json:"auth_url,omitempty" say:"to open, where the address at which the browser ends is to be pasted"`
	Port     int       `json:"port,omitempty" say:"of the address at which the browser ends; nobody listens there"`
	UserCode string    `json:"user_code,omitempty" say:"to enter at verification_uri"`
	URL      string    `json:"verification_uri,omitempty"`
	FullURL  string    `json:"verification_uri_complete,omitempty" say:"the same with the code in it"`
	Interval float64   `json:"interval,omitempty" say:"seconds between two polls"`
	Expires  time.Time `json:"expires_at"`
	Notice   string    `json:"notice"`
}

// Begun is a login under way with what only its issuer may see.
type Begun struct {
	Login

	Version int64     `json:"-"`
	Next    time.Time `json:"next"` // no poll before
	// Own is the account's own: verifiers, device codes.
	Own json.RawMessage `json:"own"`
}

// How says by which way a person wants to sign in.
type How struct {
	Method   string // device, google, github, portal; empty: the account's usual one
	StartURL string // of IAM Identity Center
	Region   string // of the same
	Port     int    // of the address at which the browser ends
}

// Desk keeps logins under way, bounded and no longer than they last: a person may begin
// at one replica and end at another.
type Desk interface {
	// Open keeps a new one; ErrTooMany where there are too many.
	Open(ctx context.Context, b Begun) error
	// Find returns one, ErrNoSuchLogin where there is none.
	Find(ctx context.Context, id string) (Begun, error)
	// Put writes one over the version it was made of; ErrChanged where that is not
	// there any more.
	Put(ctx context.Context, b *Begun) error
}

// Flow signs people in at one account.
type Flow interface {
	// Start begins a login.
	Start(ctx context.Context, how How) (Login, error)
	// Poll tells how one is. Its issuer is asked no more often than it wants.
	Poll(ctx context.Context, id string) (Login, error)
	// Paste goes on with the address a browser ended at. What comes back may hold
	// another one to open, or a code to enter.
	Paste(ctx context.Context, id, address string) (Login, error)
}

// Errors of logins under way.
var (
	// ErrNoSuchLogin is returned for ids nobody knows, or whose time is over.
	ErrNoSuchLogin = errors.New("there is no such login under way: begin again")
	// ErrTooMany says that one has to wait.
	ErrTooMany = errors.New("too many logins are under way: wait until some are over")
	// ErrNoPaste is returned where an address is of no use.
	ErrNoPaste = errors.New("this login wants no address")
	// ErrKeyed says that there is nothing to sign in for.
	ErrKeyed = errors.New("has an api_key, which stands for a login: take it out of the configuration to sign in")
	// ErrLate ends a login.
	ErrLate = errors.New("nobody signed in in time: begin again")
)

// PendingError says that the person has not granted it yet, or that the issuer could
// not be asked: it is asked again after Interval.
type PendingError struct {
	Interval time.Duration
	Why      string // for people; empty: they are waited for
}

func (e *PendingError) Error() string {
	if e.Why == "" {
		return "waiting for the browser"
	}
	return e.Why
}

// IssuerError is what went wrong at the issuer, not with what was asked for.
type IssuerError struct{ Err error }

func (e *IssuerError) Error() string { return e.Err.Error() }

// Unwrap is the error itself.
func (e *IssuerError) Unwrap() error { return e.Err }

// Book goes through logins step by step, whoever the issuer is.
type Book struct {
	Account string
	Desk    Desk
	Store   Store
	Now     func() time.Time
	Type    string
	Notice  string
}

// askFor bounds a poll. It goes on when the person who polls has left: what an issuer
// grants it grants once.
const askFor = 30 * time.Second

// Begin opens a login.
func (b *Book) Begin(ctx context.Context, in Begun) (Login, error) {
	in.ID, in.Account, in.Type, in.Status, in.Notice = rand.Text(), b.Account, b.Type, Pending, b.Notice
	if err := b.Desk.Open(ctx, in); err != nil {
		return Login{}, err
	}
	return in.Login, nil
}

func (b *Book) find(ctx context.Context, id string) (Begun, error) {
	in, err := b.Desk.Find(ctx, id)
	if err == nil && in.Account != b.Account {
		err = ErrNoSuchLogin
	}
	return in, err
}

// Poll looks at a login. ask asks the issuer once; it is not called before the time, nor
// by two at once, and returns a *PendingError while there is nothing.
func (b *Book) Poll(ctx context.Context, id string, ask func(context.Context, *Begun) (Credential, error)) (Login, error) {
	in, err := b.find(ctx, id)
	if err != nil {
		return Login{}, err
	}
	now := b.Now()
	switch {
	case in.Status != Pending:
		return in.Login, nil
	case !now.Before(in.Expires):
		in.end(Expired, ErrLate.Error())
		return b.put(ctx, &in)
	case in.UserCode == "" || now.Before(in.Next):
		return in.Login, nil
	}
	in.Next = now.Add(time.Duration(in.Interval * float64(time.Second)))
	if err := b.Desk.Put(ctx, &in); errors.Is(err, ErrChanged) {
		return b.reread(ctx, id) // another one asks
	} else if err != nil {
		return Login{}, err
	}
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), askFor)
	defer cancel()
	c, err := ask(work, &in)
	if wait, ok := errors.AsType[*PendingError](err); ok {
		in.Error, in.Interval, in.Next = wait.Why, wait.Interval.Seconds(), now.Add(wait.Interval)
		return b.put(work, &in)
	}
	b.settle(work, &in, c, err)
	return b.put(work, &in)
}

// Paste goes on with an address. follow returns a credential, or none where it has
// changed what is to be done next; after an error another address may be the right one.
func (b *Book) Paste(ctx context.Context, id string, follow func(context.Context, *Begun) (*Credential, error)) (Login, error) {
	in, err := b.find(ctx, id)
	if err != nil {
		return Login{}, err
	}
	switch {
	case in.Status != Pending:
		return in.Login, nil
	case in.AuthURL == "":
		return in.Login, ErrNoPaste
	case !b.Now().Before(in.Expires):
		in.end(Expired, ErrLate.Error())
		return b.put(ctx, &in)
	}
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), askFor)
	defer cancel()
	c, err := follow(work, &in)
	if err != nil {
		return in.Login, err
	}
	if c != nil {
		b.settle(work, &in, *c, nil)
	}
	return b.put(work, &in)
}

// settle keeps what was got.
func (b *Book) settle(ctx context.Context, in *Begun, c Credential, err error) {
	if err == nil {
		if err = Keep(ctx, b.Store, in.Account, c); err != nil {
			err = fmt.Errorf("the login could not be kept: %w", err)
		}
	}
	switch {
	case errors.Is(err, ErrLate):
		in.end(Expired, err.Error())
	case err != nil:
		in.end(Failed, err.Error())
	default:
		in.end(Completed, "")
	}
}

// end leaves nothing secret of a login.
func (in *Begun) end(status, why string) {
	in.Status, in.Error, in.Own, in.AuthURL = status, why, nil, ""
}

func (b *Book) put(ctx context.Context, in *Begun) (Login, error) {
	err := b.Desk.Put(ctx, in)
	if errors.Is(err, ErrChanged) {
		return b.reread(ctx, in.ID)
	}
	return in.Login, err
}

func (b *Book) reread(ctx context.Context, id string) (Login, error) {
	in, err := b.Desk.Find(ctx, id)
	return in.Login, err
}
