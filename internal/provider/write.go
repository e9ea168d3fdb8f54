package provider

import (
	"context"
	"io"
	"net"
)

// dialer is a function as http.Transport has one.
type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// whole makes connections that take a body in memory in one write. net/http would copy
// it in pieces of 32 KiB, into memory it takes for that: it bounds bodies by a reader
// that does not let their own way of being written be seen.
func whole(dial dialer) dialer {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if tcp, ok := c.(*net.TCPConn); ok && err == nil {
			return wholeConn{tcp}, nil
		}
		return c, err
	}
}

type wholeConn struct{ *net.TCPConn }

// ReadFrom is what net/http sends a body by.
func (c wholeConn) ReadFrom(r io.Reader) (int64, error) {
	l, ok := r.(*io.LimitedReader)
	if !ok {
		return c.TCPConn.ReadFrom(r)
	}
	body, ok := l.R.(io.WriterTo)
	if !ok {
		return c.TCPConn.ReadFrom(r)
	}
	n, err := body.WriteTo(&bounded{c.TCPConn, l.N})
	l.N -= n
	return n, err
}

// bounded takes so many bytes and no more.
type bounded struct {
	c    *net.TCPConn
	left int64
}

func (b *bounded) Write(p []byte) (int, error) {
	more := int64(len(p)) > b.left
	if more {
		p = p[:b.left]
	}
	n, err := b.c.Write(p)
	b.left -= int64(n)
	if err == nil && more {
		err = io.ErrShortWrite // the body is longer than was announced
	}
	return n, err
}
