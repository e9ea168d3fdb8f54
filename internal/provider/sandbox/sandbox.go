package sandbox

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

// Kind of account in the configuration.
const Kind = "sandbox"

// address is where requests seem to go. RFC 2606 keeps .invalid free of hosts,
// so that a request that slipped out would find none.
const address = "http://sandbox.invalid"

// Dialects the sandbox speaks.
const (
	dialectChat     = "chat"
	dialectMessages = "messages"
	dialectConverse = "converse"
)

// Account is the sandbox.
type Account struct {
	*provider.Account
	server *server
}

// Account is a provider like any other.
var _ provider.Provider = (*Account)(nil)

// New makes the account. Of the options, the name, the timeouts and the headers
// count.
func New(opt provider.Options) *Account { return NewPaced(opt, sleep) }

// Sleep waits for a time, or until the context is done.
type Sleep func(ctx context.Context, d time.Duration) error

// NewPaced makes an account that waits by the given function, for tests that
// must not wait.
func NewPaced(opt provider.Options, wait Sleep) *Account {
	if opt.Name == "" {
		opt.Name = Kind
	}
	s := &server{sleep: wait, firstByte: opt.Timeouts.FirstByte}
	opt.BaseURL, opt.Transport = address, s
	a, _ := provider.NewAccount(Kind, address, opt) // fails on a bad address only
	return &Account{Account: a, server: s}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Surface is Converse for a model with that word in its name, else chat.
func (a *Account) Surface(ctx context.Context, model string) (provider.Surface, error) {
	return a.SurfaceFor(ctx, model, dialectChat)
}

// SurfaceFor is the surface for a client of a dialect: the client's own where
// the sandbox has it, so that nothing need be translated.
func (a *Account) SurfaceFor(_ context.Context, model, dialect string) (provider.Surface, error) {
	switch {
	case strings.Contains(model, dialectConverse):
		return provider.Surface{Dialect: dialectConverse, Reframed: true}, nil
	case dialect == dialectMessages:
		return provider.Surface{Dialect: dialectMessages}, nil
	}
	return provider.Surface{Dialect: dialectChat}, nil
}

// NewRequest makes the request of a call.
func (a *Account) NewRequest(ctx context.Context, c *provider.Call) (*http.Request, error) {
	var path string
	switch c.Surface.Dialect {
	case dialectChat:
		path = pathChat
	case dialectMessages:
		path = pathMessages
	case dialectConverse:
		path = pathModel + c.Model + opConverse
		if c.Stream {
			path = pathModel + c.Model + opConverseStream
		}
	default:
		return nil, fmt.Errorf("provider %s: the sandbox does not speak %q", a.Name(), c.Surface.Dialect)
	}
	return a.Post(ctx, a.URL(path), c), nil
}

// Frames reads server-sent events, or Converse's event stream.
func (a *Account) Frames(c *provider.Call, body io.Reader) wire.FrameReader {
	if c.Surface.Dialect == dialectConverse {
		return wire.NewEventStream(body, 0)
	}
	return wire.NewSSE(body, 0)
}

// Models lists the names that stand for a manner of answering.
func (a *Account) Models(context.Context) ([]provider.Model, error) {
	list := []struct{ id, name string }{
		{"sandbox", "Sandbox"},
		{"sandbox-thinking", "Sandbox, reasons first"},
		{"sandbox-tools", "Sandbox, calls the first tool"},
		{"sandbox-slow", "Sandbox, 50 ms a chunk"},
		{"sandbox-converse", "Sandbox behind Converse"},
	}
	out := make([]provider.Model, 0, len(list))
	for _, m := range list {
		out = append(out, provider.Model{ID: m.id, Name: m.name, Created: created, Owner: Kind})
	}
	return out, nil
}
