package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"turnpike/internal/checkup"
	"turnpike/internal/config"
	"turnpike/internal/store"
	"turnpike/internal/vault"
)

// installation is one in a folder of its own, with a database and a master key, that is
// looked over and does not run.
func installation(t *testing.T, lines ...string) *examined {
	t.Helper()
	data := alone(t)
	commandOut(t, "keys", "create", "first", "--data-dir", data)
	cfg, err := config.Load(config.Options{
		Path:  write(t, "turnpike.yaml", strings.Join(lines, "\n")+"\n"),
		Flags: map[string]string{"data_dir": data, "server.port": strconv.Itoa(unusedPort(t))},
	})
	if err != nil {
		t.Fatal(err)
	}
	db, err := openStore(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := openVault(t.Context(), cfg, db); err != nil {
		t.Fatal(err)
	}
	return &examined{cfg: cfg, now: time.Now}
}

func unusedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// site answers as it is told, by path. cfg's own gateway is there where own is set.
func site(t *testing.T, x *examined, own bool, answers map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := answers[r.URL.Path]
		status, body, _ := strings.Cut(text, " ")
		n, err := strconv.Atoi(status)
		if !ok || err != nil {
			n = http.StatusNotFound
		}
		w.WriteHeader(n)
		_, _ = w.Write([]byte(strings.ReplaceAll(body, "SELF", "http://"+r.Host)))
	}))
	t.Cleanup(s.Close)
	if own {
		x.cfg.Server.Port = s.Listener.Addr().(*net.TCPAddr).Port
	}
	return s.URL
}

const isReady = `200 {"status":"ready","version":"v1"}`

// TestCheckupFindsNothing: an installation that is in order.
func TestCheckupFindsNothing(t *testing.T) {
	x := installation(t, "auth: { api_key: sk-checkup }", "providers: [{ name: sandbox, type: sandbox }]")
	site(t, x, true, map[string]string{"/health/ready": isReady, "/v1/models": "200 {}"})
	x.providers = true
	r := checkup.Run(t.Context(), lookTime, x.checks())
	if r.Bad > 0 || r.Warnings > 0 {
		t.Errorf("%+v", r)
	}
}

