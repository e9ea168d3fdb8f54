package copilot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"turnpike/internal/provider"
	"turnpike/internal/signin"
)

// maxAnswer bounds what GitHub says of an account, and a list of models.
const maxAnswer = 8 << 20

// milliseconds are times above this: in seconds it is the year 5138.
const milliseconds = 1e11

// exchanged is what a token of GitHub's is good for.
type exchanged struct {
	Token     string  `json:"token"`
	Expires   float64 `json:"expires_at"` // Unix seconds; milliseconds have been seen
	RefreshIn float64 `json:"refresh_in"` // seconds
	SKU       string  `json:"sku"`
	Endpoints struct {
		API string `json:"api"`
	} `json:"endpoints"`
}

// exchange gets the next token of the service. c.Refresh is GitHub's, which stays.
func (a *Account) exchange(ctx context.Context, c signin.Credential) (signin.Credential, error) {
	if c.Refresh == "" {
		return c, &signin.DeadError{Why: "the login holds no token of GitHub's"}
	}
	now := a.opt.Now()
	life := time.Duration(a.set.TokenLife)
	if !a.set.Exchange {
		c.Access, c.Base, c.Expires, c.Renew = c.Refresh, a.set.apiURL(), now.Add(life), time.Time{}
		return c, nil
	}
	var got exchanged
	if err := a.askGitHub(ctx, a.set.ExchangePath, c.Refresh, &got); err != nil {
		return c, dead(err)
	}
	if got.Token == "" {
		return c, fmt.Errorf("GitHub's answer holds no token")
	}
	c.Access, c.Base, c.Plan = got.Token, a.set.apiBase(got.Endpoints.API, got.Token), got.SKU
	c.Expires = a.ends(got.Expires, now.Add(life))
	renew := c.Expires
	if got.RefreshIn > 0 && got.RefreshIn < 1e6 {
		renew = now.Add(time.Duration(got.RefreshIn * float64(time.Second)))
	}
	c.Renew = renew.Add(-time.Duration(a.set.RefreshBefore))
	if !c.Renew.After(now) { // a life that is hardly longer than what is kept back: half of it
		c.Renew = now.Add(renew.Sub(now) / 2)
	}
	return c, nil
}

// ends is when a token ends, by GitHub's clock; a time that makes no sense is otherwise.
func (a *Account) ends(told float64, otherwise time.Time) time.Time {
	if told > milliseconds {
		told /= 1000
	}
	if told <= 0 || told > milliseconds {
		return otherwise
	}
	return time.Unix(int64(told), 0).UTC()
}

// dead tells whether a refusal is for good: GitHub does not know its token any more,
// or the person may not use Copilot.
func dead(err error) error {
	refused, ok := err.(*provider.StatusError) //nolint:errorlint // it comes from askGitHub as it is
	if !ok {
		return err
	}
	switch refused.Status {
	case http.StatusUnauthorized:
		return &signin.DeadError{Why: "GitHub does not take the login any more"}
	case http.StatusForbidden, http.StatusNotFound:
		return &signin.DeadError{Why: "GitHub gives the login no Copilot (" + refused.Body + ")"}
	}
	return err
}

// askGitHub asks GitHub itself, with its own token.
func (a *Account) askGitHub(ctx context.Context, path, token string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.set.atHost(a.set.GitHubURL)+path, http.NoBody)
	if err != nil {
		return err
	}
	a.wear(r)
	for name, value := range a.set.GitHubHeaders {
		r.Header.Set(name, value)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "token "+token)
	return a.ReadJSON(r, maxAnswer, quote, into)
}

// maxQuote bounds what is repeated of a refusal.
const maxQuote = 200

// quote is what an answer says went wrong.
func quote(text []byte) string {
	var told struct {
		Message string          `json:"message"`
		Error   json.RawMessage `json:"error"`
		Details struct {
			Message string `json:"message"`
		} `json:"error_details"`
	}
	_ = json.Unmarshal(text, &told) // a page tells nothing
	said := told.Details.Message
	if said == "" {
		said = told.Message
	}
	if said == "" {
		var inner struct{ Message string }
		_ = json.Unmarshal(told.Error, &inner)
		said = inner.Message
	}
	return strings.ToValidUTF8(said[:min(len(said), maxQuote)], "")
}
