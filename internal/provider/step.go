package provider

import "strings"

// Step tells whether s can stand in a path of Google's as one step of it.
func Step(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '_', c == '@':
		default:
			return false
		}
	}
	return strings.Trim(s, ".") != ""
}
