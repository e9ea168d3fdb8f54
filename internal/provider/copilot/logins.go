package copilot

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"turnpike/internal/provider"
	"turnpike/internal/signin"
)

// States of a login under way.
const (
	Pending   = "pending"
	Completed = "completed"
	Failed    = "error"
	Expired   = "expired"
)

// Login is a login under way as people see it: they open the address anywhere and
// enter the code (RFC 8628).
type Login struct {
	ID       string    `json:"id"`
	Account  string    `json:"provider"`
	Status   string    `json:"status"`
	Error    string    `json:"error,omitempty"`
	UserCode string    `json:"user_code"`
	URL      string    `json:"verification_uri"`
	Interval float64   `json:"interval"` // seconds between two polls
	Expires  time.Time `json:"expires_at"`
	Notice   string    `json:"notice"`
}

// Logins are those under way in this process: for the command line and the admin API
// alike. They are bounded, and gone when their time is over.
type Logins struct {
	rt    http.RoundTripper
	set   *Settings
	store signin.Store
	now   func() time.Time

	mu   sync.Mutex
	open map[string]*login
}

type login struct {
	mu       sync.Mutex // one poll at a time
	show     Login
	code     string
	interval time.Duration
	next     time.Time // no poll before
}

// Bounds of logins, and of what GitHub asks of those who poll.
const (
	maxLogins   = 64
	slowDown    = 5 * time.Second // RFC 8628, 3.5
	defaultPoll = 5 * time.Second
	maxPoll     = time.Minute
	maxDevice   = 30 * time.Minute
	askFor      = 30 * time.Second
)

// deviceGrant is the grant of RFC 8628.
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// NewLogins makes it. A nil transport is one of its own.
func NewLogins(s *Settings, store signin.Store, rt http.RoundTripper, now func() time.Time) *Logins {
	if rt == nil {
		rt = provider.NewTransport(provider.Timeouts{Connect: 10 * time.Second, TLS: 10 * time.Second, FirstByte: askFor})
	}
	return &Logins{rt: rt, set: s, store: store, now: now, open: map[string]*login{}}
}

// Start begins a login of an account.
func (l *Logins) Start(ctx context.Context, account string) (Login, error) {
	var d struct {
		Device   string  `json:"device_code"`
		User     string  `json:"user_code"`
		URL      string  `json:"verification_uri"`
		Expires  float64 `json:"expires_in"`
		Interval float64 `json:"interval"`
	}
	if err := l.post(ctx, "/login/device/code", url.Values{"client_id": {l.set.ClientID}, "scope": {l.set.Scope}}, &d); err != nil {
		return Login{}, fmt.Errorf("asking GitHub for a code: %w", err)
	}
	if d.Device == "" || d.User == "" || d.URL == "" {
		return Login{}, errors.New("GitHub's answer holds no code")
	}
	now := l.now()
	in := &login{code: d.Device, interval: bounded(d.Interval, defaultPoll, maxPoll), show: Login{
		ID: rand.Text(), Account: account, Status: Pending, UserCode: d.User, URL: d.URL,
		Expires: now.Add(bounded(d.Expires, maxDevice/2, maxDevice)), Notice: Notice,
	}}
	in.next, in.show.Interval = now.Add(in.interval), in.interval.Seconds()
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, o := range l.open {
		if !now.Before(o.show.Expires) {
			delete(l.open, id)
		}
	}
	if len(l.open) >= maxLogins {
		return Login{}, errors.New("too many logins are under way: wait until some are over")
	}
	l.open[in.show.ID] = in
	return in.show, nil
}

// bounded are seconds somebody told, within bounds; otherwise what is usual.
func bounded(told float64, usual, most time.Duration) time.Duration {
	if !(told > 0) {
		return usual
	}
	return time.Duration(min(told, most.Seconds()) * float64(time.Second))
}

// ErrNoSuchLogin is returned for ids nobody knows, or whose time is over.
var ErrNoSuchLogin = errors.New("there is no such login under way")

