// Package redistest gives tests the Redis that scripts/test.sh has started.
package redistest

import (
	"os"
	"testing"
)

// URL is its address, by TURNPIKE_TEST_REDIS. Without one the test is skipped and
// says so; in continuous integration it fails.
func URL(t testing.TB) string {
	t.Helper()
	url := os.Getenv("TURNPIKE_TEST_REDIS")
	switch {
	case url != "":
	case os.Getenv("CI") == "true":
		t.Fatal("no Redis: TURNPIKE_TEST_REDIS is not set")
	default:
		t.Skip("no Redis: TURNPIKE_TEST_REDIS is not set")
	}
	return url
}
