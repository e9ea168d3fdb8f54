package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"
)

// Fernet reads and writes Fernet tokens (https://github.com/fernet/spec): AES-128-CBC
// with an HMAC-SHA256 over all of it. It is for values that other programs keep
// in that form; what the gateway keeps itself is sealed by a Vault. A token's time
// says when it was made, and nothing here expires by it.
type Fernet struct {
	sign  [16]byte
	block cipher.Block
}

// The parts of a token.
const (
	fernetVersion = 0x80
	fernetHead    = 1 + 8 + aes.BlockSize // version, time, initialisation vector
	fernetMAC     = sha256.Size
	maxFernet     = 64 << 10 // characters of a token that is read
)

// What can be wrong with Fernet values.
var (
	ErrFernetKey   = errors.New("not a Fernet key: it is 32 bytes in base64url")
	ErrFernetToken = errors.New("the Fernet token is damaged, or was made with another key")
)

// NewFernet takes a key as it is written down.
func NewFernet(key string) (*Fernet, error) {
	raw, err := fernetText(strings.TrimSpace(key))
	if err != nil || len(raw) != 32 {
		return nil, ErrFernetKey
	}
	return fernetOf(raw)
}

// FernetFrom derives the key from a secret by PBKDF2-HMAC-SHA256.
func FernetFrom(secret, salt string, rounds int) (*Fernet, error) {
	raw, err := pbkdf2.Key(sha256.New, secret, []byte(salt), rounds, 32)
	if err != nil {
		return nil, err
	}
	return fernetOf(raw)
}

func fernetOf(raw []byte) (*Fernet, error) {
	block, err := aes.NewCipher(raw[16:])
	if err != nil {
		return nil, err
	}
	return &Fernet{sign: [16]byte(raw), block: block}, nil
}

// Encrypt makes a token.
func (f *Fernet) Encrypt(plaintext []byte, at time.Time) string {
	var iv [aes.BlockSize]byte
	_, _ = rand.Read(iv[:]) // never fails, see crypto/rand
	return f.encrypt(plaintext, at, iv)
}

func (f *Fernet) encrypt(plaintext []byte, at time.Time, iv [aes.BlockSize]byte) string {
	pad := aes.BlockSize - len(plaintext)%aes.BlockSize // PKCS #7: 1 to 16 bytes
	token := make([]byte, fernetHead, fernetHead+len(plaintext)+pad+fernetMAC)
	token[0] = fernetVersion
	binary.BigEndian.PutUint64(token[1:], uint64(at.Unix())) //nolint:gosec // past 1970
	copy(token[9:], iv[:])
	token = append(token, plaintext...)
	for range pad {
		token = append(token, byte(pad))
	}
	cipher.NewCBCEncrypter(f.block, iv[:]).CryptBlocks(token[fernetHead:], token[fernetHead:])
	return base64.URLEncoding.EncodeToString(append(token, f.mac(token)...))
}

// Decrypt opens a token and tells when it was made.
func (f *Fernet) Decrypt(token string) (plaintext []byte, made time.Time, err error) {
	if len(token) > maxFernet {
		return nil, time.Time{}, ErrFernetToken
	}
	raw, err := fernetText(token)
	body := len(raw) - fernetHead - fernetMAC
	if err != nil || body < aes.BlockSize || body%aes.BlockSize != 0 || raw[0] != fernetVersion {
		return nil, time.Time{}, ErrFernetToken
	}
	signed, mac := raw[:len(raw)-fernetMAC], raw[len(raw)-fernetMAC:]
	if !hmac.Equal(mac, f.mac(signed)) {
		return nil, time.Time{}, ErrFernetToken
	}
	plaintext = signed[fernetHead:]
	cipher.NewCBCDecrypter(f.block, raw[9:fernetHead]).CryptBlocks(plaintext, plaintext)
	pad := int(plaintext[body-1])
	if pad < 1 || pad > aes.BlockSize {
		return nil, time.Time{}, ErrFernetToken
	}
	want := [aes.BlockSize]byte{}
	for i := range want {
		want[i] = byte(pad)
	}
	if subtle.ConstantTimeCompare(plaintext[body-pad:], want[:pad]) != 1 {
		return nil, time.Time{}, ErrFernetToken
	}
	return plaintext[:body-pad], time.Unix(int64(binary.BigEndian.Uint64(raw[1:])), 0).UTC(), nil //nolint:gosec // signed by who made it
}

func (f *Fernet) mac(b []byte) []byte {
	h := hmac.New(sha256.New, f.sign[:])
	_, _ = h.Write(b)
	return h.Sum(nil)
}

// fernetText reads base64url, strictly, with its padding.
func fernetText(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, ErrFernetToken
	}
	return base64.URLEncoding.Strict().DecodeString(s)
}
