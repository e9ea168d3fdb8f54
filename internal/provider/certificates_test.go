package provider

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority issues certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	a.cert = sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, nil, a.key, a.key)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, like, by *x509.Certificate, of, with *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	if by == nil {
		by = like
	}
	der, err := x509.CreateCertificate(rand.Reader, like, by, &of.PublicKey, with)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// issue makes a certificate for 127.0.0.1, as its PEM files hold it.
func (a *authority) issue(t *testing.T, serial int64) (cert, key []byte) {
	t.Helper()
	own := newKey(t)
	leaf := sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(serial), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, a.cert, own, a.key)
	raw, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// demanding is a server that answers only who shows a certificate of its authority, and tells
// the certificate's number. What asks for a stream gets it in two pieces, the second when it
// is let go.
func demanding(t *testing.T, a *authority, more <-chan struct{}) string {
	t.Helper()
	cert, key := a.issue(t, 2)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto+" "+r.TLS.PeerCertificates[0].SerialNumber.String()+"\n")
		if r.URL.Path == "/stream" {
			w.(http.Flusher).Flush()
			<-more
			_, _ = io.WriteString(w, "more\n")
		}
	}))
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.pool(), MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// certifying is an account whose files can be changed.
type certifying struct {
	*Account
	t     *testing.T
	files Certificates
	now   time.Time
}

func newCertifying(t *testing.T, url string, cert, key, ca []byte) *certifying {
	t.Helper()
	dir := t.TempDir()
	c := &certifying{t: t, now: time.Now()}
	c.files = Certificates{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem")}
	c.write(cert, key, ca)
	rt, err := Certify(NewTransport(Timeouts{Connect: time.Minute}), c.files, func() time.Time { return c.now })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rt.(*certified).CloseIdleConnections)
	c.Account = newAccount(t, Options{BaseURL: url, Transport: rt})
	return c
}

// write changes the files, and lets the time pass after which that is seen.
func (c *certifying) write(cert, key, ca []byte) {
	c.t.Helper()
	c.now = c.now.Add(time.Minute)
	for path, text := range map[string][]byte{c.files.CertFile: cert, c.files.KeyFile: key, c.files.CAFile: ca} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			c.t.Fatal(err)
		}
		if err := os.Chtimes(path, c.now, c.now); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *certifying) call(path string) (*http.Response, error) {
	return c.RoundTrip(c.Post(c.t.Context(), c.URL(path), &Call{Body: body("{}")}))
}

// says is what a call is answered, or its error.
func (c *certifying) says() string {
	res, err := c.call("/")
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}

// TestMutualTLS: an upstream that demands a certificate is shown it, in a call and in a stream;
// new files are used from the next request on, while a stream under way ends on what it began
// with; files that cannot be used change nothing.
func TestMutualTLS(t *testing.T) {
	ours, more := newAuthority(t), make(chan struct{})
	cert, key := ours.issue(t, 101)
	c := newCertifying(t, demanding(t, ours, more), cert, key, ours.pem())
	if got := c.says(); got != "HTTP/2.0 101" {
		t.Fatal(got)
	}
	stream, err := c.call("/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	if !lines.Scan() || lines.Text() != "HTTP/2.0 101" {
		t.Fatalf("%q %v", lines.Text(), lines.Err())
	}

	cert2, key2 := ours.issue(t, 102)
	c.write(cert2, key, ours.pem()) // the key of another
	if got := c.says(); got != "HTTP/2.0 101" {
		t.Errorf("files that do not belong together: %s", got)
	}
	c.write(cert2, key2, ours.pem())
	if got := c.says(); got != "HTTP/2.0 102" {
		t.Errorf("new files: %s", got)
	}
	close(more)
	if !lines.Scan() || lines.Text() != "more" {
		t.Errorf("the stream: %q %v", lines.Text(), lines.Err())
	}

	c.write(cert2, key2, newAuthority(t).pem())
	if got := c.says(); !strings.Contains(got, "unknown authority") {
		t.Errorf("another authority: %s", got)
	}
	c.write(cert2, []byte("none"), ours.pem())
	if got := c.says(); !strings.Contains(got, "unknown authority") || !strings.Contains(got, "cert_file and key_file: tls:") {
		t.Errorf("a failure while new files cannot be used does not tell of them: %s", got)
	}
}

// TestCertificateIsDemanded: without one, or with that of another authority, there is no
// answer, so the test above means something.
func TestCertificateIsDemanded(t *testing.T) {
	ours := newAuthority(t)
	url := demanding(t, ours, nil)
	rt := NewTransport(Timeouts{Connect: time.Minute})
	rt.TLSClientConfig = &tls.Config{RootCAs: ours.pool(), MinVersion: tls.VersionTLS12}
	bare := &certifying{t: t, Account: newAccount(t, Options{BaseURL: url, Transport: rt})}
	if got := bare.says(); strings.HasPrefix(got, "HTTP") { // why is told too late for some: behind the handshake
		t.Errorf("without: %s", got)
	}
	cert, key := newAuthority(t).issue(t, 7)
	if got := newCertifying(t, url, cert, key, ours.pem()).says(); strings.HasPrefix(got, "HTTP") {
		t.Errorf("with another's: %s", got)
	}
}

func TestBadCertificates(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(none, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, files := range map[string]Certificates{
		"cert_file and key_file":      {CertFile: none, KeyFile: none},
		"ca_file: open":               {CAFile: filepath.Join(dir, "gone.pem")},
		"holds no certificate in PEM": {CAFile: none},
	} {
		if _, err := Certify(NewTransport(Timeouts{}), files, time.Now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
