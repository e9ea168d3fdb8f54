package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// fromText loads a file of that content, called turnpike.yaml.
func fromText(t *testing.T, text string, environ ...string) (*Config, error) {
	t.Helper()
	return load("turnpike.yaml", []byte(text), Options{Environ: environ})
}

func mustLoad(t *testing.T, text string, environ ...string) *Config {
	t.Helper()
	cfg, err := fromText(t, text, environ...)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return cfg
}

func TestLoadWithoutFile(t *testing.T) {
	t.Chdir(t.TempDir())
	cfg, err := Load(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.File != "" || !cfg.Detected {
		t.Errorf("File %q, Detected %v; want none, true", cfg.File, cfg.Detected)
	}
	want := Default()
	if !reflect.DeepEqual(cfg.Server, want.Server) || cfg.DataDir != want.DataDir || !reflect.DeepEqual(cfg.Auth, want.Auth) || cfg.Defaults != want.Defaults {
		t.Errorf("got %+v, want the defaults %+v", cfg, want)
	}
	if len(cfg.Providers) != 1 || cfg.Providers[0].Type != TypeSandbox {
		t.Errorf("providers %+v, want the sandbox alone", cfg.Providers)
	}
}

func TestLoadReadsFiles(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(DefaultPath, "data_dir: ./from-default\n")
	write("other.yaml", "data_dir: ./from-other\n")
	write("large.yaml", strings.Repeat("#\n", maxFile))

	if cfg, err := Load(Options{}); err != nil || cfg.DataDir != "./from-default" || cfg.File != DefaultPath {
		t.Errorf("default path: %+v, %v", cfg, err)
	}
	if cfg, err := Load(Options{Path: "other.yaml"}); err != nil || cfg.DataDir != "./from-other" {
		t.Errorf("explicit path: %+v, %v", cfg, err)
	}
	for _, path := range []string{"absent.yaml", "large.yaml", dir} {
		if _, err := Load(Options{Path: path}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Load(%s) = %v, want an error that names the file", path, err)
		}
	}
}

func TestFileOfTheIssue(t *testing.T) {
	cfg := mustLoad(t, `
server: { host: 127.0.0.1, port: 8080 }
data_dir: ./data
auth: { admin_key: "${TURNPIKE_ADMIN_KEY}", api_key: "" }     # single-key mode
defaults: { provider: "", model: "", lb_strategy: smart }
providers:
  - { name: openai-main, type: openai, base_url: https://api.openai.com/v1, api_key: "${OPENAI_API_KEY}", weight: 100, models: [] }
  - { name: claude, type: anthropic, api_key: "${ANTHROPIC_API_KEY}" }
  - { name: bedrock-use1, type: bedrock, region: us-east-1, base_url: "" }
  - { name: local, type: openai-compat, base_url: http://127.0.0.1:11434/v1 }
`, "OPENAI_API_KEY=sk-one-two-three", "TURNPIKE_ADMIN_KEY=admin")
	if cfg.Auth.AdminKey != "admin" || cfg.Auth.APIKey != "" {
		t.Errorf("auth %q %q", cfg.Auth.AdminKey.Reveal(), cfg.Auth.APIKey.Reveal())
	}
	var got []string
	for _, p := range cfg.Providers {
		got = append(got, p.Name+"|"+p.Reason)
	}
	want := []string{"openai-main|", "claude|no api_key (ANTHROPIC_API_KEY is not set)", "bedrock-use1|", "local|", "sandbox|"}
	if !slices.Equal(got, want) {
		t.Errorf("providers %q, want %q", got, want)
	}
	if cfg.Providers[0].APIKey != "sk-one-two-three" {
		t.Errorf("key %q", cfg.Providers[0].APIKey.Reveal())
	}
	if active := cfg.Active(); len(active) != 4 {
		t.Errorf("%d active providers, want 4", len(active))
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	cfg := mustLoad(t, `
server:
  host: 0.0.0.0
  port: 9000
  max_body: 1MB
  drain_timeout: 1m
  heartbeat: 0
  read_header_timeout: 5s
  log_level: debug
  log_format: json
providers:
  - name: b
    type: bedrock
    api: converse
    base_url: https://bedrock.internal
    region: eu-central-1
    role_arn: arn:aws:iam::1:role/x
    access_key_id: AKIDEXAMPLE
    secret_access_key: sec/ret+key=
    session_token: tok
    weight: 7
    models: [anthropic.*, "amazon.nova-*"]
    enabled: true
    headers: {x-team: blue, x-org: "${ORG}"}
    timeouts: {connect: 1s, tls: 1500ms, first_byte: 2s, first_content: 2500ms, idle: 3s, total: 4s}
`)
	wantServer := Server{
		Host: "0.0.0.0", TLS: TLS{ACME: ACME{Directory: LetsEncrypt}}, Port: 9000, MaxBody: 1e6, DrainTimeout: time.Minute,
		ReadHeaderTimeout: 5 * time.Second, LogLevel: "debug", LogFormat: "json",
	}
	if !reflect.DeepEqual(cfg.Server, wantServer) {
		t.Errorf("server %+v, want %+v", cfg.Server, wantServer)
	}
	p := cfg.Providers[0]
	if p.Name != "b" || p.Type != TypeBedrock || p.API != APIConverse || p.BaseURL != "https://bedrock.internal" ||
		p.Region != "eu-central-1" || p.RoleARN != "arn:aws:iam::1:role/x" || p.AccessKeyID != "AKIDEXAMPLE" ||
		p.SecretAccessKey != "sec/ret+key=" || p.SessionToken != "tok" || p.Weight != 7 || !*p.Enabled || p.Disabled {
		t.Errorf("provider %+v", p)
	}
	if !slices.Equal(p.Models, []string{"anthropic.*", "amazon.nova-*"}) {
		t.Errorf("models %q", p.Models)
	}
	if len(p.Headers) != 1 || p.Headers["x-team"] != "blue" {
		t.Errorf("headers %v; the one of an unset variable must be left out", map[string]string(p.Headers))
	}
	if p.Timeouts != (Timeouts{time.Second, 1500 * time.Millisecond, 2 * time.Second, 2500 * time.Millisecond, 3 * time.Second, 4 * time.Second}) {
		t.Errorf("timeouts %+v", p.Timeouts)
	}
}

func TestProviderDefaults(t *testing.T) {
	p := mustLoad(t, "providers: [{name: a, type: openai, api_key: k}]").Providers[0]
	want := NewProvider("a", TypeOpenAI)
	if p.Weight != 100 || p.Timeouts != want.Timeouts || p.Timeouts.Connect != 10*time.Second ||
		p.Timeouts.FirstByte != 10*time.Minute || p.Timeouts.Idle != 5*time.Minute || p.Timeouts.Total != time.Hour {
		t.Errorf("provider %+v", p)
	}
}

func TestPrecedence(t *testing.T) {
	const file = "server: {port: 1, host: file.example, log_level: warn}\n"
	cfg, err := load("turnpike.yaml", []byte(file), Options{
		Environ: []string{"TURNPIKE_SERVER_PORT=2", "TURNPIKE_SERVER_HOST=env.example", "TURNPIKE_SERVER_LOG_LEVEL="},
		Flags:   map[string]string{"server.port": "3"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Server.Port != 3 || cfg.Server.Host != "env.example" || cfg.Server.LogLevel != "warn" || cfg.Server.LogFormat != "text" {
		t.Errorf("server %+v: want flag > environment > file > default, an empty variable counting as none", cfg.Server)
	}
}

// Every scalar outside lists can be set by a flag and by a variable, and the
// two do the same.
func TestEveryFieldBothWays(t *testing.T) {
	values := map[string]string{
		"server.host": "example.org", "server.port": "99", "server.max_body": "2MiB", "server.drain_timeout": "7s",
		"server.heartbeat": "8s", "server.read_header_timeout": "9s", "server.log_level": "error", "server.log_format": "json",
		"data_dir": "/srv/data", "vault.key": "kms:alias/turnpike", "audit.keep": "730d",
		"firewall.enabled": "true", "firewall.auth": "5", "firewall.inference": "6", "firewall.all": "7", "firewall.window": "1m",
		"server.tls.cert_file": "config.go", "server.tls.key_file": "tls.go",
		"server.tls.acme.email": "ops@example.org", "server.tls.acme.directory": "https://acme.example/directory", "server.tls.acme.accept_terms": "true",
		"server.tls.acme.ca_file": "tls.go",
		"payloads.log":            "true", "payloads.keep": "1d", "payloads.max_part": "1MiB", "payloads.max_bytes": "2MiB",
		"database.url": "postgres://h/n", "database.max_conns": "7", "auth.admin_key": "adm-1", "auth.api_key": "key-1",
		"server.public_url": "https://gateway.example.org", "auth.local": "true", "auth.session.access": "5m", "auth.session.idle": "2h",
		"auth.session.absolute": "20h", "auth.members.max_keys": "3",
		"keys.revealable": "true", "docs": "true", "live.allow_private": "true", "live.watch": "false", "server.trusted_depth": "2",
		"defaults.provider": "sandbox", "defaults.model": "m", "defaults.lb_strategy": "priority",
		"budgets.on_store_away": "allow", "budgets.wait": "3s", "budgets.assume_output": "1000",
		"ledger.dir": "/srv/journal", "ledger.fsync": "always", "ledger.max_bytes": "64MiB", "ledger.on_full": "run",
		"ledger.keep": "30d", "ledger.keep_sums": "500d",
		"responses.store": "false", "responses.keep": "9h", "responses.max": "8", "responses.max_bytes": "7MiB",
		"unofficial": "true", "catalog": "config.go", "policy.strict": "true", "policy.cache": "1h", "policy.continue": "3",
		"routing.affinity": "false", "routing.cross_geo": "true", "routing.attempts": "2", "routing.deadline": "7s",
		"routing.max_wait": "8s", "routing.retry_budget": "5", "routing.refresh_models": "9m",
		"media.fetch": "false", "media.allow_private": "true", "media.max_bytes": "5MiB", "media.timeout": "3s",
		"prices.sync": "daily", "prices.ceiling_input": "1.5", "prices.ceiling_output": "$75",
		"redis.url": "rediss://user:word@redis.example:6380/1", "redis.sentinel_master": "main", "redis.timeout": "70ms",
		"telemetry.forward": "true", "telemetry.otlp.endpoint": "http://collector:4318", "telemetry.otlp.sample": "5",
		"telemetry.otlp.semconv": "latest", "telemetry.otlp.service": "edge",
		"telemetry.metrics.token": "scraper",
		"alerts.zone":             "Europe/Berlin",
	}
	envs := map[string]bool{}
	for _, f := range Fields() {
		if envs[f.Env] {
			t.Errorf("two settings share %s", f.Env)
		}
		envs[f.Env] = true
		value, ok := values[f.Path]
		if !ok {
			t.Errorf("no value for %s in this test", f.Path)
			continue
		}
		delete(values, f.Path)
		base, _ := load("", nil, Options{})
		byFlag, err1 := load("", nil, Options{Flags: map[string]string{f.Path: value}})
		byEnv, err2 := load("", nil, Options{Environ: []string{f.Env + "=" + value}})
		if err1 != nil || err2 != nil {
			t.Errorf("%s: %v, %v", f.Path, err1, err2)
			continue
		}
		if !sameSettings(byFlag, byEnv) {
			t.Errorf("%s: flag and environment differ", f.Path)
		}
		if sameSettings(byFlag, base) {
			t.Errorf("%s: the flag changed nothing", f.Path)
		}
	}
	if len(values) > 0 {
		t.Errorf("settings out of reach: %v", values)
	}
}

func TestEnvNames(t *testing.T) {
	for path, want := range map[string]string{
		"server.port": "TURNPIKE_SERVER_PORT", "data_dir": "TURNPIKE_DATA_DIR", "auth.api_key": "TURNPIKE_AUTH_API_KEY",
	} {
		if got := EnvName(path); got != want {
			t.Errorf("EnvName(%s) = %s, want %s", path, got, want)
		}
	}
}

func TestMisspeltVariableIsWarnedOf(t *testing.T) {
	cfg := mustLoad(t, "data_dir: ${TURNPIKE_SERVER_PORTS:-x}", "TURNPIKE_SERVER_PROT=1", "TURNPIKE_CORPUS=x", "TURNPIKE_SERVER_PORTS=y",
		"TURNPIKE_ADMIN_KEY=k", "TURNPIKE_PORT=tcp://10.0.0.1:80", "TURNPIKE_=", "TURNPIKE_SERVER_PORT=5", "SERVER_PORT=6")
	want := []string{
		"TURNPIKE_SERVER_PROT is not a setting; did you mean TURNPIKE_SERVER_PORT?",
		"TURNPIKE_ADMIN_KEY is not a setting; did you mean TURNPIKE_AUTH_ADMIN_KEY?",
	}
	if !slices.Equal(cfg.Warnings, want) {
		t.Errorf("warnings %q, want %q", cfg.Warnings, want)
	}
}

func TestEmptyFilesAreFine(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n", "---\n", "null\n", "server:\nproviders:\n", "\ufeffserver: {}\n"} {
		if _, err := fromText(t, text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestProblemsIsTheErrorType(t *testing.T) {
	_, err := fromText(t, "prvider: 1")
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != 1 || ps[0].Line != 1 || ps[0].File != "turnpike.yaml" {
		t.Errorf("error %#v", err)
	}
}

// sameSettings compares what can be set outside the list of providers.
func sameSettings(a, b *Config) bool {
	x, y := *a, *b
	x.Providers, y.Providers, x.Warnings, y.Warnings = nil, nil, nil, nil
	return reflect.DeepEqual(x, y)
}
