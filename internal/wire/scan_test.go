package wire

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestQuoteFrom: it finds what a plain search does, wherever that is.
func TestQuoteFrom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test's
	letters := []byte("\"!#\x21\x23\x00\xff\xa2ab\\")
	for range 20_000 {
		b := make([]byte, random.IntN(100))
		for i := range b {
			b[i] = letters[min(random.IntN(200), len(letters)-1)]
		}
		at := random.IntN(len(b) + 1)
		want := bytes.IndexByte(b[at:], '"')
		if want >= 0 {
			want += at
		}
		if got := quoteFrom(b, at); got != want {
			t.Fatalf("%q from %d: %d, not %d", b, at, got, want)
		}
	}
}
