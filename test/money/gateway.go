package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const clientKey = "sk-ant-api03_" + "money-money-money-money-money-money-money-mo"

// gateway is the process that is killed.
type gateway struct {
	binary, dir, url string

	cmd    *exec.Cmd
	exited chan struct{}
	out    output
}

// output is the end of what a process says.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.b.Len() > 64<<10 {
		o.b.Reset()
	}
	return o.b.Write(p)
}

func newGateway(binary, dir, fsync string) (*gateway, error) {
	return newGatewayOf(binary, dir, filepath.Join(dir, "data"), "", fsync)
}

// newGatewayOf is one that may share its database, which is in its data folder where it
// has no address: the journal is its own.
func newGatewayOf(binary, dir, data, database, fsync string) (*gateway, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`server: { host: 127.0.0.1, port: %s, log_level: warn }
data_dir: '%s'
database: { url: '%s' }
ledger: { fsync: %s, dir: '%s' }
auth: { api_key: %s }
providers: [ { name: sandbox, type: sandbox } ]
`, port, data, database, fsync, filepath.Join(dir, "journal"), clientKey)
	g := &gateway{binary: binary, dir: dir, url: "http://" + address}
	return g, os.WriteFile(g.config(), []byte(config), 0o600) //nolint:gosec // in a folder that this program made
}

func (g *gateway) config() string { return filepath.Join(g.dir, "turnpike.yaml") }

func (g *gateway) log() string {
	g.out.mu.Lock()
	defer g.out.mu.Unlock()
	return g.out.b.String()
}

// start starts the gateway and waits until it is ready.
func (g *gateway) start(ctx context.Context) error {
	g.cmd = exec.CommandContext(ctx, g.binary, "serve", "--config", g.config()) //nolint:gosec // the binary under test
	g.cmd.Dir, g.cmd.Stdout, g.cmd.Stderr = g.dir, &g.out, &g.out
	if err := g.cmd.Start(); err != nil {
		return err
	}
	g.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		_ = cmd.Wait()
		close(exited)
	}(g.cmd, g.exited)
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) && ctx.Err() == nil {
		select {
		case <-g.exited:
			return errors.New("the gateway ended at its start")
		default:
		}
		if g.ready(ctx) {
			return nil
		}
		pause(ctx, 10*time.Millisecond)
	}
	return errors.New("the gateway does not get ready")
}

func (g *gateway) ready(ctx context.Context) bool {
	return strings.Contains(g.health(ctx), `{"status":"ready"`)
}

// health is what the gateway says of itself, empty when it says nothing.
func (g *gateway) health(ctx context.Context) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+"/health/ready", http.NoBody)
	if err != nil {
		return ""
	}
	t := &http.Transport{DisableKeepAlives: true}
	res, err := t.RoundTrip(req)
	if err != nil {
		return ""
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 10_000))
	return string(text)
}

// strike ends the process without a warning.
func (g *gateway) strike() { _ = g.cmd.Process.Kill() }

// kill does, and waits until it is gone.
func (g *gateway) kill() {
	g.strike()
	<-g.exited
}

// stop ends it in order.
func (g *gateway) stop(ctx context.Context) error {
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-g.exited:
	case <-ctx.Done():
		return ctx.Err()
	}
	if code := g.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("exit code %d", code)
	}
	return nil
}

// cli runs another command of the gateway beside it.
func (g *gateway) cli(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, g.binary, append(args, "--config", g.config())...) //nolint:gosec // the binary under test
	cmd.Dir = g.dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("turnpike %s: %w: %s%s", strings.Join(args, " "), err, out, errs.Bytes())
	}
	return out, nil
}

func (g *gateway) verify(ctx context.Context) error {
	_, err := g.cli(ctx, "ledger", "verify", "--json")
	return err
}

// row is what is read of an attempt.
type row struct {
	ID      string `json:"id"`
	Request string `json:"request"`
	Usage   usage  `json:"usage"`
}

func (g *gateway) rows(ctx context.Context, limit int) (rows []row, err error) {
	out, err := g.cli(ctx, "ledger", "list", "--json", "--limit", strconv.Itoa(limit))
	if err != nil {
		return nil, err
	}
	return rows, json.Unmarshal(out, &rows)
}
