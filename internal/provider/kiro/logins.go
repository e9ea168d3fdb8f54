package kiro

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"turnpike/internal/provider"
	"turnpike/internal/signin"
)

// Logins are those under way at one account, for the command line and the admin API
// alike.
type Logins struct {
	issuer  *issuer
	book    signin.Book
	account string
	keyed   bool
}

var _ signin.Flow = (*Logins)(nil)

// under is what only the account knows of a login: it waits for an address, or for a
// device's code to be entered.
type under struct {
	Portal *portal `json:"portal,omitempty"`
	Device *device `json:"device,omitempty"`
}

// portalFor is how long an address may take.
const portalFor = 15 * time.Minute

// NewLogins makes it. A nil transport is one of its own.
func NewLogins(account string, s *Settings, store signin.Store, desk signin.Desk, rt http.RoundTripper, now func() time.Time) *Logins {
	if rt == nil {
		rt = provider.NewTransport(provider.Timeouts{Connect: 10 * time.Second, TLS: 10 * time.Second, FirstByte: 30 * time.Second})
	}
	return newLogins(account, &issuer{rt: rt, set: s, now: now}, store, desk)
}

func newLogins(account string, i *issuer, store signin.Store, desk signin.Desk) *Logins {
	return &Logins{issuer: i, account: account, book: signin.Book{Account: account, Desk: desk, Store: store, Now: i.now, Type: Kind, Notice: Notice}}
}

// Flow signs people in at the account.
func (a *Account) Flow(s signin.Store, d signin.Desk) signin.Flow {
	l := newLogins(a.opt.Name, a.issuer, s, d)
	l.keyed = a.opt.APIKey != ""
	return l
}

// Start begins a login by the device flow, unless it is said otherwise.
func (l *Logins) Start(ctx context.Context, how signin.How) (signin.Login, error) {
	if l.keyed {
		return signin.Login{}, fmt.Errorf("provider %s %w", l.account, signin.ErrKeyed)
	}
	switch how.Method {
	case "", "device":
		return l.startDevice(ctx, how)
	case "portal":
		return l.startPortal(ctx, "", how.Port)
	}
	return l.startPortal(ctx, how.Method, how.Port)
}

// startDevice: without a start URL it is a Builder ID's.
func (l *Logins) startDevice(ctx context.Context, how signin.How) (signin.Login, error) {
	var in signin.Begun
	if err := l.byDevice(ctx, &in, how.StartURL, how.Region); err != nil {
		return signin.Login{}, err
	}
	return l.book.Begin(ctx, in)
}

// byDevice asks for a code and shows it.
func (l *Logins) byDevice(ctx context.Context, in *signin.Begun, start, region string) error {
	d, shown, err := l.issuer.startDevice(ctx, start, region)
	if err != nil {
		return err
	}
	in.UserCode, in.URL, in.FullURL, in.Expires, in.Interval = shown.UserCode, shown.URL, shown.FullURL, shown.Expires, shown.Interval
	in.AuthURL, in.Port, in.Next = "", 0, l.issuer.now().Add(time.Duration(shown.Interval*float64(time.Second)))
	in.Own, err = json.Marshal(under{Device: d}) //nolint:gosec // the desk seals it
	return err
}

// startPortal begins a login by the service's page: with google, github, or a company's
// own identity provider.
func (l *Logins) startPortal(ctx context.Context, method string, port int) (signin.Login, error) {
	p, address, err := l.issuer.startPortal(method, port)
	if err != nil {
		return signin.Login{}, err
	}
	own, err := json.Marshal(under{Portal: p})
	if err != nil {
		return signin.Login{}, err
	}
	return l.book.Begin(ctx, signin.Begun{
		Own: own, Login: signin.Login{AuthURL: address, Port: p.port(), Expires: l.issuer.now().Add(portalFor)},
	})
}

// Poll tells how a login is.
func (l *Logins) Poll(ctx context.Context, id string) (signin.Login, error) {
	return l.book.Poll(ctx, id, func(ctx context.Context, in *signin.Begun) (Credential, error) {
		own := read(in)
		if own.Device == nil {
			return Credential{}, errForeign
		}
		return l.issuer.pollDevice(ctx, own.Device, time.Duration(in.Interval*float64(time.Second)))
	})
}

// errForeign is a login that another version of the gateway began.
var errForeign = errors.New("this login cannot be gone on with: begin again")

func read(in *signin.Begun) (own under) {
	_ = json.Unmarshal(in.Own, &own) // what cannot be read is nothing
	return own
}

// Paste goes on with the address a browser ended at.
func (l *Logins) Paste(ctx context.Context, id, address string) (signin.Login, error) {
	return l.book.Paste(ctx, id, func(ctx context.Context, in *signin.Begun) (*Credential, error) {
		own := read(in)
		if own.Portal == nil {
			return nil, errForeign
		}
		s, err := l.issuer.finishPortal(ctx, own.Portal, address)
		switch {
		case err != nil:
			return nil, err
		case s.open != "":
			in.AuthURL = s.open
			in.Own, err = json.Marshal(own)
			return nil, err
		case s.device:
			return nil, l.byDevice(ctx, in, s.start, s.region)
		}
		return &s.cred, nil
	})
}

// Status is how the account's login is.
func (a *Account) Status(ctx context.Context) (signin.Status, error) {
	if a.opt.APIKey != "" {
		return signin.Status{Account: a.opt.Name, HasLogin: true, Current: true, Kind: APIKey, Profile: a.opt.Profile}, nil
	}
	return a.keeper.Status(ctx)
}

// Renew replaces the account's token now.
func (a *Account) Renew(ctx context.Context) error { return a.keeper.Replace(ctx) }

// Notice is what is to be known of the service.
func (*Account) Notice() string { return Notice }

// Heed takes over what the store has where that is another version.
func (a *Account) Heed(ctx context.Context, version int64) bool {
	another := a.keeper.Heed(ctx, version)
	if another {
		a.quota.Forget()
	}
	return another
}
