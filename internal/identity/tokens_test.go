package identity

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// forge signs whatever claims and head with a key.
func forge(t *testing.T, algorithm jose.SignatureAlgorithm, key any, kind, kid string, says map[string]any) string {
	t.Helper()
	o := (&jose.SignerOptions{}).WithType(jose.ContentType(kind))
	if kid != "" {
		o = o.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(says).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestForgedTokens: only what this gateway signed, for this, now, is a token.
func TestForgedTokens(t *testing.T) {
	w := newWorld(t)
	tokens := w.open(w.account("ann", Owner))
	kid, key, err := w.keys.signer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, another, _ := ed25519.GenerateKey(nil)
	says := func(change map[string]any) map[string]any {
		out := map[string]any{
			"iss": tokenIssuer, "aud": tokenAudience, "sub": tokens.Account.ID, "sid": tokens.Session.ID,
			"iat": w.now.Unix(), "nbf": w.now.Unix(), "exp": w.now.Add(time.Minute).Unix(),
		}
		for name, v := range change {
			if out[name] = v; v == nil {
				delete(out, name)
			}
		}
		return out
	}
	if _, err := w.Check(t.Context(), forge(t, jose.EdDSA, key, tokenType, kid, says(nil))); err != nil {
		t.Fatalf("what the forgeries differ from is no token: %v", err)
	}
	body := func(v map[string]any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	none := body(map[string]any{"alg": "none", "typ": tokenType, "kid": kid}) + "." + body(says(nil)) + "."
	public, _ := key.Public().(ed25519.PublicKey)
	for name, token := range map[string]string{
		"another key":                       forge(t, jose.EdDSA, another, tokenType, kid, says(nil)),
		"another key id":                    forge(t, jose.EdDSA, key, tokenType, "sig_none", says(nil)),
		"no key id":                         forge(t, jose.EdDSA, key, tokenType, "", says(nil)),
		"HMAC with the public key":          forge(t, jose.HS256, []byte(public), tokenType, kid, says(nil)),
		"HMAC with the key id":              forge(t, jose.HS256, []byte(strings.Repeat(kid, 2)), tokenType, kid, says(nil)),
		"no algorithm":                      none,
		"no algorithm, in capitals":         body(map[string]any{"alg": "NONE", "typ": tokenType, "kid": kid}) + "." + body(says(nil)) + ".",
		"another type":                      forge(t, jose.EdDSA, key, "JWT", kid, says(nil)),
		"another audience":                  forge(t, jose.EdDSA, key, tokenType, kid, says(map[string]any{"aud": "other"})),
		"no audience":                       forge(t, jose.EdDSA, key, tokenType, kid, says(map[string]any{"aud": nil})),
		"another issuer":                    forge(t, jose.EdDSA, key, tokenType, kid, says(map[string]any{"iss": "https://i.example"})),
		"run out":                           forge(t, jose.EdDSA, key, tokenType, kid, says(map[string]any{"exp": w.now.Add(-time.Minute).Unix()})),
		"without an end":                    forge(t, jose.EdDSA, key, tokenType, kid, says(map[string]any{"exp": nil})),
		"not yet":                           forge(t, jose.EdDSA, key, tokenType, kid, says(map[string]any{"nbf": w.now.Add(time.Hour).Unix()})),
		"issued in the future":              forge(t, jose.EdDSA, key, tokenType, kid, says(map[string]any{"iat": w.now.Add(time.Hour).Unix()})),
		"nobody":                            forge(t, jose.EdDSA, key, tokenType, kid, says(map[string]any{"sub": nil})),
		"somebody else's session":           forge(t, jose.EdDSA, key, tokenType, kid, says(map[string]any{"sub": "acc_other"})),
		"no session":                        forge(t, jose.EdDSA, key, tokenType, kid, says(map[string]any{"sid": nil})),
		"a service that is not there":       forge(t, jose.EdDSA, key, tokenType, kid, says(map[string]any{"sub": "svc_none"})),
		"too long":                          tokens.Access + strings.Repeat("A", maxToken),
		"nothing":                           "",
		"dots":                              "..",
		"a token and something behind it":   tokens.Access + ".x",
		"a token with another signature":    tokens.Access[:len(tokens.Access)-4] + "AAAA",
		"a key of its own in the head":      embedded(t, another, says(nil)),
		"many signatures, as JSON has them": `{"payload":"` + body(says(nil)) + `","signatures":[]}`,
	} {
		if who, err := w.Check(t.Context(), token); !errors.Is(err, ErrToken) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}

// embedded is a token that brings its own key.
func embedded(t *testing.T, key ed25519.PrivateKey, says map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType(tokenType))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(says).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestKeysTurn: keys are replaced, the old one is good while tokens of it are, and another
// gateway knows them all.
func TestKeysTurn(t *testing.T) {
	w := newWorld(t)
	other := New(w.Options)
	a := w.account("ann", Owner)
	before := w.open(a)
	if _, err := other.Check(t.Context(), before.Access); err != nil {
		t.Fatalf("at another gateway: %v", err)
	}
	first, _, err := w.keys.signer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if same, _, err := other.keys.signer(t.Context()); err != nil || same != first {
		t.Errorf("two gateways sign with %s and %s, %v", first, same, err)
	}
	rows, err := w.Store.SigningKeys(t.Context(), w.now)
	if err != nil || len(rows) != 1 || !strings.HasPrefix(rows[0].Sealed, "v1.") {
		t.Errorf("kept are %+v, %v", rows, err)
	}
	w.later(rotateKeys - time.Minute)
	old := w.open(a)
	w.later(2 * time.Minute)
	second, _, err := w.keys.signer(t.Context())
	if err != nil || second == first {
		t.Fatalf("the key does not turn: %s, %v", second, err)
	}
	fresh := w.open(a)
	for name, token := range map[string]string{"the old key's": old.Access, "the new key's": fresh.Access} {
		for _, at := range []*Accounts{w.Accounts, other, New(w.Options)} {
			if _, err := at.Check(t.Context(), token); err != nil {
				t.Errorf("%s token: %v", name, err)
			}
		}
	}
	w.later(3 * time.Hour)
	if rows, err = w.Store.SigningKeys(t.Context(), w.now); err != nil || len(rows) != 1 || rows[0].KID != second {
		t.Errorf("an old key stays: %+v, %v", rows, err)
	}
	if err := w.Store.DropSigningKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.later(time.Second)
	if _, err := New(w.Options).Check(t.Context(), fresh.Access); !errors.Is(err, ErrToken) {
		t.Errorf("a key that is forgotten: %v", err)
	}
}

// FuzzToken: whatever is shown, it is a token of ours or none, and nothing panics.
func FuzzToken(f *testing.F) {
	w := newWorld(f)
	tokens := w.open(w.account("ann", Owner))
	for _, seed := range []string{tokens.Access, "", "..", "eyJhbGciOiJub25lIn0.e30.", strings.Repeat("a.", 9)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if who, err := w.Check(t.Context(), text); err == nil && text != tokens.Access {
			t.Fatalf("%q is taken for %+v", text, who)
		}
	})
}
