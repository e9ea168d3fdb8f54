// Package openai reaches OpenAI and every server that copies its API.
package openai

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

// Kinds of account in the configuration.
const (
	Kind       = "openai"
	KindCompat = "openai-compat"
)

const defaultURL = "https://api.openai.com/v1"

// Account is an OpenAI account, or a compatible server.
type Account struct {
	*provider.Account
	compat bool
	chat   *url.URL
	api    string
}

// New makes an account. api pins it to one API: "" or chat; others are refused
// at the call, so that a configuration for a later version loads.
func New(opt provider.Options, compat bool, api string) (*Account, error) {
	kind, base := Kind, defaultURL
	if compat {
		kind, base = KindCompat, ""
	}
	a, err := provider.NewAccount(kind, base, opt)
	if err != nil {
		return nil, err
	}
	return &Account{Account: a, compat: compat, api: api, chat: a.URL("/chat/completions")}, nil
}

// ErrAPI is returned for an API this version does not speak upstream.
var ErrAPI = errors.New("this provider is pinned to an API that this version of Turnpike does not speak to upstreams: set api: chat")

// Surface is chat completions for every model.
func (a *Account) Surface(context.Context, string) (provider.Surface, error) {
	if a.api != "" && a.api != "chat" {
		return provider.Surface{}, ErrAPI
	}
	return provider.Surface{Dialect: "chat", Compat: a.compat}, nil
}

// NewRequest makes the request of a call.
func (a *Account) NewRequest(ctx context.Context, c *provider.Call) (*http.Request, error) {
	r := a.Post(ctx, a.chat, c)
	a.authorize(r)
	return r, nil
}

func (a *Account) authorize(r *http.Request) {
	if k := a.Key(); k != "" && r.Header.Get("Authorization") == "" {
		r.Header["Authorization"] = []string{"Bearer " + k}
	}
}

// Frames reads server-sent events.
func (a *Account) Frames(_ *provider.Call, body io.Reader) wire.FrameReader {
	return wire.NewSSE(body, 0)
}

// Models lists the account's models.
func (a *Account) Models(ctx context.Context) ([]provider.Model, error) {
	var list struct {
		Data []struct {
			ID      string `json:"id"`
			Created int64  `json:"created"`
			OwnedBy string `json:"owned_by"`
		} `json:"data"`
	}
	err := a.GetJSON(ctx, a.URL("/models"), func(r *http.Request) error { a.authorize(r); return nil }, &list)
	if err != nil {
		return nil, err
	}
	out := make([]provider.Model, 0, len(list.Data))
	for _, m := range list.Data {
		out = append(out, provider.Model{ID: m.ID, Created: m.Created, Owner: m.OwnedBy})
	}
	return out, nil
}
