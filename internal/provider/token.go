package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Tokens keeps one access token fresh. Whoever finds it stale fetches the next
// one while the others wait, each no longer than its own context.
type Tokens struct {
	fetch func(context.Context) (value string, life time.Duration, err error)
	now   func() time.Time

	turn    chan struct{} // held by who reads or changes the rest
	value   string
	expires time.Time
}

// NewTokens makes a keeper of tokens that fetch gets.
func NewTokens(fetch func(context.Context) (string, time.Duration, error), now func() time.Time) *Tokens {
	if now == nil {
		now = time.Now
	}
	return &Tokens{fetch: fetch, now: now, turn: make(chan struct{}, 1)}
}

// How long before its end a token is replaced, and how long fetching one may take.
const (
	refreshBefore = 2 * time.Minute
	fetchTimeout  = 15 * time.Second
)

// Get returns a token that is good for a while.
func (t *Tokens) Get(ctx context.Context) (string, error) {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-t.turn }()
	if t.value != "" && t.now().Add(refreshBefore).Before(t.expires) {
		return t.value, nil
	}
	// The one who fetches does so for all that wait: its own client's leaving
	// must not spoil it for them.
	fetch, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	value, life, err := t.fetch(fetch)
	if err != nil {
		return "", err
	}
	t.value, t.expires = value, t.now().Add(life)
	return value, nil
}

// Bounds of the answer that holds a token, and of the life it tells.
const (
	maxToken     = 64 << 10
	maxTokenLife = 24 * time.Hour
)

// AskToken asks an OAuth token endpoint by a form (RFC 6749). issuer names it in
// errors, which hold nothing of the form or of the answer but its error code.
func (a *Account) AskToken(ctx context.Context, issuer, endpoint string, form url.Values) (string, time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, fmt.Errorf("no access token from %s: its address is wrong", issuer)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return a.ReadToken(issuer, r)
}

// ReadToken sends a request for a token.
func (a *Account) ReadToken(issuer string, r *http.Request) (string, time.Duration, error) {
	res, err := a.RoundTrip(r)
	if err != nil {
		return "", 0, fmt.Errorf("no access token from %s: %w", issuer, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxToken))
	if err != nil {
		return "", 0, fmt.Errorf("no access token from %s: %w", issuer, err)
	}
	var answer struct {
		Token   string `json:"access_token"`
		Expires int64  `json:"expires_in"`
		Error   string `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Token == "" || res.StatusCode != http.StatusOK {
		return "", 0, fmt.Errorf("no access token from %s: status %d %.60s: check the credentials of the provider", issuer, res.StatusCode, answer.Error)
	}
	return answer.Token, time.Duration(min(max(answer.Expires, 0), int64(maxTokenLife/time.Second))) * time.Second, nil
}
