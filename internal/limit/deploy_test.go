package limit

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// server starts a redis-server with some options and returns its address. Where it
// does not begin to speak, the test fails.
func server(t *testing.T, options ...string) string {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("no redis-server")
	}
	addr := freePort(t)
	_, port, _ := net.SplitHostPort(addr)
	args := []string{"--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir()}
	for _, o := range options {
		args = append(args, strings.ReplaceAll(o, "PORT", port))
	}
	run(t, bin, args...)
	return addr
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func run(t *testing.T, bin string, args ...string) {
	t.Helper()
	cmd := exec.Command(bin, args...) //nolint:gosec // a test's own server
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _, _ = cmd.Process.Wait() })
}

// until asks again until it is so, for 20 seconds at most. Every question is an answer
// of the server's that takes its time.
func until(t *testing.T, what string, ask func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ask(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not in 20 s", what)
		}
	}
}

// TestDeployments: every way Redis is run in.
func TestDeployments(t *testing.T) {
	redisURL(t) // where there is no Redis, there is none of these
	for _, c := range []struct {
		name  string
		start func(*testing.T) Options
	}{
		{"a user with a password and no more rights than it needs", aclServer},
		{"TLS", tlsServer},
		{"cluster", clusterServer},
		{"sentinel", sentinelServer},
	} {
		t.Run(c.name, func(t *testing.T) {
			opt := c.start(t)
			clk := &clock{}
			opt.Timeout, opt.Log, opt.Now, opt.clock = 5*time.Second, slog.New(slog.DiscardHandler), clk.now, clk.millis
			w, err := open(opt)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = w.r.client.Close() })
			b := &bed{Limiter: New(clk.now, w.r), clock: clk, work: w}
			until(t, "redis is there", func(context.Context) bool { w.beat(); return b.State().Away.IsZero() })
			key, team := scoped{"key", unique(t), rule(3, 1000, 1)}, scoped{"team", unique(t), rule(100, None, None)}
			for range 3 {
				one := b.ask(500, key, team)
				if !one.Shared || !one.Admitted() || b.ask(0, key, team).Admitted() {
					t.Fatalf("shared %v, %+v", one.Shared, one.Refusal)
				}
				one.Close(100)
				b.settled()
			}
			last := b.ask(0, key, team)
			if r := last.Refusal; last.Admitted() || !last.Shared || r.Kind != RPM || r.Claim.Left(TPM) != 700 {
				t.Errorf("shared %v, %+v", last.Shared, r)
			}
			b.clock.advance(renewAfter)
			w.beat()
			w.last()
			if s := b.State(); !s.Away.IsZero() || s.Lost != 0 || s.Waiting != 0 || s.Replicas != 1 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// leastRights are what docs/limits.md asks for.
const leastRights = "on >s3cret ~{turnpike:limits}:* +eval +evalsha +script|load +hmget +hset +pexpire +zadd +zrem +zremrangebyscore +zcard +time +ping +hello +select"

func aclServer(t *testing.T) Options {
	options := []string{"--port", "PORT", "--user", "default", "off", "--user", "turnpike"}
	addr := server(t, append(options, strings.Fields(leastRights)...)...)
	return Options{URL: "redis://turnpike:s3cret@" + addr + "/0"}
}

func tlsServer(t *testing.T) Options {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pool := selfSigned(t, cert, key)
	addr := server(t, "--port", "0", "--tls-port", "PORT", "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no")
	return Options{URL: "rediss://" + addr, roots: pool}
}

func selfSigned(t *testing.T, certFile, keyFile string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

func clusterServer(t *testing.T) Options {
	addr := server(t, "--port", "PORT", "--cluster-enabled", "yes")
	c := redis.NewClient(&redis.Options{Addr: addr})
	defer func() { _ = c.Close() }()
	until(t, "the node is there", func(ctx context.Context) bool { return c.Ping(ctx).Err() == nil })
	if err := c.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	until(t, "the cluster is whole", func(ctx context.Context) bool {
		return strings.Contains(c.ClusterInfo(ctx).Val(), "cluster_state:ok")
	})
	return Options{Addresses: []string{addr}}
}

func sentinelServer(t *testing.T) Options {
	primary := server(t, "--port", "PORT")
	host, port, _ := net.SplitHostPort(primary)
	addr := freePort(t)
	_, own, _ := net.SplitHostPort(addr)
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("bind 127.0.0.1\nport %s\nsentinel monitor main %s %s 1\n", own, host, port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	bin, _ := exec.LookPath("redis-server")
	run(t, bin, file, "--sentinel")
	return Options{Addresses: []string{addr}, Sentinel: "main", URL: "redis://ignored.invalid/0"}
}

func TestWhereRedisIs(t *testing.T) {
	for _, c := range []struct {
		name string
		opt  Options
		ok   bool
	}{
		{"URL", Options{URL: "redis://u:p@h:1/2"}, true},
		{"nodes", Options{Addresses: []string{"a:1", "b:2"}}, true},
		{"sentinels", Options{Addresses: []string{"a:1"}, Sentinel: "main"}, true},
		{"nothing", Options{}, false},
		{"no sentinels", Options{URL: "redis://h", Sentinel: "main"}, false},
		{"nonsense", Options{URL: "redis://u:s3cret@h:port:x/%zz"}, false},
		{"another scheme", Options{URL: "https://u:s3cret@h"}, false},
	} {
		_, err := universal(c.opt)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error tells the password: %v", c.name, err)
		}
	}
	u, err := universal(Options{URL: "rediss://u:p@h:1/2", Addresses: []string{"a:1"}})
	if err != nil || !u.IsClusterMode || u.Username != "u" || u.Password != "p" || u.TLSConfig == nil || u.TLSConfig.ServerName != "" || u.TLSConfig.MinVersion != tls.VersionTLS12 {
		t.Errorf("%+v, %v", u, err)
	}
}
