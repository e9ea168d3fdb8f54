package kiro

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// RoundTrip sends a request to the endpoints in their order, until one takes it. A
// token that is refused is renewed, once. What comes back is the last answer.
func (a *Account) RoundTrip(r *http.Request) (*http.Response, error) {
	t, ok := r.Context().Value(tripKey{}).(*trip)
	if !ok {
		return a.Account.RoundTrip(r)
	}
	s := &sending{a: a, r: r, t: *t}
	if r.Body != nil {
		_ = r.Body.Close() // each endpoint gets one of its own
	}
	list := a.endpoints.order(t.region, t.native)
	if len(list) == 0 {
		return nil, errNoEndpoint
	}
	for i, e := range list {
		res, err := s.to(e)
		last := i == len(list)-1 || r.Context().Err() != nil || s.stuck
		switch {
		case err != nil && last:
			return nil, err
		case err != nil:
			e.busy(a.opt.Now(), nil)
			continue
		case res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusRequestTimeout || res.StatusCode >= 500:
			if spent(peek(res)) {
				return a.exhausted(r.Context(), res, &s.t.cred), nil
			}
			e.busy(a.opt.Now(), res.Header)
			if last {
				return res, nil
			}
			_ = res.Body.Close()
		case res.StatusCode == http.StatusPaymentRequired:
			return a.exhausted(r.Context(), res, &s.t.cred), nil
		default:
			if res.StatusCode < 400 {
				e.fine()
			}
			return res, nil
		}
	}
	return nil, errNoEndpoint
}

var errNoEndpoint = errors.New("no endpoint takes this: see endpoints in the provider's settings")

// sending is a request on its way.
type sending struct {
	a       *Account
	r       *http.Request
	t       trip
	renewed bool
	stuck   bool // there is no other token: no endpoint will take it
}

// to sends the request to an endpoint, and once more with another token where its
// token is refused.
func (s *sending) to(e *endpoint) (*http.Response, error) {
	for {
		r := s.r.Clone(s.r.Context())
		if s.r.GetBody != nil {
			body, err := s.r.GetBody()
			if err != nil {
				return nil, err
			}
			r.Body = body
		}
		s.a.aim(r, e, &s.t)
		res, err := s.a.Account.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		if res.StatusCode >= 400 {
			s.withoutToken(res)
		}
		if s.renewed || s.t.cred.Kind == APIKey || !tokenRefused(res) {
			return res, nil
		}
		s.renewed = true
		next, err := s.a.keeper.Renew(s.r.Context(), s.t.cred.Access)
		_ = res.Body.Close()
		if err != nil {
			s.stuck = true
			return nil, err
		}
		s.t.cred = next
	}
}

// withoutToken takes the token out of a refusal that repeats it: what it says goes on
// to clients.
func (s *sending) withoutToken(res *http.Response) {
	text := peek(res)
	for _, secret := range []string{s.t.cred.Access, s.t.cred.Refresh} {
		if secret != "" && bytes.Contains(text, []byte(secret)) {
			text = bytes.ReplaceAll(text, []byte(secret), []byte("…"))
			res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		}
	}
}

// maxRefusal bounds what is read of a refusal.
const maxRefusal = 64 << 10

// peek reads the body of a refusal and puts it back.
func peek(res *http.Response) []byte {
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxRefusal)) // what there is of it is enough
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(text))
	res.ContentLength = int64(len(text))
	return text
}

// tokenRefused tells whether an answer is about the token and not about what its
// person may do.
func tokenRefused(res *http.Response) bool {
	switch res.StatusCode {
	case http.StatusUnauthorized:
		return true
	case http.StatusForbidden:
		text := strings.ToLower(string(peek(res)))
		return strings.Contains(text, "bearer token") || strings.Contains(text, "expiredtoken")
	}
	return false
}

// spent tells whether a refusal says that there is nothing left for the day or month.
func spent(text []byte) bool {
	var told struct {
		Reason string `json:"reason"`
	}
	_ = json.Unmarshal(text, &told) // a page has no reason
	switch told.Reason {
	case "DAILY_REQUEST_COUNT", "MONTHLY_REQUEST_COUNT", "OVERAGE_REQUEST_LIMIT_EXCEEDED", "CONVERSATION_LIMIT_EXCEEDED":
		return true
	}
	return false
}

// exhausted puts on a refusal how long it holds.
func (a *Account) exhausted(ctx context.Context, res *http.Response, c *Credential) *http.Response {
	peek(res)
	a.quota.Tell(ctx, res.Header, a.opt.Now(), func(ctx context.Context) (Usage, error) { return a.usage(ctx, c) })
	return res
}
