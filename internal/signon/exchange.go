package signon

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"turnpike/internal/identity"
	"turnpike/internal/store"
)

// Token exchange (RFC 8693): a machine shows the token that its own platform has given it,
// such as GitHub's or GitLab's for a job, and is given a short-lived one of the gateway.

const (
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeAccess    = "urn:ietf:params:oauth:token-type:access_token" //nolint:gosec // a name
	typeJWT       = "urn:ietf:params:oauth:token-type:jwt"
	typeID        = "urn:ietf:params:oauth:token-type:id_token"

	// maxSubject bounds a token that is shown.
	maxSubject = 16 << 10
	// oldest is how long ago a token may have been issued: a job's is fresh.
	oldest = 24 * time.Hour
)

// exchanged is the answer, as RFC 8693 (section 2.2.1) has it.
type exchanged struct {
	Access  string `json:"access_token"`
	Issued  string `json:"issued_token_type"`
	Type    string `json:"token_type"`
	Seconds int    `json:"expires_in"`
}

// oauthError is an error as RFC 6749 (section 5.2) has it.
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// exchange answers in the form of OAuth, errors too.
func exchange(c *call) (any, error) {
	if err := limited(c.addresses, c.from, tooMany); err != nil {
		return nil, err
	}
	out, refused, err := c.exchange()
	if err != nil {
		return nil, err
	}
	if refused == nil {
		return out, nil
	}
	c.addresses.Failed(c.from)
	c.Accounts.Tell(c.ctx, identity.Event{Action: "token_exchange", Outcome: refused.Description})
	text, err := json.Marshal(refused)
	if err != nil {
		return nil, err
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(http.StatusBadRequest)
	_, _ = c.w.Write(append(text, '\n'))
	return done{}, nil
}

// done says that the answer was written.
type done struct{}

func invalid(code, why string) *oauthError { return &oauthError{code, why} }

func (c *call) exchange() (*exchanged, *oauthError, error) {
	form, refused := c.form()
	if refused != nil {
		return nil, refused, nil
	}
	token := form.Get("subject_token")
	issuerOf, ok := unverifiedIssuer(token)
	if !ok {
		return nil, invalid("invalid_request", "subject_token is no JWT"), nil
	}
	services, err := c.Accounts.Store.Services(c.ctx, issuerOf)
	if err != nil {
		return nil, nil, err
	}
	services = slices.DeleteFunc(services, func(v store.Service) bool { return !v.DisabledAt.IsZero() })
	if len(services) == 0 { // no other issuer is ever asked anything
		return nil, invalid("invalid_grant", "tokens of this issuer are not taken"), nil
	}
	i, err := c.issuers.find(c.ctx, issuerOf)
	if err != nil {
		c.Log.Warn("an issuer of tokens cannot be asked", "issuer", issuerOf, "error", err)
		return nil, invalid("temporarily_unavailable", "the issuer cannot be asked for its keys"), nil
	}
	says, err := c.subject(issuerOf, i, token)
	if err != nil {
		c.Log.Info("a token was not taken for another", "issuer", issuerOf, "error", err)
		return nil, invalid("invalid_grant", "the token is not valid: its signature, issuer or time is wrong"), nil
	}
	at := slices.IndexFunc(services, func(v store.Service) bool {
		return slices.Contains(list(says["aud"]), v.Audience) && identity.Fits(&v, says)
	})
	if at < 0 {
		return nil, invalid("invalid_grant", "no service is for a token with this audience and these claims"), nil
	}
	v := &services[at]
	access, err := c.Accounts.OpenService(c.ctx, v, word(says, "sub"))
	return &exchanged{access, typeAccess, "Bearer", int(v.Lifetime.Seconds())}, nil, err
}

// form reads the parameters, each said once.
func (c *call) form() (url.Values, *oauthError) {
	c.bound()
	media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" || c.r.ParseForm() != nil {
		return nil, invalid("invalid_request", "send a form: application/x-www-form-urlencoded")
	}
	form := c.r.PostForm
	for name, values := range form {
		if len(values) != 1 {
			return nil, invalid("invalid_request", name+" is said twice")
		}
	}
	want := form.Get("requested_token_type")
	switch kind := form.Get("subject_token_type"); {
	case form.Get("grant_type") != grantExchange:
		return nil, invalid("unsupported_grant_type", "grant_type must be "+grantExchange)
	case kind != typeJWT && kind != typeID:
		return nil, invalid("invalid_request", "subject_token_type must be "+typeJWT+" or "+typeID)
	case want != "" && want != typeAccess && want != typeJWT:
		return nil, invalid("invalid_request", "requested_token_type must be "+typeAccess)
	case form.Has("actor_token"):
		return nil, invalid("invalid_request", "actor_token is not taken: nobody acts for a machine")
	case len(form.Get("subject_token")) > maxSubject:
		return nil, invalid("invalid_request", "subject_token is too long")
	}
	return form, nil
}

// unverifiedIssuer is whose token it says it is: which keys it is to be compared with.
func unverifiedIssuer(token string) (string, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", false
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var says struct {
		Issuer string `json:"iss"`
	}
	if err != nil || json.Unmarshal(text, &says) != nil || says.Issuer == "" {
		return "", false
	}
	return says.Issuer, true
}

var errOld = errors.New("it was issued in the future, or long ago")

// subject is what a token says, if its issuer has signed it and it is good now. For whom it
// is, each service says.
func (c *call) subject(address string, i *issuer, token string) (says map[string]any, err error) {
	late := func() time.Time { return c.Now().Add(-skew) }
	ctx, cancel := context.WithTimeout(oidc.ClientContext(c.ctx, c.issuers.client(address)), slowest)
	defer cancel()
	id, err := i.found.Verifier(&oidc.Config{SkipClientIDCheck: true, Now: late}).Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	if now := c.Now(); id.IssuedAt.After(now.Add(skew)) || id.IssuedAt.Before(now.Add(-oldest)) {
		return nil, errOld
	}
	return says, id.Claims(&says)
}
