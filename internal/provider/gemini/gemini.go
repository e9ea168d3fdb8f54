// Package gemini reaches Google's Gemini models: at AI Studio with an API key, or
// at Vertex AI with a service account.
package gemini

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

// Kind of account in the configuration.
const Kind = "gemini"

const defaultURL = "https://generativelanguage.googleapis.com/v1beta"

// Options are what an account is made of. With a CredentialsFile it is one at
// Vertex AI, else at AI Studio.
type Options struct {
	provider.Options
	// CredentialsFile is the JSON key file of a service account.
	CredentialsFile string
	Region          string // of Vertex AI; empty: global
	Project         string // empty: the service account's own
	Now             func() time.Time
}

// Account is an account at AI Studio or Vertex AI.
type Account struct {
	*provider.Account
	models string // the path before a model's name
	tokens *tokens
}

// New makes an account.
func New(opt Options) (*Account, error) {
	if opt.CredentialsFile == "" {
		a, err := provider.NewAccount(Kind, defaultURL, opt.Options)
		if err != nil {
			return nil, err
		}
		return &Account{Account: a, models: "/models/"}, nil
	}
	return newVertex(opt)
}

// newVertex makes an account at Vertex AI.
func newVertex(opt Options) (*Account, error) {
	key, err := readKey(opt.CredentialsFile)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", opt.Name, err)
	}
	if opt.Project == "" {
		opt.Project = key.project
	}
	if opt.Region == "" {
		opt.Region = "global"
	}
	if !plain(opt.Project) || !plain(opt.Region) {
		return nil, fmt.Errorf("provider %s: project %q and region %q must be plain names", opt.Name, opt.Project, opt.Region)
	}
	host := opt.Region + "-aiplatform.googleapis.com"
	if opt.Region == "global" {
		host = "aiplatform.googleapis.com"
	}
	a, err := provider.NewAccount(Kind, "https://"+host+"/v1", opt.Options)
	if err != nil {
		return nil, err
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Account{
		Account: a, tokens: newTokens(key, a.RoundTrip, opt.Now),
		models: "/projects/" + opt.Project + "/locations/" + opt.Region + "/publishers/google/models/",
	}, nil
}

// Surface is the Gemini API for every model.
func (a *Account) Surface(context.Context, string) (provider.Surface, error) {
	return provider.Surface{Dialect: "gemini"}, nil
}

// ErrModel is returned for a name that cannot be a model's.
var ErrModel = errors.New("this is no name of a Gemini model: letters, digits, dots, hyphens and underscores only")

// plain tells whether s can stand in a path as one step of it.
func plain(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '_', c == '@':
		default:
			return false
		}
	}
	return strings.Trim(s, ".") != ""
}

// method is the address of a method of a model. "models/x" and "x" are the same.
func (a *Account) method(model, method string) (*url.URL, error) {
	prefix := a.models
	if tuned, ok := strings.CutPrefix(model, "tunedModels/"); ok && a.tokens == nil {
		prefix, model = "/tunedModels/", tuned
	}
	model = strings.TrimPrefix(model, "models/")
	if !plain(model) {
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
	if a.tokens != nil {
		token, err := a.tokens.get(r.Context())
		if err != nil {
			return err
		}
		r.Header["Authorization"] = []string{"Bearer " + token}
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

// Models lists the account's models that generate content, page by page. Vertex
// AI has no such list of its publishers' models.
func (a *Account) Models(ctx context.Context) ([]provider.Model, error) {
	if a.tokens != nil {
		return nil, nil
	}
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
