package provider

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// body is a call's body that is never used again.
type body string

func (b body) Bytes() []byte            { return []byte(b) }
func (b body) NewReader() io.ReadCloser { return io.NopCloser(strings.NewReader(string(b))) }

// trip answers without a network.
type trip func(*http.Request) (*http.Response, error)

func (t trip) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func newAccount(t *testing.T, opt Options) *Account {
	t.Helper()
	if opt.Name == "" {
		opt.Name = "main"
	}
	a, err := NewAccount("kind", "https://default.example/v1", opt)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// serve starts a server and gives an account that calls it.
func serve(t *testing.T, opt Options, h http.HandlerFunc) *Account {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	if opt.BaseURL == "" {
		opt.BaseURL = s.URL
	}
	a := newAccount(t, opt)
	t.Cleanup(func() {
		if tr, ok := a.rt.(*http.Transport); ok {
			tr.CloseIdleConnections()
		}
	})
	return a
}

func TestBaseURL(t *testing.T) {
	for _, c := range []struct{ base, want string }{
		{"", "https://default.example/v1/models"},
		{"http://h", "http://h/models"},
		{"http://h/", "http://h/models"},
		{"http://h:81/v1", "http://h:81/v1/models"},
		{"http://h:81/v1//", "http://h:81/v1/models"},
		{"https://h/a/b/", "https://h/a/b/models"},
		{"https://h/a%2Fb/", "https://h/a%2Fb/models"},
		{"https://[::1]:8443/x", "https://[::1]:8443/x/models"},
	} {
		a := newAccount(t, Options{BaseURL: c.base})
		if got := a.URL("/models").String(); got != c.want {
			t.Errorf("base %q: %s, want %s", c.base, got, c.want)
		}
		if got := a.URL("/models").String(); got != c.want {
			t.Errorf("base %q, asked again: %s", c.base, got)
		}
	}
	for _, bad := range []string{"h/v1", "ftp://h", "http://", "http://h:x", "://", "/v1", "http:h"} {
		if _, err := NewAccount("kind", "", Options{Name: "main", BaseURL: bad}); err == nil || !strings.Contains(err.Error(), "provider main: base_url") {
			t.Errorf("base %q: error %v", bad, err)
		}
	}
	if _, err := NewAccount("kind", "", Options{Name: "main"}); err == nil {
		t.Error("an account without any address was made")
	}
}

func TestAccountTellsWhatItIs(t *testing.T) {
	times := Timeouts{Connect: 1, FirstByte: 2, Idle: 3, Total: 4}
	a := newAccount(t, Options{Name: "n", APIKey: "k", Timeouts: times})
	if a.Name() != "n" || a.Kind() != "kind" || a.Key() != "k" || a.Timeouts() != times {
		t.Errorf("%q %q %q %+v", a.Name(), a.Kind(), a.Key(), a.Timeouts())
	}
}

func TestTransportKeepsTheTimeouts(t *testing.T) {
	tr := NewTransport(Timeouts{Connect: 3 * time.Second, FirstByte: 7 * time.Second})
	if tr.TLSHandshakeTimeout != 3*time.Second || tr.ResponseHeaderTimeout != 7*time.Second {
		t.Errorf("handshake %v, answer's head %v", tr.TLSHandshakeTimeout, tr.ResponseHeaderTimeout)
	}
	if !tr.DisableCompression {
		t.Error("the transport asks for compressed answers by itself")
	}
}

// The handshake has a bound of its own: a server that takes the connection and
// says nothing is not waited for as long as an answer.
func TestHandshakeIsBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
		}
	}()
	tr := NewTransport(Timeouts{Connect: time.Hour, TLS: 50 * time.Millisecond, FirstByte: time.Hour})
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := tr.RoundTrip(req)
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%v %v", res, err)
	}
}

