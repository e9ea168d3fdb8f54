package openai

import (
	"context"
	"net/http"

	"turnpike/internal/provider"
)

var _ provider.Compactor = (*Account)(nil)

// Compacts is true of OpenAI's Responses API; servers that copy it have not this
// part of it.
func (*Account) Compacts(s provider.Surface) bool { return s.Dialect == responses && !s.Compat }

// NewCompactRequest makes a request of the responses/compact API.
func (a *Account) NewCompactRequest(ctx context.Context, c *provider.Call) (*http.Request, error) {
	r := a.Post(ctx, a.URL("/responses/compact"), c)
	a.authorize(r)
	return r, nil
}
