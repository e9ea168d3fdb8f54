package provider

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"
)

// Certificates are PEM files: what is shown to an upstream that asks who calls (mutual TLS),
// and whom to believe that it is the upstream. Either may be left out.
type Certificates struct {
	CertFile, KeyFile string
	CAFile            string // instead of the system's
}

// lookAgain is how seldom the files are looked at.
const lookAgain = time.Second

// certified is a transport that reads its files again when they change. Requests from then
// on go over new connections, and those under way end on the ones they have. While new files
// cannot be used, the old ones are.
type certified struct {
	files Certificates
	base  *http.Transport // what each one is a copy of
	now   func() time.Time

	mu      sync.Mutex
	current *http.Transport
	looked  time.Time
	seen    [3]stamp
	problem error // why the newest files are not used
}

// stamp is what tells that a file is another by now.
type stamp struct {
	changed time.Time
	size    int64
}

// Certify makes a transport use certificates. The one given is not used any more.
func Certify(base *http.Transport, files Certificates, now func() time.Time) (http.RoundTripper, error) {
	c := &certified{files: files, base: base, now: now, looked: now()}
	c.seen = c.stamps()
	var err error
	c.current, err = c.read()
	return c, err
}

func (c *certified) stamps() (out [3]stamp) {
	for i, path := range []string{c.files.CertFile, c.files.KeyFile, c.files.CAFile} {
		if path == "" {
			continue
		}
		if info, err := os.Stat(path); err == nil { //nolint:gosec // the operator's own
			out[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return out
}

// read makes a transport of what the files hold.
func (c *certified) read() (*http.Transport, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.files.CertFile != "" || c.files.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(c.files.CertFile, c.files.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("tls: cert_file and key_file: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	if c.files.CAFile != "" {
		text, err := os.ReadFile(c.files.CAFile) //nolint:gosec // the operator's own
		if err != nil {
			return nil, fmt.Errorf("tls: ca_file: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("tls: ca_file: %s holds no certificate in PEM", c.files.CAFile)
		}
	}
	rt := c.base.Clone()
	rt.TLSClientConfig = cfg
	return rt, nil
}

// transport is the one for the next request, with why it is not of the newest files.
func (c *certified) transport() (*http.Transport, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if now.Sub(c.looked) < lookAgain {
		return c.current, c.problem
	}
	c.looked = now
	at := c.stamps()
	if at == c.seen {
		return c.current, c.problem
	}
	c.seen = at
	next, err := c.read()
	if c.problem = err; err == nil {
		c.current.CloseIdleConnections()
		c.current = next
	}
	return c.current, c.problem
}

// RoundTrip sends a request. Where it fails while newer files cannot be used, that is told too:
// it may be why.
func (c *certified) RoundTrip(r *http.Request) (*http.Response, error) {
	rt, problem := c.transport()
	res, err := rt.RoundTrip(r)
	if err != nil && problem != nil {
		err = errors.Join(err, fmt.Errorf("the files of tls have changed and cannot be used, so the ones before are: %w", problem))
	}
	return res, err
}

// CloseIdleConnections closes those that no request uses.
func (c *certified) CloseIdleConnections() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current.CloseIdleConnections()
}
