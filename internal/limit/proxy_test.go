package limit

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands before a server and does what networks do.
type proxy struct {
	t        testing.TB
	to       string
	listener net.Listener
	accepted atomic.Int64
	bytes    atomic.Int64 // from clients

	mu      sync.Mutex
	conns   map[net.Conn]bool
	stalled chan struct{} // closed when bytes flow again; nil: they flow
	wg      sync.WaitGroup
}

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	p := &proxy{t: t, to: to, conns: map[net.Conn]bool{}}
	p.listen("127.0.0.1:0")
	t.Cleanup(func() { p.flow(); p.refuse(); p.wg.Wait() })
	return p
}

func (p *proxy) listen(addr string) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.listener = l
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.accepted.Add(1)
			p.wg.Go(func() { p.serve(c) })
		}
	})
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) serve(c net.Conn) {
	up, err := net.Dial("tcp", p.to)
	if err != nil {
		_ = c.Close()
		return
	}
	p.mu.Lock()
	p.conns[c] = true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.copy(up, c, &p.bytes) })
	both.Go(func() { p.copy(c, up, nil) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

func (p *proxy) copy(to, from net.Conn, count *atomic.Int64) {
	defer func() { _ = to.Close(); _ = from.Close() }()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if count != nil {
			count.Add(int64(n))
		}
		p.mu.Lock()
		wait := p.stalled
		p.mu.Unlock()
		if wait != nil {
			<-wait
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// stall lets nothing through, either way.
func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = make(chan struct{})
}

// flow lets all through again.
func (p *proxy) flow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled != nil {
		close(p.stalled)
		p.stalled = nil
	}
}

// reset breaks all connections off.
func (p *proxy) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}

// refuse takes no connections any more, and breaks off those there are.
func (p *proxy) refuse() {
	_ = p.listener.Close()
	p.reset()
}

// back takes connections again.
func (p *proxy) back() { p.listen(p.addr()) }

// hostOf is host:port of a Redis URL.
func hostOf(u string) string {
	_, rest, _ := strings.Cut(u, "://")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	host, _, _ := strings.Cut(rest, "/")
	return host
}
