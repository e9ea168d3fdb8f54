package bedrock

import (
	"context"
	"net/http"

	"turnpike/internal/provider"
)

var _ provider.Counter = (*Account)(nil)

// CountAPI is Bedrock's CountTokens, which knows none of mantle's bodies.
func (*Account) CountAPI(s provider.Surface) string {
	if onMantle(s) {
		return ""
	}
	return "inputTokens"
}

// NewCountRequest makes a signed CountTokens request.
func (a *Account) NewCountRequest(ctx context.Context, model string, body []byte, _ http.Header) (*http.Request, error) {
	r := a.Post(ctx, a.modelURL(model, "count-tokens"), &provider.Call{Body: provider.Plain(body)})
	setDefault(r.Header, "Accept", "application/json")
	return a.signed(ctx, r, body, service)
}
