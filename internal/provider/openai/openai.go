// Package openai reaches OpenAI and every server that copies its API.
package openai

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

// Kinds of account in the configuration.
const (
	Kind       = "openai"
	KindCompat = "openai-compat"
)

const defaultURL = "https://api.openai.com/v1"

// Account is an OpenAI account, or a compatible server.
type Account struct {
	*provider.Account
	compat bool
	choice provider.Choice
	urls   map[string]*url.URL // by dialect
}

// The APIs of an account, named as their dialects are.
const (
	chat      = "chat"
	responses = "responses"
	// completions is the older API. Servers that copy OpenAI's have it; OpenAI
	// itself has it for a few models, which have no other.
	completions = "completions"
)

// older are the models of OpenAI that have the older API and no other, by the
// beginning of their names (API reference, Completions; "ft:" is before those
// that are fine-tuned).
var older = []string{"gpt-3.5-turbo-instruct", "babbage-002", "davinci-002"}

func isOlder(model string) bool {
	model = strings.TrimPrefix(model, "ft:")
	return slices.ContainsFunc(older, func(m string) bool { return strings.HasPrefix(model, m) })
}

// New makes an account. Where choice says nothing of a model, OpenAI is spoken to
// as the client speaks, and a compatible server by chat.
func New(opt provider.Options, compat bool, choice provider.Choice) (*Account, error) {
	kind, base := Kind, defaultURL
	if compat {
		kind, base = KindCompat, ""
		choice.Only = nil // what OpenAI serves by one API only, others may serve by another
	}
	a, err := provider.NewAccount(kind, base, opt)
	if err != nil {
		return nil, err
	}
	if err := choice.Check(opt.Name, chat, responses); err != nil {
		return nil, err
	}
	return &Account{Account: a, compat: compat, choice: choice, urls: map[string]*url.URL{
		chat: a.URL("/chat/completions"), responses: a.URL("/responses"), completions: a.URL("/completions"),
	}}, nil
}

// Surface is the API chosen for a model, or chat completions.
func (a *Account) Surface(ctx context.Context, model string) (provider.Surface, error) {
	return a.SurfaceFor(ctx, model, chat)
}

// SurfaceFor is Surface for a client that speaks a dialect: OpenAI itself speaks
// Responses to those that do. Of compatible servers few have it. The older
// completions pass where the server has them for the model.
func (a *Account) SurfaceFor(_ context.Context, model, dialect string) (provider.Surface, error) {
	api := a.choice.For(model)
	switch {
	case dialect == completions && (a.compat && api == "" || !a.compat && isOlder(model)):
		api = completions
	case api == "":
		api = chat
		if !a.compat && dialect == responses {
			api = responses
		}
	}
	return provider.Surface{Dialect: api, Compat: a.compat}, nil
}

// NewRequest makes the request of a call.
func (a *Account) NewRequest(ctx context.Context, c *provider.Call) (*http.Request, error) {
	to, ok := a.urls[c.Surface.Dialect]
	if !ok {
		to = a.urls[chat]
	}
	r := a.Post(ctx, to, c)
	a.authorize(r)
	return r, nil
}

func (a *Account) authorize(r *http.Request) {
	if k := a.Key(); k != "" && r.Header.Get("Authorization") == "" {
		r.Header["Authorization"] = []string{"Bearer " + k}
	}
}

// Frames reads server-sent events.
func (a *Account) Frames(_ *provider.Call, body io.Reader) wire.FrameReader {
	return wire.NewSSE(body, 0)
}

// Models lists the account's models.
func (a *Account) Models(ctx context.Context) ([]provider.Model, error) {
	var list struct {
		Data []struct {
			ID      string `json:"id"`
			Created int64  `json:"created"`
			OwnedBy string `json:"owned_by"`
		} `json:"data"`
	}
	err := a.GetJSON(ctx, a.URL("/models"), func(r *http.Request) error { a.authorize(r); return nil }, &list)
	if err != nil {
		return nil, err
	}
	out := make([]provider.Model, 0, len(list.Data))
	for _, m := range list.Data {
		out = append(out, provider.Model{ID: m.ID, Created: m.Created, Owner: m.OwnedBy})
	}
	return out, nil
}
