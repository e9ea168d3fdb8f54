package provider

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestBodiesInMemory: they arrive as they are, whatever their length and kind.
func TestBodiesInMemory(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body) // all of it before the answer begins
		_, _ = w.Write(b)
	}))
	defer s.Close()
	tr := NewTransport(Timeouts{})
	defer tr.CloseIdleConnections()
	for _, n := range []int{0, 1, 2000, 4096, 100_000, 3 << 20} {
		text := strings.Repeat("0123456789abcdef", n/16+1)[:n]
		for name, body := range map[string]io.Reader{
			"bytes": io.NopCloser(bytes.NewReader([]byte(text))), "text": strings.NewReader(text), "other": io.MultiReader(strings.NewReader(text)),
		} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, body)
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = int64(n)
			res, err := tr.RoundTrip(r)
			if err != nil {
				t.Fatalf("%s of %d: %v", name, n, err)
			}
			got, err := io.ReadAll(res.Body)
			if _ = res.Body.Close(); err != nil || string(got) != text {
				t.Errorf("%s of %d: %d came, %v", name, n, len(got), err)
			}
		}
	}
}

// TestBodyInOneWrite: what net/http hands over of a body goes out at once, up to what
// was announced.
func TestBodyInOneWrite(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	came := make(chan []byte, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		b, _ := io.ReadAll(c)
		came <- b
	}()
	c, err := whole((&net.Dialer{}).DialContext)(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	to := c.(io.ReaderFrom) //nolint:forcetypeassert // it is the test
	body := &io.LimitedReader{R: io.NopCloser(strings.NewReader("abcdef")), N: 6}
	if n, err := to.ReadFrom(body); n != 6 || err != nil || body.N != 0 {
		t.Errorf("%d, %v, %d left", n, err, body.N)
	}
	if n, err := to.ReadFrom(&io.LimitedReader{R: strings.NewReader("too long"), N: 3}); n != 3 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
	_ = c.Close()
	if b := <-came; string(b) != "abcdeftoo" {
		t.Errorf("%q came", b)
	}
}