func TestPost(t *testing.T) {
	a := newAccount(t, Options{UserAgent: "turnpike/1", Headers: map[string]string{"x-team": "blue", "anthropic-beta": "ours", "user-agent": "mine"}})
	passed := http.Header{"Anthropic-Beta": {"theirs"}, "Anthropic-Version": {"v"}, "Content-Type": {"text/html"}}
	type mark struct{}
	ctx := context.WithValue(t.Context(), mark{}, 1)
	r := a.Post(ctx, a.URL("/x"), &Call{Header: passed, Body: body(`{"a":1}`)})
	for name, want := range map[string]string{
		"X-Team": "blue", "Anthropic-Beta": "ours", "Anthropic-Version": "v", "Content-Type": "application/json", "User-Agent": "mine",
	} {
		if got := r.Header[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if len(r.Header) != 5 {
		t.Errorf("headers nobody asked for: %v", r.Header)
	}
	if got := passed["Anthropic-Beta"][0]; got != "theirs" || len(passed) != 3 {
		t.Errorf("the call's headers were changed: %v", passed)
	}
	if r.Method != http.MethodPost || r.Host != "default.example" || r.ContentLength != 7 || r.Context().Value(mark{}) == nil {
		t.Errorf("%s %s, %d bytes", r.Method, r.Host, r.ContentLength)
	}
}

func TestBodyCanBeSentAgain(t *testing.T) {
	a := newAccount(t, Options{})
	r := a.Post(t.Context(), a.URL("/x"), &Call{Body: body("hello")})
	for i := range 3 {
		b := r.Body
		if i > 0 {
			var err error
			if b, err = r.GetBody(); err != nil {
				t.Fatal(err)
			}
		}
		got, err := io.ReadAll(b)
		if err != nil || string(got) != "hello" {
			t.Errorf("reading %d: %q, %v", i, got, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

// mortal is a connection that can be made to take no more bytes.
type mortal struct {
	net.Conn
	dead atomic.Bool
}

func (m *mortal) Write(p []byte) (int, error) {
	if m.dead.Load() {
		return 0, net.ErrClosed
	}
	return m.Conn.Write(p)
}

// TestReplayOverANewConnection: net/http sends a POST again, if nothing of it got
// out on a connection that was used before, by virtue of GetBody alone.
func TestReplayOverANewConnection(t *testing.T) {
	var heard []string
	var conns []*mortal
	tr := NewTransport(Timeouts{})
	dial := tr.DialContext
	tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		conns = append(conns, &mortal{Conn: c})
		return conns[len(conns)-1], nil
	}
	a := serve(t, Options{Transport: tr}, func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		heard = append(heard, string(b))
	})
	for _, text := range []string{"first", "second"} {
		res, err := a.RoundTrip(a.Post(t.Context(), a.URL("/x"), &Call{Body: body(text)}))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		conns[0].dead.Store(true)
	}
	if len(conns) != 2 || len(heard) != 2 || heard[1] != "second" {
		t.Errorf("%d connections, heard %q", len(conns), heard)
	}
}

// counted is a body that wants to know when its readers were written.
type counted struct {
	body
	readers, written atomic.Int32
}

func (c *counted) NewReader() io.ReadCloser { c.readers.Add(1); return c.body.NewReader() }
func (c *counted) Written()                 { c.written.Add(1) }

func TestBodyIsToldThatItWasWritten(t *testing.T) {
	for _, size := range []int{0, 10, 1 << 20} {
		a := serve(t, Options{}, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
		b := &counted{body: body(strings.Repeat("x", size))}
		res, err := a.RoundTrip(a.Post(t.Context(), a.URL("/x"), &Call{Body: b}))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if b.readers.Load() != 1 || b.written.Load() != 1 {
			t.Errorf("%d bytes: %d readers, %d written", size, b.readers.Load(), b.written.Load())
		}
	}
}

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.Bytes()
}

// closing tells whether a body was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func TestGzipIsUndone(t *testing.T) {
	text := strings.Repeat("compress me ", 1000)
	good := zipped(text)
	damaged := bytes.Clone(good)
	damaged[len(damaged)-5] ^= 1 // in the checksum
	for _, c := range []struct {
		name, encoding string
		body           []byte
		want           string
		refused        bool  // by RoundTrip
		broken         error // when read
	}{
		{"gzip", "gzip", good, text, false, nil},
		{"GZIP", "GZIP", good, text, false, nil},
		{"nothing at all", "gzip", nil, "", false, nil},
		{"not compressed", "", []byte(text), text, false, nil},
		{"compressed, and nobody says so", "", good, string(good), false, nil},
		{"a lie", "gzip", []byte(`{"error":"plain"}`), "", true, nil},
		{"a short lie", "gzip", []byte("ok"), "", true, nil},
		{"cut off", "gzip", good[:len(good)-20], "", false, io.ErrUnexpectedEOF},
		{"damaged", "gzip", damaged, "", false, gzip.ErrChecksum},
	} {
		t.Run(c.name, func(t *testing.T) {
			under := &closing{Reader: bytes.NewReader(c.body)}
			a := newAccount(t, Options{Transport: trip(func(*http.Request) (*http.Response, error) {
				h := http.Header{"Content-Length": {"99"}}
				if c.encoding != "" {
					h.Set("Content-Encoding", c.encoding)
				}
				return &http.Response{StatusCode: 200, Header: h, Body: under, ContentLength: 99}, nil
			})})
			res, err := a.RoundTrip(a.Post(t.Context(), a.URL("/x"), &Call{Body: body("")}))
			if c.refused {
				if err == nil || !strings.Contains(err.Error(), "says it is gzip and is not") || !under.closed {
					t.Errorf("error %v, closed %v", err, under.closed)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(res.Body)
			if !errors.Is(err, c.broken) || c.broken == nil && string(got) != c.want {
				t.Errorf("%d bytes, error %v, want %d bytes, error %v", len(got), err, len(c.want), c.broken)
			}
			if c.encoding != "" && (res.Header.Get("Content-Encoding") != "" || res.Header.Get("Content-Length") != "" || res.ContentLength != -1) {
				t.Errorf("the head still speaks of the compressed body: %v, %d", res.Header, res.ContentLength)
			}
			if err := res.Body.Close(); err != nil && c.broken == nil || !under.closed {
				t.Errorf("close: %v, closed below: %v", err, under.closed)
			}
		})
	}
}

func TestGzippedStreamIsNotHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		a := newAccount(t, Options{Transport: trip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Encoding": {"gzip"}}, Body: r}, nil
		})})
		got := make(chan struct{})
		go func() {
			z := gzip.NewWriter(w)
			for range 3 {
				_, _ = z.Write([]byte("data: x\n\n"))
				_ = z.Flush()
				<-got // the next piece comes only when this one has been read; else the bubble is stuck and fails
			}
			_ = z.Close()
			_ = w.Close()
		}()
		res, err := a.RoundTrip(a.Post(t.Context(), a.URL("/x"), &Call{Body: body("")}))
		if err != nil {
			t.Fatal(err)
		}
		piece := make([]byte, len("data: x\n\n"))
		for range 3 {
			if _, err := io.ReadFull(res.Body, piece); err != nil || string(piece) != "data: x\n\n" {
				t.Fatalf("%q, %v", piece, err)
			}
			got <- struct{}{}
		}
		if rest, err := io.ReadAll(res.Body); err != nil || len(rest) != 0 {
			t.Errorf("rest %q, %v", rest, err)
		}
	})
}

