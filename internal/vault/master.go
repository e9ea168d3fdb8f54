package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Master is a key that wraps data keys and is not in the database.
type Master interface {
	// ID names the key; it stands beside every data key it has wrapped.
	ID() string
	// Wrap encrypts a data key for a place, Unwrap decrypts it there.
	Wrap(ctx context.Context, key []byte, place string) (string, error)
	Unwrap(ctx context.Context, wrapped, place string) ([]byte, error)
}

// Local is a master key that this process has in memory: from a file, a variable or
// a store of secrets.
type Local struct{ own key }

// ErrKeyText says how a master key is written.
var ErrKeyText = errors.New("must hold 32 bytes in base64; restore it from a backup, for a new key opens nothing that is stored")

var errKeySize = errors.New("a key has 32 bytes")

// maxMasters bounds the keys of one text: the first and those before it.
const maxMasters = 8

// Masters reads master keys as they are written down: 32 bytes in base64 on a line
// each. The first wraps; those behind it are older ones that still open what they
// have wrapped.
func Masters(text []byte) (list []Master, err error) {
	words := bytes.Fields(text)
	if len(words) == 0 || len(words) > maxMasters {
		return nil, ErrKeyText
	}
	for _, w := range words {
		raw, err := base64.StdEncoding.Strict().DecodeString(string(w))
		if err != nil || len(raw) != keySize {
			return nil, ErrKeyText
		}
		m, err := newLocal(raw)
		clear(raw)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

func newLocal(raw []byte) (*Local, error) {
	// The id tells keys apart; eight bytes of a hash of a random key say
	// nothing about it.
	sum := sha256.Sum256(append([]byte("turnpike key id\x00"), raw...))
	k, err := newKey(byMaster, hex.EncodeToString(sum[:8]), raw)
	if err != nil {
		return nil, err
	}
	return &Local{*k}, nil
}

// ID names the key.
func (m *Local) ID() string { return m.own.id }

// Wrap encrypts a data key.
func (m *Local) Wrap(_ context.Context, key []byte, place string) (string, error) {
	return m.own.seal(key, place), nil
}

// Unwrap decrypts a data key.
func (m *Local) Unwrap(_ context.Context, wrapped, place string) ([]byte, error) {
	body, ok := strings.CutPrefix(wrapped, m.own.head())
	if !ok {
		return nil, ErrDamaged
	}
	return m.own.unseal(body, place)
}

// Format keeps the key out of anything printed.
func (m *Local) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "master(%s)", m.own.id) }

// encode is a key as it is written down.
func encode(raw []byte) []byte { return append(base64.StdEncoding.AppendEncode(nil, raw), '\n') }
