package kiro

import (
	"context"
	"errors"
	"fmt"
	"time"

	"turnpike/internal/signin"
)

// device is a login that a person grants in a browser anywhere: nothing has to reach
// this machine.
type device struct {
	Code string     `json:"code"`
	Base string     `json:"base"`
	Cred Credential `json:"cred"`
}

// startDevice registers a client and asks for a code. An empty start URL is
// Builder ID's.
func (i *issuer) startDevice(ctx context.Context, startURL, region string) (in *device, shown signin.Login, err error) {
	kind := BuilderID
	if startURL != "" {
		kind = IdentityCenter
	}
	start, err := i.set.startURL(startURL)
	if err != nil {
		return nil, shown, err
	}
	base, err := i.set.authURL(region)
	if err != nil {
		return nil, shown, err
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
		"grantTypes": []string{signin.DeviceGrant, "refresh_token"}, "issuerUrl": start,
	}, &client)
	if err != nil {
		return nil, shown, &signin.IssuerError{Err: fmt.Errorf("registering: %w", err)}
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
		return nil, shown, &signin.IssuerError{Err: fmt.Errorf("asking for a code: %w", err)}
	}
	if d.Device == "" || d.User == "" || d.URL == "" {
		return nil, shown, &signin.IssuerError{Err: errors.New("the issuer's answer holds no code")}
	}
	in = &device{Code: d.Device, Base: base, Cred: Credential{Kind: kind, Region: region, StartURL: start, ClientID: client.ID, ClientSecret: client.Secret}}
	if client.Expires > 0 {
		in.Cred.SecretExpires = time.Unix(client.Expires, 0).UTC()
	}
	shown = signin.Login{
		UserCode: d.User, URL: d.URL, FullURL: d.Full, Expires: i.now().Add(signin.Bounded(float64(d.Expires), signin.MaxDevice/2, signin.MaxDevice)),
		Interval: signin.Bounded(float64(d.Interval), signin.UsualPoll, signin.MaxPoll).Seconds(),
	}
	return in, shown, nil
}

// pollDevice asks once whether it was granted.
func (i *issuer) pollDevice(ctx context.Context, l *device, interval time.Duration) (Credential, error) {
	var a answer
	err := i.post(ctx, l.Base+"/token", map[string]string{
		"clientId": l.Cred.ClientID, "clientSecret": l.Cred.ClientSecret, "deviceCode": l.Code, "grantType": signin.DeviceGrant,
	}, &a)
	e, refused := errors.AsType[*oauthError](err)
	switch {
	case err == nil:
		return a.into(l.Cred, i.now())
	case refused && e.code == "slow_down":
		return Credential{}, signin.SlowDown(interval, 0)
	case refused && e.code == "authorization_pending":
		return Credential{}, &signin.PendingError{Interval: interval}
	case refused && e.code == "expired_token":
		return Credential{}, signin.ErrLate
	case refused && e.code == "access_denied":
		return Credential{}, signin.ErrDenied
	case refused && e.status < 500:
		return Credential{}, err
	}
	return Credential{}, &signin.PendingError{Interval: interval, Why: "the issuer is asked again: " + err.Error()}
}