// TestCheckupFaults: each fault is found, and it is said what to do about it.
func TestCheckupFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault func(*testing.T, *examined)
		check string
		state checkup.State
		found string
	}{
		{"no data folder", func(_ *testing.T, x *examined) { x.cfg.DataDir = "nowhere" }, "data folder", checkup.Warning, "there is no nowhere"},
		{"a file for a folder", func(t *testing.T, x *examined) { x.cfg.DataDir = write(t, "file", "") }, "data folder", checkup.Bad, "no folder"},
		{"a folder for all", func(_ *testing.T, x *examined) { _ = os.Chmod(x.cfg.DataDir, 0o755) }, "data folder", checkup.Warning, "0755"},
		{"no database", func(t *testing.T, x *examined) { x.cfg.DataDir = t.TempDir() }, "database", checkup.Warning, "none yet"},
		{"a database that is none", func(t *testing.T, x *examined) {
			write(t, filepath.Join(x.cfg.DataDir, store.FileName), strings.Repeat("not a database. ", 100))
		}, "database", checkup.Bad, "not a database"},
		{"a server that is away", func(t *testing.T, x *examined) {
			x.cfg.Database.URL = config.Secret(fmt.Sprintf("postgres://a:s3cret@127.0.0.1:%d/a", unusedPort(t)))
		}, "database", checkup.Bad, "refused"},
		{"a schema that is newer", func(t *testing.T, x *examined) { schema(t, x, 9999) }, "database", checkup.Bad, "9999"},
		{"a schema that is older", func(t *testing.T, x *examined) { schema(t, x, -1) }, "database", checkup.Warning, "this version has"},
		{"redis that is away", func(t *testing.T, x *examined) {
			x.cfg.Redis.URL = config.Secret(fmt.Sprintf("redis://:s3cret@127.0.0.1:%d/0", unusedPort(t)))
		}, "redis", checkup.Bad, "refused"},
		{"no redis for a fleet", func(_ *testing.T, x *examined) { x.cfg.Database.URL = "postgres://a@127.0.0.1:1/a" }, "redis", checkup.Warning, "none is configured"},
		{"a key that is gone", func(_ *testing.T, x *examined) { _ = os.Remove(filepath.Join(x.cfg.DataDir, vault.FileName)) }, "master key", checkup.Bad, "there is no turnpike.key"},
		{"another's key", func(t *testing.T, x *examined) {
			path := filepath.Join(x.cfg.DataDir, vault.FileName)
			_ = os.Remove(path)
			if _, err := vault.File(path, true); err != nil {
				t.Fatal(err)
			}
		}, "master key", checkup.Bad, ""},
		{"no TLS", func(_ *testing.T, x *examined) { x.cfg.Server.Host = "0.0.0.0" }, "certificate", checkup.Warning, "without TLS"},
		{"a certificate that ran out", certificateFor("ai.example.com", -time.Hour), "certificate", checkup.Bad, "ran out"},
		{"a certificate that will", certificateFor("ai.example.com", 48*time.Hour), "certificate", checkup.Warning, "runs out"},
		{"another's certificate", certificateFor("other.example.com", 9000*time.Hour), "certificate", checkup.Bad, "not for ai.example.com"},
		{"no certificate", func(_ *testing.T, x *examined) {
			x.cfg.Server.TLS = config.TLS{CertFile: "turnpike.yaml", KeyFile: "turnpike.yaml"}
		}, "certificate", checkup.Bad, "PEM"},
		{"a port that is taken", func(t *testing.T, x *examined) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			go func() {
				for c, err := l.Accept(); err == nil; c, err = l.Accept() {
					_ = c.Close()
				}
			}()
			x.cfg.Server.Port = l.Addr().(*net.TCPAddr).Port
		}, "port", checkup.Bad, "in use"},
		{"no gateway", func(*testing.T, *examined) {}, "gateway", checkup.Warning, "does not run"},
		{"a gateway that does not serve", func(t *testing.T, x *examined) {
			site(t, x, true, map[string]string{"/health/ready": `503 {"status":"not ready","reason":"no API key"}`})
		}, "gateway", checkup.Bad, "no API key"},
		{"a key that is not known", func(t *testing.T, x *examined) {
			x.key, x.model = "sk-wrong", "m"
			site(t, x, true, map[string]string{"/health/ready": isReady, "/v1/chat/completions": "401 this API key is not known here"})
		}, "request", checkup.Bad, "not known here"},
		{"nobody at the public address", func(t *testing.T, x *examined) {
			x.cfg.Server.PublicURL = fmt.Sprintf("http://127.0.0.1:%d", unusedPort(t))
		}, "public address", checkup.Bad, "refused"},
		{"somebody else at the public address", func(t *testing.T, x *examined) { x.cfg.Server.PublicURL = site(t, x, false, nil) }, "public address", checkup.Bad, "404"},
		{"no identity provider there", func(t *testing.T, x *examined) {
			x.cfg.Auth.OIDC = []config.OIDC{{Name: "idp", Issuer: site(t, x, false, nil)}}
		}, "sign-in", checkup.Bad, "no identity provider"},
		{"an identity provider by another name", func(t *testing.T, x *examined) {
			x.cfg.Auth.OIDC = []config.OIDC{{Name: "idp", Issuer: site(t, x, false, map[string]string{
				"/.well-known/openid-configuration": `200 {"issuer":"SELF/","authorization_endpoint":"SELF/a"}`,
			})}}
		}, "sign-in", checkup.Bad, "calls itself"},
		{"a provider without a right key", func(t *testing.T, x *examined) {
			p := config.NewProvider("up", config.TypeOpenAICompat)
			p.BaseURL, p.APIKey = site(t, x, false, map[string]string{"/v1/models": `401 {"error":{"message":"no such key"}}`})+"/v1", "k"
			x.cfg.Providers, x.providers = []config.Provider{p}, true
		}, "provider", checkup.Bad, "up: "},
		{"a provider that is away", func(t *testing.T, x *examined) {
			p := config.NewProvider("up", config.TypeOpenAICompat)
			p.BaseURL, p.APIKey = fmt.Sprintf("http://127.0.0.1:%d/v1", unusedPort(t)), "k"
			x.cfg.Providers, x.providers = []config.Provider{p}, true
		}, "provider", checkup.Bad, "refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := installation(t)
			c.fault(t, x)
			r := checkup.Run(t.Context(), lookTime, x.checks())
			for _, f := range r.Findings {
				if strings.Contains(f.Found+f.Do, "s3cret") {
					t.Errorf("a secret: %+v", f)
				}
				if f.Check == c.check && f.State == c.state && strings.Contains(f.Found, c.found) && f.Do != "" {
					return
				}
			}
			t.Errorf("not found: %+v", r.Findings)
		})
	}
}

