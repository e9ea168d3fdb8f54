package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"turnpike/internal/config"
)

// TestFirewall: bounds and shapes, each refusal in the words of whoever asked; prompts
// that quote attacks pass.
func TestFirewall(t *testing.T) {
	data := alone(t)
	t.Setenv("TURNPIKE_AUTH_ADMIN_KEY", operatorKey)
	const secret = "sk-declared-0123456789" // known from the start: one that is made counts for its address until it is
	r, _ := firstRun(t, load(t, data, map[string]string{"auth.api_key": secret, "firewall.enabled": "true", "firewall.inference": "5", "firewall.window": "24h"}, ""))
	quoting := strings.Replace(hello, `"messages"`, `"user":"' OR 1=1 -- <script> ../../etc/passwd","messages"`, 1)
	for range 5 {
		if status, body := r.do("POST", "/v1/chat/completions", secret, quoting); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	for path, want := range map[string]string{"/v1/chat/completions": `"code"`, "/v1/messages": `"type":"rate_limit_error"`} {
		if status, body := r.do("POST", path, secret, hello); status != 429 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for range 5 {
		_, _ = r.do("POST", "/v1/messages", "wrong", hello)
	}
	if status, body := r.do("POST", "/v1/messages", "wrong", hello); status != 429 || !strings.Contains(body, "your address") || !strings.Contains(body, "rate_limit_error") {
		t.Errorf("an address: %d %s", status, body)
	}
	for range 25 { // a console that polls a login at an upstream signs nobody in: 403, for they are off, and no 429
		if status, body := r.do("GET", "/admin/auth/poll/none", operatorKey, ""); status != 403 {
			t.Fatalf("%d %s", status, body)
		}
	}
	if status, body := r.do("GET", "/admin/keys?q=%27%20OR%201=1--", operatorKey, ""); status != 403 || !strings.Contains(body, "a piece of SQL") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := r.do("GET", "/admin/keys?q=O%27Brien", operatorKey, ""); status != 200 {
		t.Errorf("a name: %d", status)
	}
}

// issue writes a certificate of its own making.
func issue(t *testing.T, cfg config.TLS, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	like := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, like, like, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, cfg.CertFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, cfg.KeyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
}

// TestCertificateIsReadAgain: a new one is shown at the next handshake; one that cannot be
// read changes nothing.
func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	cfg := config.TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	issue(t, cfg, 1)
	now := time.Now()
	c, err := newCertificate(cfg, slog.New(slog.DiscardHandler), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	shown := func() int64 {
		now = now.Add(time.Minute)
		if err := os.Chtimes(cfg.CertFile, now, now); err != nil {
			t.Fatal(err)
		}
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.Int64()
	}
	if n := shown(); n != 1 {
		t.Errorf("first %d", n)
	}
	issue(t, cfg, 2)
	if n := shown(); n != 2 {
		t.Errorf("second %d", n)
	}
	write(t, cfg.KeyFile, "no key")
	if n := shown(); n != 2 {
		t.Errorf("after a bad file %d", n)
	}
	if _, err := newCertificate(cfg, slog.New(slog.DiscardHandler), time.Now); err == nil {
		t.Error("a start with a bad file")
	}
}

// TestServesTLS: with a certificate the gateway speaks TLS, HTTP/2 among it, and says HSTS.
func TestServesTLS(t *testing.T) {
	data := alone(t)
	t.Setenv("TURNPIKE_AUTH_ADMIN_KEY", operatorKey)
	dir := t.TempDir()
	cfg := config.TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	issue(t, cfg, 1)
	r, _ := firstRun(t, load(t, data, map[string]string{"server.tls.cert_file": cfg.CertFile, "server.tls.key_file": cfg.KeyFile}, ""))
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // of the test's own making
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+r.app.address()+"/admin/keys", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+operatorKey)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 || res.ProtoMajor != 2 || res.Header.Get("Strict-Transport-Security") == "" || res.Header.Get("X-Request-Id") == "" {
		t.Errorf("%s %s %v", res.Proto, res.Status, res.Header)
	}
	if line, err := stateOf(t.Context(), ownAddress(r.app.cfg), true); err != nil || !strings.HasPrefix(line, "ready") { // turnpike health
		t.Errorf("%q %v", line, err)
	}
	if _, err := stateOf(t.Context(), ownAddress(r.app.cfg), false); err == nil {
		t.Error("a certificate of nobody's is taken for another gateway's")
	}
}
