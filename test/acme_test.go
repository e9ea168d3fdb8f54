package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// directory is Pebble, the ACME server that Let's Encrypt tests clients with. Every domain is
// at 127.0.0.1 for it, and it looks for the gateway at a port.
type directory struct {
	*httptest.Server
	roots *x509.CertPool // of what it issues
	file  string         // the authority of its own certificate
}

func newDirectory(t *testing.T, port int) *directory {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	quiet := log.New(io.Discard, "", 0)
	kept := db.NewMemoryStore()
	authority := ca.New(quiet, kept, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "as Let's Encrypt's", ValidityPeriod: 7776000}})
	front := wfe.New(quiet, kept, va.New(quiet, port, port, true, everywhere(t), kept), authority, []string{"pebble.letsencrypt.org"}, true, false, 1, 1)
	d := &directory{Server: httptest.NewTLSServer(front.Handler()), roots: x509.NewCertPool()}
	t.Cleanup(d.Close)
	if !d.roots.AppendCertsFromPEM(authority.GetRootCert(0).PEM()) {
		t.Fatal("Pebble has no root")
	}
	d.file = filepath.Join(t.TempDir(), "directory.pem")
	if err := os.WriteFile(d.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// everywhere is a name server for which every name is at 127.0.0.1.
func everywhere(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		for _, one := range q.Question {
			if one.Qtype == dns.TypeA {
				m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: one.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(127, 0, 0, 1)})
			}
		}
		_ = w.WriteMsg(m)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.ActivateAndServe() }()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

// shown is the certificate that a gateway shows to who asks for a domain and believes the
// directory's roots.
func (d *directory) shown(t *testing.T, port int, domain string) (*x509.Certificate, error) {
	t.Helper()
	dial := &tls.Dialer{Config: &tls.Config{ServerName: domain, RootCAs: d.roots, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}}
	conn, err := dial.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	state := conn.(*tls.Conn).ConnectionState() //nolint:forcetypeassert // a TLS dialer makes no other
	if state.NegotiatedProtocol != "h2" {
		return nil, fmt.Errorf("speaks %q", state.NegotiatedProtocol)
	}
	return state.PeerCertificates[0], nil
}

// TestACME: the gateway gets certificates for its domains from an ACME server by TLS-ALPN-01,
// shows them, keeps them sealed, and shows the same ones after a restart without the server.
func TestACME(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	d, dir := newDirectory(t, port), t.TempDir()
	server := fmt.Sprintf(", tls: { acme: { domains: [gateway.example.org, api.example.org], email: ops@example.org, accept_terms: true, directory: '%s/dir', ca_file: '%s' } }", d.URL, d.file)
	begin := func() (gw *gateway, serials [2]string) {
		gw, err := launch(dir, port, server, "auth: { api_key: "+clientKey+" }\n")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = gw.stop() })
		for i, domain := range []string{"gateway.example.org", "api.example.org"} {
			var cert *x509.Certificate
			err := poll(t.Context(), func() (err error) {
				select {
				case <-gw.exited:
					return errors.Join(errGivenUp, gw.exit)
				default:
				}
				cert, err = d.shown(t, port, domain)
				return err
			})
			if err != nil {
				t.Fatalf("%s: %v\n%s", domain, err, gw.out)
			}
			serials[i] = cert.SerialNumber.String()
		}
		return gw, serials
	}
	gw, first := begin()
	if first[0] == first[1] {
		t.Error("both domains are shown one certificate")
	}
	if _, err := d.shown(t, port, "elsewhere.example.org"); err == nil || !strings.Contains(err.Error(), "not elsewhere.example.org") {
		t.Errorf("another name is not shown the first domain's: %v", err)
	}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", port))
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: d.roots, MinVersion: tls.VersionTLS12}, DialContext: dial, ForceAttemptHTTP2: true}
	res, err := (&http.Client{Transport: transport}).Get("https://api.example.org/health/ready")
	if err != nil || res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
		t.Errorf("%v %v", res, err)
	}
	transport.CloseIdleConnections()
	if state := gw.cli(t, "health"); !strings.HasPrefix(string(state), "ready") {
		t.Errorf("turnpike health, which knows no name: %s", state)
	}
	if err := gw.stop(); err != nil {
		t.Error(err)
	}
	checkFiles(t, dir, []string{"PRIVATE KEY"})

	d.Close()
	gw, again := begin()
	if again != first {
		t.Errorf("after a restart %v, before %v", again, first)
	}
	if err := gw.stop(); err != nil {
		t.Error(err)
	}
}
