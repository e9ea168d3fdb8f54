// Package copilot reaches GitHub Copilot with a person's own login. It is unofficial:
// for personal testing and research; it may stop at any time, and its use may breach
// the service's terms. All that may drift stands in settings.json.
package copilot

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"turnpike/internal/provider"
	"turnpike/internal/signin"
	"turnpike/internal/wire"
)

// Kind of account in the configuration.
const Kind = "copilot"

// The APIs of an account, named as their dialects are.
const (
	chat      = "chat"
	pieces    = "chat-pieces" // chat whose answers are spread over choices
	responses = "responses"
	messages  = "messages"
)

// paths are where the APIs are.
var paths = map[string]string{chat: "/chat/completions", pieces: "/chat/completions", responses: "/responses", messages: "/v1/messages"}

// Options are an account's own settings. APIKey is a token of GitHub's, which makes a
// login needless.
type Options struct {
	provider.Options
	Settings *Settings
	Choice   provider.Choice
	Now      func() time.Time
	// Pause waits while another replica refreshes; nil is the pause of real life.
	Pause func(context.Context, time.Duration) error
}

// Account is one person's login at Copilot.
type Account struct {
	*provider.Account
	opt    Options
	set    *Settings
	keeper *signin.Keeper
	list   list
	quota  signin.Quota
}

// New makes an account. It can be called once it has a store of logins, or a key.
func New(opt Options) (*Account, error) {
	if opt.Settings == nil {
		s, err := ReadSettings(nil, "")
		if err != nil {
			return nil, err
		}
		opt.Settings = s
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if err := opt.Choice.Check(opt.Name, chat, responses, messages); err != nil {
		return nil, err
	}
	base, err := provider.NewAccount(Kind, opt.Settings.apiURL(), opt.Options)
	if err != nil {
		return nil, err
	}
	a := &Account{Account: base, opt: opt, set: opt.Settings, list: list{turn: make(chan struct{}, 1)}}
	a.keeper = signin.NewKeeper(signin.Options{
		Account: opt.Name, Kind: Kind, Early: time.Duration(a.set.RefreshBefore), Refresh: a.exchange, Now: opt.Now, Pause: opt.Pause,
	})
	if opt.APIKey != "" {
		a.keeper.Use(signin.NewMemory(signin.Credential{Kind: Kind, Refresh: opt.APIKey}))
	}
	return a, nil
}

// Keep gives the account its store of logins. It is called before the first request.
// An account with a token of the configuration's needs none.
func (a *Account) Keep(s signin.Store) {
	if a.opt.APIKey == "" {
		a.keeper.Use(s)
	}
}

// Settings are the account's.
func (a *Account) Settings() *Settings { return a.set }

// trip is what a request needs to know on its way.
type trip struct{ cred signin.Credential }

type tripKey struct{}

// NewRequest makes the request of a call.
func (a *Account) NewRequest(ctx context.Context, c *provider.Call) (*http.Request, error) {
	h := look(c.Surface.Dialect, c.Body.Bytes())
	if c.Spoke != "" {
		h.agent = c.Spoke == provider.SpokeAgent
	}
	return a.post(ctx, paths[c.Surface.Dialect], c, func(r *http.Request) { a.hint(r, h, c.Surface.Dialect) })
}

// post makes a signed request with a body.
func (a *Account) post(ctx context.Context, path string, c *provider.Call, hint func(*http.Request)) (*http.Request, error) {
	cred, err := a.keeper.Token(ctx)
	if err != nil {
		return nil, err
	}
	t := &trip{cred}
	r := a.Post(context.WithValue(ctx, tripKey{}, t), a.URL(path), c)
	a.wear(r)
	hint(r)
	if err := a.aim(r, path, &t.cred); err != nil {
		_ = r.Body.Close()
		return nil, err
	}
	return r, nil
}

// aim points a request at where the token is good, and signs it.
func (a *Account) aim(r *http.Request, path string, c *signin.Credential) error {
	u, err := url.Parse(a.base(c.Base) + path)
	if err != nil {
		return fmt.Errorf("where the API is cannot be read: %w", err)
	}
	r.URL, r.Host = u, u.Host
	r.Header.Set("Authorization", "Bearer "+c.Access)
	a.Dress(r)
	return nil
}

// wear puts on what the service knows its clients by.
func (a *Account) wear(r *http.Request) {
	for name, value := range a.set.Headers {
		if value == "{uuid}" {
			value = provider.UUID()
		}
		r.Header.Set(name, value)
	}
}

// Frames reads server-sent events.
func (a *Account) Frames(_ *provider.Call, body io.Reader) wire.FrameReader {
	return wire.NewSSE(body, 0)
}

var _ provider.Embedder = (*Account)(nil)

// EmbedForm is OpenAI's own; inputs are lists.
func (*Account) EmbedForm() string { return "openai" }

// ErrorDialect is where the errors of embeddings are read.
func (*Account) ErrorDialect() string { return chat }

// NewEmbedRequest makes a request for embeddings.
func (a *Account) NewEmbedRequest(ctx context.Context, model string, body []byte) (*http.Request, error) {
	o, err := wire.ParseObject(body)
	if err != nil {
		return nil, err
	}
	edits := make([]wire.Edit, 0, 2)
	if in := o.Get("input"); len(in) > 0 && in[0] == '"' {
		edits = append(edits, wire.Edit{Name: "input", Value: append(append([]byte{'['}, in...), ']')})
	}
	m, _ := a.find(ctx, model) // unknown ones are asked for as they are
	if m != nil && m.ID != model {
		edits = append(edits, wire.Edit{Name: "model", Value: wire.AppendString(nil, m.ID)})
	}
	return a.post(ctx, "/embeddings", &provider.Call{Model: model, Body: provider.Plain(o.Apply(edits...))}, func(r *http.Request) { a.hint(r, hints{}, "") })
}
