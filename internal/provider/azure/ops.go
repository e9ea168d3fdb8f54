package azure

import (
	"context"
	"net/http"

	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

var _ provider.Embedder = (*Account)(nil)

// EmbedForm is OpenAI's own.
func (*Account) EmbedForm() string { return "openai" }

// ErrorDialect is where OpenAI's errors are read.
func (*Account) ErrorDialect() string { return chat }

// NewEmbedRequest makes a request for embeddings.
func (a *Account) NewEmbedRequest(ctx context.Context, model string, body []byte) (*http.Request, error) {
	d := a.deployment(model)
	if d != model {
		o, err := wire.ParseObject(body)
		if err != nil {
			return nil, err
		}
		body = o.Apply(wire.Edit{Name: "model", Value: wire.AppendString(nil, d)})
	}
	return a.post(ctx, d, "/embeddings", &provider.Call{Body: provider.Plain(body)})
}
