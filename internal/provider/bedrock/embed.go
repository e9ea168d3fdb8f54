package bedrock

import (
	"context"
	"net/http"

	"turnpike/internal/provider"
)

var _ provider.Embedder = (*Account)(nil)

// EmbedForm tells that the model's id decides.
func (*Account) EmbedForm() string { return Kind }

// ErrorDialect is where Bedrock's errors are read.
func (*Account) ErrorDialect() string { return Converse }

// NewEmbedRequest makes a signed InvokeModel request.
func (a *Account) NewEmbedRequest(ctx context.Context, model string, body []byte) (*http.Request, error) {
	return a.NewRequest(ctx, &provider.Call{Surface: provider.Surface{Bedrock: true}, Model: model, Body: provider.Plain(body)})
}
