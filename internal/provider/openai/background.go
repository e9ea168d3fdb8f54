package openai

import (
	"context"
	"net/http"
	"net/url"

	"turnpike/internal/provider"
)

var _ provider.Backgrounder = (*Account)(nil)

// Backgrounds is true of OpenAI's Responses API; servers that copy it seldom have
// this part of it.
func (*Account) Backgrounds(s provider.Surface) bool { return s.Dialect == responses && !s.Compat }

// NewBackgroundRequest makes a request of the responses/{id} API.
func (a *Account) NewBackgroundRequest(ctx context.Context, method, id, tail string, query url.Values) (*http.Request, error) {
	u := a.URL("/responses/" + id + tail)
	u.RawQuery = query.Encode()
	r, err := a.Ask(ctx, method, u)
	if err != nil {
		return nil, err
	}
	a.authorize(r)
	return r, nil
}
