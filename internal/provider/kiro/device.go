package kiro

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// DeviceLogin is a login that a person grants in a browser anywhere: nothing has to
// reach this machine.
type DeviceLogin struct {
	UserCode string    `json:"user_code"`
	URL      string    `json:"verification_uri"`
	FullURL  string    `json:"verification_uri_complete,omitempty"`
	Expires  time.Time `json:"expires_at"`

	code     string
	interval time.Duration
	base     string
	cred     Credential
}

// Bounds of what an issuer asks of those who poll.
const (
	slowDown    = 5 * time.Second // RFC 8628, 3.5
	defaultPoll = 5 * time.Second
	maxPoll     = time.Minute
	maxDevice   = 30 * time.Minute
)

// deviceGrant is the grant of RFC 8628.
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// startDevice registers a client and asks for a code. An empty start URL is
// Builder ID's.
func (i *issuer) startDevice(ctx context.Context, startURL, region string) (*DeviceLogin, error) {
	kind := BuilderID
	if startURL != "" {
		kind = IdentityCenter
	}
	start, err := i.set.startURL(startURL)
	if err != nil {
		return nil, err
	}
	base, err := i.set.authURL(region)
	if err != nil {
		return nil, err
	}
	if region == "" {
		region = i.set.Region
	}
	var client struct {
		ID      string `json:"clientId"`
		Secret  string `json:"clientSecret"`
		Expires int64  `json:"clientSecretExpiresAt"`
	}
	err = i.post(ctx, base+"/client/register", map[string]any{
		"clientName": i.set.Device.ClientName, "clientType": "public", "scopes": i.set.Device.Scopes,
		"grantTypes": []string{deviceGrant, "refresh_token"}, "issuerUrl": start,
	}, &client)
	if err != nil {
		return nil, fmt.Errorf("registering: %w", err)
	}
	var d struct {
		Device   string `json:"deviceCode"`
		User     string `json:"userCode"`
		URL      string `json:"verificationUri"`
		Full     string `json:"verificationUriComplete"`
		Expires  int64  `json:"expiresIn"`
		Interval int64  `json:"interval"`
	}
	err = i.post(ctx, base+"/device_authorization", map[string]string{"clientId": client.ID, "clientSecret": client.Secret, "startUrl": start}, &d)
	if err != nil {
		return nil, fmt.Errorf("asking for a code: %w", err)
	}
	if d.Device == "" || d.User == "" || d.URL == "" {
		return nil, errors.New("the issuer's answer holds no code")
	}
	l := &DeviceLogin{
		UserCode: d.User, URL: d.URL, FullURL: d.Full, code: d.Device, base: base,
		Expires:  i.now().Add(min(max(time.Duration(min(d.Expires, 3600))*time.Second, time.Minute), maxDevice)),
		interval: defaultPoll,
		cred:     Credential{Kind: kind, Region: region, StartURL: start, ClientID: client.ID, ClientSecret: client.Secret},
	}
	if client.Expires > 0 {
		l.cred.SecretExpires = time.Unix(client.Expires, 0).UTC()
	}
	if d.Interval > 0 {
		l.interval = min(time.Duration(min(d.Interval, 3600))*time.Second, maxPoll)
	}
	return l, nil
}

// errPending says that the person has not granted it yet.
var errPending = errors.New("waiting for the browser")

// pollDevice asks once whether it was granted.
func (i *issuer) pollDevice(ctx context.Context, l *DeviceLogin) (Credential, error) {
	if !i.now().Before(l.Expires) {
		return Credential{}, errors.New("nobody signed in in time: begin again")
	}
	var a answer
	err := i.post(ctx, l.base+"/token", map[string]string{
		"clientId": l.cred.ClientID, "clientSecret": l.cred.ClientSecret, "deviceCode": l.code, "grantType": deviceGrant,
	}, &a)
	if e, ok := errors.AsType[*oauthError](err); ok {
		switch e.code {
		case "slow_down":
			l.interval = min(l.interval+slowDown, maxPoll)
			return Credential{}, errPending
		case "authorization_pending":
			return Credential{}, errPending
		case "expired_token":
			return Credential{}, errors.New("nobody signed in in time: begin again")
		case "access_denied":
			return Credential{}, errors.New("the login was denied in the browser")
		}
	}
	if err != nil {
		return Credential{}, err
	}
	return a.into(l.cred, i.now())
}
