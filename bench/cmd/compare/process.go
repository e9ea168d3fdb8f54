package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"turnpike/bench/internal/proc"
)

const (
	readyLimit = 20 * time.Second // to start
	stopLimit  = 5 * time.Second  // to end after SIGTERM
)

// process is a program under test, or the mock.
type process struct {
	name    string
	addr    string // host and port
	ready   string // path that answers 200 once it is ready
	prepare func() error
	key     string // where it was made by prepare, what clients send
	argv    []string
	log     string // file for what it prints

	cmd    *exec.Cmd
	ended  chan struct{}
	family []int // its processes, read when it was ready
}

// start runs the program and waits until it is ready.
func (p *process) start(ctx context.Context) error {
	if p.prepare != nil {
		if err := p.prepare(); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	out, err := os.Create(p.log)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // the program has its own copy
	p.cmd = exec.Command(p.argv[0], p.argv[1:]...)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = out, out, proc.Attr()
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	ended := make(chan struct{})
	p.ended = ended
	go func() {
		_ = p.cmd.Wait() // how it ended stands in its log
		close(ended)
	}()
	if err := p.await(ctx); err != nil {
		p.stop()
		return fmt.Errorf("%s: %w\n%s", p.name, err, tail(p.log))
	}
	p.family = proc.Family(p.cmd.Process.Pid)
	return nil
}

func (p *process) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	client := http.Client{Timeout: time.Second}
	for {
		req, err := http.NewRequestWithContext(ctx, "GET", "http://"+p.addr+p.ready, nil)
		if err != nil {
			return err
		}
		if resp, err := client.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-again.C:
		case <-p.ended:
			return errors.New("it ended before it was ready")
		case <-ctx.Done():
			return fmt.Errorf("it was not ready in %v", readyLimit)
		}
	}
}

// stop ends the program: asked first, then made to, with all of its group.
func (p *process) stop() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended
	late := time.NewTimer(stopLimit)
	defer late.Stop()
	select {
	case <-p.ended:
	case <-late.C:
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // also children that outlived it
	<-p.ended
	p.cmd = nil
}

// tail is the end of a file, to show why a program did not start.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(b[max(0, len(b)-2000):]))
}

// freeAddr finds a free port. Nothing holds it until the program binds it; a program that loses that race does not start, and says so.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// settings say where programs and files are.
type settings struct {
	bin      string // the harness's own programs
	out      string // logs, configurations, the report
	turnpike string // the gateway
	bare     string // the gateway without accounting
}

// processes describes the mock and the targets; all listen on 127.0.0.1 only.
func processes(s settings) (map[string]*process, error) {
	all := map[string]*process{}
	for _, name := range []string{"mock", nginx, proxy, turnpike, bare, accounted} {
		addr, err := freeAddr()
		if err != nil {
			return nil, err
		}
		all[name] = &process{name: name, addr: addr, ready: "/v1/models", log: filepath.Join(s.out, name+".log")}
	}
	mock, p := all["mock"], all[proxy]
	mock.argv = []string{filepath.Join(s.bin, "mock"), "-addr", mock.addr}
	p.argv = []string{filepath.Join(s.bin, "revproxy"), "-addr", p.addr, "-to", "http://" + mock.addr}

	n := all[nginx]
	dir := filepath.Join(s.out, "nginx")
	conf := filepath.Join(dir, "nginx.conf")
	n.argv = []string{"nginx", "-p", dir, "-c", conf, "-e", filepath.Join(dir, "error.log")}
	n.prepare = func() error { return replaceDir(dir, conf, nginxConf(dir, n.addr, mock.addr)) }

	for name, binary := range map[string]string{turnpike: s.turnpike, bare: s.bare, accounted: s.turnpike} {
		t := all[name]
		home := filepath.Join(s.out, name)
		config := filepath.Join(home, "turnpike.yaml")
		t.argv, t.ready = []string{binary, "serve", "--config", config}, "/health/live"
		t.prepare = func() error { return replaceDir(home, config, turnpikeConf(home, t.addr, mock.addr)) }
	}
	a := all[accounted]
	empty := a.prepare
	a.prepare = func() (err error) {
		if err := empty(); err != nil {
			return err
		}
		a.key, err = account(s.turnpike, a.argv[len(a.argv)-1])
		return err
	}
	return all, nil
}

// replaceDir makes a fresh folder with one file in it.
func replaceDir(dir, file, text string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o600)
}
