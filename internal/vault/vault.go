// Package vault keeps secrets at rest: it makes and guards the encryption key
// file of an installation and seals values with it.
package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// version is the first part of every sealed value: AES-256-GCM with the
// random nonce before the ciphertext.
const version = "v1"

const keySize = 32

// FileName is the name of the key file in the data folder.
const FileName = "turnpike.key"

// Errors of Unseal that callers tell apart.
var (
	// ErrOtherKey says that the value was sealed with another key file.
	ErrOtherKey = errors.New("sealed with another key; restore the turnpike.key that belongs to this data")
	// ErrDamaged says that the value is not a sealed one, was changed, or
	// belongs to another place.
	ErrDamaged = errors.New("the sealed value is damaged or belongs elsewhere")
)

// Vault seals and unseals with one key. It is safe for concurrent use.
type Vault struct {
	id   string
	aead cipher.AEAD
}

// Open reads the key file, making it (mode 0600) if it is absent.
func Open(path string) (*Vault, error) {
	key, err := readKey(path)
	if err != nil {
		return nil, fmt.Errorf("encryption key %s: %w", path, err)
	}
	v, err := fromKey(key)
	clear(key)
	if err != nil {
		return nil, fmt.Errorf("encryption key %s: %w", path, err)
	}
	return v, nil
}

func fromKey(key []byte) (*Vault, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	// The id tells keys apart; eight bytes of a hash of a random key say
	// nothing about it.
	sum := sha256.Sum256(append([]byte("turnpike key id\x00"), key...))
	return &Vault{id: hex.EncodeToString(sum[:8]), aead: aead}, nil
}

// KeyID names the key; it is part of every sealed value.
func (v *Vault) KeyID() string { return v.id }

// Seal encrypts plaintext. aad is where the value belongs, for example the
// table and row: a sealed value copied elsewhere does not open there.
func (v *Vault) Seal(plaintext []byte, aad string) string {
	sealed := v.aead.Seal(nil, nil, plaintext, v.bind(aad)) //nolint:gosec // This AEAD makes its own nonce.
	return version + "." + v.id + "." + base64.RawURLEncoding.EncodeToString(sealed)
}

// Unseal decrypts what Seal made with the same aad.
func (v *Vault) Unseal(sealed, aad string) ([]byte, error) {
	head, rest, _ := strings.Cut(sealed, ".")
	id, body, ok := strings.Cut(rest, ".")
	if head != version || !ok {
		return nil, ErrDamaged
	}
	if id != v.id {
		return nil, ErrOtherKey
	}
	// Strict, so that one value has one spelling only.
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || strings.ContainsAny(body, "\r\n") {
		return nil, ErrDamaged
	}
	plaintext, err := v.aead.Open(nil, nil, raw, v.bind(aad))
	if err != nil {
		return nil, ErrDamaged
	}
	return plaintext, nil
}

// bind is the additional data: the visible head of the value is protected too.
func (v *Vault) bind(aad string) []byte {
	return []byte(version + "." + v.id + "." + aad)
}

// Format keeps the key out of anything printed.
func (v *Vault) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "vault(%s)", v.id) }

func newKey() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails, see crypto/rand
	return key
}

// encodeKey is the content of the key file.
func encodeKey(key []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(nil, key), '\n')
}

func decodeKey(content []byte) ([]byte, error) {
	key, err := base64.StdEncoding.Strict().AppendDecode(nil, bytes.TrimSpace(content))
	if err != nil || len(key) != keySize {
		return nil, errors.New("the file does not hold 32 bytes in base64; restore it from a backup, " +
			"or remove it if nothing was sealed with it yet")
	}
	return key, nil
}
