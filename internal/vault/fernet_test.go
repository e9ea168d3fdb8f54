package vault

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
)

// The key and tokens are those of the specification: generate.json, verify.json
// and invalid.json of https://github.com/fernet/spec.
const (
	specKey   = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
	specToken = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=="
)

var specTime = time.Date(1985, 10, 26, 8, 20, 0, 0, time.UTC)

func specFernet(t testing.TB) *Fernet {
	t.Helper()
	f, err := NewFernet(specKey)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFernetSpecification(t *testing.T) {
	f := specFernet(t)
	if got := f.encrypt([]byte("hello"), specTime, [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}); got != specToken {
		t.Errorf("made %s", got)
	}
	if got, made, err := f.Decrypt(specToken); err != nil || string(got) != "hello" || !made.Equal(specTime) {
		t.Errorf("read %q of %v, %v", got, made, err)
	}
	for name, token := range map[string]string{
		"incorrect mac":                          "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==",
		"too short":                              "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==",
		"invalid base64":                         "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
		"payload size not multiple of the block": "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm",
		"payload padding error":                  "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
		"incorrect iv":                           "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
		"a line break inside":                    specToken[:8] + "\n" + specToken[8:],
		"nothing":                                "",
		"too long":                               strings.Repeat("A", maxFernet+1),
	} {
		if got, _, err := f.Decrypt(token); !errors.Is(err, ErrFernetToken) || got != nil {
			t.Errorf("%s: read %q, %v", name, got, err)
		}
	}
}

func TestFernetRoundTrip(t *testing.T) {
	f, err := FernetFrom("a secret of another program, 32 or more", "salt", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 50 {
		plain := bytes.Repeat([]byte{byte(n)}, n)
		if got, made, err := f.Decrypt(f.Encrypt(plain, specTime)); err != nil || !bytes.Equal(got, plain) || !made.Equal(specTime) {
			t.Errorf("%d bytes: %q, %v, %v", n, got, made, err)
		}
	}
	if first, second := f.Encrypt(nil, specTime), f.Encrypt(nil, specTime); first == second {
		t.Error("the initialisation vector repeats")
	}
	if _, _, err := f.Decrypt(specToken); !errors.Is(err, ErrFernetToken) {
		t.Errorf("another key: %v", err)
	}
	raw, _ := base64.URLEncoding.DecodeString(specToken)
	for i := range raw {
		raw[i] ^= 1
		if _, _, err := specFernet(t).Decrypt(base64.URLEncoding.EncodeToString(raw)); err == nil {
			t.Errorf("byte %d changed and nobody noticed", i)
		}
		raw[i] ^= 1
	}
}

// otherToken was made by Python's cryptography, which the program uses whose
// values are imported, with its way to derive the key.
const otherToken = "gAAAAABoTuGAqvMOflFlZns6vrKDNyojuyBt9kMw-wvVKDpuce7Ge8QHhDqKtq_I3eNSYpYoZOJorlWcfStZOUWHuYyHeHAX93oQBiKG5D3QyjK0M1tvvMN_csAw3ddzjMYaL27VO5cLC9ymIK4zIz2syB9NR74f3Q=="

func TestFernetFromOtherProgram(t *testing.T) {
	f, err := FernetFrom("test-jwt-secret-key-that-is-at-least-32-characters", "kolya-br-proxy-enc", 100_000)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := f.Decrypt(otherToken)
	if err != nil || string(got) != "sk-ant-api03_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFernetKeys(t *testing.T) {
	for _, key := range []string{"", "short", specKey[:len(specKey)-2], specKey + "AAAA", strings.ReplaceAll(specKey, "_", "/")} {
		if _, err := NewFernet(key); !errors.Is(err, ErrFernetKey) {
			t.Errorf("%q: %v", key, err)
		}
	}
	if _, err := NewFernet(specKey + "\n"); err != nil {
		t.Errorf("with the newline of its file: %v", err)
	}
}

func FuzzFernet(f *testing.F) {
	fernet := specFernet(f)
	for _, seed := range []string{specToken, specToken[:40], "", "gAAAAA==", strings.Repeat("A", 200)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		plain, _, err := fernet.Decrypt(token)
		if err == nil && (token != specToken || string(plain) != "hello") {
			t.Fatalf("%q was taken for %q", token, plain)
		}
	})
}
