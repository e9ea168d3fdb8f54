package bedrock

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"turnpike/internal/provider"
)

// Nobody's credentials.
const (
	keyID     = "AKIDEXAMPLE"
	secretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	token     = "session/token+with==specials"
)

// body is a call's body that knows how many of its readers are open.
type body struct {
	text string
	open atomic.Int32
}

func text(s string) *body { return &body{text: s} }

func (b *body) Bytes() []byte { return []byte(b.text) }

func (b *body) NewReader() io.ReadCloser {
	b.open.Add(1)
	return &reading{Reader: strings.NewReader(b.text), b: b}
}

type reading struct {
	*strings.Reader
	b *body
}

func (r *reading) Close() error { r.b.open.Add(-1); return nil }

// trip answers without a network.
type trip func(*http.Request) (*http.Response, error)

func (t trip) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func newAccount(t *testing.T, opt Options) *Account {
	t.Helper()
	if opt.Name == "" {
		opt.Name = "main"
	}
	if opt.Region == "" {
		opt.Region = "us-east-1"
	}
	a, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// signed gives options with static credentials.
func signed(opt Options) Options {
	opt.AccessKeyID, opt.SecretAccessKey = keyID, secretKey
	return opt
}

// arrived is a request as the server saw it.
type arrived struct {
	*http.Request
	body []byte
}

// server keeps the last request that arrived, whatever host it was meant for.
type server struct {
	*httptest.Server
	last   arrived
	count  atomic.Int32
	answer func(arrived) (status int, body string)
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	s.last = arrived{r, b}
	s.count.Add(1)
	status, text := http.StatusOK, "{}"
	if s.answer != nil {
		status, text = s.answer(s.last)
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// transport reaches the server under any host name.
func (s *server) transport(t *testing.T) *http.Transport {
	t.Helper()
	tr := provider.NewTransport(provider.Timeouts{})
	tr.Proxy = nil
	tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", s.Listener.Addr().String())
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// call sends a call and returns what arrived.
func (s *server) call(t *testing.T, a *Account, c *provider.Call) arrived {
	t.Helper()
	r, err := a.NewRequest(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	res, err := a.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return s.last
}

// verify signs exactly what arrived with the SDK's own signer, as AWS would, and
// compares. All headers take part, also those the client may have left out.
func verify(r arrived, c aws.Credentials, region string) error {
	return verifyFor(r, c, region, "bedrock")
}

func verifyFor(r arrived, c aws.Credentials, region, service string) error {
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return fmt.Errorf("no time of the signature: %w", err)
	}
	u, err := url.Parse("http://" + r.Host + r.RequestURI)
	if err != nil {
		return err
	}
	if got := u.EscapedPath(); got != strings.SplitN(r.RequestURI, "?", 2)[0] {
		return fmt.Errorf("the path %s is not what arrived: %s", got, r.RequestURI)
	}
	again := &http.Request{Method: r.Method, URL: u, Host: r.Host, Header: r.Header.Clone(), ContentLength: int64(len(r.body))}
	again.Header.Del("Authorization")
	sum := sha256.Sum256(r.body)
	if err := v4.NewSigner().SignHTTP(context.Background(), c, again, hex.EncodeToString(sum[:]), service, region, at); err != nil {
		return err
	}
	if got, want := r.Header.Get("Authorization"), again.Header.Get("Authorization"); got != want {
		return fmt.Errorf("signature of %s %s%s\n got %s\nwant %s", r.Method, r.Host, r.RequestURI, got, want)
	}
	if again.Host != r.Host {
		return fmt.Errorf("signed for %s, called %s", again.Host, r.Host)
	}
	return nil
}

// TestVerifyFindsFaults makes sure that the judge of the other tests can refuse.
func TestVerifyFindsFaults(t *testing.T) {
	s := newServer(t)
	a := newAccount(t, signed(Options{Options: provider.Options{BaseURL: s.URL}}))
	creds := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secretKey}
	got := s.call(t, a, &provider.Call{Model: "m:0", Body: text("{}")})
	if err := verify(got, creds, "us-east-1"); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*arrived){
		"host":   func(r *arrived) { r.Host = "other.example" },
		"path":   func(r *arrived) { r.RequestURI = strings.Replace(r.RequestURI, "%3A", ":", 1) },
		"body":   func(r *arrived) { r.body = []byte("{ }") },
		"header": func(r *arrived) { r.Header.Set("Content-Type", "text/plain") },
		"method": func(r *arrived) { r.Method = http.MethodPut },
		"query":  func(r *arrived) { r.RequestURI += "?a=b" },
		"added":  func(r *arrived) { r.Header.Set("X-Amz-Other", "1") },
	} {
		bad := arrived{got.Clone(t.Context()), bytes.Clone(got.body)}
		spoil(&bad)
		if verify(bad, creds, "us-east-1") == nil {
			t.Errorf("another %s has the same signature", name)
		}
	}
	if verify(got, creds, "us-west-2") == nil {
		t.Error("another region has the same signature")
	}
}

// isolate hides the credentials of whoever runs the tests.
func isolate(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for _, line := range os.Environ() {
		if name, _, _ := strings.Cut(line, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("HOME", folder)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(folder, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(folder, "credentials"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	return folder
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var errNever = errors.New("nothing may be sent here")

// silent is a transport that nothing may reach.
var silent = trip(func(*http.Request) (*http.Response, error) { return nil, errNever })
