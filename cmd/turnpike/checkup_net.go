package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/checkup"
	"turnpike/internal/config"
)

// soon is when a certificate has to be seen to.
const soon = 21 * 24 * time.Hour

func (x *examined) certificate(context.Context) checkup.Finding {
	c := x.cfg.Server.TLS
	if !c.On() {
		if host := x.cfg.Server.Host; host != "localhost" && !net.ParseIP(host).IsLoopback() && len(x.cfg.Server.TrustedProxies) == 0 {
			return checkup.Warn("set server.tls, or put a proxy that ends TLS before it and name it in server.trusted_proxies", "others reach it without TLS")
		}
		return checkup.None("TLS ends before the gateway, or nobody else reaches it")
	}
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return checkup.Wrong("the files must be readable, PEM, and belong together", "%v", err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return checkup.Wrong("get another one", "%v", err)
	}
	left := leaf.NotAfter.Sub(x.now())
	u, _ := url.Parse(x.cfg.Server.PublicURL)
	switch {
	case left < 0:
		return checkup.Wrong("renew it: the files are read again when they change", "it ran out on %s", day(leaf.NotAfter))
	case x.now().Before(leaf.NotBefore):
		return checkup.Wrong("is the clock right?", "it counts from %s on", day(leaf.NotBefore))
	case u != nil && u.Hostname() != "" && leaf.VerifyHostname(u.Hostname()) != nil:
		return checkup.Wrong("get one for that name", "it is not for %s", u.Hostname())
	case left < soon:
		return checkup.Warn("renew it: the files are read again when they change", "it runs out on %s", day(leaf.NotAfter))
	}
	return checkup.Fine("until %s", day(leaf.NotAfter))
}

func (x *examined) running(ctx context.Context) (string, error) {
	return stateOf(ctx, ownAddress(x.cfg), true)
}

func (x *examined) port(ctx context.Context) checkup.Finding {
	if _, err := x.running(ctx); err == nil {
		return checkup.Fine("the gateway listens at %s", ownAddress(x.cfg))
	}
	at := net.JoinHostPort(x.cfg.Server.Host, strconv.Itoa(x.cfg.Server.Port))
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
	if err == nil {
		_ = l.Close()
		return checkup.Fine("%s is free", at)
	}
	if _, answers := x.ask(ctx, http.MethodGet, ownAddress(x.cfg)+"/health/live", "", ""); answers == nil {
		return checkup.Fine("the gateway, or another program, listens at %s", at)
	}
	return checkup.Wrong("another program has it, or it may not be used: set server.port (ports below 1024 need CAP_NET_BIND_SERVICE)", "%v", err)
}

func (x *examined) gateway(ctx context.Context) checkup.Finding {
	line, err := x.running(ctx)
	var away *net.OpError
	switch {
	case err == nil:
		return checkup.Fine("%s", line)
	case errors.As(err, &away):
		return checkup.Warn("start it: turnpike serve", "it does not run")
	}
	return checkup.Wrong("docs/troubleshooting.md has it by the words", "%v", err)
}

// reply is what somebody answered.
type reply struct {
	status          int
	body            []byte
	date            time.Time
	asked, answered time.Time
}

// ask asks once, without believing certificates less than browsers do, but those of the
// gateway's own address.
func (x *examined) ask(ctx context.Context, method, at, key, body string) (*reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, at, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	own := strings.HasPrefix(at, ownAddress(x.cfg)+"/")
	client := &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: own}}, //nolint:gosec // see above
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	r := &reply{asked: x.now()}
	res, err := client.Do(req) //nolint:gosec // the operator's own addresses
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	r.answered, r.status = x.now(), res.StatusCode
	r.date, _ = http.ParseTime(res.Header.Get("Date"))
	r.body, err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return r, err
}

