package openai

import (
	"context"
	"net/http"

	"turnpike/internal/provider"
)

var _ provider.Embedder = (*Account)(nil)

// EmbedForm is OpenAI's own.
func (*Account) EmbedForm() string { return Kind }

// ErrorDialect is where OpenAI's errors are read.
func (*Account) ErrorDialect() string { return "chat" }

// NewEmbedRequest makes a request for embeddings.
func (a *Account) NewEmbedRequest(ctx context.Context, model string, body []byte) (*http.Request, error) {
	r := a.Post(ctx, a.URL("/embeddings"), &provider.Call{Model: model, Body: provider.Plain(body)})
	a.authorize(r)
	return r, nil
}
