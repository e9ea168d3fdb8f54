package vertex

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
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

// issuerServer is a token endpoint that checks what it is asked.
func issuerServer(t *testing.T, asked *atomic.Int64, now func() time.Time) *httptest.Server {
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

// body is a call's body that is never used again.
type body string

func (b body) Bytes() []byte            { return []byte(b) }
func (b body) NewReader() io.ReadCloser { return io.NopCloser(strings.NewReader(string(b))) }

// bare is an environment that says nothing.
func bare(string) string { return "" }

var _ provider.Provider = (*Account)(nil)

func newAccount(t *testing.T, opt Options) *Account {
	t.Helper()
	opt.Name = "v"
	if opt.Getenv == nil {
		opt.Getenv = bare
	}
	a, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestToken(t *testing.T) {
	var asked, clock atomic.Int64
	clock.Store(1_700_000_000)
	now := func() time.Time { return time.Unix(clock.Load(), 0) }
	a := newAccount(t, Options{CredentialsFile: keyFile(t, issuerServer(t, &asked, now).URL, nil), Location: "us-central1", Now: now})
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
			if r := request(); r.Header.Get("Authorization") != "Bearer ya29.token" {
				t.Errorf("%v", r.Header)
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
}

func TestAddresses(t *testing.T) {
	var asked atomic.Int64
	file := keyFile(t, issuerServer(t, &asked, time.Now).URL, nil)
	for _, c := range []struct {
		location, project, model string
		stream                   bool
		want                     string
	}{
		{"", "", "gemini-2.5-pro", false, "https://aiplatform.googleapis.com/v1/projects/proj-1/locations/global/publishers/google/models/gemini-2.5-pro:generateContent"},
		{"us-central1", "", "models/gemini-2.5-pro", true, "https://us-central1-aiplatform.googleapis.com/v1/projects/proj-1/locations/us-central1/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse"},
		{"eu", "example.com:p", "gemini-x", false, "https://aiplatform.eu.rep.googleapis.com/v1/projects/example.com:p/locations/eu/publishers/google/models/gemini-x:generateContent"},
		{"us-east5", "example-project", "claude-3-7-sonnet@20250219", false, "https://us-east5-aiplatform.googleapis.com/v1/projects/example-project/locations/us-east5/publishers/anthropic/models/claude-3-7-sonnet@20250219:rawPredict"},
		{"global", "p", "claude-sonnet-4-5@20250929", true, "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict"},
	} {
		a := newAccount(t, Options{CredentialsFile: file, Location: c.location, Project: c.project})
		s, err := a.Surface(t.Context(), c.model)
		if err != nil || s.Vertex != strings.Contains(c.model, "claude") || s.Dialect != map[bool]string{true: "messages", false: "gemini"}[s.Vertex] {
			t.Errorf("%s: %+v %v", c.model, s, err)
		}
		r, err := a.NewRequest(t.Context(), &provider.Call{Surface: s, Model: c.model, Stream: c.stream, Body: body("{}")})
		if err != nil || r.URL.String() != c.want || r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer ya29.token" || r.Header.Get("X-Goog-Api-Key") != "" {
			t.Errorf("%v %v\nwant %s", r.URL, err, c.want)
		}
	}
	a := newAccount(t, Options{CredentialsFile: file})
	for _, model := range []string{"", ".", "../x", "a/b", "m:other", "m?x", "m%2f", "m#", "claude/../x"} {
		if _, err := a.NewRequest(t.Context(), &provider.Call{Model: model, Body: body("{}")}); !errors.Is(err, ErrModel) {
			t.Errorf("%q was taken: %v", model, err)
		}
	}
	own := newAccount(t, Options{CredentialsFile: file, Options: provider.Options{Headers: map[string]string{"Authorization": "Bearer theirs"}}})
	if r, err := own.NewRequest(t.Context(), &provider.Call{Model: "m", Body: body("{}")}); err != nil || r.Header.Get("Authorization") != "Bearer theirs" {
		t.Errorf("%v", err)
	}
}

func TestOperations(t *testing.T) {
	var asked atomic.Int64
	a := newAccount(t, Options{CredentialsFile: keyFile(t, issuerServer(t, &asked, time.Now).URL, nil)})
	const at = "https://aiplatform.googleapis.com/v1/projects/proj-1/locations/global/publishers/"
	sent := func(r *http.Request, err error) string {
		if err != nil {
			return err.Error()
		}
		b, _ := io.ReadAll(r.Body)
		return r.URL.String() + " " + string(b)
	}
	for what, c := range map[string]struct{ got, want string }{
		"embed":        {sent(a.NewEmbedRequest(t.Context(), "gemini-embedding-001", []byte("{}"))), at + "google/models/gemini-embedding-001:predict {}"},
		"count":        {sent(a.NewCountRequest(t.Context(), "gemini-2.5-pro", []byte("{}"), nil)), at + "google/models/gemini-2.5-pro:countTokens {}"},
		"count Claude": {sent(a.NewCountRequest(t.Context(), "claude-x@1", []byte(`{"anthropic_version":"v","messages":[]}`), nil)), at + `anthropic/models/count-tokens:rawPredict {"messages":[],"model":"claude-x@1"}`},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s\nwant %s", what, c.got, c.want)
		}
	}
	if a.CountAPI(provider.Surface{Vertex: true}) != "input_tokens" || a.CountAPI(provider.Surface{}) != "totalTokens" || a.EmbedForm() != "vertex" || a.ErrorDialect() != "gemini" {
		t.Error("the forms of the operations")
	}
}

func TestTokenRefused(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"bot@proj.iam"}`)
	}))
	defer srv.Close()
	a := newAccount(t, Options{CredentialsFile: keyFile(t, srv.URL, nil)})
	_, err := a.NewRequest(t.Context(), &provider.Call{Model: "m", Body: body("{}")})
	if err == nil || !strings.Contains(err.Error(), "invalid_grant") || strings.Contains(err.Error(), "PRIVATE") || strings.Contains(err.Error(), "bot@") {
		t.Error(err)
	}
	if _, err := a.Models(t.Context()); err == nil {
		t.Error("credentials that are refused pass the test of the provider")
	}
}

func TestKeyFiles(t *testing.T) {
	const at = "https://oauth2.example/token"
	for name, change := range map[string]map[string]string{
		"another kind":      {"type": "external_account"},
		"nothing of it":     {"type": "authorized_user"},
		"no key":            {"private_key": ""},
		"a broken key":      {"private_key": "-----BEGIN " + "PRIVATE KEY-----\nc2VjcmV0\n-----END " + "PRIVATE KEY-----\n"},
		"nobody":            {"client_email": ""},
		"a token elsewhere": {"token_uri": "http://example.com/token"},
		"no such project":   {"project_id": "a/../b"},
		"no project":        {"project_id": ""},
	} {
		_, err := New(Options{Options: provider.Options{Name: "v"}, CredentialsFile: keyFile(t, at, change), Getenv: bare})
		if err == nil || strings.Contains(err.Error(), "c2VjcmV0") || !strings.HasPrefix(err.Error(), "provider v: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Options{CredentialsFile: filepath.Join(t.TempDir(), "none.json"), Getenv: bare}); err == nil {
		t.Error("a file that is not there was read")
	}
	if c, err := read(keyFile(t, "", nil), "x"); err != nil || c.tokenURL != defaultTokenURL {
		t.Errorf("%v", err)
	}
	text, err := os.ReadFile(keyFile(t, at, nil))
	if err != nil {
		t.Fatal(err)
	}
	if a := newAccount(t, Options{Credentials: string(text)}); a.creds.email != "bot@proj.iam" {
		t.Errorf("credentials given in the configuration: %+v", a.creds)
	}
}

// TestDefaultCredentials plays what Google's own libraries would find.
func TestDefaultCredentials(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet && r.URL.Path == "/computeMetadata/v1/instance/service-accounts/default/token" && r.Header.Get("Metadata-Flavor") == "Google":
			_, _ = io.WriteString(w, `{"access_token":"of-the-machine","expires_in":600}`)
		case r.FormValue("grant_type") == "refresh_token" && r.FormValue("refresh_token") == "r1" && r.FormValue("client_id") == "c" && r.FormValue("client_secret") == "s":
			_, _ = io.WriteString(w, `{"access_token":"of-a-person","expires_in":600}`)
		default:
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer srv.Close()
	home := t.TempDir()
	dir := filepath.Join(home, ".config", "gcloud")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	gcloud := `{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r1","quota_project_id":"mine","token_uri":"` + srv.URL + `"}`
	if err := os.WriteFile(filepath.Join(dir, "application_default_credentials.json"), []byte(gcloud), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(vars map[string]string) func(string) string {
		return func(name string) string { return vars[name] }
	}
	var asked atomic.Int64
	file := keyFile(t, issuerServer(t, &asked, time.Now).URL, nil)
	for name, c := range map[string]struct {
		vars  map[string]string
		token string
	}{
		"a file in the environment": {map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file, "HOME": home}, "ya29.token"},
		"what gcloud left":          {map[string]string{"HOME": home}, "of-a-person"},
		"the machine's own":         {map[string]string{"GCE_METADATA_HOST": strings.TrimPrefix(srv.URL, "http://"), "HOME": t.TempDir()}, "of-the-machine"},
	} {
		a := newAccount(t, Options{Project: "p", Getenv: env(c.vars)})
		if got, err := a.tokens.Get(t.Context()); got != c.token || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
