package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"turnpike/internal/egress"
)

var png = []byte("\x89PNG\r\n\x1a\n and so on")

// fetcherAt resolves every name to the loopback server and lets it through on any
// port; everything else is as the operator gets it.
func fetcherAt(t *testing.T, opt Options, server *httptest.Server) *Fetcher {
	t.Helper()
	f := New(opt)
	home := netip.MustParseAddrPort(server.Listener.Addr().String())
	f.guard.Private = true
	f.guard.Lookup = func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{home.Addr()}, nil }
	transport, ok := f.client.Transport.(*http.Transport)
	if !ok {
		t.Fatal("no transport")
	}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		return f.guard.Dial(ctx, network, net.JoinHostPort(host, fmt.Sprint(home.Port())))
	}
	return f
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// TestURLs is what is refused before anything is looked up.
func TestURLs(t *testing.T) {
	f := New(Options{DenyHosts: []string{"bad.example", "*.bad.example"}})
	f.guard.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		t.Error("a name was looked up")
		return nil, errReach
	}
	for _, c := range []struct {
		url  string
		want error
	}{
		{"http://127.0.0.1/", errHost},
		{"http://127.1/", errHost},
		{"http://2130706433/", errHost},
		{"http://0x7f000001/", errHost},
		{"http://0x7f.0.0.1/", errHost},
		{"http://0177.0.0.1/", errHost},
		{"http://017700000001/", errHost},
		{"http://127.0.0.1./", errHost},
		{"http://10.0.0.0x1/", errHost},
		{"http://169.254.169.254/latest/meta-data/", errHost},
		{"http://0/", errHost},
		{"http://[::1]/", errHost},
		{"http://[::]/", errHost},
		{"http://[0:0:0:0:0:0:0:1]/", errHost},
		{"http://[::ffff:127.0.0.1]/", errHost},
		{"http://[::ffff:7f00:1]/", errHost},
		{"http://[64:ff9b::7f00:1]/", errHost},
		{"http://[fe80::1%25eth0]/", errHost},
		{"http://[fd00:ec2::254]/", errHost},
		{"http://bad.example/x.png", errHost},
		{"http://A.BAD.example./x.png", errHost},
		{"http://good.example:22/", errPort},
		{"http://good.example:6379/", errPort},
		{"ftp://good.example/x.png", errScheme},
		{"file:///etc/passwd", errScheme},
		{"gopher://good.example/", errScheme},
		{"http:good.example", errURL},
		{"http:///x", errURL},
		{"http://user:pw@good.example/", errURL},
		{"http://good.example/" + strings.Repeat("a", maxURL), errURL},
		{"http://good.example\r\nHost: x/", errURL},
		{"", errScheme},
	} {
		_, fail := f.NewBatch().Get(t.Context(), []Want{{URL: c.url, Kind: Image}})
		if fail == nil || fail.Reason != c.want.Error() {
			t.Errorf("%.60q: %v, want %v", c.url, fail, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	// No connection may come about: the addresses are refused, or nobody is called.
	for _, c := range []struct {
		name  string
		addrs []string
		err   error
		want  error
	}{
		{"a private address", []string{"10.0.0.1"}, nil, errHost},
		{"the metadata service", []string{"169.254.169.254"}, nil, errHost},
		{"one good address and a bad one", []string{"8.8.8.8", "127.0.0.1"}, nil, errHost},
		{"an IPv4 address in IPv6", []string{"::ffff:127.0.0.1"}, nil, errHost},
		{"an IPv4 address by NAT64", []string{"64:ff9b::a9fe:a9fe"}, nil, errHost},
		{"no address", nil, nil, errReach},
		{"no such name", nil, &net.DNSError{Err: "no such host", Name: "internal.corp", IsNotFound: true}, errReach},
	} {
		f := New(Options{})
		f.guard.Lookup = func(context.Context, string) (out []netip.Addr, _ error) {
			for _, a := range c.addrs {
				out = append(out, netip.MustParseAddr(a))
			}
			return out, c.err
		}
		_, fail := f.NewBatch().Get(t.Context(), []Want{{URL: "http://name.example/x.png", Kind: Image}})
		if fail == nil || fail.Reason != c.want.Error() {
			t.Errorf("%s: %v", c.name, fail)
		}
	}
}

// TestRebinding: a name that means another address each time it is looked up is
// looked up once for each connection, and that address is the one called.
func TestRebinding(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) })
	f := fetcherAt(t, Options{}, s)
	first := f.guard.Lookup
	n := 0
	f.guard.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
		if n++; n > 1 {
			return []netip.Addr{netip.MustParseAddr("169.254.169.254")}, nil
		}
		return first(ctx, host)
	}
	_, fail := f.NewBatch().Get(t.Context(), []Want{{URL: "http://name.example/x.png", Kind: Image}})
	if fail == nil || fail.Reason != errHost.Error() || n != 2 {
		t.Errorf("%v after %d look-ups", fail, n)
	}
}

