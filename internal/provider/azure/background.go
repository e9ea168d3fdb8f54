package azure

import (
	"context"
	"maps"
	"net/http"
	"net/url"

	"turnpike/internal/provider"
)

var _ provider.Backgrounder = (*Account)(nil)

// Backgrounds is true of the Responses API (Azure OpenAI: Background tasks).
func (*Account) Backgrounds(s provider.Surface) bool { return s.Dialect == responses && !s.Compat }

// NewBackgroundRequest makes a request of the responses/{id} API.
func (a *Account) NewBackgroundRequest(ctx context.Context, method, id, tail string, query url.Values) (*http.Request, error) {
	u, err := a.address("", "/responses/"+id+tail)
	if err != nil {
		return nil, err
	}
	q := url.Values{}
	maps.Copy(q, query)
	maps.Copy(q, u.Query())
	u.RawQuery = q.Encode()
	r, err := a.Ask(ctx, method, u)
	if err != nil {
		return nil, err
	}
	if err := a.authorize(r); err != nil {
		return nil, err
	}
	return r, nil
}
