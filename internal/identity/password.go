package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// What a password costs: the second of the choices that OWASP's Password Storage Cheat
// Sheet calls equally strong (19 MiB, two passes, one lane).
const (
	hashMemory = 19 * 1024 // KiB
	hashPasses = 2
	hashLanes  = 1
	hashLength = 32
	saltLength = 16
)

const (
	// hashesAtOnce bounds the memory that passwords take.
	hashesAtOnce = 2
	// hashesWaiting bounds those that wait for it.
	hashesWaiting = 32

	minPassword = 12
	maxPassword = 256
)

// ErrCrowded says that too many passwords are being compared.
var ErrCrowded = errors.New("too many people are signing in: try again in a moment")

// hasher compares and makes hashes of passwords, so many at once.
type hasher struct {
	room    chan struct{}
	waiting chan struct{}
	dummy   string // of no password: an account that is not there takes as long as one that is
}

func newHasher() *hasher {
	h := &hasher{room: make(chan struct{}, hashesAtOnce), waiting: make(chan struct{}, hashesWaiting)}
	var key [hashLength]byte
	_, _ = rand.Read(key[:]) // never fails, see crypto/rand
	h.dummy = encode(key[:saltLength], key[:], hashMemory, hashPasses, hashLanes)
	return h
}

// enter waits for room.
func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.waiting <- struct{}{}:
	default:
		return nil, ErrCrowded
	}
	defer func() { <-h.waiting }()
	select {
	case h.room <- struct{}{}:
		return func() { <-h.room }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// CheckPassword tells what is wrong with a new password. Length is what counts; which
// letters it has does not (NIST SP 800-63B, 5.1.1.2).
func CheckPassword(password, login string) error {
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return errors.New("a password is text")
	case n < minPassword:
		return fmt.Errorf("a password has at least %d characters", minPassword)
	case len(password) > maxPassword:
		return fmt.Errorf("a password has at most %d bytes", maxPassword)
	case login != "" && strings.Contains(strings.ToLower(password), strings.ToLower(login)):
		return errors.New("a password does not have the login in it")
	case len(distinct(password)) < 5:
		return errors.New("a password has at least five different characters")
	}
	return nil
}

func distinct(s string) map[rune]bool {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return seen
}

// make hashes a password.
func (h *hasher) make(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	var salt [saltLength]byte
	_, _ = rand.Read(salt[:]) // never fails, see crypto/rand
	key := argon2.IDKey([]byte(password), salt[:], hashPasses, hashMemory, hashLanes, hashLength)
	return encode(salt[:], key, hashMemory, hashPasses, hashLanes), nil
}

// fits tells whether a password is that of a hash; of an empty one, never, and not sooner.
func (h *hasher) fits(ctx context.Context, password, hash string) (bool, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	there := hash != ""
	if !there {
		hash = h.dummy
	}
	if len(password) > maxPassword {
		password, there = "", false
	}
	p, err := decode(hash)
	if err != nil {
		return false, err
	}
	key := argon2.IDKey([]byte(password), p.salt, p.passes, p.memory, p.lanes, hashLength)
	return subtle.ConstantTimeCompare(key, p.key) == 1 && there, nil
}

// encode writes a hash in the form of the reference implementation (PHC string format).
func encode(salt, key []byte, memory, passes uint32, lanes uint8) string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, lanes, b.EncodeToString(salt), b.EncodeToString(key))
}

// phc is a hash with what it costs.
type phc struct {
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

var errHash = errors.New("the hash of a password in the database is damaged: reset it with turnpike accounts reset")

// decode reads what encode wrote, with costs of then, within bounds.
func decode(text string) (p phc, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.lanes); err != nil ||
		p.memory < 8 || p.memory > 256*1024 || p.passes < 1 || p.passes > 16 || p.lanes < 1 || p.lanes > 8 {
		return p, errHash
	}
	b := base64.RawStdEncoding.Strict()
	var bad error
	p.salt, err = b.DecodeString(parts[4])
	p.key, bad = b.DecodeString(parts[5])
	if err != nil || bad != nil || len(p.salt) < 8 || len(p.salt) > 64 || len(p.key) != hashLength {
		return phc{}, errHash
	}
	return p, nil
}
