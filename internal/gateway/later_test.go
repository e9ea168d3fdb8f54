package gateway

import (
	"strings"
	"testing"
)

// TestPlainID: an id becomes a step of a path with the operator's credentials, so it
// can be nothing else.
func TestPlainID(t *testing.T) {
	for id, want := range map[string]bool{
		"resp_047f9036fb333784006a5fe9db456c819095d041b89bf6629e": true, "a-B_9": true,
		"": false, ".": false, "..": false, "a/b": false, "a?b": false, "a%2fb": false, "a b": false, "a#b": false, "ä": false, "a\x00": false,
		strings.Repeat("a", 256): true, strings.Repeat("a", 257): false,
	} {
		if plainID(id) != want {
			t.Errorf("%q: %v", id, !want)
		}
	}
}
