package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// redis is a server of our own; what it holds is in memory.
type redis struct {
	dir     string
	port    int
	options []string
	*process
}

func newRedis(ctx context.Context, dir string, options ...string) (*redis, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	r := &redis{dir: filepath.Join(dir, "redis-"+strconv.Itoa(port)), port: port, options: options}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, err
	}
	return r, r.start(ctx)
}

func (r *redis) start(ctx context.Context) (err error) {
	log, err := os.OpenFile(filepath.Join(r.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	args := append(slices.Clone(r.options), "--bind", "127.0.0.1", "--port", strconv.Itoa(r.port), "--save", "", "--appendonly", "no")
	if r.process, err = launch(ctx, r.dir, nil, log, "redis-server", args...); err != nil {
		return err
	}
	_, err = until(ctx, startLimit, "redis-server listens", func() bool { return listens(r.port) })
	return err
}

// says asks a server.
func says(ctx context.Context, port int, words ...string) string {
	out, err := exec.CommandContext(ctx, "redis-cli", append([]string{"-p", strconv.Itoa(port)}, words...)...).Output() //nolint:gosec // our own words
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// redisPlace is one server, or several that stand in for each other.
type redisPlace struct {
	conf  string // what gateways are told
	nodes []*redis
	// primary is the one that counts limits now.
	primary func(context.Context) int
}

func (p *redisPlace) kill() {
	for _, n := range p.nodes {
		n.kill()
	}
}

// node is the server at a port.
func (p *redisPlace) node(port int) *redis {
	for _, n := range p.nodes {
		if n.port == port {
			return n
		}
	}
	return nil
}

func alone(ctx context.Context, dir string) (*redisPlace, error) {
	r, err := newRedis(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	return &redisPlace{
		conf: fmt.Sprintf("{ url: 'redis://127.0.0.1:%d/0', timeout: 250ms }", r.port), nodes: []*redis{r},
		primary: func(context.Context) int { return r.port },
	}, nil
}

// watched is a primary with two copies, and three sentinels that put one of them in its place after a second.
func watched(ctx context.Context, dir string) (*redisPlace, error) {
	p := &redisPlace{}
	first, err := newRedis(ctx, dir)
	if err != nil {
		return p, err
	}
	p.nodes = append(p.nodes, first)
	for range 2 {
		r, err := newRedis(ctx, dir, "--replicaof", "127.0.0.1 "+strconv.Itoa(first.port))
		if err != nil {
			return p, err
		}
		p.nodes = append(p.nodes, r)
	}
	var ports []int
	for range 3 {
		conf := filepath.Join(dir, fmt.Sprintf("sentinel-%d.conf", len(ports)))
		text := fmt.Sprintf("sentinel monitor fleet 127.0.0.1 %d 2\nsentinel down-after-milliseconds fleet 1000\nsentinel failover-timeout fleet 5000\n", first.port)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			return p, err
		}
		s, err := newRedis(ctx, dir, conf, "--sentinel")
		if err != nil {
			return p, err
		}
		p.nodes = append(p.nodes, s)
		ports = append(ports, s.port)
	}
	p.primary = func(ctx context.Context) int {
		for _, s := range ports {
			if at := strings.Fields(says(ctx, s, "sentinel", "get-master-addr-by-name", "fleet")); len(at) == 2 {
				return port(at[1])
			}
		}
		return 0
	}
	_, err = until(ctx, startLimit, "the sentinels know each other and two copies", func() bool {
		text := strings.Fields(says(ctx, ports[0], "sentinel", "master", "fleet"))
		return value(text, "num-slaves") == "2" && value(text, "num-other-sentinels") == "2" && linked(ctx, p.nodes[1:3])
	})
	p.conf = fmt.Sprintf("{ addresses: [%s], sentinel_master: fleet, timeout: 250ms }", addresses(ports))
	return p, err
}

// clustered are three primaries with a copy each.
func clustered(ctx context.Context, dir string) (*redisPlace, error) {
	p := &redisPlace{}
	var ports []int
	args := []string{"--cluster", "create"}
	for range 6 {
		bus, err := freePort()
		if err != nil {
			return p, err
		}
		r, err := newRedis(ctx, dir, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus), "--cluster-node-timeout", "1000")
		if err != nil {
			return p, err
		}
		p.nodes = append(p.nodes, r)
		ports = append(ports, r.port)
		args = append(args, "127.0.0.1:"+strconv.Itoa(r.port))
	}
	args = append(args, "--cluster-replicas", "1", "--cluster-yes")
	if out, err := exec.CommandContext(ctx, "redis-cli", args...).CombinedOutput(); err != nil { //nolint:gosec // our own words
		return p, fmt.Errorf("redis-cli: %w: %s", err, out)
	}
	p.conf = fmt.Sprintf("{ addresses: [%s], timeout: 250ms }", addresses(ports))
	p.primary = func(ctx context.Context) int {
		for _, n := range p.nodes {
			if n.process != nil && !n.gone() {
				if at := owner(says(ctx, n.port, "cluster", "nodes"), port(says(ctx, n.port, "cluster", "keyslot", "{turnpike:limits}"))); at != 0 {
					return at
				}
			}
		}
		return 0
	}
	_, err := until(ctx, startLimit, "the cluster is whole", func() bool {
		for _, n := range ports {
			if !strings.Contains(says(ctx, n, "cluster", "info"), "cluster_state:ok") {
				return false
			}
		}
		copies := slices.DeleteFunc(slices.Clone(p.nodes), func(n *redis) bool { return strings.Contains(says(ctx, n.port, "role"), "master") })
		return len(copies) == 3 && linked(ctx, copies)
	})
	return p, err
}

// owner finds in CLUSTER NODES the port of the live primary that has a slot.
func owner(nodes string, slot int) int {
	for line := range strings.Lines(nodes) {
		words := strings.Fields(line)
		if len(words) < 9 || !strings.Contains(words[2], "master") || strings.Contains(words[2], "fail") {
			continue
		}
		for _, r := range words[8:] {
			from, to, span := strings.Cut(r, "-")
			if !span {
				to = from
			}
			if port(from) <= slot && slot <= port(to) {
				at, _, _ := strings.Cut(words[1], "@")
				return port(at[strings.LastIndexByte(at, ':')+1:])
			}
		}
	}
	return 0
}

// linked tells whether copies follow: before that nothing can take the primary's place.
func linked(ctx context.Context, copies []*redis) bool {
	return !slices.ContainsFunc(copies, func(r *redis) bool {
		return !strings.Contains(says(ctx, r.port, "info", "replication"), "master_link_status:up")
	})
}

func value(words []string, name string) string {
	if i := slices.Index(words, name); i >= 0 && i+1 < len(words) {
		return words[i+1]
	}
	return ""
}

func addresses(ports []int) string {
	list := make([]string, len(ports))
	for i, p := range ports {
		list[i] = fmt.Sprintf("'127.0.0.1:%d'", p)
	}
	return strings.Join(list, ", ")
}

// redisFailover kills -9 the primary that counts limits. Until a copy has its place, and behind that, keys are revoked within
// a second and limits hold.
func redisFailover(ctx context.Context, f *fleet) (string, error) {
	before := f.load.sum()
	_, secret, err := f.newKey(ctx, "failover "+strconv.FormatInt(time.Now().UnixNano(), 10), `"limits":{"rpm":60}`)
	if err != nil {
		return "", err
	}
	if err := f.known(ctx, secret); err != nil {
		return "", err
	}
	old := f.redis.primary(ctx)
	victim := f.redis.node(old)
	if victim == nil {
		return "", errors.New("nobody counts limits")
	}
	victim.kill()
	from := time.Now()
	var revoked string
	var wrong error
	done := make(chan struct{})
	go func() { defer close(done); revoked, wrong = revokedKeys(ctx, f) }()
	ok, refused, other := f.burst(ctx, secret, 300)
	// A share for each, and a limit more where Redis is back within the burst (docs/limits.md).
	most := int64(2*60 + time.Since(from).Seconds() + 3)
	_, err = until(ctx, 30*time.Second, "another Redis is the primary", func() bool { now := f.redis.primary(ctx); return now != 0 && now != old })
	if err != nil {
		return "", err
	}
	elected := time.Since(from)
	_, err = until(ctx, 30*time.Second, "all gateways count together again", func() bool {
		return !slices.ContainsFunc(f.gateways, func(g *gateway) bool { return g.metric(ctx, "turnpike_redis_up") != 1 })
	})
	back := time.Since(from)
	<-done
	if err = errors.Join(err, wrong); err != nil {
		return "", err
	}
	told := fmt.Sprintf("another primary %.1f s after, all gateways at it after %.1f s; meanwhile %d of 300 requests of a key with 60 a minute (%d allowed), revoked keys %s",
		elected.Seconds(), back.Seconds(), ok, most, revoked)
	if ok > most || ok < 60 || other > 0 || refused == 0 || back > 30*time.Second {
		return "", fmt.Errorf("%s, %d odd", told, other)
	}
	for _, try := range []func(context.Context, *fleet) (string, error){limits, budgets} {
		text, err := try(ctx, f)
		if err != nil {
			return "", err
		}
		told += ", then " + text
	}
	return f.unnoticed(before, told)
}
