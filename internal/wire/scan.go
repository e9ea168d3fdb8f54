package wire

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// stringEnd returns the offset behind the JSON string whose opening quote is at
// i, -1 where it does not end.
func stringEnd(data []byte, i int) int {
	for at := i + 1; ; {
		if at = quoteFrom(data, at); at < 0 {
			return -1
		}
		slashes := at
		for data[slashes-1] == '\\' { // stops at the opening quote at the latest
			slashes--
		}
		at++
		if (at-1-slashes)%2 == 0 {
			return at
		}
	}
}

// near is how far eight bytes at a time are faster than a call: most quotes are near each
// other, in names, short texts and code.
const near = 64

// quoteFrom returns the offset of the first quote from at on, -1 where there is none.
func quoteFrom(data []byte, at int) int {
	for end := min(at+near, len(data)-7); at < end; at += 8 {
		x := binary.LittleEndian.Uint64(data[at:]) ^ '"'*eachByte
		if found := (x - eachByte) &^ x & highBits; found != 0 {
			return at + bits.TrailingZeros64(found)/8
		}
	}
	n := bytes.IndexByte(data[at:], '"')
	if n < 0 {
		return -1
	}
	return at + n
}

// Constants to look at eight bytes at once: x-eachByte*n has the high bit of a
// byte set if it is less than n, up to the first such byte at least.
const (
	eachByte = 0x0101010101010101
	highBits = 0x80 * eachByte
)

// plainEnd returns the offset of the first byte of s, from i on, that a JSON
// string cannot hold as it is: a control character, a quote, a backslash, or
// part of something other than ASCII.
func plainEnd[T ~string | ~[]byte](s T, i int) int {
	for ; i+8 <= len(s); i += 8 {
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote, slash := x^('"'*eachByte), x^('\\'*eachByte) // zero where there is one
		if odd := (x | (x - ' '*eachByte) | (quote - eachByte) | (slash - eachByte)) & highBits; odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			break
		}
	}
	return i
}

// strictString tells whether body may stand between quotes: every escape is a
// good one, and what must be escaped is.
func strictString(body []byte) bool {
	for i := plainEnd(body, 0); i < len(body); i = plainEnd(body, i) {
		switch c := body[i]; {
		case c >= utf8.RuneSelf:
			i++
		case c == '\\':
			_, n := unescape(body[i:])
			if n == 0 {
				return false
			}
			i += n
		default:
			return false
		}
	}
	return true
}
