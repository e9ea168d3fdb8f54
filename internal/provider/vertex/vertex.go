// Package vertex reaches Google's Vertex AI: Gemini in Google's own API, Claude in
// Anthropic's.
package vertex

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

// Kind of account in the configuration.
const Kind = "vertex"

// Options are what an account is made of.
type Options struct {
	provider.Options
	Credentials     string // the JSON key of a service account
	CredentialsFile string // a file that holds one; with neither, Google's default credentials
	Project         string // empty: the credentials' own
	Location        string // empty: global
	Now             func() time.Time
	Getenv          func(string) string // nil: the process's environment
}

func (o *Options) getenv(name string) string {
	if o.Getenv == nil {
		return os.Getenv(name)
	}
	return o.Getenv(name)
}

// Account is Vertex AI in one location of one project.
type Account struct {
	*provider.Account
	publishers string // the path before a publisher's name
	creds      *credentials
	tokens     *provider.Tokens
	now        func() time.Time
}

// host is where a location is served (Vertex AI locations: the multi-regions have
// names of another form).
func host(location string) string {
	switch location {
	case "global":
		return "aiplatform.googleapis.com"
	case "us", "eu":
		return "aiplatform." + location + ".rep.googleapis.com"
	}
	return location + "-aiplatform.googleapis.com"
}

// New makes an account.
func New(opt Options) (*Account, error) {
	fail := func(err error) (*Account, error) { return nil, fmt.Errorf("provider %s: %w", opt.Name, err) }
	creds, err := find(&opt)
	if err != nil {
		return fail(err)
	}
	if opt.Project == "" {
		opt.Project = creds.project
	}
	if opt.Location == "" {
		opt.Location = "global"
	}
	switch {
	case opt.Project == "":
		return fail(errors.New("project is missing: the credentials name none"))
	case !provider.Step(strings.Replace(opt.Project, ":", ".", 1)) || // example.com:project is one too
		!provider.Step(opt.Location):
		return fail(fmt.Errorf("project %q and location %q must be plain names", opt.Project, opt.Location))
	}
	a, err := provider.NewAccount(Kind, "https://"+host(opt.Location)+"/v1", opt.Options)
	if err != nil {
		return nil, err
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	acc := &Account{
		Account: a, creds: creds, now: opt.Now,
		publishers: "/projects/" + opt.Project + "/locations/" + opt.Location + "/publishers/",
	}
	acc.tokens = provider.NewTokens(acc.fetch, opt.Now)
	return acc, nil
}

// isClaude tells the models that Anthropic publishes there.
func isClaude(model string) bool { return strings.HasPrefix(model, "claude") }

// Surface is Messages for Claude, Gemini's API for all else.
func (a *Account) Surface(_ context.Context, model string) (provider.Surface, error) {
	if isClaude(model) {
		return provider.Surface{Dialect: "messages", Vertex: true}, nil
	}
	return provider.Surface{Dialect: "gemini"}, nil
}

// ErrModel is returned for a name that cannot be a model's.
var ErrModel = errors.New("this is no name of a model at Vertex AI: letters, digits, dots, hyphens, underscores and @ only")

// method is the address of a method of a model.
func (a *Account) method(model, method string) (*url.URL, error) {
	model = strings.TrimPrefix(model, "models/")
	if !provider.Step(model) {
		return nil, ErrModel
	}
	publisher := "google"
	if isClaude(model) {
		publisher = "anthropic"
	}
	return a.URL(a.publishers + publisher + "/models/" + model + ":" + method), nil
}

// methods are the names of a call: whole and streamed.
var methods = map[bool][2]string{
	true:  {"rawPredict", "streamRawPredict"}, // Claude
	false: {"generateContent", "streamGenerateContent"},
}

// NewRequest makes the request of a call.
func (a *Account) NewRequest(ctx context.Context, c *provider.Call) (*http.Request, error) {
	method := methods[c.Surface.Vertex][0]
	if c.Stream {
		method = methods[c.Surface.Vertex][1]
	}
	u, err := a.method(c.Model, method)
	if err != nil {
		return nil, err
	}
	if c.Stream && !c.Surface.Vertex {
		u.RawQuery = "alt=sse"
	}
	return a.signed(a.Post(ctx, u, c))
}

// signed puts the token on a request unless the operator's own headers sign it.
func (a *Account) signed(r *http.Request) (*http.Request, error) {
	if r.Header.Get("Authorization") != "" {
		return r, nil
	}
	token, err := a.tokens.Get(r.Context())
	if err != nil {
		_ = r.Body.Close()
		return nil, err
	}
	r.Header["Authorization"] = []string{"Bearer " + token}
	return r, nil
}

// Frames reads server-sent events.
func (a *Account) Frames(_ *provider.Call, body io.Reader) wire.FrameReader {
	return wire.NewSSE(body, 0)
}

// Models has nothing to list: Vertex AI does not say which models of its publishers
// a project may call. That a token is to be had shows that the credentials are good.
func (a *Account) Models(ctx context.Context) ([]provider.Model, error) {
	_, err := a.tokens.Get(ctx)
	return nil, err
}