func TestRedirects(t *testing.T) {
	var to string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Referer") != "" {
			t.Error("the first URL is told to the second server")
		}
		if n := strings.Count(r.URL.Path, "x"); n > 0 {
			http.Redirect(w, r, "/"+strings.Repeat("x", n-1), http.StatusMovedPermanently)
			return
		}
		if to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		_, _ = w.Write(png)
	})
	for _, c := range []struct {
		path, to string
		want     error
	}{
		{"/xxx", "", nil},
		{"/xxxx", "", errRedirects},
		{"/", "http://169.254.169.254/latest/meta-data/iam/", errHost},
		{"/", "http://[::ffff:a9fe:a9fe]/", errHost},
		{"/", "http://2852039166/", errHost},
		{"/", "http://name.example:8080/", errPort},
		{"/", "file:///etc/passwd", errScheme},
		{"/", "http://u:p@name.example/", errURL},
	} {
		to = c.to
		_, fail := fetcherAt(t, Options{}, s).NewBatch().Get(t.Context(), []Want{{URL: "http://name.example" + c.path, Kind: Image}})
		if (fail == nil) != (c.want == nil) || fail != nil && fail.Reason != c.want.Error() {
			t.Errorf("%s to %q: %v, want %v", c.path, c.to, fail, c.want)
		}
	}
	f := New(Options{})
	secure := &http.Request{URL: mustURL(t, "https://a.example/")}
	if err := f.redirect(&http.Request{URL: mustURL(t, "http://a.example/"), Header: http.Header{}}, []*http.Request{secure}); !errors.Is(err, errRedirects) {
		t.Errorf("from https to http: %v", err)
	}
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestHostLists(t *testing.T) {
	for _, c := range []struct {
		list []string
		url  string
		want error
	}{
		{[]string{"img.example"}, "https://img.example/a", nil},
		{[]string{"IMG.example"}, "https://img.EXAMPLE./a", nil},
		{[]string{"img.example"}, "https://other.example/a", errHost},
		{[]string{"img.example"}, "https://evil-img.example/a", errHost},
		{[]string{"img.example"}, "https://img.example:8443/a", errHost},
		{[]string{"img.example:8443"}, "https://img.example:8443/a", nil},
		{[]string{"img.example:8443"}, "https://img.example/a", errHost},
		{[]string{"*.example"}, "https://a.b.example/a", nil},
		{[]string{"*.img.example"}, "https://img.example/a", errHost},
		{[]string{"127.0.0.1"}, "http://127.0.0.1/a", errHost}, // a list does not make an address public
	} {
		f := New(Options{AllowHosts: c.list})
		if err := f.check(mustURL(t, c.url)); !errors.Is(err, c.want) {
			t.Errorf("%v %s: %v", c.list, c.url, err)
		}
	}
}

func TestFiles(t *testing.T) {
	bodies := map[string]struct{ said, body string }{
		"/a.png":  {"text/html", string(png)},
		"/a.jpg":  {"", "\xff\xd8\xff\xe0 jpeg"},
		"/a.webp": {"", "RIFF\x00\x00\x00\x00WEBPVP8 "},
		"/a.pdf":  {"application/octet-stream", "%PDF-1.7 x"},
		"/a.csv":  {"text/csv; charset=utf-8", "a,b\n1,2\n"},
		"/a.txt":  {"", "words"},
		"/a.docx": {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "PK\x03\x04 zip"},
		"/a.zip":  {"application/zip", "PK\x03\x04 zip"},
		"/a.exe":  {"image/png", "MZ\x90\x00\x03\x00"},
		"/a.svg":  {"image/svg+xml", "<svg/>"},
		"/fake":   {"application/pdf", "<html>login</html>"},
		"/empty":  {"image/png", ""},
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, ok := bodies[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header()["Content-Type"] = []string{b.said}
		_, _ = w.Write([]byte(b.body))
	})
	f := fetcherAt(t, Options{}, s)
	for _, c := range []struct {
		path string
		kind Kind
		mime string
		fail string
	}{
		{"/a.png", Image, "image/png", ""},
		{"/a.jpg", Image, "image/jpeg", ""},
		{"/a.webp", Image, "image/webp", ""},
		{"/a.pdf", Document, "application/pdf", ""},
		{"/a.csv", Document, "text/csv", ""},
		{"/a.txt", Document, "text/plain", ""},
		{"/a.docx", Document, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ""},
		{"/fake", Document, "text/html", ""}, // what it is, not what it says it is
		{"/a.pdf", Image, "", "it is no image"},
		{"/a.svg", Image, "", "it is no image"},
		{"/a.exe", Image, "", "it is no image"},
		{"/a.zip", Document, "", "it is no document"},
		{"/empty", Image, "", "it is empty"},
		{"/none", Image, "", "its server answered 404"},
	} {
		files, fail := f.NewBatch().Get(t.Context(), []Want{{URL: "https://name.example" + c.path, Kind: c.kind}})
		_ = files
		if fail == nil { // the server speaks no TLS: nothing can come of https
			t.Fatalf("%s came by https", c.path)
		}
		files, fail = f.NewBatch().Get(t.Context(), []Want{{URL: "http://name.example" + c.path, Kind: c.kind}})
		switch {
		case c.fail != "":
			if fail == nil || !strings.HasPrefix(fail.Reason, c.fail) {
				t.Errorf("%s as %s: %v", c.path, c.kind, fail)
			}
		case fail != nil || files[0].MIME != c.mime || string(files[0].Data) != bodies[c.path].body:
			t.Errorf("%s as %s: %v %+v", c.path, c.kind, fail, files)
		}
	}
}

