// Package azure reaches OpenAI's models at Azure: the same bodies at other
// addresses, where a model is called by the name of its deployment.
package azure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

// Kind of account in the configuration.
const Kind = "azure"

// The APIs of an account, named as their dialects are.
const (
	chat      = "chat"
	responses = "responses"
)

// Options are what an account is made of. It signs in by its key, or as an
// application registered with Entra ID.
type Options struct {
	provider.Options
	Choice       provider.Choice
	APIVersion   string            // empty: the v1 API, which has none
	Deployments  map[string]string // the deployment of each model, where it has not the model's name
	TenantID     string
	ClientID     string
	ClientSecret string
	TokenURL     string // empty: Entra ID's for the tenant
	Now          func() time.Time
}

// Account is one Azure OpenAI resource.
type Account struct {
	*provider.Account
	opt    Options
	tokens *provider.Tokens // nil with a key
}

// New makes an account. The base URL is the resource's, with or without a path of
// the API behind it.
func New(opt Options) (*Account, error) {
	opt.BaseURL = strings.TrimRight(opt.BaseURL, "/")
	for _, tail := range []string{"/v1", "/openai"} {
		opt.BaseURL = strings.TrimSuffix(opt.BaseURL, tail)
	}
	a, err := provider.NewAccount(Kind, "", opt.Options)
	if err != nil {
		return nil, err
	}
	if err := opt.Choice.Check(opt.Name, chat, responses); err != nil {
		return nil, err
	}
	opt.Deployments = maps.Clone(opt.Deployments)
	acc := &Account{Account: a, opt: opt}
	if opt.ClientSecret != "" {
		if acc.opt.TokenURL == "" {
			acc.opt.TokenURL = "https://login.microsoftonline.com/" + url.PathEscape(opt.TenantID) + "/oauth2/v2.0/token"
		}
		acc.tokens = provider.NewTokens(acc.fetch, opt.Now)
	}
	return acc, nil
}

// scope is what a token allows (Azure OpenAI: Microsoft Entra ID authentication).
const scope = "https://cognitiveservices.azure.com/.default"

func (a *Account) fetch(ctx context.Context) (string, time.Duration, error) {
	return a.AskToken(ctx, "Entra ID", a.opt.TokenURL, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {a.opt.ClientID}, "client_secret": {a.opt.ClientSecret}, "scope": {scope},
	})
}

// deployment is the name a model is called by.
func (a *Account) deployment(model string) string {
	if d := a.opt.Deployments[model]; d != "" {
		return d
	}
	return model
}

// Surface is the API chosen for a model, or chat completions.
func (a *Account) Surface(ctx context.Context, model string) (provider.Surface, error) {
	return a.SurfaceFor(ctx, model, chat)
}

// SurfaceFor is Surface for a client that speaks a dialect.
func (a *Account) SurfaceFor(_ context.Context, model, dialect string) (provider.Surface, error) {
	api := a.opt.Choice.For(model)
	if api == "" {
		api = chat
		if dialect == responses {
			api = responses
		}
	}
	s := provider.Surface{Dialect: api}
	if d := a.deployment(model); d != model {
		s.Called, s.Model = d, model
	}
	return s, nil
}

// ErrModel is returned for a name that cannot be a deployment's.
var ErrModel = errors.New("this is no name of a deployment: letters, digits, dots, hyphens and underscores only")

// plain tells whether s can stand in a path as one step of it.
func plain(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return strings.Trim(s, ".") != ""
}

// address is where an operation is: at the v1 API the body names the deployment, at
// the dated ones the path, but for Responses.
func (a *Account) address(deployment, operation string) (*url.URL, error) {
	if a.opt.APIVersion == "" {
		return a.URL("/openai/v1" + operation), nil
	}
	prefix := "/openai"
	if deployment != "" {
		if !plain(deployment) {
			return nil, ErrModel
		}
		prefix += "/deployments/" + deployment
	}
	u := a.URL(prefix + operation)
	u.RawQuery = url.Values{"api-version": {a.opt.APIVersion}}.Encode()
	return u, nil
}

// NewRequest makes the request of a call.
func (a *Account) NewRequest(ctx context.Context, c *provider.Call) (*http.Request, error) {
	deployment, operation := c.Model, "/chat/completions"
	if c.Surface.Dialect == responses {
		deployment, operation = "", "/responses"
	}
	return a.post(ctx, deployment, operation, c)
}

func (a *Account) post(ctx context.Context, deployment, operation string, c *provider.Call) (*http.Request, error) {
	u, err := a.address(deployment, operation)
	if err != nil {
		return nil, err
	}
	r := a.Post(ctx, u, c)
	if err := a.authorize(r); err != nil {
		_ = r.Body.Close()
		return nil, err
	}
	return r, nil
}

// authorize signs a request unless the operator's own headers do.
func (a *Account) authorize(r *http.Request) error {
	if r.Header.Get("Authorization") != "" || r.Header.Get("Api-Key") != "" {
		return nil
	}
	if a.tokens == nil {
		if k := a.Key(); k != "" {
			r.Header["Api-Key"] = []string{k}
		}
		return nil
	}
	token, err := a.tokens.Get(r.Context())
	if err != nil {
		return err
	}
	r.Header["Authorization"] = []string{"Bearer " + token}
	return nil
}

// Frames reads server-sent events.
func (a *Account) Frames(_ *provider.Call, body io.Reader) wire.FrameReader {
	return wire.NewSSE(body, 0)
}

// Models lists the models that are deployed, as far as the configuration tells, else
// those the resource could deploy.
func (a *Account) Models(ctx context.Context) ([]provider.Model, error) {
	var list struct {
		Data []struct {
			ID      string `json:"id"`
			Created int64  `json:"created_at"`
		} `json:"data"`
	}
	u, err := a.address("", "/models")
	if err != nil {
		return nil, err
	}
	if err := a.GetJSON(ctx, u, a.authorize, &list); err != nil {
		return nil, fmt.Errorf("%w (base_url is https://NAME.openai.azure.com)", err)
	}
	var out []provider.Model
	if len(a.opt.Deployments) > 0 {
		for _, model := range slices.Sorted(maps.Keys(a.opt.Deployments)) {
			out = append(out, provider.Model{ID: model, Owner: Kind})
		}
		return out, nil
	}
	for _, m := range list.Data {
		out = append(out, provider.Model{ID: m.ID, Created: m.Created, Owner: Kind})
	}
	return out, nil
}
