package conformance

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"turnpike/internal/policy"
	"turnpike/internal/provider"
	"turnpike/internal/provider/anthropic"
	"turnpike/internal/provider/openai"
	"turnpike/internal/route"
)

// wireUp is an upstream that is written byte by byte on a real socket.
type wireUp struct {
	addr  string
	tls   bool // it is to be spoken to by TLS
	asked atomic.Int64
}

// script plays one connection, which is closed behind it. n counts requests from 1 on.
type script func(c *line, n int)

// line is a connection whose request has been read.
type line struct {
	net.Conn
	r *http.Request
}

// say writes text; a gateway that has hung up is no matter.
func (c *line) say(text ...string) { _, _ = io.WriteString(c, strings.Join(text, "")) }

// hold waits until the gateway hangs up.
func (c *line) hold() { _, _ = io.Copy(io.Discard, c) }

// reset ends the connection without a word.
func (c *line) reset() {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}

// head is a head that announces no length: the end of the connection ends the body.
func (c *line) head(status int, contentType string, header ...string) {
	c.say(fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: %s\r\nConnection: close\r\n", status, http.StatusText(status), contentType))
	for i := 0; i+1 < len(header); i += 2 {
		c.say(header[i], ": ", header[i+1], "\r\n")
	}
	c.say("\r\n")
}

func newWireUp(t *testing.T, play script) *wireUp {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &wireUp{addr: l.Addr().String()}
	t.Cleanup(func() { _ = l.Close() })
	if play == nil { // nobody is there
		_ = l.Close()
		return u
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go u.answer(c, play)
		}
	}()
	return u
}

// newMuteUp takes connections and never says a word of the handshake.
func newMuteUp(t *testing.T) *wireUp {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { (&line{Conn: c}).hold(); _ = c.Close() }()
		}
	}()
	return &wireUp{addr: l.Addr().String(), tls: true}
}

// newFullUp is a socket whose queue of connections is full: the system lets further
// ones knock in vain.
func newFullUp(t *testing.T) *wireUp {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	at, ok := name.(*syscall.SockaddrInet4)
	if err != nil || !ok {
		t.Fatal(err, name)
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(at.Port))
	for range 20 {
		c, err := (&net.Dialer{Timeout: 300 * time.Millisecond}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			return &wireUp{addr: addr}
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Skip("this system takes connections that nobody asked for")
	return nil
}

func (u *wireUp) answer(c net.Conn, play script) {
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(patience))
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	body := make([]byte, max(r.ContentLength, 0))
	if _, err := io.ReadFull(r.Body, body); err != nil {
		return
	}
	play(&line{c, r}, int(u.asked.Add(1)))
}

// tongue is what an upstream says, in one dialect: the parts of a stream that says
// its name, a whole answer, an error event, and refusals.
type tongue struct {
	start, content, rest, fault, whole string
	refuse                             func(kind, message string) string
}

func chatTongue(name string) tongue {
	return tongue{
		start:   string(sse(chatChunk(`{"role":"assistant","content":""}`, "null"))),
		content: string(sse(chatChunk(`{"content":"`+name+`"}`, "null"))),
		rest:    string(sse(chatChunk(`{}`, `"stop"`), chatUsage, chatDone)),
		fault:   string(sse(`{"error":{"message":"too busy","type":"server_error","code":"overloaded"}}`)),
		whole: `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"` + name +
			`"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`,
		refuse: func(kind, message string) string {
			return `{"error":{"message":"` + message + `","type":"` + kind + `","code":"` + kind + `","param":null}}`
		},
	}
}

func claudeTongue(name string) tongue {
	const head = `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":1}}}`
	return tongue{
		start: string(sse(head)),
		content: string(sse(`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"`+name+`"}}`)),
		rest:  string(sse(`{"type":"content_block_stop","index":0}`, claudeTail, claudeStop)),
		fault: string(sse(`{"type":"error","error":{"type":"overloaded_error","message":"too busy"}}`)),
		whole: `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"` + name +
			`"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":2}}`,
		refuse: func(kind, message string) string {
			return `{"type":"error","error":{"type":"` + kind + `","message":"` + message + `"}}`
		},
	}
}

func tongueOf(dialect, name string) tongue {
	if dialect == messagesAPI {
		return claudeTongue(name)
	}
	return chatTongue(name)
}

// well answers as it should.
func well(s tongue) script {
	return func(c *line, _ int) {
		if !strings.Contains(c.r.Header.Get("X-Streamed"), "yes") {
			c.head(200, "application/json")
			c.say(s.whole)
			return
		}
		c.head(200, "text/event-stream")
		c.say(s.start, s.content, s.rest)
	}
}

// short are bounds that are waited for.
var short = provider.Timeouts{Connect: 5 * time.Second, FirstByte: 600 * time.Millisecond, FirstContent: time.Second, Idle: 600 * time.Millisecond, Total: 10 * time.Second}

// wireAccount makes an account of a model that is served at a socket.
func wireAccount(t *testing.T, name, dialect string, weight int, up *wireUp, bounds provider.Timeouts, streamed bool) *route.Account {
	t.Helper()
	scheme := "http://"
	if up.tls {
		scheme = "https://"
	}
	opt := provider.Options{Name: name, BaseURL: scheme + up.addr, APIKey: upstreamKey, UserAgent: "turnpike/test", Timeouts: bounds}
	if streamed {
		opt.Headers = map[string]string{"X-Streamed": "yes"}
	}
	var p provider.Provider
	var err error
	if dialect == messagesAPI {
		p, err = anthropic.New(opt)
	} else {
		p, err = openai.New(opt, true, provider.Choice{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return &route.Account{Provider: p, Weight: weight, Models: []string{"m"}}
}

// byWeight asks in the order of the weights.
var byWeight = route.Settings{Strategy: policy.StrategyPriority}
