package gemini

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// serviceKey is the key of a service account.
type serviceKey struct {
	email, project, keyID string
	tokenURL              string
	private               *rsa.PrivateKey
}

// maxKeyFile bounds a key file.
const maxKeyFile = 64 << 10

// Where tokens are asked for, unless the key file says another place.
const defaultTokenURL = "https://oauth2.googleapis.com/token" //nolint:gosec // an address, no secret

// scope is what a token allows.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// readKey reads the JSON key file of a service account. Errors hold nothing of it.
func readKey(path string) (*serviceKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("credentials_file: %w", err)
	}
	if info.Size() > maxKeyFile {
		return nil, errors.New("credentials_file: too large for a service account's key")
	}
	data, err := os.ReadFile(path) //nolint:gosec // named by the operator
	if err != nil {
		return nil, fmt.Errorf("credentials_file: %w", err)
	}
	var f struct {
		Type     string `json:"type"`
		Email    string `json:"client_email"`
		Project  string `json:"project_id"`
		KeyID    string `json:"private_key_id"`
		Key      string `json:"private_key"`
		TokenURL string `json:"token_uri"`
	}
	if json.Unmarshal(data, &f) != nil || f.Type != "service_account" {
		return nil, errors.New("credentials_file: not the JSON key of a service account: make one in the Google Cloud console")
	}
	k := &serviceKey{email: f.Email, project: f.Project, keyID: f.KeyID, tokenURL: f.TokenURL}
	if k.tokenURL == "" {
		k.tokenURL = defaultTokenURL
	}
	if u, err := url.Parse(k.tokenURL); err != nil || u.Host == "" || (u.Scheme != "https" && u.Hostname() != "127.0.0.1") {
		return nil, errors.New("credentials_file: token_uri is not an https address")
	}
	if k.private = privateKey(f.Key); k.private == nil || k.email == "" {
		return nil, errors.New("credentials_file: client_email or private_key is missing or broken")
	}
	return k, nil
}

func privateKey(text string) *rsa.PrivateKey {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil
	}
	if parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		k, _ := parsed.(*rsa.PrivateKey)
		return k
	}
	k, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return nil
	}
	return k
}

// tokens keeps one access token fresh. Whoever finds it stale fetches the next
// one while the others wait, each no longer than its own context.
type tokens struct {
	key  *serviceKey
	send func(*http.Request) (*http.Response, error)
	now  func() time.Time

	turn    chan struct{} // held by who reads or changes the rest
	value   string
	expires time.Time
}

func newTokens(k *serviceKey, send func(*http.Request) (*http.Response, error), now func() time.Time) *tokens {
	return &tokens{key: k, send: send, now: now, turn: make(chan struct{}, 1)}
}

// Times around a token: how long the assertion is good for, how long before its
// end a token is replaced, and how long fetching one may take.
const (
	assertionLife = time.Hour
	refreshBefore = 2 * time.Minute
	fetchTimeout  = 15 * time.Second
)

// get returns a token that is good for a while.
func (t *tokens) get(ctx context.Context) (string, error) {
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

// maxToken bounds the answer that holds a token.
const maxToken = 64 << 10

// fetch trades a signed assertion for a token (RFC 7523).
func (t *tokens) fetch(ctx context.Context) (value string, life time.Duration, err error) {
	assertion, err := t.assertion()
	if err != nil {
		return "", 0, err
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.key.tokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := t.send(r)
	if err != nil {
		return "", 0, fmt.Errorf("no access token from Google: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxToken))
	if err != nil {
		return "", 0, fmt.Errorf("no access token from Google: %w", err)
	}
	var answer struct {
		Token   string `json:"access_token"`
		Expires int64  `json:"expires_in"`
		Error   string `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Token == "" || res.StatusCode != http.StatusOK {
		return "", 0, fmt.Errorf("no access token from Google: status %d %.60s: check the service account and its key", res.StatusCode, answer.Error)
	}
	return answer.Token, time.Duration(min(max(answer.Expires, 0), 86400)) * time.Second, nil
}

// assertion is a JSON Web Token of the service account, signed with RS256.
func (t *tokens) assertion() (string, error) {
	now := t.now()
	head, err := json.Marshal(map[string]string{"alg": "RS256", "typ": "JWT", "kid": t.key.keyID})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": t.key.email, "scope": scope, "aud": t.key.tokenURL, "iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, t.key.private, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("signing with the service account's key: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