// request asks the running gateway as a client does.
func (x *examined) request(ctx context.Context) checkup.Finding {
	key := x.key
	if key == "" {
		key = x.cfg.Auth.APIKey.Reveal()
	}
	if key == "" {
		return checkup.None("say --key, and --model to have one answer something")
	}
	if _, err := x.running(ctx); err != nil {
		return checkup.None("the gateway has to run first")
	}
	method, at, body := http.MethodGet, "/v1/models", ""
	if x.model != "" {
		method, at = http.MethodPost, "/v1/chat/completions"
		body = fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"Say hello."}]}`, x.model)
	}
	r, err := x.ask(ctx, method, ownAddress(x.cfg)+at, key, body)
	switch {
	case err != nil:
		return checkup.Wrong("look at the gateway's log", "%v", err)
	case r.status != http.StatusOK:
		return checkup.Wrong("docs/troubleshooting.md has it by the words", "%s: %d %s", at, r.status, oneLine(string(r.body)))
	}
	return checkup.Fine("%s answered in %s", at, r.answered.Sub(r.asked).Round(time.Millisecond))
}

func (x *examined) public(ctx context.Context) checkup.Finding {
	at := x.cfg.Server.PublicURL
	if at == "" {
		return checkup.None("server.public_url is not set: needed for sign-in by an identity provider")
	}
	r, err := x.ask(ctx, http.MethodGet, at+"/health/live", "", "")
	switch {
	case err != nil:
		return checkup.Wrong(network(err), "%s: %v", at, err)
	case r.status != http.StatusOK:
		return checkup.Wrong("something else answers there, or the proxy does not reach the gateway", "%s/health/live: %d", at, r.status)
	}
	return checkup.Fine("%s answers", at)
}

func (x *examined) signIn(ctx context.Context) (list []checkup.Finding) {
	for i := range x.cfg.Auth.OIDC {
		list = append(list, x.issuer(ctx, &x.cfg.Auth.OIDC[i])...)
	}
	if list == nil {
		return []checkup.Finding{checkup.None("no identity provider is configured")}
	}
	return list
}

// issuer reads a discovery document, as signing in does (OpenID Connect Discovery 1.0, 4.3).
func (x *examined) issuer(ctx context.Context, o *config.OIDC) []checkup.Finding {
	r, err := x.ask(ctx, http.MethodGet, strings.TrimSuffix(o.Address(), "/")+"/.well-known/openid-configuration", "", "")
	if err != nil {
		return []checkup.Finding{checkup.Wrong(network(err), "%s: %v", o.Name, err)}
	}
	var said struct {
		Issuer string
		Auth   string `json:"authorization_endpoint"`
	}
	switch err := json.Unmarshal(r.body, &said); {
	case r.status != http.StatusOK || err != nil || said.Auth == "":
		return []checkup.Finding{checkup.Wrong("look at tenant, user_pool or issuer of auth.oidc", "%s: %s is no identity provider (%d)", o.Name, o.Address(), r.status)}
	case said.Issuer != o.Address():
		return []checkup.Finding{checkup.Wrong("set issuer to just that", "%s calls itself %s", o.Name, said.Issuer)}
	}
	list := []checkup.Finding{checkup.Fine("%s: %s/auth/oidc/%s/callback must be among its addresses", o.Name, x.cfg.Server.PublicURL, o.Name)}
	if !r.date.IsZero() {
		// A date is in whole seconds.
		f := clockFinding(r.date, r.asked.Add(-time.Second), r.answered, o.Name+"'s")
		f.Check = "clock"
		list = append(list, f)
	}
	return list
}

func (x *examined) upstreams(ctx context.Context) (list []checkup.Finding) {
	if !x.providers {
		return []checkup.Finding{checkup.None("say --providers to have them asked for their models")}
	}
	cfg, err := withLive(ctx, x.cfg)
	if err != nil {
		cfg = x.cfg
	}
	known, err := accounts(cfg)
	if err != nil {
		return []checkup.Finding{checkup.Wrong("mend the entry", "%v", err)}
	}
	if done, err := withLogins(ctx, cfg, known); err == nil {
		defer done()
	}
	for _, a := range known {
		name := a.Provider.Name()
		if a.Off != "" {
			list = append(list, checkup.Warn("mend or remove it", "%s is not in use: %s", name, a.Off))
			continue
		}
		from := time.Now()
		models, err := a.Provider.Models(ctx)
		if err != nil {
			list = append(list, checkup.Wrong(network(err), "%s: %s", name, oneLine(err.Error())))
			continue
		}
		list = append(list, checkup.Fine("%s: %d models in %s", name, len(models), time.Since(from).Round(time.Millisecond)))
	}
	return list
}

// network says what to do about a call that did not come to its end: whose part failed.
func network(err error) string {
	var (
		name        *net.DNSError
		dial        *net.OpError
		certificate *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &name):
		return "the name is not known here: look at its spelling, at the resolver, and whether DNS is let out"
	case errors.As(err, &certificate):
		return "its certificate is not believed: is a proxy in between? Name its authority in SSL_CERT_FILE"
	case errors.As(err, &dial) && dial.Op == "dial":
		return "nothing answers there: look at port, firewall, network policy, HTTPS_PROXY"
	case errors.Is(err, context.DeadlineExceeded):
		return "it took too long: look at firewall, network policy, HTTPS_PROXY"
	}
	return "look at its address and key; docs/troubleshooting.md has it by the words"
}
