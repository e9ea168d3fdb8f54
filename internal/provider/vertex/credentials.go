package vertex

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
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// credentials are Google's application default credentials: the JSON key of a
// service account, what gcloud left behind for a person, or the machine's own.
type credentials struct {
	kind     string
	project  string // the credentials' own, empty if they name none
	tokenURL string

	email, keyID string // of a service account
	private      *rsa.PrivateKey

	clientID, clientSecret, refresh string // of a person
}

// Kinds of credentials, as their files name them. A machine has no file.
const (
	serviceAccount = "service_account"
	person         = "authorized_user"
	machine        = "machine"
)

// maxKeyFile bounds a key file.
const maxKeyFile = 64 << 10

// Where tokens are asked for, unless the key file says another place.
const defaultTokenURL = "https://oauth2.googleapis.com/token" //nolint:gosec // an address, no secret

// scope is what a token allows.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// find reads the credentials of the options, else those that Google's own
// libraries would find, else takes the machine's.
func find(opt *Options) (*credentials, error) {
	switch {
	case opt.Credentials != "":
		return parse([]byte(opt.Credentials), "credentials")
	case opt.CredentialsFile != "":
		return read(opt.CredentialsFile, "credentials_file")
	}
	if path := opt.getenv("GOOGLE_APPLICATION_CREDENTIALS"); path != "" {
		return read(path, "GOOGLE_APPLICATION_CREDENTIALS")
	}
	if home := opt.getenv("HOME"); home != "" {
		path := filepath.Join(home, ".config", "gcloud", "application_default_credentials.json")
		if _, err := os.Stat(path); err == nil {
			return read(path, "gcloud's default credentials")
		}
	}
	host := opt.getenv("GCE_METADATA_HOST")
	if host == "" {
		host = "metadata.google.internal"
	}
	return &credentials{kind: machine, tokenURL: "http://" + host + "/computeMetadata/v1/instance/service-accounts/default/token"}, nil
}

func read(path, setting string) (*credentials, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	if info.Size() > maxKeyFile {
		return nil, fmt.Errorf("%s: too large for credentials", setting)
	}
	data, err := os.ReadFile(path) //nolint:gosec // named by the operator
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return parse(data, setting)
}

// parse reads a key file. Errors hold nothing of it.
func parse(data []byte, setting string) (*credentials, error) {
	var f struct {
		Type         string `json:"type"`
		Email        string `json:"client_email"`
		Project      string `json:"project_id"`
		Quota        string `json:"quota_project_id"`
		KeyID        string `json:"private_key_id"`
		Key          string `json:"private_key"`
		TokenURL     string `json:"token_uri"`
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
		Refresh      string `json:"refresh_token"`
	}
	if json.Unmarshal(data, &f) != nil || f.Type != serviceAccount && f.Type != person {
		return nil, fmt.Errorf("%s: not the JSON key of a service account: make one in the Google Cloud console", setting)
	}
	c := &credentials{
		kind: f.Type, project: f.Project, tokenURL: f.TokenURL, email: f.Email, keyID: f.KeyID,
		clientID: f.ClientID, clientSecret: f.ClientSecret, refresh: f.Refresh,
	}
	if c.project == "" {
		c.project = f.Quota
	}
	if c.tokenURL == "" {
		c.tokenURL = defaultTokenURL
	}
	if u, err := url.Parse(c.tokenURL); err != nil || u.Host == "" || (u.Scheme != "https" && u.Hostname() != "127.0.0.1") {
		return nil, fmt.Errorf("%s: token_uri is not an https address", setting)
	}
	if c.kind == person {
		if c.clientID == "" || c.refresh == "" {
			return nil, fmt.Errorf("%s: client_id or refresh_token is missing", setting)
		}
		return c, nil
	}
	if c.private = privateKey(f.Key); c.private == nil || c.email == "" {
		return nil, fmt.Errorf("%s: client_email or private_key is missing or broken", setting)
	}
	return c, nil
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

// issuer is who gives the tokens, in errors.
const issuer = "Google"

// fetch gets an access token.
func (a *Account) fetch(ctx context.Context) (string, time.Duration, error) {
	c := a.creds
	switch c.kind {
	case machine:
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.tokenURL, nil)
		if err != nil {
			return "", 0, errors.New("no access token from Google: GCE_METADATA_HOST is not a host")
		}
		r.Header.Set("Metadata-Flavor", "Google")
		return a.ReadToken(issuer, r)
	case person:
		return a.AskToken(ctx, issuer, c.tokenURL, url.Values{
			"grant_type": {"refresh_token"}, "client_id": {c.clientID}, "client_secret": {c.clientSecret}, "refresh_token": {c.refresh},
		})
	}
	assertion, err := c.assertion(a.now())
	if err != nil {
		return "", 0, err
	}
	return a.AskToken(ctx, issuer, c.tokenURL, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}})
}

// assertionLife is how long an assertion is good for.
const assertionLife = time.Hour

// assertion is a JSON Web Token of the service account, signed with RS256 (RFC 7523).
func (c *credentials) assertion(now time.Time) (string, error) {
	head, err := json.Marshal(map[string]string{"alg": "RS256", "typ": "JWT", "kid": c.keyID})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": c.email, "scope": scope, "aud": c.tokenURL, "iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, c.private, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("signing with the service account's key: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
