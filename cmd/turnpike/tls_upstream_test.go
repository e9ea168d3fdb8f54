package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"turnpike/internal/config"
)

// demanding is an upstream that answers nobody but who shows the certificate in a file.
func demanding(t *testing.T, cert string) *httptest.Server {
	t.Helper()
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	known := x509.NewCertPool()
	known.AppendCertsFromPEM(text)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), `"stream":true`) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, azureStream)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	}))
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: known, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// TestUpstreamDemandsCertificate: a provider with tls gets through to such an upstream, with an
// answer and with a stream; one without does not.
func TestUpstreamDemandsCertificate(t *testing.T) {
	data := alone(t)
	dir := t.TempDir()
	own := config.TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	issue(t, own, 9)
	up := demanding(t, own.CertFile)
	ca := write(t, filepath.Join(dir, "ca.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: up.Certificate().Raw})))
	path := write(t, "mutual.yaml", fmt.Sprintf(`
auth: { api_key: sk-the-clients-key }
routing: { attempts: 1 }
providers:
  - { name: inside, type: openai-compat, base_url: "%[1]s/v1", tls: { cert_file: %[2]q, key_file: %[3]q, ca_file: %[4]q } }
  - { name: bare, type: openai-compat, base_url: "%[1]s/v1", tls: { ca_file: %[4]q } }
`, up.URL, own.CertFile, own.KeyFile, ca))
	r := start(t, load(t, data, nil, path))
	ask := func(model, more string) (int, string) {
		return r.do(http.MethodPost, "/v1/chat/completions", "sk-the-clients-key", `{"model":"`+model+`/m",`+more+`"messages":[{"role":"user","content":"q"}]}`)
	}
	if status, got := ask("inside", ""); status != 200 || !strings.Contains(got, `"content":"Hi"`) {
		t.Errorf("%d %s", status, got)
	}
	if status, got := ask("inside", `"stream":true,"stream_options":{"include_usage":true},`); status != 200 || got != azureStream {
		t.Errorf("%d %s", status, got)
	}
	if status, got := ask("bare", ""); status != 502 {
		t.Errorf("without a certificate: %d %s", status, got)
	}
}

// TestUnusableUpstreamCertificate: the gateway does not start with one, and says of which
// provider it is.
func TestUnusableUpstreamCertificate(t *testing.T) {
	alone(t)
	bad := write(t, "bad.pem", "nothing")
	cfg := load(t, t.TempDir(), nil, write(t, "bad.yaml", fmt.Sprintf("providers: [{ name: inside, type: openai, api_key: k, tls: { ca_file: %q } }]\n", bad)))
	if _, err := accounts(cfg); err == nil || !strings.Contains(err.Error(), "provider inside: tls: ca_file") {
		t.Errorf("%v", err)
	}
}
