package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// pooler is a pgbouncer in transaction mode: whoever asks twice may have asked two connections.
type pooler struct {
	dir  string
	port int
	*process
}

func newPooler(ctx context.Context, pg *postgres) (p *pooler, err error) {
	p = &pooler{dir: filepath.Join(pg.dir, "pooler")}
	if p.port, err = freePort(); err != nil {
		return p, err
	}
	if err := os.Mkdir(p.dir, 0o777); err != nil { //nolint:gosec // it is another user's
		return p, err
	}
	users := filepath.Join(p.dir, "users")
	conf := fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"+
		"auth_type = trust\nauth_file = %s\npool_mode = transaction\ndefault_pool_size = 8\nmax_client_conn = 500\n", pg.port, p.port, users)
	err = errors.Join(os.WriteFile(users, []byte("\"turnpike\" \"\"\n"), 0o644), os.WriteFile(filepath.Join(p.dir, "ini"), []byte(conf), 0o644), os.Chmod(p.dir, 0o777)) //nolint:gosec // it is another user's
	if err != nil {
		return p, err
	}
	return p, p.start(ctx)
}

func (p *pooler) start(ctx context.Context) error {
	bouncer, err := exec.LookPath("pgbouncer")
	if err != nil {
		bouncer = "/usr/sbin/pgbouncer"
	}
	out, err := os.Create(filepath.Join(p.dir, "out"))
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	command := []string{bouncer, "-q", filepath.Join(p.dir, "ini")}
	if os.Geteuid() == 0 { // which pgbouncer refuses to be
		command = append([]string{"setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"}, command...)
	}
	if p.process, err = launch(ctx, p.dir, nil, out, command[0], command[1:]...); err != nil {
		return err
	}
	_, err = until(ctx, startLimit, "pgbouncer listens", func() bool { return listens(p.port) })
	return err
}

func (p *pooler) url() string {
	return fmt.Sprintf("postgres://turnpike@127.0.0.1:%d/postgres?sslmode=disable", p.port)
}

// poolerAway kills -9 the pgbouncer and starts another.
func poolerAway(ctx context.Context, f *fleet) (string, error) {
	before := f.load.sum()
	f.pooler.kill()
	_, err := until(ctx, time.Minute, "a hundred answers without a database", func() bool { return f.load.sum().streams > before.streams+100 })
	if err != nil {
		return "", err
	}
	if err := f.pooler.start(ctx); err != nil {
		return "", err
	}
	back, err := f.caughtUp(ctx)
	if err != nil {
		return "", err
	}
	revoked, err := revokedKeys(ctx, f)
	if err != nil {
		return "", err
	}
	return f.unnoticed(before, fmt.Sprintf("%d streams meanwhile, all in the database %.1f s after, then revoked keys %s", f.load.sum().streams-before.streams, back.Seconds(), revoked))
}