// Poll tells how a login is. GitHub is asked no more often than it wants.
func (l *Logins) Poll(ctx context.Context, id string) (Login, error) {
	l.mu.Lock()
	in := l.open[id]
	l.mu.Unlock()
	if in == nil {
		return Login{}, ErrNoSuchLogin
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	now := l.now()
	switch {
	case in.show.Status != Pending:
	case !now.Before(in.show.Expires):
		in.end(Expired, errLate.Error())
	case !now.Before(in.next):
		l.poll(ctx, in)
		in.next, in.show.Interval = now.Add(in.interval), in.interval.Seconds()
	}
	return in.show, nil
}

var errLate = errors.New("nobody signed in in time: begin again")

func (in *login) end(status, why string) {
	in.show.Status, in.show.Error, in.code = status, why, ""
}

// granted is what a poll is answered with, always with status 200.
type granted struct {
	Token    string  `json:"access_token"`
	Error    string  `json:"error"`
	Interval float64 `json:"interval"`
}

// poll asks once whether it was granted.
func (l *Logins) poll(ctx context.Context, in *login) {
	var g granted
	err := l.post(ctx, "/login/oauth/access_token", url.Values{"client_id": {l.set.ClientID}, "device_code": {in.code}, "grant_type": {deviceGrant}}, &g)
	switch {
	case err != nil:
		in.show.Error = "GitHub could not be asked, it is asked again: " + err.Error()
	case g.Token != "":
		if err := signin.Keep(ctx, l.store, in.show.Account, signin.Credential{Kind: Kind, Refresh: g.Token}); err != nil {
			in.end(Failed, "the login could not be kept: "+err.Error())
			return
		}
		in.end(Completed, "")
	case g.Error == "authorization_pending":
		in.show.Error = ""
	case g.Error == "slow_down":
		in.interval = bounded(g.Interval, min(in.interval+slowDown, maxPoll), maxPoll)
	case g.Error == "expired_token":
		in.end(Expired, errLate.Error())
	case g.Error == "access_denied":
		in.end(Failed, "the login was denied in the browser")
	default:
		in.end(Failed, fmt.Sprintf("GitHub refused the login (%.60q)", g.Error))
	}
}

// post sends a form and reads the answer. Errors hold nothing of the form.
func (l *Logins) post(ctx context.Context, path string, form url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.set.atHost(l.set.SignInURL)+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", l.set.Headers["User-Agent"])
	res, err := l.rt.RoundTrip(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return &provider.StatusError{Status: res.StatusCode, Body: quote(text)}
	}
	if err := json.Unmarshal(text, into); err != nil {
		return errors.New("the answer is not what was known of it")
	}
	return nil
}

// Status is how an account's login is, without a secret.
type Status struct {
	Account  string    `json:"provider"`
	HasLogin bool      `json:"has_login"`
	HasToken bool      `json:"has_token"`
	Plan     string    `json:"plan,omitempty"`
	Expires  time.Time `json:"token_expires,omitzero"`
	Refused  string    `json:"refused,omitempty"`
	Notice   string    `json:"notice"`
}

// StatusOf reads it from the store.
func StatusOf(ctx context.Context, s signin.Store, account string, now time.Time) (Status, error) {
	st := Status{Account: account, Notice: Notice}
	k, err := s.Load(ctx, account)
	if errors.Is(err, signin.ErrNoLogin) {
		return st, nil
	}
	if err != nil {
		return st, err
	}
	st.HasLogin, st.Plan, st.Expires, st.Refused = true, k.Plan, k.Expires, k.Refused
	st.HasToken = k.Refused == "" && k.Access != "" && now.Before(k.Expires)
	return st, nil
}

// Username asks GitHub whose login it is.
func (a *Account) Username(ctx context.Context) (string, error) {
	c, err := a.keeper.Token(ctx)
	if err != nil {
		return "", err
	}
	var u struct {
		Login string `json:"login"`
	}
	err = a.askGitHub(ctx, a.set.UserPath, c.Refresh, &u)
	return u.Login, err
}
