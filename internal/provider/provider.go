// Package provider is the contract with upstream accounts: where one is, how a
// request to it is signed, and which dialects it speaks for a model. It knows no
// dialect's members; those are the codecs' affair.
package provider

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Provider is one account at one upstream.
type Provider interface {
	// Name is the operator's name for it.
	Name() string
	// Kind is its type in the configuration: openai, anthropic, bedrock, …
	Kind() string
	// Surface tells how the account is spoken to for a model.
	Surface(ctx context.Context, model string) (Surface, error)
	// NewRequest makes the HTTP request of a call, signed.
	NewRequest(ctx context.Context, c *Call) (*http.Request, error)
	// RoundTrip sends it. Redirects are not followed.
	RoundTrip(*http.Request) (*http.Response, error)
	// Frames reads the answer of a streamed call in the surface's dialect.
	Frames(c *Call, body io.Reader) wire.FrameReader
	// Models lists what the account offers, nil where it cannot be asked.
	Models(ctx context.Context) ([]Model, error)
	// Timeouts bound each phase of a call.
	Timeouts() Timeouts
}

// Embedder is a Provider that gives embeddings.
type Embedder interface {
	Provider
	// EmbedForm names the form of its embeddings requests: openai, gemini, vertex,
	// or bedrock, where the model's id decides.
	EmbedForm() string
	// NewEmbedRequest makes the HTTP request of one call, signed.
	NewEmbedRequest(ctx context.Context, model string, body []byte) (*http.Request, error)
	// ErrorDialect is the dialect whose codec reads its errors.
	ErrorDialect() string
}

// Counter is a Provider that counts the tokens of a prompt.
type Counter interface {
	Provider
	// CountAPI names the form of request and answer for a surface: input_tokens,
	// responses, inputTokens, totalTokens; empty where it does not count.
	CountAPI(Surface) string
	// NewCountRequest makes the HTTP request, signed.
	NewCountRequest(ctx context.Context, model string, body []byte, h http.Header) (*http.Request, error)
}

// Compactor is a Provider that makes conversations shorter by an API of its own.
type Compactor interface {
	Provider
	// Compacts tells whether it does so where it is spoken to by a surface.
	Compacts(Surface) bool
	// NewCompactRequest makes the HTTP request, signed.
	NewCompactRequest(ctx context.Context, c *Call) (*http.Request, error)
}

// Backgrounder is a Provider that makes answers in the background: they are begun by
// a call like any other and asked for by their ids.
type Backgrounder interface {
	Provider
	// Backgrounds tells whether it does so where it is spoken to by a surface.
	Backgrounds(Surface) bool
	// NewBackgroundRequest makes a request without a body, signed, about such an
	// answer. The id needs no escapes; tail is what comes behind it in the path.
	NewBackgroundRequest(ctx context.Context, method, id, tail string, query url.Values) (*http.Request, error)
}

// Plain is a Body of bytes that nothing uses again.
type Plain []byte

// Bytes is the body.
func (p Plain) Bytes() []byte { return p }

// NewReader reads it from the start.
func (p Plain) NewReader() io.ReadCloser { return io.NopCloser(bytes.NewReader(p)) }

// Surface is a dialect an account speaks for a model.
type Surface struct {
	Dialect string // chat, messages, converse
	// Compat: the server copies OpenAI's API without its newer members.
	Compat bool
	// Bedrock: Messages bodies travel by InvokeModel.
	Bedrock bool
	// Vertex: Messages bodies travel by rawPredict.
	Vertex bool
	// Streams: answers come as streams only, also where none was asked for; the
	// codec reads a whole one.
	Streams bool
	// Kiro is what an account at Kiro says of bodies; nil for all others.
	Kiro *llm.Kiro
	// Narrow is what a server that copies other vendors' APIs takes of them; nil for
	// all others.
	Narrow *llm.Narrow
	// Reframed: streams come in another framing than the dialect's own
	// server-sent events, so frames pass one by one instead of bytes.
	Reframed bool
	// Called is the name the upstream knows the model by, where that is not the one
	// asked for (Azure: the deployment).
	Called string
	// Model is the id under which the model's abilities are known, where that is
	// not the id it is called by (an inference profile's ARN).
	Model string
}

// Call is one request to an upstream.
type Call struct {
	Surface Surface
	Model   string
	Stream  bool
	Body    Body
	Header  http.Header // headers to pass on, already chosen
	// Spoke tells who spoke last, SpokeUser or SpokeAgent, where the gateway has made
	// the body, which need not show it. It is empty where the body is the client's.
	Spoke string
}

// Who speaks: a person, or a program that goes on by itself with an answer and with
// results of tools.
const (
	SpokeUser  = "user"
	SpokeAgent = "agent"
)

// Body is a request body that may be read again. Where its memory is to be used
// again it has a method Written, called once for each reader that was sent.
type Body interface {
	Bytes() []byte
	NewReader() io.ReadCloser
}

// Model is one entry of an account's list.
type Model struct {
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Created int64  `json:"created,omitempty"` // Unix seconds, 0 if not told
	Owner   string `json:"owner,omitempty"`
	Context int64  `json:"context,omitempty"` // tokens, 0 if not told
	Output  int64  `json:"output,omitempty"`
}

// Timeouts bound the phases of a call. Zero means no bound.
type Timeouts struct {
	Connect      time.Duration
	TLS          time.Duration
	FirstByte    time.Duration // from sending to the answer's head
	FirstContent time.Duration // from sending to the first content of a stream
	Idle         time.Duration // between two reads of a body
	Total        time.Duration
}
