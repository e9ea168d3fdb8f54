package anthropic

import (
	"context"
	"net/http"

	"turnpike/internal/provider"
)

var _ provider.Counter = (*Account)(nil)

// CountAPI is Anthropic's own.
func (*Account) CountAPI(provider.Surface) string { return "input_tokens" }

// NewCountRequest makes a request of the count_tokens API.
func (a *Account) NewCountRequest(ctx context.Context, _ string, body []byte, h http.Header) (*http.Request, error) {
	r := a.Post(ctx, a.URL("/v1/messages/count_tokens"), &provider.Call{Body: provider.Plain(body), Header: h})
	return r, a.authorize(r)
}
