package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const startLimit = 60 * time.Second

// freePort is a port that nobody listens on now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		return 0, err
	}
	_, text, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, err
	}
	port, err := strconv.Atoi(text)
	return port, errors.Join(err, l.Close())
}

// listens tells whether somebody does.
func listens(port int) bool {
	c, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), time.Second) //nolint:noctx // at once
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// postgres is a server of our own, and a copy of it that follows.
type postgres struct {
	bin, dir   string
	port, copy int
}

// as runs a program of PostgreSQL's, which refuses to run as root.
func (p *postgres) as(ctx context.Context, program string, args ...string) error {
	args = append([]string{filepath.Join(p.bin, program)}, args...)
	if os.Geteuid() == 0 {
		args = append([]string{"runuser", "-u", "postgres", "--"}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // PostgreSQL's own
	cmd.Dir = p.dir
	var said bytes.Buffer // a file: what is left running must not hold a pipe
	out, err := os.Create(filepath.Join(p.dir, "said"))
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	_ = out.Close()
	if err != nil {
		text, _ := os.ReadFile(out.Name())
		said.Write(text)
		return fmt.Errorf("%s: %w: %s", program, err, said.Bytes())
	}
	return nil
}

func newPostgres(ctx context.Context) (*postgres, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return nil, errors.New("there is no PostgreSQL here (Debian: postgresql)")
	}
	slices.Sort(found)
	p := &postgres{bin: filepath.Dir(found[len(found)-1])}
	var err error
	if p.dir, err = os.MkdirTemp("", "fleet-postgres-"); err != nil {
		return nil, err
	}
	if err := os.Chmod(p.dir, 0o777); err != nil { //nolint:gosec // it is another user's
		return p, err
	}
	if p.port, err = freePort(); err != nil {
		return p, err
	}
	if p.copy, err = freePort(); err != nil {
		return p, err
	}
	if err := p.as(ctx, "initdb", "-D", p.data("first"), "-U", "turnpike", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"); err != nil {
		return p, err
	}
	if err := p.start(ctx); err != nil {
		return p, err
	}
	if err := p.as(ctx, "pg_basebackup", "-h", "127.0.0.1", "-p", strconv.Itoa(p.port), "-U", "turnpike", "-D", p.data("copy"), "-R", "--no-sync", "-X", "stream"); err != nil {
		return p, err
	}
	if err := p.ctl(ctx, "copy", p.copy, "start"); err != nil {
		return p, err
	}
	// What is committed is at the copy too: else a failover loses the last of it, whatever gateways do.
	_, err = p.query(ctx, "ALTER SYSTEM SET synchronous_standby_names = '*'")
	if err == nil {
		_, err = p.query(ctx, "SELECT pg_reload_conf()")
	}
	return p, err
}

func (p *postgres) data(which string) string { return filepath.Join(p.dir, which) }

func (p *postgres) ctl(ctx context.Context, which string, port int, what ...string) error {
	args := append(what, "-D", p.data(which), "-w", "-t", "60", "-l", filepath.Join(p.dir, which+".log"))
	if slices.Contains(what, "start") {
		args = append(args, "-o", fmt.Sprintf("-p %d -h 127.0.0.1 -k %s -c fsync=off -c max_connections=200 -c shared_buffers=64MB", port, p.dir))
	}
	return p.as(ctx, "pg_ctl", args...)
}

func (p *postgres) start(ctx context.Context) error { return p.ctl(ctx, "first", p.port, "start") }
func (p *postgres) stop(ctx context.Context) error {
	return p.ctl(ctx, "first", p.port, "stop", "-m", "immediate")
}

// promote makes the copy the server.
func (p *postgres) promote(ctx context.Context) error { return p.ctl(ctx, "copy", p.copy, "promote") }

// url names both: whoever takes writes is asked.
func (p *postgres) url() string {
	return fmt.Sprintf("postgres://turnpike@127.0.0.1:%d,127.0.0.1:%d/postgres?sslmode=disable&target_session_attrs=read-write", p.port, p.copy)
}

// query asks the server that takes writes.
func (p *postgres) query(ctx context.Context, sql string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, "psql"), "-XAtq", "-c", sql, //nolint:gosec // our own words
		fmt.Sprintf("host=127.0.0.1,127.0.0.1 port=%d,%d user=turnpike dbname=postgres target_session_attrs=read-write connect_timeout=2", p.port, p.copy))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

func (p *postgres) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, which := range []string{"copy", "first"} {
		_ = p.as(ctx, "pg_ctl", "-D", p.data(which), "-m", "immediate", "-w", "stop")
	}
	_ = os.RemoveAll(p.dir)
}

// process is a program that runs until it is ended.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

func launch(ctx context.Context, dir string, env []string, out *os.File, name string, args ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // what this is for
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd, make(chan struct{})}
	go func() { _ = cmd.Wait(); close(p.exited) }()
	return p, nil
}

// end asks it to end, and waits.
func (p *process) end(ctx context.Context, how syscall.Signal) error {
	if err := p.cmd.Process.Signal(how); err != nil {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *process) gone() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

func (p *process) kill() {
	if p != nil {
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}
