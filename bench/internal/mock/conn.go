package mock

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// request is one request; its bytes are good until the next one is read.
type request struct {
	method, path string
	head         []byte // the header lines
	body         []byte
	last         bool // the client closes the connection after it
}

// header gives the value of the first header with that name.
func (r *request) header(name string) string {
	for line := range bytes.Lines(r.head) {
		k, v, _ := bytes.Cut(line, []byte(":"))
		if len(k) == len(name) && strings.EqualFold(string(k), name) {
			return string(bytes.TrimSpace(v))
		}
	}
	return ""
}

// conn is a connection with a client.
type conn struct {
	net  net.Conn
	in   *bufio.Reader
	req  request
	out  []byte
	date string
}

func newConn(c net.Conn) *conn {
	return &conn{net: c, in: bufio.NewReaderSize(c, 8<<10), date: time.Now().UTC().Format(time.RFC1123)}
}

func (c *conn) serve(ctx context.Context, s *Server) {
	for {
		if err := c.read(); err != nil {
			if refused := new(refusal); errors.As(err, &refused) {
				_ = c.whole(refused.status, nil) // the connection is closed either way
			}
			return
		}
		if s.respond(ctx, c, &c.req) != nil || c.req.last {
			return
		}
	}
}

// refusal is a request that the mock will not read.
type refusal struct{ status int }

func (r *refusal) Error() string { return "refused with " + strconv.Itoa(r.status) }

func (c *conn) read() error {
	if err := c.net.SetReadDeadline(time.Now().Add(idleLimit)); err != nil {
		return err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	f := bytes.Fields(line)
	if len(f) != 3 {
		return &refusal{400}
	}
	r := &c.req
	r.method, r.path, r.last = string(f[0]), string(f[1]), false
	r.path, _, _ = strings.Cut(r.path, "?")
	if err := c.readHead(); err != nil {
		return err
	}
	if strings.EqualFold(r.header("connection"), "close") {
		r.last = true
	}
	return c.readBody()
}

func (c *conn) readHead() error {
	r := &c.req
	r.head = r.head[:0]
	for {
		line, err := c.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) || len(r.head)+len(line) > maxHead {
			return &refusal{431}
		}
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			return nil
		}
		r.head = append(r.head, line...)
	}
}

func (c *conn) readBody() error {
	r := &c.req
	if r.header("transfer-encoding") != "" {
		return &refusal{411} // no target of the benchmark sends chunks: all of them read the body first, or know its length
	}
	n := 0
	if s := r.header("content-length"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 0 {
			return &refusal{400}
		}
	}
	if n > maxBody {
		return &refusal{413}
	}
	if strings.EqualFold(r.header("expect"), "100-continue") {
		if err := c.write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return err
		}
	}
	if cap(r.body) < n {
		r.body = make([]byte, n)
	}
	r.body = r.body[:n]
	_, err := io.ReadFull(c.in, r.body)
	return err
}

// whole writes an answer with its length.
func (c *conn) whole(status int, body []byte) error {
	reason := "OK"
	if status != 200 {
		reason = "Refused"
	}
	c.out = fmt.Appendf(c.out[:0], "HTTP/1.1 %d %s\r\ndate: %s\r\ncontent-type: application/json\r\nx-request-id: req_bench\r\nrequest-id: req_bench\r\ncontent-length: %d\r\n\r\n",
		status, reason, c.date, len(body))
	c.out = append(c.out, body...)
	return c.write(c.out)
}

func (c *conn) startStream(contentType string) error {
	c.out = fmt.Appendf(c.out[:0], "HTTP/1.1 200 OK\r\ndate: %s\r\ncontent-type: %s\r\ncache-control: no-cache\r\nx-request-id: req_bench\r\nrequest-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n",
		c.date, contentType)
	return c.write(c.out)
}

// event writes one event of a stream.
func (c *conn) event(data []byte) error {
	c.out = appendChunk(c.out[:0], data)
	return c.write(c.out)
}

func (c *conn) write(b []byte) error {
	if err := c.net.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return err
	}
	_, err := c.net.Write(b)
	return err
}
