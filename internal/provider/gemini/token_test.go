package gemini

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"turnpike/internal/provider"
)

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil
	}
	return k
})

// keyFile writes a service account's key file with some members changed.
func keyFile(t *testing.T, tokenURL string, change map[string]string) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(testKey())
	if err != nil {
		t.Fatal(err)
	}
	f := map[string]string{
		"type": "service_account", "client_email": "bot@proj.iam", "project_id": "proj-1", "private_key_id": "kid", "token_uri": tokenURL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	}
	maps.Copy(f, change)
	data, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// issuer is a token endpoint that checks what it is asked.
func issuer(t *testing.T, asked *atomic.Int64, now func() time.Time) *httptest.Server {
	t.Helper()
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		parts := strings.Split(r.FormValue("assertion"), ".")
		if len(parts) != 3 || r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
			t.Errorf("asked %v", r.Form)
			return
		}
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
		if err := rsa.VerifyPKCS1v15(&testKey().PublicKey, crypto.SHA256, sum[:], signature); err != nil {
			t.Errorf("signature: %v", err)
		}
		var claims struct {
			Iss, Scope, Aud string
			Iat, Exp        int64
		}
		text, _ := base64.RawURLEncoding.DecodeString(parts[1])
		if err := json.Unmarshal(text, &claims); err != nil || claims.Iss != "bot@proj.iam" || claims.Aud != srv.URL || claims.Scope != scope || claims.Iat != now().Unix() || claims.Exp-claims.Iat != 3600 {
			t.Errorf("claims %s", text)
		}
		_, _ = io.WriteString(w, `{"access_token":"ya29.token","expires_in":3600,"token_type":"Bearer"}`)
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestVertex(t *testing.T) {
	var asked atomic.Int64
	var clock atomic.Int64
	clock.Store(1_700_000_000)
	now := func() time.Time { return time.Unix(clock.Load(), 0) }
	path := keyFile(t, issuer(t, &asked, now).URL, nil)
	a, err := New(Options{Options: provider.Options{Name: "v"}, CredentialsFile: path, Region: "us-central1", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	const want = "https://us-central1-aiplatform.googleapis.com/v1/projects/proj-1/locations/us-central1/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
	request := func() *http.Request {
		r, err := a.NewRequest(t.Context(), &provider.Call{Model: "gemini-2.5-pro", Stream: true, Body: body("{}")})
		if err != nil {
			t.Error(err)
			return &http.Request{}
		}
		return r
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if r := request(); r.URL.String() != want || r.Header.Get("Authorization") != "Bearer ya29.token" || r.Header.Get("X-Goog-Api-Key") != "" {
				t.Errorf("%s %v", r.URL, r.Header)
			}
		})
	}
	all.Wait()
	if asked.Load() != 1 {
		t.Errorf("twenty calls at once asked for %d tokens", asked.Load())
	}
	clock.Add(3600 - 60)
	if request(); asked.Load() != 2 {
		t.Errorf("a token about to end was not replaced: %d", asked.Load())
	}
	if models, err := a.Models(t.Context()); models != nil || err != nil {
		t.Errorf("%v %v", models, err)
	}
	global, err := New(Options{Options: provider.Options{Name: "v"}, CredentialsFile: path, Project: "other", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	u, err := global.method("m", "generateContent")
	if err != nil || u.String() != "https://aiplatform.googleapis.com/v1/projects/other/locations/global/publishers/google/models/m:generateContent" {
		t.Errorf("%v %v", u, err)
	}
}

func TestTokenRefused(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"bot@proj.iam"}`)
	}))
	defer srv.Close()
	a, err := New(Options{Options: provider.Options{Name: "v"}, CredentialsFile: keyFile(t, srv.URL, nil)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.NewRequest(t.Context(), &provider.Call{Model: "m", Body: body("{}")})
	if err == nil || !strings.Contains(err.Error(), "invalid_grant") || strings.Contains(err.Error(), "PRIVATE") {
		t.Error(err)
	}
	a.tokens.turn <- struct{}{} // somebody else is asking, and does not come back
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.tokens.get(ctx); err == nil {
		t.Error("waited on although the caller had left")
	}
}

func TestKeyFiles(t *testing.T) {
	const at = "https://oauth2.example/token"
	for name, change := range map[string]map[string]string{
		"another kind":      {"type": "authorized_user"},
		"no key":            {"private_key": ""},
		"a broken key":      {"private_key": "-----BEGIN " + "PRIVATE KEY-----\nc2VjcmV0\n-----END " + "PRIVATE KEY-----\n"},
		"nobody":            {"client_email": ""},
		"a token elsewhere": {"token_uri": "http://example.com/token"},
		"no such project":   {"project_id": "a/../b"},
	} {
		_, err := New(Options{Options: provider.Options{Name: "v"}, CredentialsFile: keyFile(t, at, change)})
		if err == nil || strings.Contains(err.Error(), "c2VjcmV0") || !strings.HasPrefix(err.Error(), "provider v: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Options{CredentialsFile: filepath.Join(t.TempDir(), "none.json")}); err == nil {
		t.Error("a file that is not there was read")
	}
	if k, err := readKey(keyFile(t, "", nil)); err != nil || k.tokenURL != defaultTokenURL {
		t.Errorf("%v", err)
	}
}
