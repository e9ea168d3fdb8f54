package config

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"sync"
)

// PassphraseFile is the environment variable that names the file of the passphrase that
// secrets in a configuration are encrypted to.
const PassphraseFile = "TURNPIKE_PASSPHRASE_FILE"

const (
	sealedPrefix = "sealed.v1."
	saltSize     = 16
	// rounds are what OWASP's cheat sheet on password storage asks of PBKDF2 with SHA-256.
	rounds = 600_000
	// maxSalts bounds the keys that are derived for one file: what we write has one.
	maxSalts = 4
	// minPassphrase keeps out what is guessed.
	minPassphrase = 12
)

// Passphrase encrypts the secrets of a configuration that goes elsewhere.
type Passphrase struct {
	words string
	mu    sync.Mutex
	keys  map[string]cipher.AEAD // by salt
	salt  string                 // of what is sealed here
}

// Errors of sealed values, which complete "the setting …".
var (
	errNoPassphrase = errors.New("is encrypted: " + PassphraseFile + " names the file that holds its passphrase")
	errPassphrase   = errors.New("is encrypted with another passphrase, or damaged")
)

// NewPassphrase makes one of a text, without the white space around it.
func NewPassphrase(words string) (*Passphrase, error) {
	words = strings.TrimSpace(words)
	if len(words) < minPassphrase {
		return nil, errors.New("a passphrase has at least 12 characters")
	}
	return &Passphrase{words: words, keys: map[string]cipher.AEAD{}}, nil
}

// ReadPassphrase reads one from a file.
func ReadPassphrase(file string) (*Passphrase, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the path is the operator's own
	if err != nil {
		return nil, err
	}
	return NewPassphrase(string(text))
}

func (p *Passphrase) key(salt string) (cipher.AEAD, error) {
	if k := p.keys[salt]; k != nil {
		return k, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(salt)
	if err != nil || len(raw) != saltSize || len(p.keys) >= maxSalts {
		return nil, errPassphrase
	}
	key, err := pbkdf2.Key(sha256.New, p.words, raw, rounds, sha256.Size)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	p.keys[salt] = aead
	return aead, nil
}

// Seal encrypts a secret.
func (p *Passphrase) Seal(secret string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.salt == "" {
		raw := make([]byte, saltSize)
		_, _ = rand.Read(raw) // never fails, see crypto/rand
		p.salt = base64.RawURLEncoding.EncodeToString(raw)
	}
	aead, err := p.key(p.salt)
	if err != nil {
		return "", err
	}
	return sealedPrefix + p.salt + "." + base64.RawURLEncoding.EncodeToString(aead.Seal(nil, nil, []byte(secret), []byte(sealedPrefix))), nil //nolint:gosec // this AEAD makes its own nonce
}

// IsSealed tells whether a text is a secret that was sealed.
func IsSealed(text string) bool { return strings.HasPrefix(text, sealedPrefix) }

// Open decrypts what was sealed; of no passphrase it tells which variable names one.
func (p *Passphrase) Open(text string) (string, error) {
	if p == nil {
		return "", errNoPassphrase
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	salt, body, _ := strings.Cut(strings.TrimPrefix(text, sealedPrefix), ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil {
		return "", errPassphrase
	}
	aead, err := p.key(salt)
	if err != nil {
		return "", err
	}
	secret, err := aead.Open(nil, nil, raw, []byte(sealedPrefix))
	if err != nil {
		return "", errPassphrase
	}
	return string(secret), nil
}
