package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"turnpike/bench/internal/answer"
	"turnpike/bench/internal/prompt"
)

const (
	dialLimit    = 10 * time.Second
	requestLimit = 30 * time.Second // for an answer, beyond the pauses that were ordered
	maxLine      = 16 << 10         // the longest line of a stream
	maxWhole     = 4 << 20          // the longest answer that is not streamed
)

// Job is a kind of request, and where to send it.
type Job struct {
	Addr   string // host and port
	Key    string // sent as a bearer token
	API    prompt.API
	Prompt prompt.Conversation
	Prefix string // before the mock's model name, such as "oa/"
	Orders answer.Orders
	Stream bool
}

// request is the whole request as it goes on the wire.
func (j Job) request() []byte {
	body := j.Prompt.Body(j.API, j.Prefix+j.Orders.Model(), j.Stream)
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n",
		j.API.Path(), j.Addr, j.Key, len(body))
	if j.API == prompt.Messages {
		head += "anthropic-version: 2023-06-01\r\n"
	}
	return append([]byte(head+"\r\n"), body...)
}

// client is one keep-alive connection that sends the same request again and again.
type client struct {
	job     Job
	request []byte
	text    []byte
	limit   time.Duration
	in      *bufio.Reader // of the connection
	body    *bufio.Reader // of a stream
	whole   bytes.Buffer

	mu   sync.Mutex // conn and gone: close may come from another goroutine
	conn net.Conn
	gone bool
}

func newClient(j Job) *client {
	return &client{
		job: j, request: j.request(), text: answer.Text(j.Orders.Chunks),
		limit: requestLimit + time.Duration(j.Orders.Chunks)*j.Orders.Delay,
		in:    bufio.NewReaderSize(nil, 4<<10), body: bufio.NewReaderSize(nil, maxLine),
	}
}

// connection is the open connection, or a new one.
func (c *client) connection(ctx context.Context) (net.Conn, error) {
	c.mu.Lock()
	open := c.conn
	c.mu.Unlock()
	if open != nil {
		return open, nil
	}
	d := net.Dialer{Timeout: dialLimit}
	conn, err := d.DialContext(ctx, "tcp", c.job.Addr)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		conn.Close()
		return nil, net.ErrClosed
	}
	c.conn = conn
	c.in.Reset(conn)
	return conn, nil
}

// drop closes the connection; the next request opens another.
func (c *client) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// close ends the client, whatever it is doing.
func (c *client) close() {
	c.mu.Lock()
	c.gone = true
	c.mu.Unlock()
	c.drop()
}

// timing is what one request took.
type timing struct{ whole, firstEvent time.Duration }

// do sends the request and checks the answer. onStamp is told of each chunk that says when it was written.
func (c *client) do(ctx context.Context, onStamp func(int64)) (timing, error) {
	t, err := c.try(ctx, onStamp)
	if err != nil {
		c.drop()
	}
	return t, err
}

func (c *client) try(ctx context.Context, onStamp func(int64)) (timing, error) {
	conn, err := c.connection(ctx)
	if err != nil {
		return timing{}, err
	}
	start := time.Now()
	if err := conn.SetDeadline(start.Add(c.limit)); err != nil {
		return timing{}, err
	}
	if _, err := conn.Write(c.request); err != nil {
		return timing{}, fmt.Errorf("send: %w", err)
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return timing{}, fmt.Errorf("no answer: %w", err)
	}
	defer resp.Body.Close()
	first, err := c.check(resp, onStamp)
	if err != nil {
		return timing{}, err
	}
	t := timing{whole: time.Since(start), firstEvent: first.Sub(start)}
	if resp.Close {
		c.drop()
	}
	return t, nil
}

// check reads the body to its end; first is when the first event of a stream came.
func (c *client) check(resp *http.Response, onStamp func(int64)) (first time.Time, err error) {
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 300)) // what could be read of it is shown
		return first, fmt.Errorf("status %d: %s", resp.StatusCode, bytes.TrimSpace(b))
	}
	if !c.job.Stream {
		return first, c.checkWhole(resp.Body)
	}
	s := stream{api: c.job.API, full: c.job.Orders.Checked, onStamp: onStamp}
	c.body.Reset(resp.Body)
	if err := s.read(c.body); err != nil {
		return first, err
	}
	if err := s.cells.End(c.job.Orders.Chunks); err != nil {
		return first, err
	}
	return s.first, checkUsage(s.in, s.out, c.job.Orders.Chunks)
}

func (c *client) checkWhole(body io.Reader) error {
	c.whole.Reset()
	if _, err := c.whole.ReadFrom(io.LimitReader(body, maxWhole)); err != nil {
		return fmt.Errorf("answer broken: %w", err)
	}
	if c.job.Orders.Checked && !json.Valid(c.whole.Bytes()) {
		return errors.New("the answer is not JSON")
	}
	return checkWhole(c.job.API, c.whole.Bytes(), c.text, c.job.Orders.Chunks)
}
