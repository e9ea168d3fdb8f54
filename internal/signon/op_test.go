package signon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// op is an OpenID provider that says whatever a test wants it to: for what real ones
// never say.
type op struct {
	t      testing.TB
	server *httptest.Server
	asked  atomic.Int64

	mu    sync.Mutex
	kid   string
	key   *ecdsa.PrivateKey
	codes map[string]grantOf
	meta  map[string]any // beside what a discovery document has
}

// grantOf is what a code is good for.
type grantOf struct {
	challenge, redirect string
	token               string
}

const clientSecret = "the secret of the client"

func newOP(t testing.TB) *op {
	t.Helper()
	o := &op{t: t, codes: map[string]grantOf{}, meta: map[string]any{}}
	o.turn("first")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		doc := map[string]any{
			"issuer": o.server.URL, "authorization_endpoint": o.server.URL + "/authorize", "token_endpoint": o.server.URL + "/token", "jwks_uri": o.server.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}, "end_session_endpoint": o.server.URL + "/end?x=1",
		}
		maps.Copy(doc, o.meta)
		_ = json.NewEncoder(w).Encode(doc)
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &o.key.PublicKey, KeyID: o.kid, Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/keys", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("POST /token", o.token)
	o.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { o.asked.Add(1); mux.ServeHTTP(w, r) }))
	t.Cleanup(o.server.Close)
	return o
}

// turn gives the provider another key.
func (o *op) turn(kid string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		o.t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kid, o.key = kid, key
}

// token takes a code once, with the verifier of its challenge and the client's secret.
func (o *op) token(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	g, ok := o.codes[r.FormValue("code")]
	delete(o.codes, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if want, _ := url.QueryUnescape(secret); !ok || id != "gw" || want != clientSecret || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge || r.FormValue("redirect_uri") != g.redirect {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "x", "token_type": "Bearer", "expires_in": 60, "id_token": g.token})
}

// sign signs claims with the provider's key.
func (o *op) sign(says map[string]any) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return signWith(o.t, jose.ES256, o.key, o.kid, says)
}

func signWith(t testing.TB, algorithm jose.SignatureAlgorithm, key any, kid string, says map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", kid).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(says).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// code makes a code for a token, in answer to the question that a browser was sent with.
func (o *op) code(question url.Values, token string) string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	code := base64.RawURLEncoding.EncodeToString(b[:])
	o.mu.Lock()
	defer o.mu.Unlock()
	o.codes[code] = grantOf{question.Get("code_challenge"), question.Get("redirect_uri"), token}
	return code
}
