// Package scan finds single members in JSON text without decoding it. It is for text whose writer is known: the first place where a
// quoted name is followed by a colon is taken as the member.
package scan

import "bytes"

// Value returns the text from the value of the first member with that name (given with its quotes), or nil.
func Value(b []byte, quoted string) []byte {
	name := []byte(quoted)
	for {
		i := bytes.Index(b, name)
		if i < 0 {
			return nil
		}
		b = b[i+len(name):]
		if rest := space(b); len(rest) > 0 && rest[0] == ':' {
			return space(rest[1:])
		}
	}
}

// String returns the string member with that name as it is written. plain is false when it holds an escape.
func String(b []byte, quoted string) (s []byte, plain, ok bool) {
	v := Value(b, quoted)
	if len(v) == 0 || v[0] != '"' {
		return nil, false, false
	}
	v = v[1:]
	for i := 0; i < len(v); i++ {
		switch v[i] {
		case '"':
			return v[:i], bytes.IndexByte(v[:i], '\\') < 0, true
		case '\\':
			i++
		}
	}
	return nil, false, false
}

// Int returns the integer member with that name.
func Int(b []byte, quoted string) (n int, ok bool) {
	for _, c := range Value(b, quoted) {
		if c < '0' || c > '9' {
			break
		}
		n, ok = n*10+int(c-'0'), true
	}
	return n, ok
}

// True reports whether the member with that name is true.
func True(b []byte, quoted string) bool {
	return bytes.HasPrefix(Value(b, quoted), []byte("true"))
}

func space(b []byte) []byte {
	return bytes.TrimLeft(b, " \t\r\n")
}
