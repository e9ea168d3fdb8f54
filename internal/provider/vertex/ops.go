package vertex

import (
	"context"
	"net/http"

	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

var (
	_ provider.Embedder = (*Account)(nil)
	_ provider.Counter  = (*Account)(nil)
)

// EmbedForm is Vertex AI's own.
func (*Account) EmbedForm() string { return Kind }

// ErrorDialect is where Google's errors are read.
func (*Account) ErrorDialect() string { return "gemini" }

// NewEmbedRequest makes a request for embeddings.
func (a *Account) NewEmbedRequest(ctx context.Context, model string, body []byte) (*http.Request, error) {
	return a.operation(ctx, model, "predict", body)
}

// CountAPI is Anthropic's for Claude, Google's for all else.
func (*Account) CountAPI(s provider.Surface) string {
	if s.Vertex {
		return "input_tokens"
	}
	return "totalTokens"
}

// NewCountRequest makes a request that counts a prompt. Claude has one address for
// all models, so the body names the one (Anthropic: Claude on Vertex AI).
func (a *Account) NewCountRequest(ctx context.Context, model string, body []byte, h http.Header) (*http.Request, error) {
	if !isClaude(model) {
		return a.operation(ctx, model, "countTokens", body)
	}
	o, err := wire.ParseObject(body)
	if err != nil {
		return nil, err
	}
	body = o.Apply(wire.Edit{Name: "model", Value: wire.AppendString(nil, model)}, wire.Edit{Name: "anthropic_version"})
	u := a.URL(a.publishers + "anthropic/models/count-tokens:rawPredict")
	return a.signed(a.Post(ctx, u, &provider.Call{Body: provider.Plain(body), Header: h}))
}

func (a *Account) operation(ctx context.Context, model, method string, body []byte) (*http.Request, error) {
	u, err := a.method(model, method)
	if err != nil {
		return nil, err
	}
	return a.signed(a.Post(ctx, u, &provider.Call{Body: provider.Plain(body)}))
}
