package gateway

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// tallying counts the writes to its connections.
type tallying struct {
	net.Listener
	writes atomic.Int64
}

func (l *tallying) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tallied{c, l}, nil
}

type tallied struct {
	net.Conn
	l *tallying
}

func (c *tallied) Write(p []byte) (int, error) {
	c.l.writes.Add(1)
	return c.Conn.Write(p)
}

// corkServer serves pieces, each of which is written when the client has the one before.
func corkServer(t *testing.T, protocols *http.Protocols, pieces [][]byte) (url string, l *tallying) {
	t.Helper()
	inner, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = &tallying{Listener: inner}
	s := &http.Server{ReadHeaderTimeout: time.Minute, ConnContext: ConnContext, Protocols: protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &client{w: w, conn: corkOf(r), streaming: true}
		for _, p := range pieces {
			if err := c.stream(p, time.Now()); err != nil {
				return
			}
		}
	})}
	go func() { _ = s.Serve(Listener(l)) }()
	t.Cleanup(func() { _ = s.Close() })
	return "http://" + inner.Addr().String(), l
}

func get(ctx context.Context, c *http.Client, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	return io.ReadAll(res.Body)
}

func TestCork(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<10) // 16 KB
	huge := bytes.Repeat(large, 1+corkMost/len(large))
	for _, c := range []struct {
		name   string
		pieces [][]byte
		most   int64 // writes, the end of the answer included
	}{
		{"a small piece", [][]byte{[]byte("hello")}, 2},
		{"a large piece is one write", [][]byte{large}, 2},
		{"each large piece is", [][]byte{large, large, large}, 4},
		{"small and large", [][]byte{[]byte("a"), large, []byte("b"), large}, 5},
		{"one that is too large to hold back", [][]byte{huge, large}, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, l := corkServer(t, nil, c.pieces)
			body, err := get(t.Context(), &http.Client{}, url)
			if err != nil || !bytes.Equal(body, bytes.Join(c.pieces, nil)) {
				t.Fatalf("%d bytes, %v", len(body), err)
			}
			if n := l.writes.Load(); n > c.most {
				t.Errorf("%d writes, at most %d are needed", n, c.most)
			}
		})
	}
	t.Run("many requests on one connection are not held back", func(t *testing.T) {
		var p http.Protocols
		p.SetUnencryptedHTTP2(true)
		url, _ := corkServer(t, &p, [][]byte{large, huge, large})
		h2 := &http.Client{Transport: &http.Transport{Protocols: &p}}
		errs := make(chan error, 20)
		for range cap(errs) {
			go func() {
				body, err := get(t.Context(), h2, url)
				if err == nil && len(body) != 2*len(large)+len(huge) {
					err = io.ErrUnexpectedEOF
				}
				errs <- err
			}()
		}
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("a client that has left is noticed", func(t *testing.T) {
		a, b := net.Pipe()
		_ = b.Close()
		c := &corked{Conn: a}
		c.cork()
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := c.uncork(); err == nil {
			t.Error("no error")
		}
		if _, err := c.Write([]byte("y")); err == nil {
			t.Error("it is still corked")
		}
	})
}
