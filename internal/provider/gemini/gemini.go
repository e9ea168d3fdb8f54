// Package gemini reaches Google's Gemini models at AI Studio, with an API key.
package gemini

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

// Kind of account in the configuration.
const Kind = "gemini"

const defaultURL = "https://generativelanguage.googleapis.com/v1beta"

// Account is an account at AI Studio.
type Account struct{ *provider.Account }

// New makes an account.
func New(opt provider.Options) (*Account, error) {
	a, err := provider.NewAccount(Kind, defaultURL, opt)
	if err != nil {
		return nil, err
	}
	return &Account{a}, nil
}

// Surface is the Gemini API for every model.
func (a *Account) Surface(context.Context, string) (provider.Surface, error) {
	return provider.Surface{Dialect: "gemini"}, nil
}

// ErrModel is returned for a name that cannot be a model's.
var ErrModel = errors.New("this is no name of a Gemini model: letters, digits, dots, hyphens and underscores only")

// method is the address of a method of a model. "models/x" and "x" are the same.
func (a *Account) method(model, method string) (*url.URL, error) {
	prefix := "/models/"
	if tuned, ok := strings.CutPrefix(model, "tunedModels/"); ok {
		prefix, model = "/tunedModels/", tuned
	}
	model = strings.TrimPrefix(model, "models/")
	if !provider.Step(model) {
		return nil, ErrModel
	}
	return a.URL(prefix + model + ":" + method), nil
}

// NewRequest makes the request of a call. Streams are asked for as server-sent
// events.
func (a *Account) NewRequest(ctx context.Context, c *provider.Call) (*http.Request, error) {
	method := "generateContent"
	if c.Stream {
		method = "streamGenerateContent"
	}
	u, err := a.method(c.Model, method)
	if err != nil {
		return nil, err
	}
	if c.Stream {
		u.RawQuery = "alt=sse"
	}
	r := a.Post(ctx, u, c)
	return r, a.authorize(r)
}

// authorize signs a request unless the operator's own headers do.
func (a *Account) authorize(r *http.Request) error {
	if r.Header.Get("Authorization") != "" {
		return nil
	}
	if k := a.Key(); k != "" && r.Header.Get("X-Goog-Api-Key") == "" {
		r.Header["X-Goog-Api-Key"] = []string{k}
	}
	return nil
}

// Frames reads server-sent events, or the elements of a JSON list from servers
// that do not heed alt=sse.
func (a *Account) Frames(_ *provider.Call, body io.Reader) wire.FrameReader {
	return newFrames(body)
}

// maxPages bounds the walk through the model list.
const maxPages = 20

// Models lists the account's models that generate content, page by page.
func (a *Account) Models(ctx context.Context) ([]provider.Model, error) {
	var out []provider.Model
	after := ""
	for range maxPages {
		var page struct {
			Models []struct {
				Name        string   `json:"name"`
				DisplayName string   `json:"displayName"`
				Input       int64    `json:"inputTokenLimit"`
				Output      int64    `json:"outputTokenLimit"`
				Methods     []string `json:"supportedGenerationMethods"`
			} `json:"models"`
			Next string `json:"nextPageToken"`
		}
		u := a.URL("/models")
		q := url.Values{"pageSize": {"1000"}}
		if after != "" {
			q.Set("pageToken", after)
		}
		u.RawQuery = q.Encode()
		if err := a.GetJSON(ctx, u, a.authorize, &page); err != nil {
			return nil, err
		}
		for _, m := range page.Models {
			id := strings.TrimPrefix(m.Name, "models/")
			if id == "" || !generates(m.Methods) {
				continue
			}
			out = append(out, provider.Model{ID: id, Name: m.DisplayName, Owner: "google", Context: m.Input, Output: m.Output})
		}
		if page.Next == "" {
			break
		}
		after = page.Next
	}
	return out, nil
}

// generates tells whether a model answers; servers that copy this API may not say.
func generates(methods []string) bool {
	return len(methods) == 0 || slices.Contains(methods, "generateContent")
}
