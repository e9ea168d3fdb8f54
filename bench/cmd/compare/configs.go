package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// nginxConf makes nginx a plain reverse proxy: connections kept open on both sides, nothing buffered, nothing logged.
func nginxConf(dir, addr, upstream string) string {
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // or the workers could not enter the folder
	}
	return fmt.Sprintf(`%[1]s
daemon off;
worker_processes auto;
worker_rlimit_nofile 20000;
pid %[2]s/nginx.pid;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path %[2]s/body;
  proxy_temp_path %[2]s/proxy;
  fastcgi_temp_path %[2]s/fastcgi;
  uwsgi_temp_path %[2]s/uwsgi;
  scgi_temp_path %[2]s/scgi;
  client_max_body_size 16m;
  client_body_buffer_size 256k;
  keepalive_requests 100000000;
  upstream mock {
    server %[4]s;
    keepalive 1024;
    keepalive_requests 100000000;
  }
  server {
    listen %[3]s backlog=4096;
    location / {
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 300s;
    }
  }
}
`, user, dir, addr, upstream)
}

// turnpikeConf has one provider for each upstream API, with key check, admission and accounting on as always.
func turnpikeConf(dir, addr, upstream string) string {
	_, port, _ := net.SplitHostPort(addr) // addr comes from a listener
	return fmt.Sprintf(`server: { host: 127.0.0.1, port: %[1]s }
data_dir: %[2]q
auth: { admin_key: adm-bench-0123456789abcdef, api_key: %[3]s }
providers:
  - { name: oa, type: openai, api: chat, base_url: "http://%[4]s/v1", api_key: sk-upstream }
  - { name: an, type: anthropic, base_url: "http://%[4]s", api_key: sk-upstream }
  - { name: bi, type: bedrock, api: invoke, base_url: "http://%[4]s", region: us-east-1, access_key_id: AKIDEXAMPLE, secret_access_key: secret }
  - { name: bc, type: bedrock, api: converse, base_url: "http://%[4]s", region: us-east-1, access_key_id: AKIDEXAMPLE, secret_access_key: secret }
`, port, filepath.Join(dir, "data"), turnpikeKey, upstream)
}

// accounts are limits and budgets of a key, its team and the organisation that no load here comes near.
var accounts = []string{
	"teams create bench --rpm 100000000 --tpm 1000000000000",
	"org set --rpm 100000000 --tpm 1000000000000",
	"keys create bench --team bench --rpm 100000000 --tpm 1000000000000 --concurrent 100000 --json",
	"budgets set key bench --limit 100000000 --period monthly",
	"budgets set team bench --tokens 1000000000000000 --period daily",
	"budgets set org --limit 100000000 --period lifetime",
}

// account sets them up before the gateway starts, and gives the key.
func account(binary, config string) (key string, err error) {
	for _, line := range accounts {
		out, err := exec.Command(binary, append(strings.Fields(line), "--config", config)...).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("turnpike %s: %w: %s", line, err, out)
		}
		var made struct {
			Key string `json:"key"`
		}
		if json.Unmarshal(out, &made) == nil && made.Key != "" {
			key = made.Key
		}
	}
	if key == "" {
		return "", fmt.Errorf("turnpike keys create: no key")
	}
	return key, nil
}