func TestBounds(t *testing.T) {
	big := append(bytes.Clone(png), make([]byte, 2<<20)...)
	var asked atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/chunked":
			w.(http.Flusher).Flush()
			for range 64 {
				_, _ = w.Write(big[:1<<16])
			}
		case "/hang":
			<-r.Context().Done()
		case "/stall":
			_, _ = w.Write(png)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		default:
			_, _ = w.Write(big)
		}
	})
	f := fetcherAt(t, Options{MaxBytes: 3 << 20, Timeout: 5 * time.Second}, s)
	get := func(f *Fetcher, wants ...Want) string {
		_, fail := f.NewBatch().Get(t.Context(), wants)
		if fail == nil {
			return ""
		}
		return fmt.Sprint(fail.Index, " ", fail.Reason)
	}
	at := func(path string, limit int64) Want {
		return Want{URL: "http://n.example" + path, Kind: Image, Max: limit}
	}
	if got := get(f, at("/x", 0), at("/y", 1<<20)); got != "1 it is larger than the 1 MiB that can be sent" {
		t.Error(got)
	}
	if got := get(f, at("/chunked", 0)); got != "0 it is larger than the 3 MiB that can be sent" {
		t.Error(got)
	}
	for _, path := range []string{"/hang", "/stall"} {
		if got := get(fetcherAt(t, Options{Timeout: 50 * time.Millisecond}, s), at(path, 0)); got != "0 "+errSlow.Error() {
			t.Errorf("%s: %s", path, got)
		}
	}
	asked.Store(0)
	b := f.NewBatch()
	wants := []Want{at("/x", 0), at("/x", 0), at("/z", 0)}
	for range 2 {
		if files, fail := b.Get(t.Context(), wants); fail != nil || len(files) != 3 || !bytes.Equal(files[0].Data, files[1].Data) {
			t.Fatalf("%v", fail)
		}
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("two files were fetched %d times", n)
	}
	var many []Want
	for i := range MaxFiles + 1 {
		many = append(many, at(fmt.Sprint("/", i), 0))
	}
	asked.Store(0)
	if got := get(f, many...); !strings.HasPrefix(got, "20 a request may name at most 20 files") || asked.Load() != 0 {
		t.Errorf("%s after %d", got, asked.Load())
	}
	if got := get(f, many[:MaxFiles]...); !strings.Contains(got, errTotal.Error()) {
		t.Errorf("40 MiB and more: %s", got)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, fail := f.NewBatch().Get(gone, many[:3]); fail == nil {
		t.Error("fetched for a client that has left")
	}
}

// TestDetails holds that a failure tells nothing of the network.
func TestDetails(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	f := fetcherAt(t, Options{}, s)
	s.Close()
	_, fail := f.NewBatch().Get(t.Context(), []Want{{URL: "http://n.example/secret-token", Kind: Image}})
	if fail == nil || fail.Reason != errReach.Error() {
		t.Errorf("%v", fail)
	}
	if err := public(t.Context(), fmt.Errorf("dial 10.1.2.3: %w", io.ErrUnexpectedEOF)); !errors.Is(err, errReach) {
		t.Error(err)
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{"http://a.example/x", "http://0x7f.1/", "http://[::1]:80/", "https://u@h/", "http://1.1.1.1"} {
		f.Add(s)
	}
	fetcher := New(Options{})
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.Parse(text)
		if err != nil || fetcher.check(u) != nil {
			return
		}
		if a, err := netip.ParseAddr(strings.TrimSuffix(u.Hostname(), ".")); err == nil && !egress.Reachable(a, false) {
			t.Errorf("%q passes", text)
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
			t.Errorf("%q passes", text)
		}
	})
}

// TestNoProxy: whatever is allowed, no proxy looks the names up that clients choose.
func TestNoProxy(t *testing.T) {
	for _, private := range []bool{true, false} {
		transport, ok := New(Options{AllowPrivate: private}).client.Transport.(*http.Transport)
		if !ok || transport.Proxy != nil {
			t.Errorf("private networks allowed %v: there is a proxy", private)
		}
	}
}
