// Package fetch reads the pictures and files that requests name by URL, for
// upstreams that take the content only. Clients choose the URLs, so it goes to
// public addresses only, and everything about it is bounded.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"turnpike/internal/egress"
)

// Options are what the operator sets.
type Options struct {
	AllowPrivate bool          // also private networks and the machine itself; never where clouds keep credentials
	MaxBytes     int64         // of one file; 0: 20 MiB
	Timeout      time.Duration // of one file; 0: 10 s
	AllowHosts   []string      // if any: only these. host, *.domain, or host:port for another port than 80 and 443
	DenyHosts    []string      // never these
	UserAgent    string
}

// Bounds of one request's files, and of all that are fetched at a time.
const (
	DefaultMaxBytes = 20 << 20
	DefaultTimeout  = 10 * time.Second
	MaxFiles        = 20
	maxTotal        = 40 << 20
	atOnce          = 4  // by one request
	atOnceInAll     = 64 // by all of them
	maxRedirects    = 3
	maxURL          = 8 << 10
)

// Fetcher fetches for all requests.
type Fetcher struct {
	opt    Options
	client *http.Client
	slots  chan struct{}
	guard  egress.Guard
}

// New makes a fetcher.
func New(opt Options) *Fetcher {
	if opt.MaxBytes <= 0 {
		opt.MaxBytes = DefaultMaxBytes
	}
	if opt.Timeout <= 0 {
		opt.Timeout = DefaultTimeout
	}
	f := &Fetcher{opt: opt, slots: make(chan struct{}, atOnceInAll), guard: egress.Guard{Private: opt.AllowPrivate, Timeout: opt.Timeout}}
	t := f.guard.Transport()
	// No proxy, whatever is allowed: clients choose the names, and it would look them up itself.
	t.Proxy, t.DisableKeepAlives = nil, true
	f.client = &http.Client{CheckRedirect: f.redirect, Transport: t}
	return f
}

// Errors that tell a client what it may know: nothing of addresses.
var (
	errHost      = errors.New("this gateway does not fetch from its host")
	errScheme    = errors.New("only http and https URLs can be fetched")
	errURL       = errors.New("it is not a URL that can be fetched")
	errPort      = errors.New("only ports 80 and 443 are fetched from")
	errReach     = errors.New("it could not be fetched")
	errSlow      = errors.New("its server did not answer in time")
	errRedirects = errors.New("its server redirects too often, or from https to http")
)

// check tells whether a URL may be asked for, before anything is looked up.
func (f *Fetcher) check(u *url.URL) error {
	host, port := strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), u.Port()
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return errScheme
	case host == "" || u.User != nil || u.Opaque != "":
		return errURL
	case matches(f.opt.DenyHosts, host, port):
		return errHost
	}
	if len(f.opt.AllowHosts) > 0 {
		if !matches(f.opt.AllowHosts, host, port) {
			return errHost
		}
	} else if port != "" && port != "80" && port != "443" {
		return errPort
	}
	if a, err := netip.ParseAddr(host); err == nil {
		if !egress.Reachable(a, f.opt.AllowPrivate) {
			return errHost
		}
	} else if egress.Numeric(host) {
		return errHost
	}
	return nil
}

// matches tells whether a list of hosts has this one. Entries without a port mean
// the usual ones.
func matches(list []string, host, port string) bool {
	for _, entry := range list {
		name, p, err := net.SplitHostPort(entry)
		if err != nil {
			name, p = strings.Trim(entry, "[]"), ""
		}
		usual := port == "" || port == "80" || port == "443"
		if p == "" && !usual || p != "" && p != port {
			continue
		}
		name = strings.ToLower(name)
		domain, wild := strings.CutPrefix(name, "*.")
		if name == host || wild && strings.HasSuffix(host, "."+domain) {
			return true
		}
	}
	return false
}

func (f *Fetcher) redirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects || via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return errRedirects
	}
	r.Header.Del("Referer")
	return f.check(r.URL)
}

// File is what a URL held.
type File struct {
	MIME string
	Data []byte
}

// get fetches one file of at most limit bytes.
func (f *Fetcher) get(ctx context.Context, w Want, limit int64) (File, error) {
	ctx, cancel := context.WithTimeout(ctx, f.opt.Timeout)
	defer cancel()
	u, err := url.Parse(w.URL)
	if err != nil || len(w.URL) > maxURL {
		return File{}, errURL
	}
	if err := f.check(u); err != nil {
		return File{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return File{}, errURL
	}
	r.Header.Set("User-Agent", f.opt.UserAgent)
	r.Header.Set("Accept", w.Kind.accept())
	res, err := f.client.Do(r)
	if err != nil {
		return File{}, public(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return File{}, fmt.Errorf("its server answered %d", res.StatusCode)
	}
	if res.ContentLength > limit {
		return File{}, tooLarge(limit)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	switch {
	case err != nil:
		return File{}, public(ctx, err)
	case int64(len(data)) > limit:
		return File{}, tooLarge(limit)
	case len(data) == 0:
		return File{}, errors.New("it is empty")
	}
	mime, err := w.Kind.sniff(data, res.Header.Get("Content-Type"))
	return File{mime, data}, err
}

func tooLarge(limit int64) error {
	return fmt.Errorf("it is larger than the %.4g MiB that can be sent", float64(limit)/(1<<20))
}

// public is what a client may know of a failure.
func public(ctx context.Context, err error) error {
	if errors.Is(err, egress.ErrRefused) {
		return errHost
	}
	for _, known := range []error{errHost, errScheme, errURL, errPort, errRedirects} {
		if errors.Is(err, known) {
			return known
		}
	}
	var timeout interface{ Timeout() bool }
	if ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		return errSlow
	}
	return errReach
}
