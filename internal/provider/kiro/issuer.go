package kiro

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"turnpike/internal/signin"
)

// maxAnswer bounds what an issuer or the control plane says.
const maxAnswer = 1 << 20

// issuer asks those who issue tokens. It follows no redirects.
type issuer struct {
	rt  http.RoundTripper
	set *Settings
	now func() time.Time
}

// oauthError is an issuer's refusal, by its code (RFC 6749, RFC 8628). What else it
// says is not repeated: it may hold what was sent.
type oauthError struct {
	status int
	code   string
}

func (e *oauthError) Error() string {
	return fmt.Sprintf("the issuer answered %d %s", e.status, e.code)
}

// codes are the only words of an issuer that are repeated.
var codes = map[string]bool{
	"authorization_pending": true, "slow_down": true, "expired_token": true, "access_denied": true, "invalid_grant": true,
	"invalid_client": true, "invalid_request": true, "unauthorized_client": true, "invalid_scope": true, "unsupported_grant_type": true,
}

// exceptions are AWS's names of the same.
var exceptions = map[string]string{
	"AuthorizationPendingException": "authorization_pending", "SlowDownException": "slow_down", "ExpiredTokenException": "expired_token",
	"AccessDeniedException": "access_denied", "InvalidGrantException": "invalid_grant", "InvalidClientException": "invalid_client",
}

// post sends JSON, or a form, and reads JSON.
func (i *issuer) post(ctx context.Context, address string, body, into any) error {
	var text []byte
	kind := "application/json"
	if form, ok := body.(url.Values); ok {
		text, kind = []byte(form.Encode()), "application/x-www-form-urlencoded"
	} else {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(text))
	if err != nil {
		return errors.New("the issuer's address is wrong")
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Accept", "application/json")
	return i.do(r, into)
}

func (i *issuer) do(r *http.Request, into any) error {
	res, err := i.rt.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("the issuer could not be reached: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("the issuer's answer broke off: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return refusal(res, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return errors.New("the issuer's answer is not what its API promises")
	}
	return nil
}

func refusal(res *http.Response, text []byte) error {
	var told struct {
		Error string `json:"error"`
		Type  string `json:"__type"`
	}
	_ = json.Unmarshal(text, &told) // a page has no code
	e := &oauthError{status: res.StatusCode}
	if codes[told.Error] {
		e.code = told.Error
		return e
	}
	name, _, _ := strings.Cut(res.Header.Get("X-Amzn-Errortype"), ":")
	if name == "" {
		name = told.Type[strings.LastIndexByte(told.Type, '#')+1:]
	}
	e.code = exceptions[name]
	return e
}

// answer is what all issuers answer with, in either spelling.
type answer struct {
	Access   string `json:"accessToken"`
	Refresh  string `json:"refreshToken"`
	Expires  int64  `json:"expiresIn"`
	Profile  string `json:"profileArn"`
	Access2  string `json:"access_token"`
	Refresh2 string `json:"refresh_token"`
	Expires2 int64  `json:"expires_in"`
}

// Bounds of a token's life, and the one of a token that does not tell.
const (
	defaultLife = time.Hour
	maxLife     = 24 * time.Hour
)

// into puts new tokens into a credential.
func (a *answer) into(c Credential, now time.Time) (Credential, error) {
	access, refresh, seconds := a.Access+a.Access2, a.Refresh+a.Refresh2, max(a.Expires, a.Expires2)
	if access == "" {
		return c, errors.New("the issuer's answer holds no token")
	}
	c.Access, c.Refused = access, ""
	if refresh != "" {
		c.Refresh = refresh
	}
	if a.Profile != "" {
		c.Profile = a.Profile
	}
	life := defaultLife
	if seconds > 0 {
		life = min(time.Duration(min(seconds, int64(maxLife/time.Second)))*time.Second, maxLife)
	}
	c.Expires = now.Add(life)
	return c, nil
}

// refresh gets the next tokens of a credential. A refusal that will not pass is a
// *signin.DeadError.
func (i *issuer) refresh(ctx context.Context, c Credential) (Credential, error) {
	if c.Refresh == "" {
		return c, &signin.DeadError{Why: "the token has run out and cannot be refreshed"}
	}
	var a answer
	var err error
	switch c.Kind {
	case BuilderID, IdentityCenter:
		if !c.SecretExpires.IsZero() && !i.now().Before(c.SecretExpires) {
			return c, &signin.DeadError{Why: "the registration of the login has run out"}
		}
		var base string
		if base, err = i.set.authURL(c.Region); err == nil {
			err = i.post(ctx, base+"/token", map[string]string{
				"clientId": c.ClientID, "clientSecret": c.ClientSecret, "refreshToken": c.Refresh, "grantType": "refresh_token",
			}, &a)
		}
	case Social:
		err = i.refreshSocial(ctx, &c, &a)
	case ExternalIdP:
		if !i.set.allowedIssuer(c.TokenURL) {
			return c, errors.New("the issuer of the login is not allowed: see external.issuers in the provider's settings")
		}
		err = i.post(ctx, c.TokenURL, url.Values{"client_id": {c.ClientID}, "grant_type": {"refresh_token"}, "refresh_token": {c.Refresh}, "scope": {c.Scope}}, &a)
	default:
		err = fmt.Errorf("a login of kind %q cannot be refreshed", c.Kind)
	}
	if e, ok := errors.AsType[*oauthError](err); ok && (e.code == "invalid_grant" || e.code == "invalid_client" || e.code == "unauthorized_client") {
		return c, &signin.DeadError{Why: "the login was refused (" + e.code + ")"}
	}
	if err != nil {
		return c, err
	}
	return a.into(c, i.now())
}

func (i *issuer) refreshSocial(ctx context.Context, c *Credential, a *answer) error {
	region := c.Region
	if region == "" {
		region = i.set.Region
	}
	if !contains(i.set.Social.Regions, region) {
		return fmt.Errorf("%q is no region a login is known in", region)
	}
	text, err := json.Marshal(map[string]string{"refreshToken": c.Refresh})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, inRegion(i.set.Social.RefreshURL, region), bytes.NewReader(text))
	if err != nil {
		return errors.New("the issuer's address is wrong")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", strings.ReplaceAll(i.set.Social.UserAgent, "{machine}", machine(c)))
	return i.do(r, a)
}
