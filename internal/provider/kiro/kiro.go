// Package kiro reaches Kiro, AWS's agent for developers, with a person's own login.
// It is unofficial: for personal testing and research; it may stop at any time, and
// its use may breach the service's terms. All that may drift stands in settings.json.
package kiro

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/provider"
	"turnpike/internal/signin"
	"turnpike/internal/wire"
)

// Kind of account in the configuration.
const Kind = "kiro"

// Options are an account's own settings.
type Options struct {
	provider.Options
	Settings *Settings
	Profile  string // ARN; empty: the login's own, or the first that is found
	Now      func() time.Time
	// Pause waits while another replica refreshes; nil is the pause of real life.
	Pause func(context.Context, time.Duration) error
}

// Account is one person's login at Kiro.
type Account struct {
	*provider.Account
	opt       Options
	set       *Settings
	keeper    *signin.Keeper
	issuer    *issuer
	endpoints *endpoints
	speaks    llm.Kiro
	profile   profile
	quota     signin.Quota
}

// New makes an account. It can be called once it has a store of logins, or a key.
func New(opt Options) (*Account, error) {
	if opt.Settings == nil {
		s, err := ReadSettings(nil)
		if err != nil {
			return nil, err
		}
		opt.Settings = s
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	set := opt.Settings
	if opt.Profile != "" {
		if _, err := set.apiRegion(profileRegion(opt.Profile)); err != nil {
			return nil, fmt.Errorf("provider %s: profile_arn: %w", opt.Name, err)
		}
	}
	if opt.Transport == nil {
		opt.Transport = provider.NewTransport(opt.Timeouts)
	}
	base, err := provider.NewAccount(Kind, inRegion(set.Endpoints[0].URL, set.Region), opt.Options)
	if err != nil {
		return nil, err
	}
	a := &Account{
		Account: base, opt: opt, set: set, endpoints: newEndpoints(set, opt.Now),
		issuer: &issuer{rt: opt.Transport, set: set, now: opt.Now},
		speaks: llm.Kiro{Origin: set.Origin, Thinking: set.Thinking},
	}
	a.keeper = signin.NewKeeper(signin.Options{
		Account: opt.Name, Kind: Kind, Early: time.Duration(set.RefreshBefore), Refresh: a.issuer.refresh, Now: opt.Now, Pause: opt.Pause,
	})
	if opt.APIKey != "" {
		a.keeper.Have(Credential{Kind: APIKey, Access: opt.APIKey, Profile: opt.Profile})
	}
	return a, nil
}

// Keep gives the account its store of logins. It is called before the first request.
func (a *Account) Keep(s TokenStore) { a.keeper.Use(s) }

// Settings are the account's.
func (a *Account) Settings() *Settings { return a.set }

// Surface is the service's own format, and streams only.
func (a *Account) Surface(_ context.Context, model string) (provider.Surface, error) {
	return provider.Surface{Dialect: "codewhisperer", Streams: true, Kiro: &a.speaks, Called: a.set.Dotted(model)}, nil
}

// trip is what a request needs to know on its way.
type trip struct {
	cred   Credential
	native bool // it holds the models' own fields
	region string
}

type tripKey struct{}

// NewRequest makes the request of a call for the first endpoint with room.
func (a *Account) NewRequest(ctx context.Context, c *provider.Call) (*http.Request, error) {
	cred, err := a.keeper.Token(ctx)
	if err != nil {
		return nil, err
	}
	arn, region, err := a.where(ctx, &cred)
	if err != nil {
		return nil, err
	}
	o, err := wire.ParseObject(c.Body.Bytes())
	if err != nil {
		return nil, err
	}
	body := o.Bytes()
	if arn != "" {
		body = o.Apply(wire.Edit{Name: "profileArn", Value: wire.AppendString(nil, arn)})
	} else {
		body = bytes.Clone(body) // the gateway gives its buffer back before a second endpoint is asked
	}
	t := &trip{cred: cred, native: o.Get("additionalModelRequestFields") != nil, region: region}
	list := a.endpoints.order(region, t.native)
	if len(list) == 0 {
		return nil, errNoEndpoint
	}
	own := *c
	own.Body = provider.Plain(body)
	r := a.Post(context.WithValue(ctx, tripKey{}, t), a.URL(""), &own)
	a.aim(r, list[0], t)
	return r, nil
}

// aim points a request at an endpoint.
func (a *Account) aim(r *http.Request, e *endpoint, t *trip) {
	u := *e.url(t.region)
	r.URL, r.Host = &u, u.Host
	a.sign(r, &t.cred)
	for name, value := range e.Headers {
		r.Header.Set(name, value)
	}
	a.Dress(r)
}

// sign puts on what the service knows its clients by.
func (a *Account) sign(r *http.Request, c *Credential) {
	fill := strings.NewReplacer("{uuid}", provider.UUID(), "{machine}", machine(c))
	for name, value := range a.set.Headers {
		r.Header.Set(name, fill.Replace(value))
	}
	if kind := a.set.TokenTypes[c.Kind]; kind != "" {
		r.Header.Set("TokenType", kind)
	}
	r.Header.Set("Authorization", "Bearer "+c.Access)
}

// Frames reads the AWS event stream.
func (a *Account) Frames(_ *provider.Call, body io.Reader) wire.FrameReader {
	return wire.NewEventStream(body, maxFrame)
}

// maxFrame bounds a message of the stream; the encoding's own bound is 16 MiB.
const maxFrame = 16 << 20
