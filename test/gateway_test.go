package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// gateway is a running process of the binary.
type gateway struct {
	url     string
	dir     string // the configuration and the data
	remove  string // the folder to remove in the end, "" for none
	cmd     *exec.Cmd
	out     *output
	exited  chan struct{}
	exit    error
	stopped sync.Once
	stopErr error
}

// patience bounds every wait for something that takes moments.
const patience = 20 * time.Second

// start runs the gateway with a configuration in a folder of its own and waits
// until it is ready.
func start(ctx context.Context, config string) (*gateway, error) {
	dir, err := os.MkdirTemp("", "turnpike-run-")
	if err != nil {
		return nil, err
	}
	g, err := startIn(ctx, dir, config)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	g.remove = dir
	return g, nil
}

// startIn runs the gateway in a folder of the caller's.
func startIn(ctx context.Context, dir, config string) (*gateway, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	g, err := launch(dir, port, "", config)
	if err != nil {
		return nil, err
	}
	if err := g.waitReady(ctx); err != nil {
		_ = g.cmd.Process.Kill()
		return nil, fmt.Errorf("%w\n%s", err, g.out)
	}
	return g, nil
}

// launch runs the gateway at a port, without waiting for anything. server are more members of
// its own section.
func launch(dir string, port int, server, config string) (*gateway, error) {
	config = fmt.Sprintf("server: { host: 127.0.0.1, port: %d, drain_timeout: 30s%s }\ndata_dir: '%s'\n%s", port, server, filepath.Join(dir, "data"), config)
	if err := os.WriteFile(filepath.Join(dir, "turnpike.yaml"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	g := &gateway{url: fmt.Sprintf("http://127.0.0.1:%d", port), dir: dir, out: &output{}, exited: make(chan struct{})}
	g.cmd = exec.Command(gatewayBinary, "serve", "--config", filepath.Join(dir, "turnpike.yaml"))
	g.cmd.Dir = dir
	g.cmd.Stdout, g.cmd.Stderr = g.out, g.out
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		g.exit = g.cmd.Wait()
		close(g.exited)
	}()
	return g, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil //nolint:forcetypeassert // a TCP listener has no other
}

func (g *gateway) waitReady(ctx context.Context) error {
	return poll(ctx, func() error {
		select {
		case <-g.exited:
			return errors.Join(errGivenUp, errors.New("the process ended"), g.exit)
		default:
		}
		status, _, err := g.health()
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("GET /health/ready: %d", status)
		}
		return err
	})
}

var errGivenUp = errors.New("given up")

// poll asks again until there is no error.
func poll(ctx context.Context, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil || errors.Is(err, errGivenUp) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// health asks whether the gateway is ready and how many requests are under way.
func (g *gateway) health() (status, inFlight int, err error) {
	res, err := http.Get(g.url + "/health/ready")
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	var h struct {
		InFlight int `json:"in_flight"`
	}
	return res.StatusCode, h.InFlight, errors.Join(json.NewDecoder(res.Body).Decode(&h), ctErr(res))
}

func ctErr(res *http.Response) error {
	if ct := res.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
		return fmt.Errorf("content type %q", ct)
	}
	return nil
}

// terminate asks the process to end.
func (g *gateway) terminate() error { return g.cmd.Process.Signal(syscall.SIGTERM) }

// wait waits for the end of the process and judges it.
func (g *gateway) wait() error {
	select {
	case <-g.exited:
	case <-time.After(patience + 30*time.Second):
		_ = g.cmd.Process.Kill()
		<-g.exited
		return fmt.Errorf("it did not end after SIGTERM\n%s", g.out)
	}
	if g.exit != nil {
		return fmt.Errorf("it ended with %w\n%s", g.exit, g.out)
	}
	return g.out.judge()
}

// stop ends the gateway and tells what was wrong with it.
func (g *gateway) stop() error {
	g.stopped.Do(func() {
		if err := g.terminate(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			g.stopErr = err
			return
		}
		g.stopErr = g.wait()
		if g.remove != "" {
			_ = os.RemoveAll(g.remove)
		}
	})
	return g.stopErr
}

// output is what a process prints, bounded.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

const maxOutput = 64 << 20

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text.Len() < maxOutput {
		o.text.Write(p)
	}
	return len(p), nil
}

func (o *output) all() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// String is the end of it, for messages.
func (o *output) String() string {
	s := o.all()
	return s[max(0, len(s)-4000):]
}

// judge looks for what must never be printed.
func (o *output) judge() error {
	text := o.all()
	var errs []error
	for _, bad := range append([]string{"panic", "DATA RACE", "fatal error"}, secrets...) {
		if i := strings.Index(text, bad); i >= 0 {
			errs = append(errs, fmt.Errorf("its output holds %q: …%s…", bad, text[max(0, i-200):min(len(text), i+1500)]))
		}
	}
	return errors.Join(errs...)
}
