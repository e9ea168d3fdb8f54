package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"turnpike/internal/config"
	"turnpike/internal/store"
	"turnpike/internal/vault"
)

// acmeSetting is where certificates lie, and the account's key: settings whose values are
// sealed. All gateways on a database have them in common, the answers to challenges among them,
// so that each can answer for another that asks.
const acmeSetting = "acme/"

func acmePlace(setting string) string { return "settings:" + setting }

// acmeCache keeps what autocert keeps.
type acmeCache struct {
	store *store.Store
	safe  *vault.Vault
}

func (c acmeCache) Get(ctx context.Context, key string) ([]byte, error) {
	sealed, ok, err := c.store.Setting(ctx, acmeSetting+key)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, autocert.ErrCacheMiss
	}
	data, err := c.safe.Unseal(sealed, acmePlace(acmeSetting+key))
	if errors.Is(err, vault.ErrOtherKey) { // the key it was sealed with is gone: a new one is asked for
		return nil, autocert.ErrCacheMiss
	}
	return data, err
}

func (c acmeCache) Put(ctx context.Context, key string, data []byte) error {
	return c.store.SetSetting(ctx, acmeSetting+key, c.safe.Seal(data, acmePlace(acmeSetting+key)))
}

func (c acmeCache) Delete(ctx context.Context, key string) error {
	return c.store.DropSetting(ctx, acmeSetting+key)
}

// obtained shows certificates that an ACME directory gives (RFC 8555, by TLS-ALPN-01: RFC 8737).
// They are asked for behind the requests: no handshake waits for one, and none sets off an order.
type obtained struct {
	domains []string
	get     func(*tls.ClientHelloInfo) (*tls.Certificate, error) // autocert's
	log     *slog.Logger
	now     func() time.Time

	mu    sync.Mutex
	there map[string]bool // domains with a certificate
}

func newObtained(ctx context.Context, a *app) (*obtained, error) {
	cfg := a.cfg.Server.TLS.ACME
	client, err := acmeClient(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	m := &autocert.Manager{
		Prompt: autocert.AcceptTOS, // the configuration is refused without accept_terms
		Cache:  acmeCache{a.store, a.safe}, HostPolicy: autocert.HostWhitelist(cfg.Domains...),
		Client: client, Email: cfg.Email,
	}
	return &obtained{domains: cfg.Domains, get: m.GetCertificate, log: a.log, now: time.Now, there: map[string]bool{}}, nil
}

// acmeTimeout bounds one request to a directory.
const acmeTimeout = 30 * time.Second

// untilEnd cuts requests off when the gateway ends: autocert's own contexts outlive it.
type untilEnd struct {
	http.RoundTripper
	end context.Context //nolint:containedctx // see above
}

func (u untilEnd) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(u.end, cancel)
	context.AfterFunc(ctx, func() { stop(); cancel() })
	return u.RoundTripper.RoundTrip(r.WithContext(ctx))
}

func acmeClient(end context.Context, cfg *config.ACME) (*acme.Client, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: acmeTimeout, DisableKeepAlives: true}
	if cfg.CAFile != "" {
		text, err := os.ReadFile(cfg.CAFile) //nolint:gosec // the operator's own
		if err != nil {
			return nil, fmt.Errorf("server.tls.acme.ca_file: %w", err)
		}
		known := x509.NewCertPool()
		if !known.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("server.tls.acme.ca_file: %s holds no certificate in PEM", cfg.CAFile)
		}
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: known}
	}
	return &acme.Client{
		DirectoryURL: cfg.Directory, UserAgent: "turnpike/" + version,
		HTTPClient: &http.Client{Transport: untilEnd{transport, end}, Timeout: acmeTimeout},
	}, nil
}

// config is what the server needs.
func (o *obtained) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: o.show, NextProtos: []string{acme.ALPNProto}}
}

// show answers challenges, and shows everybody else the certificate of the domain that is
// asked for. Who names none of ours, such as a probe that knows an address only, is shown the
// first one.
func (o *obtained) show(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}) {
		return o.get(hello)
	}
	domain := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if !slices.Contains(o.domains, domain) {
		domain = o.domains[0]
	}
	o.mu.Lock()
	there := o.there[domain]
	o.mu.Unlock()
	if !there {
		return nil, errors.New("there is no certificate for " + domain + " yet")
	}
	return o.get(wanting(domain))
}

// wanting is a handshake of a client of today: certificates are of the one kind that all take.
func wanting(domain string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		ServerName: domain, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.CurveP256},
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_AES_128_GCM_SHA256},
	}
}

// How often is looked for certificates: soon again where one is missing, ever more seldom, for
// directories bound what they are asked; else to see that they are renewed in time.
const (
	acmeAgain = time.Minute
	acmeMost  = time.Hour
)

// run asks for certificates until ctx ends. autocert renews them by itself, in the last third
// of their time.
func (o *obtained) run(ctx context.Context) {
	for wait := acmeAgain; ; wait = min(2*wait, acmeMost) {
		if o.look() {
			wait = acmeMost
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// look asks for what is missing, and tells whether nothing is.
func (o *obtained) look() bool {
	all := true
	for _, domain := range o.domains {
		cert, err := o.get(wanting(domain))
		if err != nil {
			all = false
			o.log.Error("there is no certificate: the directory must reach this gateway at port 443 of the domain", "domain", domain, "error", err)
			continue
		}
		o.mu.Lock()
		before := o.there[domain]
		o.there[domain] = true
		o.mu.Unlock()
		if leaf := cert.Leaf; leaf != nil && !before {
			o.log.Info("a certificate is there", "domain", domain, "until", leaf.NotAfter)
		} else if leaf != nil && leaf.NotAfter.Sub(o.now()) < leaf.NotAfter.Sub(leaf.NotBefore)/5 {
			o.log.Warn("the certificate is not renewed: the directory must reach this gateway at port 443 of the domain", "domain", domain, "until", leaf.NotAfter)
		}
	}
	return all
}
