package openai

import (
	"context"
	"net/http"

	"turnpike/internal/provider"
)

var _ provider.Counter = (*Account)(nil)

// CountAPI is that of the Responses API; chat completions have none.
func (*Account) CountAPI(s provider.Surface) string {
	if s.Dialect == "responses" && !s.Compat {
		return "responses"
	}
	return ""
}

// NewCountRequest makes a request of the responses/input_tokens API.
func (a *Account) NewCountRequest(ctx context.Context, model string, body []byte, _ http.Header) (*http.Request, error) {
	r := a.Post(ctx, a.URL("/responses/input_tokens"), &provider.Call{Model: model, Body: provider.Plain(body)})
	a.authorize(r)
	return r, nil
}
