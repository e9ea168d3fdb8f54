package bedrock

import (
	"context"
	"net/http"

	"turnpike/internal/provider"
)

// mantle is Bedrock's OpenAI-style endpoint: chat completions and Responses, signed
// like all else in the region or by the Bedrock API key.
type mantle struct {
	*provider.Account
	service string
}

// mantleService is the name its signatures are made for (openai-go, package
// bedrock; IAM's actions are called so too).
const mantleService = "bedrock-mantle"

// newMantle makes the other half of an account. The path is the one of OpenAI's own
// models; /v1 has models of other vendors (Bedrock user guide, bedrock-mantle).
func newMantle(opt Options) (*mantle, error) {
	o := opt.Options
	o.BaseURL = opt.MantleURL
	a, err := provider.NewAccount(Kind, "https://bedrock-mantle."+opt.Region+".api.aws/openai/v1", o)
	if err != nil {
		return nil, err
	}
	if opt.MantleService == "" {
		opt.MantleService = mantleService
	}
	return &mantle{a, opt.MantleService}, nil
}

// onMantle tells whether a call goes there.
func onMantle(s provider.Surface) bool { return s.Dialect == Chat || s.Dialect == Responses }

func (a *Account) mantleRequest(ctx context.Context, c *provider.Call) (*http.Request, error) {
	path := "/chat/completions"
	if c.Surface.Dialect == Responses {
		path = "/responses"
	}
	r := a.mantle.Post(ctx, a.mantle.URL(path), c)
	return a.signed(ctx, r, c.Body.Bytes(), a.mantle.service)
}

// mantleModels lists what is served there.
func (a *Account) mantleModels(ctx context.Context) ([]provider.Model, error) {
	var list struct {
		Data []struct {
			ID      string `json:"id"`
			Created int64  `json:"created"`
			OwnedBy string `json:"owned_by"`
		} `json:"data"`
	}
	sign := func(r *http.Request) error { return a.signer.sign(r.Context(), r, nil, a.mantle.service) }
	if err := a.mantle.GetJSON(ctx, a.mantle.URL("/models"), sign, &list); err != nil {
		return nil, err
	}
	out := make([]provider.Model, 0, len(list.Data))
	for _, m := range list.Data {
		out = append(out, provider.Model{ID: m.ID, Created: m.Created, Owner: m.OwnedBy})
	}
	return out, nil
}
