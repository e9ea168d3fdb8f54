// Package mock is an upstream that costs next to nothing: OpenAI chat completions, Anthropic messages, Bedrock InvokeModel and Converse,
// whole and streamed, over a small HTTP/1.1 server of its own, with answers made once and written many times. Package answer says how a
// model's name shapes the answer.
package mock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"turnpike/bench/internal/answer"
	"turnpike/bench/internal/scan"
)

// Bounds of what a client can make the mock do.
const (
	maxConns    = 8192
	maxHead     = 32 << 10
	maxBody     = 8 << 20
	maxModel    = 200
	maxPrepared = 256 // answers kept
	idleLimit   = 10 * time.Minute
	writeLimit  = 30 * time.Second
)

// ask is what decides an answer.
type ask struct {
	dialect dialect
	model   string
	orders  answer.Orders
	stream  bool
	usage   bool // OpenAI's stream_options.include_usage
}

// Server keeps the answers that were made.
type Server struct {
	mu       sync.RWMutex
	prepared map[ask][][]byte
	slots    chan struct{}
}

// New gives a server without answers.
func New() *Server {
	return &Server{prepared: map[ask][][]byte{}, slots: make(chan struct{}, maxConns)}
}

// Serve answers on the listener until ctx ends; it returns when every connection is closed.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	var conns sync.WaitGroup
	defer conns.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	for {
		c, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("mock: accept: %w", err)
		}
		select {
		case s.slots <- struct{}{}:
		default:
			c.Close() // more connections than any scenario opens
			continue
		}
		conns.Go(func() {
			defer func() { <-s.slots }()
			defer context.AfterFunc(ctx, func() { c.Close() })()
			defer c.Close()
			newConn(c).serve(ctx, s)
		})
	}
}

// respond writes the answer to a request. An error means the connection is of no more use.
func (s *Server) respond(ctx context.Context, c *conn, r *request) error {
	if r.method == "GET" && r.path == "/v1/models" {
		return c.whole(200, []byte(`{"object":"list","data":[{"id":"mock-n40","object":"model","created":1760000000,"owned_by":"bench"}],"has_more":false}`))
	}
	a, err := parse(r)
	if errors.Is(err, errNoRoute) {
		return c.whole(404, nil)
	}
	if err == nil && a.orders.Checked {
		err = check(a, r)
	}
	if err != nil {
		return c.whole(400, fmt.Appendf(nil, `{"error":{"type":"invalid_request_error","message":%q}}`, "bench mock: "+err.Error()))
	}
	if !a.stream {
		return c.whole(200, s.answer(a)[0])
	}
	return s.stream(ctx, c, a)
}

func (s *Server) stream(ctx context.Context, c *conn, a ask) error {
	if err := c.startStream(a.dialect.contentType()); err != nil {
		return err
	}
	if a.orders.Delay > 0 {
		if err := s.slowly(ctx, c, a); err != nil {
			return err
		}
	} else {
		for _, event := range s.answer(a) {
			if err := c.write(event); err != nil {
				return err
			}
		}
	}
	return c.write([]byte("0\r\n\r\n"))
}

// slowly writes a stream whose chunks say when they were written. Chunk i is due i delays after the first, however late the last one was.
func (s *Server) slowly(ctx context.Context, c *conn, a ask) error {
	for _, event := range a.dialect.open(a) {
		if err := c.event(event); err != nil {
			return err
		}
	}
	tick := time.NewTimer(0)
	defer tick.Stop()
	start := time.Now()
	var text, event []byte
	for i := range a.orders.Chunks {
		if i > 0 {
			tick.Reset(time.Until(start.Add(time.Duration(i) * a.orders.Delay)))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		text = answer.AppendCell(text[:0], i, time.Now().UnixNano())
		event = a.dialect.chunk(event[:0], a, text)
		if err := c.event(event); err != nil {
			return err
		}
	}
	for _, event := range a.dialect.end(a) {
		if err := c.event(event); err != nil {
			return err
		}
	}
	return nil
}

// answer gives the parts of an answer as they are written: a body, or the events of a stream, each as an HTTP chunk.
func (s *Server) answer(a ask) [][]byte {
	s.mu.RLock()
	parts := s.prepared[a]
	s.mu.RUnlock()
	if parts != nil {
		return parts
	}
	if a.stream {
		events := a.dialect.open(a)
		for i := range a.orders.Chunks {
			events = append(events, a.dialect.chunk(nil, a, answer.AppendCell(nil, i, 0)))
		}
		for _, event := range append(events, a.dialect.end(a)...) {
			parts = append(parts, appendChunk(nil, event))
		}
	} else {
		parts = [][]byte{a.dialect.unary(a)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.prepared) < maxPrepared {
		s.prepared[a] = parts
	}
	return parts
}

// appendChunk appends an HTTP/1.1 chunk.
func appendChunk(b, data []byte) []byte {
	b = strconv.AppendInt(b, int64(len(data)), 16)
	b = append(b, "\r\n"...)
	b = append(b, data...)
	return append(b, "\r\n"...)
}

var errNoRoute = errors.New("no such route")

// parse finds what is asked for; beside the path it looks only for the few members of the body that it needs.
func parse(r *request) (ask, error) {
	var a ask
	if r.method != "POST" {
		return a, errNoRoute
	}
	switch r.path {
	case "/v1/chat/completions":
		a.dialect = chat{}
	case "/v1/messages":
		a.dialect = messages{}
	default:
		return parseBedrock(r.path)
	}
	model, plain, ok := scan.String(r.body, `"model"`)
	if !ok || !plain || len(model) > maxModel {
		return a, errors.New("the body has no usable model")
	}
	a.model = string(model)
	a.orders = answer.ParseOrders(a.model)
	a.stream = scan.True(r.body, `"stream"`)
	a.usage = a.stream && a.dialect == chat{} && scan.True(r.body, `"include_usage"`)
	return a, nil
}

// parseBedrock reads /model/{id}/{operation}.
func parseBedrock(path string) (ask, error) {
	var a ask
	rest, ok := strings.CutPrefix(path, "/model/")
	id, operation, found := strings.Cut(rest, "/")
	if !ok || !found {
		return a, errNoRoute
	}
	switch operation {
	case "invoke":
		a.dialect = invoke{}
	case "invoke-with-response-stream":
		a.dialect, a.stream = invoke{}, true
	case "converse":
		a.dialect = converse{}
	case "converse-stream":
		a.dialect, a.stream = converse{}, true
	default:
		return a, errNoRoute
	}
	model, err := url.PathUnescape(id)
	if err != nil || len(model) > maxModel || strings.ContainsAny(model, "\"\\") {
		return a, errors.New("the path has no usable model")
	}
	a.model, a.orders = model, answer.ParseOrders(model)
	return a, nil
}
