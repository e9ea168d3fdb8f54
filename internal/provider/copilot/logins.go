package copilot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"turnpike/internal/provider"
	"turnpike/internal/signin"
)

// Logins are those under way at one account, for the command line and the admin API
// alike. People open an address anywhere and enter a code (RFC 8628).
type Logins struct {
	rt      http.RoundTripper
	set     *Settings
	book    signin.Book
	account string
	keyed   bool
}

var _ signin.Flow = (*Logins)(nil)

// under is what only the account knows of a login.
type under struct {
	Device string `json:"device"`
}

const askFor = 30 * time.Second

// NewLogins makes it. A nil transport is one of its own.
func NewLogins(account string, s *Settings, store signin.Store, desk signin.Desk, rt http.RoundTripper, now func() time.Time) *Logins {
	if rt == nil {
		rt = provider.NewTransport(provider.Timeouts{Connect: 10 * time.Second, TLS: 10 * time.Second, FirstByte: askFor})
	}
	return &Logins{
		rt: rt, set: s, account: account, book: signin.Book{Account: account, Desk: desk, Store: store, Now: now, Type: Kind, Notice: Notice},
	}
}

// Flow signs people in at the account.
func (a *Account) Flow(s signin.Store, d signin.Desk) signin.Flow {
	l := NewLogins(a.opt.Name, a.set, s, d, a.Account, a.opt.Now)
	l.keyed = a.opt.APIKey != ""
	return l
}

// Start begins a login by the device flow: there is no other way.
func (l *Logins) Start(ctx context.Context, how signin.How) (signin.Login, error) {
	switch {
	case l.keyed:
		return signin.Login{}, fmt.Errorf("provider %s %w", l.account, signin.ErrKeyed)
	case how.Method != "" && how.Method != "device":
		return signin.Login{}, fmt.Errorf("%q is no way to sign in at GitHub: device", how.Method)
	}
	var d struct {
		Device   string  `json:"device_code"`
		User     string  `json:"user_code"`
		URL      string  `json:"verification_uri"`
		Expires  float64 `json:"expires_in"`
		Interval float64 `json:"interval"`
	}
	if err := l.post(ctx, "/login/device/code", url.Values{"client_id": {l.set.ClientID}, "scope": {l.set.Scope}}, &d); err != nil {
		return signin.Login{}, &signin.IssuerError{Err: fmt.Errorf("asking GitHub for a code: %w", err)}
	}
	if d.Device == "" || d.User == "" || d.URL == "" {
		return signin.Login{}, &signin.IssuerError{Err: errors.New("GitHub's answer holds no code")}
	}
	own, err := json.Marshal(under{d.Device})
	if err != nil {
		return signin.Login{}, err
	}
	now, interval := l.book.Now(), signin.Bounded(d.Interval, signin.UsualPoll, signin.MaxPoll)
	return l.book.Begin(ctx, signin.Begun{Own: own, Next: now.Add(interval), Login: signin.Login{
		UserCode: d.User, URL: d.URL, Interval: interval.Seconds(), Expires: now.Add(signin.Bounded(d.Expires, signin.MaxDevice/2, signin.MaxDevice)),
	}})
}

// Poll tells how a login is.
func (l *Logins) Poll(ctx context.Context, id string) (signin.Login, error) {
	return l.book.Poll(ctx, id, l.ask)
}

// Paste is of no use here.
func (*Logins) Paste(context.Context, string, string) (signin.Login, error) {
	return signin.Login{}, signin.ErrNoPaste
}

// granted is what a poll is answered with, always with status 200.
type granted struct {
	Token    string  `json:"access_token"`
	Error    string  `json:"error"`
	Interval float64 `json:"interval"`
}

// ask asks once whether it was granted.
func (l *Logins) ask(ctx context.Context, in *signin.Begun) (signin.Credential, error) {
	var own under
	_ = json.Unmarshal(in.Own, &own) // GitHub knows no such code then
	interval := time.Duration(in.Interval * float64(time.Second))
	var g granted
	err := l.post(ctx, "/login/oauth/access_token", url.Values{"client_id": {l.set.ClientID}, "device_code": {own.Device}, "grant_type": {signin.DeviceGrant}}, &g)
	switch {
	case err != nil:
		return signin.Credential{}, &signin.PendingError{Interval: interval, Why: "GitHub could not be asked, it is asked again: " + err.Error()}
	case g.Token != "":
		return signin.Credential{Kind: Kind, Refresh: g.Token}, nil
	case g.Error == "authorization_pending":
		return signin.Credential{}, &signin.PendingError{Interval: interval}
	case g.Error == "slow_down":
		return signin.Credential{}, signin.SlowDown(interval, g.Interval)
	case g.Error == "expired_token":
		return signin.Credential{}, signin.ErrLate
	case g.Error == "access_denied":
		return signin.Credential{}, signin.ErrDenied
	}
	return signin.Credential{}, fmt.Errorf("GitHub refused the login (%.60q)", g.Error)
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

// Status is how the account's login is.
func (a *Account) Status(ctx context.Context) (signin.Status, error) { return a.keeper.Status(ctx) }

// Renew replaces the account's token now.
func (a *Account) Renew(ctx context.Context) error { return a.keeper.Replace(ctx) }

// Notice is what is to be known of the service.
func (*Account) Notice() string { return Notice }

// Heed takes over what the store has where that is another version. Another login has
// models and a quota of its own.
func (a *Account) Heed(ctx context.Context, version int64) bool {
	if a.opt.APIKey != "" {
		return false
	}
	another := a.keeper.Heed(ctx, version)
	if another {
		a.list.old.Store(true)
		a.quota.Forget()
	}
	return another
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
