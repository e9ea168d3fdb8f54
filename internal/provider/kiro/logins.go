package kiro

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"turnpike/internal/provider"
)

// States of a login under way.
const (
	Pending   = "pending"
	Completed = "completed"
	Failed    = "error"
	Expired   = "expired"
)

// Login is a login under way as people see it.
type Login struct {
	ID       string       `json:"id"`
	Account  string       `json:"provider"`
	Status   string       `json:"status"`
	Error    string       `json:"error,omitempty"`
	AuthURL  string       `json:"auth_url,omitempty"` // to open, where an address is to be pasted
	Device   *DeviceLogin `json:"device,omitempty"`
	Interval float64      `json:"interval,omitempty"` // seconds between two polls
	Expires  time.Time    `json:"expires_at"`
	Notice   string       `json:"notice"`
}

// Logins are those under way in this process: for the command line and the admin
// API alike. They are bounded, and gone when their time is over.
type Logins struct {
	issuer *issuer
	store  TokenStore

	mu   sync.Mutex
	open map[string]*login
}

type login struct {
	mu     sync.Mutex // one poll or paste at a time
	show   Login
	portal *portal
	device *DeviceLogin
	next   time.Time // no poll before
	done   bool
}

const (
	maxLogins = 64
	portalFor = 15 * time.Minute
)

// NewLogins makes it. A nil transport is one of its own.
func NewLogins(s *Settings, store TokenStore, rt http.RoundTripper, now func() time.Time) *Logins {
	if rt == nil {
		rt = provider.NewTransport(provider.Timeouts{Connect: 10 * time.Second, TLS: 10 * time.Second, FirstByte: 30 * time.Second})
	}
	return &Logins{issuer: &issuer{rt: rt, set: s, now: now}, store: store, open: map[string]*login{}}
}

// StartDevice begins a login by the device flow. Without a start URL it is a Builder ID's.
func (l *Logins) StartDevice(ctx context.Context, account, startURL, region string) (Login, error) {
	d, err := l.issuer.startDevice(ctx, startURL, region)
	if err != nil {
		return Login{}, err
	}
	in := &login{}
	in.by(d, l.issuer.now())
	in.show.Account = account
	return l.begin(in)
}

func (in *login) by(d *DeviceLogin, now time.Time) {
	in.device, in.next = d, now.Add(d.interval)
	in.show.Device, in.show.Expires, in.show.Interval, in.show.AuthURL = d, d.Expires, d.interval.Seconds(), ""
}

// StartPortal begins a login by the service's page: with google, github, or a
// company's own identity provider.
func (l *Logins) StartPortal(account, method string) (Login, error) {
	p, address, err := l.issuer.startPortal(method)
	if err != nil {
		return Login{}, err
	}
	return l.begin(&login{portal: p, show: Login{Account: account, AuthURL: address, Expires: l.issuer.now().Add(portalFor)}})
}

func (l *Logins) begin(in *login) (Login, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.issuer.now()
	for id, o := range l.open {
		if !now.Before(o.show.Expires) {
			delete(l.open, id)
		}
	}
	if len(l.open) >= maxLogins {
		return Login{}, errors.New("too many logins are under way: wait until some are over")
	}
	in.show.ID, in.show.Status, in.show.Notice = random()[:22], Pending, Notice
	l.open[in.show.ID] = in
	return in.show, nil
}

// ErrNoSuchLogin is returned for ids nobody knows, or whose time is over.
var ErrNoSuchLogin = errors.New("there is no such login under way")

func (l *Logins) find(id string) (*login, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	in := l.open[id]
	if in == nil {
		return nil, ErrNoSuchLogin
	}
	return in, nil
}

// Poll tells how a login is. One by the device flow is asked about, no more often
// than the issuer wants it.
func (l *Logins) Poll(ctx context.Context, id string) (Login, error) {
	in, err := l.find(id)
	if err != nil {
		return Login{}, err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	now := l.issuer.now()
	switch {
	case in.done:
	case !now.Before(in.show.Expires):
		in.end(Expired, "nobody signed in in time: begin again")
	case in.device != nil && !now.Before(in.next):
		c, err := l.issuer.pollDevice(ctx, in.device)
		in.next, in.show.Interval = now.Add(in.device.interval), in.device.interval.Seconds()
		if errors.Is(err, errPending) {
			break
		}
		l.settle(ctx, in, c, err)
	}
	return in.show, nil
}

// Paste goes on with the address a browser ended at. What it answers with may hold
// another address to open, or a code of the device flow.
func (l *Logins) Paste(ctx context.Context, id, address string) (Login, error) {
	in, err := l.find(id)
	if err != nil {
		return Login{}, err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.done:
		return in.show, nil
	case in.portal == nil:
		return in.show, errors.New("this login wants no address")
	case !l.issuer.now().Before(in.show.Expires):
		in.end(Expired, "nobody signed in in time: begin again")
		return in.show, nil
	}
	s, err := l.issuer.finishPortal(ctx, in.portal, address)
	switch {
	case err != nil:
		return in.show, err // another address may be the right one
	case s.open != "":
		in.show.AuthURL = s.open
	case s.device:
		d, err := l.issuer.startDevice(ctx, s.start, s.region)
		if err != nil {
			return in.show, err
		}
		in.portal = nil
		in.by(d, l.issuer.now())
	default:
		l.settle(ctx, in, s.cred, nil)
	}
	return in.show, nil
}

// settle keeps what was got.
func (l *Logins) settle(ctx context.Context, in *login, c Credential, err error) {
	if err == nil {
		err = Keep(ctx, l.store, in.show.Account, c)
		if err != nil {
			err = fmt.Errorf("the login could not be kept: %w", err)
		}
	}
	if err != nil {
		in.end(Failed, err.Error())
		return
	}
	in.end(Completed, "")
}

func (in *login) end(status, why string) {
	in.done = true
	in.show.Status, in.show.Error = status, why
	in.portal = nil
}

// Status is how an account's login is, without a secret.
type Status struct {
	Account    string    `json:"provider"`
	HasLogin   bool      `json:"has_login"`
	HasCurrent bool      `json:"has_current"`
	Kind       string    `json:"kind,omitempty"`
	Profile    string    `json:"profile_arn"`
	Expires    time.Time `json:"expires_at,omitzero"`
	External   bool      `json:"is_external_idp"`
	Refused    string    `json:"refused,omitempty"`
	Notice     string    `json:"notice"`
}

// StatusOf reads it from the store.
func StatusOf(ctx context.Context, s TokenStore, account string, now time.Time) (Status, error) {
	k, err := s.Load(ctx, account)
	st := Status{Account: account, Notice: Notice}
	if errors.Is(err, ErrNoLogin) {
		return st, nil
	}
	if err != nil {
		return st, err
	}
	st.HasLogin, st.Kind, st.Profile, st.Expires, st.Refused = true, k.Kind, k.Profile, k.Expires, k.Refused
	st.HasCurrent = k.Refused == "" && (k.Kind == APIKey || now.Before(k.Expires))
	st.External = k.Kind == ExternalIdP
	return st, nil
}
