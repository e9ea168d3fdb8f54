package store

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"
)

// crockford is Crockford's base 32 in small letters: no i, l, o and u, and in
// the order of the values, so that ids sort as the bytes do.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID makes an identity such as key_06fq3zq4h8…: the prefix, then 26
// characters of a 48-bit time in milliseconds and 80 random bits. Ids sort by
// the time they were made.
func NewID(prefix string) string { return newID(prefix, time.Now()) }

func newID(prefix string, now time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16) //nolint:gosec // The clock is past 1970.
	_, _ = rand.Read(b[6:])                                        // never fails, see crypto/rand
	return prefix + "_" + crockford.EncodeToString(b[:])
}

// DeclaredID is the identity of what a configuration file declares: the same for the same
// name, whichever gateway makes it.
func DeclaredID(kind, name string) string {
	prefix := kind
	if kind == kindBudget {
		prefix = "bud"
	}
	sum := sha256.Sum256([]byte("declared/" + kind + "/" + name))
	return prefix + "_" + crockford.EncodeToString(sum[:16])
}

// IDTime is when an identity of NewID was made; ok is false for what is none.
func IDTime(id string) (at time.Time, ok bool) {
	_, text, _ := strings.Cut(id, "_")
	b, err := crockford.DecodeString(text)
	if err != nil || len(b) != 16 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b[:8]) >> 16)).UTC(), true //nolint:gosec // 48 bits
}
