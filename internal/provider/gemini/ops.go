package gemini

import (
	"context"
	"net/http"

	"turnpike/internal/provider"
)

var (
	_ provider.Embedder = (*Account)(nil)
	_ provider.Counter  = (*Account)(nil)
)

// EmbedForm is AI Studio's batch form.
func (*Account) EmbedForm() string { return Kind }

// ErrorDialect is where Google's errors are read.
func (*Account) ErrorDialect() string { return "gemini" }

// NewEmbedRequest makes a request for embeddings.
func (a *Account) NewEmbedRequest(ctx context.Context, model string, body []byte) (*http.Request, error) {
	return a.operation(ctx, model, "batchEmbedContents", body)
}

// CountAPI is countTokens.
func (*Account) CountAPI(provider.Surface) string { return "totalTokens" }

// NewCountRequest makes a request that counts a prompt.
func (a *Account) NewCountRequest(ctx context.Context, model string, body []byte, _ http.Header) (*http.Request, error) {
	return a.operation(ctx, model, "countTokens", body)
}

func (a *Account) operation(ctx context.Context, model, method string, body []byte) (*http.Request, error) {
	u, err := a.method(model, method)
	if err != nil {
		return nil, err
	}
	r := a.Post(ctx, u, &provider.Call{Body: provider.Plain(body)})
	return r, a.authorize(r)
}
