package copilot

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"turnpike/internal/signin"
)

// RoundTrip sends a request, and once more with another token where its token is
// refused.
func (a *Account) RoundTrip(r *http.Request) (*http.Response, error) {
	t, ok := r.Context().Value(tripKey{}).(*trip)
	if !ok {
		return a.Account.RoundTrip(r)
	}
	res, err := a.Account.RoundTrip(r)
	if err != nil || res.StatusCode < 400 {
		return res, err
	}
	if tokenRefused(res) {
		if res, err = a.again(r, t, res); err != nil || res.StatusCode < 400 {
			return res, err
		}
	}
	return a.refused(bare{r.Context()}, res, &t.cred), nil
}

// tokenRefused tells whether an answer is about the token and not about what its
// person may do.
func tokenRefused(res *http.Response) bool {
	switch res.StatusCode {
	case http.StatusUnauthorized:
		return true
	case http.StatusForbidden:
		text, _ := io.ReadAll(io.LimitReader(res.Body, maxRefusal)) // what there is of it is enough
		_ = res.Body.Close()
		res.Body = io.NopCloser(bytes.NewReader(text))
		low := strings.ToLower(string(text))
		return strings.Contains(low, "token expired") || strings.Contains(low, "token is expired") || strings.Contains(low, "invalid token")
	}
	return false
}

// bare is a request's context without what goes with it: its trace counts the readers
// of its body, and would count those of other requests too.
type bare struct{ context.Context }

// Value is none.
func (bare) Value(any) any { return nil }

// again sends a request with another token.
func (a *Account) again(r *http.Request, t *trip, refusal *http.Response) (*http.Response, error) {
	next, err := a.keeper.Renew(bare{r.Context()}, t.cred.Access)
	if err != nil {
		_ = refusal.Body.Close()
		return nil, err
	}
	if next.Access == t.cred.Access || r.GetBody == nil {
		return refusal, nil
	}
	_ = refusal.Body.Close()
	was := t.cred.Base
	t.cred = next
	second := r.Clone(r.Context())
	if second.Body, err = r.GetBody(); err != nil {
		return nil, err
	}
	path := strings.TrimPrefix(r.URL.String(), a.base(was))
	if err := a.aim(second, path, &next); err != nil {
		_ = second.Body.Close()
		return nil, err
	}
	return a.Account.RoundTrip(second)
}

// base is where the API is: where the operator says, else where the token does.
func (a *Account) base(told string) string {
	if a.opt.BaseURL != "" {
		return strings.TrimRight(a.opt.BaseURL, "/")
	}
	return strings.TrimRight(told, "/")
}

// maxRefusal bounds what is read of a refusal.
const maxRefusal = 64 << 10

// refusal is what the service says with an error.
type refusal struct {
	Code       string  `json:"code"`
	Message    string  `json:"message"`
	Param      string  `json:"param"`
	RetryAfter float64 `json:"retry_after"`
}

// refused says a refusal so that the codecs of the APIs understand it: some come with
// a status that means something else in those APIs, some are plain text.
func (a *Account) refused(ctx context.Context, res *http.Response, c *signin.Credential) *http.Response {
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxRefusal)) // what there is of it is enough
	_ = res.Body.Close()
	for _, secret := range []string{c.Access, c.Refresh} { // what it says goes on to clients
		if secret != "" {
			text = bytes.ReplaceAll(text, []byte(secret), []byte("…"))
		}
	}
	said := readRefusal(text)
	low := strings.ToLower(said.Code + " " + said.Message)
	limited := strings.Contains(low, "rate_limit") || strings.Contains(low, "rate limit")
	spent := res.StatusCode == http.StatusPaymentRequired || strings.Contains(low, "quota_exceeded") || strings.Contains(low, "quota exceeded")
	switch {
	case spent: // as both vendors say it
		res.StatusCode, said.Code = http.StatusTooManyRequests, "insufficient_quota"
		a.quota.Tell(ctx, res.Header, a.opt.Now(), func(ctx context.Context) (signin.Usage, error) { return a.usageOf(ctx, c) })
	case limited && (res.StatusCode == http.StatusBadRequest || res.StatusCode == http.StatusServiceUnavailable || res.StatusCode == http.StatusForbidden):
		res.StatusCode = http.StatusTooManyRequests
	case strings.Contains(low, "model_not_supported") || strings.Contains(low, "requested model is not supported"):
		said.Code = "model_not_found"
	case strings.Contains(low, "max_prompt_tokens_exceeded") || strings.Contains(low, "prompt token count") && strings.Contains(low, "exceeds the limit"):
		said.Code = "context_length_exceeded"
		said.Message = "prompt is too long: " + said.Message // in the words clients know
	}
	if said.RetryAfter > 0 && res.Header.Get("Retry-After") == "" {
		res.Header.Set("Retry-After", strconv.FormatFloat(said.RetryAfter, 'f', -1, 64))
	}
	if said.Message == "" {
		said.Message = http.StatusText(res.StatusCode)
	}
	return put(res, said)
}

// put writes a refusal in the form that all three APIs read.
func put(res *http.Response, said refusal) *http.Response {
	kind := kinds[res.StatusCode]
	if said.Code == "insufficient_quota" {
		kind = "billing_error"
	}
	if kind == "" {
		kind = "api_error"
		if res.StatusCode < 500 {
			kind = "invalid_request_error"
		}
	}
	inner := map[string]any{"type": kind, "message": said.Message, "code": nil}
	if said.Code != "" {
		inner["code"] = said.Code
	}
	if said.Param != "" {
		inner["param"] = said.Param
	}
	text, err := json.Marshal(map[string]any{"type": "error", "error": inner})
	if err != nil {
		text = []byte("{}")
	}
	res.Header.Set("Content-Type", "application/json")
	res.Header.Del("Content-Length")
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return res
}

// kinds are Anthropic's types of error, which OpenAI's codecs know too.
var kinds = map[int]string{
	http.StatusUnauthorized: "authentication_error", http.StatusForbidden: "permission_error",
	http.StatusNotFound: "not_found_error", http.StatusRequestEntityTooLarge: "request_too_large", http.StatusTooManyRequests: "rate_limit_error",
}

// readRefusal finds the words of a refusal, in an object or bare.
func readRefusal(text []byte) refusal {
	var outer struct {
		refusal

		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(text, &outer) != nil {
		plain := strings.TrimSpace(strings.ToValidUTF8(string(text[:min(len(text), maxQuote)]), ""))
		if strings.HasPrefix(plain, "<") {
			plain = "" // a page
		}
		return refusal{Message: plain}
	}
	said := outer.refusal
	if len(outer.Error) > 0 && outer.Error[0] == '"' {
		_ = json.Unmarshal(outer.Error, &said.Message)
	} else if len(outer.Error) > 0 {
		_ = json.Unmarshal(outer.Error, &said) // a code that is a number leaves the rest as it is
	}
	return said
}
