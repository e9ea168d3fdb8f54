package gateway

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// net/http sends a piece of a stream that is larger than its buffer of 4 KB in three
// writes: the piece's length with the beginning, the middle, and the end of the line.
// Each costs a call to the system, and wakes the client. So the connection is corked
// for the length of such a piece, and all goes out in one write.

// corkFrom is the size of a piece from which on it may be more than one write.
const corkFrom = 3 << 10

// corkMost bounds what a connection holds back.
const corkMost = 256 << 10

// Listener takes connections that can be corked. It belongs to a server with
// ConnContext.
func Listener(l net.Listener) net.Listener { return corking{l} }

// ConnContext lets requests find their connection.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if k, ok := c.(*corked); ok {
		return context.WithValue(ctx, corkKey{}, k)
	}
	return ctx
}

type corkKey struct{}

// corkOf is the connection of a request, nil where it cannot be corked: HTTP/2 has many
// requests on one.
func corkOf(r *http.Request) *corked {
	if r.ProtoMajor != 1 {
		return nil
	}
	c, _ := r.Context().Value(corkKey{}).(*corked)
	return c
}

type corking struct{ net.Listener }

func (l corking) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &corked{Conn: c}, nil
}

// corked is a connection that holds back what is written to it while it is corked.
// Only the goroutine that writes a request's answer touches held.
type corked struct {
	net.Conn
	held *[]byte // nil: nothing is held back
}

var held = sync.Pool{New: func() any { return new([]byte) }}

func (c *corked) Write(p []byte) (int, error) {
	if c.held == nil {
		return c.Conn.Write(p)
	}
	if len(*c.held)+len(p) > corkMost {
		if err := c.send(); err != nil {
			return 0, err
		}
		return c.Conn.Write(p)
	}
	*c.held = append(*c.held, p...)
	return len(p), nil
}

func (c *corked) cork() {
	c.held = held.Get().(*[]byte) //nolint:forcetypeassert // nothing else is put in
}

// uncork sends what was held back.
func (c *corked) uncork() error {
	err := c.send()
	held.Put(c.held)
	c.held = nil
	return err
}

func (c *corked) send() error {
	b := *c.held
	*c.held = b[:0]
	if len(b) == 0 {
		return nil
	}
	_, err := c.Conn.Write(b)
	return err
}
