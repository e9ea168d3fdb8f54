package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// nginxConf is what docs/deploy.md tells to write: a gateway that shuts down answers 503 before it has done anything, so
// another one is asked.
const nginxConf = `
daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log %[1]s/nginx.log warn;
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  upstream turnpike {
    least_conn;
%[2]s    keepalive 64;
  }
  server {
    listen 127.0.0.1:%[3]d;
    location / {
      proxy_pass http://turnpike;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 3600s;
      proxy_connect_timeout 2s;
      proxy_next_upstream error timeout http_503 non_idempotent;
      client_max_body_size 32m;
    }
  }
}
`

func startNginx(ctx context.Context, dir string, port int, gateways []*gateway) (*process, error) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		nginx = "/usr/sbin/nginx"
	}
	var servers strings.Builder
	for _, g := range gateways {
		fmt.Fprintf(&servers, "    server 127.0.0.1:%d max_fails=3 fail_timeout=1s;\n", g.port)
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, nginxConf, dir, servers.String(), port), 0o600); err != nil {
		return nil, err
	}
	out, err := os.Create(filepath.Join(dir, "nginx.out")) //nolint:gosec // our own folder
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()
	p, err := launch(ctx, dir, nil, out, nginx, "-p", dir, "-c", file)
	if err != nil {
		return nil, errors.Join(errors.New("there is no nginx here (Debian: nginx)"), err)
	}
	_, err = until(ctx, startLimit, "nginx listens", func() bool { return listens(port) })
	return p, err
}