func TestNoCompressionIsAskedFor(t *testing.T) {
	var asked []string
	a := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header["Accept-Encoding"]
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(zipped("all the same"))
	})
	res, err := a.RoundTrip(a.Post(t.Context(), a.URL("/x"), &Call{Body: body("{}")}))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || string(got) != "all the same" {
		t.Errorf("%q, %v", got, err)
	}
	if len(asked) != 0 {
		t.Errorf("Accept-Encoding %q was sent", asked)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var paths []string
	a := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	res, err := a.RoundTrip(a.Post(t.Context(), a.URL("/x"), &Call{Body: body("{}")}))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusTemporaryRedirect || len(paths) != 1 {
		t.Errorf("status %d after %q", res.StatusCode, paths)
	}
	var status *StatusError
	if err := a.GetJSON(t.Context(), a.URL("/models"), unsigned, new(any)); !errors.As(err, &status) || status.Status != http.StatusTemporaryRedirect {
		t.Errorf("list: %v", err)
	}
	if len(paths) != 2 {
		t.Errorf("asked at %q", paths)
	}
}

func unsigned(*http.Request) error { return nil }

func TestGetJSON(t *testing.T) {
	const key = "sk-live-0123456789"
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   string // in the error
	}{
		{"good", 200, `{"n":7}`, ""},
		{"an error's words are told", 403, " no access to models \n", "403 Forbidden: no access to models"},
		{"a long page is cut", 500, strings.Repeat("é", 1000), strings.Repeat("é", maxQuote/2)},
		{"the key is not repeated", 401, "bad key " + key, "bad key …"},
		{"not even when the cut would halve it", 401, strings.Repeat("x", maxQuote-8) + key, "x…"},
		{"a page that is not JSON", 200, "<html>", "check base_url"},
		{"another shape", 200, `[]`, "check base_url"},
		{"nothing", 200, "", "check base_url"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := serve(t, Options{APIKey: key}, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			var into struct {
				N int `json:"n"`
			}
			err := a.GetJSON(t.Context(), a.URL("/models"), unsigned, &into)
			if c.want == "" {
				if err != nil || into.N != 7 {
					t.Errorf("%v, %+v", err, into)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 2*maxQuote {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), key[:12]) {
				t.Errorf("the key is in the error: %v", err)
			}
			var status *StatusError
			if errors.As(err, &status) != (c.status != 200) || status != nil && status.Status != c.status {
				t.Errorf("status %+v", status)
			}
		})
	}
}