// schema makes the database one of another version; -1 is the one before.
func schema(t *testing.T, x *examined, version int) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(x.cfg.DataDir, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	change := fmt.Sprintf("INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, 1)", version)
	if version < 0 {
		change = "DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)"
	}
	if _, err := db.Exec(change); err != nil {
		t.Fatal(err)
	}
}

func certificateFor(name string, lasts time.Duration) func(*testing.T, *examined) {
	return func(t *testing.T, x *examined) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		form := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
			NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(lasts),
		}
		der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		x.cfg.Server.PublicURL = "https://ai.example.com"
		x.cfg.Server.TLS = config.TLS{
			CertFile: write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
			KeyFile:  write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))),
		}
	}
}

func TestDiskAndClock(t *testing.T) {
	for free, want := range map[config.Size]checkup.State{50 * config.MiB: checkup.Bad, 500 * config.MiB: checkup.Warning, 5 * config.GiB: checkup.Good} {
		if f := diskFinding(free, config.GiB); f.State != want {
			t.Errorf("%s free: %+v", free, f)
		}
	}
	now := time.Now()
	for off, want := range map[time.Duration]checkup.State{
		0: checkup.Good, 3 * time.Second: checkup.Good, -10 * time.Second: checkup.Warning, 10 * time.Second: checkup.Warning, -time.Minute: checkup.Bad, time.Hour: checkup.Bad,
	} {
		if f := clockFinding(now.Add(off), now, now, "x's"); f.State != want {
			t.Errorf("%v off: %+v", off, f)
		}
	}
}

// TestDoctorCommand: what it prints, and that it fails where something has to be mended.
func TestDoctorCommand(t *testing.T) {
	x := installation(t)
	args := []string{"doctor", "--config", "turnpike.yaml", "--data-dir", x.cfg.DataDir}
	t.Setenv("TURNPIKE_SERVER_PORT", strconv.Itoa(unusedPort(t)))
	if out := commandOut(t, args...); !strings.Contains(out, "it does not run") || !strings.Contains(out, "→ start it: turnpike serve") || !strings.Contains(out, " 0 to be mended") {
		t.Errorf("%s", out)
	}
	if err := os.Remove(filepath.Join(x.cfg.DataDir, vault.FileName)); err != nil {
		t.Fatal(err)
	}
	got := refused(t, "1 of ", append(args, "--json")...)
	var r checkup.Report
	if err := json.Unmarshal([]byte(got.out), &r); err != nil || r.Bad != 1 {
		t.Errorf("%v: %s", err, got.out)
	}
	write(t, "turnpike.yaml", "server: { port: many }\n")
	if got := refused(t, "has to be mended", args...); !strings.Contains(got.out, "bad      configuration") {
		t.Errorf("%s", got.out)
	}
}
