package provider

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"
)

// Options are what every kind of account is made of.
type Options struct {
	Name      string
	BaseURL   string
	APIKey    string
	Headers   map[string]string // set on every request, over anything else
	Timeouts  Timeouts
	UserAgent string
	Transport http.RoundTripper // nil: a new one of our own
}

// NewTransport makes the HTTP client side of one account: many idle
// connections to one host, no automatic compression (bytes are passed on as they
// come), HTTP/2 where the server offers it.
func NewTransport(t Timeouts) *http.Transport {
	d := &net.Dialer{Timeout: t.Connect, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:             http.ProxyFromEnvironment,
		DialContext:       whole(d.DialContext),
		ForceAttemptHTTP2: true,
		// Thousands of streams hold one of each: a head and a small body go out in
		// one write, and fast answers come in with few reads.
		WriteBufferSize:       2 << 10,
		ReadBufferSize:        6 << 10,
		MaxIdleConns:          4096,
		MaxIdleConnsPerHost:   2048,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   cmp.Or(t.TLS, t.Connect),
		ResponseHeaderTimeout: t.FirstByte,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true,
	}
}

// Account is the part every kind shares: identity, transport, and requests
// with the operator's headers.
type Account struct {
	opt  Options
	kind string
	base *url.URL
	rt   http.RoundTripper
}

// NewAccount checks the options and makes the transport.
func NewAccount(kind, defaultURL string, opt Options) (*Account, error) {
	if opt.BaseURL == "" {
		opt.BaseURL = defaultURL
	}
	u, err := url.Parse(strings.TrimRight(opt.BaseURL, "/"))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("provider %s: base_url %q is not an http(s) address", opt.Name, opt.BaseURL)
	}
	if opt.Transport == nil {
		opt.Transport = NewTransport(opt.Timeouts)
	}
	return &Account{opt: opt, kind: kind, base: u, rt: opt.Transport}, nil
}

// Name is the operator's name for the account.
func (a *Account) Name() string { return a.opt.Name }

// Kind is the account's type.
func (a *Account) Kind() string { return a.kind }

// Timeouts bound the phases of a call.
func (a *Account) Timeouts() Timeouts { return a.opt.Timeouts }

// Key is the account's API key.
func (a *Account) Key() string { return a.opt.APIKey }

// URL is the base address with a path put behind it, which needs no escapes.
func (a *Account) URL(path string) *url.URL {
	u := *a.base
	u.Path += path
	if u.RawPath != "" {
		u.RawPath += path
	}
	return &u
}

// RoundTrip sends a request. A compressed answer is undone, whoever asked for it.
func (a *Account) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := a.rt.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(res.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(res.Body)
		switch {
		case err == nil:
			res.Body = &gzipBody{Reader: z, under: res.Body}
		case errors.Is(err, io.EOF): // nothing at all
			_ = res.Body.Close()
			res.Body = http.NoBody
		default:
			_ = res.Body.Close()
			return nil, fmt.Errorf("the answer says it is gzip and is not: %w", err)
		}
		res.Header.Del("Content-Encoding")
		res.Header.Del("Content-Length")
		res.ContentLength = -1
	}
	return res, nil
}

type gzipBody struct {
	*gzip.Reader
	under io.Closer
}

func (g *gzipBody) Close() error { return errors.Join(g.Reader.Close(), g.under.Close()) }

// Post makes a request with the call's body and headers.
func (a *Account) Post(ctx context.Context, u *url.URL, c *Call) *http.Request {
	h := make(http.Header, len(c.Header)+4)
	maps.Copy(h, c.Header)
	h["Content-Type"] = []string{"application/json"}
	h["User-Agent"] = []string{a.opt.UserAgent}
	r := &http.Request{
		Method: http.MethodPost, URL: u, Host: u.Host, Header: h,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(c.Body.Bytes())),
		Body:          c.Body.NewReader(),
		GetBody:       func() (io.ReadCloser, error) { return c.Body.NewReader(), nil },
	}
	a.Dress(r)
	if w, ok := c.Body.(interface{ Written() }); ok {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { w.Written() }})
	}
	return r.WithContext(ctx)
}

// Ask makes a request without a body.
func (a *Account) Ask(ctx context.Context, method string, u *url.URL) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", a.opt.UserAgent)
	a.Dress(r)
	return r, nil
}

// Dress sets the operator's own headers.
func (a *Account) Dress(r *http.Request) {
	for k, v := range a.opt.Headers {
		r.Header.Set(k, v)
	}
}

// maxList bounds a model list.
const maxList = 8 << 20

// maxQuote bounds what an error tells of an answer.
const maxQuote = 300

// GetJSON fetches a small JSON document. sign may leave alone what the
// operator's headers have set.
func (a *Account) GetJSON(ctx context.Context, u *url.URL, sign func(*http.Request) error, into any) error {
	r, err := a.Ask(ctx, http.MethodGet, u)
	if err != nil {
		return err
	}
	if err := sign(r); err != nil {
		return err
	}
	res, err := a.RoundTrip(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxList+1))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return &StatusError{Status: res.StatusCode, Body: a.quote(body)}
	}
	if len(body) > maxList {
		return fmt.Errorf("the upstream's list is larger than %d MiB", maxList>>20)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the upstream's list is not what its API promises (check base_url): %w", err)
	}
	return nil
}

// quote is the beginning of an answer, without the key: some servers repeat it.
func (a *Account) quote(body []byte) string {
	s := string(bytes.TrimSpace(body))
	if a.opt.APIKey != "" {
		s = strings.ReplaceAll(s, a.opt.APIKey, "…")
	}
	return strings.ToValidUTF8(s[:min(len(s), maxQuote)], "")
}

// StatusError is an answer that was no success.
type StatusError struct {
	Status int
	Body   string // its beginning
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the upstream answered %d %s: %s", e.Status, http.StatusText(e.Status), e.Body)
}
