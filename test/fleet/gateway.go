package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	adminKey  = "adm-fleet-fleet-fleet-fleet-fleet"
	drainTime = "20s"
)

// gateway is one of the fleet.
type gateway struct {
	dir  string
	port int
	url  string
	*process
}

// fleet is everything together.
type fleet struct {
	o        *options
	dir      string
	pg       *postgres
	redis    *redisPlace
	pooler   *pooler // none where gateways ask the database itself
	names    *names  // none where they have addresses
	nginx    *process
	url      string // nginx's
	gateways []*gateway
	key      string // of the load, without limits
	load     *load
}

const replicas = 3

func newFleet(ctx context.Context, o *options, b *bed) (f *fleet, err error) {
	f = &fleet{o: o}
	if f.dir, err = os.MkdirTemp("", "fleet-"); err != nil {
		return f, err
	}
	if f.pg, err = newPostgres(ctx); err != nil {
		return f, err
	}
	if f.redis, err = b.redis(ctx, f.dir); err != nil {
		return f, err
	}
	if b.pooled {
		if f.pooler, err = newPooler(ctx, f.pg); err != nil {
			return f, err
		}
	}
	if b.named {
		if f.names, err = newNames(f.dir); err != nil {
			return f, err
		}
	}
	for i := range replicas {
		g, err := f.newGateway(i)
		if err != nil {
			return f, err
		}
		f.gateways = append(f.gateways, g)
		// All open what one has sealed.
		if i > 0 {
			if err := copyFile(filepath.Join(f.gateways[0].dir, "data", "turnpike.key"), filepath.Join(g.dir, "data", "turnpike.key")); err != nil {
				return f, err
			}
		}
		if err := f.start(ctx, g, o.binary, 0); err != nil {
			return f, err
		}
	}
	port, err := freePort()
	if err != nil {
		return f, err
	}
	if f.nginx, err = startNginx(ctx, f.dir, port, f.gateways); err != nil {
		return f, err
	}
	f.url = "http://127.0.0.1:" + strconv.Itoa(port)
	if _, err := f.cli(ctx, "prices", "set", "sandbox", "--input", "1000", "--output", "1000"); err != nil {
		return f, err
	}
	if _, f.key, err = f.newKey(ctx, "load"); err != nil {
		return f, err
	}
	if err := f.known(ctx, f.key); err != nil {
		return f, err
	}
	f.load = startLoad(ctx, f.url, f.key, o.clients)
	return f, nil
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from) //nolint:gosec // our own
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600) //nolint:gosec // our own folder
}

func (f *fleet) newGateway(i int) (*gateway, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	g := &gateway{dir: filepath.Join(f.dir, strconv.Itoa(i)), port: port, url: "http://127.0.0.1:" + strconv.Itoa(port)}
	if err := os.MkdirAll(filepath.Join(g.dir, "data"), 0o700); err != nil {
		return nil, err
	}
	return g, os.WriteFile(filepath.Join(g.dir, "turnpike.yaml"), []byte(f.conf(g)), 0o600)
}

// start starts a gateway, with a clock that is wrong by so many seconds, and waits until it is ready.
func (f *fleet) start(ctx context.Context, g *gateway, binary string, skew int) error {
	log, err := os.OpenFile(filepath.Join(g.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	env := []string{"TURNPIKE_TEST_SKEW=" + strconv.Itoa(skew)}
	command := []string{binary, "serve", "--config", "turnpike.yaml"}
	if f.names != nil {
		command = f.names.command(command)
	}
	if g.process, err = launch(ctx, g.dir, env, log, command[0], command[1:]...); err != nil {
		return err
	}
	if _, err = until(ctx, startLimit, g.url+" is ready", func() bool { return g.ready(ctx) || g.gone() }); err != nil {
		return err
	}
	if g.gone() {
		return errors.New("the gateway ended at its start")
	}
	return nil
}

// stop ends it in order.
func (g *gateway) stop(ctx context.Context) error {
	if err := g.end(ctx, syscall.SIGTERM); err != nil {
		return err
	}
	if code := g.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with %d", g.url, code)
	}
	return nil
}

func (g *gateway) ready(ctx context.Context) bool {
	status, _, err := call(ctx, http.MethodGet, g.url+"/health/ready", "", "")
	return err == nil && status == http.StatusOK
}

// metric is a gauge or counter without labels.
func (g *gateway) metric(ctx context.Context, name string) float64 {
	_, text, err := call(ctx, http.MethodGet, g.url+"/metrics", "", "")
	if err != nil {
		return -1
	}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err == nil {
				return n
			}
		}
	}
	return -1
}

// cli runs a command of the gateway's beside the first one.
func (f *fleet) cli(ctx context.Context, args ...string) ([]byte, error) {
	command := append([]string{f.o.binary}, append(args, "--config", "turnpike.yaml")...)
	if f.names != nil {
		command = f.names.command(command)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the binary under test
	cmd.Dir = f.gateways[0].dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("turnpike %s: %w: %s%s", strings.Join(args, " "), err, out, errs.Bytes())
	}
	return out, nil
}

// newKey makes a key by the admin API of the first gateway.
func (f *fleet) newKey(ctx context.Context, name string, more ...string) (id, secret string, err error) {
	body := `{"name":` + strconv.Quote(name) + strings.Join(append([]string{""}, more...), ",") + `}`
	status, text, err := call(ctx, http.MethodPost, f.gateways[0].url+"/admin/keys", adminKey, body)
	if err != nil {
		return "", "", err
	}
	var made struct{ ID, Key string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.Key == "" {
		return "", "", fmt.Errorf("a key was not made: %d %s", status, text)
	}
	return made.ID, made.Key, nil
}

// known waits until every gateway takes a key.
func (f *fleet) known(ctx context.Context, secret string) error {
	for _, g := range f.gateways {
		_, err := until(ctx, 5*time.Second, "a new key is known at "+g.url, func() bool {
			status, _, err := call(ctx, http.MethodGet, g.url+"/v1/models", secret, "")
			return err == nil && status == http.StatusOK
		})
		if err != nil {
			return err
		}
	}
	return nil
}

var plain = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}

func call(ctx context.Context, method, url, key, body string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := plain.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	return res.StatusCode, string(text), err
}

// logs is the end of what the gateways have said.
func (f *fleet) logs() string {
	var all strings.Builder
	for _, g := range f.gateways {
		b, _ := os.ReadFile(filepath.Join(g.dir, "log"))
		fmt.Fprintf(&all, "-- %s\n%s\n", g.url, b[max(0, len(b)-1500):])
	}
	return all.String()
}

func (f *fleet) close() {
	if f.load != nil {
		f.load.stop()
	}
	if f.nginx != nil {
		f.nginx.kill()
	}
	for _, g := range f.gateways {
		if g.process != nil {
			g.kill()
		}
	}
	if f.redis != nil {
		f.redis.kill()
	}
	if f.pooler != nil {
		f.pooler.kill()
	}
	if f.names != nil {
		f.names.close()
	}
	if f.pg != nil {
		f.pg.close()
	}
	_ = os.RemoveAll(f.dir)
}
