// Package anthropic reaches the Anthropic API.
package anthropic

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

// Kind of account in the configuration.
const Kind = "anthropic"

const (
	defaultURL     = "https://api.anthropic.com"
	defaultVersion = "2023-06-01"
)

// Account is an Anthropic account.
type Account struct {
	*provider.Account
	messages *url.URL
}

// New makes an account. A base URL with or without /v1 is taken.
func New(opt provider.Options) (*Account, error) {
	opt.BaseURL = strings.TrimSuffix(strings.TrimRight(opt.BaseURL, "/"), "/v1")
	a, err := provider.NewAccount(Kind, defaultURL, opt)
	if err != nil {
		return nil, err
	}
	return &Account{Account: a, messages: a.URL("/v1/messages")}, nil
}

// Surface is Messages for every model.
func (a *Account) Surface(context.Context, string) (provider.Surface, error) {
	return provider.Surface{Dialect: "messages"}, nil
}

// NewRequest makes the request of a call. The client's anthropic-* headers are
// among the call's; the list of them is open.
func (a *Account) NewRequest(ctx context.Context, c *provider.Call) (*http.Request, error) {
	r := a.Post(ctx, a.messages, c)
	return r, a.authorize(r)
}

func (a *Account) authorize(r *http.Request) error {
	if r.Header.Get("Anthropic-Version") == "" {
		r.Header["Anthropic-Version"] = []string{defaultVersion}
	}
	if k := a.Key(); k != "" && r.Header.Get("X-Api-Key") == "" {
		r.Header["X-Api-Key"] = []string{k}
	}
	return nil
}

// Frames reads server-sent events.
func (a *Account) Frames(_ *provider.Call, body io.Reader) wire.FrameReader {
	return wire.NewSSE(body, 0)
}

// maxPages bounds the walk through the model list.
const maxPages = 20

// Models lists the account's models, page by page.
func (a *Account) Models(ctx context.Context) ([]provider.Model, error) {
	var out []provider.Model
	after := ""
	for range maxPages {
		var page struct {
			Data []struct {
				ID          string `json:"id"`
				DisplayName string `json:"display_name"`
				CreatedAt   string `json:"created_at"`
			} `json:"data"`
			HasMore bool   `json:"has_more"`
			LastID  string `json:"last_id"`
		}
		u := a.URL("/v1/models")
		q := url.Values{"limit": {"1000"}}
		if after != "" {
			q.Set("after_id", after)
		}
		u.RawQuery = q.Encode()
		if err := a.GetJSON(ctx, u, a.authorize, &page); err != nil {
			return nil, err
		}
		for _, m := range page.Data {
			out = append(out, provider.Model{ID: m.ID, Name: m.DisplayName, Created: unix(m.CreatedAt), Owner: Kind})
		}
		if !page.HasMore || page.LastID == "" {
			break
		}
		after = page.LastID
	}
	return out, nil
}

// unix reads a date, 0 for none: servers that copy this API are careless with it.
func unix(date string) int64 {
	t, err := time.Parse(time.RFC3339, date)
	if err != nil {
		return 0
	}
	return t.Unix()
}