func TestOperatorsHeadersComeBeforeTheSignature(t *testing.T) {
	var got http.Header
	a := serve(t, Options{UserAgent: "turnpike/1", Headers: map[string]string{"X-Team": "blue"}}, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		_, _ = w.Write([]byte("{}"))
	})
	seen := ""
	err := a.GetJSON(t.Context(), a.URL("/models"), func(r *http.Request) error {
		seen = r.Header.Get("X-Team")
		r.Header.Set("Authorization", "signed")
		return nil
	}, new(any))
	if err != nil {
		t.Fatal(err)
	}
	if seen != "blue" || got.Get("X-Team") != "blue" || got.Get("Authorization") != "signed" || got.Get("User-Agent") != "turnpike/1" {
		t.Errorf("signed over %q, sent %v", seen, got)
	}
	failed := errors.New("no credentials")
	got = nil
	if err := a.GetJSON(t.Context(), a.URL("/models"), func(*http.Request) error { return failed }, new(any)); !errors.Is(err, failed) || got != nil {
		t.Errorf("error %v, sent %v", err, got)
	}
}

func TestListIsBounded(t *testing.T) {
	blank := make([]byte, 2*maxList)
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	_, _ = z.Write(blank)
	_ = z.Close()
	for encoding, list := range map[string][]byte{"": blank, "gzip": packed.Bytes()} {
		rest := bytes.NewReader(list)
		a := newAccount(t, Options{Transport: trip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Encoding": {encoding}}, Body: io.NopCloser(rest)}, nil
		})})
		err := a.GetJSON(t.Context(), a.URL("/models"), unsigned, new(any))
		if err == nil || !strings.Contains(err.Error(), "larger than 8 MiB") {
			t.Errorf("encoding %q: error %v", encoding, err)
		}
		if rest.Len() < len(list)/4 {
			t.Errorf("encoding %q: the list was read on, %d of %d bytes are left", encoding, rest.Len(), len(list))
		}
	}
}

func TestListEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := serve(t, Options{}, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if err := a.GetJSON(ctx, a.URL("/models"), unsigned, new(any)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestUnserved(t *testing.T) {
	u := Unserved("later", "gemini")
	if u.Name() != "later" || u.Kind() != "gemini" || u.Timeouts() != (Timeouts{}) {
		t.Errorf("%s %s %v", u.Name(), u.Kind(), u.Timeouts())
	}
	_, surface := u.Surface(t.Context(), "m")
	_, request := u.NewRequest(t.Context(), &Call{})
	_, sent := u.RoundTrip(&http.Request{URL: &url.URL{}})
	_, models := u.Models(t.Context())
	for _, err := range []error{surface, request, sent, models} {
		if !errors.Is(err, ErrUnserved) {
			t.Errorf("error %v", err)
		}
	}
	if _, err := u.Frames(nil, strings.NewReader("")).Next(); !errors.Is(err, io.EOF) {
		t.Errorf("frames: %v", err)
	}
}
