package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// zone is where the fleet's names are: database, redis, models.
const zone = "fleet.test"

// names is a resolver that says 127.0.0.1 to every name, as slowly as it is told.
type names struct {
	conn     net.PacketConn
	conf     string
	delay    atomic.Int64
	asked    atomic.Int64
	models   *httptest.Server
	upstream int
}

// resolverAt is an address of this machine alone where nobody else answers for names.
const resolverAt = "127.53.53.53"

func newNames(dir string) (*names, error) {
	if err := exec.Command("unshare", "-m", "true").Run(); err != nil { //nolint:noctx // at once
		return nil, fmt.Errorf("a resolver of its own needs root: %w", err)
	}
	conn, err := net.ListenPacket("udp", resolverAt+":53") //nolint:noctx // at once
	if err != nil {
		return nil, err
	}
	n := &names{conn: conn, conf: filepath.Join(dir, "resolv.conf"), models: upstream()}
	_, at, err := net.SplitHostPort(n.models.Listener.Addr().String())
	n.upstream = port(at)
	go n.serve()
	return n, errors.Join(err, os.WriteFile(n.conf, []byte("nameserver "+resolverAt+"\noptions ndots:1 timeout:10 attempts:1\n"), 0o644)) //nolint:gosec // resolvers read it
}

// command runs a program in a file system of its own, with our resolv.conf.
func (n *names) command(args []string) []string {
	return append([]string{"unshare", "-m", "sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, n.conf}, args...)
}

func (n *names) serve() {
	for {
		question := make([]byte, 512)
		size, from, err := n.conn.ReadFrom(question)
		if err != nil {
			return
		}
		n.asked.Add(1)
		time.AfterFunc(time.Duration(n.delay.Load()), func() {
			if a := answer(question[:size]); a != nil {
				_, _ = n.conn.WriteTo(a, from)
			}
		})
	}
}

// answer is a message of RFC 1035: the question again and, to one for an A, 127.0.0.1.
func answer(q []byte) []byte {
	end := 12
	for end < len(q) && q[end] != 0 {
		end += int(q[end]) + 1
	}
	if end += 5; end > len(q) {
		return nil
	}
	a := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:end]...)
	if q[end-3] == 1 { // an A; to others there is no answer
		a[7] = 1
		a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1)
	}
	return a
}

func (n *names) close() {
	_ = n.conn.Close()
	n.models.Close()
}

// slowNames lets each answer of the resolver take two seconds, restarts all gateways one by one, and tries what has to hold.
func slowNames(ctx context.Context, f *fleet) (string, error) {
	const slow = 2 * time.Second
	before := f.load.sum()
	f.names.delay.Store(int64(slow))
	defer f.names.delay.Store(0)
	var longest time.Duration
	for _, g := range f.gateways {
		if err := g.stop(ctx); err != nil {
			return "", err
		}
		from := time.Now()
		if err := f.start(ctx, g, f.o.binary, 0); err != nil {
			return "", err
		}
		longest = max(longest, time.Since(from))
	}
	_, secret, err := f.newKey(ctx, "slow names")
	if err != nil {
		return "", err
	}
	if err := f.known(ctx, secret); err != nil {
		return "", err
	}
	from := time.Now()
	status, text, err := call(ctx, http.MethodPost, f.gateways[0].url+"/v1/chat/completions", secret, `{"model":"named","messages":[{"role":"user","content":"Hello!"}]}`)
	if err != nil || status != http.StatusOK {
		return "", fmt.Errorf("a model by its name: %d %s %w", status, text, err)
	}
	told := []string{fmt.Sprintf("%d questions, each answered after %.0f s; gateways started within %.1f s; a model by its name answered after %.1f s",
		f.names.asked.Load(), slow.Seconds(), longest.Seconds(), time.Since(from).Seconds())}
	_, err = until(ctx, time.Minute, "all gateways have found Redis", func() bool {
		for _, g := range f.gateways {
			if g.metric(ctx, "turnpike_redis_up") != 1 {
				return false
			}
		}
		return true
	})
	if err != nil {
		return "", err
	}
	// A burst needs more connections to Redis, and they need the name: meanwhile the gateways go by their shares.
	burst := func(ctx context.Context, f *fleet) (string, error) { return limitsAfter(ctx, f, 1) }
	for _, try := range []func(context.Context, *fleet) (string, error){revokedKeys, burst, limits, budgets} {
		text, err := try(ctx, f)
		if err != nil {
			return "", err
		}
		told = append(told, text)
	}
	return f.unnoticed(before, strings.Join(told, ", "))
}
